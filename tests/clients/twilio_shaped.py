"""What must work with every SDK of Twilio's shape; each SDK's test module has a class with these tests.

The class gives two fixtures: `server`, and `connect`, which makes a session for a token. The SDKs are
unmodified: they build requests, follow pages, parse answers and raise errors by their own code.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta

import pytest
from sessions import SdkError, Session

from servers import Answer, HeliographServer, Received, Sink, wait_until

Connect = Callable[[str], Session]
GROUPS = "/api/relay/rest/number_groups"
NUMBERS = "/api/relay/rest/phone_numbers"
WaitForStatus = Callable[[str, str], dict[str, str]]

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360f8cf50000003010180e3e5be3b0000000049454e44ae426082"
)


class TwilioShapedTests:
    """Messages from creation to deletion, pages, filters, errors and signatures."""

    @pytest.fixture
    def sdk(self, connect: Connect, server: HeliographServer) -> Iterator[Session]:
        """A session with the first project's credentials."""
        session = connect(server.credentials.api_token)
        yield session
        session.close()

    @pytest.fixture
    def sender(self, server: HeliographServer) -> str:
        """A number of the project."""
        return server.credentials.numbers[0]

    def test_a_number_group_sends_as_a_messaging_service(
        self, sdk: Session, sender: str, server: HeliographServer, handset: str
    ) -> None:
        group = server.request("POST", GROUPS, json_body={"name": "Support", "sticky_sender": True}).json()["id"]
        with pytest.raises(SdkError) as refused:
            sdk.call("create", to=handset, messaging_service_sid=group, body="x")
        assert (refused.value.status, refused.value.code) == (422, 21703)
        number = server.request("GET", f"{NUMBERS}?filter_number={sender[1:]}").json()["data"][0]["id"]
        joined = server.request(
            "POST", f"{GROUPS}/{group}/number_group_memberships", json_body={"phone_number_id": number}
        )
        assert joined.status == 200

        made = sdk.call("create", to=handset, messaging_service_sid=group, body="x")
        assert (made["from_"], made["messaging_service_sid"]) == (sender, group)
        both = sdk.call(
            "create", to=handset, from_=server.credentials.numbers[1], messaging_service_sid=group, body="x"
        )
        assert (both["from_"], both["messaging_service_sid"]) == (server.credentials.numbers[1], group)
        assert sdk.call("fetch", sid=made["sid"])["messaging_service_sid"] == group
        with pytest.raises(SdkError) as refused:
            sdk.call("create", to=handset, messaging_service_sid=str(uuid.uuid4()), body="x")
        assert (refused.value.status, refused.value.code) == (422, 21701)

    def test_a_text_is_created_sent_and_delivered(
        self,
        sdk: Session,
        sender: str,
        server: HeliographServer,
        handset: str,
        callbacks: Sink,
        path: str,
        wait_for_status: WaitForStatus,
    ) -> None:
        made = sdk.call("create", to=handset, from_=sender, body="héllo", status_callback=callbacks.url(path))
        assert (made["to"], made["from_"], made["body"]) == (handset, sender, "héllo")
        assert made["account_sid"] == server.credentials.project_id
        assert made["direction"] == "outbound-api"
        assert str(uuid.UUID(made["sid"])) == made["sid"]

        reported = wait_for_status(path, "delivered")
        assert reported["MessageSid"] == made["sid"]

        fetched = sdk.call("fetch", sid=made["sid"])
        assert fetched["status"] == "delivered"
        assert (fetched["num_segments"], fetched["num_media"]) == (1, 0)
        assert fetched["error_code"] is None
        assert fetched["price"] == 0.0083
        sent, created = (datetime.fromisoformat(fetched[name]) for name in ("date_sent", "date_created"))
        assert sent >= created

    def test_a_picture_is_fetched_once_and_listed(
        self, sdk: Session, sender: str, handset: str, callbacks: Sink, path: str, wait_for_status: WaitForStatus
    ) -> None:
        picture = callbacks.answer(f"{path}/picture", Answer(body=PICTURE, content_type="image/png"))
        made = sdk.call("create", to=handset, from_=sender, media_url=[picture], status_callback=callbacks.url(path))
        wait_for_status(path, "sent")
        assert len(callbacks.received(f"{path}/picture")) == 1
        assert sdk.call("fetch", sid=made["sid"])["num_media"] == 1
        assert sdk.call("media", sid=made["sid"]) == ["image/png"]

    def test_pages_are_followed_to_the_end_and_back(self, sdk: Session, sender: str, handset: str) -> None:
        sids = [sdk.call("create", to=handset, from_=sender, body=f"{n}")["sid"] for n in range(7)]
        newest_first = sids[::-1]
        assert sdk.call("list", to=handset, page_size=3) == newest_first
        assert sdk.call("pages", to=handset, page_size=3) == {
            "forward": [newest_first[:3], newest_first[3:6], newest_first[6:]],
            "back": [newest_first[3:6], newest_first[:3]],
        }

    def test_lists_are_filtered(
        self, sdk: Session, sender: str, handset: str, callbacks: Sink, path: str, wait_for_status: WaitForStatus
    ) -> None:
        sid = sdk.call("create", to=handset, from_=sender, body="x", status_callback=callbacks.url(path))["sid"]
        wait_for_status(path, "sent")
        day = datetime.fromisoformat(sdk.call("fetch", sid=sid)["date_sent"]).date()
        before, after = (day + timedelta(days=days) for days in (-1, 1))

        def listed(**filters: str | date) -> bool:
            return bool(sdk.call("list", to=handset, **{name: str(value) for name, value in filters.items()}) == [sid])

        assert listed(from_=sender)
        assert not listed(from_="+15005550006")
        assert listed(date_sent=day)
        assert not listed(date_sent=after)
        assert listed(date_sent_before=after)
        assert not listed(date_sent_before=day)
        assert listed(date_sent_after=before)
        assert listed(date_sent_after=day)
        assert not listed(date_sent_after=after)

    def test_a_message_is_redacted_then_deleted(
        self, sdk: Session, sender: str, handset: str, callbacks: Sink, path: str, wait_for_status: WaitForStatus
    ) -> None:
        callback = callbacks.url(path)
        sid = sdk.call("create", to=handset, from_=sender, body="secret", status_callback=callback)["sid"]
        wait_for_status(path, "delivered")
        assert sdk.call("redact", sid=sid)["body"] == ""
        assert sdk.call("fetch", sid=sid)["body"] == ""
        assert sdk.call("delete", sid=sid) is True
        with pytest.raises(SdkError) as refused:
            sdk.call("fetch", sid=sid)
        assert (refused.value.status, refused.value.code) == (404, 20404)

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"to": "not-a-number"}, 21211),
            ({"to": "+15005550001"}, 21211),
            ({"body": ""}, 21602),
            ({"body": "x" * 1601}, 21617),
            ({"from_": "+19995550000"}, 21210),
            ({"media_url": ["ftp://example.com/x.png"]}, 21620),
        ],
    )
    def test_a_refused_message_raises_with_its_code(
        self, sdk: Session, sender: str, handset: str, arguments: Mapping[str, str], code: int
    ) -> None:
        with pytest.raises(SdkError) as refused:
            sdk.call("create", **{"to": handset, "from_": sender, "body": "x", **arguments})
        assert (refused.value.status, refused.value.code) == (422, code)

    def test_wrong_credentials_raise_20003(self, connect: Connect, sender: str, handset: str) -> None:
        session = connect("PT" + "0" * 48)
        with pytest.raises(SdkError) as refused:
            session.call("create", to=handset, from_=sender, body="x")
        session.close()
        assert (refused.value.status, refused.value.code) == (401, 20003)

    def test_a_number_is_configured(self, sdk: Session, server: HeliographServer, callbacks: Sink, path: str) -> None:
        number = server.credentials.numbers[-1]
        changed = sdk.call("configure_number", number=number, sms_url=callbacks.url(path), sms_method="GET")
        assert (changed["sms_url"], changed["sms_method"]) == (callbacks.url(path), "GET")

    def test_an_application_is_made_listed_changed_and_removed(self, sdk: Session) -> None:
        name = f"application {uuid.uuid4()}"
        fields = ["sid", "friendly_name", "sms_url", "sms_method", "sms_status_callback"]
        given = {"friendly_name": name, "sms_url": "https://example.com/a", "sms_method": "GET"}
        made = sdk.call("resource", at=["applications"], verb="create", fields=fields, **given)
        assert made == {"sid": made["sid"], "sms_status_callback": None, **given}
        assert sdk.call("resource", at=["applications"], verb="list", fields=fields, friendly_name=name) == [made]
        one = ["applications", f"({made['sid']})"]
        changes = {"sms_method": "POST", "sms_status_callback": "https://example.com/b"}
        assert sdk.call("resource", at=one, verb="update", fields=fields, **changes) == made | changes
        assert sdk.call("resource", at=one, verb="fetch", fields=fields) == made | changes
        assert sdk.call("resource", at=one, verb="delete", fields=[]) is True
        with pytest.raises(SdkError) as refused:
            sdk.call("resource", at=one, verb="fetch", fields=fields)
        assert (refused.value.status, refused.value.code) == (404, 20404)

    def test_a_free_number_is_found_taken_used_and_given_back(
        self, sdk: Session, server: HeliographServer, handset: str, callbacks: Sink, path: str
    ) -> None:
        assert sdk.call("countries") == ["US"]
        found = sdk.call("search", country="US", kind="local", area_code="206", in_region="WA", sms_enabled=True)
        wanted = found[0]["phone_number"]
        assert (wanted[:5], found[0]["region"]) == ("+1206", "WA")
        bought = sdk.call(
            "buy", phone_number=wanted, friendly_name="Desk", sms_url=callbacks.url(path), sms_method="GET"
        )
        assert (bought["phone_number"], bought["friendly_name"]) == (wanted, "Desk")
        assert (bought["sms_url"], bought["sms_method"]) == (callbacks.url(path), "GET")
        assert bought["account_sid"] == server.credentials.project_id
        assert bought["capabilities"] == {"voice": True, "sms": True, "mms": True, "fax": True}

        assert found[0] not in sdk.call("search", country="US", kind="local", area_code="206")
        with pytest.raises(SdkError) as refused:
            sdk.call("buy", phone_number=wanted)
        assert (refused.value.status, refused.value.code) == (422, 21422)
        assert sdk.call("create", to=handset, from_=wanted, body="x")["from_"] == wanted

        assert sdk.call("release", sid=bought["sid"]) is True
        with pytest.raises(SdkError) as refused:
            sdk.call("fetch_number", sid=bought["sid"])
        assert (refused.value.status, refused.value.code) == (404, 20404)
        with pytest.raises(SdkError) as refused:
            sdk.call("create", to=handset, from_=wanted, body="x")
        assert (refused.value.status, refused.value.code) == (422, 21210)
        assert [each["to"] for each in (sdk.call("fetch", sid=sid) for sid in sdk.call("list", from_=wanted))]
        assert found[0] in sdk.call("search", country="US", kind="local", contains=wanted[2:])

    def test_any_number_of_an_area_is_taken_if_there_is_one(self, sdk: Session) -> None:
        bought = sdk.call("buy", area_code="312")
        assert bought["phone_number"].startswith("+1312")
        assert sdk.call("release", sid=bought["sid"]) is True
        for area_code, code in (("999", 21452), ("31", 21451)):
            with pytest.raises(SdkError) as refused:
                sdk.call("buy", area_code=area_code)
            assert (refused.value.status, refused.value.code) == (422, code)

    def test_toll_free_numbers_are_found(self, sdk: Session) -> None:
        found = sdk.call("search", country="US", kind="toll_free", contains="800555")
        assert found and all(each["phone_number"].startswith("+1800555") for each in found)
        assert sdk.call("search", country="US", kind="toll_free", area_code="206") == []
        assert sdk.call("search", country="GB", kind="toll_free") == []

    def test_the_countries_of_free_numbers_are_listed(self, sdk: Session) -> None:
        at, fields = ["available_phone_numbers"], ["country_code", "country", "beta"]
        usa = {"country_code": "US", "country": "United States", "beta": False}
        assert usa in sdk.call("resource", at=at, verb="list", fields=fields)
        assert sdk.call("resource", at=[*at, "(US)"], verb="fetch", fields=fields) == usa

    def test_a_number_is_moved_to_a_subproject_and_back(self, sdk: Session, server: HeliographServer) -> None:
        own = server.credentials.project_id
        made = server.run("project", "create", "--name", "sub", "--parent", own, "--data", str(server.data), "--json")
        child = json.loads(made)["project_id"]
        account = f"/api/laml/2010-04-01/Accounts/{child}"
        wait_until(lambda: server.request("GET", account).status == 200, "the server to know the subproject")
        number = sdk.call("buy", area_code="415")
        assert sdk.call("move", sid=number["sid"], account=child)["account_sid"] == child
        with pytest.raises(SdkError) as refused:
            sdk.call("fetch_number", sid=number["sid"])
        assert (refused.value.status, refused.value.code) == (404, 20404)
        moved = sdk.call("fetch_number", sid=number["sid"], account=child)
        assert moved == {**number, "account_sid": child}
        with pytest.raises(SdkError):
            sdk.call("move", sid=number["sid"], account=str(uuid.uuid4()))
        assert sdk.call("release", sid=number["sid"], account=child) is True

    def test_a_subproject_is_made_listed_renamed_and_acted_on(self, sdk: Session, server: HeliographServer) -> None:
        accounts, name = ["api", "v2010", "accounts"], f"subproject {uuid.uuid4()}"
        fields = ["sid", "friendly_name", "status", "type", "owner_account_sid", "auth_token"]
        made = sdk.call("resource", at=accounts, verb="create", fields=fields, friendly_name=name)
        assert made == {
            "sid": made["sid"],
            "friendly_name": name,
            "status": "active",
            "type": "Full",
            "owner_account_sid": server.credentials.project_id,
            "auth_token": "redacted",
        }
        assert sdk.call("resource", at=accounts, verb="list", fields=fields, friendly_name=name) == [made]
        everybody = sdk.call("resource", at=accounts, verb="list", fields=["sid"], page_size=1)
        assert {made["sid"], server.credentials.project_id} <= {each["sid"] for each in everybody}
        one = [*accounts, f"({made['sid']})"]
        assert sdk.call("resource", at=one, verb="fetch", fields=fields) == made
        renamed = sdk.call("resource", at=one, verb="update", fields=fields, friendly_name=f"{name}!")
        assert renamed == made | {"friendly_name": f"{name}!"}
        application = sdk.call(
            "resource", at=[*one, "applications"], verb="create", fields=["account_sid"], friendly_name="theirs"
        )
        assert application == {"account_sid": made["sid"]}

    def test_its_validator_takes_our_form_and_get_signatures(
        self, sdk: Session, plain_server: HeliographServer, webhooks: Mapping[str, Received]
    ) -> None:
        key = plain_server.credentials.signing_key
        for request, payload in ((webhooks["form"], webhooks["form"].form), (webhooks["get"], {})):
            signature = request.headers["x-twilio-signature"]
            assert signature == request.headers["x-signalwire-signature"]
            asked = {"key": key, "signature": signature, "url": request.url}
            assert sdk.call("validate", **asked, payload=payload) is True
            assert sdk.call("validate", **asked, payload={**payload, "Body": "changed"}) is False
