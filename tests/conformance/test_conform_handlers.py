"""Whom a number's settings have asked when a message arrives: in both families, directly and by an application."""

from collections.abc import Callable
from typing import Any

import claims
import pytest

from caller import NUMBERS, Caller
from servers import Answer, Sink

NOTHING = Answer(body=b"<Response/>", content_type="text/xml")
BROKEN = Answer(status=500)

Asked = Callable[[], tuple[str, str]]


@pytest.fixture
def urls(receiver: Sink, path: str) -> tuple[str, str]:
    """Of a handler that fails, and of one that does nothing."""
    return receiver.answer(f"{path}/first", BROKEN), receiver.answer(f"{path}/second", NOTHING)


@pytest.fixture
def asked(api: Caller, number: dict[str, Any], receiver: Sink, path: str) -> Asked:
    """Brings a message to the number, and tells by which methods the handler and the fallback were asked."""

    def bring() -> tuple[str, str]:
        before = len(receiver.received(f"{path}/first"))
        api.received("Hello", to=number["phone_number"])
        first, second = (receiver.received(f"{path}/{each}")[before:] for each in ("first", "second"))
        assert (len(first), len(second)) == (1, 1)
        return first[0].method, second[0].method

    return bring


def test_the_urls_of_a_number(api: Caller, number: dict[str, Any], urls: tuple[str, str], asked: Asked) -> None:
    form = {"SmsUrl": urls[0], "SmsMethod": "GET", "SmsFallbackUrl": urls[1], "SmsFallbackMethod": "GET"}
    assert api.ask("POST", number["uri"], form=form).status == 200
    first, second = asked()
    claims.effects(
        "cxml.update_incoming_phone_number",
        {
            "SmsUrl": (first, "GET"),
            "SmsMethod": (first, "GET"),
            "SmsFallbackUrl": (second, "GET"),
            "SmsFallbackMethod": (second, "GET"),
        },
    )


def test_the_urls_of_a_number_in_the_other_family(
    api: Caller, number: dict[str, Any], urls: tuple[str, str], asked: Asked
) -> None:
    body = {
        "message_handler": "laml_webhooks",
        "message_request_url": urls[0],
        "message_request_method": "GET",
        "message_fallback_url": urls[1],
        "message_fallback_method": "GET",
    }
    assert api.ask("PUT", f"{NUMBERS}/{number['sid']}", body=body).status == 200
    first, second = asked()
    claims.effects(
        "rest.update_phone_number",
        {
            "message_handler": (first, "GET"),
            "message_request_url": (first, "GET"),
            "message_request_method": (first, "GET"),
            "message_fallback_url": (second, "GET"),
            "message_fallback_method": (second, "GET"),
        },
    )


def test_the_urls_of_an_application(api: Caller, number: dict[str, Any], urls: tuple[str, str], asked: Asked) -> None:
    """Chosen for the number in either family; changed afterwards, the change holds."""
    made = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "a handler", "SmsUrl": urls[0]}).json()
    form = {"SmsMethod": "GET", "SmsFallbackUrl": urls[1], "SmsFallbackMethod": "GET"}
    assert api.ask("POST", made["uri"], form=form).status == 200
    assert api.ask("POST", number["uri"], form={"SmsApplicationSid": made["sid"]}).status == 200
    first, second = asked()
    claims.effects(
        "cxml.update_application",
        {
            "SmsMethod": (first, "GET"),
            "SmsFallbackUrl": (second, "GET"),
            "SmsFallbackMethod": (second, "GET"),
        },
    )
    claims.effects("cxml.create_application", {"SmsUrl": (first, "GET")})
    claims.effects("cxml.update_incoming_phone_number", {"SmsApplicationSid": (first, "GET")})
    assert api.ask("POST", number["uri"], form={"SmsApplicationSid": ""}).status == 200
    body = {"message_handler": "laml_application", "message_laml_application_id": made["sid"]}
    assert api.ask("PUT", f"{NUMBERS}/{number['sid']}", body=body).status == 200
    claims.effects("rest.update_phone_number", {"message_laml_application_id": (asked(), ("GET", "GET"))})


def test_the_status_callback_of_an_application(api: Caller, receiver: Sink, path: str) -> None:
    form = {"FriendlyName": "told", "SmsStatusCallback": receiver.url(path), "SmsStatusCallbackMethod": "GET"}
    made = api.ask("POST", f"{api.account}/Applications", form=form).json()
    sid = api.delivered(ApplicationSid=made["sid"])["sid"]
    told = receiver.wait_for_request(path)
    claims.effects(
        "cxml.create_application",
        {"SmsStatusCallback": (told.form["MessageSid"], sid), "SmsStatusCallbackMethod": (told.method, "GET")},
    )
