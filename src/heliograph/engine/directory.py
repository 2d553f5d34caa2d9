"""Projects, tokens, SMPP credentials, numbers, groups and applications in memory, in step with the store.

A request asks the store for none of these. Changes made through this process are seen at once; those of the
command line within `directory_poll_seconds`, because every write to the directory raises its version. Only what was
touched since the version in memory is read again.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from heliograph.core.directory import (
    Application,
    Changes,
    Membership,
    Number,
    NumberGroup,
    ObjectKind,
    Project,
    SmppCredential,
    Snapshot,
    Token,
)
from heliograph.core.errors import Fault, NotFound, StoreUnavailable, refuse
from heliograph.core.shelf import Shelf
from heliograph.engine.provision import Mint
from heliograph.ports import Clock, Store

log = structlog.get_logger(__name__)

T = TypeVar("T", Application, Number, NumberGroup, Project, Token)

OBJECTS_MAX = 10_000

_EMPTY = Snapshot(version=-1)


def _key(each: Application | Membership | Number | NumberGroup | Token) -> tuple[str, str]:
    return each.project_id, each.id


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
        changes = await self._store.directory_changes(self.version) if self.version >= 0 else None
        if changes is None:
            snapshot = await self._store.directory()
            if snapshot.version >= self.version:
                self._take(snapshot)
        elif changes.now.version > self.version:
            self._apply(changes)

    async def watch(self, every_seconds: float) -> None:
        """Look for changes made by others, for as long as the server runs."""
        while True:
            await asyncio.sleep(every_seconds)
            try:
                await self.load()
            except StoreUnavailable as error:
                log.debug("directory.unreadable", error=str(error))

    def _take(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self._projects = Shelf(
            snapshot.projects, lambda each: (each.id, each.id), owner=lambda each: each.parent_id or each.id
        )
        self._tokens = Shelf(snapshot.tokens, _key, name=lambda each: (each.project_id, each.sha256))
        self._numbers = Shelf(snapshot.numbers, _key, name=lambda each: each.number)
        self._applications = Shelf(snapshot.applications, _key)
        self._smpp_credentials = Shelf(
            snapshot.smpp_credentials, lambda each: (each.project_id, each.system_id), name=lambda each: each.system_id
        )
        self._groups = Shelf(snapshot.groups, _key)
        self._memberships = Shelf(snapshot.memberships, _key, owner=lambda each: (each.project_id, each.group_id))

    def _apply(self, changes: Changes) -> None:
        """Whatever was touched goes before what is there now comes: a number may have gone from one to another."""
        shelves: dict[ObjectKind, Shelf[Any]] = {
            "projects": self._projects,
            "tokens": self._tokens,
            "numbers": self._numbers,
            "applications": self._applications,
            "smpp_credentials": self._smpp_credentials,
            "groups": self._groups,
            "memberships": self._memberships,
        }
        there = {project.id for project in changes.now.projects}
        for key in changes.touched:
            shelves[key.kind].drop(key.project_id, key.id)
            if key.kind == "projects" and key.id not in there:
                for shelf in shelves.values():
                    shelf.drop_all(key.id)
        for kind, shelf in shelves.items():
            for each in getattr(changes.now, kind):
                shelf.put(each)
        self.version = changes.now.version

    # -- asking

    def authenticate(self, project_id: str, token: str) -> Principal | None:
        """The token's principal, or None. The look-up is by hash; the comparison takes constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        known = self._tokens.named((project_id.lower(), digest))
        if known is None or not hmac.compare_digest(known.sha256, digest):
            return None
        return Principal(project_id=known.project_id, token_id=known.id, scopes=frozenset(known.scopes))

    def acts_on(self, principal: Principal, account_sid: str) -> Project | None:
        """The project, where it is the caller's own or a subproject of it."""
        project = self.project(account_sid.lower())
        if project is not None and principal.project_id in (project.id, project.parent_id):
            return project
        return None

    def project(self, project_id: str) -> Project | None:
        return self._projects.get(project_id, project_id)

    def projects(self) -> list[Project]:
        return list(self._projects)

    def family_of(self, project_id: str) -> list[Project]:
        """The project and its subprojects, newest first."""
        return [
            each for each in self._projects.of(self._root_of(project_id)) if project_id in (each.id, each.parent_id)
        ]

    def _root_of(self, project_id: str) -> str:
        project = self.project(project_id)
        return project_id if project is None or project.parent_id is None else project.parent_id

    def number(self, project_id: str, number_id: str) -> Number | None:
        return self._numbers.get(project_id, number_id.lower())

    def number_by_text(self, number: str) -> Number | None:
        return self._numbers.named(number)

    def numbers_of(self, project_id: str) -> list[Number]:
        return self._numbers.of(project_id)

    def application(self, project_id: str, application_id: str) -> Application | None:
        return self._applications.get(project_id, application_id.lower())

    def applications_of(self, project_id: str) -> list[Application]:
        return self._applications.of(project_id)

    def group(self, project_id: str, group_id: str) -> NumberGroup | None:
        return self._groups.get(project_id, group_id.lower())

    def groups_of(self, project_id: str) -> list[NumberGroup]:
        return self._groups.of(project_id)

    def membership(self, project_id: str, membership_id: str) -> Membership | None:
        return self._memberships.get(project_id, membership_id.lower())

    def memberships_of(self, group: NumberGroup) -> list[Membership]:
        return [each for each, _ in self._members(group)]

    def members_of(self, group: NumberGroup) -> list[Number]:
        """The group's numbers, those that joined last first."""
        return [number for _, number in self._members(group)]

    def _members(self, group: NumberGroup) -> Iterator[tuple[Membership, Number]]:
        """A membership may be read a moment before its number is."""
        for each in self._memberships.of((group.project_id, group.id)):
            number = self._numbers.get(each.project_id, each.number_id)
            if number is not None:
                yield each, number

    def token(self, project_id: str, token_id: str) -> Token | None:
        return self._tokens.get(project_id, token_id.lower())

    def tokens(self) -> list[Token]:
        return list(self._tokens)

    def smpp_credential(self, system_id: str) -> SmppCredential | None:
        return self._smpp_credentials.named(system_id)

    # -- changing

    def _refuse_too_many(self, project_id: str, what: str, count: Callable[[str], int]) -> None:
        """`count`: of a project. All of it is in memory: one customer's must not take everybody's."""
        family = self.family_of(self._root_of(project_id))
        if sum(count(project.id) for project in family) >= self._objects_max:
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
        self._refuse_too_many(parent.id, "projects", self._projects.count)
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
        await self.load()
        if not taken and self.project(number.project_id) is None:
            raise NotFound
        return taken

    async def import_number(self, number: Number) -> None:
        """A number that is none of the deployment's yet; raises NumberTaken, and Refused."""
        self._refuse_too_many(number.project_id, "numbers", self._numbers.count)
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
            raise refuse(Fault.NUMBERS_LEFT) if self.project(project.id) else NotFound

    async def create_application(self, application: Application) -> None:
        self._refuse_too_many(application.project_id, "applications", self._applications.count)
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
            await self.load()  # with what the command line did
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
        self._refuse_too_many(group.project_id, "number groups", self._groups.count)
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
        self._refuse_too_many(membership.project_id, "memberships of number groups", self._count_memberships)
        await self._updated(await self._store.add_membership(membership))

    def _count_memberships(self, project_id: str) -> int:
        return sum(self._memberships.count((project_id, group.id)) for group in self._groups.of(project_id))

    async def remove_membership(self, project_id: str, membership_id: str) -> bool:
        removed = await self._store.remove_membership(project_id, membership_id)
        await self.load()
        return removed

    async def create_token(self, project_id: str, name: str, scopes: tuple[str, ...]) -> tuple[Token, str]:
        """A new token and its secret, which nobody can read again. Raises Refused."""
        self._refuse_too_many(project_id, "API tokens", self._tokens.count)
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
