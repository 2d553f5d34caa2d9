"""Lists: filters, pages, links, and keys that make a repetition safe (contract, sections 4.1 and 5.2)."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from caller import LOGS, Caller, new_handset

PAGE_KEYS = ["uri", "first_page_uri", "next_page_uri", "previous_page_uri", "page", "page_size", "messages"]
PATTERN = "PA00000000-0000-4000-8000-000000000000"


def _listed(api: Caller, **filters: str) -> list[str]:
    return [each["sid"] for each in api.get(f"{api.messages}?{urlencode(filters)}")["messages"]]


# Filters


def test_by_number_and_status(api: Caller) -> None:
    to = new_handset()
    made = api.delivered(To=to)["sid"]
    rest = api.once(api.rest_send(to=to)["id"], "delivered")["sid"]
    arrived = api.received(**{"from": to})["sid"]
    assert _listed(api, To=to) == [rest, made]
    assert _listed(api, From=to) == [arrived]
    assert _listed(api, To=to, From=api.sender, Status="delivered") == [rest, made]
    assert _listed(api, To=to, Status="failed") == []
    assert _listed(api, From=to, Status="received") == [arrived]
    # A plus sign that was not percent-encoded.
    assert [each["sid"] for each in api.get(f"{api.messages}?From={to}")["messages"]] == [arrived]
    assert _listed(api, To="not-a-number") == []


def test_empty_filters_are_none(api: Caller) -> None:
    to = new_handset()
    sid = api.send(To=to)["sid"]
    assert _listed(api, To=to, Status="", From="", DateSent="", PageSize="", Page="") == [sid]


def test_by_day_and_moment_of_sending(api: Caller) -> None:
    to = new_handset()
    message = api.delivered(To=to)
    sent = parsedate_to_datetime(message["date_sent"])
    day = sent.date()
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    noon_east = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=23)

    def found(**filters: object) -> bool:
        named = {name.replace("_before", "<").replace("_after", ">"): str(each) for name, each in filters.items()}
        return _listed(api, To=to, **named) == [message["sid"]]

    assert found(DateSent=day) and not found(DateSent=before) and not found(DateSent=after)
    assert found(DateSent_before=after) and not found(DateSent_before=day)
    assert found(DateSent_after=day) and not found(DateSent_after=after)
    assert found(DateSent_after=before, DateSent_before=after)
    # A date-time is the moment that it is; as DateSent it means its UTC day.
    assert found(DateSent=noon_east.isoformat()) and found(DateSent=f"{day}T00:00:00Z")
    assert found(DateSent_after=sent.isoformat()) and not found(
        DateSent_after=(sent + timedelta(seconds=2)).isoformat()
    )
    assert found(DateSent_before=(sent + timedelta(seconds=1)).isoformat())
    assert not found(DateSent_before=sent.isoformat())
    eastern = datetime.fromisoformat(sent.isoformat()).astimezone(UTC) + timedelta(hours=2)
    assert found(DateSent_after=eastern.replace(tzinfo=None).isoformat() + "+02:00")


def test_what_was_not_sent_has_no_day(api: Caller) -> None:
    to = "+15005554001"
    sid = api.once(api.send(To=to)["sid"], "sending")["sid"]
    assert sid in _listed(api, To=to)
    assert sid not in _listed(api, To=to, **{"DateSent>": "2000-01-01"})


@pytest.mark.parametrize(
    "filters",
    [
        {"Status": "unheard-of"},
        {"Status": "Delivered"},
        {"DateSent": "yesterday"},
        {"DateSent": "2026-02-30"},
        {"DateSent<": "2026-1-1"},
        {"DateSent>": "1790000000"},
    ],
)
def test_an_unknown_status_or_date_is_422(api: Caller, filters: dict[str, str]) -> None:
    reply = api.ask("GET", f"{api.messages}?{urlencode(filters)}")
    assert (reply.status, reply.json()["code"]) == (422, 10000)


def test_logs_by_day_and_moment_of_creation(api: Caller) -> None:
    made = api.rest_send()["id"]
    created = datetime.fromisoformat(api.log(made)["created_at"])
    day = created.date()

    def found(**filters: object) -> bool:
        return made in [each["id"] for each in api.get(f"{LOGS}?{urlencode(filters)}")["data"]]

    assert found(created_on=day) and not found(created_on=day - timedelta(days=1))
    assert found(created_after=day) and not found(created_after=day + timedelta(days=1))
    assert found(created_before=day + timedelta(days=1)) and not found(created_before=day)
    assert found(created_after=created.isoformat()) and not found(created_before=created.isoformat())
    for name in ("created_on", "created_after", "created_before"):
        reply = api.ask("GET", f"{LOGS}?{name}=soon")
        (fault,) = reply.json()["errors"]
        assert (reply.status, fault["code"], fault["attribute"]) == (422, "datetime_required", name)
    assert api.ask("GET", f"{LOGS}?include_deleted=perhaps").status == 422


# Pages


def test_a_walk_there_and_back(api: Caller) -> None:
    to = new_handset()
    newest_first = [api.send(To=to)["sid"] for _ in range(7)][::-1]
    pages = [api.get(f"{api.messages}?{urlencode({'To': to, 'PageSize': 3, 'DateSent<': '2999-01-01'})}")]
    # What is not sent yet has no DateSent: wait for all of them.
    for sid in newest_first:
        api.once(sid, "delivered")
    pages = [api.get(pages[0]["uri"])]
    while pages[-1]["next_page_uri"]:
        pages.append(api.get(pages[-1]["next_page_uri"]))
    assert [each["sid"] for page in pages for each in page["messages"]] == newest_first
    assert [page["page"] for page in pages] == [0, 1, 2]
    for page in pages:
        assert list(page) == PAGE_KEYS
        assert page["page_size"] == 3
        for link in filter(None, (page[name] for name in PAGE_KEYS[:4])):
            carried = parse_qs(urlsplit(link).query)
            assert (carried["To"], carried["DateSent<"], carried["PageSize"]) == ([to], ["2999-01-01"], ["3"])
        first = parse_qs(urlsplit(page["first_page_uri"]).query)
        assert first["Page"] == ["0"] and "PageToken" not in first
    last = parse_qs(urlsplit(pages[1]["next_page_uri"]).query)
    assert last["PageToken"] == [f"PA{newest_first[5]}"]
    back = [api.get(pages[2]["previous_page_uri"])]
    back.append(api.get(back[0]["previous_page_uri"]))
    assert [page["messages"] for page in back] == [pages[1]["messages"], pages[0]["messages"]]
    assert [page["page"] for page in back] == [1, 0]
    assert back[1]["previous_page_uri"] is None
    assert parse_qs(urlsplit(pages[2]["previous_page_uri"]).query)["PageToken"] == [f"PB{newest_first[6]}"]


def test_going_back_with_new_rows_never_counts_below_0(api: Caller) -> None:
    to = new_handset()
    first = [api.send(To=to)["sid"] for _ in range(2)]
    page = api.get(f"{api.messages}?{urlencode({'To': to, 'PageSize': 1})}")
    page = api.get(page["next_page_uri"])
    new = [api.send(To=to)["sid"] for _ in range(2)]
    seen = []
    while page["previous_page_uri"]:
        page = api.get(page["previous_page_uri"])
        seen.append(page["messages"][0]["sid"])
        assert page["page"] == 0
    assert seen == [first[1], *new]


def test_a_deleted_row_s_token_still_works(api: Caller) -> None:
    to = new_handset()
    newest_first = [api.delivered(To=to)["sid"] for _ in range(4)][::-1]
    page = api.get(f"{api.messages}?{urlencode({'To': to, 'PageSize': 2})}")
    assert api.ask("DELETE", f"{api.messages}/{newest_first[1]}").status == 204
    following = api.get(page["next_page_uri"])
    assert [each["sid"] for each in following["messages"]] == newest_first[2:]
    assert api.ask("DELETE", f"{api.messages}/{newest_first[2]}").status == 204
    before = api.get(following["previous_page_uri"])
    assert [each["sid"] for each in before["messages"]] == newest_first[:1]


@pytest.mark.parametrize("size", [1, 1000])
def test_page_sizes_at_their_bounds(api: Caller, size: int) -> None:
    assert api.get(f"{api.messages}?PageSize={size}")["page_size"] == size
    assert f"page_size={size}" in api.get(f"{LOGS}?page_size={size}")["links"]["self"]


@pytest.mark.parametrize(
    ("paging", "code", "word"),
    [
        ({"Page": "1"}, 54453, "page_token_required"),
        ({"Page": "-1"}, 54453, "invalid_parameter"),
        ({"Page": "one"}, 54453, "invalid_parameter"),
        ({"PageToken": "PA"}, 21481, "page_token_is_invalid"),
        ({"PageToken": PATTERN.replace("PA", "PC")}, 21481, "page_token_is_invalid"),
        ({"PageToken": PATTERN + "0"}, 21481, "page_token_is_invalid"),
        ({"Page": "1", "PageToken": ""}, 54453, "page_token_required"),
        ({"PageSize": "0"}, 54454, "invalid_parameter"),
        ({"PageSize": "1001"}, 54454, "invalid_parameter"),
        ({"PageSize": "many"}, 54454, "invalid_parameter"),
    ],
)
def test_paging_faults(api: Caller, paging: dict[str, str], code: int, word: str) -> None:
    reply = api.ask("GET", f"{api.messages}?{urlencode(paging)}")
    assert (reply.status, reply.json()["code"]) == (400, code)
    names = {"Page": "page_number", "PageSize": "page_size", "PageToken": "page_token"}
    rest = urlencode({names[name]: text for name, text in paging.items()})
    for path in (LOGS, "/api/relay/rest/phone_numbers"):
        reply = api.ask("GET", f"{path}?{rest}")
        assert (reply.status, [each["code"] for each in reply.json()["errors"]]) == (422, [word])


def test_a_page_above_0_with_a_token_is_served(api: Caller) -> None:
    sid = api.send()["sid"]
    page = api.get(f"{api.messages}?Page=7&PageToken=PB{sid}")
    assert (page["page"], page["messages"]) == (7, [])
    assert api.get(f"{api.messages}?PageToken={PATTERN}")["messages"] == []


def test_logs_are_walked_to_the_end(api: Caller) -> None:
    made = [api.send()["sid"], api.rest_send()["id"], api.received()["sid"]]
    address: str | None = f"{api.base_url}{LOGS}?page_size=2&include_deleted=false"
    seen = []
    for number in itertools.count():
        assert address is not None and address.startswith(api.base_url)
        page = api.get(address.removeprefix(api.base_url))
        seen += [each["id"] for each in page["data"]]
        links = page["links"]
        assert set(links) - {"next", "prev"} == {"self", "first"}
        assert ("prev" in links) == (number > 0)
        if "next" not in links:
            break
        address = links["next"]
        assert parse_qs(urlsplit(address).query)["page_number"] == [str(number + 1)]
    assert seen == sorted(set(seen), reverse=True)
    assert set(made) <= set(seen)


# Idempotency


def test_the_same_key_and_request_answer_with_the_first_message(api: Caller) -> None:
    to, key = new_handset(), {"Idempotency-Key": "one"}
    first, second = (api.create(headers=key, To=to) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.json()["sid"] == second.json()["sid"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert len(_listed(api, To=to)) == 1
    other = api.create(headers=key, To=to, Body="another")
    assert other.status == 409
    assert set(other.json()) == {"code", "message", "more_info", "status"}
    assert api.create(headers={"Idempotency-Key": "two"}, To=to).json()["sid"] != first.json()["sid"]


def test_a_refused_request_takes_no_key(api: Caller) -> None:
    key = {"Idempotency-Key": "refused"}
    assert api.create(headers=key, To="nobody").status == 422
    assert api.create(headers=key).status == 201


def test_the_rest_api_takes_keys_too(api: Caller) -> None:
    body = {"to": new_handset(), "from": api.sender, "body": "a", "custom_variables": {"a": "1", "b": "2"}}
    key = {"Idempotency-Key": "rest"}
    first = api.ask("POST", "/api/messaging/messages", body=body, headers=key)
    again = api.ask("POST", "/api/messaging/messages", body=dict(reversed(body.items())), headers=key)
    assert (again.status, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json()["id"] == first.json()["id"]
    clash = api.ask("POST", "/api/messaging/messages", body=body | {"body": "b"}, headers=key)
    assert (clash.status, clash.json()) == (409, {"error": "Conflict"})


def test_of_requests_at_once_one_wins(api: Caller) -> None:
    to, key = new_handset(), {"Idempotency-Key": "at-once"}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.create(headers=key, To=to), range(8)))
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json()["sid"] for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert len(_listed(api, To=to)) == 1


def test_a_key_has_at_most_255_characters(api: Caller) -> None:
    assert api.create(headers={"Idempotency-Key": "k" * 255}).status == 201
    assert api.create(headers={"Idempotency-Key": "k" * 256}).status == 422


# Numbers and applications


def test_numbers_are_filtered_by_part_and_by_name(api: Caller) -> None:
    numbers = f"{api.account}/IncomingPhoneNumbers"
    sid = api.number()["sid"]
    assert [each["sid"] for each in api.get(f"{numbers}?PhoneNumber={api.sender[5:]}")["incoming_phone_numbers"]] == [
        sid
    ]
    assert [each["sid"] for each in api.get(f"{numbers}?PhoneNumber={api.sender}")["incoming_phone_numbers"]] == [sid]
    api.configure(FriendlyName="The first")
    found = api.get(f"{numbers}?FriendlyName={quote('The first')}")["incoming_phone_numbers"]
    assert [each["sid"] for each in found] == [sid]
    assert api.get("/api/relay/rest/phone_numbers?filter_name=first")["data"][0]["id"] == sid
    first = api.get(f"{numbers}?PageSize=1")
    second = api.get(first["next_page_uri"])
    assert (second["page"], second["next_page_uri"]) == (1, None)
    assert api.get(second["previous_page_uri"])["incoming_phone_numbers"] == first["incoming_phone_numbers"]


def test_what_is_set_in_one_family_shows_in_the_other(api: Caller) -> None:
    sid = api.number()["sid"]
    relay = f"/api/relay/rest/phone_numbers/{sid}"
    api.configure(SmsUrl="https://example.com/a", SmsMethod="GET")
    told = api.get(relay)
    assert (told["message_handler"], told["message_request_url"], told["message_request_method"]) == (
        "laml_webhooks",
        "https://example.com/a",
        "GET",
    )
    application = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "a"}).json()["sid"]
    body = {"message_handler": "laml_application", "message_laml_application_id": application}
    assert api.ask("PUT", relay, body=body).status == 200
    assert api.number()["sms_application_sid"] == application
    cleared = api.ask("PUT", relay, body={"message_handler": None, "message_request_url": ""})
    assert (cleared.json()["message_handler"], cleared.json()["message_request_url"]) == (None, None)
    assert api.number()["sms_url"] is None
    for form, code in (
        (("SmsMethod", "PUT"), 21209),
        (("SmsUrl", "nowhere"), 21402),
        (("SmsApplicationSid", sid), 21218),
    ):
        reply = api.ask("POST", f"{api.account}/IncomingPhoneNumbers/{sid}", form=dict([form]))
        assert (reply.status, reply.json()["code"]) == (422, code)


def test_applications_are_made_found_changed_and_removed(api: Caller) -> None:
    collection = f"{api.account}/Applications"
    assert api.ask("POST", collection, form={"SmsUrl": "https://example.com/a"}).status == 422
    made = [api.ask("POST", collection, form={"FriendlyName": f"app {n % 2}"}).json() for n in range(4)]
    page = api.get(f"{collection}?FriendlyName=app+1&PageSize=1")
    assert page["applications"] == [made[3]]
    assert api.get(page["next_page_uri"])["applications"] == [made[1]]
    form = {"SmsUrl": "https://example.com/a", "SmsStatusCallback": "https://example.com/b"}
    assert api.ask("POST", made[0]["uri"], form=form).json()["sms_url"] == form["SmsUrl"]
    assert api.ask("POST", made[0]["uri"], form={"SmsUrl": ""}).json()["sms_url"] is None
    kept = api.get(made[0]["uri"])
    assert (kept["friendly_name"], kept["sms_status_callback"]) == ("app 0", form["SmsStatusCallback"])
    for each in made:
        assert api.ask("DELETE", each["uri"]).status == 204
        assert api.ask("GET", each["uri"]).status == 404
