"""cXML scripts: documents that projects keep with us, changed by their API and served at their addresses.

A served script is a Mustache template of the request's fields. Each request is counted: in memory at once, on disk
with the next commit. One write of counts is under way at a time and takes all that came meanwhile, so that counting
costs a busy script no write per request, and only an end of the server in that very moment loses any.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from weakref import WeakValueDictionary

import uuid_utils

from heliograph.core.errors import Fault, NotFound, StoreUnavailable, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.script import EMPTY_CONTENTS, MAX_NAME_LENGTH, Script, ScriptUse
from heliograph.core.texts import is_name
from heliograph.engine.project_room import ProjectRoom
from heliograph.ports import Clock, Cursor, Store
from heliograph.wire import cxml, mustache

RENDERED_TIMES = 4
"""A document may be that many times as large as the largest script, with the values in it: whoever asks chooses them,
and a name may stand in the template a thousand times."""

API_VERSION = "2010-04-01"
_GIVEN = {"APIVersion": API_VERSION, "ApiVersion": API_VERSION}
"""What every script may use without being told, as SignalWire documents it."""


class Scripts:
    def __init__(self, store: Store, clock: Clock, ids: Uuid7Generator, room: ProjectRoom, max_bytes: int) -> None:
        self._store = store
        self._room = room
        self._clock = clock
        self._max_bytes = max_bytes
        self._places = ids
        self._uses: dict[tuple[str, str], ScriptUse] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Changes of one script come one after the other, so that its octets are counted as they are."""
        self._writing: asyncio.Task[None] | None = None
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)

    async def load(self) -> None:
        """Count what there is. Before anybody asks for more."""
        for project_id, count, octets in await self._store.script_counts():
            self._room.scripts.add(project_id, count)
            self._room.script_octets.add(project_id, octets)

    # -- what a project does with them

    async def create(self, project_id: str, name: str, contents: str | None) -> Script:
        """Keep a new script, which does nothing where no contents are given; raises Refused."""
        now = self._clock.now()
        script = Script(
            project_id=project_id,
            id=str(uuid_utils.uuid4()),
            place=self._places.next(now),
            name=_fit_name(name),
            contents=self._fit_contents(contents or EMPTY_CONTENTS),
            created_at=now,
            updated_at=now,
        )
        room = self._room
        there = room.scripts.of_family(room.root_of(project_id))
        with (
            room.reserved(project_id, script.id, "scripts", there, room.limits.objects),
            room.reserved_octets(project_id, script.id, script.octets),
        ):
            await self._store.add_script(script)
            room.scripts.add(project_id)
            room.script_octets.add(project_id, script.octets)
        return script

    async def update(self, project_id: str, script_id: str, name: str | None, contents: str | None) -> Script:
        """Change what is not None; empty contents make it do nothing. Raises NotFound and Refused."""
        async with self._turns.setdefault(script_id, asyncio.Lock()):
            before = await self.get(project_id, script_id)
            after = replace(
                before,
                name=before.name if name is None else _fit_name(name),
                contents=before.contents if contents is None else self._fit_contents(contents or EMPTY_CONTENTS),
                updated_at=self._clock.now(),
            )
            with self._room.reserved_octets(project_id, script_id, after.octets - before.octets):
                if not await self._store.update_script(after):
                    raise NotFound
                self._room.script_octets.remove(project_id, before.octets)
                self._room.script_octets.add(project_id, after.octets)
            return after

    async def get(self, project_id: str, script_id: str) -> Script:
        """The script with all requests counted that were answered before; raises NotFound."""
        await self._written()
        found = await self._store.script(project_id, script_id)
        if found is None:
            raise NotFound
        return found

    async def page(self, project_id: str, name: str | None, cursor: Cursor | None, limit: int) -> list[Script]:
        """As `Store.scripts_page`."""
        await self._written()
        return await self._store.scripts_page(project_id, name, cursor, limit)

    async def remove(self, project_id: str, script_id: str) -> None:
        """Raises NotFound."""
        async with self._turns.setdefault(script_id, asyncio.Lock()):
            octets = await self._store.remove_script(project_id, script_id)
            if octets is None:
                raise NotFound
            self._room.scripts.remove(project_id)
            self._room.script_octets.remove(project_id, octets)

    # -- what the world does with them

    async def document(self, script_id: str, values: Mapping[str, str]) -> bytes:
        """`public` and `render` in one."""
        return self.render(await self.public(script_id), values)

    async def public(self, script_id: str) -> Script:
        """The script that is served under this id; raises NotFound."""
        script = await self._store.public_script(script_id)
        if script is None:
            raise NotFound
        return script

    def render(self, script: Script, values: Mapping[str, str]) -> bytes:
        """The script as it is served for a request with these fields, counted. Raises mustache.RenderedTooLarge."""
        self._count(script)
        if "{{" not in script.contents:
            return script.contents.encode()
        template = mustache.parse(script.contents)
        return mustache.render(template, {**_GIVEN, **values}, self._max_bytes * RENDERED_TIMES).encode()

    def _count(self, script: Script) -> None:
        self._add(ScriptUse(project_id=script.project_id, script_id=script.id, requests=1, last_at=self._clock.now()))
        if self._writing is None or self._writing.done():
            self._writing = self.start_task(self._write())

    def _add(self, use: ScriptUse) -> None:
        key = (use.project_id, use.script_id)
        known = self._uses.get(key)
        if known is not None:
            use = replace(use, requests=known.requests + use.requests, last_at=max(known.last_at, use.last_at))
        self._uses[key] = use

    async def _write(self) -> None:
        """One commit; what came meanwhile is for the next one's task."""
        taken, self._uses = self._uses, {}
        try:
            await self._store.count_script_uses(list(taken.values()))
        except StoreUnavailable:
            for use in taken.values():
                self._add(use)  # the next request tries again
            return
        if self._uses:
            self._writing = self.start_task(self._write())

    async def _written(self) -> None:
        """Wait for what was counted before now: it is in the commit under way, or in the next one. Later requests are
        not waited for, since a busy script has one more at any time."""
        for _ in range(2):
            if self._writing is not None:
                await asyncio.wait([self._writing])

    def _fit_contents(self, contents: str) -> str:
        if len(contents.encode()) > self._max_bytes:
            message = f"Contents has at most {self._max_bytes} bytes."
            raise refuse(Fault.PARAMETER_INVALID, message, "Contents")
        try:
            cxml.check(mustache.parse(contents).fixed_text)
        except mustache.MustacheError as error:
            raise refuse(Fault.SCRIPT_INVALID, f"Contents is no Mustache template: {error}", "Contents") from error
        except cxml.DocumentError as error:
            raise refuse(Fault.SCRIPT_INVALID, f"Contents is no cXML: {error.message}", "Contents") from error
        return contents


def _fit_name(name: str) -> str:
    if not is_name(name, MAX_NAME_LENGTH):
        raise refuse(
            Fault.PARAMETER_INVALID, f"Name has 1 to {MAX_NAME_LENGTH} characters, and no control characters.", "Name"
        )
    return name
