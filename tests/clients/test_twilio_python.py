"""Twilio's Python SDK, unmodified, with `api.base_url` set to ours."""

import pytest
from sessions import LocalSession
from twilio_shaped import Connect, TwilioShapedTests

from servers import HeliographServer


class TestTwilioPython(TwilioShapedTests):
    """Over http, in this process."""

    @pytest.fixture
    def server(self, plain_server: HeliographServer) -> HeliographServer:
        """Nothing in the SDK asks for https."""
        return plain_server

    @pytest.fixture
    def connect(self, server: HeliographServer) -> Connect:
        """A client with the project's id and the given token."""
        return lambda token: LocalSession(server.base_url, server.credentials.project_id, token)


class TestTwilioPythonByAccountSid(TestTwilioPython):
    """With the account as Twilio writes it, `AC` and 32 hex digits."""

    @pytest.fixture
    def connect(self, server: HeliographServer) -> Connect:
        account = "AC" + server.credentials.project_id.replace("-", "")
        return lambda token: LocalSession(server.base_url, account, token)
