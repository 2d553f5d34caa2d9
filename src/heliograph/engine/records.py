"""What is done to a message that exists: read, redact, delete, and delete one of its media."""

from collections.abc import Callable

from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.ids import is_uuid
from heliograph.core.lifecycle import IN_PROGRESS
from heliograph.core.message import Media, Message
from heliograph.engine.transition import EventNumbers
from heliograph.ports import Clock, MediaFiles, Store


class Records:
    def __init__(self, store: Store, clock: Clock, event_numbers: EventNumbers, files: MediaFiles) -> None:
        self._store = store
        self._clock = clock
        self._event_numbers = event_numbers
        self._files = files
        self.redacted: Callable[[Message], None] = lambda message: None
        """Told of each message whose body is gone, so that nobody keeps it in memory."""

    async def get(self, project_id: str, message_id: str, *, deleted: bool = False) -> Message:
        """The message; a deleted one only when asked for. Raises NotFound, for malformed ids too."""
        message = await self._store.message(project_id, message_id.lower()) if is_uuid(message_id) else None
        if message is None or (message.deleted_at is not None and not deleted):
            raise NotFound
        return message

    async def redact(self, project_id: str, message_id: str, body: str | None) -> Message:
        """Empty the body for good. `body` is what the caller sent and must be empty; None: he sent none."""
        message = await self.get(project_id, message_id, deleted=False)
        if body is None:
            raise refuse(Fault.REDACT_WITHOUT_BODY)
        if body:
            raise refuse(Fault.REDACT_WITH_TEXT)
        changed = await self._store.redact(project_id, message.id, self._clock.now(), self._event_numbers.next())
        if not changed:
            raise refuse(Fault.REDACT_IN_PROGRESS)
        self.redacted(message)
        return await self.get(project_id, message_id)

    async def forget_body(self, project_id: str, message_id: str) -> bool:
        """Empty the body of a message, deleted ones too, where there is one; False while it is in progress."""
        message = await self._store.message(project_id, message_id)
        if message is None or message.redacted:
            return True
        changed = await self._store.redact(project_id, message_id, self._clock.now(), self._event_numbers.next())
        if changed:
            self.redacted(message)
        return changed

    async def delete(self, project_id: str, message_id: str) -> None:
        """Hide the message and its media; its log stays."""
        message = await self.get(project_id, message_id)
        media = await self._store.media_of(project_id, message.id)
        changed = await self._store.delete(project_id, message.id, self._clock.now(), self._event_numbers.next())
        if not changed:
            await self.get(project_id, message_id)  # gone meanwhile: NotFound
            raise refuse(Fault.DELETE_IN_PROGRESS)
        await self._drop_files(media)

    async def media(self, project_id: str, message_id: str, media_id: str) -> Media:
        message = await self.get(project_id, message_id)
        found = await self._store.media(project_id, message.id, media_id.lower()) if is_uuid(media_id) else None
        if found is None:
            raise NotFound
        return found

    async def delete_media(self, project_id: str, message_id: str, media_id: str) -> None:
        message = await self.get(project_id, message_id)
        media = await self.media(project_id, message_id, media_id)
        if message.state in IN_PROGRESS:
            raise refuse(Fault.DELETE_IN_PROGRESS)
        if not await self._store.remove_media(project_id, message.id, media.id, self._clock.now()):
            raise NotFound
        await self._drop_files([media])

    async def _drop_files(self, media: list[Media]) -> None:
        """Contents that no message needs any more leave the disk."""
        await self._files.remove_orphans([each.sha256 for each in media], self._store.orphaned_files)
