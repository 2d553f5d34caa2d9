"""Delivery receipts: what an SMSC says later of a message that it accepted.

SMPP 3.4 leaves the text to the vendor (Appendix B gives one form), and vendors took the liberty. Rules:

- A receipt is what esm_class calls one (5.2.12: message type 0x04, or 0x20 for one on the way), or what has the TLVs
  receipted_message_id and message_state, which only an SMSC sets. A text alone makes no receipt: anybody could send it.
- data_coding of a receipt is often that of the message that it is about. So the text is read as data_coding says, and
  where that shows no id and no state, as ASCII, as UCS-2 and as packed septets.
- In the text a field is a name, a colon and a value, in any order and case. What follows `text:` is the customer's
  words, and makes neither an id nor a state; only a text that begins with `text:` is read to its end.
- A state without a name counts where it is the only state word before `text:`.
- The TLVs receipted_message_id, message_state and network_error_code (5.3.2.12, 35, 31) go before the text. An id of
  the text that differs from the TLV's is kept as `other_id`; a state that is not final, or UNKNOWN, gives way to one
  that says what became of the message.

An id is kept as it came; `id_forms` gives those under which it may be known from the submit_sm_resp.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final

import msgspec

from heliograph.core import carrier_refs
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
WORD_CHARACTERS_MAX: Final = 40
"""What is read of a state's value: a word, or a few."""
REMEMBERED: Final = 1000
"""State words and dates read once: carriers say the same again and again."""
STAT_CHARACTERS_MAX: Final = 20
"""What is kept of a state word. Appendix B has seven."""
TEXT_CHARACTERS: Final = 20
"""Of the message, in a receipt's text (Appendix B)."""
TEXT_OCTETS_MAX: Final = 8192
"""What is read of a receipt's text. Appendix B needs some 150; message_payload has room for 64 KB."""


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
    """`error` is the SMSC's own code as it wrote it; dates are as they came, usually YYMMDDhhmm with or without ss.

    message_id: "" where none is named. other_id: the text's, where it is not the TLV's. state: None where `stat`, the
    state word as it was written, is unknown or missing. is_final: whether esm_class says so (5.2.12).
    """

    message_id: str
    state: MessageState | None
    other_id: str = ""
    stat: str = ""
    is_final: bool = True
    error: str | None = None
    submitted: int | None = None
    delivered: int | None = None
    submit_date: str | None = None
    done_date: str | None = None
    text: str | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        if not self.other_id:
            return (self.message_id,) if self.message_id else ()
        return (self.message_id, self.other_id)

    @property
    def detail(self) -> str:
        """For a log line or a timeline: no id, no words of the message."""
        error = "" if self.error is None else f" err:{self.error}"
        return f"stat:{self.stat if self.state is None else _STATS[self.state]}{error}"


class IdForm(Enum):
    """How a receipt's id is to be read to give the id of the submit_sm_resp."""

    SAME = "same"
    HEX = "hex"
    """The receipt has it in decimal, the response had it in hexadecimal."""
    DECIMAL = "decimal"
    """The receipt has it in hexadecimal, the response had it in decimal."""


def is_receipt(pdu: DeliverSm | DataSm) -> bool:
    """Whether it is one at all; it may still name no id or no state."""
    kind = pdu.esm_class & MESSAGE_TYPE
    if kind in (DELIVERY_RECEIPT, INTERMEDIATE_NOTIFICATION):
        return True
    return kind == 0 and Tag.RECEIPTED_MESSAGE_ID in pdu.tlvs and Tag.MESSAGE_STATE in pdu.tlvs


