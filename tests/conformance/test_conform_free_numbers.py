"""Free numbers: how the inventory is searched, and how a number is taken from it, brought in and given back."""

from collections.abc import Callable
from typing import Any

import claims
from claims import TEXT, UUID

from caller import CXML_ROOT, NUMBERS, Caller

Free = Callable[..., str]
"""See the fixture `free`."""

IMPORTED = "/api/relay/rest/imported_phone_numbers"


# Searching


def test_what_there_is_by_country(api: Caller, free: Free) -> None:
    free()
    where = f"{api.account}/AvailablePhoneNumbers"
    shown = claims.answered("cxml.list_available_phone_number_resources", api.ask("GET", where))
    (usa,) = [each for each in shown["countries"] if each["country_code"] == "US"]
    claims.fields("cxml.AvailablePhoneNumberResources", shown, {"uri": where, "countries": shown["countries"]})
    one = claims.answered("cxml.list_available_phone_number_resources_by_country", api.ask("GET", f"{where}/US"))
    assert one == usa
    claims.fields(
        "cxml.CountryResource",
        one,
        {
            "country_code": "US",
            "country": "United States",
            "uri": f"{where}/US",
            "beta": False,
            "subresource_uris": {"local": f"{where}/US/Local", "toll_free": f"{where}/US/TollFree"},
            "subresource_uris.local": f"{where}/US/Local",
            "subresource_uris.toll_free": f"{where}/US/TollFree",
        },
    )


def test_a_search_for_local_numbers(api: Caller, free: Free) -> None:
    number = free()
    where = f"{api.account}/AvailablePhoneNumbers/US/Local"
    reply = api.ask("GET", f"{where}?Contains={number[2:]}")
    shown = claims.answered("cxml.search_local_available_phone_numbers", reply)
    claims.fields(
        "cxml.AvailablePhoneNumberList",
        shown,
        {"uri": TEXT, "available_phone_numbers": shown["available_phone_numbers"]},
    )
    (found,) = shown["available_phone_numbers"]
    claims.fields(
        "cxml.AvailablePhoneNumber",
        found,
        {
            "friendly_name": f"({number[2:5]}) {number[5:8]}-{number[8:]}",
            "phone_number": number,
            "lata": None,
            "locality": None,
            "rate_center": "CHICAGO",
            "latitude": None,
            "longitude": None,
            "region": "IL",
            "postal_code": None,
            "iso_country": "US",
            "capabilities": {"voice": True, "SMS": True, "MMS": True},
            "capabilities.voice": True,
            "capabilities.SMS": True,
            "capabilities.MMS": True,
            "beta": False,
        },
    )


def _found(api: Caller, kind: str, number: str, query: str) -> bool:
    page = api.get(f"{api.account}/AvailablePhoneNumbers/US/{kind}?{query}")
    return number in [each["phone_number"] for each in page["available_phone_numbers"]]


def test_filters_of_local_numbers(api: Caller, free: Free) -> None:
    number = free()

    def found(query: str) -> bool:
        return _found(api, "Local", number, f"{query}&PageSize=1000")

    claims.effects(
        "cxml.search_local_available_phone_numbers",
        {
            "AreaCode": ((found(f"AreaCode={number[2:5]}"), found("AreaCode=999")), (True, False)),
            "Contains": ((found(f"Contains={number[-7:]}"), found("Contains=0000000")), (True, False)),
            "InRegion": ((found("InRegion=IL"), found("InRegion=TX")), (True, False)),
            "InLocality": (
                (found("InRegion=IL&InLocality=Chicago"), found("InRegion=IL&InLocality=Springfield")),
                (True, False),
            ),
            # Taken and without effect, as specified.
            "SmsEnabled": ((found("SmsEnabled=true"), found("SmsEnabled=false")), (True, True)),
            "MmsEnabled": ((found("MmsEnabled=true"), found("MmsEnabled=false")), (True, True)),
            "VoiceEnabled": ((found("VoiceEnabled=true"), found("VoiceEnabled=false")), (True, True)),
            "FaxEnabled": ((found("FaxEnabled=true"), found("FaxEnabled=false")), (True, True)),
            "Beta": ((found("Beta=true"), found("Beta=false")), (True, True)),
            "ExcludeAllAddressRequired": (found("ExcludeAllAddressRequired=true"), True),
            "ExcludeForeignAddressRequired": (found("ExcludeForeignAddressRequired=true"), True),
            "ExcludeLocalAddressRequired": (found("ExcludeLocalAddressRequired=true"), True),
        },
    )


