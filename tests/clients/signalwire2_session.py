"""Makes calls with the SDK `signalwire` 2.1.1, in its environment: ``signalwire2_session.py URL PROJECT TOKEN CA``.

The SDK always speaks https. Its HTTP client passes over ``REQUESTS_CA_BUNDLE`` (it prepares and sends requests
without the session's environment settings), so what it trusts is set on its session.
"""

import sys
from typing import Any

import line_protocol
import twilio_calls
from signalwire.request_validator import RequestValidator
from signalwire.rest import Client
from twilio.base.exceptions import TwilioRestException


def main() -> None:
    """Perform the calls of `twilio_calls`, and ``validate``, until standard input ends."""
    url, project, token, ca = sys.argv[1:]
    client = Client(project, token, signalwire_space_url=url)
    client.http_client.session.verify = ca

    def perform(call: str, arguments: dict[str, Any]) -> Any:
        if call == "validate":
            return validate(**arguments)
        return twilio_calls.perform(client, call, arguments)

    line_protocol.serve(perform, TwilioRestException, lambda error: {"status": error.status, "code": error.code})


def validate(key: str, signature: str, url: str, payload: dict[str, str] | str) -> bool:
    """Whether the SDK takes the signature; `payload` is the form's parameters, or a JSON body as it came."""
    return RequestValidator(key).validate(url, payload, signature)


if __name__ == "__main__":
    main()
