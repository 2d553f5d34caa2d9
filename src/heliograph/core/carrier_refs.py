"""A carrier's ids of messages ("references"), and when two spellings are the same id.

Carriers write one id in several ways: in capitals or small letters, with leading zeros or without, with hyphens or
without. `fold` gives all of these one key, by which a receipt's message is looked for; the store has the same
expression in its indexes (storage/sql/migrations/0011). Two ids may share a key: it finds candidates, not the message.
"""

from enum import StrEnum
from typing import Final

_SMALL: Final = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


class Spelling(StrEnum):
    """How alike two spellings of one id must be."""

    ANY = "any"
    """Their keys are the same."""
    EXACT = "exact"
    IGNORE_CASE = "ignore_case"
    IGNORE_ZEROS = "ignore_zeros"


def fold(reference: str) -> str:
    """The key of an id: ASCII letters small, no hyphens, no leading zeros. "" for an id of zeros or hyphens only."""
    small = reference.lower() if reference.isascii() else reference.translate(_SMALL)
    return small.replace("-", "").lstrip("0")


def is_same(one: str, other: str, spelling: Spelling) -> bool:
    """Whether both are one id, where a carrier's ids may differ no more than `spelling` allows."""
    match spelling:
        case Spelling.EXACT:
            return one == other
        case Spelling.IGNORE_CASE:
            return one.translate(_SMALL) == other.translate(_SMALL)
        case Spelling.IGNORE_ZEROS:
            return one.lstrip("0") == other.lstrip("0")
        case Spelling.ANY:
            return True


def masked(text: str) -> str:
    """An id or number for a log: its length, its separators, its first two and last four characters where it is long
    enough to keep as many hidden."""
    start, end = (2, 4) if len(text) >= 12 else (1, 2) if len(text) >= 6 else (0, 1)
    hidden = ("*" if each.isalnum() else each for each in text[start : len(text) - end])
    return text[:start] + "".join(hidden) + text[len(text) - end :]
