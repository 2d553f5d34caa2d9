"""The conformance list is whole, true to the tests, and the page is made of it."""

import ast

import differences
import listing
import pytest
import ties
from facts import Row, specification


def test_every_row_has_a_test_or_a_reason() -> None:
    missing = [str(row) for row in specification().rows() if row not in ties.ties() and not differences.of(row)]
    assert missing == []


def test_every_tie_is_to_a_row() -> None:
    rows = set(specification().rows())
    strange = {f"{row} by {tests[0]}" for row, tests in ties.ties().items() if row not in rows}
    assert strange == set()


def test_every_claim_is_written_out_in_a_test() -> None:
    assert ties.stray_claims() == []


def test_every_tie_is_to_a_test() -> None:
    tests = {test for tests in ties.ties().values() for test in tests}
    assert sorted(test for test in tests if not _exists(test)) == []


def test_every_difference_is_of_a_row_and_has_a_reason() -> None:
    rows = set(map(str, specification().rows())) | {row.owner for row in specification().rows()}
    assert [name for name in differences.stated() if name not in rows] == []
    assert [name for name, each in differences.stated().items() if not each.get("reason")] == []


def test_every_row_of_what_is_here_has_a_test() -> None:
    """A difference is shown too, unless the whole operation or object is missing."""
    rows = [row for row in specification().rows() if ties.is_here(row.owner)]
    assert [str(row) for row in rows if row not in ties.ties()] == []


def test_what_is_only_kept_has_a_test() -> None:
    """It is taken and shown, which a test must show like anything else."""
    kept = [row for row in specification().rows() if differences.kept(row)]
    assert len(kept) > 100
    assert [str(row) for row in kept if row not in ties.ties() and not differences.of(row)] == []


def test_the_page_is_current() -> None:
    assert listing.PAGE.read_text("utf-8") == listing.markdown(), f"run: {listing.REFRESH}"


def test_a_row_without_a_test_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list can fail: a row that nothing shows is named."""
    row = Row("cxml.Message", "body")
    found = ties.ties()
    monkeypatch.setattr(ties, "ties", lambda: {each: tests for each, tests in found.items() if each != row})
    with pytest.raises(AssertionError, match=r"cxml\.Message body"):
        test_every_row_has_a_test_or_a_reason()


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    module = ast.parse((listing.ROOT / file).read_text("utf-8"))
    return name in [each.name for each in ties.tests_of(module)]
