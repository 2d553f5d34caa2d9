"""What must work with every Relay SDK; each SDK's test module has a class with these tests.

The class gives a fixture `connect`, which makes sessions of the SDK; the SDKs are unmodified. A session's calls:
``connected`` (wait for the nth connection), ``send``, ``states`` (all states of a message that came, once a certain
one has), ``message`` (the nth inbound message), ``answer`` (let the handler answer each), ``receive``,
``unreceive`` and ``leave``.
"""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from cable import Cable
from sessions import SdkError, Session

from servers import Answer, HeliographServer, Sink, wait_until

PICTURE = bytes.fromhex("89504e470d0a1a0a")
USUAL = ["initiated", "sent", "delivered"]
LATE_RECEIPTS = {"simulator_receipt_ms": 2000}
"""So late that a server can be stopped between sent and delivered."""


class Connect(Protocol):
    """Makes a session of the SDK."""

    def __call__(
        self, server: HeliographServer, contexts: str, *, token: str | None = None, port: int | None = None
    ) -> Session:
        """`contexts` are divided by commas. The first project's token and the server's port unless told."""


def route_to(server: HeliographServer, number: str, context: str) -> None:
    """Let a number's messages go to the Relay clients of a context."""
    listed = server.request("GET", f"/api/relay/rest/phone_numbers?filter_number={number[1:]}").json()["data"]
    (found,) = [each["id"] for each in listed if each["number"] == number]
    settings = {"message_handler": "relay_context", "message_relay_context": context}
    reply = server.request("PUT", f"/api/relay/rest/phone_numbers/{found}", json_body=settings)
    assert reply.status == 200, reply.body


def bring(server: HeliographServer, number: str, handset: str, body: str, **media: Any) -> str:
    """A handset sends to a number of ours; the id of the message."""
    inbound = {"from": handset, "to": number, "body": body, **media}
    reply = server.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound)
    assert reply.status == 201, reply.body
    return str(reply.json()["id"])


def sends(session: Session, number: str, handset: str) -> None:
    """A message that the session sends is delivered."""
    message_id = session.call("send", to_number=handset, from_number=number, body="x")
    assert session.call("states", message_id=message_id, until="delivered")


def message_saying(session: Session, body: str, first: int) -> bool:
    """Whether a message comes with this text, at once or after those that were to be told again."""
    return any(session.call("message", number=number)["body"] == body for number in (first, first + 1))


def log_of(server: HeliographServer, message_id: str) -> dict[str, Any]:
    """A message's log."""
    return dict(server.request("GET", f"/api/messaging/logs/{message_id}").json())


