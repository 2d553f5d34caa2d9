"""SignalWire's Python SDK of today, `signalwire-sdk`: its RelayClient, which speaks wss only."""

import pytest
import sessions
from cable import Cable
from relay_shaped import Connect, RelayShapedTests, bring, connected, message_saying, route_to
from sessions import Session

from servers import HOST, HeliographServer


class TestRelayClient(RelayShapedTests):
    """Over wss, in the SDK's own environment."""

    tls = True

    @pytest.fixture
    def connect(self) -> Connect:
        """Clients that trust the server's development certificate."""

        def make(
            server: HeliographServer, contexts: str, *, token: str | None = None, port: int | None = None
        ) -> Session:
            credentials = server.credentials
            arguments = (
                f"{HOST}:{port or server.port}",
                credentials.project_id,
                token or credentials.api_token,
                contexts,
            )
            return sessions.relay_sdk(*arguments, ca=server.ca)

        return make

    def test_wait_ends_though_the_server_restarts_meanwhile(
        self, connect: Connect, own_server: HeliographServer, handset: str, context: str
    ) -> None:
        number = own_server.credentials.numbers[0]
        with connected(connect(own_server, context)) as session:
            # Without a context the SDK gives its protocol, which it brings again when it reconnects.
            sent = session.call("send", to_number=handset, from_number=number, body="x")
            session.call("states", message_id=sent, until="sent")
            own_server.kill()
            own_server.start()
            assert session.call("wait", message_id=sent) == "delivered"

    @pytest.mark.parametrize("is_restarted", [False, True])
    def test_a_context_that_was_added_is_there_after_the_connection_is_lost(
        self, connect: Connect, own_server: HeliographServer, handset: str, context: str, is_restarted: bool
    ) -> None:
        """The SDK brings only its protocol and the authorization_state that it was told last."""
        number = own_server.credentials.numbers[0]
        route_to(own_server, number, context)
        with Cable(own_server.port) as cable, connected(connect(own_server, "", port=cable.port)) as session:
            session.call("receive", contexts=[context])
            bring(own_server, number, handset, "before")
            assert session.call("message", number=1)["body"] == "before"
            cable.cut()
            if is_restarted:
                own_server.kill()
                own_server.start()
            bring(own_server, number, handset, "after")
            cable.mend()
            assert message_saying(session, "after", first=2)
