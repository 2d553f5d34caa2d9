"""Projects, tokens, SMPP credentials, numbers, groups and applications in memory, in step with the store.

A request asks the store for none of these. Changes made through this process are seen at once; those of the
command line within `directory_poll_seconds`, because every write to the directory raises its version. Only what was
touched since the version in memory is read again.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
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
    octets_of,
)
from heliograph.core.errors import Fault, NotFound, StoreUnavailable, refuse
from heliograph.core.number_settings import HOSTED, ORIGIN
from heliograph.core.shelf import Shelf
from heliograph.engine.project_room import ProjectLimits, ProjectRoom
from heliograph.engine.provision import Mint
from heliograph.ports import Clock, Store

log = structlog.get_logger(__name__)

T = TypeVar("T", Application, Number, NumberGroup, Project, Token)

LIMITS = ProjectLimits()
_EMPTY = Snapshot(version=-1)


def _key(each: Application | Membership | Number | NumberGroup | Token) -> tuple[str, str]:
    return each.project_id, each.id


def _family(project: Project) -> str:
    return project.parent_id or project.id


def _project_of(each: Application | Number | NumberGroup | Project | Token) -> str:
    return each.id if isinstance(each, Project) else each.project_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who calls: a token of a project, or the deployment's operator acting for one ("" for none)."""

    project_id: str
    token_id: str
    scopes: frozenset[str]
    is_operator: bool = False


