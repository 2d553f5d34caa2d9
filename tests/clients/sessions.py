"""How a test talks to an SDK: `Session.call`, whether the SDK lives in this process or in a script of its own."""

import json
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import node_env
import twilio_calls
from setup_clients import CLIENTS
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

HERE = Path(__file__).parent
ANSWER_SECONDS = 60.0


class SdkError(Exception):
    """The SDK raised its error for a refused call. `type` is the class's name, `given` all that the error told."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given["message"])
        self.type: str = given["type"]
        self.status: int = given["status"]
        self.code: int | None = given.get("code")
        self.given = given


class Session(Protocol):
    """One client of one SDK, with one pair of credentials."""

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Make a call and give its result as JSON values; `SdkError` when the SDK raised its own error."""

    def close(self) -> None:
        """End it."""


class LocalSession:
    """Twilio's Python SDK in this process."""

    def __init__(self, url: str, project: str, token: str) -> None:
        self._client = Client(project, token)
        self._client.api.base_url = url

    def call(self, name: str, /, **arguments: Any) -> Any:
        """See `Session.call`; ``validate`` is the SDK's `RequestValidator`."""
        if name == "validate":
            validator = RequestValidator(arguments["key"])
            return validator.validate(arguments["url"], arguments["payload"], arguments["signature"])
        try:
            return twilio_calls.perform(self._client, name, arguments)
        except TwilioRestException as error:
            given = {"type": type(error).__name__, "message": error.msg, "status": error.status, "code": error.code}
            raise SdkError(given) from error

    def close(self) -> None:
        """Close the SDK's pooled connections."""
        self._client.http_client.session.close()


class ScriptSession:
    """An SDK in a script that speaks `line_protocol`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=node_env.script_environment(env),
        )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, name: str, /, **arguments: Any) -> Any:
        """See `Session.call`; AssertionError when the script ends or is silent for a minute."""
        assert self._process.stdin is not None
        print(json.dumps({"call": name, "arguments": arguments}), file=self._process.stdin, flush=True)
        line = self._answers.get(timeout=ANSWER_SECONDS)
        if not line:
            raise AssertionError(f"the script ended with {self._process.wait()} during {name}; its error is above")
        answer = json.loads(line)
        if "error" in answer:
            raise SdkError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End the script by ending its input."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(ANSWER_SECONDS)
        self._reader.join(ANSWER_SECONDS)
        self._process.stdout.close()

    def _read(self) -> None:
        """Hand over each line, then an empty one for the end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")


def signalwire_sdk(host: str, project: str, token: str) -> Session:
    """`signalwire-sdk` in its environment."""
    return _python_script("signalwire-sdk", "signalwire_sdk_session.py", (host, project, token))


def signalwire_2(url: str, project: str, token: str, ca: Path) -> Session:
    """`signalwire` 2.1.1 in its environment, trusting `ca`."""
    return _python_script("signalwire-2", "signalwire2_session.py", (url, project, token, str(ca)))


def relay_sdk(host: str, project: str, token: str, contexts: str, *, ca: Path | None) -> Session:
    """`signalwire-sdk`'s RelayClient in its environment, trusting `ca`; `contexts` are divided by commas."""
    trust = {"SIGNALWIRE_RELAY_CA_FILE": str(ca)}
    return _python_script("signalwire-sdk", "relay_sdk_session.py", (host, project, token, contexts), trust)


def relay_2(host: str, project: str, token: str, contexts: str, *, ca: Path | None) -> Session:
    """The Relay consumer of `signalwire` 2.1.1 in its environment; `host` may begin with ``ws://``."""
    trust = {} if ca is None else {"SSL_CERT_FILE": str(ca)}
    return _python_script("signalwire-2", "relay_2_session.py", (host, project, token, contexts), trust)


def node_script(name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Session:
    """One of the scripts in ``node/``."""
    _require(node_env.NODE_DIRECTORY / "node_modules")
    return ScriptSession(node_env.script_command(node_env.NODE_DIRECTORY / name, *arguments), env or {})


def _python_script(sdk: str, script: str, arguments: Sequence[str], env: Mapping[str, str] | None = None) -> Session:
    python = CLIENTS / sdk / "bin" / "python"
    _require(python)
    return ScriptSession([str(python), str(HERE / script), *arguments], env or {})


def _require(path: Path) -> None:
    if not path.exists():
        raise AssertionError(f"{path} is missing: run `make setup` (tests/clients/setup_clients.py)")
