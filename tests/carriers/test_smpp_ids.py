"""The keys under which a receipt's message is looked for, and their order."""

import pytest

from heliograph.carriers.smpp.ids import LEARNED_MAX, LEARNED_MIN, Ids


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
