"""Form bodies: what urllib's parser reads, we read alike; what isn't UTF-8, is too much or is a file, we refuse."""

from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.wire import forms

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"To=%2B15551234567&Body=Hello+there%21", {"To": ["+15551234567"], "Body": ["Hello there!"]}),
        (b"MediaUrl=a&To=x&MediaUrl=b", {"MediaUrl": ["a", "b"], "To": ["x"]}),
        (b"Body=&SendAsMms", {"Body": [""], "SendAsMms": [""]}),
        (b"=value&a=b=c", {"": ["value"], "a": ["b=c"]}),
        (b"Body=100%&a=%zz&b=%4", {"Body": ["100%"], "a": ["%zz"], "b": ["%4"]}),
        (b"DateSent%3C=2026-01-01&a;b=1", {"DateSent<": ["2026-01-01"], "a;b": ["1"]}),
        ("Body=\u00e9%C3%A9+%F0%9F%98%80".encode(), {"Body": ["\u00e9\u00e9 \U0001f600"]}),
        (b"Body=%EF%BF%BD", {"Body": ["\ufffd"]}),
        (b"Body=a%00b", {"Body": ["a\0b"]}),
    ],
)
def test_reads_fields(body: bytes, fields: dict[str, list[str]]) -> None:
    assert forms.parse(body) == fields


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"%C3=a", b"a=%ED%A0%80", b"a=%C3\xa9", b"a=%EF%BF%BD%FF"])
def test_refuses_what_is_not_utf_8(body: bytes) -> None:
    with pytest.raises(forms.FormError, match="UTF-8"):
        forms.parse(body)


def test_bounds_the_number_of_fields() -> None:
    assert forms.parse(b"a=1&a=2&a=3", max_fields=3) == {"a": ["1", "2", "3"]}
    with pytest.raises(forms.FormError, match="more than 3 fields"):
        forms.parse(b"a=1&a=2&a=3&a=4", max_fields=3)


@given(
    st.lists(st.sampled_from([*"abc=&%+;", "%2B", "%C3%A9", "%e2%82%ac", "%FF", "\u00e9", " ", "\x00"])).map("".join)
)
@example("a=%C3\u00e9")
def test_agrees_with_urllib(text: str) -> None:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(forms.FormError):
            forms.parse(text.encode())
        return
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert forms.parse(text.encode()) == expected


@given(st.binary())
def test_raises_nothing_but_form_errors(body: bytes) -> None:
    try:
        fields = forms.parse(body)
    except forms.FormError:
        return
    assert sum(map(len, fields.values())) == sum(1 for pair in body.split(b"&") if pair)


@given(st.lists(st.tuples(TEXT, TEXT)))
def test_encoding_reads_back(pairs: list[tuple[str, str]]) -> None:
    encoded = forms.encode(pairs)
    assert parse_qsl(encoded.decode("ascii"), keep_blank_values=True) == pairs
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    assert forms.parse(encoded) == fields


def test_encodes_as_browsers_do() -> None:
    assert (
        forms.encode([("From", "+1555"), ("Body", "a b&c=d/\u00e9~*")]) == b"From=%2B1555&Body=a+b%26c%3Dd%2F%C3%A9~%2A"
    )


def test_encodes_a_lone_surrogate_as_a_question_mark() -> None:
    assert forms.encode([("Body", "a\ud800b")]) == b"Body=a%3Fb"


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--b0\r\n" + part + b"\r\n" for part in parts) + b"--b0--\r\n"


def field(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


def test_multipart_reads_text_fields() -> None:
    body = multipart(field("To", "+1555"), field("Body", "a\r\nb \u00e9"), field("M", "1"), field("M", ""))
    assert forms.parse_multipart(body, "b0") == {"To": ["+1555"], "Body": ["a\r\nb \u00e9"], "M": ["1", ""]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"--b0\r\nContent-Disposition: form-data; name=a\r\n\r\n1", id="no end"),
        pytest.param(multipart(field("a", "1"))[:-8], id="cut off"),
        pytest.param(multipart(b"\r\n\r\nvalue"), id="no name"),
        pytest.param(multipart(b'Content-Disposition: form-data; name="f"; filename="x"\r\n\r\n1'), id="file"),
        pytest.param(multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n\xff'), id="not UTF-8"),
        pytest.param(multipart(b'Content-Disposition: form-data; name="\xff"\r\n\r\na'), id="name not UTF-8"),
        pytest.param(
            multipart(b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=nil\r\n\r\na'),
            id="unknown charset",
        ),
        pytest.param(multipart(*[field("a", "1")] * 4), id="too many"),
    ],
)
def test_multipart_refuses_the_rest(body: bytes) -> None:
    with pytest.raises(forms.FormError):
        forms.parse_multipart(body, "b0", max_fields=3)


def typed(kind: str, value: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="a"\r\nContent-Type: ' + kind.encode() + b"\r\n\r\n" + value


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"utf-8"', "us-ascii"])
def test_multipart_text_is_utf_8_whatever_its_part_is_called(charset: str) -> None:
    body = multipart(typed(f"text/plain; charset={charset}", "\u00e9".encode()), typed("application/json", b"1"))
    assert forms.parse_multipart(body, "b0") == {"a": ["\u00e9", "1"]}


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "raw_unicode_escape", "latin-1", "utf-16", "idna", ""])
def test_multipart_takes_no_other_charset(charset: str) -> None:
    with pytest.raises(forms.FormError, match="UTF-8"):
        forms.parse_multipart(multipart(typed(f"text/plain; charset={charset}", b"\\ud800 +2AA-")), "b0")


@pytest.mark.parametrize("boundary", ["", "\u00e9", "b" * 71])
def test_multipart_refuses_a_malformed_boundary(boundary: str) -> None:
    with pytest.raises(forms.FormError, match="boundary"):
        forms.parse_multipart(b"", boundary)


@given(
    st.lists(
        st.sampled_from(
            [b"--b0", b"--", b"\r\n", b"\r\n\r\n", b"Content-Disposition: form-data; name=a", b"\xff", b"a"]
        )
    )
)
def test_multipart_raises_nothing_but_form_errors(pieces: list[bytes]) -> None:
    with suppress(forms.FormError):
        forms.parse_multipart(b"".join(pieces), "b0")
