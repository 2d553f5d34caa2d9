"""Ids of messages and other rows: UUIDs of version 7, strictly increasing on one node.

Layout (RFC 9562, sections 5.7 and 6.2, method 3: more clock instead of a counter field)::

    48 bits   milliseconds of the Unix epoch
     4 bits   version, 7
    12 bits   the fraction of that millisecond, in 1/4096
     2 bits   variant, binary 10
    62 bits   random

Milliseconds and fraction together are a **tick** of 1/4096 ms. Each id takes the tick of its moment, or the one after
the last id's where that is not greater: so ids made in one microsecond, or after the clock stepped back, still
increase, each with 62 fresh random bits. Only beyond 4 million ids a second would ticks run ahead of the clock.

Text order is id order: "newest first" is the primary key backwards. An id's moment is never before the clock it was
made with, and after a step back of the clock it is later, so the exact time of a row is a column of its own.

Random bits come from the caller and keep nodes apart; they guard nothing. An id that must not be guessed (media,
scripts) is a UUIDv4 and not made here.
"""

import re
from collections.abc import Callable
from typing import Final

_MICROS_PER_MS: Final = 1_000
_TICKS_PER_MS: Final = 4_096
_TICK_BITS: Final = 12
_RANDOM_MASK: Final = (1 << 62) - 1

_is_uuid: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_is_uuid7: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
).fullmatch

_is_account_sid: Final = re.compile(r"[aA][cC][0-9a-fA-F]{32}").fullmatch


class Uuid7Generator:
    """Makes ids that increase whatever the clock does. Not thread-safe: one per event loop."""

    __slots__ = ("_last_tick", "_random")

    def __init__(self, random_bits: Callable[[], int]) -> None:
        """Take ``random_bits``, which returns a non-negative int whose low 62 bits are uniform."""
        self._random = random_bits
        self._last_tick = -1

    def next(self, now_micros: int) -> str:
        """Return a new id in canonical lower-case text, greater than each one before it.

        ``now_micros`` is microseconds of the Unix epoch, from 1970 to the year 10889; it may repeat or step back.
        """
        # _tick, inlined: this runs once for every message accepted.
        tick = -(-now_micros * _TICKS_PER_MS // _MICROS_PER_MS)
        if tick <= self._last_tick:
            tick = self._last_tick + 1
        self._last_tick = tick
        return _text(tick, self._random() & _RANDOM_MASK)

    def after(self, last_id: str) -> None:
        """Make every further id greater than ``last_id``, the newest one stored, when a node starts again.

        Raises ``ValueError`` if that is not a UUID of version 7.
        """
        self._last_tick = max(self._last_tick, _tick_of(last_id))


def floor(now_micros: int) -> str:
    """Return the least id of the millisecond of ``now_micros``: no generator's id of that moment or later is less.

    It bounds a keyset range by time; a moment before 1970 counts as its first.
    """
    return _text(max(0, now_micros // _MICROS_PER_MS) << _TICK_BITS, 0)


def timestamp_micros(uuid7: str) -> int:
    """Return the moment in an id, in microseconds of the Unix epoch.

    Of an id from ``Uuid7Generator`` exactly the one it was made with, unless ids or the clock forced a later tick; of
    any other maker's, right to the millisecond. Raises ``ValueError`` if it is not a UUID of version 7.
    """
    return _tick_of(uuid7) * _MICROS_PER_MS // _TICKS_PER_MS


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID of any version, hyphenated 8-4-4-4-12, in either case."""
    return _is_uuid(text) is not None


def project_id(account: str) -> str:
    """Return the project's id that a client calls its account by: the id itself, or ``AC`` and its 32 hex digits.

    Twilio's clients accept no other account. Either form is read in any case; any other text is returned in lower
    case, and is no project's id.
    """
    if _is_account_sid(account):
        return _hyphenated(account[2:].lower())
    return account.lower()


def _hyphenated(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _text(tick: int, random: int) -> str:
    return "%08x-%04x-7%03x-%04x-%012x" % (  # noqa: UP031 (a quarter faster than an f-string, on the hot path)
        tick >> 28,
        tick >> _TICK_BITS & 0xFFFF,
        tick & 0xFFF,
        0x8000 | random >> 48,
        random & 0xFFFF_FFFF_FFFF,
    )


def _tick_of(uuid7: str) -> int:
    if not _is_uuid7(uuid7):
        raise ValueError(f"not a UUID of version 7: {uuid7!r}")
    return int(uuid7[0:8] + uuid7[9:13] + uuid7[15:18], 16)
