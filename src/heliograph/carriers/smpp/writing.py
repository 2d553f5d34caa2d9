"""A message as the submit_sm PDUs of its parts, the way one carrier wants them.

The reference that holds parts together comes from the message's id, not from a counter: parts that are sent at a later
try, by another process even, must bear the one of those that are there already.
"""

import zlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from heliograph.carrier_config import CarrierConfig
from heliograph.carriers.smpp import addresses
from heliograph.core.segments import Encoding, Segmentation, segment
from heliograph.ports import Submission
from heliograph.wire.smpp import national_parts
from heliograph.wire.smpp.pdu import SubmitSm, Tag
from heliograph.wire.smpp.text import Alphabet, Coding, LongMode, Outgoing, parts

LATIN1_SINGLE: Final = 140
LATIN1_PART: Final = 134
"""Characters of a message, and of a part, in octets (3GPP TS 23.040, 9.2.3.24.1)."""

_DEFAULT_ALPHABETS: Final = {"latin1": Alphabet.LATIN1, "ascii": Alphabet.ASCII}


class Writer:
    def __init__(self, config: CarrierConfig) -> None:
        self._config = config
        self._write_number = addresses.writer(config)
        self._mode = LongMode(config.long_messages)
        self._codings = {
            Encoding.GSM7: _gsm_coding(config),
            Encoding.UCS2: Coding(Alphabet.UCS2, config.data_coding_ucs2),
        }
        is_gsm = self._codings[Encoding.GSM7].alphabet in (Alphabet.GSM_UNPACKED, Alphabet.GSM_PACKED)
        self._languages = config.national_languages if is_gsm else ()
        self._latin1 = {**self._codings, Encoding.UCS2: Coding(Alphabet.LATIN1, config.data_coding_latin1)}

    def write(self, submission: Submission, now: int) -> list[SubmitSm]:
        """All parts in order. Raises ValueError for what SMPP has no room for. now: microseconds since 1970."""
        source_ton, source_npi, source = self._write_number(submission.from_number)
        ton, npi, destination = self._write_number(submission.to_number)
        config, options = self._config, submission.options
        service_type, priority, protocol_id = config.service_type, config.priority, config.protocol_id
        if options is not None:
            service_type = service_type if options.service_type is None else options.service_type
            priority = priority if options.priority is None else options.priority
            protocol_id = protocol_id if options.protocol_id is None else options.protocol_id
        validity = self._validity(submission.expires_at, now)
        return [
            SubmitSm(
                service_type=service_type,
                source_addr_ton=source_ton,
                source_addr_npi=source_npi,
                source_addr=source,
                dest_addr_ton=ton,
                dest_addr_npi=npi,
                destination_addr=destination,
                esm_class=part.esm_class,
                protocol_id=protocol_id,
                priority_flag=priority,
                validity_period=validity,
                registered_delivery=config.registered_delivery,
                data_coding=part.data_coding,
                short_message=part.short_message,
                tlvs=self._tlvs(submission, part, number),
            )
            for number, part in enumerate(self._parts(submission), 1)
        ]

    def _parts(self, submission: Submission) -> list[Outgoing]:
        segmentation, codings = segment(submission.body), self._codings
        if self._config.prefer_latin1 and segmentation.encoding is Encoding.UCS2 and _is_latin1(submission.body):
            segmentation, codings = _latin1_segments(submission.body), self._latin1
        reference = zlib.crc32(submission.message_id.encode()) if segmentation.count > 1 else 0
        if self._languages and segmentation.encoding is Encoding.UCS2 and codings is self._codings:
            gsm = codings[Encoding.GSM7]
            national = national_parts.parts(
                segmentation, self._languages, reference=reference, mode=self._mode, coding=gsm
            )
            if national is not None:
                return national
        return parts(segmentation, reference=reference, mode=self._mode, codings=codings)

    def _tlvs(self, submission: Submission, part: Outgoing, number: int) -> dict[int, bytes]:
        """Those of the settings, those that the customer passed on, and those of the part: the later one counts."""
        config, options = self._config, submission.options
        if options is None and not config.tlvs and config.query != "reference":
            return part.tlvs
        tlvs = {**config.tlvs, **(options.tlvs if options is not None else {}), **part.tlvs}
        if config.query == "reference":
            tlvs[Tag.USER_MESSAGE_REFERENCE] = query_reference(submission.message_id, number)
        return tlvs

    def _validity(self, expires_at: int, now: int) -> str:
        """validity_period (SMPP 3.4, 7.1.1)."""
        if not expires_at or self._config.validity == "none":
            return ""
        if self._config.validity == "relative":
            return _relative(max(1, (expires_at - now) // 1_000_000))
        return _absolute(expires_at // 1_000_000)


def query_reference(message_id: str, part: int) -> bytes:
    """What user_message_reference says of a submit where a carrier can be asked by it: the message's id and the part.

    The standard gives it two octets (5.3.2.17), in which every 300th message would be taken for another."""
    try:
        return UUID(message_id).bytes + bytes((part,))
    except ValueError:
        return message_id.encode()[:64] + bytes((part,))


def _gsm_coding(config: CarrierConfig) -> Coding:
    if config.data_coding_gsm == 0 and config.default_alphabet in _DEFAULT_ALPHABETS:
        return Coding(_DEFAULT_ALPHABETS[config.default_alphabet], 0)
    packed = config.gsm == "packed"
    return Coding(Alphabet.GSM_PACKED if packed else Alphabet.GSM_UNPACKED, config.data_coding_gsm)


def _is_latin1(text: str) -> bool:
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _latin1_segments(body: str) -> Segmentation:
    """Called UCS-2, in whose place it goes."""
    if len(body) <= LATIN1_SINGLE:
        return Segmentation(encoding=Encoding.UCS2, parts=(body,), units=(len(body),))
    cut = tuple(body[start : start + LATIN1_PART] for start in range(0, len(body), LATIN1_PART))
    return Segmentation(encoding=Encoding.UCS2, parts=cut, units=tuple(map(len, cut)))


@lru_cache(maxsize=1024)
def _relative(seconds: int) -> str:
    """YYMMDDhhmmss000R, counted in days: the longest validity that anybody asks for is two."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{min(day, 99):02}{hour:02}{minute:02}{second:02}000R"


@lru_cache(maxsize=1024)
def _absolute(seconds: int) -> str:
    """YYMMDDhhmmss, tenths, and the distance from UTC in quarters of an hour."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%y%m%d%H%M%S000+")
