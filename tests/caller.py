"""One caller of a running Heliograph: its credentials, and the requests that tests make most.

What is sent is what the test wrote: `ask` adds nothing but the Authorization header, and any status is an answer.
"""

import base64
import http.client
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from servers import HeliographServer, Reply, wait_until

CXML_ROOT = "/api/laml/2010-04-01"
REST_MESSAGES = "/api/messaging/messages"
LOGS = "/api/messaging/logs"
NUMBERS = "/api/relay/rest/phone_numbers"
GROUPS = "/api/relay/rest/number_groups"
MEMBERSHIPS = "/api/relay/rest/number_group_memberships"
MFA = "/api/relay/rest/mfa"
SHORT_CODES = "/api/relay/rest/short_codes"
LOOKUP = "/api/relay/rest/lookup/phone_number"
PROJECTS = "/api/projects"
TOKENS = "/api/project/tokens"
INBOUND = "/api/heliograph/simulator/inbound"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ANSWER_SECONDS = 30.0

_handsets = itertools.count(2_000_000)

Fields = Mapping[str, str | Sequence[str]]
NewProject = Callable[..., "Caller"]
"""``new_project(name, number, parent=None)``: a project of that name with that number, known to the server."""


def new_handset() -> str:
    """A number that no other test sends to or from."""
    return f"+1312{next(_handsets)}"


