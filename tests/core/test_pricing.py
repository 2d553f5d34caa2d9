"""Money is exact, and nothing that is not an amount becomes one."""

import json
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import pricing

amounts = st.integers(0, pricing.MAX_AMOUNT_MICROS)


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("0.0083", 8_300),
        ("0.00415", 4_150),
        ("0.02", 20_000),
        ("0", 0),
        ("7", 7_000_000),
        ("007.5", 7_500_000),
        ("0.000001", 1),
        ("0.100000", 100_000),
        ("999999999.999999", pricing.MAX_AMOUNT_MICROS),
        (Decimal("0.0083"), 8_300),
        (Decimal("1E+2"), 100_000_000),
        (Decimal("1E-6"), 1),
        (Decimal("-0"), 0),
        (3, 3_000_000),
        (0, 0),
    ],
)
def test_parse_usd(amount: str | Decimal | int, micros: int) -> None:
    assert pricing.parse_usd(amount) == micros


@pytest.mark.parametrize(
    "amount",
    [
        "",
        ".5",
        "5.",
        "-1",
        "+1",
        "1e3",
        " 1",
        "1\n",
        "1,5",
        "1_000",
        "$1",
        "NaN",
        "0.0000001",
        "0.0083000",
        "1000000000",
        "0" * 33,
        "\u0661",
        -1,
        10**9,
        True,
        0.0083,
        1.0,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-0.01"),
        Decimal("0.0000001"),
        Decimal("0.0083000"),
        Decimal("1E+9"),
        Decimal("1E+999999"),
        Decimal("9" * 40),
    ],
)
def test_parse_usd_refuses(amount: str | Decimal | int) -> None:
    with pytest.raises(ValueError, match="amount"):
        pricing.parse_usd(amount)


def test_parse_usd_does_not_round_to_the_decimal_context() -> None:
    with localcontext() as context:
        context.prec = 3
        assert pricing.parse_usd(Decimal("123456.789012")) == 123_456_789_012


@given(amounts)
def test_text_decimal_and_json_number_are_the_same_amount(micros: int) -> None:
    text = f"{micros // 10**6}.{micros % 10**6:06}"
    assert pricing.parse_usd(text) == micros
    assert pricing.parse_usd(Decimal(text)) == micros
    number = json.loads(json.dumps(pricing.to_number(micros)), parse_float=Decimal)
    assert number * 10**6 == micros


@given(st.text())
def test_no_other_text_passes(text: str) -> None:
    try:
        micros = pricing.parse_usd(text)
    except ValueError:
        return
    assert micros == Decimal(text) * 10**6


@pytest.mark.parametrize(("micros", "written"), [(8_300, "0.0083"), (4_150, "0.00415"), (16_600, "0.0166"), (0, "0.0")])
def test_to_number(micros: int, written: str) -> None:
    assert json.dumps(pricing.to_number(micros)) == written


@pytest.mark.parametrize(
    ("inbound", "mms", "segments", "micros", "words"),
    [
        (False, False, 1, 8_300, "Outbound SMS"),
        (False, False, 3, 24_900, "Outbound SMS"),
        (True, False, 1, 4_150, "Inbound SMS"),
        (True, False, 2, 8_300, "Inbound SMS"),
        (False, True, 1, 20_000, "Outbound MMS"),
        (False, True, 9, 20_000, "Outbound MMS"),
        (True, True, 1, 20_000, "Inbound MMS"),
    ],
)
def test_default_rates(inbound: bool, mms: bool, segments: int, micros: int, words: str) -> None:
    assert pricing.price(pricing.Rates(), inbound=inbound, mms=mms, segments=segments) == micros
    assert pricing.description(inbound=inbound, mms=mms) == words


def test_each_charge_has_its_own_rate() -> None:
    rates = pricing.Rates(outbound_sms_micros=1, inbound_sms_micros=2, outbound_mms_micros=3, inbound_mms_micros=4)
    kinds = [(inbound, mms) for mms in (False, True) for inbound in (False, True)]
    assert [pricing.price(rates, inbound=inbound, mms=mms, segments=1) for inbound, mms in kinds] == [1, 2, 3, 4]


@pytest.mark.parametrize("mms", [False, True])
def test_no_segments_have_no_price(mms: bool) -> None:
    with pytest.raises(ValueError, match="at least one segment"):
        pricing.price(pricing.Rates(), inbound=False, mms=mms, segments=0)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("1.", 1_000_000),
        ("0.0083", 8_300),
        ("00.5", 500_000),
        ("0.1234", 123_400),
        ("9" * 32, pricing.MAX_AMOUNT_MICROS),
        ("999999999.9999", 999_999_999_999_900),
    ],
)
def test_parse_max_price(text: str, micros: int) -> None:
    assert pricing.parse_max_price(text) == micros


@pytest.mark.parametrize("text", ["", ".", ".5", "-1", "1.00000", "1..0", "1\n", "1e3", "\u0661", "1\u0661", "9" * 33])
def test_parse_max_price_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="MaxPrice"):
        pricing.parse_max_price(text)


@given(st.from_regex(r"[0-9]{1,9}(\.[0-9]{0,4})?", fullmatch=True))
def test_max_price_is_exact(text: str) -> None:
    assert pricing.parse_max_price(text) == Decimal(text) * 10**6
