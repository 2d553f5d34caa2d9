"""What a client sets on a number, in either family's words, and where its messages then go."""

from typing import Literal

import pytest

from heliograph.core import number_settings
from heliograph.core.directory import Application, Number
from heliograph.core.errors import Fault, Refused
from heliograph.core.number_settings import Checks, Handler

APP = "0aa8f2a5-6b6e-4f5c-9d0f-3f1f6f1f0001"


def url_fault(url: str) -> Literal["invalid", "unsafe"] | None:
    if not url.startswith("http"):
        return "invalid"
    return "unsafe" if "169.254" in url else None


CHECKS = Checks(
    url_fault=url_fault, is_application=lambda given: given == APP, is_system_id=lambda given: given == "acme"
)


def number(settings: dict[str, str | None]) -> Number:
    return Number(
        project_id="p", id="n", number="+15550100", name="", capabilities=("sms",), created_at=0, updated_at=0,
        settings=settings,
    )  # fmt: skip


def application(id: str) -> Application | None:
    settings: dict[str, str | None] = {"sms_url": "https://app.example/sms", "sms_method": "GET"}
    return (
        Application(project_id="p", id=id, name="a", created_at=0, updated_at=0, settings=settings)
        if id == APP
        else None
    )


def handler(settings: dict[str, str | None]) -> Handler | None:
    return number_settings.inbound_handler(number(settings), application)


def test_both_families_write_the_same_settings() -> None:
    by_cxml = number_settings.changed_by_cxml({}, {"SmsUrl": "https://a.example/", "SmsMethod": "GET"}, CHECKS)
    by_relay = number_settings.changed_by_relay(
        {},
        {
            "message_handler": "laml_webhooks",
            "message_request_url": "https://a.example/",
            "message_request_method": "GET",
        },
        CHECKS,
    )
    assert by_cxml == by_relay
    assert handler(by_cxml) == Handler(kind="cxml", url="https://a.example/", method="GET")


def test_an_application_wins_over_a_url_in_one_cxml_request() -> None:
    settings = number_settings.changed_by_cxml({}, {"SmsUrl": "https://a.example/", "SmsApplicationSid": APP}, CHECKS)
    assert handler(settings) == Handler(kind="cxml", url="https://app.example/sms", method="GET")
    settings = number_settings.changed_by_cxml(settings, {"SmsApplicationSid": ""}, CHECKS)
    assert handler(settings) == Handler(kind="cxml", url="https://a.example/")


def test_a_url_set_by_cxml_takes_a_number_back_from_relay() -> None:
    relay = {"message_handler": "relay_topic", "message_relay_topic": "office", "message_laml_application_id": APP}
    settings = number_settings.changed_by_relay({}, relay, CHECKS)
    assert handler(settings) == Handler(kind="relay", context="office")
    assert handler(number_settings.changed_by_cxml(settings, {"SmsUrl": ""}, CHECKS)) == handler(settings)
    assert handler(number_settings.changed_by_cxml(settings, {"SmsMethod": "GET"}, CHECKS)) == handler(settings)
    settings = number_settings.changed_by_cxml(settings, {"SmsUrl": "https://a.example/"}, CHECKS)
    assert handler(settings) == Handler(kind="cxml", url="https://a.example/")
    assert "sms_application_id" not in settings


def test_an_unrelated_cxml_change_leaves_the_handler_alone() -> None:
    settings: dict[str, str | None] = {"message_handler": "laml_webhooks", "sms_application_id": APP}
    assert number_settings.changed_by_cxml(settings, {"FriendlyName": "x"}, CHECKS) == settings


def test_clearing_the_only_url_leaves_no_handler() -> None:
    settings = number_settings.changed_by_cxml({"sms_url": "https://a.example/"}, {"SmsUrl": ""}, CHECKS)
    assert settings["sms_url"] is None
    assert handler(settings) is None


def test_swml_with_its_fallback() -> None:
    given = {
        "message_handler": "relay_script",
        "message_request_url": "https://a.example/swml",
        "message_fallback_url": "https://b.example/swml",
        "message_fallback_method": "GET",
    }
    assert handler(number_settings.changed_by_relay({}, given, CHECKS)) == Handler(
        kind="swml", url="https://a.example/swml", fallback_url="https://b.example/swml", fallback_method="GET"
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"message_handler": None, "sms_url": "https://a.example/"},
        {"message_handler": "laml_webhooks"},
        {"message_handler": "relay_script", "sms_url": None},
        {"message_handler": "laml_application", "sms_application_id": "gone"},
        {"message_handler": "relay_context"},
    ],
)
def test_what_is_not_set_up_has_no_handler(settings: dict[str, str | None]) -> None:
    assert handler(settings) is None


def test_the_command_lines_bare_url_is_enough() -> None:
    assert handler({"sms_url": "https://a.example/"}) == Handler(kind="cxml", url="https://a.example/")
    assert number_settings.message_handler({"sms_application_id": APP, "sms_url": "x"}) == "laml_application"


def test_every_fault_is_told_in_order() -> None:
    given: dict[str, object] = {
        "SmsApplicationSid": "nobody",
        "SmsUrl": "ftp://a.example/",
        "SmsMethod": "PUT",
        "SmsFallbackUrl": "http://169.254.169.254/",
        "VoiceReceiveMode": "smell",
        "VoiceUrl": 7,
    }
    with pytest.raises(Refused) as caught:
        number_settings.changed_by_cxml({}, given, CHECKS)
    assert [(refusal.fault, refusal.where) for refusal in caught.value.refusals] == [
        (Fault.URL_INVALID, "SmsUrl"),
        (Fault.METHOD_INVALID, "SmsMethod"),
        (Fault.URL_UNSAFE, "SmsFallbackUrl"),
        (Fault.APPLICATION_UNKNOWN, "SmsApplicationSid"),
        (Fault.PARAMETER_INVALID, "VoiceUrl"),
        (Fault.PARAMETER_INVALID, "VoiceReceiveMode"),
    ]


@pytest.mark.parametrize(
    ("handler_name", "missing"),
    [
        ("relay_topic", "message_relay_topic"),
        ("relay_context", "message_relay_context"),
        ("relay_application", "message_relay_application"),
        ("laml_application", "message_laml_application_id"),
    ],
)
def test_a_handler_must_be_told_its_target(handler_name: str, missing: str) -> None:
    with pytest.raises(Refused) as caught:
        number_settings.changed_by_relay({}, {"message_handler": handler_name}, CHECKS)
    assert [refusal.where for refusal in caught.value.refusals] == [missing]


def test_an_applications_callback() -> None:
    made = application(APP)
    assert made is not None
    assert number_settings.application_callback(made) is None
    made.settings["sms_status_callback"] = "https://a.example/cb"
    callback = number_settings.application_callback(made)
    assert callback is not None
    assert (callback.url, callback.method) == ("https://a.example/cb", "POST")


def test_messages_go_to_the_binds_of_a_credential_of_the_project() -> None:
    given = {"message_handler": "smpp_bind", "message_smpp_system_id": "acme"}
    settings = number_settings.changed_by_relay({}, given, CHECKS)
    assert handler(settings) == Handler(kind="smpp", system_id="acme")


def test_a_handler_of_binds_is_refused_without_a_credential_and_with_anothers() -> None:
    for given in ({}, {"message_smpp_system_id": "other"}):
        with pytest.raises(Refused) as refused:
            number_settings.changed_by_relay({}, {"message_handler": "smpp_bind"} | given, CHECKS)
        assert refused.value.refusals[0].where == "message_smpp_system_id"
