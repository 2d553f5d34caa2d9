"""Signatures: known values, and the acceptance of Twilio's own validator (Node's are asked in tests/clients)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # it ships no types

from heliograph.wire import forms, signature, urls

KEY = "PSK_0123456789abcdef"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
URLS = [
    "https://example.com/sms",
    "https://example.com:8443/sms?a=1&b=2",
    "http://example.com:80/",
    "https://user:secret@example.com/sms?foo=%2Bbar",
    "http://[::1]:8080/sms",
]


def test_form_gives_the_value_of_twilios_documentation() -> None:
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signed = signature.sign_form("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", params.items())
    assert signed == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_json_is_hex_over_url_and_body() -> None:
    # echo -n 'https://example.com/cb{"a":1}' | openssl sha1 -hmac PSK_0123456789abcdef
    signed = signature.sign_json(KEY, "https://example.com/cb", b'{"a":1}')
    assert signed == "4e01fc9cf7676a7e2bf9494718278e26cd81ab70"


@pytest.mark.parametrize("url", URLS)
@given(params=st.dictionaries(TEXT, TEXT))
def test_twilios_validator_accepts_forms(url: str, params: dict[str, str]) -> None:
    signed = signature.sign_form(KEY, url, params.items())
    assert RequestValidator(KEY).validate(url, params, signed)


@given(params=st.lists(st.tuples(st.sampled_from(["MediaUrl", "Media", "a"]), TEXT)))
def test_twilios_validator_accepts_repeated_parameters(params: list[tuple[str, str]]) -> None:
    signed = signature.sign_form(KEY, URLS[0], params)
    assert RequestValidator(KEY).validate(URLS[0], MultiDict(params), signed)


@pytest.mark.parametrize("url", URLS)
@given(params=st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_twilios_validator_accepts_gets(url: str, params: list[tuple[str, str]]) -> None:
    full = urls.with_query(url, forms.encode(params).decode("ascii"))
    assert RequestValidator(KEY).validate(full, {}, signature.sign_get(KEY, full))


def test_another_key_url_or_value_is_another_signature() -> None:
    signed = signature.sign_form(KEY, URLS[0], [("Body", "hi")])
    assert not RequestValidator("PSK_other").validate(URLS[0], {"Body": "hi"}, signed)
    assert not RequestValidator(KEY).validate(URLS[1], {"Body": "hi"}, signed)
    assert not RequestValidator(KEY).validate(URLS[0], {"Body": "ho"}, signed)


def test_signs_a_lone_surrogate_as_it_is_sent() -> None:
    assert signature.sign_form(KEY, URLS[0], [("Body", "\ud800")]) == signature.sign_form(KEY, URLS[0], [("Body", "?")])