def test_toll_free_numbers(api: Caller, free: Free) -> None:
    number = free("TollFree")
    where = f"{api.account}/AvailablePhoneNumbers/US/TollFree"
    reply = api.ask("GET", f"{where}?Contains={number[2:]}")
    shown = claims.answered("cxml.search_toll_free_available_phone_numbers", reply)
    assert [each["phone_number"] for each in shown["available_phone_numbers"]] == [number]

    def found(query: str) -> bool:
        return _found(api, "TollFree", number, f"{query}&PageSize=1000")

    claims.effects(
        "cxml.search_toll_free_available_phone_numbers",
        {
            "AreaCode": ((found("AreaCode=888"), found("AreaCode=800")), (True, False)),
            "Contains": ((found(f"Contains={number[-7:]}"), found("Contains=0000000")), (True, False)),
            "InRegion": ((found("InRegion=IL"), found("InRegion=TX")), (True, False)),
            "InLocality": (
                (found("InRegion=IL&InLocality=Chicago"), found("InRegion=IL&InLocality=Springfield")),
                (True, False),
            ),
            # Taken and without effect, as specified.
            "SmsEnabled": ((found("SmsEnabled=true"), found("SmsEnabled=false")), (True, True)),
            "MmsEnabled": ((found("MmsEnabled=true"), found("MmsEnabled=false")), (True, True)),
            "VoiceEnabled": ((found("VoiceEnabled=true"), found("VoiceEnabled=false")), (True, True)),
            "FaxEnabled": ((found("FaxEnabled=true"), found("FaxEnabled=false")), (True, True)),
            "Beta": ((found("Beta=true"), found("Beta=false")), (True, True)),
            "ExcludeAllAddressRequired": (found("ExcludeAllAddressRequired=true"), True),
            "ExcludeForeignAddressRequired": (found("ExcludeForeignAddressRequired=true"), True),
            "ExcludeLocalAddressRequired": (found("ExcludeLocalAddressRequired=true"), True),
        },
    )


def test_a_search_in_the_other_family(api: Caller, free: Free) -> None:
    number = free()
    reply = api.ask("GET", f"{NUMBERS}/search?contains={number[-7:]}")
    shown = claims.answered("rest.search_available_phone_numbers", reply)
    (found,) = shown["data"]
    claims.fields(
        "rest.AvailablePhoneNumbers",
        shown,
        {
            "data": [found],
            "links": shown["links"],
            "links.self": f"{api.base_url}{NUMBERS}/search?contains={number[-7:]}",
            "links.first": f"{api.base_url}{NUMBERS}/search?contains={number[-7:]}",
        },
    )
    claims.effects(
        "rest.AvailablePhoneNumbers",
        {"links.next": ("next" in shown["links"], False), "links.prev": ("prev" in shown["links"], False)},
    )
    claims.fields(
        "rest.AvailablePhoneNumber",
        found,
        {
            "number": number,
            "region": "IL",
            "city": "Chicago",
            "rate_center": "CHICAGO",
            "lata": "358",
            "capabilities": {"voice": True, "sms": True, "mms": True, "fax": True},
            "capabilities.voice": True,
            "capabilities.sms": True,
            "capabilities.mms": True,
            "capabilities.fax": True,
        },
    )

    def there(query: str) -> bool:
        rows = api.get(f"{NUMBERS}/search?{query}&max_results=100")["data"]
        return number in [each["number"] for each in rows]

    claims.effects(
        "rest.search_available_phone_numbers",
        {
            "areacode": ((there(f"areacode={number[2:5]}"), there("areacode=999")), (True, False)),
            "number_type": ((there("number_type=local"), there("number_type=toll-free")), (True, False)),
            "starts_with": ((there(f"starts_with={number[2:9]}"), there("starts_with=9999999")), (True, False)),
            "contains": ((there(f"contains={number[4:11]}"), there("contains=9999999")), (True, False)),
            "ends_with": ((there(f"ends_with={number[-7:]}"), there("ends_with=9999999")), (True, False)),
            "max_results": (len(api.get(f"{NUMBERS}/search?max_results=1")["data"]), 1),
            "region": ((there("region=IL"), there("region=TX")), (True, False)),
            "city": ((there("region=IL&city=Chicago"), there("region=IL&city=Springfield")), (True, False)),
        },
    )


