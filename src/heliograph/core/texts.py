"""Texts from outside, fit to be shown: in a message to a caller, on a timeline, on a terminal.

A terminal obeys control characters, and a reader is deceived by ones that reorder or hide text. None of them is
printable (`str.isprintable`): what is shown has none, and a name that a client chooses must not have them.
"""

import json
import re
import unicodedata
from typing import Final

_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""C0 and C1 controls, line and paragraph separators, and what overrides the direction of text."""

_INVISIBLE: Final = re.compile(
    "[\N{COMBINING GRAPHEME JOINER}\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}"
    "\N{HALFWIDTH HANGUL FILLER}\N{BRAILLE PATTERN BLANK}\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]"
)
"""Letters, marks and signs without a glyph (Unicode, Default_Ignorable_Code_Point), beside those of _BLANK."""

_BLANK: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
"""General categories without a glyph: controls, format characters such as U+200B and U+FEFF, and separators."""

QUOTED_MAX: Final = 60
"""Characters of a caller's value that a message repeats."""


def quoted(value: str, most: int = QUOTED_MAX) -> str:
    """The value in quotes, at most so many characters of it, what is not printable escaped as Python writes it."""
    shown = value[:most]
    if not shown.isprintable():
        shown = "".join(map(_escaped, shown))
    return f"'{shown}...'" if len(value) > most else f"'{shown}'"


def has_controls(text: str) -> bool:
    """Whether a name has a character that moves a terminal's cursor, breaks a line, or reorders what is read."""
    return _CONTROLS.search(text) is not None


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing of it: it is empty, or all its characters are blanks, controls or invisible."""
    return all(unicodedata.category(each) in _BLANK or _INVISIBLE.match(each) for each in text)


def is_name(text: str, most: int) -> bool:
    """Whether it can be a name: 1 to `most` characters, one of them visible, and no control characters."""
    return len(text) <= most and not is_blank(text) and not has_controls(text)


def escaped_json(document: str) -> str:
    """A JSON document with every character that is not printable escaped, except its own line ends."""
    return "\n".join(
        line if line.isprintable() else "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)
        for line in document.split("\n")
    )


def printable(text: str) -> str:
    """The text with "?" in place of each character that is not printable; the line ends of several lines too."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)


def printable_lines(text: str) -> str:
    """As `printable`, except that the text keeps its lines."""
    return "\n".join(map(printable, text.split("\n")))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
