"""Relay's frames as a client makes and reads them, and who it is; no I/O.

Two clients use them: relay_client.py, which blocks, so that a test can lead it through a conversation frame by frame,
and relay_link.py, which works by itself, for trials with many clients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from servers import HeliographServer

Frame = dict[str, Any]

EVENT = "signalwire.event"
REFUSED: Frame = {"code": -32000, "message": "no"}
"""The error of a client that will not take an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where to connect, as whom. `protocol`: the session to go on with; `contexts`: what to hear."""

    url: str
    project: str
    token: str
    contexts: Sequence[str] = ()
    protocol: str | None = None

    def params(self) -> Frame:
        """The parameters of ``signalwire.connect``."""
        found: Frame = {
            "version": {"major": 3, "minor": 0, "revision": 0},
            "agent": "tests/1.0",
            "event_acks": True,
            "authentication": {"project": self.project, "token": self.token},
        }
        if self.contexts:
            found["contexts"] = list(self.contexts)
        if self.protocol is not None:
            found["protocol"] = self.protocol
        return found


def login_to(server: HeliographServer, *contexts: str, token: str | None = None, protocol: str | None = None) -> Login:
    """As the server's first project, by its first token unless another is given."""
    return Login(
        url=server.base_url.replace("http", "ws", 1),
        project=server.credentials.project_id,
        token=token or server.credentials.api_token,
        contexts=contexts,
        protocol=protocol,
    )


class RpcError(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code: int = error["code"]


def request(id: str, method: str, params: object) -> Frame:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def answer(request: Mapping[str, Any], error: Frame | None = None) -> Frame:
    """What acknowledges a request of the server's, or refuses it."""
    told: Frame = {"result": {}} if error is None else {"error": error}
    return {"jsonrpc": "2.0", "id": request["id"], **told}


def result_of(response: Mapping[str, Any]) -> Frame:
    """Raises `RpcError` where the response has an error."""
    if "error" in response:
        raise RpcError(response["error"])
    result: Frame = response["result"]
    return result


def is_event(frame: Mapping[str, Any], event_type: str | None = None) -> bool:
    """Whether it is an event of this type, or any of a message."""
    if frame.get("method") != EVENT:
        return False
    given: str = frame["params"]["event_type"]
    return given == event_type if event_type else given.startswith("messaging.")
