"""A server of the real framework over a directory in memory: enough for everything that needs no messages."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlencode

import api_world
import falcon.testing
from msgspec import structs

from heliograph import config
from heliograph.api import server
from heliograph.api.cxml import accounts, applications, scripts
from heliograph.api.cxml import numbers as cxml_numbers
from heliograph.api.cxml import tokens as cxml_tokens
from heliograph.api.project import projects, tokens
from heliograph.api.relay_rest import groups, lookup, memberships, mfa, short_codes
from heliograph.api.relay_rest import numbers as relay_numbers
from heliograph.api.route import Route
from heliograph.api.services import Services
from heliograph.api.system import health, site
from heliograph.core import numbers
from heliograph.core.directory import (
    SCOPES,
    Application,
    Changes,
    Membership,
    Number,
    NumberGroup,
    Project,
    Snapshot,
    Token,
)
from heliograph.core.errors import Fault, Refusal, Refused, StoreUnavailable
from heliograph.core.ids import Uuid7Generator
from heliograph.core.script import Script, ScriptUse
from heliograph.engine.directory import Directory
from heliograph.engine.dropped import Dropped
from heliograph.engine.health import Health
from heliograph.engine.metrics import Metrics
from heliograph.engine.mfa import Mfa, MfaSettings
from heliograph.engine.number_orders import NumberOrders
from heliograph.engine.requests import SendRequest, Sent
from heliograph.engine.scripts import Scripts
from heliograph.ports import AlreadyMember, Challenge, Cursor

PROJECT = "00000000-0000-4000-8000-00000000000a"
CHILD = "00000000-0000-4000-8000-00000000000b"
STRANGER = "00000000-0000-4000-8000-00000000000c"
NUMBERS = [f"00000000-0000-4000-8000-0000000001{index:02d}" for index in range(1, 6)]
OTHERS_NUMBER = "00000000-0000-4000-8000-000000000200"
OWN_URL = "http://10.1.2.3:8080"
"""Where this world says that it is found: an address that it would not call for a client."""

SCRIPT_MAX_BYTES = 2000
NOW = 1_795_426_200_000_000
"""Mon, 23 Nov 2026 09:30:00 UTC, microseconds."""


class FixedClock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class MemoryStore:
    """The directory's part of a store; `down` makes it unavailable."""

    def __init__(self) -> None:
        self.down = False
        self.scripts: dict[str, Script] = {}
        self.challenges: dict[str, Challenge] = {}
        self.snapshot = Snapshot(
            version=1,
            projects=(_project(PROJECT, None), _project(CHILD, PROJECT), _project(STRANGER, None)),
            tokens=(),
            numbers=(
                *(_number(PROJECT, id, f"+120255501{id[-2:]}") for id in NUMBERS),
                _number(STRANGER, OTHERS_NUMBER, "+12025550199"),
            ),
            applications=(),
        )

    outage = False
    is_owned = True

    async def ping(self) -> None:
        if self.down:
            raise StoreUnavailable

    async def directory(self) -> Snapshot:
        return self.snapshot

    async def directory_changes(self, since: int) -> Changes | None:
        return None

    async def add_project(self, project: Project, token: Token | None, numbers: Sequence[Number]) -> None:
        self._put("projects", project)

    async def update_project(self, project: Project) -> bool:
        there = any(each.id == project.id for each in self.snapshot.projects)
        if there:
            self._put("projects", project)
        return there

    async def delete_project(self, project_id: str, at: int) -> bool:
        snapshot = self.snapshot
        mine = [each for each in snapshot.projects if each.id == project_id and each.parent_id]
        if not mine or any(number.project_id == project_id for number in snapshot.numbers):
            return False
        self._set("projects", tuple(each for each in snapshot.projects if each.id != project_id))
        self._set("tokens", tuple(each for each in snapshot.tokens if each.project_id != project_id))
        return True

    async def put_token(self, token: Token) -> None:
        self._put("tokens", token)

    async def update_token(self, token: Token) -> bool:
        return self._update("tokens", token)

    async def remove_token(self, project_id: str, token_id: str) -> bool:
        return self._remove("tokens", project_id, token_id)

    async def update_number(self, number: Number) -> bool:
        return self._update("numbers", number)

    async def release_number(self, number: Number) -> bool:
        return self._remove("numbers", number.project_id, number.id)

    async def put_application(self, application: Application) -> None:
        self._put("applications", application)

    async def update_application(self, application: Application) -> bool:
        return self._update("applications", application)

    async def remove_application(self, project_id: str, application_id: str) -> bool:
        return self._remove("applications", project_id, application_id)

    async def put_group(self, group: NumberGroup) -> None:
        self._put("groups", group)

    async def update_group(self, group: NumberGroup) -> bool:
        return self._update("groups", group)

    async def remove_group(self, project_id: str, group_id: str) -> bool:
        left = tuple(each for each in self.snapshot.memberships if each.group_id != group_id)
        self._set("memberships", left)
        return self._remove("groups", project_id, group_id)

    async def add_membership(self, membership: Membership) -> bool:
        if any(
            (each.group_id, each.number_id) == (membership.group_id, membership.number_id)
            for each in self.snapshot.memberships
        ):
            raise AlreadyMember
        there = {(each.project_id, each.id) for each in (*self.snapshot.groups, *self.snapshot.numbers)}
        if not there.issuperset(
            {(membership.project_id, membership.group_id), (membership.project_id, membership.number_id)}
        ):
            return False
        self._put("memberships", membership)
        return True

    async def remove_membership(self, project_id: str, membership_id: str) -> bool:
        return self._remove("memberships", project_id, membership_id)

    async def add_script(self, script: Script) -> None:
        self.scripts[script.id] = script

    async def update_script(self, script: Script) -> bool:
        there = script.id in self.scripts
        if there:
            self.scripts[script.id] = script
        return there

    async def remove_script(self, project_id: str, script_id: str) -> int | None:
        found = await self.script(project_id, script_id)
        if found is None:
            return None
        del self.scripts[script_id]
        return len(found.contents.encode())

    async def script(self, project_id: str, script_id: str) -> Script | None:
        found = self.scripts.get(script_id)
        return found if found is not None and found.project_id == project_id else None

    async def public_script(self, script_id: str) -> Script | None:
        return self.scripts.get(script_id)

    async def scripts_page(self, project_id: str, name: str | None, cursor: Cursor | None, limit: int) -> list[Script]:
        rows = [each for each in self.scripts.values() if each.project_id == project_id and name in (None, each.name)]
        rows.sort(key=lambda each: each.place, reverse=True)
        if cursor is None:
            return rows[:limit]
        if cursor.backward:
            return [row for row in rows if row.place > cursor.id][-limit:]
        return [row for row in rows if row.place < cursor.id][:limit]

    async def count_script_uses(self, uses: Sequence[ScriptUse]) -> None:
        if self.down:
            raise StoreUnavailable
        for use in uses:
            known = self.scripts[use.script_id]
            self.scripts[use.script_id] = replace(
                known, requests=known.requests + use.requests, last_request_at=use.last_at
            )

    async def put_challenge(self, challenge: Challenge) -> None:
        self.challenges[challenge.id] = challenge

    async def attempt_challenge(self, project_id: str, challenge_id: str, now: int) -> Challenge | None:
        found = self.challenges.get(challenge_id)
        if found is None or found.project_id != project_id or not found.attempts_left:
            return None
        self.challenges[challenge_id] = structs.replace(found, attempts_left=found.attempts_left - 1)
        return self.challenges[challenge_id]

    async def use_challenge(self, project_id: str, challenge_id: str, now: int) -> bool:
        return self.challenges.pop(challenge_id, None) is not None

    async def remove_challenges(self, challenges: Sequence[Challenge]) -> None:
        for each in challenges:
            self.challenges.pop(each.id, None)

    def _update(self, table: str, row: Any) -> bool:
        there = any((each.project_id, each.id) == (row.project_id, row.id) for each in getattr(self.snapshot, table))
        if there:
            self._put(table, row)
        return there

    def _put(self, table: str, row: Any) -> None:
        rows = [each for each in getattr(self.snapshot, table) if each.id != row.id]
        self._set(table, (*rows, row))

    def _remove(self, table: str, project_id: str, row_id: str) -> bool:
        rows = getattr(self.snapshot, table)
        left = tuple(each for each in rows if (each.project_id, each.id) != (project_id, row_id))
        self._set(table, left)
        return len(left) < len(rows)

    def _set(self, table: str, rows: tuple[Any, ...]) -> None:
        changes: dict[str, Any] = {table: rows, "version": self.snapshot.version + 1}
        self.snapshot = replace(self.snapshot, **changes)


