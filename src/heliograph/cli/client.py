"""Calls from a command to the running server of its data folder.

Straight to the address in `server.json`, past any proxy. Over HTTPS the server has to show the very
certificate that the file holds; its names are not compared, since the address is this machine's.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from heliograph.cli import local
from heliograph.cli.local import Running
from heliograph.cli.output import Failure

TIMEOUT_SECONDS: Final = 30.0
"""Longer than the server's own limit on a write, so that its 503 is seen and not our silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that should be running, and the folder that says so."""

    data: Path
    running: Running

    def ask(self, method: str, path: str, project_id: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call as a project and return the answer's JSON; raises Failure for every other answer, and for none."""
        status, value = self.try_ask(method, path, project_id, body)
        if status >= 400:
            raise Failure(self._refusal(status, value))
        return value

    def try_ask(
        self, method: str, path: str, project_id: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Call as a project and return status and JSON, whatever they are; raises Failure where nothing answers."""
        try:
            return self._exchange(method, path, project_id, body)
        except ConnectionRefusedError as error:
            raise not_running(self.data, left=self.running) from error
        except TimeoutError as error:
            late = f"{self.running.url} has not answered within {TIMEOUT_SECONDS:g} s; see the server's log"
            raise Failure(late) from error
        except ssl.SSLError as error:
            other = f"{self.running.url} does not show the certificate in {self.data / local.FILE_NAME}"
            raise Failure(f"{other} ({error.reason or error}): renew it and restart the server") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failure(f"{self.running.url} gave no usable answer ({error}); see the server's log") from error

    def _exchange(self, method: str, path: str, project_id: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.running.secret}", "X-Heliograph-Project": project_id}
        payload = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            payload = json.dumps(body).encode()
        connection = _connection(self.running)
        try:
            connection.request(method, path, payload, headers)
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def _refusal(self, status: int, value: Any) -> str:
        if status == http.HTTPStatus.UNAUTHORIZED:
            file = self.data / local.FILE_NAME
            return f"{self.running.url} does not take the secret in {file}: another server has its place; restart it"
        return f"the server answered {status}: {_reasons(value) or 'without saying why; see its log'}"


def server_of(data: Path) -> Server:
    """The server that runs on a data folder; raises Failure where none does as far as its file tells."""
    try:
        running = local.find(data)
    except local.Unreadable as error:
        raise Failure(str(error)) from error
    if running is None:
        raise not_running(data)
    return Server(data=data, running=running)


def not_running(data: Path, left: Running | None = None) -> Failure:
    """Says that no server runs and how to start one. `left`: what a server that was killed has left behind."""
    found = f" ({data / local.FILE_NAME} is stale: nothing listens at {left.url})" if left else ""
    return Failure(f"no server runs on {data}{found}: start it with `heliograph serve --data {data}`, or set --data")


def query(path: str, **parameters: str | None) -> str:
    """A path with those parameters that are given."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def pinned(certificate: str) -> ssl.SSLContext:
    """Trust this one certificate (PEM), even where it is signed by an authority that isn't trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate)
    return context


def _connection(running: Running) -> http.client.HTTPConnection:
    url = urlsplit(running.url)
    host = url.hostname or ""
    if running.certificate is None:
        return http.client.HTTPConnection(host, url.port, timeout=TIMEOUT_SECONDS)
    return http.client.HTTPSConnection(host, url.port, timeout=TIMEOUT_SECONDS, context=pinned(running.certificate))


def _reasons(value: Any) -> str:
    """The words in any of the API's error bodies (contract, section 7)."""
    match value:
        case {"errors": [*errors]}:
            return "; ".join(_reason(error) for error in errors)
        case {"message": str(text)} | {"error": str(text)}:
            return text
        case _:
            return ""


def _reason(error: Any) -> str:
    match error:
        case {"code": code, "message": message}:
            return f"{message} ({code})"
        case {"code": code, "detail": detail}:
            return f"{detail} ({code})"
        case _:
            return str(error)
