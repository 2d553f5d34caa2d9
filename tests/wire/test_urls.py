"""URLs: which are accepted, what is cut from them, how long they wait, and which addresses are never called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.addresses import Reach
from heliograph.wire import urls
from heliograph.wire.urls import Timeouts


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "HTTPS://Example.com:8443/a?b=c#rt=1000",
        "https://user:p%40ss@example.com/",
        "http://[2001:db8::1]:80/",
        "http://b\u00fccher.example/\u00e9",
        "http://localhost/",
        "https://example.com/{id}|x",
        "http://e.com/" + "x" * (urls.MAX_URL_LENGTH - 13),
    ],
)
def test_accepts(url: str) -> None:
    assert urls.is_http_url(url)
    assert urls.parse_target(url).url == url.partition("#")[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/path",
        "//example.com/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http:example.com",
        "http://user@/",
        "http://:80/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:x/",
        "http://[::1/",
        "http://[nonsense]/",
        "http://exa mple.com/",
        " http://example.com/",
        "http://example.com/\n",
        "http://example.com/\r\nX: y",
        "http://example.com/\0",
        "http://example.com/\u00a0",
        "http://example.com/\u200b",
        "http://example.com/\ud800",
        "http://example.com\\@10.0.0.1/",
        "http://e.com/" + "x" * (urls.MAX_SENT_URL_LENGTH - 12),
    ],
)
def test_refuses(url: str) -> None:
    assert not urls.is_http_url(url)
    with pytest.raises(urls.UrlError):
        urls.parse_target(url)


def test_a_url_may_be_sent_longer_than_it_may_be_configured() -> None:
    """A GET carries the message's fields behind the URL that was configured."""
    long = "http://e.com/?Body=" + "x" * urls.MAX_URL_LENGTH
    assert not urls.is_http_url(long)
    assert urls.parse_target(long).url == long


@given(st.text())
def test_raises_nothing_but_url_errors(text: str) -> None:
    url = "http://" + text
    if urls.is_http_url(url):
        urls.parse_target(url)
        urls.literal_reached(url, Reach())


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Example.COM/a", "http://example.com:80"),
        ("HTTPS://user:x@example.com", "https://example.com:443"),
        ("https://example.com:8443/?x#y", "https://example.com:8443"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]:80"),
    ],
)
def test_origin(url: str, origin: str) -> None:
    assert urls.parse_target(url).origin == origin


@pytest.mark.parametrize(
    ("fragment", "timeouts"),
    [
        ("", Timeouts(connect_ms=2000, read_ms=5000, total_ms=15000)),
        ("#", Timeouts()),
        ("#ot=1000&rt=2000&tt=9000", Timeouts(connect_ms=1000, read_ms=2000, total_ms=9000)),
        ("#ot=100&rt=100&tt=100", Timeouts(connect_ms=100, read_ms=100, total_ms=100)),
        ("#ot=10000&rt=15000&tt=15000", Timeouts(connect_ms=10000, read_ms=15000, total_ms=15000)),
        ("#ot=99&rt=99&tt=99", Timeouts()),
        ("#ot=10001&rt=15001&tt=15001", Timeouts()),
        ("#rt=300", Timeouts(read_ms=300)),
        ("#rt=-300&ot=1e3&tt=\u0661\u0660\u0660\u0660", Timeouts()),
        ("#rt=+300&ot=_300&tt", Timeouts()),
        ("#section&rc=3&rt=300", Timeouts(read_ms=300)),
        ("#rt=" + "9" * 5000, Timeouts()),
    ],
)
def test_time_limits(fragment: str, timeouts: Timeouts) -> None:
    assert urls.parse_target("https://example.com/" + fragment[:4000]).timeouts == timeouts


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "167772161", "0xa.1", "012.0.0.1", "10.1", "10.0.1", "0xA9FEa9Fe", "169.254.43518", "192.168.1.1.",
     "[::ffff:10.0.0.1]", "[fd00::1]", "0", "0x", "10.0.0.1:8080", "user:x@10.0.0.1", "%31%30.0.0.1",
     "\uff11\uff10.0.0.1", "10\u30020\u30020\u30021"],
)  # fmt: skip
def test_a_literal_is_forbidden_in_any_spelling(host: str) -> None:
    assert not urls.literal_reached(f"http://{host}/", Reach(loopback=True))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]",
     "[::ffff:7f00:1]"],
)  # fmt: skip
def test_a_literal_loopback_is_forbidden_unless_allowed(host: str) -> None:
    assert not urls.literal_reached(f"http://{host}/", Reach())
    assert urls.literal_reached(f"http://{host}/", Reach(loopback=True))


@pytest.mark.parametrize(
    "host", ["example.com", "8.8.8.8", "134744072", "10.example", "0xg", "08.1", "1.2.3.4.5", "256.1", "localhost.com"]
)
def test_names_and_public_literals_pass(host: str) -> None:
    assert urls.literal_reached(f"http://{host}/", Reach())


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("http://e.com/", "http://e.com/?a=%2B1&b=x+y"),
        ("http://e.com/?", "http://e.com/?a=%2B1&b=x+y"),
        ("http://e.com/?q=1", "http://e.com/?q=1&a=%2B1&b=x+y"),
        ("http://e.com/?q=1&#rt=300", "http://e.com/?q=1&a=%2B1&b=x+y#rt=300"),
    ],
)
def test_adds_a_query(url: str, full: str) -> None:
    assert urls.with_query(url, "a=%2B1&b=x+y") == full
    assert urls.with_query(url, "") == url