class Acceptor:
    """Takes what a project's own number sends, and keeps it in `sent`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.sent: list[SendRequest] = []
        self.full = False

    def faults(self, request: SendRequest) -> Iterator[Refusal]:
        sender = self._directory.number_by_text(request.from_number or "")
        if numbers.normalize_to(request.to_number or "") is None:
            yield Refusal(Fault.TO_INVALID if request.to_number else Fault.TO_MISSING)
        if not request.from_number:
            yield Refusal(Fault.SENDER_MISSING)
        elif sender is None or sender.project_id != request.project_id:
            yield Refusal(Fault.FROM_NOT_OWNED)

    async def send(self, request: SendRequest) -> Sent:
        if self.full:
            raise Refused(Refusal(Fault.BACKLOG_FULL))
        self.sent.append(request)
        return Sent(message=api_world.a_message(to_number=request.to_number))


class World:
    """Asks the server as one project's token; `ask` returns Falcon's result."""

    def __init__(
        self, store: MemoryStore, directory: Directory, secrets: dict[str, str], app: Any, acceptor: Acceptor
    ) -> None:
        self.store = store
        self.directory = directory
        self.secrets = secrets
        self.app = app
        self.acceptor = acceptor

    async def ask(self, method: str, path: str, *, who: str = PROJECT, token: str | None = None, **given: Any) -> Any:
        secret = token or self.secrets[who]
        headers = {"Authorization": _basic(who, secret), **given.pop("headers", {})}
        async with falcon.testing.ASGIConductor(self.app) as conductor:
            return await conductor.simulate_request(method, path, headers=headers, **given)

    async def form(self, path: str, fields: dict[str, str], **given: Any) -> Any:
        """POST a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.ask("POST", path, body=urlencode(fields), headers=headers, **given)


