"""Media of a message: fetched once, before it is sent or before its handler is asked, and kept on disk.

A host that hangs holds up its own messages only: fetches run beside the queue, a bounded number at once and fewer from
one host, and the message comes back to the queue when its media are here. After `attempts` tries it fails with the
catalogue's code.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
import uuid_utils

from heliograph.core import numbers
from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Media, Message
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Clock, FetchedMedia, MediaFault, MediaFetch, MediaFiles, Store
from heliograph.wire.urls import parse_target

log = structlog.get_logger(__name__)

NOT_DOWNLOADABLE = 63019
HOST_SHARE = 4
"""One host gets at most this part (a quarter) of all fetches under way."""

FIRST_PAUSE_SECONDS = 0.5
"""Before a second try at media that could not be downloaded; each further pause is twice as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSettings:
    max_bytes: int
    max_bytes_toll_free: int
    concurrency: int
    attempts: int


class Attachments:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        files: MediaFiles,
        fetch: MediaFetch,
        transitions: Transitions,
        settings: AttachmentSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._files = files
        self._fetch = fetch
        self._transitions = transitions
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._fetching: set[str] = set()
        self._waiting: dict[str, deque[Message]] = {}
        self._active: Counter[str] = Counter()
        self._ready: dict[str, tuple[Media, ...]] = {}
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)
        self.fetched: Callable[[Message], None] = lambda message: None
        """Told of each message whose media are on disk."""

    def has(self, message_id: str) -> bool:
        """Whether a message waits here for its media, and will be told of by `fetched` or failed."""
        return message_id in self._fetching

    def ready(self, message_id: str) -> bool:
        return message_id in self._ready

    async def of(self, message: Message) -> tuple[Media, ...]:
        """The media to send with a message, from memory or from the store."""
        if not message.media_urls:
            return ()
        kept = self._ready.pop(message.id, None)
        if kept is None:
            kept = tuple(await self._transitions.persist(lambda: self._store.media_of(message.project_id, message.id)))
        return kept

    def forget(self, message_id: str) -> None:
        """The message ended before its media were sent."""
        self._ready.pop(message_id, None)

    def fetch(self, message: Message) -> None:
        """Get a queued message's media, then tell `fetched`, or fail the message."""
        if message.id not in self._fetching:
            self._fetching.add(message.id)
            self._waiting.setdefault(parse_target(message.media_urls[0]).origin, deque()).append(message)
            self._start_some()

    def _start_some(self) -> None:
        """Start what may run now: hosts in turn, each within its share."""
        share = max(1, self._settings.concurrency // HOST_SHARE)
        for origin in list(self._waiting):
            if self._active.total() >= self._settings.concurrency:
                return
            if self._active[origin] < share:
                waiting = self._waiting.pop(origin)
                self._active[origin] += 1
                self.start_task(self._fetch_for(waiting.popleft(), origin))
                if waiting:
                    self._waiting[origin] = waiting  # to the end of the line

    async def _fetch_for(self, message: Message, origin: str) -> None:
        try:
            self._ready[message.id] = await self._stored(message)
        except MediaFault as fault:
            log.warning("media.failed", message_id=message.id, error=fault.message)
            failed = Step(message=message, states=(State.FAILED,), error_code=fault.code, detail=fault.message)
            await self._transitions.apply([failed])
            return
        except Exception:  # a message whose media break us must not take the others along
            log.exception("media.broke", message_id=message.id)
            detail = "a fault of this server; see its log"
            await self._transitions.apply(
                [Step(message=message, states=(State.FAILED,), error_code=NOT_DOWNLOADABLE, detail=detail)]
            )
            return
        finally:
            self._fetching.discard(message.id)
            self._active[origin] -= 1
            self._start_some()
        self.fetched(message)

    async def _stored(self, message: Message) -> tuple[Media, ...]:
        earlier = await self._transitions.persist(lambda: self._store.media_of(message.project_id, message.id))
        if earlier:  # fetched before a restart
            return tuple(earlier)
        fetched = await self._fetch_patiently(message)
        async with AsyncExitStack() as until_recorded:
            media = await self._transitions.persist(lambda: self.store(message, fetched, until_recorded))
            await self._transitions.persist(lambda: self._store.add_media(media))
        return media

    async def _fetch_patiently(self, message: Message) -> list[FetchedMedia]:
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, self._settings.attempts + 1):
            try:
                limit = self.limit(message.from_number)
                return await self._fetch(message.media_urls, limit, message.project_id)
            except MediaFault as fault:
                if fault.code != NOT_DOWNLOADABLE or attempt == self._settings.attempts:
                    raise
                log.warning("media.deferred", message_id=message.id, error=fault.message, retry_in_seconds=pause)
                await self._transitions.note(message, "media_deferred", error_code=fault.code, detail=fault.message)
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable: attempts is at least 1")

    def limit(self, from_number: str) -> int:
        toll_free = numbers.is_toll_free(from_number)
        return self._settings.max_bytes_toll_free if toll_free else self._settings.max_bytes

    async def fetch_inbound(self, media_urls: tuple[str, ...], project_id: str) -> list[FetchedMedia]:
        """The media that a handset's message to a project points to; raises MediaFault."""
        async with self._slots:
            return await self._fetch(media_urls, self._settings.max_bytes, project_id)

    async def store(
        self, message: Message, fetched: list[FetchedMedia], until_recorded: AsyncExitStack
    ) -> tuple[Media, ...]:
        """Put contents on disk and return the rows that will name them. Ids are UUIDv4: their addresses are public.
        Until the stack is closed no content is removed, though no row names it yet.
        A disk that takes no more is a store that can't be written: raises StoreUnavailable."""
        try:
            kept = self._files.kept([each.content for each in fetched])
            hashes = await until_recorded.enter_async_context(kept)
        except OSError as error:
            log.warning("media.unwritable", message_id=message.id, error=error.strerror)
            raise StoreUnavailable(f"the media can't be stored: {error.strerror}") from error
        now = self._clock.now()
        return tuple(
            Media(
                id=str(uuid_utils.uuid4()),
                project_id=message.project_id,
                message_id=message.id,
                position=position,
                content_type=each.content_type,
                size=len(each.content),
                sha256=content_hash,
                created_at=now,
                updated_at=now,
            )
            for position, (each, content_hash) in enumerate(zip(fetched, hashes, strict=True))
        )
