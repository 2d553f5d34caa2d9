"""SignalWire's Python SDK of today, `signalwire-sdk`: the REST families, and its webhook validators."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import sessions
from sessions import SdkError, Session

from servers import Answer, HeliographServer, Received, Sink, wait_until

Connect = Callable[[str], Session]


@pytest.fixture
def connect(plain_server: HeliographServer) -> Connect:
    """A client with the project's id and the given token; the SDK speaks http to a loopback host."""
    host = plain_server.base_url.removeprefix("http://")
    return lambda token: sessions.signalwire_sdk(host, plain_server.credentials.project_id, token)


@pytest.fixture
def sdk(connect: Connect, plain_server: HeliographServer) -> Iterator[Session]:
    """A session with the first project's credentials."""
    session = connect(plain_server.credentials.api_token)
    yield session
    session.close()


@pytest.fixture
def sender(plain_server: HeliographServer) -> str:
    """A number of the project."""
    return plain_server.credentials.numbers[0]


def wait_for_status(callbacks: Sink, path: str, status: str) -> dict[str, Any]:
    """The JSON callback at a path that reports a status."""

    def reported(requests: list[Received]) -> dict[str, Any]:
        bodies = [each.json() for each in requests if each.path == path]
        return next((body for body in bodies if body["status"] == status), {})

    return callbacks.wait_for(reported)


def test_a_message_is_created_delivered_logged_and_redacted(
    sdk: Session, sender: str, handset: str, callbacks: Sink, path: str
) -> None:
    made = sdk.call(
        "messages.create",
        to=handset,
        from_=sender,
        body="secret",
        status_callback=callbacks.url(path),
        custom_variables={"order": "17"},
    )
    assert (made["to"], made["from"], made["body"], made["kind"]) == (handset, sender, "secret", "sms")

    reported = wait_for_status(callbacks, path, "delivered")
    assert (reported["id"], reported["custom_variables"]) == (made["id"], {"order": "17"})

    log = sdk.call("logs.messages.get", resource_id=made["id"])
    assert (log["status"], log["source"], log["type"]) == ("delivered", "realtime_api", "relay_message")
    assert (log["charge"], log["url"]) == (0.0083, None)

    assert sdk.call("messages.update", message_id=made["id"], body="")["body"] == ""


def test_a_picture_is_sent(sdk: Session, sender: str, handset: str, callbacks: Sink, path: str) -> None:
    picture = callbacks.answer(f"{path}/picture", Answer(body=b"\x89PNG", content_type="image/png"))
    made = sdk.call("messages.create", to=handset, from_=sender, media=[picture], status_callback=callbacks.url(path))
    assert (made["kind"], made["media"], made["body"]) == ("mms", [picture], "")
    assert wait_for_status(callbacks, path, "sent")["id"] == made["id"]
    log = sdk.call("logs.messages.get", resource_id=made["id"])
    assert (log["kind"], log["charge"]) == ("mms", 0.02)


def test_logs_are_paged_to_the_end(sdk: Session, sender: str, handset: str) -> None:
    made = [sdk.call("messages.create", to=handset, from_=sender, body=f"{n}")["id"] for n in range(7)]
    logs = sdk.call("logs.messages.paginate", page_size=3)
    ids = [log["id"] for log in logs]
    assert len(ids) == len(set(ids))
    assert [log["id"] for log in logs if log["to"] == handset] == made[::-1]


def test_paging_keeps_the_filters(sdk: Session, sender: str, handset: str) -> None:
    sdk.call("messages.create", to=handset, from_=sender, body="x")
    # The SDK takes all parameters of the next page from its link and forgets its own.
    assert sdk.call("logs.messages.paginate", page_size=1, created_after="2999-01-01") == []
    page = sdk.call("logs.messages.list", page_size=1, created_after="2000-01-01")
    assert "created_after=2000-01-01" in page["links"]["self"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"to": "not-a-number"}, "invalid_to_number"),
        ({"body": ""}, "body_or_media_required"),
        ({"body": "x" * 1601}, "character_limit_exceeded"),
        ({"custom_variables": {"sw_order": "1"}}, "reserved_custom_variable_name"),
    ],
)
def test_a_refused_message_raises_with_its_code(
    sdk: Session, sender: str, handset: str, arguments: Mapping[str, Any], code: str
) -> None:
    with pytest.raises(SdkError) as refused:
        sdk.call("messages.create", **{"to": handset, "from_": sender, "body": "x", **arguments})
    assert refused.value.status == 422
    assert [fault["code"] for fault in refused.value.given["body"]["errors"]] == [code]
    assert refused.value.given["request_id"]


