"""The URL that is requested and signed, from the one that was configured; and the official validators of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire import urls
from heliograph.wire.requested import Requested, redirected, requested

CASES = {
    "https://example.com/sms": "https://example.com/sms",
    "https://example.com": "https://example.com/",
    "https://example.com?a=1": "https://example.com/?a=1",
    "https://example.com/cb?": "https://example.com/cb",
    "https://example.com?": "https://example.com/",
    "https://example.com/cb?#tt=500": "https://example.com/cb",
    "https://example.com/cb#tt=500": "https://example.com/cb",
    "https://example.com#tt=500": "https://example.com/",
    "HTTP://EXAMPLE.Com/CB?A=b": "http://example.com/CB?A=b",
    "https://user:p%40ss@example.com/cb": "https://example.com/cb",
    "https://user@example.com": "https://example.com/",
    "http://@example.com/": "http://example.com/",
    "http://example.com:80/cb": "http://example.com/cb",
    "https://example.com:443": "https://example.com/",
    "http://example.com:443/cb": "http://example.com:443/cb",
    "http://example.com:/cb": "http://example.com/cb",
    "http://localhost:08080/cb": "http://localhost:8080/cb",
    "http://[2001:DB8::1]:8080/cb": "http://[2001:db8::1]:8080/cb",
    "http://[::1]:80": "http://[::1]/",
    "http://example.com/gr\u00fc\u00dfe?q=\u00fc&x=%7e": "http://example.com/gr%C3%BC%C3%9Fe?q=%C3%BC&x=%7e",
    "http://b\u00fccher.example/": "http://xn--bcher-kva.example/",
    "http://B\u00dcCHER.example/": "http://xn--bcher-kva.example/",
    "http://example.com/a/../b;c?x=1&&y=[]": "http://example.com/a/../b;c?x=1&&y=[]",
    "http://example.com//a//": "http://example.com//a//",
    "http://example.com/a%2Fb%3f?u=http://x/?y": "http://example.com/a%2Fb%3f?u=http://x/?y",
    "http://example.com/?a=1?": "http://example.com/?a=1?",
    "http://example.com/??": "http://example.com/??",
}


@pytest.mark.parametrize(("configured", "url"), CASES.items())
def test_url_is_the_one_that_is_requested(configured: str, url: str) -> None:
    made = requested(configured)
    assert made.url == url == f"{made.scheme}://{made.authority}{made.target}"
    assert requested(made.url).url == url


@pytest.mark.parametrize(
    ("configured", "authorization"),
    [
        ("http://user:pass@e.com/", "Basic dXNlcjpwYXNz"),
        ("http://user@e.com/", "Basic dXNlcjo="),
        ("http://:pass@e.com/", "Basic OnBhc3M="),
        ("http://%C3%BC:a%3Ab@e.com/", "Basic w7w6YTpi"),
        ("http://a@b:c@e.com/", "Basic YUBiOmM="),
        ("http://e.com/user:pass@", None),
    ],
)
def test_user_name_and_password_become_a_header(configured: str, authorization: str | None) -> None:
    assert requested(configured).authorization == authorization


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/end", "https://e.com:8443/end"),
        ("end?x=1", "https://e.com:8443/a/end?x=1"),
        ("../end", "https://e.com:8443/end"),
        ("?x=1", "https://e.com:8443/a/b?x=1"),
        ("//other.example", "https://other.example/"),
        ("HTTP://Other.example:80", "http://other.example/"),
        ("/a b", "https://e.com:8443/a%20b"),
        ("/gr\u00fc\u00dfe", "https://e.com:8443/gr%C3%BC%C3%9Fe"),
        (" /end ", "https://e.com:8443/end"),
        ("/a%2fb", "https://e.com:8443/a%2fb"),
    ],
)
def test_redirect_leads_to(location: str, url: str) -> None:
    assert redirected(requested("https://user:pass@e.com:8443/a/b?y=2"), location).url == url


def test_relative_redirect_keeps_user_name_and_password() -> None:
    base = requested("https://user:pass@e.com/a")
    assert redirected(base, "/b").authorization == base.authorization
    assert redirected(base, "https://other.example/b").authorization is None


@pytest.mark.parametrize(
    "location", ["ftp://e.com/", "http://a b/", "http://[::1", "javascript:1", "http://e.com:0/", "/\x01"]
)
def test_redirect_to_no_url_is_refused(location: str) -> None:
    with pytest.raises(urls.UrlError):
        redirected(requested("https://e.com/"), location)


@given(st.text())
def test_nothing_but_url_errors_is_raised(text: str) -> None:
    try:
        made: Requested = requested("http://" + text)
    except urls.UrlError:
        return
    assert made.url.isascii() and "\n" not in made.url
