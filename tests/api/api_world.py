"""A server's HTTP application over what a test says the engine and the store answer.

The directory, the gate and the families are the real ones; only the record of truth and the engine's entries are
stood in for, by values that the test sets and lists of what was asked of them.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from falcon.testing import Result, TestClient
from msgspec.structs import replace

from heliograph import config
from heliograph.api.cxml import media, messages
from heliograph.api.heliograph_api import callbacks, carriers, dropped, relay_clients, simulator, timeline
from heliograph.api.messaging import logs
from heliograph.api.messaging import messages as rest_messages
from heliograph.api.route import Route
from heliograph.api.server import build
from heliograph.api.services import Services
from heliograph.core.directory import Number, Project, Snapshot, Token
from heliograph.core.errors import NotFound, Refusal, Refused
from heliograph.core.lifecycle import State
from heliograph.core.limits import Buckets
from heliograph.core.message import Direction, Kind, Media, Message, Source, TimelineEntry
from heliograph.engine.directory import Directory
from heliograph.engine.dropped import Dropped
from heliograph.engine.metrics import Metrics
from heliograph.engine.number_orders import NumberOrders
from heliograph.engine.requests import InboundRequest, SendRequest, Sent
from heliograph.ports import CallbackRecord, CarrierStatus, Cursor, MessageFilter, RelayClientStatus

PROJECT = "ea108133-d6b3-407c-9536-9fad8a929a6a"
SUBPROJECT = "c38dacad-2f6c-4de1-93d6-cc732e0c70c5"
STRANGER = "a1b2c3d4-e5f6-4890-abcd-ef1234567890"
TOKEN = "PT" + "ab" * 24
NARROW_TOKEN = "PT" + "cd" * 24
MANAGING_TOKEN = "PT" + "ef" * 24
LOCAL_SECRET = "local-secret"
AT = 1_534_196_326_000_000
"""Mon, 13 Aug 2018 21:38:46 +0000."""

OUR_NUMBER = "+15551234567"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
ACCOUNT = f"/api/laml/2010-04-01/Accounts/{PROJECT}"


def basic(project: str = PROJECT, token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{project}:{token}".encode()).decode()}


def message_id(number: int) -> str:
    return f"0190d5a2-7c3e-7b1f-8a44-{number:012x}"


def a_message(number: int = 1, **changed: Any) -> Message:
    told = Message(
        id=message_id(number),
        project_id=PROJECT,
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number=OUR_NUMBER,
        to_number="+15557654321",
        body="Hello World!",
        segments=1,
        state=State.QUEUED,
        created_at=AT,
        updated_at=AT,
        expires_at=AT + 14_400_000_000,
    )
    return replace(told, **changed)


def a_medium(position: int = 0, **changed: Any) -> Media:
    told = Media(
        id=f"b3877c40-da60-4998-90ad-{9 - position:012x}",
        project_id=PROJECT,
        message_id=message_id(1),
        position=position,
        content_type="image/jpeg",
        size=3,
        sha256="0" * 64,
        created_at=AT,
        updated_at=AT,
    )
    return replace(told, **changed)


class Clock:
    def __init__(self) -> None:
        self.micros = AT

    def now(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return self.micros / 1_000_000


class Store:
    """Messages newest first, and what hangs on them."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.media_rows: list[Media] = []
        self.entries: list[TimelineEntry] = []
        self.records: list[CallbackRecord] = []
        self.asked: list[Any] = []
        self.dead = 2

    async def page(self, project_id: str, wanted: MessageFilter, cursor: Cursor | None, limit: int) -> list[Message]:
        self.asked.append((project_id, wanted))
        rows = [row for row in self.messages if row.project_id == project_id]
        if cursor is None:
            return rows[:limit]
        if cursor.backward:
            return [row for row in rows if row.id > cursor.id][-limit:]
        return [row for row in rows if row.id < cursor.id][:limit]

    async def media_of(self, project_id: str, message_id: str) -> list[Media]:
        return [row for row in self.media_rows if (row.project_id, row.message_id) == (project_id, message_id)]

    async def timeline(self, project_id: str, message_id: str, limit: int = 1000) -> list[TimelineEntry]:
        return self.entries[-limit:]

    async def callbacks(
        self, project_id: str, status: str, limit: int, message_id: str | None = None
    ) -> list[CallbackRecord]:
        self.asked.append((project_id, status, message_id))
        return self.records

    async def replay_callbacks(
        self, project_id: str, message_id: str | None, now: int, *, after: tuple[str, int], limit: int
    ) -> list[tuple[str, int]]:
        """Of as many dead callbacks as `dead` says, by rank, the next."""
        self.asked.append((project_id, message_id, now))
        return [(message_id or PROJECT, rank) for rank in range(self.dead)[after[1] + 1 :][:limit]]


