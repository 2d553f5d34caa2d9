"""Who calls, and what they may (contract, section 1)."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from caller import CXML_ROOT, INBOUND, LOGS, NUMBERS, REST_MESSAGES, TOKENS, Caller, NewProject
from servers import HeliographServer, wait_until

UNKNOWN = "00000000-0000-4000-8000-000000000000"
UNAUTHORIZED = {"error": "Unauthorized"}
FAMILIES = {
    "cxml": CXML_ROOT + "/Accounts/{project}/Messages",
    "bare cxml": "/2010-04-01/Accounts/{project}/Messages.json",
    "messaging": LOGS,
    "relay/rest": NUMBERS,
    "project": TOKENS,
    "heliograph": "/api/heliograph/callbacks",
}


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("family", FAMILIES)
def test_no_and_wrong_credentials_are_401_in_the_family_s_shape(api: Caller, family: str) -> None:
    path = FAMILIES[family].format(project=api.project_id)
    wrong = [
        None,
        "",
        "Basic",
        "Basic !!!",
        _basic(api.project_id, "PT" + "0" * 48),
        _basic(UNKNOWN, api.token),
        _basic(api.project_id, api.token[:-1]),
        _basic(api.project_id, ""),
        api.authorization.replace("Basic", "Bearer"),
    ]
    for header in wrong:
        reply = api.ask("GET", path, headers={"Authorization": header})
        assert reply.status == 401, header
        assert reply.headers["www-authenticate"].startswith("Basic ")
        if "cxml" in family:
            assert reply.json() | {"message": "", "more_info": ""} == {
                "code": 20003,
                "message": "",
                "more_info": "",
                "status": 401,
            }
        else:
            assert reply.json() == UNAUTHORIZED


@pytest.mark.parametrize(
    "path", ["/api/laml/nothing", "/2010-04-01/nothing", "/api/messaging/nothing", "/api/relay/rest/"]
)
def test_credentials_are_checked_before_the_path(api: Caller, path: str) -> None:
    assert api.ask("GET", path, headers={"Authorization": None}).status == 401
    assert api.ask("GET", path).status == 404


def test_the_scheme_is_read_in_any_case(api: Caller) -> None:
    assert api.ask("GET", LOGS, headers={"Authorization": api.authorization.replace("Basic", "bAsIc")}).status == 200


ADMITTED = {
    ("GET", "{account}/Messages"): {"messaging"},
    ("POST", "{account}/Messages"): {"messaging"},
    ("GET", "{account}/Messages/{id}"): {"messaging"},
    ("POST", "{account}/Messages/{id}"): {"messaging"},
    ("DELETE", "{account}/Messages/{id}"): {"messaging"},
    ("GET", "{account}/Messages/{id}/Media"): {"messaging"},
    ("GET", "{account}/Messages/{id}/Media/{id}.json"): {"messaging"},
    ("DELETE", "{account}/Messages/{id}/Media/{id}"): {"messaging"},
    ("GET", "{account}/IncomingPhoneNumbers"): {"numbers"},
    ("POST", "{account}/IncomingPhoneNumbers/{id}"): {"numbers"},
    ("GET", "{account}/Applications"): {"messaging", "calling", "fax"},
    ("POST", "{account}/Applications"): {"messaging", "calling", "fax"},
    ("DELETE", "{account}/Applications/{id}"): {"messaging", "calling", "fax"},
    ("GET", "{account}"): {"management"},
    ("POST", REST_MESSAGES): {"messaging"},
    ("PATCH", REST_MESSAGES + "/{id}"): {"messaging"},
    ("GET", LOGS): {"messaging"},
    ("GET", LOGS + "/{id}"): {"messaging"},
    ("GET", NUMBERS): {"numbers"},
    ("PUT", NUMBERS + "/{id}"): {"numbers"},
    ("POST", TOKENS): {"management"},
    ("PATCH", TOKENS + "/{id}"): {"management"},
    ("DELETE", TOKENS + "/{id}"): {"management"},
    ("POST", INBOUND): {"messaging"},
    ("GET", "/api/heliograph/messages/{id}/timeline"): {"messaging"},
    ("GET", "/api/heliograph/callbacks"): {"messaging"},
}


@pytest.mark.parametrize("scope", ["messaging", "numbers", "management", "calling", "fax", "video"])
def test_a_missing_scope_is_401(api: Caller, scope: str) -> None:
    made = api.ask("POST", TOKENS, body={"name": scope, "permissions": [scope]}).json()
    narrow = api.with_token(made["token"])
    for (method, path), scopes in ADMITTED.items():
        reply = narrow.ask(method, path.format(account=api.account, id=UNKNOWN), form={})
        assert (reply.status == 401) == (scope not in scopes), (method, path, reply.status)


def test_a_stranger_s_resources_look_as_if_they_were_not_there(api: Caller, new_project: NewProject) -> None:
    stranger = new_project("stranger", "+12025550111")
    message = stranger.delivered()["sid"]
    number = stranger.number()["sid"]
    application = stranger.ask("POST", f"{stranger.account}/Applications", form={"FriendlyName": "a"}).json()["sid"]
    asked = {
        ("GET", f"{api.messages}/{message}"): f"{api.messages}/{UNKNOWN}",
        ("POST", f"{api.messages}/{message}"): f"{api.messages}/{UNKNOWN}",
        ("DELETE", f"{api.messages}/{message}"): f"{api.messages}/{UNKNOWN}",
        ("GET", f"{api.messages}/{message}/Media"): f"{api.messages}/{UNKNOWN}/Media",
        ("GET", f"{stranger.messages}/{message}"): f"{CXML_ROOT}/Accounts/{UNKNOWN}/Messages/{message}",
        ("GET", stranger.messages): f"{CXML_ROOT}/Accounts/{UNKNOWN}/Messages",
        ("POST", stranger.messages): f"{CXML_ROOT}/Accounts/{UNKNOWN}/Messages",
        ("GET", stranger.account): f"{CXML_ROOT}/Accounts/{UNKNOWN}",
        ("GET", f"{api.account}/IncomingPhoneNumbers/{number}"): f"{api.account}/IncomingPhoneNumbers/{UNKNOWN}",
        ("GET", f"{api.account}/Applications/{application}"): f"{api.account}/Applications/{UNKNOWN}",
        ("GET", f"{LOGS}/{message}"): f"{LOGS}/{UNKNOWN}",
        ("PATCH", f"{REST_MESSAGES}/{message}"): f"{REST_MESSAGES}/{UNKNOWN}",
        ("GET", f"{NUMBERS}/{number}"): f"{NUMBERS}/{UNKNOWN}",
        ("GET", f"/api/heliograph/messages/{message}/timeline"): f"/api/heliograph/messages/{UNKNOWN}/timeline",
    }
    for (method, path), unknown in asked.items():
        body = {"Body": "", "body": ""}
        reply, expected = api.ask(method, path, body=body), api.ask(method, unknown, body=body)
        assert (reply.status, reply.body) == (404, expected.body), (method, path)
    # Nor may its number be sent from, named as an application, or written to.
    assert api.refusal(From=stranger.sender) == (422, 21210)
    assert api.refusal(ApplicationSid=application) == (422, 21218)
    arriving = api.ask("POST", INBOUND, body={"from": "+13125550100", "to": stranger.sender, "body": "a"})
    assert (arriving.status, arriving.json()["errors"][0]["code"]) == (422, "invalid_to_number")
    assert stranger.message(message)["status"] == "delivered"


def test_a_parent_acts_on_its_subproject_and_not_the_other_way(api: Caller, new_project: NewProject) -> None:
    child = new_project("child", "+12025550112", parent=api.project_id)
    above = Caller(child.base_url, api.project_id, api.token)
    made = above.ask(
        "POST", child.messages, form={"To": "+13125550100", "From": child.sender, "Body": "for the child"}
    ).json()
    assert made["account_sid"] == child.project_id
    assert above.get(f"{child.messages}/{made['sid']}")["body"] == "for the child"
    assert child.message(made["sid"])["sid"] == made["sid"]
    assert api.ask("GET", f"{api.messages}/{made['sid']}").status == 404
    assert api.get(child.account)["owner_account_sid"] == api.project_id
    assert api.get(child.account)["subproject"] is True
    # The parent's own numbers are not the child's.
    refused = above.ask("POST", child.messages, form={"To": "+13125550100", "From": api.sender, "Body": "a"})
    assert (refused.status, refused.json()["code"]) == (422, 21210)
    for path in (api.messages, api.account, f"{api.account}/IncomingPhoneNumbers"):
        assert child.ask("GET", path).status == 404
    token = api.ask("POST", TOKENS, body={"name": "t", "permissions": ["messaging"], "subproject_id": child.project_id})
    assert child.with_token(token.json()["token"]).ask("GET", LOGS).status == 200
    assert api.ask("DELETE", f"{TOKENS}/{token.json()['id']}").status == 204


def test_a_token_is_shown_once_and_kept_as_a_hash(node: HeliographServer, api: Caller) -> None:
    made = api.ask("POST", TOKENS, body={"name": "once", "permissions": ["messaging"]}).json()
    assert re.fullmatch(r"PT[0-9a-f]{48}", made["token"])
    assert api.ask("PATCH", f"{TOKENS}/{made['id']}", body={"name": "again"}).json()["token"] == "redacted"
    kept = b"".join(each.read_bytes() for each in Path(node.data).rglob("*") if each.is_file())
    assert made["token"].encode() not in kept and made["token"] not in node.log()
    assert hashlib.sha256(made["token"].encode()).hexdigest().encode() in kept


def test_a_revoked_token_is_refused_within_a_second(node: HeliographServer, api: Caller) -> None:
    made = json.loads(
        node.run(
            "token", "create", "--name", "short-lived", "--project", api.project_id, "--data", str(node.data), "--json"
        )
    )
    other = api.with_token(made["token"])
    wait_until(lambda: other.ask("GET", LOGS).status == 200, "the new token to be known", 1.0)
    node.run("token", "revoke", made["id"], "--data", str(node.data))
    wait_until(lambda: other.ask("GET", LOGS).status == 401, "the revoked token to be refused", 1.0)


def test_a_token_deleted_or_narrowed_over_the_api_is_so_at_once(api: Caller) -> None:
    made = api.ask("POST", TOKENS, body={"name": "a", "permissions": ["messaging", "numbers"]}).json()
    other = api.with_token(made["token"])
    assert (other.ask("GET", LOGS).status, other.ask("GET", NUMBERS).status) == (200, 200)
    api.ask("PATCH", f"{TOKENS}/{made['id']}", body={"permissions": ["numbers"]})
    assert (other.ask("GET", LOGS).status, other.ask("GET", NUMBERS).status) == (401, 200)
    assert api.ask("DELETE", f"{TOKENS}/{made['id']}").status == 204
    assert other.ask("GET", NUMBERS).status == 401


def test_ids_are_read_in_either_case_and_printed_in_lower_case(api: Caller) -> None:
    sid = api.send()["sid"]
    account = f"{CXML_ROOT}/Accounts/{api.project_id.upper()}"
    found = api.get(f"{account}/Messages/{sid.upper()}")
    assert (found["sid"], found["account_sid"]) == (sid, api.project_id)
    assert api.log(sid.upper())["id"] == sid


@pytest.mark.parametrize("sid", ["x", "%2e%2e", "0" * 36, UNKNOWN + "0", UNKNOWN.replace("-", "")])
def test_a_malformed_id_is_404(api: Caller, sid: str) -> None:
    for path in (f"{api.messages}/{sid}", f"{api.messages}/{sid}/Media", f"{LOGS}/{sid}", f"{NUMBERS}/{sid}"):
        assert api.ask("GET", path).status == 404, path
