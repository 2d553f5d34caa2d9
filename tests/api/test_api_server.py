"""The gate: paths, callers, scopes, limits, request ids, and what becomes of every exception."""

import asyncio
from typing import Any

import pytest
from api_world import (
    ACCOUNT,
    LOCAL_SECRET,
    NARROW_TOKEN,
    PROJECT,
    STRANGER,
    SUBPROJECT,
    TOKEN,
    World,
    a_message,
    basic,
    message_id,
)
from falcon.testing import ASGIRequestEventEmitter, TestClient, create_scope

from heliograph.api.cxml import messages
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.api.server import build, family_of
from heliograph.core.errors import Fault, StoreUnavailable, refuse

CREATE = f"{ACCOUNT}/Messages"
NO_CREDENTIALS = {"Authorization": ""}


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/api/laml", Family.CXML),
        ("/api/laml/2010-04-01/Accounts", Family.CXML),
        ("/api/lamlx", Family.SYSTEM),
        ("/api/messaging/logs", Family.MESSAGING),
        ("/api/relay/rest/phone_numbers", Family.RELAY_REST),
        ("/api/relay/ws", Family.SYSTEM),
        ("/api/project/tokens", Family.PROJECT),
        ("/api/heliograph/callbacks", Family.HELIOGRAPH),
        ("/", Family.SYSTEM),
    ],
)
def test_family_of_path(path: str, family: Family) -> None:
    assert family_of(path) is family


@pytest.mark.parametrize("root", ["/api/laml/2010-04-01", "/2010-04-01"])
@pytest.mark.parametrize("ending", ["", "/", ".json", ".json/"])
def test_every_spelling_of_a_cxml_path_is_the_same_resource(root: str, ending: str) -> None:
    world = World()
    world.store.messages = [a_message()]
    answer = world.ask("GET", f"{root}/Accounts/{PROJECT.upper()}/Messages/{message_id(1).upper()}{ending}")
    assert answer.status_code == 200
    assert answer.json["uri"] == f"{ACCOUNT}/Messages/{message_id(1)}"


