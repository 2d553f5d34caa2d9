"""SignalWire's older Python SDK, `signalwire` 2.1.1: a Twilio client of 2021 that speaks https only."""

from collections.abc import Mapping

import pytest
import sessions
from sessions import Session
from twilio_shaped import Connect, TwilioShapedTests

from servers import HeliographServer, Received


class TestSignalwire2(TwilioShapedTests):
    """Over https, in the SDK's own environment."""

    @pytest.fixture
    def server(self, tls_server: HeliographServer) -> HeliographServer:
        """The SDK replaces any scheme by https."""
        return tls_server

    @pytest.fixture
    def connect(self, server: HeliographServer) -> Connect:
        """A client that trusts the server's development certificate."""
        assert server.ca is not None
        ca = server.ca
        return lambda token: sessions.signalwire_2(server.base_url, server.credentials.project_id, token, ca)

    def test_its_validator_takes_our_json_signature(
        self, sdk: Session, plain_server: HeliographServer, webhooks: Mapping[str, Received]
    ) -> None:
        request = webhooks["json"]
        body = request.body.decode()
        asked = {
            "key": plain_server.credentials.signing_key,
            "signature": request.headers["x-signalwire-signature"],
            "url": request.url,
        }
        assert sdk.call("validate", **asked, payload=body) is True
        # Not JSON any more: on a forged object this SDK's fallback to forms raises TypeError.
        assert sdk.call("validate", **asked, payload=f"{body}!") is False