class RelayShapedTests:
    """Sending with states, receiving and answering, contexts, lost connections and wrong credentials."""

    changes_contexts = True
    """Whether the SDK can subscribe and unsubscribe while connected."""

    tls = False
    """Whether the tests' servers speak TLS."""

    @pytest.fixture
    def server(self, request: pytest.FixtureRequest) -> HeliographServer:
        """The server of all client tests."""
        found: HeliographServer = request.getfixturevalue("tls_server" if self.tls else "plain_server")
        return found

    @pytest.fixture
    def own_server(self, tmp_path: Path) -> Iterator[HeliographServer]:
        """A server that a test may stop."""
        node = HeliographServer(tmp_path / "own", settings=LATE_RECEIPTS, tls=self.tls)
        yield node.start()
        node.kill()

    @pytest.fixture
    def client(self, connect: Connect, server: HeliographServer, context: str) -> Iterator[Session]:
        """A connected session with one context."""
        with connected(connect(server, context)) as session:
            yield session

    @pytest.fixture
    def number(self, server: HeliographServer, context: str) -> str:
        """A number whose messages go to the context."""
        number = server.credentials.numbers[0]
        route_to(server, number, context)
        return number

    def test_a_message_is_sent_and_its_states_follow(
        self, client: Session, server: HeliographServer, number: str, handset: str, context: str
    ) -> None:
        asked = {"to_number": handset, "from_number": number, "body": "héllo 👋", "tags": ["a", "b"]}
        message_id = client.call("send", context=context, **asked)
        states = client.call("states", message_id=message_id, until="delivered")
        assert [each["state"] for each in states] == USUAL
        for state in states:
            assert state["message_id"] == message_id
            assert {name: state[name] for name in asked} == asked
            assert (state["context"], state["direction"]) == (context, "outbound")
            assert (state["segments"], state["media"]) == (1, [])
        log = log_of(server, message_id)
        assert (log["status"], log["source"], log["type"]) == ("delivered", "realtime_api", "relay_message")

    def test_a_picture_is_sent(
        self, client: Session, server: HeliographServer, number: str, handset: str, callbacks: Sink, path: str
    ) -> None:
        picture = callbacks.answer(path, Answer(body=PICTURE, content_type="image/png"))
        message_id = client.call("send", to_number=handset, from_number=number, media=[picture])
        states = client.call("states", message_id=message_id, until="sent")
        assert [each["state"] for each in states] == USUAL[:2]
        assert [each["media"] for each in states] == [[picture]] * 2
        assert log_of(server, message_id)["kind"] == "mms"

    def test_why_a_message_was_not_delivered(self, client: Session, number: str) -> None:
        message_id = client.call("send", to_number="+15005553004", from_number=number, body="x")
        states = client.call("states", message_id=message_id, until="undelivered")
        assert [each["state"] for each in states] == ["initiated", "sent", "undelivered"]
        assert states[-1]["reason"]

    @pytest.mark.parametrize(
        "asked",
        [{"to_number": "nobody"}, {"from_number": "+13125559999"}, {"body": "x" * 1601}, {"to_number": "+15005550001"}],
    )
    def test_a_refused_message_is_an_error_and_the_next_is_sent(
        self, client: Session, number: str, handset: str, asked: dict[str, str]
    ) -> None:
        usual = {"to_number": handset, "from_number": number, "body": "x"}
        with pytest.raises(SdkError) as refused:
            client.call("send", **{**usual, **asked})
        assert refused.value.code is None or 400 <= refused.value.code < 500
        sends(client, number, handset)

    def test_a_message_arrives_and_is_answered_by_its_handler(
        self, client: Session, server: HeliographServer, number: str, handset: str, context: str
    ) -> None:
        client.call("answer", body="An answer")
        message_id = bring(server, number, handset, "A question, schön")
        came = client.call("message", number=1)
        assert (came["message_id"], came["context"], came["body"]) == (message_id, context, "A question, schön")
        assert (came["from_number"], came["to_number"]) == (handset, number)
        assert (came["direction"], came["state"]) == ("inbound", "received")
        assert (came["segments"], came["media"], came["tags"]) == (1, [], [])
        assert wait_until(lambda: _delivered_to(server, handset), "the answer to be delivered") == ["An answer"]
        wait_until(lambda: log_of(server, message_id)["status"] == "received", "the message to be received")

    def test_a_picture_arrives(
        self, client: Session, server: HeliographServer, number: str, handset: str, callbacks: Sink, path: str
    ) -> None:
        picture = callbacks.answer(path, Answer(body=PICTURE, content_type="image/png"))
        bring(server, number, handset, "look", media=[picture])
        (address,) = client.call("message", number=1)["media"]
        found = server.request("GET", address.removeprefix(server.base_url), authenticated=False)
        assert (found.status, found.body) == (200, PICTURE)

    def test_a_message_waits_for_a_client(
        self, connect: Connect, server: HeliographServer, number: str, handset: str, context: str
    ) -> None:
        ids = [bring(server, number, handset, f"{each}") for each in range(3)]
        with connected(connect(server, context)) as session:
            assert [session.call("message", number=each)["message_id"] for each in (1, 2, 3)] == ids

    def test_one_of_two_clients_gets_each_message(
        self, client: Session, connect: Connect, server: HeliographServer, number: str, context: str
    ) -> None:
        with connected(connect(server, context)) as other:
            for session in (client, other):
                session.call("answer", body="An answer")
            base = uuid.uuid4().int % 1_000_000
            handsets = [f"+1312{base * 10 + each:07d}" for each in range(10)]
            for handset in handsets:
                bring(server, number, handset, "A question")
            for handset in handsets:
                assert wait_until(lambda to=handset: _delivered_to(server, to), "an answer") == ["An answer"]

    def test_each_client_gets_its_contexts_alone(
        self, client: Session, connect: Connect, server: HeliographServer, number: str, handset: str
    ) -> None:
        other_number = server.credentials.numbers[1]
        route_to(server, other_number, other_context := str(uuid.uuid4()))
        with connected(connect(server, f"{uuid.uuid4()},{other_context}")) as other:
            brought = [(bring(server, number, handset, "x"), bring(server, other_number, handset, "x")) for _ in "abc"]
            came = [tuple(each.call("message", number=n)["message_id"] for each in (client, other)) for n in (1, 2, 3)]
            assert came == brought

    def test_contexts_are_added_and_left(
        self, client: Session, server: HeliographServer, number: str, handset: str
    ) -> None:
        if not self.changes_contexts:
            return
        route_to(server, number, added := str(uuid.uuid4()))
        message_id = bring(server, number, handset, "early")
        client.call("receive", contexts=[added])
        assert client.call("message", number=1)["message_id"] == message_id
        client.call("unreceive", contexts=[added])
        bring(server, number, handset, "late")
        # What was meant for it would come before these states.
        sends(client, number, handset)
        client.call("receive", contexts=[added])
        assert client.call("message", number=2)["body"] == "late"

    def test_a_cut_connection_is_made_again_and_nothing_is_missed(
        self, connect: Connect, server: HeliographServer, number: str, handset: str, context: str
    ) -> None:
        with Cable(server.port) as cable, connected(connect(server, context, port=cable.port)) as session:
            bring(server, number, handset, "before")
            session.call("message", number=1)
            cable.cut()
            bring(server, number, handset, "meanwhile")
            cable.mend()
            assert message_saying(session, "meanwhile", first=2)
            assert session.call("connected", count=2) == 2
            sends(session, number, handset)

    @pytest.mark.parametrize("end", ["stop", "kill"])
    def test_states_of_a_message_survive_a_restart_of_the_server(
        self, connect: Connect, own_server: HeliographServer, handset: str, context: str, end: str
    ) -> None:
        number = own_server.credentials.numbers[0]
        route_to(own_server, number, context)
        with connected(connect(own_server, context)) as session:
            sent = session.call("send", to_number=handset, from_number=number, body="x")
            session.call("states", message_id=sent, until="sent")
            getattr(own_server, end)()
            own_server.start()
            states = session.call("states", message_id=sent, until="delivered")
            # A state whose acknowledgement was lost comes again.
            assert list(dict.fromkeys(each["state"] for each in states)) == USUAL
            bring(own_server, number, handset, "after")
            assert session.call("message", number=1)["body"] == "after"

    def test_wrong_credentials_are_refused(self, connect: Connect, server: HeliographServer, context: str) -> None:
        session = connect(server, context, token="PT" + "0" * 48)
        with pytest.raises(SdkError) as refused:
            session.call("connected", count=1)
        session.close()
        assert refused.value.code == -32002

    def test_a_client_that_left_gets_no_more(
        self, client: Session, connect: Connect, server: HeliographServer, number: str, handset: str, context: str
    ) -> None:
        client.call("leave")
        with connected(connect(server, context)) as other:
            ids = [bring(server, number, handset, f"{each}") for each in range(3)]
            assert [other.call("message", number=each)["message_id"] for each in (1, 2, 3)] == ids


@contextlib.contextmanager
def connected(session: Session) -> Iterator[Session]:
    """The session once it has connected; it is closed at the end."""
    try:
        session.call("connected", count=1)
        yield session
    finally:
        session.close()


def _delivered_to(server: HeliographServer, handset: str) -> list[str]:
    """The bodies of what was delivered to a handset."""
    account = f"/api/laml/2010-04-01/Accounts/{server.credentials.project_id}"
    query = f"To=%2B{handset[1:]}&Status=delivered"
    messages = server.request("GET", f"{account}/Messages?{query}").json()["messages"]
    return [each["body"] for each in messages]
