"""cXML: Applications."""

import uuid

import claims
import pytest
from claims import RFC_2822, UUID

from caller import Caller


def test_an_application(api: Caller) -> None:
    name = f"Application {uuid.uuid4()}"
    sent = {
        "FriendlyName": name,
        "VoiceUrl": "https://example.com/voice",
        "VoiceMethod": "GET",
        "VoiceFallbackUrl": "https://example.com/voice-fallback",
        "VoiceFallbackMethod": "GET",
        "StatusCallback": "https://example.com/status",
        "StatusCallbackMethod": "GET",
        "SmsUrl": "https://example.com/sms",
        "SmsMethod": "GET",
        "SmsFallbackUrl": "https://example.com/sms-fallback",
        "SmsFallbackMethod": "GET",
        "SmsStatusCallback": "https://example.com/sms-status",
        "SmsStatusCallbackMethod": "GET",
    }
    made = claims.answered("cxml.create_application", api.ask("POST", f"{api.account}/Applications", form=sent))
    claims.fields(
        "cxml.Application",
        made,
        {
            "sid": UUID,
            "account_sid": api.project_id,
            "api_version": "2010-04-01",
            "date_created": RFC_2822,
            "date_updated": RFC_2822,
            "friendly_name": name,
            "uri": f"{api.account}/Applications/{made['sid']}",
            "voice_url": sent["VoiceUrl"],
            "voice_method": "GET",
            "voice_fallback_url": sent["VoiceFallbackUrl"],
            "voice_fallback_method": "GET",
            "status_callback": sent["StatusCallback"],
            "status_callback_method": "GET",
            "voice_caller_id_lookup": None,
            "sms_url": sent["SmsUrl"],
            "sms_method": "GET",
            "sms_fallback_url": sent["SmsFallbackUrl"],
            "sms_fallback_method": "GET",
            "sms_status_callback": sent["SmsStatusCallback"],
            "sms_status_callback_method": "GET",
            "message_status_callback": sent["SmsStatusCallback"],
        },
    )
    claims.effects(
        "cxml.create_application",
        {
            "FriendlyName": (made["friendly_name"], name),
            "VoiceUrl": (made["voice_url"], sent["VoiceUrl"]),
            "VoiceMethod": (made["voice_method"], "GET"),
            "VoiceFallbackUrl": (made["voice_fallback_url"], sent["VoiceFallbackUrl"]),
            "VoiceFallbackMethod": (made["voice_fallback_method"], "GET"),
            "StatusCallback": (made["status_callback"], sent["StatusCallback"]),
            "StatusCallbackMethod": (made["status_callback_method"], "GET"),
            "SmsUrl": (made["sms_url"], sent["SmsUrl"]),
            "SmsMethod": (made["sms_method"], "GET"),
            "SmsFallbackUrl": (made["sms_fallback_url"], sent["SmsFallbackUrl"]),
            "SmsFallbackMethod": (made["sms_fallback_method"], "GET"),
            "SmsStatusCallback": (made["sms_status_callback"], sent["SmsStatusCallback"]),
            "SmsStatusCallbackMethod": (made["sms_status_callback_method"], "GET"),
        },
    )
    assert claims.answered("cxml.get_application", api.ask("GET", made["uri"])) == made
    assert api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "another"}).status == 201
    listed = api.ask("GET", f"{api.account}/Applications?FriendlyName={name.replace(' ', '%20')}")
    page = claims.answered("cxml.list_applications", listed)
    claims.fields("cxml.ApplicationList", page, {"applications": [made]})
    claims.effects("cxml.list_applications", {"FriendlyName": (page["applications"], [made])})


def test_an_application_is_changed_and_deleted(api: Caller) -> None:
    made = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "Before"}).json()
    sent = {
        "FriendlyName": "After",
        "VoiceUrl": "https://example.com/v",
        "VoiceMethod": "GET",
        "VoiceFallbackUrl": "https://example.com/vf",
        "VoiceFallbackMethod": "GET",
        "StatusCallback": "https://example.com/s",
        "StatusCallbackMethod": "GET",
        "SmsUrl": "https://example.com/m",
        "SmsMethod": "GET",
        "SmsFallbackUrl": "https://example.com/mf",
        "SmsFallbackMethod": "GET",
        "SmsStatusCallback": "https://example.com/ms",
        "SmsStatusCallbackMethod": "GET",
    }
    claims.answered("cxml.update_application", api.ask("POST", made["uri"], form=sent))
    now = api.get(made["uri"])
    claims.effects(
        "cxml.update_application",
        {
            "FriendlyName": ((made["friendly_name"], now["friendly_name"]), ("Before", "After")),
            "VoiceUrl": ((made["voice_url"], now["voice_url"]), (None, "https://example.com/v")),
            "VoiceMethod": ((made["voice_method"], now["voice_method"]), ("POST", "GET")),
            "VoiceFallbackUrl": (
                (made["voice_fallback_url"], now["voice_fallback_url"]),
                (None, sent["VoiceFallbackUrl"]),
            ),
            "VoiceFallbackMethod": ((made["voice_fallback_method"], now["voice_fallback_method"]), ("POST", "GET")),
            "StatusCallback": ((made["status_callback"], now["status_callback"]), (None, "https://example.com/s")),
            "StatusCallbackMethod": ((made["status_callback_method"], now["status_callback_method"]), ("POST", "GET")),
            "SmsUrl": ((made["sms_url"], now["sms_url"]), (None, "https://example.com/m")),
            "SmsMethod": ((made["sms_method"], now["sms_method"]), ("POST", "GET")),
            "SmsFallbackUrl": ((made["sms_fallback_url"], now["sms_fallback_url"]), (None, "https://example.com/mf")),
            "SmsFallbackMethod": ((made["sms_fallback_method"], now["sms_fallback_method"]), ("POST", "GET")),
            "SmsStatusCallback": (
                (made["sms_status_callback"], now["sms_status_callback"]),
                (None, "https://example.com/ms"),
            ),
            "SmsStatusCallbackMethod": (
                (made["sms_status_callback_method"], now["sms_status_callback_method"]),
                ("POST", "GET"),
            ),
        },
    )
    claims.answered("cxml.delete_application", api.ask("DELETE", made["uri"]))
    claims.refused("cxml.get_application", api.ask("GET", made["uri"]), 404)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("VoiceMethod", "voice_method"),
        ("VoiceFallbackMethod", "voice_fallback_method"),
        ("StatusCallbackMethod", "status_callback_method"),
        ("SmsMethod", "sms_method"),
        ("SmsFallbackMethod", "sms_fallback_method"),
        ("SmsStatusCallbackMethod", "sms_status_callback_method"),
    ],
)
def test_each_method_of_an_application_is_its_own(api: Caller, asked: str, shown: str) -> None:
    made = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "methods", asked: "GET"}).json()
    assert [name for name, value in made.items() if value == "GET"] == [shown]