def test_an_unknown_log_raises_404(sdk: Session) -> None:
    with pytest.raises(SdkError) as refused:
        sdk.call("logs.messages.get", resource_id=str(uuid.uuid4()))
    assert (refused.value.status, refused.value.given["body"]) == (404, {"error": "Not Found"})


def test_wrong_credentials_raise_401(connect: Connect) -> None:
    session = connect("PT" + "0" * 48)
    with pytest.raises(SdkError) as refused:
        session.call("logs.messages.list")
    session.close()
    assert (refused.value.status, refused.value.given["body"]) == (401, {"error": "Unauthorized"})


def test_numbers_are_listed_and_changed(sdk: Session, plain_server: HeliographServer) -> None:
    number = plain_server.credentials.numbers[-1]
    listed = sdk.call("phone_numbers.list", filter_number=number)["data"]
    assert [each["number"] for each in listed] == [number]
    changed = sdk.call("phone_numbers.update", positional=[listed[0]["id"]], name="renamed")
    assert (changed["id"], changed["name"]) == (listed[0]["id"], "renamed")
    assert sdk.call("phone_numbers.get", resource_id=listed[0]["id"])["name"] == "renamed"


def test_a_free_number_is_found_taken_set_and_given_back(
    sdk: Session, sender: str, handset: str, callbacks: Sink, path: str
) -> None:
    found = sdk.call("phone_numbers.search", areacode="512", max_results=2)["data"]
    assert len(found) == 2
    wanted = found[0]["number"]
    assert (wanted[:5], found[0]["region"], found[0]["capabilities"]["sms"]) == ("+1512", "TX", True)
    bought = sdk.call("phone_numbers.create", number=wanted)
    assert (bought["number"], bought["number_type"]) == (wanted, "longcode")
    assert sdk.call("phone_numbers.search", starts_with=wanted[2:9])["data"] != []
    assert found[0] not in sdk.call("phone_numbers.search", areacode="512")["data"]
    for number in (wanted, sender):
        with pytest.raises(SdkError) as refused:
            sdk.call("phone_numbers.create", number=number)
        assert refused.value.status == 422
        assert [fault["code"] for fault in refused.value.given["body"]["errors"]] == ["phone_number_not_available"]

    changed = sdk.call(
        "phone_numbers.update",
        positional=[bought["id"]],
        name="Desk",
        message_handler="laml_webhooks",
        message_request_url=callbacks.url(path),
    )
    assert (changed["name"], changed["message_request_url"]) == ("Desk", callbacks.url(path))
    assert sdk.call("messages.create", to=handset, from_=wanted, body="x")["from"] == wanted
    assert sdk.call("phone_numbers.delete", positional=[bought["id"]]) == {}
    with pytest.raises(SdkError) as refused:
        sdk.call("phone_numbers.get", positional=[bought["id"]])
    assert refused.value.status == 404
    assert found[0] in sdk.call("phone_numbers.search", areacode="512")["data"]


def test_a_number_from_elsewhere_is_imported(sdk: Session, handset: str) -> None:
    number = sdk.call(
        "imported_numbers.create", number="+4915223433333", number_type="longcode", capabilities=["sms", "mms"]
    )
    assert (number["number"], number["capabilities"]) == ("+4915223433333", ["sms", "mms"])
    assert sdk.call("phone_numbers.get", positional=[number["id"]]) == number
    assert sdk.call("messages.create", to=handset, from_="+4915223433333", body="x")["from"] == "+4915223433333"
    assert sdk.call("phone_numbers.delete", positional=[number["id"]]) == {}
    with pytest.raises(SdkError) as refused:
        sdk.call("phone_numbers.create", number="+4915223433333")
    assert refused.value.status == 422


