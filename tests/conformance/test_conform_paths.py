"""Fields of a path, and credentials: what names nothing is not found, and who isn't known is not answered."""

import uuid

import claims
import pytest
import ties
from facts import Row, specification

from caller import Caller
from servers import Reply

STRANGE = {"IsoCountry": "ZZ", "e164_number": "nobody"}
FORM = {"FriendlyName": "x", "Name": "x", "name": "x", "permissions": "messaging", "number": "+12025550199"}
BODY = {"name": "x", "body": "", "token": "123456", "message_handler": "laml_webhooks", "permissions": ["messaging"]}


@pytest.fixture(scope="module")
def message_sid(api: Caller) -> str:
    return str(api.send()["sid"])


@pytest.mark.parametrize("row", ties.path_rows(), ids=str)
def test_a_strange_id_is_not_found(api: Caller, message_sid: str, row: Row) -> None:
    known = {"AccountSid": api.project_id, "MessageSid": message_sid, "IsoCountry": "US"}
    operation = specification().operations[row.owner]
    given = {name: known.get(name, str(uuid.uuid4())) for name in operation.in_path}
    given[row.name] = STRANGE.get(row.name, str(uuid.uuid4()))
    reply = _ask(api, operation.method, operation.path.format_map(given))
    assert reply.status == 404, (reply.status, reply.body)
    if row.owner.startswith("cxml."):
        claims.conforms("cxml.Error", reply.json())
        assert reply.json()["code"] == 20404
    else:
        assert reply.json() == {"error": "Not Found"}


@pytest.mark.parametrize("operation", ties.here())
def test_nobody_without_credentials_is_answered(api: Caller, operation: str) -> None:
    """Before anything else of the request is looked at, and in the family's shape."""
    asked = specification().operations[operation]
    path = asked.path.format_map({name: str(uuid.uuid4()) for name in asked.in_path})
    if operation == "cxml.retrieve_media":
        path += ".json"  # the record: the bytes are public
    stranger = api.with_token("PT" + "0" * 48)
    shown = claims.refused(operation, _ask(stranger, asked.method, path), 401)
    assert shown.get("code", 20003) == 20003


def _ask(api: Caller, method: str, path: str) -> Reply:
    if method in ("GET", "DELETE"):
        return api.ask(method, path)
    if path.startswith("/api/laml") and method == "POST":
        return api.ask(method, path, form=FORM)
    return api.ask(method, path, body=BODY)
