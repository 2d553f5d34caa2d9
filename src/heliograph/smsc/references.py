"""The reference that a Heliograph puts into each submit to a carrier which it can ask by it (carriers.smpp.queries):
17 octets in user_message_reference, its message's id and the part. The standard has two octets there (5.3.2.17), so
that nobody else's is taken for one.

A message that is submitted with one is kept under an idempotency key made of it: the same submit is taken once, and a
query_sm finds it.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from msgspec import Struct

from heliograph.core.message import SmppOptions
from heliograph.wire.smpp.pdu import Tag

OCTETS: Final = 17
_UUID_VERSION: Final = 7

COMPLETE: Final = "complete"
"""The fingerprint of such a key. A message that was sent without some of its parts has no key: the rest may come."""


class Reference(Struct, frozen=True, kw_only=True):
    """message_id: the submitter's. made_at: when it was made, by the submitter's clock, in microseconds."""

    octets: bytes
    message_id: UUID
    part: int

    @property
    def made_at(self) -> int:
        return int.from_bytes(self.octets[:6], "big") * 1000

    def key(self, system_id: str) -> str:
        """The idempotency key of the whole message."""
        return f"smpp:{system_id}:{self.message_id}"


def read(tlvs: Mapping[int, bytes]) -> Reference | None:
    """None where there is none, or one of another kind."""
    octets = tlvs.get(Tag.USER_MESSAGE_REFERENCE, b"")
    if len(octets) != OCTETS or not octets[-1]:
        return None
    message_id = UUID(bytes=octets[:-1])
    if message_id.version != _UUID_VERSION:
        return None
    return Reference(octets=octets, message_id=message_id, part=octets[-1])


def of(options: SmppOptions | None) -> Reference | None:
    return read(options.tlvs) if options is not None else None
