"""Golden JSON for each route: what the server answers, to the key, the type and the header.

Each case asks the running server; ``answers/<operation>.json`` has its cases by name. A route without a case, and a
file without a route, fail here.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import exchanges
import pytest

import caller
from caller import (
    CXML_ROOT,
    GROUPS,
    INBOUND,
    LOGS,
    LOOKUP,
    MEMBERSHIPS,
    MFA,
    NUMBERS,
    PROJECTS,
    REST_MESSAGES,
    SHORT_CODES,
    TOKENS,
    Caller,
)
from heliograph import __version__
from heliograph.api import families
from servers import Answer, HeliographServer, Reply, Sink, wait_until

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf50000003010180e3e5be3b0000000049454e44ae426082"
)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
HANDSET = "+13125550100"
SHORT_CODE = "54321"


@dataclass
class World:
    """The server that is asked, and messages to ask for, each made when it is first needed."""

    api: Caller
    sink: Sink
    numbers: tuple[str, ...]
    operator: dict[str, str]
    made: dict[str, str] = field(default_factory=dict)
    used: str = ""

    @property
    def known(self) -> dict[str, str]:
        """What is the same all through a run."""
        return {
            self.api.base_url: "<server>",
            self.sink.base_url: "<receiver>",
            self.api.project_id: "<project>",
            __version__: "<version>",
        }

    @cached_property
    def picture(self) -> str:
        """The address of a medium."""
        return self.sink.answer("/picture.png", Answer(body=PICTURE, content_type="image/png"))

    @cached_property
    def text(self) -> str:
        """A delivered text message."""
        return str(self.api.delivered(To=HANDSET, Body="Hello World!")["sid"])

    @cached_property
    def failed(self) -> str:
        """A message that the carrier refused."""
        return str(self.api.once(self.api.send(To="+15005554000")["sid"], "failed")["sid"])

    @cached_property
    def script(self) -> str:
        """The path of a cXML script."""
        return str(_script(self).json()["uri"])

    @cached_property
    def subproject(self) -> str:
        """The path of a subproject's account."""
        form = {"FriendlyName": "Warehouse"}
        return str(self.api.ask("POST", f"{CXML_ROOT}/Accounts", form=form).json()["uri"])

    @cached_property
    def mms(self) -> str:
        """A sent MMS with two media and no text."""
        message = self.api.send(To=HANDSET, Body="", MediaUrl=[self.picture, self.picture])
        return str(self.api.once(message["sid"], "sent")["sid"])

    @cached_property
    def inbound(self) -> str:
        """A received MMS."""
        return str(self.api.received("A picture", **{"from": HANDSET, "media": [self.picture]})["sid"])

    @cached_property
    def rest(self) -> str:
        """A delivered message of the REST API."""
        made = self.api.rest_send(to=HANDSET, body="Hello World!")["id"]
        return str(self.api.once(made, "delivered")["sid"])

    def media(self, message: str) -> list[dict[str, Any]]:
        """The records of a message's media."""
        return list(self.api.get(f"{self.api.messages}/{message}/Media")["media_list"])

    def application(self) -> str:
        """A new application's path."""
        form = {
            "FriendlyName": "Support",
            "SmsUrl": "https://example.com/sms",
            "SmsStatusCallback": "https://example.com/status",
            "SmsStatusCallbackMethod": "GET",
        }
        reply = self.api.ask("POST", f"{self.api.account}/Applications", form=form)
        return str(reply.json()["uri"])

    def group(self) -> str:
        """The path of a new group of one number."""
        return f"{GROUPS}/{self.api.group(self.numbers[0], sticky=True)}"

    def membership(self) -> str:
        """A new membership's path."""
        return f"{MEMBERSHIPS}/{self.api.join(self.api.group(), self.numbers[0])}"

    def short_code(self) -> str:
        """The short code's path."""
        return f"{SHORT_CODES}/{self.api.get(SHORT_CODES)['data'][0]['id']}"

    def token(self) -> str:
        """A new token's path."""
        return f"{TOKENS}/{self.api.ask('POST', TOKENS, body=NEW_TOKEN).json()['id']}"