@pytest.mark.parametrize(
    "headers",
    [
        NO_CREDENTIALS,
        basic(token="PT" + "00" * 24),
        basic(project=STRANGER),
        basic(project="nobody"),
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /////w=="},
        {"Authorization": "Basic bm9jb2xvbg=="},
        {"Authorization": f"Bearer {TOKEN}"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", CREATE), ("GET", f"{ACCOUNT}/Nothing"), ("GET", "/2010-04-01")])
def test_credentials_come_before_the_path(headers: dict[str, str], method: str, path: str) -> None:
    answer = World(public_url="https://example.test").ask(method, path, headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.json == {
        "code": 20003,
        "message": "Authentication failed: check the project id, the API token and the token's scopes.",
        "more_info": "https://example.test/docs/errors#20003",
        "status": 401,
    }


def test_json_families_say_unauthorized_and_not_found_in_one_word() -> None:
    world = World()
    for path in ("/api/messaging/nothing", "/api/project/nothing", "/api/relay/rest/nothing", "/api/heliograph/x"):
        assert world.ask("GET", path, NO_CREDENTIALS).json == {"error": "Unauthorized"}
        answer = world.ask("GET", path)
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


def test_unknown_cxml_path_with_credentials() -> None:
    answer = World().ask("GET", f"{ACCOUNT}/Nothing")
    assert answer.status_code == 404
    assert (answer.json["code"], answer.json["status"]) == (20404, 404)


def test_missing_scope_is_unauthorized() -> None:
    answer = World().ask("GET", CREATE, basic(token=NARROW_TOKEN))
    assert answer.status_code == 401
    assert answer.json["code"] == 20003


def test_revoked_token_stops_at_once() -> None:
    world = World()
    assert world.ask("GET", CREATE).status_code == 200
    world.tokens.clear()
    world.publish(2)
    assert world.ask("GET", CREATE).status_code == 401


def test_account_of_a_subproject_and_of_a_stranger() -> None:
    world = World()
    world.store.messages = [a_message(project_id=SUBPROJECT)]
    mine = world.ask("GET", f"/2010-04-01/Accounts/{SUBPROJECT}/Messages/{message_id(1)}")
    assert mine.json["account_sid"] == SUBPROJECT
    for account in (STRANGER, "nobody", "00000000-0000-4000-8000-000000000000"):
        assert world.ask("GET", f"/2010-04-01/Accounts/{account}/Messages").status_code == 404


def test_local_secret_acts_for_any_project_but_only_where_it_is_taken() -> None:
    world = World()
    local = {"Authorization": f"Bearer {LOCAL_SECRET}", "X-Heliograph-Project": STRANGER}
    sent = {"to": "+15557654321", "from": "+15550000009", "body": "hi"}
    assert world.ask("POST", "/api/messaging/messages", local, json=sent).status_code == 201
    assert world.acceptor.asked[0].project_id == STRANGER
    assert world.ask("GET", "/api/heliograph/callbacks", local).status_code == 200
    assert world.ask("GET", "/api/messaging/logs", local).status_code == 401
    assert world.ask("GET", CREATE, local).status_code == 401
    for wrong in ({"Authorization": "Bearer other"}, {"X-Heliograph-Project": "nobody"}, {"X-Heliograph-Project": ""}):
        assert world.ask("GET", "/api/heliograph/callbacks", local | wrong).status_code == 401


def test_request_ids_are_fresh_on_every_answer() -> None:
    world = World()
    asked = [("GET", CREATE), ("GET", "/nothing"), ("GET", "/api/project"), ("DELETE", CREATE)]
    ids = [world.ask(*each).headers["x-request-id"] for each in asked]
    assert len(set(ids)) == len(asked)


def test_wrong_method_names_the_right_ones() -> None:
    answer = World().ask("PUT", CREATE)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
    assert (answer.json["code"], answer.json["status"]) == (20004, 405)


def test_head_is_get_without_a_body() -> None:
    world = World()
    whole = world.ask("GET", CREATE)
    answer = world.ask("HEAD", CREATE)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == whole.headers["content-length"]


def test_writes_are_counted_per_project_and_refused_beyond_the_rate() -> None:
    world = World(rate_limit_writes=2, rate_limit_seconds=10)
    first, second, third = (world.ask("POST", CREATE, body="To=%2B15557654321") for _ in range(3))
    assert (first.status_code, second.status_code) == (201, 201)
    left = [answer.headers["x-ratelimit-remaining"] for answer in (first, second, third)]
    assert left == ["1", "0", "0"]
    assert first.headers["x-ratelimit-limit"] == "2"
    assert first.headers["x-ratelimit-reset"] == "5"
    assert (third.status_code, third.json["code"], third.headers["retry-after"]) == (429, 20429, "5")
    assert len(world.acceptor.asked) == 2
    reads = world.ask("GET", CREATE)
    assert reads.status_code == 200
    assert "x-ratelimit-limit" not in reads.headers
    world.clock.micros += 5_000_000
    assert world.ask("POST", CREATE, body="").status_code == 201


def test_create_tells_the_engine_that_it_is_counted() -> None:
    world = World(rate_limit_writes=5)
    world.ask("POST", CREATE, body="To=%2B15557654321")
    world.ask("POST", "/api/messaging/messages", json={})
    assert [asked.is_counted for asked in world.acceptor.asked] == [True, True]


def test_rate_in_the_words_of_the_json_families() -> None:
    world = World(rate_limit_writes=1)
    world.ask("POST", "/api/messaging/messages", json={})
    answer = world.ask("POST", "/api/messaging/messages", json={})
    assert answer.status_code == 429
    assert [error["code"] for error in answer.json["errors"]] == ["rate_limit_exceeded"]


def test_store_unavailable() -> None:
    world = World()
    world.acceptor.fault = StoreUnavailable()
    answer = world.ask("POST", CREATE, body="")
    assert (answer.status_code, answer.json["code"]) == (503, 20503)
    assert int(answer.headers["retry-after"]) >= 1
    answer = world.ask("POST", "/api/messaging/messages", json={})
    assert (answer.status_code, answer.json) == (503, {"error": "Service Unavailable"})


def test_a_bug_is_logged_with_its_request_id_and_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    world = World()
    world.acceptor.fault = RuntimeError("the bug")
    answer = world.ask("POST", CREATE, body="Body=a+secret")
    assert (answer.status_code, answer.json["code"]) == (500, 20504)
    assert "bug" not in answer.text
    logged = capsys.readouterr().out
    assert answer.headers["x-request-id"] in logged
    assert "RuntimeError: the bug" in logged
    assert LOCAL_SECRET not in logged
    assert "a secret" not in logged


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/messaging/boom", {"type", "code", "message", "attribute", "url"}),
        ("/api/project/boom", {"type", "code", "message", "attribute", "url"}),
        ("/api/relay/rest/boom", {"detail", "status", "title", "code"}),
    ],
)
def test_validation_in_each_json_family(path: str, shape: set[str]) -> None:
    async def boom(request: Request, response: Response) -> None:
        raise refuse(Fault.PAGE_TOKEN_INVALID)

    route = Route(
        method="GET", path=path, family=family_of(path), operation="boom", summary="", handler=boom, answers={}
    )
    answer = World([route]).ask("GET", path)
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert set(error) == shape
    assert error["code"] == "page_token_is_invalid"
    if "url" in error:
        assert error["url"] == "http://example.test/docs/errors#page_token_is_invalid"


def test_public_url_starts_absolute_urls() -> None:
    answer = World(public_url="https://sms.example.com/").ask("GET", f"{ACCOUNT}/Nothing")
    assert answer.json["more_info"] == "https://sms.example.com/docs/errors#20404"


def test_two_handlers_for_one_operation_are_a_mistake() -> None:
    async def nothing(request: Request, response: Response) -> None:
        return None

    route = Route(method="GET", path="/x", family=Family.SYSTEM, operation="x", summary="", handler=nothing, answers={})
    with pytest.raises(ValueError, match="routed twice"):
        World([route, route])


def test_names_of_a_path_reach_the_handler_in_snake_case() -> None:
    seen: list[dict[str, str]] = []

    async def handler(request: Request, response: Response, **names: str) -> None:
        seen.append(names)

    route = Route(
        method="GET",
        path="/x/{CountryCode}/{other_name}",
        family=Family.SYSTEM,
        operation="x",
        summary="",
        handler=handler,
        answers={},
        public=True,
    )
    TestClient(build(World().services, [route])).simulate_get("/x/US/b")
    assert seen == [{"country_code": "US", "other_name": "b"}]


def test_query_that_is_not_utf8_is_unreadable() -> None:
    for raw in (b"Page=\xff", b"Page=%ff"):
        answer = _raw(World(), "GET", CREATE, query=raw)
        assert answer["status"] == 400


def test_client_that_breaks_off_sends_nothing() -> None:
    world = World()
    events = [
        {"type": "http.request", "body": b"To=%2B1555", "more_body": True},
        {"type": "http.disconnect"},
    ]
    for length in (b"100", None):
        answer = _raw(world, "POST", CREATE, events=list(events), length=length)
        assert answer["status"] == 400
    assert world.acceptor.asked == []


def _raw(
    world: World,
    method: str,
    path: str,
    *,
    query: bytes = b"",
    events: list[dict[str, Any]] | None = None,
    length: bytes | None = None,
) -> dict[str, Any]:
    """The start of the answer to a request that Falcon's client can't make."""
    headers = [(b"host", b"example.test"), (b"authorization", basic()["Authorization"].encode())]
    if method == "POST":
        headers.append((b"content-type", b"application/x-www-form-urlencoded"))
    if length:
        headers.append((b"content-length", length))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": query,
        "scheme": "http",
        "headers": headers,
        "server": ("127.0.0.1", 80),
    }
    waiting = events or [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    asyncio.run(build(world.services, messages.routes())(scope, receive, send))
    return sent[0]


@pytest.mark.parametrize("path", [CREATE, "/api/messaging/messages"])
def test_options_is_no_method_of_ours(path: str) -> None:
    answer = World().ask("OPTIONS", path)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert World().ask("OPTIONS", path, NO_CREDENTIALS).status_code == 401


def _base_url(host: str) -> str:
    scope = create_scope(host="listening.test", port=8080)
    scope["headers"] = [(b"host", host.encode())]
    request = Request(scope, ASGIRequestEventEmitter())
    request.services = World().services
    return request.base_url


@pytest.mark.parametrize("host", ["a b", "evil.test/x?", 'a"b', "a@b", "a:b", "a:123456", "", "[::1", "<x>", "a\n"])
def test_a_host_that_is_none_stands_in_no_address(host: str) -> None:
    assert _base_url(host) == "http://listening.test:8080"


@pytest.mark.parametrize("host", ["a.test", "a.test:8080", "127.0.0.1:1", "[::1]:8080", "A_b-c.test"])
def test_a_host_that_is_one_stands_in_addresses(host: str) -> None:
    assert _base_url(host) == f"http://{host}"


UNKNOWN_TOKEN = "PT" + "00" * 24
LOCAL = {"host": "127.0.0.1", "simulator": True}
FAULTS = [
    (NO_CREDENTIALS, "Send HTTP Basic credentials"),
    (basic(project="nobody"), "No project has the id 'nobody'"),
    (basic(token=UNKNOWN_TOKEN), "Unknown or revoked API token"),
    (basic(token=NARROW_TOKEN), "The API token lacks the scope messaging."),
]


@pytest.mark.parametrize(("headers", "message"), FAULTS)
def test_401_says_what_was_wrong_on_a_machine_that_serves_itself(headers: dict[str, str], message: str) -> None:
    answer = World(**LOCAL).ask("GET", CREATE, headers)
    assert (answer.status_code, answer.json["code"]) == (401, 20003)
    assert answer.json["message"].startswith(message)


@pytest.mark.parametrize(
    "settings",
    [
        LOCAL | {"host": "0.0.0.0"},
        LOCAL | {"host": "192.0.2.1"},
        LOCAL | {"simulator": False},
        LOCAL | {"public_url": "https://messages.example"},
    ],
)
@pytest.mark.parametrize(("headers", "message"), FAULTS)
def test_401_never_says_what_was_wrong_elsewhere(
    headers: dict[str, str], message: str, settings: dict[str, object]
) -> None:
    told = World(**settings).ask("GET", CREATE, headers).json["message"]
    assert told == "Authentication failed: check the project id, the API token and the token's scopes."


NOT_FOUND = [
    ("/2010-04-01/Accounts/{PROJECT}/Mesages", "There is no such path"),
    ("/2010-04-01/Accounts/{PROJECT}/Calls", "This server has no calls"),
    ("/2010-04-01/Accounts/{PROJECT}/Calls.json", "This server has no calls"),
    ("/2010-04-01/Accounts/{PROJECT}/Recordings/x", "This server has no calls"),
    ("/2010-04-01/Accounts/{STRANGER}/Messages", "There is no such account"),
    ("/2010-04-01/Accounts/nobody/Messages", "There is no such account"),
    ("/2010-04-01/Accounts/{PROJECT}/Messages/x", "There is no such resource"),
]


@pytest.mark.parametrize(("path", "message"), NOT_FOUND)
def test_404_says_what_was_looked_for(path: str, message: str) -> None:
    answer = World().ask("GET", path.format(PROJECT=PROJECT, STRANGER=STRANGER))
    assert (answer.status_code, answer.json["code"]) == (404, 20404)
    assert answer.json["message"].startswith(message)