def test_a_short_code_is_listed_and_set(sdk: Session, plain_server: HeliographServer) -> None:
    owner = plain_server.credentials.project_id
    plain_server.run("number", "add", "54321", "--project", owner, "--data", str(plain_server.data))
    (code,) = wait_until(lambda: sdk.call("short_codes.list", filter_number="54321")["data"], "the short code")
    assert (code["number"], code["number_type"], code["capabilities"]) == ("54321", "shortcode", ["sms", "mms"])
    changed = sdk.call(
        "short_codes.update",
        positional=[code["id"]],
        name="Votes",
        message_handler="laml_webhooks",
        message_request_url="https://example.com/sms",
    )
    assert (changed["name"], changed["message_handler"]) == ("Votes", "laml_webhooks")
    assert sdk.call("short_codes.get", positional=[code["id"]]) == changed
    assert "54321" not in [each["number"] for each in sdk.call("phone_numbers.paginate", page_size=1)]
    with pytest.raises(SdkError) as refused:
        sdk.call("short_codes.update", positional=[code["id"]], name="x", message_handler="pigeon")
    assert refused.value.status == 422
    with pytest.raises(SdkError) as refused:
        sdk.call("short_codes.get", positional=[str(uuid.uuid4())])
    assert refused.value.status == 404


def test_any_number_is_looked_up(sdk: Session) -> None:
    found = sdk.call("lookup.phone_number", positional=["+12145550101"])
    assert (found["e164"], found["valid_number"], found["location"]) == ("+12145550101", True, "Texas")
    assert "carrier" not in found
    found = sdk.call("lookup.phone_number", positional=["+4915123456789"], include="carrier,cnam")
    assert (found["number_type"], found["carrier"]["linetype"], found["cnam"]) == (
        "Mobile",
        "wireless",
        {"caller_id": None},
    )
    with pytest.raises(SdkError) as refused:
        sdk.call("lookup.phone_number", positional=["nobody"])
    assert refused.value.status == 404


def test_a_group_is_made_filled_changed_and_ended(sdk: Session, sender: str) -> None:
    group = sdk.call("number_groups.create", name="Support")
    assert (group["sticky_sender"], group["phone_number_count"]) == (False, 0)
    number = sdk.call("phone_numbers.list", filter_number=sender)["data"][0]
    membership = sdk.call("number_groups.add_membership", positional=[group["id"]], phone_number_id=number["id"])
    assert (membership["number_group_id"], membership["phone_number"]["number"]) == (group["id"], sender)
    assert sdk.call("number_groups.list_memberships", positional=[group["id"]])["data"] == [membership]
    assert sdk.call("number_groups.get_membership", positional=[membership["id"]]) == membership
    changed = sdk.call("number_groups.update", positional=[group["id"]], sticky_sender=True)
    assert changed == group | {"sticky_sender": True, "phone_number_count": 1}
    assert sdk.call("number_groups.get", positional=[group["id"]]) == changed
    assert changed in sdk.call("number_groups.list", filter_name="Support")["data"]
    assert changed in sdk.call("number_groups.paginate", page_size=1)
    assert sdk.call("number_groups.delete_membership", positional=[membership["id"]]) == {}
    assert sdk.call("number_groups.get", positional=[group["id"]])["phone_number_count"] == 0
    assert sdk.call("number_groups.delete", positional=[group["id"]]) == {}
    with pytest.raises(SdkError) as refused:
        sdk.call("number_groups.get", positional=[group["id"]])
    assert refused.value.status == 404


def test_a_code_is_sent_and_verified(sdk: Session, sender: str, handset: str, plain_server: HeliographServer) -> None:
    made = sdk.call("mfa.sms", to=handset, from_=sender, message="Code:", token_length=8, max_attempts=2)
    assert (made["success"], made["to"], made["channel"]) == (True, handset, "sms")
    account = f"/api/laml/2010-04-01/Accounts/{plain_server.credentials.project_id}"
    sent = plain_server.request("GET", f"{account}/Messages?To=%2B{handset[1:]}").json()["messages"][0]
    code = sent["body"].removeprefix("Code: ")
    assert (sent["from"], len(code), code.isdigit()) == (sender, 8, True)
    assert sdk.call("mfa.verify", positional=[made["id"]], token="x" * 8) == {"success": False}
    assert sdk.call("mfa.verify", positional=[made["id"]], token=code) == {"success": True}
    with pytest.raises(SdkError) as refused:
        sdk.call("mfa.verify", positional=[made["id"]], token=code)
    assert refused.value.status == 404
    with pytest.raises(SdkError) as refused:
        sdk.call("mfa.call", to=handset)
    assert refused.value.given["body"]["errors"][0]["code"] == "voice_not_supported"


