"""Numbers come to a project and leave it: bought from the deployment's inventory, brought along, moved, released.

Every door orders here, so a number means the same whoever asked for it. A race for one free number has one winner: the
store decides. What a project already sent and received under a number stays with that project.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from heliograph.core import inventory, numbers
from heliograph.core.directory import CAPABILITIES, Number, Project
from heliograph.core.errors import Fault, Refused, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.inventory import Search
from heliograph.core.number_refusals import invalid_number
from heliograph.core.number_settings import HOSTED, ORIGIN, Checks, Settings, fit_for
from heliograph.engine.directory import Directory
from heliograph.ports import Clock, NumberTaken, Store

_random = secrets.SystemRandom()
_ids = Uuid7Generator(lambda: secrets.randbits(62))


class NumberOrders:
    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock

    async def search(self, search: Search) -> list[inventory.FreeNumber]:
        return await self._store.free_numbers(search)

    async def countries(self) -> list[str]:
        return await self._store.free_countries()

    async def buy(self, project: Project, text: str | None, *, name: str, settings: Settings) -> Number:
        """A free number of the inventory becomes the project's; raises Refused."""
        if not text:
            raise refuse(Fault.NUMBER_MISSING)
        wanted = numbers.typed(text)
        if not numbers.is_e164(wanted):
            raise Refused(invalid_number(Fault.NUMBER_INVALID, "phone number", text))
        if self._directory.number_by_text(wanted) is not None:
            raise refuse(Fault.NUMBER_NOT_FREE)
        free = await self._store.free_number(wanted)
        if free is None:
            raise refuse(Fault.NUMBER_NOT_FREE)
        number = self._number(project, wanted, name, free.capabilities, settings)
        if not await self._directory.take_number(number):
            raise refuse(Fault.NUMBER_NOT_FREE)
        return number

    async def buy_in_area(self, project: Project, area_code: str, *, name: str, settings: Settings) -> Number:
        """Any free number of an area code; raises Refused. Others may take those that were found: then the next are
        looked for, until there are none. In any order, so that many buyers at once don't all want the same."""
        if not inventory.is_area_code(area_code):
            raise refuse(Fault.AREA_CODE_INVALID)
        while found := await self._store.free_numbers(Search(area_code=area_code)):
            _random.shuffle(found)
            for free in found:
                number = self._number(project, free.number, name, free.capabilities, settings)
                if await self._directory.take_number(number):
                    return number
        raise refuse(Fault.AREA_CODE_EMPTY)

    async def bring(self, project: Project, text: str, capabilities: tuple[str, ...]) -> Number:
        """A number that is hosted elsewhere becomes the project's; raises Refused where the deployment has it."""
        number = self._number(project, text, "", capabilities or CAPABILITIES, {ORIGIN: HOSTED})
        if self._directory.number_by_text(text) is not None or await self._store.free_number(text) is not None:
            raise refuse(Fault.NUMBER_NOT_FREE)
        try:
            await self._directory.import_number(number)
        except NumberTaken:
            raise refuse(Fault.NUMBER_NOT_FREE) from None
        return number

    async def release(self, number: Number) -> None:
        """Raises NotFound where it went meanwhile."""
        await self._directory.release_number(number)

    async def move(self, number: Number, change: Callable[[Number], Number], checks: Checks) -> Number:
        """Give it to the project that `change` puts it into; what it referred to in its old one (an application, SMPP
        binds) does not come along. Raises NotFound where it, or that project, went meanwhile."""

        def moved(now: Number) -> Number:
            after = change(now)
            return replace(after, settings=fit_for(after.settings, checks))

        return await self._directory.move_number(number, moved)

    def _number(
        self, project: Project, text: str, name: str, capabilities: tuple[str, ...], settings: Settings
    ) -> Number:
        now = self._clock.now()
        return Number(
            project_id=project.id,
            id=_ids.next(now),
            number=text,
            name=name,
            capabilities=capabilities,
            settings=settings,
            created_at=now,
            updated_at=now,
        )