# Taking and giving back


def test_a_number_is_bought_and_released(api: Caller, free: Free, application: str) -> None:
    number = free()
    sent = {
        "PhoneNumber": number,
        "FriendlyName": "Bought",
        "SmsApplicationSid": application,
        "SmsFallbackMethod": "GET",
        "SmsFallbackUrl": "https://example.com/sms-fallback",
        "SmsMethod": "GET",
        "SmsUrl": "https://example.com/sms",
        "StatusCallback": "https://example.com/status",
        "StatusCallbackMethod": "GET",
        "VoiceApplicationSid": application,
        "VoiceFallbackMethod": "GET",
        "VoiceFallbackUrl": "https://example.com/voice-fallback",
        "VoiceMethod": "GET",
        "VoiceReceiveMode": "fax",
        "VoiceUrl": "https://example.com/voice",
    }
    reply = api.ask("POST", f"{api.account}/IncomingPhoneNumbers", form=sent)
    made = claims.answered("cxml.create_incoming_phone_number", reply)
    claims.fields("cxml.IncomingPhoneNumber", made, {"sid": UUID, "phone_number": number, "friendly_name": "Bought"})
    claims.effects(
        "cxml.create_incoming_phone_number",
        {
            "PhoneNumber": (made["phone_number"], number),
            "FriendlyName": (made["friendly_name"], "Bought"),
            "SmsApplicationSid": (made["sms_application_sid"], application),
            "SmsFallbackMethod": (made["sms_fallback_method"], "GET"),
            "SmsFallbackUrl": (made["sms_fallback_url"], sent["SmsFallbackUrl"]),
            "SmsMethod": (made["sms_method"], "GET"),
            "SmsUrl": (made["sms_url"], sent["SmsUrl"]),
            "StatusCallback": (made["status_callback"], sent["StatusCallback"]),
            "StatusCallbackMethod": (made["status_callback_method"], "GET"),
            "VoiceApplicationSid": (made["voice_application_sid"], application),
            "VoiceFallbackMethod": (made["voice_fallback_method"], "GET"),
            "VoiceFallbackUrl": (made["voice_fallback_url"], sent["VoiceFallbackUrl"]),
            "VoiceMethod": (made["voice_method"], "GET"),
            "VoiceReceiveMode": (api.get(f"{NUMBERS}/{made['sid']}")["call_receive_mode"], "fax"),
            "VoiceUrl": (made["voice_url"], sent["VoiceUrl"]),
        },
    )
    claims.answered("cxml.delete_incoming_phone_number", api.ask("DELETE", made["uri"]))
    claims.refused("cxml.retrieve_incoming_phone_number", api.ask("GET", made["uri"]), 404)


