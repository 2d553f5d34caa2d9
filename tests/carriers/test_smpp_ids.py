"""The keys under which a receipt's message is looked for, and their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.carriers.smpp.ids import LEARNED_MAX, LEARNED_MIN, Ids
from heliograph.core.carrier_refs import fold


@pytest.mark.parametrize(
    ("id_match", "ids", "keys"),
    [
        ("auto", ("0042",), ("42", "2a", "66")),
        ("auto", ("2F",), ("2f", "47")),
        ("auto", ("A-1z",), ("a1z",)),
        ("auto", ("42", "x-1"), ("42", "x1", "2a", "66")),
        ("auto", ("42", "0042"), ("42", "2a", "66")),
        ("exact", ("0042",), ("42",)),
        ("ignore_case", ("X",), ("x",)),
        ("ignore_zeros", ("00X",), ("x",)),
        ("hex_to_decimal", ("0042",), ("2a",)),
        ("hex_to_decimal", ("2F",), ("2f",)),
        ("decimal_to_hex", ("42",), ("66",)),
        ("decimal_to_hex", ("x",), ("x",)),
        ("auto", (), ()),
    ],
)
def test_keys_of_ids(id_match: str, ids: tuple[str, ...], keys: tuple[str, ...]) -> None:
    assert Ids(id_match).sought(ids) == keys  # type: ignore[arg-type]  # one of its values


def test_base_is_learned_from_three_matches() -> None:
    ids = Ids("auto")
    for _ in range(LEARNED_MIN):
        assert ids.sought(["42"])[0] == "42"
        ids.matched(["4096"], "1000")
    assert ids.sought(["42"])[0] == "2a"


def test_base_is_not_learned_where_matches_differ() -> None:
    ids = Ids("auto")
    for _ in range(5):
        ids.matched(["4096"], "1000")
        ids.matched(["4096"], "4096")
    assert ids.sought(["42"])[0] == "42"


def test_carrier_that_changes_its_ways_is_learned_anew() -> None:
    ids = Ids("auto")
    for _ in range(5 * LEARNED_MAX):
        ids.matched(["4096"], "1000")
    for _ in range(2 * LEARNED_MAX):
        ids.matched(["4096"], "4096")
    assert ids.sought(["42"])[0] == "42"


def test_what_tells_nothing_is_not_learned_from() -> None:
    ids = Ids("auto")
    for _ in range(10):
        ids.matched(["x-1"], "X1")
        ids.matched(["4096"], "something else")
        ids.matched([], "1")
    assert ids.sought(["42"])[0] == "42"


@given(
    number=st.integers(0, 2**64), zeros=st.integers(0, 5), answer=st.sampled_from("dxX"), receipt=st.sampled_from("dxX")
)
def test_any_base_case_and_padding_match(number: int, zeros: int, answer: str, receipt: str) -> None:
    spelled = "0" * zeros + format(number, answer)
    assert fold(spelled) in Ids("auto").sought((format(number, receipt),))


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20))
def test_any_id_is_found_as_it_is(message_id: str) -> None:
    for match in ("auto", "exact", "ignore_case", "ignore_zeros"):
        assert fold(message_id) in Ids(match).sought((message_id,))  # type: ignore[arg-type]