Case = Callable[[World], Reply]
NEW_TOKEN = {"name": "Web shop", "permissions": ["numbers", "messaging"]}
NEW_APPLICATION = {"FriendlyName": "Support", "SmsUrl": "https://example.com/sms", "SmsMethod": "GET"}
SHORT_CODE_HANDLER = {
    "name": "Votes",
    "message_handler": "laml_webhooks",
    "message_request_url": "https://example.com/sms",
    "message_request_method": "GET",
}
REST_MESSAGE = {"to": HANDSET, "body": "Hello"}


def _message_page(world: World) -> Reply:
    """The middle one of three pages."""
    to = "+13125550199"
    newest = [world.api.delivered(To=to, Body=str(count))["sid"] for count in range(3)][2]
    return world.api.ask("GET", f"{world.api.messages}?To=%2B13125550199&PageSize=1&Page=1&PageToken=PA{newest}")


def _log_page(world: World) -> Reply:
    """One log amid others, which are of the REST API and of the cXML API."""
    ids = [
        world.api.send(To=HANDSET)["sid"],
        world.api.once(world.api.rest_send(to=HANDSET)["id"], "delivered")["sid"],
        world.api.send(To=HANDSET)["sid"],
    ]
    return world.api.ask("GET", f"{LOGS}?page_size=1&page_number=1&page_token=PA{ids[2]}&include_deleted=true")


def _number(world: World, place: int) -> str:
    return str(world.api.number(world.numbers[place])["uri"])


def _relay_number(world: World, place: int) -> str:
    return f"{NUMBERS}/{world.api.number(world.numbers[place])['sid']}"


def _group_page(world: World) -> Reply:
    """The middle one of three."""
    made = [world.api.ask("POST", GROUPS, body={"name": f"Page {n}"}).json()["id"] for n in range(3)][2]
    return world.api.ask("GET", f"{GROUPS}?filter_name=Page&page_size=1&page_number=1&page_token=PA{made}")


def _bought(world: World) -> dict[str, Any]:
    """A free number, taken."""
    form = {"AreaCode": "415"}
    return dict(world.api.ask("POST", f"{world.api.account}/IncomingPhoneNumbers", form=form).json())


def _joined(world: World) -> Reply:
    body = {"phone_number_id": world.api.number(world.numbers[0])["sid"]}
    return world.api.ask("POST", f"{GROUPS}/{world.api.group()}/number_group_memberships", body=body)


def _told_back(world: World, wording: str) -> Reply:
    """A code, told back in these words."""
    to = caller.new_handset()
    made = world.api.ask("POST", f"{MFA}/sms", body={"to": to}).json()["id"]
    code = world.api.get(f"{world.api.messages}?To=%2B{to[1:]}")["messages"][0]["body"].split()[-1]
    world.used = f"{MFA}/{made}/verify"
    return world.api.ask("POST", world.used, body={"token": wording.format(code)})


def _deleted(world: World) -> Reply:
    return world.api.ask("DELETE", f"{world.api.messages}/{world.api.delivered()['sid']}")


def _media_deleted(world: World) -> Reply:
    message = world.api.once(world.api.send(MediaUrl=world.picture)["sid"], "sent")["sid"]
    return world.api.ask("DELETE", world.media(message)[0]["uri"])


def _filled(world: World) -> str:
    """The first number's path in relay/rest, once it has a handler."""
    path = _relay_number(world, 1)
    handler = {"message_handler": "laml_webhooks", "message_request_url": "https://example.com/sms", "name": "Support"}
    assert world.api.ask("PUT", path, body=handler).status == 200
    return path


def _script(world: World) -> Reply:
    form = {"Name": "Welcome", "Contents": "<Response><Message>Hello {{From}}</Message></Response>"}
    return world.api.ask("POST", f"{world.api.account}/LamlBins", form=form)


def _document(world: World, method: str) -> Reply:
    path = f"/laml-bins/{_script(world).json()['sid']}?From=%2B13125550100"
    return world.api.ask(method, path, headers={"Authorization": None})


def _account_token(world: World) -> str:
    """The path of a new token of the project."""
    tokens = f"{world.api.account}/tokens"
    form = {"name": "Web shop", "permissions": ["messaging", "numbers"]}
    return f"{tokens}/{world.api.ask('POST', tokens, form=form).json()['id']}"


