"""Projects, tokens, SMPP credentials, numbers, groups and applications in memory, in step with the store.

A request asks the store for none of these. Changes made through this process are seen at once; those of the
command line within `directory_poll_seconds`, because every write to the directory raises its version.
"""

import asyncio
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog

from heliograph.core.directory import (
    Application,
    Membership,
    Number,
    NumberGroup,
    Project,
    SmppCredential,
    Snapshot,
    Token,
)
from heliograph.core.errors import Fault, NotFound, StoreUnavailable, refuse
from heliograph.engine.provision import Mint
from heliograph.ports import Clock, Store

log = structlog.get_logger(__name__)

T = TypeVar("T", Application, Number, NumberGroup, Project, Token)

OBJECTS_MAX = 10_000

_EMPTY = Snapshot(version=-1, projects=(), tokens=(), numbers=(), applications=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls: a token of a project."""

    project_id: str
    token_id: str
    scopes: frozenset[str]


class Directory:
    def __init__(self, store: Store, clock: Clock, space_id: str = "", objects_max: int = OBJECTS_MAX) -> None:
        """objects_max: of each kind, that a project and its subprojects may make by the APIs."""
        self._store = store
        self._objects_max = objects_max
        self._clock = clock
        self._mint = Mint(clock)
        self.space_id = space_id
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._take(_EMPTY)

    # -- keeping in step

    async def load(self) -> None:
        """Two reads at once may end in either order: the older one does not take back what the newer one brought."""
        snapshot = await self._store.directory()
        if snapshot.version >= self.version:
            self._take(snapshot)

    async def watch(self, every_seconds: float) -> None:
        """Look for changes made by others, for as long as the server runs."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self._catch_up()
            except StoreUnavailable as error:
                log.warning("directory.unreadable", error=str(error))

    async def _catch_up(self) -> None:
        if await self._store.directory_version() != self.version:
            await self.load()

    def _take(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self._projects = {project.id: project for project in snapshot.projects}
        self._tokens = {(token.project_id, token.sha256): token for token in snapshot.tokens}
        self._numbers = {number.number: number for number in snapshot.numbers}
        self._numbers_by_id = {(number.project_id, number.id): number for number in snapshot.numbers}
        self._applications = {(each.project_id, each.id): each for each in snapshot.applications}
        self._smpp_credentials = {each.system_id: each for each in snapshot.smpp_credentials}
        self._numbers_of: dict[str, list[Number]] = defaultdict(list)
        for number in sorted(snapshot.numbers, key=lambda each: each.id, reverse=True):
            self._numbers_of[number.project_id].append(number)
        self._take_groups(snapshot)

    def _take_groups(self, snapshot: Snapshot) -> None:
        self._groups = {(group.project_id, group.id): group for group in snapshot.groups}
        self._memberships = {(each.project_id, each.id): each for each in snapshot.memberships}
        self._memberships_of: dict[tuple[str, str], list[Membership]] = defaultdict(list)
        for each in sorted(snapshot.memberships, key=lambda each: each.id, reverse=True):
            if (each.project_id, each.number_id) in self._numbers_by_id:
                self._memberships_of[each.project_id, each.group_id].append(each)

    # -- asking

    def authenticate(self, project_id: str, token: str) -> Principal | None:
        """The token's principal, or None. The look-up is by hash; the comparison takes constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        known = self._tokens.get((project_id.lower(), digest))
        if known is None or not hmac.compare_digest(known.sha256, digest):
            return None
        return Principal(project_id=known.project_id, token_id=known.id, scopes=frozenset(known.scopes))

    def acts_on(self, principal: Principal, account_sid: str) -> Project | None:
        """The project, where it is the caller's own or a subproject of it."""
        project = self._projects.get(account_sid.lower())
        if project is not None and principal.project_id in (project.id, project.parent_id):
            return project
        return None

    def project(self, project_id: str) -> Project | None:
        return self._projects.get(project_id)

    def projects(self) -> list[Project]:
        return list(self._projects.values())

    def family_of(self, project_id: str) -> list[Project]:
        """The project and its subprojects, newest first."""
        mine = [each for each in self._projects.values() if project_id in (each.id, each.parent_id)]
        return sorted(mine, key=lambda each: each.id, reverse=True)

    def number(self, project_id: str, number_id: str) -> Number | None:
        return self._numbers_by_id.get((project_id, number_id.lower()))

    def number_by_text(self, number: str) -> Number | None:
        return self._numbers.get(number)

    def numbers_of(self, project_id: str) -> list[Number]:
        return list(self._numbers_of.get(project_id, ()))

    def application(self, project_id: str, application_id: str) -> Application | None:
        return self._applications.get((project_id, application_id.lower()))

    def applications_of(self, project_id: str) -> list[Application]:
        mine = [each for each in self._applications.values() if each.project_id == project_id]
        return sorted(mine, key=lambda each: each.id, reverse=True)

    def group(self, project_id: str, group_id: str) -> NumberGroup | None:
        return self._groups.get((project_id, group_id.lower()))

    def groups_of(self, project_id: str) -> list[NumberGroup]:
        mine = [each for each in self._groups.values() if each.project_id == project_id]
        return sorted(mine, key=lambda each: each.id, reverse=True)

    def membership(self, project_id: str, membership_id: str) -> Membership | None:
        return self._memberships.get((project_id, membership_id.lower()))

    def memberships_of(self, group: NumberGroup) -> list[Membership]:
        return list(self._memberships_of.get((group.project_id, group.id), ()))

    def members_of(self, group: NumberGroup) -> list[Number]:
        """The group's numbers, those that joined last first."""
        mine = self._memberships_of.get((group.project_id, group.id), ())
        return [self._numbers_by_id[each.project_id, each.number_id] for each in mine]

    def token(self, project_id: str, token_id: str) -> Token | None:
        return next((t for t in self.tokens_of(project_id) if t.id == token_id.lower()), None)

    def tokens(self) -> list[Token]:
        return list(self._tokens.values())

    def tokens_of(self, project_id: str) -> list[Token]:
        return [token for token in self._tokens.values() if token.project_id == project_id]

    def smpp_credential(self, system_id: str) -> SmppCredential | None:
        return self._smpp_credentials.get(system_id)

    # -- changing

    def _refuse_too_many(self, project_id: str, what: str, owners: Iterable[str]) -> None:
        """All of it is in memory, and reread with each change: one customer's must not slow down everybody's. `owners`:
        the project of each that there is."""
        project = self._projects.get(project_id)
        root = project_id if project is None or project.parent_id is None else project.parent_id
        family = {each.id for each in self.family_of(root)}
        if sum(owner in family for owner in owners) >= self._objects_max:
            message = f"A project and its subprojects have at most {self._objects_max} {what} together."
            raise refuse(Fault.PARAMETER_INVALID, message)

    # An update is a function of what is there when its turn comes, and whose faults it raises: of two at once neither
    # takes back what the other one did. It raises NotFound for what somebody removed meanwhile; it brings nothing back.

    async def update_number(self, project_id: str, number_id: str, change: Callable[[Number], Number]) -> Number:
        return await self._update(
            number_id, lambda: self.number(project_id, number_id), change, self._store.update_number
        )

    async def create_subproject(self, parent: Project, name: str, switches: frozenset[str] = frozenset()) -> Project:
        """A new subproject with a signing key of its own, and without a token: its parent's act on it. Raises Refused
        where the parent is a subproject itself."""
        if parent.parent_id is not None:
            raise refuse(Fault.NESTED_SUBPROJECT)
        self._refuse_too_many(parent.id, "projects", (each.id for each in self._projects.values()))
        made = replace(self._mint.judged_project(name, parent.id), switches=switches)
        await self._store.add_project(made, None, ())
        await self.load()
        return made

    async def update_project(self, project_id: str, change: Callable[[Project], Project]) -> Project:
        return await self._update(project_id, lambda: self.project(project_id), change, self._store.update_project)

    async def take_number(self, number: Number) -> bool:
        """A free number of the deployment becomes the project's; False where it is not free. Raises NotFound where the
        project went meanwhile."""
        taken = await self._store.take_number(number)
        await self._catch_up()
        if not taken and number.project_id not in self._projects:
            raise NotFound
        return taken

    async def import_number(self, number: Number) -> None:
        """A number that is none of the deployment's yet; raises NumberTaken, and Refused."""
        self._refuse_too_many(number.project_id, "numbers", (each.project_id for each in self._numbers.values()))
        try:
            await self._store.put_number(number)
        finally:
            await self.load()

    async def release_number(self, number: Number) -> None:
        await self._updated(await self._store.release_number(number))

    async def move_number(self, number: Number, change: Callable[[Number], Number]) -> Number:
        """To another project, under the same id. Raises NotFound where that went meanwhile too."""

        async def move(after: Number) -> bool:
            return await self._store.move_number(number, after)

        return await self._update(number.id, lambda: self.number(number.project_id, number.id), change, move)

    async def rotate_signing_key(self, project_id: str) -> Project:
        """Sign with a new key from now on."""
        return await self.update_project(project_id, lambda now: replace(now, signing_key=self._mint.signing_key()))

    async def delete_subproject(self, project: Project) -> None:
        """Raises Refused for what is no subproject or has numbers, NotFound for what is gone."""
        if project.parent_id is None:
            raise refuse(Fault.NOT_A_SUBPROJECT)
        deleted = await self._store.delete_project(project.id, self._clock.now())
        await self.load()
        if not deleted:
            raise refuse(Fault.NUMBERS_LEFT) if project.id in self._projects else NotFound

    async def create_application(self, application: Application) -> None:
        owners = (each.project_id for each in self._applications.values())
        self._refuse_too_many(application.project_id, "applications", owners)
        await self._store.put_application(application)
        await self.load()

    async def update_application(
        self, project_id: str, application_id: str, change: Callable[[Application], Application]
    ) -> Application:
        return await self._update(
            application_id,
            lambda: self.application(project_id, application_id),
            change,
            self._store.update_application,
        )

    async def _update(
        self, key: str, find: Callable[[], T | None], change: Callable[[T], T], write: Callable[[T], Awaitable[bool]]
    ) -> T:
        async with self._turns.setdefault(key, asyncio.Lock()):
            await self._catch_up()  # with what the command line did
            before = find()
            if before is None:
                raise NotFound
            after = replace(change(before), updated_at=self._clock.now())
            await self._updated(await write(after))
            return after

    async def _updated(self, found: bool) -> None:
        await self.load()
        if not found:
            raise NotFound

    async def remove_application(self, project_id: str, application_id: str) -> bool:
        removed = await self._store.remove_application(project_id, application_id)
        await self.load()
        return removed

    async def create_group(self, group: NumberGroup) -> None:
        self._refuse_too_many(group.project_id, "number groups", (each.project_id for each in self._groups.values()))
        await self._store.put_group(group)
        await self.load()

    async def update_group(
        self, project_id: str, group_id: str, change: Callable[[NumberGroup], NumberGroup]
    ) -> NumberGroup:
        return await self._update(group_id, lambda: self.group(project_id, group_id), change, self._store.update_group)

    async def remove_group(self, project_id: str, group_id: str) -> bool:
        removed = await self._store.remove_group(project_id, group_id)
        await self.load()
        return removed

    async def add_membership(self, membership: Membership) -> None:
        """Raises AlreadyMember, and NotFound where group or number went meanwhile."""
        owners = (each.project_id for each in self._memberships.values())
        self._refuse_too_many(membership.project_id, "memberships of number groups", owners)
        await self._updated(await self._store.add_membership(membership))

    async def remove_membership(self, project_id: str, membership_id: str) -> bool:
        removed = await self._store.remove_membership(project_id, membership_id)
        await self.load()
        return removed

    async def create_token(self, project_id: str, name: str, scopes: tuple[str, ...]) -> tuple[Token, str]:
        """A new token and its secret, which nobody can read again. Raises Refused."""
        self._refuse_too_many(project_id, "API tokens", (each.project_id for each in self._tokens.values()))
        token, secret = self._mint.judged_token(project_id, name, scopes)
        await self._store.put_token(token)
        await self.load()
        return token, secret

    async def update_token(self, project_id: str, token_id: str, change: Callable[[Token], Token]) -> Token:
        return await self._update(token_id, lambda: self.token(project_id, token_id), change, self._store.update_token)

    async def remove_token(self, project_id: str, token_id: str) -> bool:
        removed = await self._store.remove_token(project_id, token_id)
        await self.load()
        return removed
