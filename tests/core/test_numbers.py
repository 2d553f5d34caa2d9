"""What is a number, and what the numbering plan says of it."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heliograph.core import numbers

ARABIC_INDIC = "+\u0661\u0662\u0660\u0662\u0665\u0665\u0665\u0660\u0661\u0660\u0661"

E164 = ["+12345", "+12025550101", "+447700900123", "+12345678901234567"]
SHORT_CODES = ["123", "3838", "12345", "123456", "1234567", "12345678"]
NEITHER = [
    "",
    "+",
    "+1234",
    "+123456789012345678",
    "12025550101",
    "12",
    "123456789",
    "+1202555010a",
    "+44 (0)20 7946 0018",
    "+44(0)2079460018",
    "+1/202/555/0101",
    "+1,202,555",
    "+1\t202\t5550101",
    "+1\n2025550101",
    "+1 202 555 0101 x12",
    "+ ( - )",
    "+1" + " " * 100 + "2025550101",
    "++12025550101",
    "+12025550101\n",
    "12345\n",
    " +12025550101",
    ARABIC_INDIC,
    "\u0661\u0662\u0663\u0664\u0665",
    "\uff0b12025550101",
    "HELIOGRAPH",
]
CRISIS_LINE = ["988", "+988"]


@pytest.mark.parametrize("text", E164)
def test_e164(text: str) -> None:
    assert numbers.is_e164(text)
    assert not numbers.is_short_code(text)
    assert numbers.normalize_to(text) == numbers.normalize_from(text) == text


@pytest.mark.parametrize("text", SHORT_CODES)
def test_a_short_code_sends_but_is_no_destination(text: str) -> None:
    assert numbers.is_short_code(text)
    assert not numbers.is_e164(text)
    assert numbers.normalize_from(text) == text
    assert numbers.normalize_to(text) is None


@pytest.mark.parametrize("text", CRISIS_LINE)
def test_the_crisis_line_is_a_destination_as_given(text: str) -> None:
    assert numbers.normalize_to(text) == text
    assert numbers.normalize_from(text) is None
    assert not numbers.is_e164(text)


@pytest.mark.parametrize("text", NEITHER)
def test_neither(text: str) -> None:
    assert not numbers.is_e164(text)
    assert not numbers.is_short_code(text)
    assert numbers.normalize_to(text) is None
    assert numbers.normalize_from(text) is None


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+12025550101", "US"),
        ("+14165550123", "CA"),
        ("+18095550123", "DO"),
        ("+447700900123", "GB"),
        ("+41446681800", "CH"),
        ("+77011234567", "KZ"),
        ("+18005550199", "US"),
        ("+15005550006", "US"),
        ("+15551234567", "US"),
        ("+80012345678", None),
        ("+881612345678", None),
        ("+999123456", None),
        ("+00012345", None),
        ("12345", None),
        ("988", None),
        ("HELIOGRAPH", None),
        ("", None),
    ],
)
def test_country(number: str, country: str | None) -> None:
    assert numbers.country_of(number) == country


@pytest.mark.parametrize(
    ("number", "toll_free"),
    [
        ("+18005550199", True),
        ("+18335550199", True),
        ("+448081570192", True),
        ("+80012345678", True),
        ("+12025550101", False),
        ("+15005550006", False),
        ("80012", False),
        ("18005550199", False),
        ("+999123456", False),
    ],
)
def test_toll_free(number: str, toll_free: bool) -> None:
    assert numbers.is_toll_free(number) is toll_free


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+12025550101", "(202) 555-0101"),
        ("+15005550006", "(500) 555-0006"),
        ("+18005550199", "(800) 555-0199"),
        ("+442083661177", "020 8366 1177"),
        ("12345", "12345"),
        ("+999123456", "+999123456"),
        ("HELIOGRAPH", "HELIOGRAPH"),
    ],
)
def test_national_format(number: str, written: str) -> None:
    assert numbers.national_format(number) == written


def test_the_country_is_that_of_the_numbering_plan() -> None:
    """The plan's own answer, for an example of each kind of number in each country."""
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in phonenumbers.PhoneNumberType.values():
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                assert numbers.country_of(number) == phonenumbers.region_code_for_number(example), number