def _subproject(world: World) -> str:
    """The path of a new subproject in the JSON API."""
    return f"{PROJECTS}/{world.api.ask('POST', PROJECTS, body={'name': 'Branch'}).json()['id']}"


def _carriers(world: World) -> Reply:
    """As at rest: how much it has sent is another test's doing."""
    reply = world.api.ask("GET", "/api/heliograph/carriers", headers=world.operator)
    body = reply.json()
    body["carriers"][0] |= {"in_flight": 0, "submitted": 0}
    return replace(reply, body=json.dumps(body).encode())


def _search(world: World) -> Reply:
    """The first section of the first page stands for all of them."""
    reply = _anonymous("/docs/search.json")(world)
    return replace(reply, body=json.dumps(json.loads(reply.body)[:1]).encode())


def _dropped(world: World) -> Reply:
    return world.api.ask("GET", "/api/heliograph/carriers/dropped", headers=world.operator)


def _dead_callbacks(world: World) -> Reply:
    """A message's pending callback, after its receiver said no."""
    world.sink.answer("/refusing", Answer(status=500))
    sid = world.api.delivered(To=HANDSET, StatusCallback=world.sink.url("/refusing"))["sid"]
    path = f"/api/heliograph/callbacks?status=pending&message_id={sid}"

    def tried() -> Reply | None:
        reply = world.api.ask("GET", path)
        return reply if any(each["attempts"] for each in reply.json()["callbacks"]) else None

    return _once(tried, "a callback to be tried")


def _once(look: Callable[[], Reply | None], what: str) -> Reply:
    found = wait_until(look, what)
    assert found is not None
    return found


def _plain(method: str, path: str, **more: Any) -> Case:
    """A request that needs nothing made; {project} stands for the project."""
    return lambda world: world.api.ask(method, path.format(project=world.api.project_id), **more)


def _anonymous(path: str) -> Case:
    return lambda world: world.api.ask("GET", path, headers={"Authorization": None})


def _replayed(world: World) -> Reply:
    key = {"Idempotency-Key": "golden"}
    first = world.api.create(headers=key, To=HANDSET)
    world.api.once(first.json()["sid"], "delivered")
    return world.api.create(headers=key, To=HANDSET)


