"""Lists, page by page: the fields of a page, and of a request that say which page."""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import ties
from facts import specification

from caller import CXML_ROOT, NUMBERS, Caller
from servers import Answer, HeliographServer, Reply, Sink, wait_until

ROWS = 3
GROUPS = "/api/relay/rest/number_groups"
ACCOUNTS = f"{CXML_ROOT}/Accounts"


@pytest.fixture(scope="module")
def message(api: Caller, receiver: Sink) -> str:
    """The path of a message with three media."""
    picture = receiver.answer(f"/{uuid.uuid4()}", Answer(body=b"\x89PNG....", content_type="image/png"))
    sid = api.send(MediaUrl=[picture] * ROWS)["sid"]
    return str(api.once(sid, "sent")["uri"])


@pytest.fixture(scope="module", autouse=True)
def _numbers(api: Caller, node: HeliographServer) -> None:
    """As many numbers as a walk needs."""
    for number in ("+12025550171", "+12025550172"):
        node.run("number", "add", number, "--project", api.project_id, "--data", str(node.data), "--json")
    wait_until(lambda: len(api.get(NUMBERS)["data"]) > ROWS, "the server to know the numbers")


@pytest.fixture(scope="module")
def group(api: Caller, _numbers: None) -> str:
    """A group with three members."""
    made = api.ask("POST", GROUPS, body={"name": "of three"}).json()
    for number in api.get(f"{NUMBERS}?page_size={ROWS}")["data"]:
        body = {"phone_number_id": number["id"]}
        assert api.ask("POST", f"{GROUPS}/{made['id']}/number_group_memberships", body=body).status == 200
    return str(made["id"])


def _cxml(path: str, **form: str) -> Callable[[Caller], Any]:
    return lambda api: _made(api.ask("POST", f"{api.account}/{path}", form=form))


def _rest(path: str, **body: object) -> Callable[[Caller], Any]:
    return lambda api: _made(api.ask("POST", path, body=body))


def _made(reply: Reply) -> None:
    assert reply.status in (200, 201), reply.body


MAKERS: dict[str, Callable[[Caller], Any]] = {
    "cxml.list_messages": lambda api: api.delivered(),
    "cxml.list_media": lambda api: None,
    "cxml.list_incoming_phone_numbers": lambda api: None,
    "rest.list_phone_numbers": lambda api: None,
    "cxml.list_applications": _cxml("Applications", FriendlyName="one of some"),
    "cxml.list_cxml_scripts": _cxml("LamlBins", Name="one of some"),
    "cxml.list_accounts": lambda api: _made(api.ask("POST", ACCOUNTS, form={"FriendlyName": "one of some"})),
    "rest.list_projects": _rest("/api/projects", name="one of some"),
    "rest.list_message_logs": lambda api: api.delivered(),
    "rest.list_number_groups": _rest(GROUPS, name="one of some"),
    "rest.list_number_group_memberships": lambda api: None,
    "rest.list_short_codes": lambda api: None,
}
"""Makes a row of a list."""


@pytest.mark.parametrize("operation", ties.cxml_pages())
def test_a_cxml_list_page_by_page(api: Caller, message: str, operation: str) -> None:
    for _ in range(ROWS):
        MAKERS[operation](api)
    path = specification().operations[operation].path
    path = path.format(AccountSid=api.project_id, MessageSid=message.rpartition("/")[2])
    key = ties.cxml_pages()[operation].name
    rows = api.get(f"{path}?PageSize=1000")[key]
    assert len(rows) >= ROWS, "the walk needs more rows"
    _walk_cxml(api, path, key, rows[:ROWS])
    for query, code in (("Page=1", 54453), ("PageToken=nonsense", 21481), ("PageSize=0", 54454)):
        refused = api.ask("GET", f"{path}?{query}")
        assert (refused.status, refused.json()["code"]) == (400, code)


def _walk_cxml(api: Caller, path: str, key: str, rows: list[Any]) -> None:
    """Page after page of one row, forth and back again."""
    first = api.get(f"{path}?PageSize=1")
    assert first["uri"] == f"{path}?{urlencode({'Page': 0, 'PageSize': 1})}" or first["uri"].startswith(f"{path}?")
    assert first["previous_page_uri"] is None
    page, back = first, []
    for number, row in enumerate(rows):
        assert (page["page"], page["page_size"], page[key]) == (number, 1, [row])
        assert api.get(page["uri"]) == page
        assert api.get(page["first_page_uri"])[key] == [rows[0]]
        back.append(page["previous_page_uri"])
        if number + 1 < len(rows):
            asked = parse_qs(urlsplit(page["next_page_uri"]).query)
            assert (asked["Page"], asked["PageSize"]) == ([str(number + 1)], ["1"])
            page = api.get(f"{path}?Page={number + 1}&PageSize=1&PageToken={asked['PageToken'][0]}")
    for row, uri in zip(rows[-2::-1], back[:0:-1], strict=True):
        assert api.get(uri)[key] == [row]


@pytest.mark.parametrize("operation", ties.rest_pages())
@pytest.mark.usefixtures("short_codes")
def test_a_rest_list_page_by_page(api: Caller, group: str, operation: str) -> None:
    for _ in range(ROWS):
        MAKERS[operation](api)
    path = specification().operations[operation].path.format(NumberGroupId=group)
    rows = api.get(f"{path}?page_size=1000")["data"]
    assert len(rows) >= ROWS, "the walk needs more rows"
    _walk_rest(api, path, rows[:ROWS])
    for query, code in (("page_number=1", "page_token_required"), ("page_token=nonsense", "page_token_is_invalid")):
        refused = api.ask("GET", f"{path}?{query}")
        assert refused.status == 422
        assert code in refused.body.decode()


def _walk_rest(api: Caller, path: str, rows: list[Any]) -> None:
    page = api.get(f"{path}?page_size=1")
    assert "prev" not in page["links"]
    back = []
    for number, row in enumerate(rows):
        links = page["links"]
        assert page["data"] == [row]
        assert all(each.startswith(f"{api.base_url}{path}?") for each in links.values())
        assert _ask(api, links["self"]) == page
        assert _ask(api, links["first"])["data"] == [rows[0]]
        back.append(links.get("prev"))
        if number + 1 < len(rows):
            asked = parse_qs(urlsplit(links["next"]).query)
            assert (asked["page_number"], asked["page_size"]) == ([str(number + 1)], ["1"])
            page = api.get(f"{path}?page_number={number + 1}&page_size=1&page_token={asked['page_token'][0]}")
    for row, url in zip(rows[-2::-1], back[:0:-1], strict=True):
        assert _ask(api, url)["data"] == [row]


def _ask(api: Caller, url: str) -> Any:
    return api.get(url.removeprefix(api.base_url))
