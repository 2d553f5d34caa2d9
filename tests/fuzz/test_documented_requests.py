"""Requests made from the OpenAPI document, and ones that break it, against the running server.

Every answer is documented: status, content type, headers and body; none is a 5xx. Ids that are made up would only ever
be 404, so half of them are replaced by real ones, and half of the messages are given numbers that can be used. Unlike
tests/api/test_openapi_holds.py, which asks for more but of an application in memory, all of the server is behind it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from caller import REST_MESSAGES, Caller
from heliograph import __version__
from heliograph.api import families
from heliograph.api.system.openapi import Document
from servers import Answer, HeliographServer, Sink

_SCHEMA = schemathesis.openapi.from_dict(Document(families.all_routes(), __version__).value)
_CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
NOBODY = "00000000-0000-4000-8000-000000000000"
HANDSET = "+13125550100"


@dataclass(frozen=True)
class Real:
    """Ids that exist. The number is one to which nothing arrives, so that no made-up URL of a handler is asked."""

    api: Caller
    picture: str
    message: str
    medium: str
    number: str
    application: str
    script: str
    subproject: str

    def id_for(self, method: str, path: str, name: str) -> str:
        """The id that fits a name in a path, or one that is nobody's; what is to be deleted is made for that."""
        if "/Applications/" in path:
            applications = f"{self.api.account}/Applications"
            return made(self.api, applications, "FriendlyName") if method == "DELETE" else self.application
        if "/LamlBins/" in path:
            return made(self.api, f"{self.api.account}/LamlBins", "Name") if method == "DELETE" else self.script
        if "/projects/" in path:
            return made(self.api, "/api/projects", "name") if method == "DELETE" else self.subproject
        if name == "e164_number":
            return HANDSET
        if "/IncomingPhoneNumbers/" in path or "/phone_numbers/" in path:
            return taken(self.api) if method == "DELETE" else self.number
        if path.endswith("/Media/{Sid}") and name == "Sid":
            return self.medium if method != "DELETE" else NOBODY
        if "essages/" in path or "/logs/" in path:
            return self.api.received()["sid"] if method == "DELETE" and "Media" not in path else self.message
        return NOBODY


def taken(api: Caller) -> str:
    """The id of a number that was free, while there is one."""
    told = api.ask("POST", f"{api.account}/IncomingPhoneNumbers", form={"AreaCode": "206"}).json()
    return str(told.get("sid", NOBODY))


def made(api: Caller, path: str, name: str) -> str:
    """The id of one more thing that needs a name only."""
    told = api.ask("POST", path, body={name: "a"}).json()
    return str(told.get("sid") or told["id"])


@pytest.fixture(scope="module")
def real(api: Caller, target: HeliographServer) -> Iterator[Real]:
    """What requests may refer to."""
    with Sink() as sink:
        picture = sink.answer("/a.png", Answer(body=b"x", content_type="image/png"))
        message = api.received(media=[picture])
        (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
        yield Real(
            api=api,
            picture=picture,
            message=message["sid"],
            medium=medium["sid"],
            number=api.number(target.credentials.numbers[1])["sid"],
            application=made(api, f"{api.account}/Applications", "FriendlyName"),
            script=made(api, f"{api.account}/LamlBins", "Name"),
            subproject=made(api, "/api/projects", "name"),
        )


def _made_usable(case: schemathesis.Case[Any], real: Real) -> None:
    """Put real ids and numbers into the half of the requests whose made-up id or text says so."""
    ids = case.path_parameters
    for name, given in ids.items():
        if name == "AccountSid":
            ids[name] = real.api.project_id
        elif sum(str(given).encode()) % 2:
            ids[name] = real.id_for(case.method, case.path, name)
    body = case.body
    if not isinstance(body, dict) or not sum(repr(sorted(map(str, body))).encode()) % 2:
        return
    case.headers.pop("Idempotency-Key", None)  # made up, it is mostly the same
    arriving = case.path.endswith("/inbound")
    for to, sender in (("To", "From"), ("to", "from")):
        if to in body:
            body[to], body[sender] = (real.api.sender, HANDSET) if arriving else (HANDSET, real.api.sender)
    for media in ("MediaUrl", "media"):
        if media in body:
            body[media] = [real.picture]


@_SCHEMA.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_a_documented_one(case: schemathesis.Case[Any], api: Caller, real: Real) -> None:
    _made_usable(case, real)
    case.call_and_validate(
        base_url=api.base_url, headers={"Authorization": api.authorization}, checks=_CHECKS, timeout=30
    )


def test_the_server_serves_this_very_document(api: Caller) -> None:
    assert api.get("/openapi.json") == Document(families.all_routes(), __version__).value


def test_the_server_still_works(api: Caller, target: HeliographServer) -> None:
    """After all of it: nothing was logged as a fault of the server, and a message gets through."""
    assert "http.failed" not in target.log()
    assert api.ask("POST", REST_MESSAGES, body={"to": HANDSET, "from": api.sender, "body": "a"}).status == 201
    assert api.delivered()["status"] == "delivered"
