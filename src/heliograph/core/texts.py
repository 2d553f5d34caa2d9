"""Texts from outside, fit to be shown: in a message to a caller, on a timeline, on a terminal.

A terminal obeys control characters, and a reader is deceived by ones that reorder or hide text. Neither is printable
(`str.isprintable`), and nothing here returns one.
"""

from typing import Final

QUOTED_MAX: Final = 60
"""Characters of a caller's value that a message repeats."""


def quoted(value: str, most: int = QUOTED_MAX) -> str:
    """The value in quotes, at most so many characters of it, what is not printable escaped as Python writes it."""
    shown = value[:most]
    if not shown.isprintable():
        shown = "".join(map(_escaped, shown))
    return f"'{shown}...'" if len(value) > most else f"'{shown}'"


def printable(text: str) -> str:
    """The text with "?" in place of each character that is not printable; the line ends of several lines too."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


def printable_lines(text: str) -> str:
    """As `printable`, except that the text keeps its lines."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
