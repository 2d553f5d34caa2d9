"""Delivery receipts: what an SMSC says later of a message that it accepted.

SMPP 3.4 leaves the text to the vendor (Appendix B gives one form), and vendors took the liberty. Rules:

- A receipt is what esm_class calls one (5.2.12: message type 0x04, or 0x20 for one on the way), or what has the TLVs
  receipted_message_id and message_state, which only an SMSC sets. A text alone makes no receipt: anybody could send it.
- The TLVs receipted_message_id, message_state and network_error_code (5.3.2.12, 35, 31) go before the text.
- In the text a field is a name, a colon and a value, in any order and case. What follows `text:` is the customer's
  words: a field in there counts only where the rest has none.

An id is kept as it came; `id_forms` gives those under which it may be known from the submit_sm_resp.
"""

import re
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Final

import msgspec

from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Tag
from heliograph.wire.smpp.text import Alphabet

MESSAGE_TYPE: Final = 0x3C
"""esm_class: the bits that say what kind of message it is (5.2.12)."""
DELIVERY_RECEIPT: Final = 0x04
INTERMEDIATE_NOTIFICATION: Final = 0x20
ID_CHARACTERS_MAX: Final = 255
"""The longest id that is taken for one. The standard's longest is 64."""
ERROR_CHARACTERS_MAX: Final = 32
"""What is kept of an error. Appendix B has three."""
TEXT_CHARACTERS: Final = 20
"""Of the message, in a receipt's text (Appendix B)."""


class MessageState(IntEnum):
    """5.2.28."""

    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it. UNKNOWN is: the SMSC has lost track."""
        return self not in (MessageState.ENROUTE, MessageState.ACCEPTED)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """`error` is the SMSC's own code as it wrote it; dates are as they came, usually YYMMDDhhmm with or without ss."""

    message_id: str
    state: MessageState
    error: str | None = None
    submitted: int | None = None
    delivered: int | None = None
    submit_date: str | None = None
    done_date: str | None = None
    text: str | None = None

    @property
    def detail(self) -> str:
        """For a log line or a timeline: no id, no words of the message."""
        error = "" if self.error is None else f" err:{self.error}"
        return f"stat:{_STATS[self.state]}{error}"


class IdForm(Enum):
    """How a receipt's id is to be read to give the id of the submit_sm_resp."""

    SAME = "same"
    HEX = "hex"
    """The receipt has it in decimal, the response had it in hexadecimal."""
    DECIMAL = "decimal"
    """The receipt has it in hexadecimal, the response had it in decimal."""


def is_receipt(pdu: DeliverSm | DataSm) -> bool:
    """Whether it is one at all; `parse` may still find it unreadable."""
    kind = pdu.esm_class & MESSAGE_TYPE
    if kind in (DELIVERY_RECEIPT, INTERMEDIATE_NOTIFICATION):
        return True
    return kind == 0 and Tag.RECEIPTED_MESSAGE_ID in pdu.tlvs and Tag.MESSAGE_STATE in pdu.tlvs


def parse(pdu: DeliverSm | DataSm) -> Receipt | None:
    """None for what is no receipt, and for one that names no message or no state. Never raises."""
    if not is_receipt(pdu):
        return None
    fields = _fields(_text(pdu))
    message_id = _tlv_id(pdu.tlvs) or fields.get("id", "")
    state = _tlv_state(pdu.tlvs) or state_of(fields.get("stat", ""))
    if not 0 < len(message_id) <= ID_CHARACTERS_MAX or state is None:
        return None
    return Receipt(
        message_id=message_id,
        state=state,
        error=_tlv_error(pdu.tlvs) or fields.get("err", "")[:ERROR_CHARACTERS_MAX] or None,
        submitted=_number(fields.get("sub")),
        delivered=_number(fields.get("dlvrd")),
        submit_date=fields.get("submit date") or None,
        done_date=fields.get("done date") or None,
        text=fields.get("text"),
    )


def compose(receipt: Receipt) -> bytes:
    """The text of Appendix B, in ASCII: what has a place there in other alphabets is "?"."""
    submitted = 1 if receipt.submitted is None else receipt.submitted
    delivered = int(receipt.state is MessageState.DELIVERED) if receipt.delivered is None else receipt.delivered
    words = (receipt.text or "")[:TEXT_CHARACTERS]
    line = (
        f"id:{receipt.message_id} sub:{submitted:03d} dlvrd:{delivered:03d}"
        f" submit date:{receipt.submit_date or ''} done date:{receipt.done_date or ''}"
        f" stat:{_STATS[receipt.state]} err:{receipt.error or '000'} text:{words}"
    )
    return line.encode("ascii", "replace")


def compose_tlvs(receipt: Receipt) -> dict[int, bytes]:
    """The same for those who read the TLVs."""
    return {
        Tag.RECEIPTED_MESSAGE_ID: receipt.message_id.encode("latin-1", "replace") + b"\0",
        Tag.MESSAGE_STATE: bytes((receipt.state,)),
    }


