"""Housekeeping: end messages whose validity is over, forget old idempotency keys, remove what is past retention.

How a message ends with its validity:

| The message | ends | after |
|---|---|---|
| is queued, or deferred: each of its submits was refused for now | failed, 30001 | the validity |
| has a submit whose outcome is still to come (`awaited`) | as the outcome says | the answer, waited for |
| has a submit without an answer | undelivered, 30009, uncertain | the carrier's `answer_seconds` more |
| is in doubt, or a carrier has accepted a part of it | undelivered, 30009, uncertain | the validity |

Races. The read of what has expired takes a while, and an outcome may be written meanwhile: then the row that was read
shows the message as it was. So a message whose place in `awaited` differs before and after the read waits for the next
round, which reads it anew. A message that was awaited at neither moment was not submitted between them, for nothing is
submitted past its validity (engine/lane.py). The wait counts from the end of the validity, which is on disk: a message
whose outcome can't be written, or whose process was restarted, ends all the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.engine.directory import Directory
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Clock, ExpiredMessage, MediaFiles, Store

log = structlog.get_logger(__name__)

EXPIRED_MAX = 500
"""Expired messages ended in one step."""

PURGE_MAX = 200
"""Messages removed in one transaction, so that retention never holds up an accept for long."""

FORGOTTEN_MAX = 1000
"""Senders forgotten in one transaction, for the same reason."""
DELETED_MAX = 100
"""Deleted projects looked after in one round; the rest waits for the next."""

HOUSEKEEPING_SECONDS = 60.0
UNFINISHED_SECONDS = 3600.0
"""A media file that nobody has finished for so long was cut off by a crash."""

_BEGINNING = (-1, "00000000-0000-0000-0000-000000000000")

EXPIRED_WHILE_QUEUED = 30001
UNANSWERED = 30009

_HOUR_MICROS = 3_600_000_000
_DAY_MICROS = 24 * _HOUR_MICROS


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    every_seconds: float
    retention_days: int
    idempotency_hours: int
    sticky_sender_days: int


class Sweeper:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        directory: Directory,
        transitions: Transitions,
        files: MediaFiles,
        settings: SweepSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._directory = directory
        self._transitions = transitions
        self._files = files
        self._settings = settings
        self.ended: Callable[[Message, bool], None] = lambda message, deferred: None
        """Told of each message that was ended here, and whether it was deferred."""
        self.forget_codes: Callable[[], Awaitable[None]] = _nothing_more
        """Asked to forget the codes that have ended."""
        self.awaited: Callable[[], Mapping[str, float]] = dict
        """Returns the messages whose outcome at a carrier is still to come, and for how many seconds past their
        validity it is waited for."""
        self.recount: Callable[[], Awaitable[None]] = _nothing_more
        """Asked to count anew what is deferred."""

    async def expire(self) -> None:
        """End messages whose validity is over, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._settings.every_seconds)
            try:
                await self.expire_now()
            except StoreUnavailable as error:
                log.debug("sweeper.store_unavailable", error=str(error))

    async def expire_now(self) -> None:
        """End all messages whose validity is over, but for those whose outcome is waited for."""
        after = _BEGINNING
        while True:
            before = self.awaited()
            found = await self._store.expired(self._clock.now(), after, EXPIRED_MAX)
            awaited = self.awaited()
            unchanged = [each for each in found if before.get(each.message.id) == awaited.get(each.message.id)]
            await self._end(unchanged, awaited)
            if len(found) < EXPIRED_MAX:
                return
            after = (found[-1].message.expires_at, found[-1].message.id)

    async def _end(self, found: Sequence[ExpiredMessage], awaited: Mapping[str, float]) -> None:
        now = self._clock.now()
        ending = [each for each in found if each.message.expires_at + _wait_micros(each, awaited) <= now]
        steps = [_expiry(each, is_awaited=each.message.id in awaited) for each in ending]
        for each, message in zip(ending, await self._transitions.apply(steps), strict=True):
            if message is not None:
                self.ended(message, each.deferred)

    async def tidy(self) -> None:
        """Forget and remove what is past its time, for as long as the server runs."""
        while True:
            try:
                await self._store.forget_claims(self._clock.now() - self._settings.idempotency_hours * _HOUR_MICROS)
                await self._forget_sticky_senders()
                await self.forget_codes()
                await self.recount()
                if self._settings.retention_days:
                    await self._purge(self._clock.now() - self._settings.retention_days * _DAY_MICROS)
                await self.forget_projects()
                await self._store.turn_over()
                await self._files.sweep(self._clock.now() / 1e6 - UNFINISHED_SECONDS)
            except (StoreUnavailable, OSError) as error:
                log.debug("sweeper.store_unavailable", error=str(error))
            await asyncio.sleep(HOUSEKEEPING_SECONDS)

    async def _forget_sticky_senders(self) -> None:
        """A day late: a use is written down once a day only."""
        days = self._settings.sticky_sender_days
        if not days:
            return
        before = self._clock.now() - (days + 1) * _DAY_MICROS
        while await self._store.forget_sticky_senders(before, FORGOTTEN_MAX) == FORGOTTEN_MAX:
            pass

    async def forget_projects(self) -> None:
        """Remove the messages of deleted projects. Those on their way go it to its end first."""
        for project_id in await self._store.deleted_projects(DELETED_MAX):
            await self._purge_project(project_id, self._clock.now() + _DAY_MICROS)
            await self._store.forget_project(project_id)

    async def _purge(self, before: int) -> None:
        for project in self._directory.projects():
            await self._purge_project(project.id, before)

    async def _purge_project(self, project_id: str, before: int) -> None:
        while True:
            gone, hashes = await self._store.purge(project_id, before, PURGE_MAX)
            await self._files.remove_orphans(hashes, self._store.orphaned_files)
            if gone < PURGE_MAX:
                break


def _wait_micros(expired: ExpiredMessage, awaited: Mapping[str, float]) -> int:
    """A queued message is in no carrier's hands: its step from that state fails if it is handed over meanwhile."""
    if expired.message.state is State.QUEUED:
        return 0
    return round(awaited.get(expired.message.id, 0.0) * 1e6)


def _expiry(expired: ExpiredMessage, *, is_awaited: bool) -> Step:
    """Failed only where it is certain that no carrier has any of it."""
    message = expired.message
    is_with_us = expired.deferred and not (expired.partly or message.uncertain or is_awaited)
    if message.state is State.QUEUED or is_with_us:
        return Step(message=message, states=(State.FAILED,), error_code=EXPIRED_WHILE_QUEUED)
    return Step(message=message, states=(State.UNDELIVERED,), error_code=UNANSWERED, uncertain=True)


async def _nothing_more() -> None:
    return None
