"""The Node SDKs: Twilio's, and SignalWire's compatibility SDK, which speaks https only."""

import pytest
import sessions
from twilio_shaped import Connect, TwilioShapedTests

from servers import HeliographServer


class TestTwilioNode(TwilioShapedTests):
    """Over http, with `api.baseUrl` set to ours."""

    @pytest.fixture
    def server(self, plain_server: HeliographServer) -> HeliographServer:
        """Nothing in the SDK asks for https."""
        return plain_server

    @pytest.fixture
    def connect(self, server: HeliographServer) -> Connect:
        """A client with the project's id and the given token."""
        return lambda token: sessions.node_script("twilio.cjs", server.base_url, server.credentials.project_id, token)


class TestCompatibilityApi(TwilioShapedTests):
    """Over https, as the SDK makes its own URLs."""

    @pytest.fixture
    def server(self, tls_server: HeliographServer) -> HeliographServer:
        """The SDK puts https before the host that it is given."""
        return tls_server

    @pytest.fixture
    def connect(self, server: HeliographServer) -> Connect:
        """A client that trusts the server's development certificate."""
        host = server.base_url.removeprefix("https://")
        trust = {"NODE_EXTRA_CA_CERTS": str(server.ca)}
        return lambda token: sessions.node_script(
            "compatibility.cjs", host, server.credentials.project_id, token, env=trust
        )