def parse(pdu: DeliverSm | DataSm) -> Receipt | None:
    """None for what is no receipt. Never raises."""
    if not is_receipt(pdu):
        return None
    tlv_id = _tlv_id(pdu.tlvs)
    fields = _read_text(pdu, has_id=bool(tlv_id))
    text_id = _id(fields.get("id", ""))
    stat, by_text = _word(fields.get("stat", "")[:WORD_CHARACTERS_MAX])
    state = _decide(_tlv_state(pdu.tlvs), by_text)
    return Receipt(
        message_id=tlv_id or text_id,
        other_id=text_id if tlv_id and text_id != tlv_id else "",
        state=state,
        stat=stat or _tlv_stat(pdu.tlvs, state),
        is_final=pdu.esm_class & MESSAGE_TYPE != INTERMEDIATE_NOTIFICATION,
        error=_tlv_error(pdu.tlvs) or fields.get("err", "")[:ERROR_CHARACTERS_MAX] or None,
        submitted=_number(fields.get("sub")),
        delivered=_number(fields.get("dlvrd")),
        submit_date=_date(fields.get("submit date")),
        done_date=_date(fields.get("done date")),
        text=fields.get("text"),
    )


def compose(receipt: Receipt) -> bytes:
    """The text of Appendix B, in ASCII: what has a place there in other alphabets is "?"."""
    submitted = 1 if receipt.submitted is None else receipt.submitted
    delivered = int(receipt.state is MessageState.DELIVERED) if receipt.delivered is None else receipt.delivered
    words = (receipt.text or "")[:TEXT_CHARACTERS]
    stat = receipt.stat if receipt.state is None else _STATS[receipt.state]
    line = (
        f"id:{receipt.message_id} sub:{submitted:03d} dlvrd:{delivered:03d}"
        f" submit date:{receipt.submit_date or ''} done date:{receipt.done_date or ''}"
        f" stat:{stat} err:{receipt.error or '000'} text:{words}"
    )
    return line.encode("ascii", "replace")


def compose_tlvs(receipt: Receipt) -> dict[int, bytes]:
    """The same for those who read the TLVs."""
    return {
        Tag.RECEIPTED_MESSAGE_ID: receipt.message_id.encode("latin-1", "replace") + b"\0",
        Tag.MESSAGE_STATE: bytes((receipt.state or MessageState.UNKNOWN,)),
    }


def date(micros: int) -> str:
    """A moment as Appendix B writes it, YYMMDDhhmm, in UTC."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%y%m%d%H%M")


@lru_cache(REMEMBERED)
def moment(date: str, utc_offset_seconds: int = 0) -> int | None:
    """The moment of a date field in microseconds since 1970, by the SMSC's clock; None for what is no date.

    YYMMDDhhmm as in Appendix B, with ss, with a year of four digits, and with signs between.
    """
    digits = re.sub(r"[-/:. T]", "", date)
    if not _is_decimal(digits):
        return None
    for form in _DATES.get(len(digits), ()):
        try:
            read = datetime.strptime(digits, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return (int(read.timestamp()) - utc_offset_seconds) * 1_000_000
    return None


def state_of(stat: str) -> MessageState | None:
    """What a `stat` says: Appendix B's words, their longer and shorter spellings, or the number of 5.2.28."""
    word = plain_word(stat)
    if word.isdecimal():
        return MessageState.ENROUTE if int(word[-3:]) == SCHEDULED else _state(int(word[-3:]))
    if _is_delivered(word):
        return MessageState.DELIVERED
    return next((state for start, state in _STARTS.items() if word.startswith(start)), None)


def plain_word(stat: str) -> str:
    """A state word in capitals, without blanks and signs."""
    return re.sub(r"[^A-Z0-9]", "", stat.upper())


def canonical_id(message_id: str) -> str:
    """The key under which all spellings of an id in one base are found."""
    return carrier_refs.fold(message_id.strip())


def id_forms(message_id: str) -> dict[IdForm, str]:
    """What a receipt's id may be in `canonical_id` form; forms that can't be are left out."""
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
SCHEDULED: Final = 0
"""message_state of SMPP 5.0, 4.7.15: not sent to the handset yet."""