class Caller:
    """`sender` is the number that messages are sent from unless told."""

    def __init__(self, base_url: str, project_id: str, token: str, sender: str = "") -> None:
        self.base_url = base_url
        self.project_id = project_id
        self.token = token
        self.sender = sender

    @classmethod
    def of(cls, server: HeliographServer) -> Self:
        """The server's first project, with all scopes."""
        known = server.credentials
        return cls(server.base_url, known.project_id, known.api_token, known.numbers[0])

    def with_token(self, token: str, project_id: str | None = None) -> "Caller":
        """The same server, asked with other credentials."""
        return Caller(self.base_url, project_id or self.project_id, token, self.sender)

    @property
    def account(self) -> str:
        """The project's path in the cXML API."""
        return f"{CXML_ROOT}/Accounts/{self.project_id}"

    @property
    def messages(self) -> str:
        """Where its messages are, in the cXML API."""
        return f"{self.account}/Messages"

    @property
    def authorization(self) -> str:
        """The value of the header."""
        return "Basic " + base64.b64encode(f"{self.project_id}:{self.token}".encode()).decode()

    def ask(
        self,
        method: str,
        path: str,
        *,
        form: Fields | None = None,
        body: object = None,
        raw: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        """One request. `form` and `body` (JSON) bring their content type; a header that is None is left out."""
        sent: dict[str, str | None] = {"Authorization": self.authorization}
        if form is not None:
            raw, sent["Content-Type"] = urlencode(form, doseq=True).encode(), FORM
        elif body is not None:
            raw, sent["Content-Type"] = json.dumps(body).encode(), JSON
        sent |= headers or {}
        where = urlsplit(self.base_url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, raw, {name: text for name, text in sent.items() if text is not None})
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(status=answer.status, headers=received, body=answer.read())
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Any:
        """The JSON of a GET that must answer 200."""
        reply = self.ask("GET", path, **more)
        assert reply.status == 200, (reply.status, reply.body)
        return reply.json()

    def create(self, headers: Mapping[str, str] | None = None, **fields: str | Sequence[str]) -> Reply:
        """Ask for one cXML message; To, From and Body have values unless told, "" leaves one out."""
        return self._create(fields, headers)

    def _create(self, fields: Fields, headers: Mapping[str, str] | None = None) -> Reply:
        given: Fields = {"To": new_handset(), "From": self.sender, "Body": "Hello", **fields}
        filled = {name: text for name, text in given.items() if text}
        return self.ask("POST", self.messages, form=filled, headers=headers)

    def send(self, **fields: str | Sequence[str]) -> dict[str, Any]:
        """A cXML message that must be taken."""
        reply = self._create(fields)
        assert reply.status == 201, (reply.status, reply.body)
        return dict(reply.json())

    def refusal(self, **fields: str | Sequence[str]) -> tuple[int, int]:
        """HTTP status and code of a cXML message that is refused."""
        reply = self._create(fields)
        return reply.status, reply.json().get("code")

    def rest_create(self, **fields: object) -> Reply:
        """Ask for one message of the REST API; to, from and body have values unless told, None leaves one out."""
        given = {"to": new_handset(), "from": self.sender, "body": "Hello", **fields}
        return self.ask("POST", REST_MESSAGES, body={name: each for name, each in given.items() if each is not None})

    def rest_send(self, **fields: object) -> dict[str, Any]:
        """A message of the REST API that must be taken."""
        reply = self.rest_create(**fields)
        assert reply.status == 201, (reply.status, reply.body)
        return dict(reply.json())

    def rest_faults(self, **fields: object) -> tuple[int, list[str]]:
        """HTTP status and codes of a message of the REST API that is refused."""
        reply = self.rest_create(**fields)
        return reply.status, [each["code"] for each in reply.json()["errors"]]

    def message(self, sid: str) -> dict[str, Any]:
        """A message as the cXML API shows it."""
        return dict(self.get(f"{self.messages}/{sid}"))

    def log(self, message_id: str) -> dict[str, Any]:
        """A message's log."""
        return dict(self.get(f"{LOGS}/{message_id}"))

    def once(self, sid: str, *statuses: str) -> dict[str, Any]:
        """The message, once it is in one of these cXML statuses."""

        def there() -> dict[str, Any] | None:
            found = self.message(sid)
            return found if found["status"] in statuses else None

        found = wait_until(there, f"message {sid} to be {' or '.join(statuses)}")
        assert found is not None
        return found

    def delivered(self, **fields: str | Sequence[str]) -> dict[str, Any]:
        """A cXML message, sent and delivered."""
        return self.once(self.send(**fields)["sid"], "delivered")

    def timeline(self, message_id: str) -> list[dict[str, Any]]:
        """What happened to a message, oldest first."""
        return list(self.get(f"/api/heliograph/messages/{message_id}/timeline")["steps"])

    def number(self, text: str | None = None) -> dict[str, Any]:
        """One of the project's numbers (its sender unless told), as the cXML API shows it."""
        listed = self.get(f"{self.account}/IncomingPhoneNumbers")["incoming_phone_numbers"]
        (found,) = [each for each in listed if each["phone_number"] == (text or self.sender)]
        return dict(found)

    def group(self, *numbers: str, sticky: bool = False) -> str:
        """A new group of these numbers of the project, E.164; returns its id."""
        made = self.ask("POST", GROUPS, body={"name": "Group", "sticky_sender": sticky}).json()["id"]
        for text in numbers:
            self.join(made, text)
        return str(made)

    def join(self, group: str, number: str) -> str:
        """Take one of the project's numbers into a group; returns the membership's id."""
        body = {"phone_number_id": self.number(number)["sid"]}
        reply = self.ask("POST", f"{GROUPS}/{group}/number_group_memberships", body=body)
        assert reply.status == 200, (reply.status, reply.body)
        return str(reply.json()["id"])

    def configure(self, **settings: str) -> dict[str, Any]:
        """Change the sender's number in the cXML API's words."""
        uri = self.number()["uri"]
        reply = self.ask("POST", uri, form=settings)
        assert reply.status == 200, (reply.status, reply.body)
        return dict(reply.json())

    def arrive(self, body: str = "A question", *, to: str | None = None, **more: object) -> str:
        """Bring a message from a handset to one of the project's numbers; returns its id."""
        asked = {"from": new_handset(), "to": to or self.sender, "body": body, **more}
        reply = self.ask("POST", INBOUND, body=asked)
        assert reply.status == 201, (reply.status, reply.body)
        return str(reply.json()["id"])

    def received(self, body: str = "A question", **more: Any) -> dict[str, Any]:
        """Bring a message from a handset and wait until its handler has been run to the end."""
        return self.once(self.arrive(body, **more), "received")
