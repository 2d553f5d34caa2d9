"""A message's media: fetched once, bounded and of the allowed types, and kept on disk by their content.

MediaFiles is content-addressed: a file's name is the SHA-256 of its bytes, so the same picture sent to a thousand
recipients is one file, a put can be repeated, and a file never changes. A put returns when the bytes would survive a
power cut. Who still needs a file is the store's knowledge. Between a put and the row that names it a content looks like
an orphan; `kept` protects it meanwhile, and `remove_orphans` asks the store while nothing new can be protected.
"""

import asyncio
import hashlib
import os
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

from heliograph.core import media_types
from heliograph.net.http import status_fault
from heliograph.ports import FaultKind, FetchedMedia, FetchFault, HttpRequest, HttpResponse, MediaFault, Orphaned
from heliograph.wire import urls

NOT_DOWNLOADABLE = 63019
TYPE_NOT_ALLOWED = 12300
TOO_LARGE = 11751

_HASH = re.compile(r"[0-9a-f]{64}")
_PARTIAL_SUFFIX = ".part"


class Client(Protocol):
    """What fetching needs of net/http's HttpClient."""

    async def request(self, request: HttpRequest) -> HttpResponse: ...


async def fetch(client: Client, media_urls: Sequence[str], max_total_bytes: int, owner: str) -> list[FetchedMedia]:
    """All media of one message of the project `owner`, at once, in the given order. Raises MediaFault for the first
    that fails; the others are then abandoned. No more than `max_total_bytes` is read of any, nor accepted of all
    together."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_fetch_one(client, url, max_total_bytes, owner)) for url in media_urls]
    except* MediaFault as faults:
        raise _first(faults) from None
    media = [task.result() for task in tasks]
    if sum(len(medium.content) for medium in media) > max_total_bytes:
        raise _too_large(max_total_bytes)
    return media


async def _fetch_one(client: Client, url: str, max_bytes: int, owner: str) -> FetchedMedia:
    try:
        response = await client.request(HttpRequest(method="GET", url=url, owner=owner, max_response_bytes=max_bytes))
    except FetchFault as fault:
        if fault.kind is FaultKind.SIZE:
            raise _too_large(max_bytes) from fault
        raise MediaFault(NOT_DOWNLOADABLE, f"The media could not be downloaded: {fault.message}") from fault
    except urls.UrlError as error:
        raise MediaFault(NOT_DOWNLOADABLE, f"The media could not be downloaded: {error}") from error
    if fault_of_status := status_fault(response.status):
        raise MediaFault(NOT_DOWNLOADABLE, f"The media could not be downloaded: {fault_of_status.message}")
    content_type = media_types.canonical(response.content_type)
    if content_type is None:
        named = response.content_type[:80] or "none"
        raise MediaFault(TYPE_NOT_ALLOWED, f"The media's content type is not allowed: {named}.")
    return FetchedMedia(url=url, content_type=content_type, content=response.body)


def _first(faults: BaseExceptionGroup[MediaFault]) -> MediaFault:
    """One of them says enough; groups nest only where task groups do, and there is one."""
    found = faults.exceptions[0]
    return found if isinstance(found, MediaFault) else _first(found)


def _too_large(max_bytes: int) -> MediaFault:
    return MediaFault(TOO_LARGE, f"The message's media are larger than {max_bytes} bytes together.")


class MediaFiles:
    """Files under `directory`/ab/cd/abcd... Several tasks and threads may use one directory at once; other processes
    may put and read, not remove."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._synced: set[Path] = set()
        """Directories known to be durable, so that most puts sync only their own."""
        self._kept: Counter[str] = Counter()
        """Contents that are being put or not yet recorded, with how many do so."""
        self._removal = asyncio.Lock()

    async def put(self, content: bytes) -> str:
        """Stores it durably and returns its hash, 64 lower-case hex digits."""
        return await asyncio.to_thread(self._put, content)

    async def read(self, content_hash: str) -> bytes:
        """Raises FileNotFoundError when it was never put, or removed."""
        return await asyncio.to_thread(self.path(content_hash).read_bytes)

    @asynccontextmanager
    async def kept(self, contents: Sequence[bytes]) -> AsyncIterator[list[str]]:
        """Puts contents and gives their hashes; none of them is removed within the block."""
        hashes = await asyncio.to_thread(lambda: [_hash_of(content) for content in contents])
        async with self._removal:
            self._kept.update(hashes)
        try:
            for content in contents:
                await self.put(content)
            yield hashes
        finally:
            self._kept -= Counter(hashes)

    async def remove_orphans(self, hashes: Sequence[str], orphaned: Orphaned) -> None:
        """Removes those of these contents that `orphaned` names and that nobody keeps. No error for one that is not
        there."""
        async with self._removal:
            for orphan in await orphaned([each for each in hashes if each not in self._kept]):
                await asyncio.to_thread(self.path(orphan).unlink, missing_ok=True)

    async def sweep(self, older_than_seconds: float) -> int:
        """Removes what puts left that were cut off by a crash, last written before this epoch time; says how many."""
        return await asyncio.to_thread(self._sweep, older_than_seconds)

    def path(self, content_hash: str) -> Path:
        """Where a content lies, or would. Raises ValueError for a text that is no hash: it could name another file."""
        if not _HASH.fullmatch(content_hash):
            raise ValueError("not a SHA-256 in lower-case hex")
        return self._directory / content_hash[:2] / content_hash[2:4] / content_hash

    def _put(self, content: bytes) -> str:
        """Written aside, synced, renamed: a reader sees all of a file or none. A file that is there already is
        written again rather than trusted, since another put of it may not be synced yet."""
        content_hash = _hash_of(content)
        final = self.path(content_hash)
        self._make_directory(final.parent)
        descriptor, partial = tempfile.mkstemp(dir=final.parent, suffix=_PARTIAL_SUFFIX)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(partial).replace(final)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(partial).unlink()
            raise
        _sync_directory(final.parent)
        return content_hash

    def _make_directory(self, directory: Path) -> None:
        """Makes it with its parents. A new name is durable only when the directory that holds it is synced, and that
        it exists says nothing: whoever made it may not have come so far yet."""
        if directory in self._synced:
            return
        directory.mkdir(parents=True, exist_ok=True)
        for parent in (directory.parent, self._directory, self._directory.parent):
            _sync_directory(parent)
        self._synced.add(directory)

    def _sweep(self, older_than_seconds: float) -> int:
        removed = 0
        for partial in self._directory.glob(f"??/??/*{_PARTIAL_SUFFIX}"):
            with suppress(FileNotFoundError):  # its put, or another sweep, was quicker
                if partial.stat().st_mtime < older_than_seconds:
                    partial.unlink()
                    removed += 1
        return removed


def _hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
