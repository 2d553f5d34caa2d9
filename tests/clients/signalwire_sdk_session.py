"""Makes calls with `signalwire-sdk`, in that SDK's environment: ``signalwire_sdk_session.py HOST PROJECT TOKEN``.

A call is the path of a method below the REST client, ``messages.create``, with its keyword arguments, and
``positional`` for those that it takes only so; an iterator over pages comes back as the list of all items.
The SDK speaks http to a loopback host.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

import line_protocol
from signalwire.core.security import validate_webhook_signature, validate_webhook_signature_sha256
from signalwire.core.security.webhook_middleware import validate as validate_in_middleware
from signalwire.rest import RestClient, SignalWireRestError
from signalwire.rest._pagination import PaginatedIterator


def main() -> None:
    """Perform calls, and the SDK's two ways to validate, until standard input ends."""
    host, project, token = sys.argv[1:]
    client = RestClient(project=project, token=token, host=host)

    def perform(call: str, arguments: dict[str, Any]) -> Any:
        if call == "public_calls":
            return [name for each in arguments["namespaces"] for name in public_calls(client, each)]
        method = VALIDATORS.get(call) or functools.reduce(getattr, call.split("."), client)
        answer = method(*arguments.pop("positional", ()), **arguments)
        return list(answer) if isinstance(answer, PaginatedIterator) else answer

    line_protocol.serve(perform, SignalWireRestError, describe)


def public_calls(client: RestClient, namespace: str) -> list[str]:
    """The paths of all calls that the SDK has in a namespace."""
    resource = functools.reduce(getattr, namespace.split("."), client)
    names = [name for name in dir(resource) if not name.startswith("_") and callable(getattr(resource, name))]
    return [f"{namespace}.{name}" for name in names]


def describe(error: Any) -> dict[str, Any]:
    """The parts of the SDK's error; its body is the answer's, parsed."""
    return {"status": error.status_code, "body": error.body, "request_id": error.request_id}


def validate(key: str, signature: str, url: str, payload: str) -> bool:
    """The validator itself, on a raw body (empty for GET)."""
    return validate_webhook_signature(key, signature, url, payload)


def validate_sha256(key: str, signature: str, url: str, payload: str) -> bool:
    """The newer validator, for JSON."""
    return validate_webhook_signature_sha256(key, signature, url, payload)


def validate_as_middleware(key: str, method: str, url: str, headers: dict[str, str], payload: str) -> bool:
    """What the SDK's web frameworks do: pick the header, then validate; a refusal is a 403."""
    return validate_in_middleware(method, url, headers, payload, signing_key=key) is None


VALIDATORS: dict[str, Callable[..., bool]] = {
    "validate": validate,
    "validate_sha256": validate_sha256,
    "validate_as_middleware": validate_as_middleware,
}


if __name__ == "__main__":
    main()