@settings(deadline=None)  # a country's plan is read from disk when first asked for
@given(st.from_regex(r"\+[0-9]{5,17}", fullmatch=True))
def test_the_plan_answers_for_every_number(number: str) -> None:
    assert numbers.is_e164(number)
    country = numbers.country_of(number)
    assert country is None or (len(country) == 2 and country.isalpha() and country.isupper() and country != "ZZ")
    assert numbers.is_toll_free(number) in (True, False)
    assert numbers.national_format(number)


@given(st.text())
def test_no_text_raises(text: str) -> None:
    numbers.country_of(text)
    numbers.is_toll_free(text)
    numbers.national_format(text)


@pytest.mark.parametrize(
    ("digits", "country", "number"),
    [
        ("2025550101", "US", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("07700900001", "GB", "+447700900001"),
        ("7700900001", "GB", "+447700900001"),
        ("447700900001", "GB", "+447700900001"),
        ("0612345678", "FR", "+33612345678"),
        ("3331234567", "IT", "+393331234567"),
        ("06201234567", "HU", "+36201234567"),
        ("89161234567", "RU", "+79161234567"),
        ("20123456", "DK", "+4520123456"),
        ("011442083661177", "US", "+442083661177"),
        ("3838", "US", None),
        ("", "US", None),
        ("123456789012345678901", "DE", None),
    ],
)
def test_digits_dialled_in_a_country(digits: str, country: str, number: str | None) -> None:
    national = numbers.of_country(digits, country)
    assert (national and national.number) == number


@pytest.mark.parametrize(
    ("number", "assigned"),
    [("+12025550101", True), ("+2025550101", False), ("+442083661177", True), ("+999123456", False), ("3838", False)],
)
def test_assigned(number: str, assigned: bool) -> None:
    assert numbers.is_assigned(number) is assigned


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+12025550101", "+120******01"), ("3838", "3*38"), ("988", "***"), ("", "***"), ("HELIOGRAPH", "HELI****PH")],
)
def test_masked(number: str, shown: str) -> None:
    assert numbers.masked(number) == shown


@pytest.mark.parametrize(
    "text",
    [
        "+1 202 555 0101",
        "+1 (202) 555-0101",
        "+1-202-555-0101",
        "+1.202.555.0101",
        "+1 [202] 555 0101 ",
        "+ 1 202 5550101",
        "+1\u00a0202\u202f555\u20110101",
        "+1 \u2013 202 \u2013 555 \u2013 0101",
    ],
)
def test_punctuation_behind_a_plus_is_dropped(text: str) -> None:
    assert numbers.typed(text) == numbers.normalize_to(text) == numbers.normalize_from(text) == "+12025550101"


def test_crisis_line_may_have_punctuation_behind_a_plus() -> None:
    assert numbers.normalize_to("+9-8-8") == "+988"


@pytest.mark.parametrize("text", ["(202) 555-0101", "1 202 555 0101", "12-345", " +12025550101", "tel:+12025550101"])
def test_nothing_is_dropped_without_a_plus_in_front(text: str) -> None:
    assert numbers.typed(text) == text
    assert numbers.normalize_to(text) is numbers.normalize_from(text) is None


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("12065550123", "write +12065550123"),
        ("1 (206) 555-0123", "write +12065550123"),
        ("0044 20 7946 0018", "write +442079460018"),
        (" 12065550123", "write +12065550123, and the + as %2B in a form or a query"),
        ("2065550123", "write + and the country code first, such as +12065550123"),
        ("(206) 555-0123", "write + and the country code first, such as +12065550123"),
        ("+1206555012345678901", "write + and the country code first, such as +12065550123"),
        ("ACME", "write + and the country code first, such as +12065550123"),
        ("", "write + and the country code first, such as +12065550123"),
        ("+44 (0)20 7946 0018", "leave out the zero in brackets"),
        ("1" * 100_000, "write + and the country code first, such as +12065550123"),
    ],
)
def test_advice_says_how_to_write_the_number(text: str, advice: str) -> None:
    assert numbers.advice(text) == advice
