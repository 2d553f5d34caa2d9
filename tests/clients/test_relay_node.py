"""SignalWire's Node SDK, `@signalwire/realtime-api`."""

import pytest
import sessions
from relay_shaped import Connect, RelayShapedTests, connected, sends
from sessions import Session

from servers import HOST, HeliographServer


def connect_realtime(
    server: HeliographServer, contexts: str, *, token: str | None = None, port: int | None = None
) -> Session:
    """See `Connect`. The contexts are topics that it listens to."""
    credentials = server.credentials
    host = f"{'wss' if server.tls else 'ws'}://{HOST}:{port or server.port}"
    trust = {"NODE_EXTRA_CA_CERTS": str(server.ca)} if server.ca is not None else {}
    arguments = (host, credentials.project_id, token or credentials.api_token, contexts)
    return sessions.node_script("realtime.cjs", *arguments, env=trust)


class TestRealtimeApi(RelayShapedTests):
    """Over ws."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Clients that listen."""
        return connect_realtime


def test_it_speaks_wss(tls_server: HeliographServer, context: str, handset: str) -> None:
    with connected(connect_realtime(tls_server, context)) as session:
        sends(session, tls_server.credentials.numbers[0], handset)