class Records:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.fault: Exception | None = None
        self.asked: list[Any] = []

    async def get(self, project_id: str, message_id: str, *, deleted: bool = False) -> Message:
        for row in self._store.messages:
            if (row.project_id, row.id) == (project_id, message_id) and (deleted or row.deleted_at is None):
                return row
        raise NotFound

    async def redact(self, project_id: str, message_id: str, body: str | None) -> Message:
        self.asked.append(("redact", message_id, body))
        self._raise()
        return replace(await self.get(project_id, message_id), body="")

    async def delete(self, project_id: str, message_id: str) -> None:
        self.asked.append(("delete", message_id))
        self._raise()

    async def media(self, project_id: str, message_id: str, media_id: str) -> Media:
        for row in await self._store.media_of(project_id, message_id):
            if row.id == media_id:
                return row
        raise NotFound

    async def delete_media(self, project_id: str, message_id: str, media_id: str) -> None:
        self.asked.append(("delete_media", message_id, media_id))

    def _raise(self) -> None:
        if self.fault:
            raise self.fault


class Acceptor:
    def __init__(self) -> None:
        self.answer = Sent(message=a_message())
        self.refusals: Sequence[Refusal] = ()
        self.fault: Exception | None = None
        self.asked: list[SendRequest] = []

    async def send(self, request: SendRequest) -> Sent:
        self.asked.append(request)
        if self.fault:
            raise self.fault
        if self.refusals:
            raise Refused(*self.refusals)
        return self.answer

    def faults(self, request: SendRequest) -> Iterator[Refusal]:
        return iter(self.refusals)


class Inbound:
    def __init__(self) -> None:
        self.asked: list[InboundRequest] = []

    async def receive(self, request: InboundRequest) -> Message:
        self.asked.append(request)
        return a_message(direction=Direction.INBOUND)


class Files:
    def __init__(self) -> None:
        self.contents = {"0" * 64: b"\xff\xd8\xff"}

    async def read(self, content_hash: str) -> bytes:
        try:
            return self.contents[content_hash]
        except KeyError:
            raise FileNotFoundError from None


class World:
    def __init__(self, routes: Sequence[Route] = (), **settings: Any) -> None:
        self.clock = Clock()
        self.store = Store()
        self.records = Records(self.store)
        self.acceptor = Acceptor()
        self.inbound = Inbound()
        self.files = Files()
        self.carriers: list[CarrierStatus] = []
        self.relay_clients: dict[str, list[RelayClientStatus]] = {}
        self.directory = Directory(self.store, self.clock)  # type: ignore[arg-type]
        self.tokens = [
            _token(TOKEN, ("messaging", "numbers")),
            _token(NARROW_TOKEN, ("numbers",)),
            _token(MANAGING_TOKEN, ("management",)),
        ]
        self.publish(1)
        loaded = config.load(settings, {})
        self.dropped = Dropped(Metrics(), self.clock.now, 10)
        self.services = Services(
            config=loaded,
            writes=Buckets(loaded.rate_limit_writes, loaded.rate_limit_seconds),
            clock=self.clock,
            store=self.store,  # type: ignore[arg-type]
            directory=self.directory,
            acceptor=self.acceptor,  # type: ignore[arg-type]
            records=self.records,  # type: ignore[arg-type]
            mfa=None,  # type: ignore[arg-type]
            inbound=self.inbound,  # type: ignore[arg-type]
            number_orders=NumberOrders(self.store, self.directory, self.clock),  # type: ignore[arg-type]
            media_files=self.files,  # type: ignore[arg-type]
            metrics=Metrics(),
            health=None,  # type: ignore[arg-type]
            scripts=None,  # type: ignore[arg-type]
            dropped=self.dropped,
            local_secret=LOCAL_SECRET,
            carriers=lambda: self.carriers,
            relay_clients=lambda project_id: self.relay_clients.get(project_id, []),
        )
        families = (
            messages,
            media,
            rest_messages,
            logs,
            simulator,
            timeline,
            callbacks,
            carriers,
            dropped,
            relay_clients,
        )
        mine = [route for family in families for route in family.routes()]
        self.client = TestClient(build(self.services, [*mine, *routes]))

    def publish(self, version: int) -> None:
        """Make the directory say what this world has now."""
        projects = (_project(PROJECT), _project(SUBPROJECT, PROJECT), _project(STRANGER))
        numbers = (_number(OUR_NUMBER, PROJECT), _number("+15550000009", STRANGER))
        snapshot = Snapshot(
            version=version, projects=projects, tokens=tuple(self.tokens), numbers=numbers, applications=()
        )
        self.directory._take(snapshot)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> Result:
        """With the project's credentials unless `headers` say otherwise; `json=` and `body=` as Falcon has them."""
        kind = FORM if "body" in more else {}
        sent = {**basic(), **kind, **(headers or {})}
        return self.client.simulate_request(method, path, headers=sent, host="example.test", **more)


def _project(project_id: str, parent: str | None = None) -> Project:
    return Project(id=project_id, parent_id=parent, name="", signing_key="PSK", created_at=AT, updated_at=AT)


def _token(secret: str, scopes: tuple[str, ...]) -> Token:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return Token(project_id=PROJECT, id=digest[:8], name="", scopes=scopes, sha256=digest, created_at=AT, updated_at=AT)


def _number(number: str, project_id: str) -> Number:
    return Number(
        project_id=project_id,
        id=f"id of {number}",
        number=number,
        name="",
        capabilities=("sms", "mms"),
        created_at=AT,
        updated_at=AT,
    )