def test_a_number_moves_to_a_subproject(api: Caller, free: Free) -> None:
    form = {"PhoneNumber": free()}
    made = api.ask("POST", f"{api.account}/IncomingPhoneNumbers", form=form).json()
    child = api.ask("POST", f"{CXML_ROOT}/Accounts", form={"FriendlyName": "Below"}).json()
    reply = api.ask("POST", made["uri"], form={"AccountSid": child["sid"]})
    moved = claims.answered("cxml.update_incoming_phone_number", reply)
    claims.effects("cxml.update_incoming_phone_number", {"AccountSid (body)": (moved["account_sid"], child["sid"])})
    assert api.get(f"{child['uri']}/IncomingPhoneNumbers/{made['sid']}")["phone_number"] == form["PhoneNumber"]


def test_a_number_is_purchased_and_released(api: Caller, free: Free) -> None:
    number = free()
    made = claims.answered("rest.purchase_phone_number", api.ask("POST", NUMBERS, body={"number": number}))
    claims.effects("rest.purchase_phone_number", {"number": (made["number"], number)})
    assert not api.get(f"{NUMBERS}/search?ends_with={number[-7:]}")["data"]
    claims.answered("rest.release_phone_number", api.ask("DELETE", f"{NUMBERS}/{made['id']}"))
    claims.refused("rest.retrieve_phone_number", api.ask("GET", f"{NUMBERS}/{made['id']}"), 404)


def test_a_number_is_brought_in(api: Caller) -> None:
    form = {"number": "+491522343331", "number_type": "longcode", "capabilities": ["sms", "voice"]}
    reply = api.ask("POST", f"{api.account}/ImportedPhoneNumbers", form=form)
    made = claims.answered("cxml.create_imported_phone_number", reply)
    can = {name for name, able in made["capabilities"].items() if able}
    claims.effects(
        "cxml.create_imported_phone_number",
        {
            "number": (made["phone_number"], "+491522343331"),
            "number_type": (api.get(f"{NUMBERS}/{made['sid']}")["number_type"], "longcode"),
            "capabilities": (can, {"sms", "voice"}),
        },
    )
    again = api.ask("POST", f"{api.account}/ImportedPhoneNumbers", form=form)
    shown = claims.refused("cxml.create_imported_phone_number", again, 422)
    claims.fields("cxml.ImportError", shown, {"code": 21422, "message": TEXT, "more_info": TEXT, "status": 422})


def test_a_number_is_brought_in_by_the_other_family(api: Caller) -> None:
    body = {"number": "+18005550187", "number_type": "tollfree", "capabilities": ["sms"]}
    made = claims.answered("rest.create_imported_phone_number", api.ask("POST", IMPORTED, body=body))
    claims.effects(
        "rest.create_imported_phone_number",
        {
            "number": (made["number"], "+18005550187"),
            "number_type": (made["number_type"], "toll-free"),
            "capabilities": (made["capabilities"], ["sms"]),
        },
    )
    claims.fields(
        "cxml.IncomingPhoneNumber",
        api.get(f"{api.account}/IncomingPhoneNumbers/{made['id']}"),
        {"verification_status": "Verified"},
    )
    claims.fields("rest.PhoneNumber", made, {"number_type": "toll-free", "capabilities": ["sms"]})


def test_a_number_of_no_country(api: Caller) -> None:
    form = {"number": "+882161234567", "number_type": "longcode"}
    made = claims.answered(
        "cxml.create_imported_phone_number", api.ask("POST", f"{api.account}/ImportedPhoneNumbers", form=form)
    )
    claims.fields("cxml.IncomingPhoneNumber", made, {"country_code": None})


# Short codes, look-ups


