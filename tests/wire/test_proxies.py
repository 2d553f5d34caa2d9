"""Which client a proxy's headers name, and which are not believed."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.networks import counted_address, listed_networks, parse_networks
from heliograph.wire.proxies import (
    PAIRS_MAX,
    PROXY_HEADER_MAX,
    ProxyHeader,
    ProxyHeaderError,
    forwarded_client,
    forwarded_scheme,
    read_proxy_header,
)

TRUSTED = parse_networks(["10.0.0.0/8", "fd00::/8"])
PROXY = "10.0.0.1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def _v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(body).to_bytes(2, "big") + body


TCP4 = bytes((198, 51, 100, 7, 10, 0, 0, 1)) + (4711).to_bytes(2, "big") + (443).to_bytes(2, "big")
TCP6 = ipaddress.ip_address("2001:db8::7").packed + ipaddress.ip_address("::1").packed + b"\x12\x67\x01\xbb"
MAPPED = ipaddress.ip_address("::ffff:198.51.100.7").packed * 2 + b"\x12\x67\x01\xbb"


HEADERS = [
    (b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n", ("198.51.100.7", 4711)),
    (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", ("2001:db8::7", 4711)),
    (b"PROXY TCP6 ::ffff:198.51.100.7 ::1 4711 443\r\n", ("198.51.100.7", 4711)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", None),
    (_v2(0x21, 0x11, TCP4), ("198.51.100.7", 4711)),
    (_v2(0x21, 0x21, TCP6), ("2001:db8::7", 4711)),
    (_v2(0x21, 0x21, MAPPED), ("198.51.100.7", 4711)),
    (_v2(0x21, 0x11, TCP4 + b"\x04\x00\x03abc"), ("198.51.100.7", 4711)),
    (_v2(0x20, 0x00, b""), None),
    (_v2(0x20, 0x11, TCP4), None),
    (_v2(0x21, 0x00, b""), None),
    (_v2(0x21, 0x31, b"/run/x".ljust(216, b"\0")), None),
]


@pytest.mark.parametrize(("header", "client"), HEADERS)
def test_proxy_header_names_its_client_once_it_is_whole(header: bytes, client: tuple[str, int] | None) -> None:
    assert read_proxy_header(header + b"GET / HTTP/1.1\r\n") == ProxyHeader(client=client, octets=len(header))
    assert [read_proxy_header(header[:size]) for size in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "octets", [b"GET /", b"PROPFIND / HTTP/1.1\r\n", b"\0\0\0\x10", b"\x16\x03\x01", b"\r\n\r\nGET"]
)
def test_connection_without_proxy_header_begins_with_its_own_octets(octets: bytes) -> None:
    assert read_proxy_header(octets) == ProxyHeader(client=None, octets=0)


@pytest.mark.parametrize(
    "octets",
    [
        b"PROXY TCP4 198.51.100.7 10.0.0.1 4711\r\n",
        b"PROXY TCP4 198.51.100.7  10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
        b"PROXY TCP6 198.51.100.7 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 198.51.100.300 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 65536 443\r\n",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 -1 443\r\n",
        b"PROXY UDP4 198.51.100.7 10.0.0.1 4711 443\r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWN" + b" " * 107,
        _v2(0x11, 0x11, TCP4),
        _v2(0x22, 0x11, TCP4),
        _v2(0x21, 0x11, TCP4[:-1]),
        _v2(0x21, 0x21, TCP4),
        _v2(0x21, 0x11, TCP4.ljust(PROXY_HEADER_MAX, b"\0")),
    ],
)
def test_malformed_proxy_header_is_an_error(octets: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        read_proxy_header(octets)


@given(st.binary(max_size=300))
def test_any_octets_are_a_header_none_or_an_error(octets: bytes) -> None:
    for start in (b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11\0", b""):
        try:
            found = read_proxy_header(start + octets)
        except ProxyHeaderError:
            continue
        assert found is None or found.octets <= len(start + octets)


def _for(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), *((b"x-forwarded-for", value.encode()) for value in values)]


def _forwarded(*values: str) -> list[tuple[bytes, bytes]]:
    return [(b"forwarded", value.encode()) for value in values]


CHAINS = [
    (_for("198.51.100.7"), "198.51.100.7"),
    (_for("203.0.113.9, 198.51.100.7"), "198.51.100.7"),
    (_for("203.0.113.9, 198.51.100.7, 10.2.3.4"), "198.51.100.7"),
    (_for("203.0.113.9", "198.51.100.7,10.2.3.4"), "198.51.100.7"),
    (_for("10.9.9.9, 10.2.3.4"), "10.9.9.9"),
    (_for("198.51.100.7:4711"), "198.51.100.7"),
    (_for("[2001:db8::7]:4711"), "2001:db8::7"),
    (_for("[2001:db8::7]"), "2001:db8::7"),
    (_for("2001:DB8::7"), "2001:db8::7"),
    (_for("::ffff:198.51.100.7"), "198.51.100.7"),
    (_for("198.51.100.7, fd00::1"), "198.51.100.7"),
    (_for("garbage, 198.51.100.7"), "198.51.100.7"),
    (_forwarded("for=198.51.100.7"), "198.51.100.7"),
    (_forwarded('For="[2001:db8::7]:4711";proto=https;by=203.0.113.43'), "2001:db8::7"),
    (_forwarded("for=203.0.113.9, for=198.51.100.7; proto=http, for=10.1.1.1"), "198.51.100.7"),
    (_forwarded("for=203.0.113.9", "proto=http;for=198.51.100.7"), "198.51.100.7"),
    (_forwarded('for=198.51.100.7;host="a,b;for=203.0.113.9"'), "198.51.100.7"),
    (_for("198.51.100.7") + _forwarded("for=198.51.100.7"), "198.51.100.7"),
]

UNREADABLE = [
    _for(""),
    _for("198.51.100.7, "),
    _for("198.51.100.7, unknown"),
    _for("198.51.100.7, garbage, 10.1.1.1"),
    _for("198.51.100.300"),
    _for("198.51.100.7 203.0.113.9"),
    _for("198.51.100.7:port"),
    _for("\xe9"),
    _for("198.51.100.7," + ",".join(["10.1.1.1"] * 40)),
    _forwarded("for=unknown"),
    _forwarded("for=_hidden"),
    _forwarded("proto=https"),
    _forwarded("for=198.51.100.7;for=203.0.113.9"),
    _forwarded('for="198.51.100.7'),
    _forwarded("for=198.51.100.7 x"),
    _forwarded(""),
    _for("203.0.113.9") + _forwarded("for=198.51.100.7"),
    _for("203.0.113.9") + _forwarded("for=unknown"),
    [],
]


@pytest.mark.parametrize(("headers", "client"), CHAINS)
def test_client_is_the_last_address_that_is_not_trusted(headers: list[tuple[bytes, bytes]], client: str) -> None:
    assert forwarded_client(headers, PROXY, TRUSTED) == client
    assert forwarded_client(headers, "::ffff:10.0.0.1", TRUSTED) == client


@pytest.mark.parametrize("filler", [",", ";", "by=1;", "for=192.0.2.1,"])
def test_forwarded_with_too_many_pairs_leaves_the_peer(filler: str) -> None:
    headers = _forwarded(filler * PAIRS_MAX + "for=198.51.100.7")
    assert forwarded_client(headers, PROXY, TRUSTED) == PROXY


@pytest.mark.parametrize("headers", UNREADABLE)
def test_unreadable_or_contradicting_headers_leave_the_peer(headers: list[tuple[bytes, bytes]]) -> None:
    assert forwarded_client(headers, PROXY, TRUSTED) == PROXY


@pytest.mark.parametrize("peer", ["198.51.100.66", "", "not an address"])
def test_stranger_is_not_believed(peer: str) -> None:
    for headers, _ in CHAINS:
        assert forwarded_client(headers, peer, TRUSTED) == peer
    assert forwarded_client(_for("198.51.100.7"), PROXY, listed_networks(None)) == PROXY


@given(st.text(alphabet='for=10.198,;"[]:\\ _', max_size=60))
def test_any_header_gives_an_address(text: str) -> None:
    for headers in (_for(text), _forwarded(text)):
        ipaddress.ip_address(forwarded_client(headers, PROXY, TRUSTED))


@pytest.mark.parametrize(
    ("value", "scheme"), [("https", "https"), ("HTTPS, http", "https"), ("http", "http"), (None, None)]
)
def test_forwarded_scheme_is_the_first_proxys(value: str | None, scheme: str | None) -> None:
    assert forwarded_scheme([(b"x-forwarded-proto", value.encode())] if value else []) == scheme


def test_ipv6_addresses_count_by_subscriber() -> None:
    assert counted_address("2001:db8:1:2:3::4") == counted_address("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert counted_address("2001:db8:1:3::4") != counted_address("2001:db8:1:2::4")
    assert counted_address("::ffff:198.51.100.7") == counted_address("198.51.100.7") == "198.51.100.7"
    assert counted_address("") == ""


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/33", "10.0.0.0/8,,::1", "10.0.0.0/8 ::1"])
def test_invalid_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a network"):
        listed_networks(text)
