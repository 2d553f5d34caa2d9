"""Limits that are met: a full backlog, a rate, a validity that ends in the queue (contract, sections 3 and 6)."""

import pytest

from caller import INBOUND, LOGS, REST_MESSAGES, Caller, NewProject, new_handset
from servers import HeliographServer, wait_until

NEVER_ANSWERED = "+15005554001"
# One message that is never answered fills the carrier's window; all others stay queued.
SETTINGS = {"simulator_window": 1, "backlog_limit": 3}


@pytest.fixture(scope="module", autouse=True)
def full_window(api: Caller) -> None:
    """The carrier takes no more."""
    api.once(api.send(To=NEVER_ANSWERED)["sid"], "sending")


def test_a_full_backlog_is_429_and_keeps_nothing(api: Caller, new_project: NewProject) -> None:
    queued = [api.send(ValidityPeriod="2")["sid"] for _ in range(3)]
    assert all(api.message(sid)["status"] == "queued" for sid in queued)
    there = api.get(f"{LOGS}?include_deleted=true")["data"]
    key = {"Idempotency-Key": "not-kept"}
    refused = api.create(headers=key)
    assert (refused.status, refused.json()["code"]) == (429, 21611)
    assert int(refused.headers["retry-after"]) >= 1
    assert api.rest_faults() == (429, ["message_backlog_limit_exceeded"])
    # What is wrong with a request is told first, and arriving messages are no part of the backlog.
    assert api.refusal(Body="") == (422, 21602)
    assert api.get(f"{LOGS}?include_deleted=true")["data"] == there
    assert api.received()["direction"] == "inbound"
    assert new_project("other", "+12025550111").create().status == 201
    # The queued ones end with their validity, unsent and uncharged, and there is room again.
    for sid in queued:
        expired = api.once(sid, "failed")
        assert (expired["error_code"], expired["price"], expired["date_sent"]) == ("30001", None, None)
    taken = api.create(headers=key, ValidityPeriod="1")
    assert (taken.status, "idempotent-replayed" in taken.headers) == (201, False)
    api.once(taken.json()["sid"], "failed")


def test_a_queued_message_is_neither_redacted_nor_deleted(api: Caller) -> None:
    sid = api.send(ValidityPeriod="1")["sid"]
    for reply, code in (
        (api.ask("POST", f"{api.messages}/{sid}", form={"Body": ""}), 10000),
        (api.ask("DELETE", f"{api.messages}/{sid}"), 20009),
    ):
        assert (reply.status, reply.json()["code"]) == (422, code)
    api.once(sid, "failed")


def test_the_rate_is_each_project_s_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = {"rate_limit_writes": 3, "rate_limit_seconds": 1}
    server = HeliographServer(tmp_path_factory.mktemp("rate") / "data", settings=settings)
    try:
        api = Caller.of(server.start())
        calls = [("POST", api.messages), ("POST", REST_MESSAGES), ("POST", INBOUND), ("DELETE", f"{api.messages}/x")]
        while True:  # the bucket fills as time goes by: ask until it is empty
            replies = [api.ask(method, path, body={}) for method, path in calls]
            if refused := [reply for reply in replies if reply.status == 429]:
                break
        for reply in refused:
            assert reply.headers["x-ratelimit-limit"] == "3"
            assert reply.headers["x-ratelimit-remaining"] == "0"
            assert int(reply.headers["retry-after"]) >= 1
            told = reply.json()
            assert told.get("code") == 20429 or told["errors"][0]["code"] == "rate_limit_exceeded"
        assert api.ask("GET", LOGS).status == 200
        wait_until(lambda: api.create(To=new_handset()).status == 201, "the rate to allow a message again")
    finally:
        server.kill()
