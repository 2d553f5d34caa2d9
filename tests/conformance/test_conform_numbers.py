"""A project's numbers, as both families show and change them."""

import uuid
from typing import Any

import claims
import pytest
from claims import ISO_8601, RFC_2822, TEXT, UUID

from caller import NUMBERS, Caller

# cXML


def test_an_incoming_number(api: Caller, number: dict[str, Any]) -> None:
    shown = claims.answered("cxml.retrieve_incoming_phone_number", api.ask("GET", number["uri"]))
    claims.fields(
        "cxml.IncomingPhoneNumber",
        shown,
        {
            "account_id": api.project_id,
            "account_sid": api.project_id,
            "address_requirements": "none",
            "address_sid": None,
            "api_version": "2010-04-01",
            "beta": False,
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": True},
            "capabilities.voice": True,
            "capabilities.sms": True,
            "capabilities.mms": True,
            "capabilities.fax": True,
            "country_code": "US",
            "date_created": RFC_2822,
            "date_updated": RFC_2822,
            "emergency_address_sid": None,
            "emergency_status": "Inactive",
            "friendly_name": TEXT,
            "identity_sid": None,
            "origin": "signalwire",
            "phone_number": number["phone_number"],
            "sid": UUID,
            "sms_application_sid": None,
            "sms_fallback_method": "POST",
            "sms_fallback_url": None,
            "sms_method": "POST",
            "sms_url": None,
            "status_callback": None,
            "status_callback_method": "POST",
            "trunk_sid": None,
            "uri": f"{api.account}/IncomingPhoneNumbers/{shown['sid']}",
            "voice_application_sid": None,
            "voice_caller_id_lookup": None,
            "voice_fallback_method": "POST",
            "voice_fallback_url": None,
            "voice_method": "POST",
            "voice_url": None,
        },
    )


def test_an_incoming_number_is_changed(api: Caller, number: dict[str, Any], application: str) -> None:
    name = f"Number {uuid.uuid4()}"
    sent = {
        "FriendlyName": name,
        "SmsUrl": "https://example.com/sms",
        "SmsMethod": "GET",
        "SmsFallbackUrl": "https://example.com/sms-fallback",
        "SmsFallbackMethod": "GET",
        "StatusCallback": "https://example.com/status",
        "StatusCallbackMethod": "GET",
        "VoiceUrl": "https://example.com/voice",
        "VoiceMethod": "GET",
        "VoiceFallbackUrl": "https://example.com/voice-fallback",
        "VoiceFallbackMethod": "GET",
        "VoiceReceiveMode": "fax",
    }
    now = claims.answered("cxml.update_incoming_phone_number", api.ask("POST", number["uri"], form=sent))
    assert now == api.get(number["uri"])
    claims.effects(
        "cxml.update_incoming_phone_number",
        {
            "FriendlyName": (now["friendly_name"], name),
            "SmsUrl": (now["sms_url"], sent["SmsUrl"]),
            "SmsMethod": (now["sms_method"], "GET"),
            "SmsFallbackUrl": (now["sms_fallback_url"], sent["SmsFallbackUrl"]),
            "SmsFallbackMethod": (now["sms_fallback_method"], "GET"),
            "StatusCallback": (now["status_callback"], sent["StatusCallback"]),
            "StatusCallbackMethod": (now["status_callback_method"], "GET"),
            "VoiceUrl": (now["voice_url"], sent["VoiceUrl"]),
            "VoiceMethod": (now["voice_method"], "GET"),
            "VoiceFallbackUrl": (now["voice_fallback_url"], sent["VoiceFallbackUrl"]),
            "VoiceFallbackMethod": (now["voice_fallback_method"], "GET"),
            "VoiceReceiveMode": (api.get(f"{NUMBERS}/{number['sid']}")["call_receive_mode"], "fax"),
        },
    )
    chosen = {
        "EmergencyAddressSid": str(uuid.uuid4()),
        "SmsApplicationSid": application,
        "VoiceApplicationSid": application,
        "VoiceReceiveMode": "voice",
    }
    now = api.ask("POST", number["uri"], form=chosen).json()
    claims.effects(
        "cxml.update_incoming_phone_number",
        {
            "SmsApplicationSid": (now["sms_application_sid"], application),
            "VoiceApplicationSid": (now["voice_application_sid"], application),
            "EmergencyAddressSid": (now["emergency_address_sid"], None),
        },
    )
    page = claims.answered(
        "cxml.list_incoming_phone_numbers",
        api.ask("GET", f"{api.account}/IncomingPhoneNumbers?FriendlyName={name.replace(' ', '%20')}"),
    )
    claims.fields("cxml.IncomingPhoneNumberList", page, {"incoming_phone_numbers": [now]})
    part = number["phone_number"][-7:]
    by_number = api.get(f"{api.account}/IncomingPhoneNumbers?PhoneNumber={part}")["incoming_phone_numbers"]
    claims.effects(
        "cxml.list_incoming_phone_numbers",
        {"FriendlyName": (page["incoming_phone_numbers"], [now]), "PhoneNumber": (by_number, [now])},
    )