ACCOUNT = CXML_ROOT + "/Accounts/{project}"
CASES: dict[str, dict[str, Case]] = {
    "create_message": {
        "a text": lambda world: world.api.create(To=HANDSET),
        "an MMS without a text": lambda world: world.api.create(To=HANDSET, Body="", MediaUrl=[world.picture] * 2),
        "a replay": _replayed,
        "from a group": lambda world: world.api.create(
            To=HANDSET, From="", MessagingServiceSid=world.api.group(world.numbers[0])
        ),
    },
    "list_messages": {
        "a page amid others": _message_page,
        "nothing": lambda world: world.api.ask("GET", f"{world.api.messages}?To=%2B13125550000&Status=sending"),
    },
    "retrieve_message": {
        "a delivered text": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.text}"),
        "a failed text": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.failed}"),
        "a sent MMS": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.mms}"),
        "a received MMS": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.inbound}"),
        "one of the REST API": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.rest}"),
    },
    "update_message": {
        "redacted": lambda world: world.api.ask(
            "POST", f"{world.api.messages}/{world.api.delivered(To=HANDSET)['sid']}", form={"Body": ""}
        ),
    },
    "delete_message": {"gone": _deleted},
    "list_media": {
        "of an MMS": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.mms}/Media"),
        "one on a page": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.mms}/Media?PageSize=1"),
        "of a text": lambda world: world.api.ask("GET", f"{world.api.messages}/{world.text}/Media"),
    },
    "retrieve_media": {
        "the record": lambda world: world.api.ask("GET", world.media(world.mms)[0]["uri"] + ".json"),
        "the bytes": lambda world: world.api.ask("GET", world.media(world.mms)[0]["uri"]),
    },
    "delete_message_media": {"gone": _media_deleted},
    "list_incoming_phone_numbers": {
        "found": lambda world: world.api.ask(
            "GET", f"{world.api.account}/IncomingPhoneNumbers?PhoneNumber={world.numbers[0][1:]}"
        ),
    },
    "create_incoming_phone_number": {
        "by number": _plain("POST", ACCOUNT + "/IncomingPhoneNumbers", form={"PhoneNumber": "+12065550140"}),
        "not free": _plain("POST", ACCOUNT + "/IncomingPhoneNumbers", form={"PhoneNumber": "+12025550101"}),
    },
    "delete_incoming_phone_number": {"gone": lambda world: world.api.ask("DELETE", _bought(world)["uri"])},
    "list_available_phone_number_countries": {"one": _plain("GET", ACCOUNT + "/AvailablePhoneNumbers")},
    "get_available_phone_number_country": {"one": _plain("GET", ACCOUNT + "/AvailablePhoneNumbers/US")},
    "search_local_phone_numbers": {
        "one": _plain("GET", ACCOUNT + "/AvailablePhoneNumbers/US/Local?AreaCode=512&PageSize=1"),
    },
    "search_toll_free_phone_numbers": {
        "one": _plain("GET", ACCOUNT + "/AvailablePhoneNumbers/US/TollFree?PageSize=1"),
    },
    "create_imported_phone_number": {
        "a new one": _plain(
            "POST",
            ACCOUNT + "/ImportedPhoneNumbers",
            form={"number": "+4915223433333", "number_type": "longcode", "capabilities": ["sms", "mms"]},
        ),
    },
    "get_incoming_phone_number": {"as made": lambda world: world.api.ask("GET", _number(world, 0))},
    "update_incoming_phone_number": {
        "a handler": lambda world: world.api.ask(
            "POST", _number(world, 1), form={"SmsUrl": "https://example.com/a?b=c", "SmsMethod": "GET"}
        ),
        "cleared": lambda world: world.api.ask("POST", _number(world, 1), form={"SmsUrl": "", "SmsMethod": "POST"}),
    },
    "list_applications": {
        "nothing": _plain("GET", ACCOUNT + "/Applications?FriendlyName=none"),
    },
    "create_application": {"a new one": _plain("POST", ACCOUNT + "/Applications", form=NEW_APPLICATION)},
    "get_application": {"as made": lambda world: world.api.ask("GET", world.application())},
    "update_application": {
        "changed and cleared": lambda world: world.api.ask(
            "POST", world.application(), form={"SmsUrl": "", "FriendlyName": "Sales"}
        ),
    },
    "delete_application": {"gone": lambda world: world.api.ask("DELETE", world.application())},
    "get_account": {"a project": _plain("GET", ACCOUNT)},
    "send_message": {
        "a text": lambda world: world.api.rest_create(**REST_MESSAGE, status_callback=world.sink.url("/status")),
        "an MMS": lambda world: world.api.rest_create(to=HANDSET, body=None, media=[world.picture]),
    },
    "redact_message": {
        "redacted": lambda world: world.api.ask("PATCH", f"{REST_MESSAGES}/{world.rest}", body={"body": ""}),
        "an inbound MMS": lambda world: world.api.ask("PATCH", f"{REST_MESSAGES}/{world.inbound}", body={"body": ""}),
    },
    "list_message_logs": {"a page amid others": _log_page},
    "get_message_log": {
        "of the cXML API": lambda world: world.api.ask("GET", f"{LOGS}/{world.text}"),
        "of the REST API": lambda world: world.api.ask("GET", f"{LOGS}/{world.rest}"),
        "of a failure": lambda world: world.api.ask("GET", f"{LOGS}/{world.failed}"),
        "of an inbound MMS": lambda world: world.api.ask("GET", f"{LOGS}/{world.inbound}"),
    },
    "list_phone_numbers": {
        "found": lambda world: world.api.ask("GET", f"{NUMBERS}?filter_number={world.numbers[0][1:]}"),
    },
    "search_available_phone_numbers": {"one": _plain("GET", f"{NUMBERS}/search?areacode=512&max_results=1")},
    "purchase_phone_number": {"by number": _plain("POST", NUMBERS, body={"number": "+13125550140"})},
    "release_phone_number": {
        "gone": lambda world: world.api.ask("DELETE", f"{NUMBERS}/{_bought(world)['sid']}"),
    },
    "import_phone_number": {
        "a new one": _plain(
            "POST",
            "/api/relay/rest/imported_phone_numbers",
            body={"number": "+4915223433334", "number_type": "longcode"},
        ),
    },
    "get_phone_number": {"as made": lambda world: world.api.ask("GET", _relay_number(world, 0))},
    "update_phone_number": {
        "a handler": lambda world: world.api.ask("GET", _filled(world)),
        "cleared": lambda world: world.api.ask(
            "PUT", _filled(world), body={"message_handler": None, "message_request_url": None, "name": None}
        ),
    },
    "list_number_groups": {"found": _group_page, "nothing": _plain("GET", f"{GROUPS}?filter_name=none")},
    "create_number_group": {
        "a new one": _plain("POST", GROUPS, body={"name": "Support"}),
        "a sticky one": _plain("POST", GROUPS, body={"name": "Support", "sticky_sender": True}),
    },
    "retrieve_number_group": {"of one number": lambda world: world.api.ask("GET", world.group())},
    "update_number_group": {
        "changed": lambda world: world.api.ask("PUT", world.group(), body={"name": "Sales", "sticky_sender": False}),
    },
    "delete_number_group": {"gone": lambda world: world.api.ask("DELETE", world.group())},
    "list_number_group_memberships": {
        "of one number": lambda world: world.api.ask("GET", world.group() + "/number_group_memberships"),
    },
    "create_number_group_membership": {"a new one": _joined},
    "retrieve_number_group_membership": {"as made": lambda world: world.api.ask("GET", world.membership())},
    "delete_number_group_membership": {"gone": lambda world: world.api.ask("DELETE", world.membership())},
    "list_cxml_scripts": {
        "by name": lambda world: (
            _script(world),
            world.api.ask("GET", f"{world.api.account}/LamlBins?Name=Welcome&PageSize=1"),
        )[1],
        "none of that name": _plain("GET", ACCOUNT + "/LamlBins?Name=Nobody"),
    },
    "create_cxml_script": {
        "with contents": _script,
        "without": _plain("POST", ACCOUNT + "/LamlBins", form={"Name": "Silent"}),
        "not XML": _plain("POST", ACCOUNT + "/LamlBins", form={"Name": "Text", "Contents": "Hello"}),
    },
    "retrieve_cxml_script": {"as made": lambda world: world.api.ask("GET", world.script)},
    "update_cxml_script": {
        "renamed": lambda world: world.api.ask("POST", _script(world).json()["uri"], form={"Name": "Hello"}),
    },
    "delete_cxml_script": {"gone": lambda world: world.api.ask("DELETE", _script(world).json()["uri"])},
    "get_script_document": {
        "filled in": lambda world: _document(world, "GET"),
        "no such": _anonymous(f"/laml-bins/{UNKNOWN}"),
    },
    "post_script_document": {"filled in": lambda world: _document(world, "POST")},
    "list_accounts": {"by name": _plain("GET", CXML_ROOT + "/Accounts?FriendlyName=default")},
    "create_subproject_account": {
        "a new one": _plain("POST", CXML_ROOT + "/Accounts", form={"FriendlyName": "Branch"}),
        "no name": _plain("POST", CXML_ROOT + "/Accounts", form={}),
    },
    "update_account": {
        "renamed": lambda world: world.api.ask("POST", world.subproject, form={"FriendlyName": "Depot"}),
    },
    "create_account_token": {
        "a new one": _plain(
            "POST", ACCOUNT + "/tokens", form={"name": "Web shop", "permissions": ["messaging", "numbers"]}
        ),
        "no permissions": _plain("POST", ACCOUNT + "/tokens", form={"name": "Web shop"}),
    },
    "update_account_token": {
        "renamed": lambda world: world.api.ask("PATCH", _account_token(world), body={"name": "Till"}),
    },
    "delete_account_token": {"gone": lambda world: world.api.ask("DELETE", _account_token(world))},
    "request_mfa_sms": {"a code": _plain("POST", f"{MFA}/sms", body={"to": HANDSET})},
    "request_mfa_call": {"refused": _plain("POST", f"{MFA}/call", body={"to": HANDSET})},
    "verify_mfa_token": {
        "the code": lambda world: _told_back(world, "{}"),
        "not the code": lambda world: _told_back(world, "{}1"),
        "used up": lambda world: (_told_back(world, "{}"), world.api.ask("POST", world.used, body={"token": "123456"}))[
            1
        ],
    },
    "list_short_codes": {
        "found": _plain("GET", f"{SHORT_CODES}?filter_number={SHORT_CODE[1:]}"),
        "nothing": _plain("GET", f"{SHORT_CODES}?filter_name=none"),
    },
    "retrieve_short_code": {"as made": lambda world: world.api.ask("GET", world.short_code())},
    "update_short_code": {
        "a handler": lambda world: world.api.ask("PUT", world.short_code(), body=SHORT_CODE_HANDLER),
        "back": lambda world: world.api.ask(
            "PUT", world.short_code(), body={**dict.fromkeys(SHORT_CODE_HANDLER), "name": SHORT_CODE}
        ),
    },
    "lookup_phone_number": {
        "a number": _plain("GET", f"{LOOKUP}/+12145550101"),
        "with all of it": _plain("GET", f"{LOOKUP}/+4915123456789?include=carrier,cnam"),
        "one that can't be": _plain("GET", f"{LOOKUP}/+999123456"),
    },
    "list_projects": {"by name": _plain("GET", PROJECTS + "?name=default")},
    "create_subproject": {
        "a new one": _plain("POST", PROJECTS, body={"name": "Branch", "force_https_requests": True}),
        "two faults": _plain("POST", PROJECTS, body={"protect_recordings": 1}),
    },
    "get_project": {"the caller's": _plain("GET", PROJECTS + "/{project}")},
    "update_project": {
        "a subproject": lambda world: world.api.ask("PATCH", _subproject(world), body={"protect_message_media": True}),
    },
    "delete_subproject": {
        "gone": lambda world: world.api.ask("DELETE", _subproject(world)),
        "no subproject": _plain("DELETE", PROJECTS + "/{project}"),
    },
    "rotate_signing_key": {
        "a subproject's": lambda world: world.api.ask("POST", f"{_subproject(world)}/signing-key/rotate"),
    },
    "create_token": {"a new one": _plain("POST", TOKENS, body=NEW_TOKEN)},
    "update_token": {"renamed": lambda world: world.api.ask("PATCH", world.token(), body={"name": "Till"})},
    "delete_token": {"gone": lambda world: world.api.ask("DELETE", world.token())},
    "simulate_inbound": {
        "taken": lambda world: world.api.ask(
            "POST", INBOUND, body={"from": HANDSET, "to": world.numbers[0], "body": "A question"}
        ),
    },
    "get_timeline": {
        "of a delivered text": lambda world: world.api.ask("GET", f"/api/heliograph/messages/{world.text}/timeline"),
    },
    "list_relay_clients": {"none": _plain("GET", "/api/heliograph/relay/clients")},
    "list_carriers": {"the simulated one": _carriers},
    "list_dropped": {"none": _dropped},
    "list_callbacks": {"one that failed": _dead_callbacks},
    "replay_callbacks": {
        "of one message": lambda world: world.api.ask(
            "POST", "/api/heliograph/callbacks/replay", body={"message_id": world.text}
        ),
    },
    "health": {"well": _anonymous("/health")},
    "metrics": {"as text": _anonymous("/metrics")},
    "landing_page": {"as a page": _anonymous("/")},
    "docs_start": {"as a page": _anonymous("/docs")},
    "docs_page": {"as a page": _anonymous("/docs/quickstart"), "as Markdown": _anonymous("/docs/quickstart.md")},
    "docs_asset": {"the style": _anonymous("/docs/assets/site.css")},
    "docs_search": {"one section": _search},
    "icon": {"as a picture": _anonymous("/favicon.ico")},
    "llms_index": {"as text": _anonymous("/llms.txt")},
    "llms_everything": {"as text": _anonymous("/llms-full.txt")},
}