def test_a_short_code(api: Caller, short_codes: list[dict[str, Any]], application: str) -> None:
    short_code = short_codes[0]
    where = f"/api/relay/rest/short_codes/{short_code['id']}"
    shown = claims.answered("rest.retrieve_short_code", api.ask("GET", where))
    claims.fields(
        "rest.ShortCode",
        shown,
        {
            "id": UUID,
            "number": short_code["number"],
            "number_type": "shortcode",
            "code_type": TEXT,
            "capabilities": ["sms", "mms"],
            "country_code": "US",
            "created_at": claims.ISO_8601,
            "updated_at": claims.ISO_8601,
            "next_billed_at": None,
            "lease_duration": None,
        },
    )
    sent = {
        "name": "a code",
        "message_handler": "laml_webhooks",
        "message_request_url": "https://example.com/m",
        "message_request_method": "GET",
        "message_fallback_url": "https://example.com/mf",
        "message_fallback_method": "GET",
        "message_laml_application_id": application,
        "message_relay_context": "shop",
    }
    alone = {"name": "a code", "message_handler": "laml_webhooks", "message_request_method": "GET"}
    first = api.ask("PUT", where, body=alone).json()
    assert (first["message_request_method"], first["message_fallback_method"]) == ("GET", "POST")
    now = claims.answered("rest.update_short_code", api.ask("PUT", where, body=sent))
    claims.fields(
        "rest.ShortCode",
        now,
        {
            "name": "a code",
            "message_handler": "laml_webhooks",
            "message_request_url": "https://example.com/m",
            "message_request_method": "GET",
            "message_fallback_url": "https://example.com/mf",
            "message_fallback_method": "GET",
            "message_laml_application_id": application,
            "message_relay_context": "shop",
        },
    )
    claims.effects(
        "rest.update_short_code",
        {
            "name": (now["name"], "a code"),
            "message_handler": (now["message_handler"], "laml_webhooks"),
            "message_request_url": (now["message_request_url"], "https://example.com/m"),
            "message_request_method": (now["message_request_method"], "GET"),
            "message_fallback_url": (now["message_fallback_url"], "https://example.com/mf"),
            "message_fallback_method": (now["message_fallback_method"], "GET"),
            "message_laml_application_id": (now["message_laml_application_id"], application),
            "message_relay_context": (now["message_relay_context"], "shop"),
        },
    )
    listed = api.ask("GET", "/api/relay/rest/short_codes?filter_name=a%20code")
    page = claims.answered("rest.list_short_codes", listed)
    claims.fields("rest.ShortCodeList", page, {"data": [now]})
    by_number = api.get(f"/api/relay/rest/short_codes?filter_number={short_code['number']}")["data"]
    claims.effects("rest.list_short_codes", {"filter_name": (page["data"], [now]), "filter_number": (by_number, [now])})


def test_a_number_is_looked_up(api: Caller) -> None:
    reply = api.ask("GET", "/api/relay/rest/lookup/phone_number/+13122070123")
    shown = claims.answered("rest.lookup_phone_number", reply)
    claims.fields(
        "rest.PhoneNumberLookup",
        shown,
        {
            "country_code_number": 1,
            "national_number": "3122070123",
            "possible_number": True,
            "valid_number": True,
            "national_number_formatted": "(312) 207-0123",
            "international_number_formatted": "+1 312-207-0123",
            "e164": "+13122070123",
            "location": "Illinois",
            "country_code": "US",
            "timezones": ["America/Chicago"],
            "number_type": "Fixed Line or Mobile",
        },
    )


def test_what_a_look_up_adds_when_asked(api: Caller) -> None:
    """No network and no directory of names is asked: of a carrier there is the kind of line, where the plan tells."""
    where = "/api/relay/rest/lookup/phone_number/+4915123456789"
    plain, full = api.get(where), api.get(f"{where}?include=carrier,cnam")
    claims.effects("rest.lookup_phone_number", {"include": (sorted(full.keys() - plain.keys()), ["carrier", "cnam"])})
    claims.fields(
        "rest.PhoneNumberLookup",
        full,
        {
            "carrier": full["carrier"],
            "carrier.lrn": None,
            "carrier.spid": None,
            "carrier.ocn": None,
            "carrier.lata": None,
            "carrier.city": None,
            "carrier.state": None,
            "carrier.jurisdiction": None,
            "carrier.lec": None,
            "carrier.linetype": "wireless",
            "cnam": full["cnam"],
            "cnam.caller_id": None,
        },
    )