# REST


def test_a_phone_number(api: Caller, number: dict[str, Any]) -> None:
    shown = claims.answered("rest.retrieve_phone_number", api.ask("GET", f"{NUMBERS}/{number['sid']}"))
    claims.fields(
        "rest.PhoneNumber",
        shown,
        {
            "id": number["sid"],
            "number": number["phone_number"],
            "capabilities": ["voice", "sms", "mms", "fax"],
            "number_type": "longcode",
            "e911_address_id": None,
            "e911_status": None,
            "created_at": ISO_8601,
            "updated_at": ISO_8601,
            "next_billed_at": None,
            "calling_handler_resource_id": None,
            "messaging_handler_resource_id": None,
            "country_code": "US",
        },
    )


def test_a_phone_number_is_changed(api: Caller, number: dict[str, Any], application: str) -> None:
    """What concerns messages, and the name."""
    where, name = f"{NUMBERS}/{number['sid']}", f"name-{uuid.uuid4()}"
    sent = {
        "name": name,
        "message_handler": "laml_webhooks",
        "message_request_url": "https://example.com/m",
        "message_request_method": "GET",
        "message_fallback_url": "https://example.com/mf",
        "message_fallback_method": "GET",
        "message_laml_application_id": application,
        "message_relay_topic": "office",
        "message_relay_context": "shop",
        "message_relay_application": "desk",
    }
    now = claims.answered("rest.update_phone_number", api.ask("PUT", where, body=sent))
    claims.fields(
        "rest.PhoneNumber",
        now,
        {
            "name": name,
            "message_handler": "laml_webhooks",
            "message_request_url": "https://example.com/m",
            "message_request_method": "GET",
            "message_fallback_url": "https://example.com/mf",
            "message_fallback_method": "GET",
            "message_laml_application_id": application,
            "message_relay_topic": "office",
            "message_relay_context": "shop",
        },
    )
    claims.effects(
        "rest.update_phone_number",
        {
            "name": (now["name"], name),
            "message_handler": (now["message_handler"], "laml_webhooks"),
            "message_request_url": (now["message_request_url"], "https://example.com/m"),
            "message_request_method": (now["message_request_method"], "GET"),
            "message_fallback_url": (now["message_fallback_url"], "https://example.com/mf"),
            "message_fallback_method": (now["message_fallback_method"], "GET"),
            "message_laml_application_id": (now["message_laml_application_id"], application),
            "message_relay_topic": (now["message_relay_topic"], "office"),
            "message_relay_context": (now["message_relay_context"], "shop"),
        },
    )
    page = claims.answered("rest.list_phone_numbers", api.ask("GET", f"{NUMBERS}?filter_name={name}"))
    claims.fields("rest.PhoneNumberList", page, {"data": [now]})
    by_number = api.get(f"{NUMBERS}?filter_number={number['phone_number'][-7:]}")["data"]
    claims.effects(
        "rest.list_phone_numbers", {"filter_name": (page["data"], [now]), "filter_number": (by_number, [now])}
    )


