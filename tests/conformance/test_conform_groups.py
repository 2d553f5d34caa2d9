"""REST: Number Groups and their memberships; groups as senders."""

import uuid
from collections.abc import Callable

import claims
from claims import ISO_8601, UUID

from caller import NUMBERS, Caller

GROUPS = "/api/relay/rest/number_groups"
MEMBERSHIPS = "/api/relay/rest/number_group_memberships"


def test_a_group(api: Caller) -> None:
    name = f"group-{uuid.uuid4()}"
    made = claims.answered(
        "rest.create_number_group", api.ask("POST", GROUPS, body={"name": name, "sticky_sender": True})
    )
    claims.fields("rest.NumberGroup", made, {"id": UUID, "name": name, "sticky_sender": True, "phone_number_count": 0})
    claims.effects(
        "rest.create_number_group", {"name": (made["name"], name), "sticky_sender": (made["sticky_sender"], True)}
    )
    where = f"{GROUPS}/{made['id']}"
    assert claims.answered("rest.retrieve_number_group", api.ask("GET", where)) == made
    assert api.ask("POST", GROUPS, body={"name": "another"}).status == 200
    page = claims.answered("rest.list_number_groups", api.ask("GET", f"{GROUPS}?filter_name={name}"))
    claims.fields("rest.NumberGroupList", page, {"data": [made]})
    claims.effects("rest.list_number_groups", {"filter_name": (page["data"], [made])})
    changed = claims.answered(
        "rest.update_number_group", api.ask("PUT", where, body={"name": "other", "sticky_sender": False})
    )
    claims.effects(
        "rest.update_number_group",
        {"name": (changed["name"], "other"), "sticky_sender": (changed["sticky_sender"], False)},
    )
    claims.answered("rest.delete_number_group", api.ask("DELETE", where))
    claims.refused("rest.retrieve_number_group", api.ask("GET", where), 404)


def test_a_membership(api: Caller) -> None:
    group = api.ask("POST", GROUPS, body={"name": "members"}).json()
    number = api.number()
    nested = f"{GROUPS}/{group['id']}/number_group_memberships"
    made = claims.answered(
        "rest.create_number_group_membership", api.ask("POST", nested, body={"phone_number_id": number["sid"]})
    )
    claims.fields(
        "rest.NumberGroupMembership",
        made,
        {
            "id": UUID,
            "number_group_id": group["id"],
            "phone_number": made["phone_number"],
            "phone_number.id": number["sid"],
            "phone_number.name": api.get(f"/api/relay/rest/phone_numbers/{number['sid']}")["name"],
            "phone_number.number": number["phone_number"],
            "phone_number.capabilities": [name for name, can in number["capabilities"].items() if can],
            "created_at": ISO_8601,
            "updated_at": ISO_8601,
        },
    )
    claims.effects(
        "rest.create_number_group_membership", {"phone_number_id": (made["phone_number"]["id"], number["sid"])}
    )
    where = f"{MEMBERSHIPS}/{made['id']}"
    assert claims.answered("rest.retrieve_number_group_membership", api.ask("GET", where)) == made
    page = claims.answered("rest.list_number_group_memberships", api.ask("GET", nested))
    claims.fields("rest.NumberGroupMembershipList", page, {"data": [made]})
    claims.fields("rest.NumberGroup", api.get(f"{GROUPS}/{group['id']}"), {"phone_number_count": 1})
    sent = api.send(From="", MessagingServiceSid=group["id"])
    claims.effects("cxml.create_message", {"MessagingServiceSid": (sent["messaging_service_sid"], group["id"])})
    claims.fields("cxml.Message", sent, {"messaging_service_sid": group["id"], "from": number["phone_number"]})
    claims.answered("rest.delete_number_group_membership", api.ask("DELETE", where))
    claims.refused("rest.retrieve_number_group_membership", api.ask("GET", where), 404)


def test_a_member_without_a_name(api: Caller, free: Callable[..., str]) -> None:
    """Its name is left out, as specified."""
    group = api.ask("POST", GROUPS, body={"name": "nameless"}).json()
    number = api.ask("POST", NUMBERS, body={"number": free()}).json()
    assert number["name"] is None
    reply = api.ask("POST", f"{GROUPS}/{group['id']}/number_group_memberships", body={"phone_number_id": number["id"]})
    made = claims.answered("rest.create_number_group_membership", reply)
    assert "name" not in made["phone_number"]