def test_a_subproject_is_made_changed_given_a_key_and_a_token_and_deleted(
    sdk: Session, plain_server: HeliographServer
) -> None:
    name = f"subproject {uuid.uuid4()}"
    made = sdk.call("projects.create", name=name, protect_message_media=True)
    key = made.pop("signing_key")
    assert (made["parent_project_id"], made["subproject"]) == (plain_server.credentials.project_id, True)
    assert (made["protect_message_media"], made["force_https_requests"]) == (True, False)
    one = [made["id"]]
    assert sdk.call("projects.get", positional=one) == made
    assert sdk.call("projects.list", name=name)["data"] == [made]
    assert made in sdk.call("projects.paginate", page_size=1)
    changed = sdk.call("projects.update", positional=one, name=f"{name}!", force_https_requests=True)
    assert changed == made | {"name": f"{name}!", "force_https_requests": True, "updated_at": changed["updated_at"]}
    assert sdk.call("projects.rotate_signing_key", positional=one)["signing_key"] != key
    token = sdk.call("project.tokens.create", name="own", permissions=["management"], subproject_id=made["id"])
    host = plain_server.base_url.removeprefix("http://")
    session = sessions.signalwire_sdk(host, made["id"], token["token"])
    assert [each["id"] for each in session.call("projects.list")["data"]] == one
    with pytest.raises(SdkError) as refused:
        session.call("projects.create", name="below")
    assert refused.value.given["body"]["errors"][0]["code"] == "nested_subprojects_not_allowed"
    assert sdk.call("projects.delete", positional=one) == {}
    with pytest.raises(SdkError) as refused:
        session.call("projects.list")
    session.close()
    assert refused.value.status == 401
    with pytest.raises(SdkError) as refused:
        sdk.call("projects.get", positional=one)
    assert refused.value.status == 404


def test_a_token_is_made_used_and_revoked(sdk: Session, connect: Connect) -> None:
    made = sdk.call("project.tokens.create", name="ci", permissions=["messaging"])
    session = connect(made["token"])
    assert "data" in session.call("logs.messages.list", page_size=1)
    assert sdk.call("project.tokens.update", token_id=made["id"], name="cd")["token"] == "redacted"
    assert sdk.call("project.tokens.delete", token_id=made["id"]) == {}
    with pytest.raises(SdkError) as refused:
        session.call("logs.messages.list", page_size=1)
    session.close()
    assert refused.value.status == 401


@pytest.mark.parametrize("kind", ["form", "get", "json", "swml"])
def test_its_validators_take_our_signatures(
    sdk: Session, plain_server: HeliographServer, webhooks: Mapping[str, Received], kind: str
) -> None:
    request = webhooks[kind]
    asked = {"key": plain_server.credentials.signing_key, "payload": request.body.decode()}
    signature = request.headers["x-signalwire-signature"]
    whole = {**asked, "method": request.method, "headers": dict(request.headers)}
    for url, genuine in ((request.url, True), (f"{request.url}&forged=1", False)):
        assert sdk.call("validate", **asked, url=url, signature=signature) is genuine
        assert sdk.call("validate_as_middleware", **whole, url=url) is genuine


@pytest.mark.parametrize("kind", ["json", "swml"])
def test_its_newer_validator_takes_our_signatures_of_json(
    sdk: Session, plain_server: HeliographServer, webhooks: Mapping[str, Received], kind: str
) -> None:
    request = webhooks[kind]
    asked = {"key": plain_server.credentials.signing_key, "payload": request.body.decode()}
    signature = request.headers["x-signalwire-sha256-signature"]
    for url, genuine in ((request.url, True), (f"{request.url}&forged=1", False)):
        assert sdk.call("validate_sha256", **asked, url=url, signature=signature) is genuine