def test_the_call_settings_of_a_phone_number_are_kept(api: Caller, number: dict[str, Any], application: str) -> None:
    sip, room = str(uuid.uuid4()), str(uuid.uuid4())
    sent = {
        "call_handler": "relay_topic",
        "call_receive_mode": "fax",
        "call_request_url": "https://example.com/c",
        "call_request_method": "GET",
        "call_fallback_url": "https://example.com/cf",
        "call_fallback_method": "GET",
        "call_status_callback_url": "https://example.com/cs",
        "call_status_callback_method": "GET",
        "call_laml_application_id": application,
        "call_dialogflow_agent_id": "agent",
        "call_relay_topic": "office",
        "call_relay_topic_status_callback_url": "https://example.com/ct",
        "call_relay_script_url": "https://example.com/script",
        "call_relay_context": "shop",
        "call_relay_context_status_callback_url": "https://example.com/cc",
        "call_relay_application": "desk",
        "call_relay_connector_id": "connector",
        "call_sip_endpoint_id": sip,
        "call_verto_resource": "verto",
        "call_video_room_id": room,
    }
    where = f"{NUMBERS}/{number['sid']}"
    assert api.ask("PUT", where, body=sent).status == 200
    now = api.get(where)
    claims.fields(
        "rest.PhoneNumber",
        now,
        {
            "call_handler": "relay_topic",
            "call_receive_mode": "fax",
            "call_request_url": "https://example.com/c",
            "call_request_method": "GET",
            "call_fallback_url": "https://example.com/cf",
            "call_fallback_method": "GET",
            "call_status_callback_url": "https://example.com/cs",
            "call_status_callback_method": "GET",
            "call_laml_application_id": application,
            "call_dialogflow_agent_id": "agent",
            "call_relay_topic": "office",
            "call_relay_topic_status_callback_url": "https://example.com/ct",
            "call_relay_script_url": "https://example.com/script",
            "call_relay_context": "shop",
            "call_relay_context_status_callback_url": "https://example.com/cc",
            "call_relay_application": "desk",
            "call_relay_connector_id": "connector",
            "call_sip_endpoint_id": sip,
            "call_verto_resource": "verto",
            "call_video_room_id": room,
        },
    )
    claims.effects(
        "rest.update_phone_number",
        {
            "call_handler": (now["call_handler"], "relay_topic"),
            "call_receive_mode": (now["call_receive_mode"], "fax"),
            "call_request_url": (now["call_request_url"], "https://example.com/c"),
            "call_request_method": (now["call_request_method"], "GET"),
            "call_fallback_url": (now["call_fallback_url"], "https://example.com/cf"),
            "call_fallback_method": (now["call_fallback_method"], "GET"),
            "call_status_callback_url": (now["call_status_callback_url"], "https://example.com/cs"),
            "call_status_callback_method": (now["call_status_callback_method"], "GET"),
            "call_laml_application_id": (now["call_laml_application_id"], application),
            "call_dialogflow_agent_id": (now["call_dialogflow_agent_id"], "agent"),
            "call_relay_topic": (now["call_relay_topic"], "office"),
            "call_relay_topic_status_callback_url": (
                now["call_relay_topic_status_callback_url"],
                "https://example.com/ct",
            ),
            "call_relay_script_url": (now["call_relay_script_url"], "https://example.com/script"),
            "call_relay_context": (now["call_relay_context"], "shop"),
            "call_relay_context_status_callback_url": (
                now["call_relay_context_status_callback_url"],
                "https://example.com/cc",
            ),
            "call_relay_application": (now["call_relay_application"], "desk"),
            "call_relay_connector_id": (now["call_relay_connector_id"], "connector"),
            "call_sip_endpoint_id": (now["call_sip_endpoint_id"], sip),
            "call_verto_resource": (now["call_verto_resource"], "verto"),
            "call_video_room_id": (now["call_video_room_id"], room),
        },
    )


def test_a_refused_change(api: Caller, number: dict[str, Any]) -> None:
    reply = api.ask("PUT", f"{NUMBERS}/{number['sid']}", body={"message_request_method": "PUT"})
    shown = claims.refused("rest.update_phone_number", reply, 422)
    claims.fields(
        "rest.RelayValidationErrors",
        shown,
        {
            "errors": [shown["errors"][0]],
            "errors[].detail": [TEXT],
            "errors[].status": ["422"],
            "errors[].title": [TEXT],
            "errors[].code": [TEXT],
        },
    )


@pytest.mark.parametrize(
    ("asked", "shown", "elsewhere"),
    [
        ("SmsMethod", "sms_method", "message_request_method"),
        ("SmsFallbackMethod", "sms_fallback_method", "message_fallback_method"),
        ("StatusCallbackMethod", "status_callback_method", "call_status_callback_method"),
        ("VoiceMethod", "voice_method", "call_request_method"),
        ("VoiceFallbackMethod", "voice_fallback_method", "call_fallback_method"),
    ],
)
def test_each_method_is_its_own_and_the_same_in_both_families(
    api: Caller, number: dict[str, Any], asked: str, shown: str, elsewhere: str
) -> None:
    now = api.ask("POST", number["uri"], form={asked: "GET"}).json()
    assert [name for name, value in now.items() if value == "GET"] == [shown]
    other = api.get(f"{NUMBERS}/{number['sid']}")
    assert [name for name, value in other.items() if value == "GET"] == [elsewhere]
    assert api.ask("PUT", f"{NUMBERS}/{number['sid']}", body={elsewhere: "POST"}).status == 200
    assert api.get(number["uri"])[shown] == "POST"
