"""Accounts and tokens, in each family."""

import uuid

import claims
from claims import RFC_2822, TEXT, UUID, Like

from caller import CXML_ROOT, TOKENS, Caller


def test_an_account(api: Caller) -> None:
    shown = claims.answered("cxml.get_account", api.ask("GET", api.account))
    below = shown["subresource_uris"]
    claims.fields(
        "cxml.Account",
        shown,
        {
            "sid": api.project_id,
            "friendly_name": TEXT,
            "status": "active",
            "auth_token": "redacted",
            "date_created": RFC_2822,
            "date_updated": RFC_2822,
            "type": "Full",
            "owner_account_sid": api.project_id,
            "region_preference": TEXT,
            "uri": api.account,
            "subproject": False,
            "signing_key": None,
            "subresource_uris": below,
            "subresource_uris.addresses": None,
            "subresource_uris.available_phone_numbers": f"{api.account}/AvailablePhoneNumbers",
            "subresource_uris.applications": f"{api.account}/Applications",
            "subresource_uris.authorized_connect_apps": None,
            "subresource_uris.calls": f"{api.account}/Calls",
            "subresource_uris.conferences": f"{api.account}/Conferences",
            "subresource_uris.connect_apps": None,
            "subresource_uris.incoming_phone_numbers": f"{api.account}/IncomingPhoneNumbers",
            "subresource_uris.keys": None,
            "subresource_uris.notifications": None,
            "subresource_uris.outgoing_caller_ids": None,
            "subresource_uris.queues": f"{api.account}/Queues",
            "subresource_uris.recordings": f"{api.account}/Recordings",
            "subresource_uris.sandbox": None,
            "subresource_uris.sip": None,
            "subresource_uris.short_codes": None,
            "subresource_uris.messages": f"{api.account}/Messages",
            "subresource_uris.transcriptions": f"{api.account}/Transcriptions",
            "subresource_uris.usage": None,
        },
    )


def test_a_subproject(api: Caller) -> None:
    name = f"Below {uuid.uuid4()}"
    made = claims.answered(
        "cxml.create_subprojects", api.ask("POST", f"{CXML_ROOT}/Accounts", form={"FriendlyName": name})
    )
    claims.fields(
        "cxml.Account",
        made,
        {
            "sid": UUID,
            "friendly_name": name,
            "owner_account_sid": api.project_id,
            "subproject": True,
            "signing_key": Like("PSK.+"),
            "uri": f"{CXML_ROOT}/Accounts/{made['sid']}",
        },
    )
    claims.effects("cxml.create_subprojects", {"FriendlyName": (made["friendly_name"], name)})
    listed = api.ask("GET", f"{CXML_ROOT}/Accounts?FriendlyName={name.replace(' ', '%20')}")
    page = claims.answered("cxml.list_accounts", listed)
    assert [each["sid"] for each in page["accounts"]] == [made["sid"]]
    claims.fields("cxml.AccountList", page, {"accounts": [made | {"signing_key": None}]})
    claims.effects(
        "cxml.list_accounts", {"FriendlyName": ([each["friendly_name"] for each in page["accounts"]], [name])}
    )
    changed = claims.answered(
        "cxml.update_account", api.ask("POST", made["uri"], form={"FriendlyName": f"{name} renamed"})
    )
    claims.effects("cxml.update_account", {"FriendlyName": (changed["friendly_name"], f"{name} renamed")})


def test_a_cxml_token(api: Caller) -> None:
    child = _subproject(api)
    form = {"name": "a token", "permissions": ["messaging", "numbers"], "subproject_id": child}
    made = claims.answered("cxml.create_token", api.ask("POST", f"{api.account}/tokens", form=form))
    claims.fields(
        "cxml.Token",
        made,
        {"id": UUID, "name": "a token", "permissions": ["messaging", "numbers"], "token": Like("PT[0-9a-f]{48}")},
    )
    claims.effects(
        "cxml.create_token",
        {
            "name": (made["name"], "a token"),
            "permissions": (made["permissions"], ["messaging", "numbers"]),
            "subproject_id": (_works(api.with_token(made["token"], child)), True),
        },
    )
    where = f"{api.account}/tokens/{made['id']}"
    changed = claims.answered(
        "cxml.update_token", api.ask("PATCH", where, body={"name": "another", "permissions": ["messaging"]})
    )
    claims.effects(
        "cxml.update_token",
        {"name": (changed["name"], "another"), "permissions": (changed["permissions"], ["messaging"])},
    )
    claims.answered("cxml.delete_token", api.ask("DELETE", where))
    claims.refused("cxml.update_token", api.ask("PATCH", where, body={"name": "x"}), 404)


def test_a_cxml_token_that_is_refused(api: Caller) -> None:
    reply = api.ask("POST", f"{api.account}/tokens", form={"name": "", "permissions": "messaging"})
    claims.instead("cxml.TokenError", claims.refused("cxml.create_token", reply, 422))


def test_a_token(api: Caller) -> None:
    child = _subproject(api)
    body = {"name": "a token", "permissions": ["messaging", "numbers"], "subproject_id": child}
    made = claims.answered("rest.create_token", api.ask("POST", TOKENS, body=body))
    claims.fields(
        "rest.Token",
        made,
        {"id": UUID, "name": "a token", "permissions": ["messaging", "numbers"], "token": Like("PT[0-9a-f]{48}")},
    )
    claims.effects(
        "rest.create_token",
        {
            "name": (made["name"], "a token"),
            "permissions": (made["permissions"], ["messaging", "numbers"]),
            "subproject_id": (_works(api.with_token(made["token"], child)), True),
        },
    )
    own = api.ask("POST", TOKENS, body={"name": "own", "permissions": ["messaging"]}).json()
    where = f"{TOKENS}/{own['id']}"
    changed = claims.answered(
        "rest.update_token", api.ask("PATCH", where, body={"name": "another", "permissions": ["numbers"]})
    )
    claims.fields("rest.Token", changed, {"id": own["id"], "token": "redacted"})
    claims.effects(
        "rest.update_token",
        {"name": (changed["name"], "another"), "permissions": (changed["permissions"], ["numbers"])},
    )
    claims.answered("rest.delete_token", api.ask("DELETE", where))
    claims.refused("rest.update_token", api.ask("PATCH", where, body={"name": "x"}), 404)


def _subproject(api: Caller) -> str:
    reply = api.ask("POST", f"{CXML_ROOT}/Accounts", form={"FriendlyName": f"Below {uuid.uuid4()}"})
    assert reply.status == 201, reply.body
    return str(reply.json()["sid"])


def _works(caller: Caller) -> bool:
    """Whether a token with the scope messaging is known."""
    return caller.ask("GET", caller.messages).status == 200
