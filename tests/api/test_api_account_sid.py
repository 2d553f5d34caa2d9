"""The account as Twilio's clients write it: `AC` and the project's 32 hex digits."""

import re
from dataclasses import replace

import pytest
from api_world import ACCOUNT, PROJECT, STRANGER, SUBPROJECT, World, a_medium, a_message, basic, message_id

from heliograph.api.cxml import media, messages
from heliograph.api.families import all_routes
from heliograph.api.http import Request, Response
from heliograph.api.route import Route


def sid(project_id: str) -> str:
    return "AC" + project_id.replace("-", "")


ME, CHILD = sid(PROJECT), sid(SUBPROJECT)
SPELLINGS = [ME, ME.upper(), ME.lower(), "Ac" + ME[2:].upper()]


def _account(account: str) -> str:
    return f"/2010-04-01/Accounts/{account}"


@pytest.mark.parametrize("account", SPELLINGS)
@pytest.mark.parametrize("user", [PROJECT, *SPELLINGS])
def test_account_sid_is_accepted_in_path_and_user_name(account: str, user: str) -> None:
    world = World()
    world.store.messages = [a_message()]
    answer = world.ask("GET", f"{_account(account)}/Messages/{message_id(1)}.json", basic(project=user))
    assert answer.status_code == 200
    assert answer.json["account_sid"] == PROJECT, "answers are as before"
    assert answer.json["uri"].startswith(f"{ACCOUNT}/")


_SEEN: list[str] = []


async def _note_project(request: Request, response: Response, **arguments: str) -> None:
    _SEEN.append(request.project.id)


_HERE = {messages.LIST, messages.ONE, media.LIST, media.ONE}
_OTHERS = [route for route in all_routes() if "{AccountSid}" in route.path and route.path not in _HERE]


@pytest.mark.parametrize("route", _OTHERS, ids=lambda route: f"{route.method} {route.path}")
def test_account_sid_is_accepted_by_every_operation(route: Route) -> None:
    world = World([replace(route, handler=_note_project, scopes=("messaging",))])
    path = route.path.replace("{AccountSid}", ME).replace("{IsoCountry}", "US")
    _SEEN.clear()
    world.ask(route.method, re.sub("{.*?}", message_id(1), path), basic(project=ME))
    assert _SEEN == [PROJECT]


def test_message_is_sent_by_account_sid() -> None:
    world = World()
    answer = world.ask("POST", f"{_account(ME)}/Messages.json", basic(project=ME), body="To=%2B15557654321&Body=hi")
    assert answer.status_code == 201
    assert world.acceptor.asked[0].project_id == PROJECT


def test_parent_acts_on_a_subproject_by_its_account_sid() -> None:
    world = World()
    world.store.messages = [a_message(project_id=SUBPROJECT)]
    answer = world.ask("GET", f"{_account(CHILD)}/Messages/{message_id(1)}", basic(project=ME))
    assert answer.json["account_sid"] == SUBPROJECT


@pytest.mark.parametrize(
    "account",
    [
        sid(STRANGER),
        "AC" + PROJECT,
        ME + "0",
        ME[:-1],
        "AC" + "g" * 32,
        "SK" + ME[2:],
        ME[2:],
        "AC",
        "AC" + "0" * 32,
    ],
)
def test_other_account_is_not_found(account: str) -> None:
    answer = World().ask("GET", f"{_account(account)}/Messages", basic(project=ME))
    assert (answer.status_code, answer.json["code"]) == (404, 20404)


@pytest.mark.parametrize("user", [sid(STRANGER), "AC" + PROJECT, "SK" + ME[2:], ME[2:]])
def test_other_user_is_unauthorized(user: str) -> None:
    assert World().ask("GET", f"{_account(ME)}/Messages", basic(project=user)).status_code == 401


def test_links_of_a_page_are_followed_by_the_same_client() -> None:
    world = World()
    world.store.messages = [a_message(2), a_message(1)]
    page = world.ask("GET", f"{_account(ME)}/Messages.json", basic(project=ME), query_string="PageSize=1").json
    path, _, query = page["next_page_uri"].partition("?")
    following = world.ask("GET", path, basic(project=ME), query_string=query).json
    assert [each["sid"] for each in following["messages"]] == [message_id(1)]


def test_media_are_public_and_their_record_is_private_under_the_account_sid() -> None:
    world = World()
    world.store.messages = [a_message(num_media=1)]
    world.store.media_rows = [a_medium()]
    one = f"{_account(ME)}/Messages/{message_id(1)}/Media/{a_medium().id}"
    assert world.ask("GET", one, {"Authorization": ""}).content == b"\xff\xd8\xff"
    assert world.ask("GET", f"{one}.json", {"Authorization": ""}).status_code == 401
    assert world.ask("GET", f"{one}.json", basic(project=ME)).json["account_sid"] == PROJECT


def test_json_families_take_the_account_sid_as_user_name() -> None:
    assert World().ask("GET", "/api/messaging/logs", basic(project=ME)).status_code == 200