FORM = {"Content-Type": caller.FORM}
JSON = {"Content-Type": caller.JSON}
NOBODY = {"Authorization": None}
HUGE = b"x" * (2**20 + 1)
FAULTS: dict[str, dict[str, Case]] = {
    "faults_cxml": {
        "400 not JSON": _plain("POST", ACCOUNT + "/Messages", raw=b"{", headers=JSON),
        "400 not UTF-8": _plain("POST", ACCOUNT + "/Messages", raw=b"Body=%ff", headers=FORM),
        "400 page without token": _plain("GET", ACCOUNT + "/Messages?Page=1"),
        "401 no credentials": _plain("GET", ACCOUNT + "/Messages", headers=NOBODY),
        "404 unknown id": _plain("GET", ACCOUNT + f"/Messages/{UNKNOWN}"),
        "404 unknown path": _plain("GET", ACCOUNT + "/Nothing"),
        "405 wrong method": _plain("PUT", ACCOUNT + "/Messages"),
        "409 key reused": lambda world: (_replayed(world), world.api.create(headers={"Idempotency-Key": "golden"}))[1],
        "413 too large": _plain("POST", ACCOUNT + "/Messages", raw=HUGE, headers=FORM),
        "415 wrong type": _plain("POST", ACCOUNT + "/Messages", raw=b"<a/>", headers={"Content-Type": "text/xml"}),
        "422 first of two faults": _plain("POST", ACCOUNT + "/Messages", form={"To": "nobody"}),
        "422 NUL": _plain("POST", ACCOUNT + "/Messages", form={"To": HANDSET, "Body": "a\0b"}),
    },
    "faults_messaging": {
        "400 not JSON": _plain("POST", REST_MESSAGES, raw=b"{", headers=JSON),
        "400 not an object": _plain("POST", REST_MESSAGES, body=["to"]),
        "401 no credentials": _plain("GET", LOGS, headers=NOBODY),
        "404 unknown id": _plain("GET", f"{LOGS}/{UNKNOWN}"),
        "405 wrong method": _plain("PUT", LOGS),
        "413 too large": _plain("POST", REST_MESSAGES, raw=HUGE, headers=JSON),
        "415 wrong type": _plain("POST", REST_MESSAGES, raw=b"to=1", headers=FORM),
        "422 every fault": _plain(
            "POST", REST_MESSAGES, body={"to": "nobody", "media": ["ftp://x"], "custom_variables": {"sw_a": ""}}
        ),
        "422 no date": _plain("GET", f"{LOGS}?created_on=today"),
        "422 page without token": _plain("GET", f"{LOGS}?page_number=1"),
        "422 wrong token": _plain("GET", f"{LOGS}?page_token=PA"),
        "422 no body": lambda world: world.api.ask("PATCH", f"{REST_MESSAGES}/{world.rest}", body={}),
    },
    "faults_relay_rest": {
        "400 not JSON": lambda world: world.api.ask("PUT", _relay_number(world, 1), raw=b"{", headers=JSON),
        "401 no credentials": _plain("GET", NUMBERS, headers=NOBODY),
        "404 unknown id": _plain("GET", f"{NUMBERS}/{UNKNOWN}"),
        "405 wrong method": _plain("PATCH", NUMBERS),
        "413 too large": lambda world: world.api.ask("PUT", _relay_number(world, 1), raw=HUGE, headers=JSON),
        "415 wrong type": lambda world: world.api.ask("PUT", _relay_number(world, 1), raw=b"a=b", headers=FORM),
        "422 two faults": lambda world: world.api.ask(
            "PUT", _relay_number(world, 1), body={"message_request_url": "x", "message_request_method": "PUT"}
        ),
        "422 page size": _plain("GET", f"{NUMBERS}?page_size=0"),
        "422 every fault of a code": _plain(
            "POST", f"{MFA}/sms", body={"to": "nobody", "from": HANDSET, "message": "x" * 155, "token_length": 3}
        ),
    },
    "faults_project": {
        "400 not JSON": _plain("POST", TOKENS, raw=b"{", headers=JSON),
        "401 no credentials": _plain("POST", TOKENS, headers=NOBODY),
        "404 unknown id": _plain("DELETE", f"{TOKENS}/{UNKNOWN}"),
        "405 wrong method": _plain("PUT", TOKENS),
        "413 too large": _plain("POST", TOKENS, raw=HUGE, headers=JSON),
        "415 wrong type": _plain("POST", TOKENS, raw=b"name=a", headers=FORM),
        "422 two faults": _plain("POST", TOKENS, body={"permissions": []}),
    },
    "faults_heliograph": {
        "401 no credentials": _plain("POST", INBOUND, headers=NOBODY),
        "404 unknown id": _plain("GET", f"/api/heliograph/messages/{UNKNOWN}/timeline"),
        "422 number of nobody": _plain("POST", INBOUND, body={"from": HANDSET, "to": "+13125550999", "body": "a"}),
        "422 unknown status": _plain("GET", "/api/heliograph/callbacks?status=lost"),
    },
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Sink]:
    """The server's media and callbacks."""
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, receiver: Sink) -> Iterator[World]:
    """One server for all cases."""
    server = HeliographServer(tmp_path_factory.mktemp("golden") / "data", settings={"callback_retry_seconds": 3600})
    try:
        api = Caller.of(server.start())
        server.run("number", "add", SHORT_CODE, "--data", str(server.data))
        _once(lambda: reply if (reply := api.ask("GET", SHORT_CODES)).json()["data"] else None, "the short code")
        yield World(api, receiver, server.credentials.numbers, server.operator())
    finally:
        server.kill()


