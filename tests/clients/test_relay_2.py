"""SignalWire's older Python SDK, `signalwire` 2.1.1: its Relay consumer, which wraps everything in Blade."""

import pytest
import sessions
from relay_shaped import Connect, RelayShapedTests, connected, sends
from sessions import Session

from servers import HOST, HeliographServer


def connect_consumer(
    server: HeliographServer, contexts: str, *, token: str | None = None, port: int | None = None
) -> Session:
    """See `Connect`. A consumer subscribes to its contexts when it is ready."""
    credentials = server.credentials
    host = f"{'wss' if server.tls else 'ws'}://{HOST}:{port or server.port}"
    return sessions.relay_2(host, credentials.project_id, token or credentials.api_token, contexts, ca=server.ca)


class TestRelayConsumer(RelayShapedTests):
    """Over ws, in the SDK's own environment."""

    changes_contexts = False

    @pytest.fixture
    def connect(self) -> Connect:
        """Consumers."""
        return connect_consumer


def test_it_speaks_wss(tls_server: HeliographServer, context: str, handset: str) -> None:
    with connected(connect_consumer(tls_server, context)) as session:
        sends(session, tls_server.credentials.numbers[0], handset)
