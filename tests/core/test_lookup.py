"""What the numbering plan says about a number, for a table of kinds of numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import lookup
from heliograph.core.lookup import Facts


@pytest.mark.parametrize(
    ("number", "country", "location", "type_", "line"),
    [
        ("+12145550101", "US", "Texas", "Fixed Line or Mobile", None),
        ("+14165550101", "CA", "Ontario", "Fixed Line or Mobile", None),
        ("+12025550101", "US", "Washington D.C.", "Fixed Line or Mobile", None),
        ("+17875550101", "PR", "Puerto Rico", "Fixed Line or Mobile", None),
        ("+18005550101", "US", None, "Toll Free", None),
        ("+19005551234", "US", None, "Premium Rate", None),
        ("+442071838750", "GB", "United Kingdom", "Fixed Line", "landline"),
        ("+447400123456", "GB", "United Kingdom", "Mobile", "wireless"),
        ("+4915123456789", "DE", "Germany", "Mobile", "wireless"),
        ("+390612345678", "IT", "Italy", "Fixed Line", "landline"),
        ("+80012345678", None, None, "Toll Free", None),
        ("+881612345678", None, None, "Mobile", "wireless"),
        ("+15551234567", "US", None, None, None),
        ("+999123456", None, None, None, None),
    ],
)
def test_country_location_and_type(
    number: str, country: str | None, location: str | None, type_: str | None, line: str | None
) -> None:
    found = lookup.facts(number)
    assert (found.country, found.location, found.type, found.line) == (country, location, type_, line)


def test_a_leading_zero_is_part_of_the_national_number() -> None:
    assert lookup.facts("+390612345678").national == "0612345678"


def test_a_place_is_only_told_of_what_can_be_a_number() -> None:
    found = lookup.facts("+121455501")
    assert (found.possible, found.location) == (False, None)


def test_a_toll_free_number_has_many_time_zones_and_one_of_no_country_has_none() -> None:
    assert {"America/New_York", "America/Los_Angeles"} < {*lookup.facts("+18005550101").zones}
    assert lookup.facts("+881612345678").zones == ()


def test_of_a_calling_code_that_nobody_has_nothing_is_known() -> None:
    assert lookup.facts("+999123456") == Facts(number="+999123456")


@given(st.from_regex(r"\+[0-9]{5,17}", fullmatch=True))
def test_every_number_has_an_answer(number: str) -> None:
    found = lookup.facts(number)
    assert found.number == number
    assert found.possible or not found.valid
    assert found.national is None or found.national.isdigit()


@pytest.mark.parametrize(("text", "number"), [("+12345", "+12345"), ("1234567", "+1234567"), ("123456", None)])
def test_the_plus_may_be_left_out_of_what_is_longer_than_a_short_code(text: str, number: str | None) -> None:
    assert lookup.number_of(text) == number