@pytest.mark.parametrize("name", [*CASES, *FAULTS])
def test_the_answers_are_those_of_the_golden_file(world: World, name: str) -> None:
    cases = CASES.get(name) or FAULTS[name]
    found = {case: exchanges.described(ask(world), exchanges.Normaliser(world.known)) for case, ask in cases.items()}
    assert all(each["status"] < 500 for each in found.values()), "a broken server is no model"
    exchanges.check(name, found)


def test_the_openapi_document_lists_the_golden_operations(world: World) -> None:
    paths = world.api.get("/openapi.json", headers=NOBODY)["paths"]
    operations = {
        f"{method.upper()} {path}": told["operationId"] for path, each in paths.items() for method, told in each.items()
    }
    exchanges.check("openapi", operations)


def test_every_route_has_golden_answers_and_every_file_its_route() -> None:
    operations = {route.operation for route in families.all_routes()}
    assert operations == {*CASES, "openapi"}
    files = {path.stem for path in exchanges.FILES.iterdir()}
    assert files == {*operations, *FAULTS, "faults_busy", "faults_store"}


def test_too_many_requests(tmp_path_factory: pytest.TempPathFactory, receiver: Sink) -> None:
    """The backlog, then the rate; the number family's shape is seen at the rate."""
    settings = {"rate_limit_writes": 8, "rate_limit_seconds": 86400, "backlog_limit": 1, "simulator_window": 1}
    server = HeliographServer(tmp_path_factory.mktemp("busy") / "data", settings=settings)
    try:
        api = Caller.of(server.start())
        api.once(api.send(To="+15005554001")["sid"], "sending")  # never answered: the carrier's window is full
        api.send()
        replies = {"backlog cXML": api.create(), "backlog messaging": api.rest_create()}
        while api.create().headers["x-ratelimit-remaining"] != "0":
            pass
        replies["rate cXML"] = api.create()
        replies["rate messaging"] = api.rest_create()
        replies["rate relay/rest"] = api.ask("PUT", f"{NUMBERS}/{api.number()['sid']}", body={})
        replies["rate project"] = api.ask("POST", TOKENS, body={})
    finally:
        server.kill()
    normaliser = exchanges.Normaliser({api.base_url: "<server>"})
    exchanges.check("faults_busy", {name: exchanges.described(each, normaliser) for name, each in replies.items()})


def test_a_store_that_does_not_answer(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another process holds the database file."""
    data = tmp_path_factory.mktemp("held") / "data"
    server = HeliographServer(data, settings={"store_busy_seconds": 0.1})
    try:
        api = Caller.of(server.start())
        (database,) = data.glob("*.db")
        with sqlite3.connect(database) as holder:
            holder.execute("BEGIN IMMEDIATE")
            replies = {
                "cXML": api.create(),
                "messaging": api.rest_create(),
                "relay/rest": api.ask("PUT", f"{NUMBERS}/{api.number()['sid']}", body={"name": "Support"}),
                "project": api.ask("POST", TOKENS, body=NEW_TOKEN),
                "health": api.ask("GET", "/health"),
            }
            holder.rollback()
        holder.close()
        _once(lambda: reply if (reply := api.ask("GET", "/health")).status == 200 else None, "the store to be back")
        assert api.create().status == 201
    finally:
        server.kill()
    normaliser = exchanges.Normaliser({api.base_url: "<server>", __version__: "<version>"})
    exchanges.check("faults_store", {name: exchanges.described(each, normaliser) for name, each in replies.items()})