def date(micros: int) -> str:
    """A moment as Appendix B writes it, YYMMDDhhmm, in UTC."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%y%m%d%H%M")


def state_of(stat: str) -> MessageState | None:
    """What a `stat` says: Appendix B's words, their longer and shorter spellings, or the number of 5.2.28."""
    word = re.sub(r"[^A-Z0-9]", "", stat.upper())
    if word.isdecimal():
        return _state(int(word[-3:]))
    return next((state for start, state in _STARTS.items() if word.startswith(start)), None)


def canonical_id(message_id: str) -> str:
    """An id with its letters small and, if it is a number, no zeros before it: how to keep a response's id to look
    it up by `id_forms`."""
    folded = message_id.strip().lower()
    return folded.lstrip("0") or "0" if _is_hex(folded) else folded


def id_forms(message_id: str) -> dict[IdForm, str]:
    """What a receipt's id may be in `canonical_id` form, the likeliest first; those that can't be are left out.

    Which form a carrier uses is always the same: let the first that matches be what is tried first from then on.
    """
    canonical = canonical_id(message_id)
    forms = {IdForm.SAME: canonical}
    if len(canonical) > ID_CHARACTERS_MAX:
        return forms
    if _is_decimal(canonical):
        forms[IdForm.HEX] = f"{int(canonical):x}"
    if _is_hex(canonical):
        forms[IdForm.DECIMAL] = str(int(canonical, 16))
    return forms


_STATS: Final = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}
_STARTS: Final = {
    "DELIV": MessageState.DELIVERED,
    "DLVR": MessageState.DELIVERED,
    "UNDEL": MessageState.UNDELIVERABLE,
    "UNDLV": MessageState.UNDELIVERABLE,
    "NOTDELIV": MessageState.UNDELIVERABLE,
    "FAIL": MessageState.UNDELIVERABLE,
    "EXPIR": MessageState.EXPIRED,
    "DELET": MessageState.DELETED,
    "CANCEL": MessageState.DELETED,
    "ACCEP": MessageState.ACCEPTED,
    "REJ": MessageState.REJECTED,
    "ENR": MessageState.ENROUTE,
    "BUFFER": MessageState.ENROUTE,
    "SCHED": MessageState.ENROUTE,
    "UNKN": MessageState.UNKNOWN,
}

_NAMES: Final = {
    "id": r"(?:(?:message|msg)[ _-]?)?id",
    "submit date": r"submit(?:ted)?[ _-]?(?:date|time)",
    "done date": r"done[ _-]?(?:date|time)",
    "sub": r"sub(?:mitted)?",
    "dlvrd": r"d(?:e)?l(?:i)?v(?:e)?r?(?:e)?d",
    "stat": r"(?:message[ _-]?)?stat(?:us|e)?",
    "err": r"err(?:or)?(?:[ _-]?code)?",
    "text": r"te?xt",
}
_any_name: Final = "|".join(f"(?P<{key.replace(' ', '_')}>{name})" for key, name in _NAMES.items())
_field: Final = re.compile(rf"(?<![a-z0-9])(?:{_any_name})\s*[:=]\s*", re.IGNORECASE)
_is_decimal: Final = re.compile(r"[0-9]+").fullmatch
_is_hex: Final = re.compile(r"[0-9a-f]+").fullmatch


def _text(pdu: DeliverSm | DataSm) -> str:
    """In the default alphabet receipts are written in ASCII whatever it is: `submit_date` has a `_` in there. A NUL is
    no text that a database keeps."""
    incoming = text.read(pdu, Alphabet.LATIN1)
    alphabet = Alphabet.UCS2 if incoming.alphabet is Alphabet.UCS2 else Alphabet.LATIN1
    return text.decode_text(incoming.data, alphabet).replace("\0", " ")


def _fields(line: str) -> dict[str, str]:
    """Each field's value reaches to the next one's name. Of a name that comes twice the first counts, and after
    `text:` the last, for the customer's words come first there."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    names = list(_field.finditer(line))
    ends = [*(name.start() for name in names[1:]), len(line)]
    for name, end in zip(names, ends, strict=False):  # without a name there is one end all the same
        key = str(name.lastgroup).replace("_", " ")
        value = line[name.end() : end]
        if "text" in before:
            after[key] = value.strip(_SPACE)
        elif key == "text":
            before[key] = line[name.end() :].strip(_SPACE)
        else:
            before.setdefault(key, value.strip(_SPACE))
    fields = after | before
    return {key: value if key in _LONG else (value.split() or [""])[0].rstrip(",;") for key, value in fields.items()}


_SPACE: Final = " \t\r\n\0,;"
_LONG: Final = frozenset({"text", "submit date", "done date"})
"""Fields whose value may have spaces."""


def _tlv_id(tlvs: dict[int, bytes]) -> str:
    return tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").split(b"\0")[0].decode("latin-1").strip()


def _tlv_state(tlvs: dict[int, bytes]) -> MessageState | None:
    return _state(int.from_bytes(tlvs.get(Tag.MESSAGE_STATE, b"")[-1:], "big"))


def _tlv_error(tlvs: dict[int, bytes]) -> str | None:
    """5.3.2.31: the kind of network, then its code."""
    octets = tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    return f"{int.from_bytes(octets[1:], 'big'):03d}" if len(octets) == 3 else None


def _state(number: int) -> MessageState | None:
    return MessageState(number) if number in _STATS else None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits and len(digits) < 10 and _is_decimal(digits) else None
