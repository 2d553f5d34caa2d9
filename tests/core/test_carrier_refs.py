"""One key for every spelling of an id, and what two spellings may differ in."""

import pytest

from heliograph.core.carrier_refs import Spelling, fold, is_same, masked


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("77A1", "77a1"),
        ("00077A1", "77a1"),
        ("1f3d5b79-2c4e-4a68-9b0d-7e6f5a4c3b2d", "1F3D5B792C4E4A689B0D7E6F5A4C3B2D"),
        ("SAR-10-1eadf00d-2-1", "sar-10-1EADF00D-2-1"),
        ("0", "000"),
        ("É-1", "É1"),
    ],
)
def test_spellings_of_one_id_share_a_key(one: str, other: str) -> None:
    assert fold(one) == fold(other) == fold(fold(one))


@pytest.mark.parametrize(("one", "other"), [("77A1", "77A2"), ("10", "1"), ("É1", "é1"), ("a b", "ab")])
def test_other_ids_have_other_keys(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("one", "other", "allowed"),
    [
        ("77A1", "77A1", {*Spelling}),
        ("77A1", "77a1", {Spelling.ANY, Spelling.IGNORE_CASE}),
        ("77A1", "077A1", {Spelling.ANY, Spelling.IGNORE_ZEROS}),
        ("77A1", "077a1", {Spelling.ANY}),
    ],
)
def test_spelling_says_what_may_differ(one: str, other: str, allowed: set[Spelling]) -> None:
    assert {spelling for spelling in Spelling if is_same(one, other, spelling)} == allowed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("7", "7"),
        ("77A1", "***1"),
        ("981209300", "9******00"),
        ("+12065550123", "+1******0123"),
        ("1f3d5b79-2c4e-4a68-9b0d-7e6f5a4c3b2d", "1f******-****-****-****-********3b2d"),
    ],
)
def test_masked_text_keeps_its_shape(text: str, shown: str) -> None:
    assert masked(text) == shown
