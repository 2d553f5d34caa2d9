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


@pytest.mark.parametrize(
    "text", ["", " ", "\u00a0", "\ufeff", "\u200b\u200d", "\u3164", "\u2800", "\ufe0f", "\U000e0041"]
)
def test_text_without_a_visible_character_is_blank_and_no_name(text: str) -> None:
    assert texts.is_blank(text) and not texts.is_name(text, 10)


@pytest.mark.parametrize("text", ["a", "\ufeffa", "\U0001f468\u200d\U0001f469", "\u4ed3\u5e93", "\u0301", "\ue000"])
def test_text_with_a_visible_character_is_a_name(text: str) -> None:
    assert not texts.is_blank(text) and texts.is_name(text, 10)


def test_name_that_is_too_long_or_has_controls_is_none() -> None:
    assert not texts.is_name("a" * 11, 10) and not texts.is_name("a\x1b", 10)