class Directory:
    def __init__(self, store: Store, clock: Clock, space_id: str = "", limits: ProjectLimits = LIMITS) -> None:
        self._store = store
        self.room = ProjectRoom(self.root_of, limits)
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
        self.room.octets.replace({})
        weigh = self._weigh
        self._projects = Shelf[Project]((), lambda each: (each.id, each.id), owner=_family, moved=weigh)
        self._tokens = Shelf[Token]((), _key, name=lambda each: (each.project_id, each.sha256), moved=weigh)
        self._numbers = Shelf[Number]((), _key, name=lambda each: each.number, moved=weigh)
        self._applications = Shelf[Application]((), _key, moved=weigh)
        self._smpp_credentials = Shelf[SmppCredential](
            (), lambda each: (each.project_id, each.system_id), name=lambda each: each.system_id, moved=weigh
        )
        self._groups = Shelf[NumberGroup]((), _key, moved=weigh)
        self._memberships = Shelf[Membership](
            (), _key, owner=lambda each: (each.project_id, each.group_id), moved=weigh
        )
        for kind, shelf in self._shelves().items():
            for each in getattr(snapshot, kind):
                shelf.put(each)

    def _shelves(self) -> "dict[ObjectKind, Shelf[Any]]":
        """Projects first: they say whose everything else is."""
        return {
            "projects": self._projects,
            "tokens": self._tokens,
            "numbers": self._numbers,
            "applications": self._applications,
            "smpp_credentials": self._smpp_credentials,
            "groups": self._groups,
            "memberships": self._memberships,
        }

    def _weigh(self, project_id: str, each: Any, sign: int) -> None:
        if sign > 0:
            self.room.octets.add(project_id, octets_of(each))
            self.room.arrived(each.system_id if isinstance(each, SmppCredential) else each.id)
        else:
            self.room.octets.remove(project_id, octets_of(each))

    def _apply(self, changes: Changes) -> None:
        """Whatever was touched goes before what is there now comes: a number may have gone from one to another."""
        shelves = self._shelves()
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
        """The token's principal, or None. `project_id` is in lower case. The look-up is by hash; the comparison takes
        constant time."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        known = self._tokens.named((project_id, digest))
        if known is None or not hmac.compare_digest(known.sha256, digest):
            return None
        return Principal(project_id=known.project_id, token_id=known.id, scopes=frozenset(known.scopes))

    def acts_on(self, principal: Principal, project_id: str) -> Project | None:
        """The project, where it is the caller's own or a subproject of it."""
        project = self.project(project_id)
        if project is not None and principal.project_id in (project.id, project.parent_id):
            return project
        return None

    def project(self, project_id: str) -> Project | None:
        return self._projects.get(project_id, project_id)

    def projects(self) -> list[Project]:
        return list(self._projects)

    def family_of(self, project_id: str) -> list[Project]:
        """The project and its subprojects, newest first."""
        return [each for each in self._projects.of(self.root_of(project_id)) if project_id in (each.id, each.parent_id)]

    def root_of(self, project_id: str) -> str:
        """The project whose subproject it is, else itself."""
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

    @contextmanager
    def _room_for(self, each: Any, project_id: str, what: str, count: Callable[[str], int]) -> Iterator[None]:
        """While it is written and read back. `count`: those of a project, all subprojects' count. Raises Refused."""
        there = sum(count(project.id) for project in self.family_of(self.root_of(project_id)))
        with (
            self.room.reserved(project_id, each.id, what, there, self.room.limits.objects),
            self.room.reserved_octets(project_id, each.id, octets_of(each)),
        ):
            yield

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
        made = replace(self._mint.judged_project(name, parent.id), switches=switches)
        with self._room_for(made, parent.id, "projects", self._projects.count):
            await self._store.add_project(made, None, ())
            await self.load()
        return made

    async def update_project(self, project_id: str, change: Callable[[Project], Project]) -> Project:
        return await self._update(project_id, lambda: self.project(project_id), change, self._store.update_project)

    async def take_number(self, number: Number) -> bool:
        """A free number of the deployment becomes the project's; False where it is not free. Raises NotFound where the
        project went meanwhile, Refused where it has as many as it may."""
        there = sum(
            each.settings.get(ORIGIN) != HOSTED
            for project in self.family_of(self.root_of(number.project_id))
            for each in self._numbers.of(project.id)
        )
        with (
            self.room.reserved(number.project_id, number.id, "bought phone numbers", there, self.room.limits.numbers),
            self.room.reserved_octets(number.project_id, number.id, octets_of(number)),
        ):
            taken = await self._store.take_number(number)
            await self.load()
        if not taken and self.project(number.project_id) is None:
            raise NotFound
        return taken

    async def import_number(self, number: Number) -> None:
        """A number that is none of the deployment's yet; raises NumberTaken, and Refused."""
        with self._room_for(number, number.project_id, "numbers", self._numbers.count):
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
        if deleted:
            self.room.forget_scripts(project.id)
        await self.load()
        if not deleted:
            raise refuse(Fault.NUMBERS_LEFT) if self.project(project.id) else NotFound

    async def create_application(self, application: Application) -> None:
        with self._room_for(application, application.project_id, "applications", self._applications.count):
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
            with self.room.reserved_octets(_project_of(after), after.id, octets_of(after) - octets_of(before)):
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
        with self._room_for(group, group.project_id, "number groups", self._groups.count):
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
        what = "memberships of number groups"
        with self._room_for(membership, membership.project_id, what, self._count_memberships):
            await self._updated(await self._store.add_membership(membership))

    def _count_memberships(self, project_id: str) -> int:
        return sum(self._memberships.count((project_id, group.id)) for group in self._groups.of(project_id))

    async def remove_membership(self, project_id: str, membership_id: str) -> bool:
        removed = await self._store.remove_membership(project_id, membership_id)
        await self.load()
        return removed

    async def create_token(self, project_id: str, name: str, scopes: tuple[str, ...]) -> tuple[Token, str]:
        """A new token and its secret, which nobody can read again. Raises Refused."""
        token, secret = self._mint.judged_token(project_id, name, scopes)
        with self._room_for(token, project_id, "API tokens", self._tokens.count):
            await self._store.put_token(token)
            await self.load()
        return token, secret

    async def update_token(self, project_id: str, token_id: str, change: Callable[[Token], Token]) -> Token:
        return await self._update(token_id, lambda: self.token(project_id, token_id), change, self._store.update_token)

    async def remove_token(self, project_id: str, token_id: str) -> bool:
        removed = await self._store.remove_token(project_id, token_id)
        await self.load()
        return removed