_is_delivered: Final = re.compile(r"DELI?VE?R?E?R?E?D?|DLVR?E?D").fullmatch
"""Not whatever begins so: "DELIVERY FAILED" is no delivery."""
_STARTS: Final = {
    "UNDEL": MessageState.UNDELIVERABLE,
    "UNDLV": MessageState.UNDELIVERABLE,
    "NOTDELIV": MessageState.UNDELIVERABLE,
    "NONDELIV": MessageState.UNDELIVERABLE,
    "FAIL": MessageState.UNDELIVERABLE,
    "EXPIR": MessageState.EXPIRED,
    "DELET": MessageState.DELETED,
    "CANCEL": MessageState.DELETED,
    "ACCEP": MessageState.ACCEPTED,
    "ACK": MessageState.ACCEPTED,
    "REJ": MessageState.REJECTED,
    "ENR": MessageState.ENROUTE,
    "BUF": MessageState.ENROUTE,
    "SCHED": MessageState.ENROUTE,
    "PENDING": MessageState.ENROUTE,
    "QUEUED": MessageState.ENROUTE,
    "UNKN": MessageState.UNKNOWN,
}
"""ACKED and BUFFRED are what Kannel's smppbox writes of a message that its SMSC has accepted."""
_BARE: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?:(?i:DELIVRD|UNDELIV|ACCEPTD|REJECTD|BUFFRED)"
    r"|EXPIRED|DELETED|ENROUTE|UNKNOWN|DELIVERED|UNDELIVERABLE|UNDELIVERED|ACCEPTED|REJECTED|ACKED)(?![A-Za-z0-9_:=-])"
)
"""State words that count without a name before them: those that are no words of a sentence, in any case, the others in
capitals."""
_DATES: Final = {10: ("%y%m%d%H%M",), 12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"), 14: ("%Y%m%d%H%M%S",)}

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
_date_signs: Final = re.compile(r"[-/:.+ 0-9T]*").match
_is_decimal: Final = re.compile(r"[0-9]+").fullmatch
_is_hex: Final = re.compile(r"[0-9a-f]+").fullmatch


def _read_text(pdu: DeliverSm | DataSm, *, has_id: bool) -> dict[str, str]:
    """The fields of the text, read in the first way that shows an id and a state; else in that which shows most."""
    incoming = text.read(pdu, Alphabet.LATIN1)
    most: dict[str, str] = {}
    for line in _readings(incoming.data[:TEXT_OCTETS_MAX], incoming.alphabet):
        fields = _fields(line, has_id=has_id)
        if fields.get("id") and fields.get("stat"):
            return fields
        if len(fields) > len(most):
            most = fields
    return most


def _readings(octets: bytes, alphabet: Alphabet) -> Iterator[str]:
    """As data_coding says; as ASCII; by the place of its NULs, as UCS-2; as packed septets.

    In the default alphabet receipts are written in ASCII whatever it is: `submit_date` has a `_` in there. A NUL is no
    text that a database keeps."""
    for reading in (Alphabet.UCS2, Alphabet.LATIN1) if alphabet is Alphabet.UCS2 else (Alphabet.LATIN1,):
        yield text.decode_text(octets, reading).replace("\0", " ")
    pairs = len(octets) // 2
    if pairs and octets[1 : 2 * pairs : 2].count(0) * 2 > pairs:
        yield octets[: 2 * pairs].decode("utf-16-le", "replace").replace("\0", " ")
    elif pairs and octets[: 2 * pairs : 2].count(0) * 2 > pairs:
        yield octets[: 2 * pairs].decode("utf-16-be", "replace").replace("\0", " ")
    else:
        yield text.decode_text(octets, Alphabet.GSM_PACKED).replace("\0", " ")


def _fields(line: str, *, has_id: bool = False) -> dict[str, str]:
    """Each field's value reaches to the next one's name. Of a name that comes twice the first counts.

    `text:` ends the fields, but where the line begins with it: then the last of each name counts, for the customer's
    words come first, and only where an id and a state are there. `has_id`: a TLV has it, and all is the customer's."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    names = list(_field.finditer(line))
    ends = [*[name.start() for name in names[1:]], len(line)]
    for name, end in zip(names, ends, strict=False):  # without a name there is one end all the same
        key = str(name.lastgroup).replace("_", " ")
        value = line[name.end() : end]
        if "text" in before:
            after[key] = value.strip(_SPACE)
        elif key == "text":
            before[key] = line[name.end() :].strip(_SPACE)
        else:
            before.setdefault(key, value.strip(_SPACE))
    fields = before
    if list(before) == ["text"] and not has_id and after.get("id") and after.get("stat"):
        fields = after | before
    elif not before.get("stat") and (bare := _bare_stat(line[: names[0].start()] if names else line, before)):
        fields = before | {"stat": bare}
    return {key: value if key in _LONG else (value.split() or [""])[0].rstrip(",;") for key, value in fields.items()}


def _bare_stat(start: str, fields: dict[str, str]) -> str | None:
    """The state word that stands without a name before the customer's words, if there is one and no other. start: what
    comes before the fields."""
    values = [value for key, value in fields.items() if key not in ("id", "text")]
    values += [start, fields.get("id", "").partition(" ")[2]]
    words = {found[0] for value in values for found in _BARE.finditer(value)}
    return words.pop() if len(words) == 1 else None


_SPACE: Final = " \t\r\n\0,;"
_LONG: Final = frozenset({"text", "submit date", "done date", "stat"})
"""Fields whose value may have spaces."""


def _id(message_id: str) -> str:
    return message_id if len(message_id) <= ID_CHARACTERS_MAX else ""


def _date(value: str | None) -> str | None:
    """What of a value is a date: a state word without a name may follow it."""
    return value and (_date_signs(value)[0].strip() or None)  # type: ignore[index]  # it matches nothing at the least


@lru_cache(REMEMBERED)
def _word(value: str) -> tuple[str, MessageState | None]:
    """A state's value as a log may have it, and what it says: all of it, or its first word."""
    first = (value.split() or [""])[0]
    return _cleaned(first), state_of(value) or state_of(first)


def _cleaned(word: str) -> str:
    """A state word as a log may have it; digits in a row could be anybody's number."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "", word)
    return re.sub(r"[0-9]{5,}", "*", plain)[:STAT_CHARACTERS_MAX]


def _decide(by_tlv: MessageState | None, by_text: MessageState | None) -> MessageState | None:
    """The one that tells more of what became of the message; the TLV's where both tell as much."""
    if by_tlv is None or by_text is None:
        return by_tlv if by_text is None else by_text
    return by_text if _tells(by_text) > _tells(by_tlv) else by_tlv


def _tells(state: MessageState) -> int:
    if state is MessageState.UNKNOWN:
        return 1
    return 2 if state.is_final else 0


def _tlv_id(tlvs: dict[int, bytes]) -> str:
    return _id(tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").split(b"\0")[0].decode("latin-1").strip())


def _tlv_stat(tlvs: dict[int, bytes], state: MessageState | None) -> str:
    """What stands for the word where a TLV alone has a state, and one that nobody knows."""
    octets = tlvs.get(Tag.MESSAGE_STATE, b"")
    return str(int.from_bytes(octets[-1:], "big")) if octets and state is None else ""


def _tlv_state(tlvs: dict[int, bytes]) -> MessageState | None:
    octets = tlvs.get(Tag.MESSAGE_STATE)
    if not octets:
        return None
    return MessageState.ENROUTE if octets[-1] == SCHEDULED else _state(octets[-1])


def _tlv_error(tlvs: dict[int, bytes]) -> str | None:
    """5.3.2.31: the kind of network, then its code."""
    octets = tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    return f"{int.from_bytes(octets[1:], 'big'):03d}" if len(octets) == 3 else None


def _state(number: int) -> MessageState | None:
    return MessageState(number) if number in _STATS else None


def _number(digits: str | None) -> int | None:
    return int(digits) if digits and len(digits) < 10 and _is_decimal(digits) else None
