"""A message's media: public bytes, private records."""

import pytest
from api_world import ACCOUNT, PROJECT, STRANGER, World, a_medium, a_message, basic, message_id

LIST = f"{ACCOUNT}/Messages/{message_id(1)}/Media"
ONE = f"{LIST}/{a_medium().id}"
NOBODY = {"Authorization": ""}


def _world(**settings: bool) -> World:
    world = World(**settings)
    world.store.messages = [a_message(num_media=3)]
    world.store.media_rows = [a_medium(2), a_medium(0), a_medium(1)]
    return world


def test_bytes_need_no_credentials() -> None:
    for headers in (NOBODY, basic(token="wrong"), basic(project=STRANGER), basic()):
        answer = _world().ask("GET", ONE, headers)
        assert (answer.status_code, answer.content) == (200, b"\xff\xd8\xff")
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("kind", "shown"), [("image/png", "inline"), ("text/vcard", "attachment")])
def test_what_a_browser_does_with_them(kind: str, shown: str) -> None:
    world = _world()
    world.store.media_rows = [a_medium(content_type=kind)]
    answer = world.ask("GET", ONE, NOBODY)
    assert answer.headers["content-disposition"] == f'{shown}; filename="{a_medium().id}"'


def test_protected_bytes_need_credentials() -> None:
    world = _world(protect_message_media=True)
    assert world.ask("GET", ONE, NOBODY).status_code == 401
    assert world.ask("GET", ONE).status_code == 200


@pytest.mark.parametrize("suffix", [".json", ""])
def test_record_needs_credentials(suffix: str) -> None:
    world = _world()
    accept = {} if suffix else {"Accept": "application/json"}
    answer = world.ask("GET", ONE + suffix, accept)
    assert answer.json["sid"] == a_medium().id
    assert answer.json["uri"] == ONE
    assert world.ask("GET", ONE + suffix, NOBODY | accept).status_code == 401


def test_record_of_a_stranger_s_project_is_not_found() -> None:
    path = ONE.replace(PROJECT, STRANGER) + ".json"
    assert _world().ask("GET", path).status_code == 404


def test_unknown_bytes() -> None:
    world = _world()
    other = a_medium(5).id
    for path in (f"{LIST}/{other}", f"{LIST}/x", ONE.replace(PROJECT, STRANGER), ONE.replace(PROJECT, "x")):
        answer = world.ask("GET", path, NOBODY)
        assert (answer.status_code, answer.json["code"]) == (404, 20404)
    world.files.contents.clear()
    assert world.ask("GET", ONE, NOBODY).status_code == 404


def test_list_is_private_and_in_the_message_s_order() -> None:
    world = _world()
    assert world.ask("GET", LIST, NOBODY).status_code == 401
    page = world.ask("GET", LIST).json
    assert [each["sid"] for each in page["media_list"]] == [a_medium(position).id for position in range(3)]
    assert page["uri"] == f"{LIST}?Page=0&PageSize=50"
    assert world.ask("GET", LIST.replace(message_id(1), message_id(2))).status_code == 404


def test_list_goes_on_when_the_row_of_a_token_is_gone() -> None:
    world = _world()
    page = world.ask("GET", LIST, query_string="PageSize=1").json
    world.store.media_rows = [a_medium(2), a_medium(1)]
    path, _, query = page["next_page_uri"].partition("?")
    following = world.ask("GET", path, query_string=query).json
    assert [each["sid"] for each in following["media_list"]] == [a_medium(1).id]
    assert following["previous_page_uri"] is None
    assert following["next_page_uri"] is not None


def test_list_by_date() -> None:
    world = _world()
    assert world.ask("GET", LIST, query_string="DateCreated=2018-08-14").json["media_list"] == []
    assert len(world.ask("GET", LIST, query_string="DateCreated>=2018-08-13").json["media_list"]) == 3


def test_delete() -> None:
    world = _world()
    assert world.ask("DELETE", ONE, NOBODY).status_code == 401
    answer = world.ask("DELETE", ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.records.asked == [("delete_media", message_id(1), a_medium().id)]


BYTES = [
    "",
    "*/*",
    "image/*",
    "image/jpeg",
    "image/jpg",
    "IMAGE/JPEG",
    "application/json, text/plain, */*",
    "application/json;q=0.9, */*;q=0.8",
    "application/json, image/*;q=0.1",
    "application/json, image/jpeg",
    "application/json;q=0",
    "application/json;q=0, application/*",
    "text/html",
    "application/xml",
    "nonsense",
    "application/json;q=x",
    "application/json, nonsense, */*",
]
RECORDS = [
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    "application/*",
    "application/json, text/*",
    "application/json, image/png",
    "application/json, image/*;q=0",
    "application/json, */*;q=0",
    "application/json, */*, image/*;q=0",
    "application/json;q=0.5, nonsense",
]


@pytest.mark.parametrize("accept", BYTES)
def test_accept_that_allows_the_medium_gets_its_bytes(accept: str) -> None:
    answer = _world().ask("GET", ONE, NOBODY | ({"Accept": accept} if accept else {}))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize("accept", RECORDS)
def test_accept_that_allows_json_alone_gets_the_record(accept: str) -> None:
    assert _world().ask("GET", ONE, {"Accept": accept}).json["sid"] == a_medium().id
    assert _world().ask("GET", ONE, NOBODY | {"Accept": accept}).status_code == 401


def test_record_of_an_unknown_medium_asks_for_credentials_first() -> None:
    other = ONE.replace(a_medium().id, a_medium(5).id)
    assert _world().ask("GET", other, NOBODY | {"Accept": "application/json"}).status_code == 401
    assert _world().ask("GET", other, {"Accept": "application/json"}).status_code == 404


@pytest.mark.parametrize("accept", ["*/*", "image/jpeg", "application/json, text/plain, */*"])
def test_json_suffix_gets_the_record_whatever_is_accepted(accept: str) -> None:
    assert _world().ask("GET", ONE + ".json", {"Accept": accept}).json["sid"] == a_medium().id


@pytest.mark.parametrize("accept", ["video/3gpp", "application/json, video/3gpp", "application/json, video/3gp"])
def test_accept_may_name_the_medium_by_an_alias(accept: str) -> None:
    world = _world()
    world.store.media_rows = [a_medium(content_type="video/3gp")]
    assert world.ask("GET", ONE, NOBODY | {"Accept": accept}).headers["content-type"] == "video/3gp"