def all_routes() -> list[Route]:
    """The routes of this world."""
    rows = [
        *accounts.routes(),
        *applications.routes(),
        *scripts.routes(),
        *cxml_tokens.routes(),
        *cxml_numbers.routes(),
        *relay_numbers.routes(),
        *groups.routes(),
        *memberships.routes(),
        *mfa.routes(),
        *short_codes.routes(),
        *lookup.routes(),
        *projects.routes(),
        *tokens.routes(),
        *health.routes(),
    ]
    return [*rows, *site.routes(rows)]


async def make() -> World:
    """Three projects with a token of all scopes each; the second is a subproject of the first."""
    store = MemoryStore()
    directory = Directory(cast(Any, store), FixedClock())
    await directory.load()
    secrets = {}
    for project in (PROJECT, CHILD, STRANGER):
        _, secrets[project] = await directory.create_token(project, "all", SCOPES)
    acceptor = Acceptor(directory)
    services = Services(
        config=config.load({}, {}),
        clock=FixedClock(),
        store=cast(Any, store),
        directory=directory,
        acceptor=cast(Any, acceptor),
        records=cast(Any, None),
        mfa=Mfa(
            store=cast(Any, store),
            clock=FixedClock(),
            ids=Uuid7Generator(lambda: 3),
            directory=directory,
            acceptor=cast(Any, acceptor),
            settings=MfaSettings(),
        ),
        inbound=cast(Any, None),
        number_orders=NumberOrders(cast(Any, store), directory, FixedClock()),
        media_files=cast(Any, None),
        metrics=Metrics(),
        health=Health(cast(Any, store), FixedClock(), seconds=0.0, free=lambda: 2**40),
        scripts=Scripts(cast(Any, store), FixedClock(), Uuid7Generator(lambda: 7), directory.room, SCRIPT_MAX_BYTES),
        dropped=Dropped(Metrics(), FixedClock().now, 10),
        local_secret="",
        own_url=lambda: OWN_URL,
    )
    return World(store, directory, secrets, server.build(services, all_routes()), acceptor)


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _project(id: str, parent: str | None) -> Project:
    return Project(id=id, parent_id=parent, name="Project", signing_key="PSK", created_at=NOW, updated_at=NOW)


def _number(project_id: str, id: str, number: str) -> Number:
    return Number(
        project_id=project_id,
        id=id,
        number=number,
        name="",
        capabilities=("voice", "sms", "mms", "fax"),
        created_at=NOW,
        updated_at=NOW,
    )
