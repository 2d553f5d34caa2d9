"""How messages, numbers and ids are written for a carrier, and what its errors mean: the pure parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpp_ground import message

from heliograph.carrier_config import CarrierConfig, Host, StatusRule
from heliograph.carriers.smpp import addresses, statuses
from heliograph.carriers.smpp.bind import reconnect_pause
from heliograph.carriers.smpp.statuses import Kind, judge, receipt_code
from heliograph.carriers.smpp.writing import Writer, query_reference
from heliograph.core.errors import DELIVERY
from heliograph.wire.smpp.pdu import Status, SubmitSm, Tag

NOW = 1_700_000_000_000_000
LONG = "Heliographs flashed sunlight from hill to hill; each signal was read and written down. " * 4


def config(**values: Any) -> CarrierConfig:
    return CarrierConfig(**({"name": "tel", "hosts": (Host("localhost", 2775),), "system_id": "us"} | values))


def written(body: str = "hello", settings: dict[str, Any] | None = None, **values: Any) -> list[SubmitSm]:
    return Writer(config(**(settings or {}))).write(message(body=body, **values), NOW)


# -- text


@pytest.mark.parametrize(
    ("body", "settings", "data_coding", "octets"),
    [
        ("a@[", {}, 0, b"a\x00\x1b\x3c"),
        ("hellohello", {"gsm": "packed"}, 0, bytes.fromhex("e8329bfd4697d9ec37")),
        ("a@", {"data_coding_gsm": 1, "default_alphabet": "latin1"}, 1, b"a\x00"),
        ("a@é", {"default_alphabet": "latin1"}, 0, b"a@\xe9"),
        ("a@", {"default_alphabet": "ascii"}, 0, b"a@"),
        ("é", {"default_alphabet": "ascii"}, 8, b"\x00\xe9"),
        ("ç", {}, 8, b"\x00\xe7"),
        ("ç", {"prefer_latin1": True}, 3, b"\xe7"),
        ("ç", {"prefer_latin1": True, "data_coding_latin1": 0xF1}, 0xF1, b"\xe7"),
        ("ş", {"prefer_latin1": True, "data_coding_ucs2": 0x18}, 0x18, b"\x01\x5f"),
    ],
)
def test_the_alphabet(body: str, settings: dict[str, Any], data_coding: int, octets: bytes) -> None:
    (part,) = written(body, settings)
    assert (part.data_coding, part.short_message) == (data_coding, octets)


def test_latin1_fills_its_octets() -> None:
    assert len(written("ç" * 140, {"prefer_latin1": True})) == 1
    parts = written("ç" * 141, {"prefer_latin1": True})
    assert [len(part.short_message) for part in parts] == [140, 6 + 7]
    assert len(written("ç" * 141)) == 3


@pytest.mark.parametrize("mode", ["udh8", "udh16", "sar", "payload"])
def test_long_messages(mode: str) -> None:
    parts = written(LONG, {"long_messages": mode})
    if mode == "payload":
        (whole,) = parts
        assert (whole.short_message, whole.tlvs[Tag.MESSAGE_PAYLOAD]) == (b"", LONG.encode())
        return
    header = {"udh8": 6, "udh16": 7, "sar": 0}[mode]
    assert b"".join(part.short_message[header:] for part in parts) == LONG.encode()
    assert {part.esm_class for part in parts} == {0x40 if header else 0}
    assert all(len(part.short_message) <= 160 for part in parts)


def test_parts_written_again_are_the_same() -> None:
    assert written(LONG) == written(LONG)
    assert written(LONG, message_id="b")[0].short_message[:6] != written(LONG)[0].short_message[:6]


# -- times


@pytest.mark.parametrize(
    ("validity", "seconds", "period"),
    [
        ("relative", 3600, "000000010000000R"),
        ("relative", 172_800 + 61, "000002000101000R"),
        ("relative", 0, "000000000001000R"),
        ("absolute", 3600, "231114231320000+"),
        ("none", 3600, ""),
    ],
)
def test_validity(validity: str, seconds: int, period: str) -> None:
    (part,) = written(settings={"validity": validity}, expires_at=NOW + seconds * 1_000_000)
    assert part.validity_period == period
    assert written(settings={"validity": validity})[0].validity_period == ""


def test_text_in_a_national_language_table_has_no_more_parts() -> None:
    body = "Ya\u011fmur ya\u011fd\u0131. " * 8  # two parts of UCS-2, one of GSM
    (part,) = written(body, {"national_languages": ("turkish",)})
    assert (part.esm_class, part.data_coding) == (0x40, 0)
    assert part.short_message.startswith(bytes.fromhex("03240101"))
    assert len(written(body)) == 2
    assert len(written(body, {"national_languages": ("spanish",)})) == 2
    assert len(written(body, {"national_languages": ("turkish",), "default_alphabet": "latin1"})) == 2
    assert written("hello", {"national_languages": ("turkish",)})[0].esm_class == 0


# -- numbers


@pytest.mark.parametrize(
    ("number", "settings", "as_written"),
    [
        ("+12025550100", {}, (1, 1, "12025550100")),
        ("+12025550100", {"strip_plus": False, "international_ton": 0}, (0, 1, "+12025550100")),
        ("12345", {}, (3, 0, "12345")),
        ("3838", {}, (3, 0, "3838")),
        ("12345678", {}, (3, 0, "12345678")),
        ("988", {"short_code_ton": 6, "short_code_npi": 1}, (6, 1, "988")),
        ("2025550100", {}, (2, 1, "2025550100")),
        ("HELIOGRAPH", {}, (5, 0, "HELIOGRAPH")),
    ],
)
def test_numbers_written(number: str, settings: dict[str, Any], as_written: tuple[int, int, str]) -> None:
    assert addresses.writer(config(**settings))(number) == as_written


@pytest.mark.parametrize(
    ("ton", "address", "number"),
    [
        (1, "12025550100", "+12025550100"),
        (0, "12025550100", "+12025550100"),
        (0, "0012025550100", "+12025550100"),
        (1, "+12025550100", "+12025550100"),
        (2, "2025550100", "2025550100"),
        (2, "12025550100", "12025550100"),
        (1, "3838", "3838"),
        (0, "1234567", "1234567"),
        (0, "4520123456", "+4520123456"),
        (3, "12345678", "12345678"),
        (3, "12345", "12345"),
        (0, "12345", "12345"),
        (5, "0012025", "0012025"),
        (5, "HELIOGRAPH", "HELIOGRAPH"),
        (0, "", ""),
    ],
)
def test_numbers_read(ton: int, address: str, number: str) -> None:
    assert addresses.read(ton, address, config()) == number


@pytest.mark.parametrize(
    ("country", "ton", "address", "number"),
    [
        ("US", 2, "2025550101", "+12025550101"),
        ("US", 0, "2025550101", "+12025550101"),
        ("US", 1, "2025550101", "+12025550101"),
        ("US", 2, "12025550101", "+12025550101"),
        ("US", 0, "12025550101", "+12025550101"),
        ("US", 1, "12025550101", "+12025550101"),
        ("US", 2, "0012025550101", "+12025550101"),
        ("US", 0, "447911123456", "+447911123456"),
        ("US", 0, "011447911123456", "+447911123456"),
        ("GB", 2, "07911123456", "+447911123456"),
        ("GB", 0, "07911123456", "+447911123456"),
        ("GB", 2, "7911123456", "+447911123456"),
        ("GB", 0, "07700900001", "+447700900001"),
        ("GB", 0, "33612345678", "+33612345678"),
        ("DE", 0, "4915112345678", "+4915112345678"),
        ("DE", 1, "4915112345678", "+4915112345678"),
        ("DE", 0, "015112345678", "+4915112345678"),
        ("DE", 0, "447911123456", "+447911123456"),
        ("DK", 0, "20123456", "+4520123456"),
        ("DK", 2, "20123456", "+4520123456"),
        ("DK", 0, "1234", "1234"),
        ("US", 0, "3838", "3838"),
        ("US", 1, "26468", "26468"),
        ("US", 2, "383838", "383838"),
        ("US", 0, "38383838", "38383838"),
        ("IT", 0, "3331234567", "+393331234567"),
        ("IN", 2, "9876543210", "+919876543210"),
        ("RU", 0, "89161234567", "+79161234567"),
        ("US", 5, "2025550101", "2025550101"),
        ("US", 2, "HELIOGRAPH", "HELIOGRAPH"),
        ("US", 0, "", ""),
    ],
)
def test_national_numbers_read_by_the_carriers_country(country: str, ton: int, address: str, number: str) -> None:
    assert addresses.read(ton, address, config(country=country)) == number


@pytest.mark.parametrize(
    ("country", "ton", "address", "ours"),
    [
        (None, 2, "12025550101", "+12025550101"),
        (None, 0, "0012025550101", "+12025550101"),
        (None, 1, "3838", "3838"),
        (None, 0, "3838", "3838"),
        (None, 1, "12345678", "12345678"),
        ("US", 0, "2025550101", "+12025550101"),
        ("US", 1, "2025550101", "+12025550101"),
        ("US", 3, "2025550101", "+12025550101"),
        ("DE", 0, "4915112345678", "+4915112345678"),
    ],
)
def test_recipient_is_sought_by_every_reading(country: str | None, ton: int, address: str, ours: str) -> None:
    assert ours in addresses.readings(ton, address, config(country=country))


@pytest.mark.parametrize("ton", [0, 1, 2])
def test_national_recipient_without_a_country_is_nobody(ton: int) -> None:
    assert "+12025550101" not in addresses.readings(ton, "2025550101", config())


# -- what errors mean


def test_every_status_of_the_standard_means_something() -> None:
    assert set(statuses.STATUSES) == set(Status) - {Status.ROK}
    assert all(verdict.code in DELIVERY for verdict in statuses.STATUSES.values())


def test_overrides() -> None:
    rules = {0x58: StatusRule("permanent", 30007), 0x400: StatusRule("throttled")}
    assert judge(0x58, rules)[:2] == (Kind.PERMANENT, 30007)
    assert judge(0x400, rules).kind is Kind.THROTTLED
    assert judge(0x401, rules) == statuses.OTHER


@given(st.text(max_size=8) | st.none(), st.sampled_from(["EXPIRED", "UNDELIVERABLE", "REJECTED", "DELETED", "X"]))
def test_every_receipt_has_a_code_of_the_catalogue(error: str | None, state: str) -> None:
    assert receipt_code(state, error) in DELIVERY


def test_references_of_parts_differ() -> None:
    first = query_reference("0190b6a2-7e1c-7d3a-9f00-0123456789ab", 1)
    assert len(first) == 17
    assert first != query_reference("0190b6a2-7e1c-7d3a-9f00-0123456789ab", 2)
    assert query_reference("no uuid", 1) == b"no uuid\x01"


# -- pauses


def test_pauses_double_up_to_the_longest_and_stray_by_half() -> None:
    carrier = config(reconnect_seconds=1.0, reconnect_max_seconds=60.0)
    assert [reconnect_pause(carrier, attempt, 0.0) for attempt in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert reconnect_pause(carrier, 1000, 0.0) == 60
    assert reconnect_pause(carrier, 2, 0.5) == 3
    assert reconnect_pause(carrier, 0, 0.0, for_good=True) == 60
