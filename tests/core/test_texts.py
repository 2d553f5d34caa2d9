"""Texts from outside are shown without what a terminal obeys or a reader is deceived by."""

import pytest

from heliograph.core import texts

ESCAPES = "A\x1b]0;owned\x07\x1b[2J"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("not-a-number", "'not-a-number'"),
        ("", "''"),
        ("caf\u00e9", "'caf\u00e9'"),
        (ESCAPES, r"'A\x1b]0;owned\x07\x1b[2J'"),
        ("a\nb\tc", r"'a\nb\tc'"),
        ("\u202e123", r"'\u202e123'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 61, f"'{'x' * 60}...'"),
        ("\x00" * 1_000_000, "'" + r"\x00" * 60 + "...'"),
    ],
)
def test_quoted_value_is_bounded_and_escaped(value: str, shown: str) -> None:
    assert texts.quoted(value) == shown


def test_unprintable_characters_become_question_marks() -> None:
    assert texts.printable(ESCAPES + "\n") == "A?]0;owned??[2J?"
    assert texts.printable_lines("a\x1b[2J\nb\r\u2028c") == "a?[2J\nb??c"
    assert texts.printable("caf\u00e9 \u4e2d") == "caf\u00e9 \u4e2d"
