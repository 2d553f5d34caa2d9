"""The messages that the carrier took, and what can be read out of a submit."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DataSm, SubmitMulti, SubmitSm, Tag
from heliograph.wire.smpp.receipt import MessageState

Submit = SubmitSm | SubmitMulti | DataSm

KEPT_MAX: Final = 100_000
"""Messages that are remembered, for queries and for tests; about 100 MB. The oldest go."""


class Taken(Struct, kw_only=True):
    """One message that was taken: the submit as it came, and how it goes on.

    at: microseconds since 1970 UTC. final_at: seconds of the carrier's monotonic clock.
    """

    id: str
    at: int
    link: int
    sequence: int
    destination: str
    pdu: Submit
    final_at: float
    final_state: MessageState = MessageState.DELIVERED

    @property
    def source(self) -> str:
        return self.pdu.source_addr

    @property
    def text(self) -> str:
        return text_of(self.pdu)

    @property
    def part(self) -> tuple[int, int, int] | None:
        """(reference, total, part) of a message in several parts."""
        return part_of(self.pdu)

    @property
    def reference(self) -> int | None:
        """user_message_reference."""
        return reference_of(self.pdu)


class Messages:
    """Those that are remembered, by id and by the sender's own reference."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Taken] = OrderedDict()
        self._by_reference: dict[tuple[str, int], str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Taken]:
        return iter(self._by_id.values())

    def keep(self, taken: Taken) -> None:
        self._by_id[taken.id] = taken
        if taken.pdu.tlvs and (reference := taken.reference) is not None:
            self._by_reference[taken.source, reference] = taken.id
        if len(self._by_id) > KEPT_MAX:
            _, oldest = self._by_id.popitem(last=False)
            if oldest.pdu.tlvs and (reference := oldest.reference) is not None:
                key = oldest.source, reference
                if self._by_reference.get(key) == oldest.id:
                    del self._by_reference[key]

    def get(self, message_id: str) -> Taken | None:
        return self._by_id.get(message_id)

    def by_reference(self, source: str, reference: int) -> Taken | None:
        """The last one that this sender gave the reference."""
        return self._by_id.get(self._by_reference.get((source, reference), ""))


def user_data(pdu: Submit) -> bytes:
    """short_message, or message_payload where that carries the text (5.3.2.32)."""
    short = b"" if isinstance(pdu, DataSm) else pdu.short_message
    return short or pdu.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


def reference_of(pdu: Submit) -> int | None:
    value = pdu.tlvs.get(Tag.USER_MESSAGE_REFERENCE)
    return None if value is None else int.from_bytes(value, "big")


def part_of(pdu: Submit) -> tuple[int, int, int] | None:
    """(reference, total, part), by header or TLVs."""
    concat = text.read(pdu).concat
    return None if concat is None else (concat.reference, concat.total, concat.part)


def text_of(pdu: Submit) -> str:
    """The text of this PDU without its header."""
    return text.read(pdu).text
