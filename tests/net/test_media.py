"""A message's media: the limits of fetching, and files that are whole, durable and named by their content."""

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from heliograph.net import http, media
from heliograph.wire import urls

Answer = http.Response | Exception


class Client:
    """Answers from a table; `hang` never does."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.requests: list[http.Request] = []
        self.cancelled: list[str] = []

    async def request(self, request: http.Request) -> http.Response:
        self.requests.append(request)
        if request.url == "hang":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(request.url)
                raise
        answer = self.answers[request.url]
        if isinstance(answer, Exception):
            raise answer
        return answer


def response(body: bytes = b"x", content_type: str = "image/png", status: int = 200) -> http.Response:
    return http.Response(status=status, headers={"Content-Type": content_type}, body=body, url="final")


async def test_fetches_in_order_with_the_limit() -> None:
    client = Client({"a": response(b"1", "Image/JPEG; q=1"), "b": response(b"22", "text/vcard")})
    fetched = await media.fetch(client, ["b", "a"], max_total_bytes=3, owner="p")
    assert [(medium.url, medium.content_type, medium.content) for medium in fetched] == [
        ("b", "text/vcard", b"22"),
        ("a", "image/jpeg", b"1"),
    ]
    assert {(request.max_response_bytes, request.owner) for request in client.requests} == {(3, "p")}


@pytest.mark.parametrize(
    ("served", "stored"),
    [
        ("video/3gpp", "video/3gp"),
        ("audio/3gpp", "audio/3gpp"),
        ("image/JPG; x=y", "image/jpeg"),
        ("audio/x-wav", "audio/vnd.wav"),
    ],
)
async def test_alias_of_a_type_is_stored_as_the_type(served: str, stored: str) -> None:
    fetched = await media.fetch(Client({"a": response(content_type=served)}), ["a"], owner="p", max_total_bytes=3)
    assert [medium.content_type for medium in fetched] == [stored]


async def test_nothing_to_fetch() -> None:
    assert await media.fetch(Client({}), [], max_total_bytes=1, owner="p") == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (response(status=404), 63019),
        (response(status=302), 63019),
        (http.FetchFault(http.FaultKind.FORBIDDEN, "no"), 63019),
        (http.FetchFault(http.FaultKind.TIMEOUT, "no"), 63019),
        (urls.UrlError("no"), 63019),
        (http.FetchFault(http.FaultKind.SIZE, "no"), 11751),
        (response(content_type="text/html"), 12300),
        (response(content_type=""), 12300),
        (response(content_type="video/x-msvideo"), 12300),
    ],
)
async def test_names_the_fault_and_abandons_the_rest(answer: Answer, code: int) -> None:
    client = Client({"bad": answer})
    with pytest.raises(media.MediaFault) as caught:
        await media.fetch(client, ["hang", "bad"], max_total_bytes=10, owner="p")
    assert caught.value.code == code
    assert client.cancelled == ["hang"]


async def test_bounds_all_media_together() -> None:
    client = Client({"a": response(b"123"), "b": response(b"456")})
    assert len(await media.fetch(client, ["a", "b"], max_total_bytes=6, owner="p")) == 2
    with pytest.raises(media.MediaFault) as caught:
        await media.fetch(client, ["a", "b"], max_total_bytes=5, owner="p")
    assert caught.value.code == 11751


@pytest.fixture
def files(tmp_path: Path) -> media.MediaFiles:
    return media.MediaFiles(tmp_path / "media")


async def test_puts_reads_and_removes(files: media.MediaFiles) -> None:
    digest = await files.put(b"picture")
    assert digest == hashlib.sha256(b"picture").hexdigest()
    assert await files.read(digest) == b"picture"
    assert files.path(digest).parts[-4:] == ("media", digest[:2], digest[2:4], digest)
    await files.remove_orphans([digest], all_orphaned)
    await files.remove_orphans([digest], all_orphaned)
    with pytest.raises(FileNotFoundError):
        await files.read(digest)
    assert await files.put(b"picture") == digest
    assert await files.read(digest) == b"picture"


async def all_orphaned(hashes: Sequence[str]) -> Sequence[str]:
    return hashes


async def test_nothing_is_removed_before_its_row_is_written(files: media.MediaFiles) -> None:
    async with files.kept([b"picture"]) as (digest,):
        async with files.kept([b"picture"]):
            pass
        await files.remove_orphans([digest], all_orphaned)
        assert await files.read(digest) == b"picture"
    await files.remove_orphans([digest], all_orphaned)
    with pytest.raises(FileNotFoundError):
        await files.read(digest)


async def test_a_content_that_comes_back_while_it_is_removed_is_there(files: media.MediaFiles) -> None:
    digest = await files.put(b"picture")
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly(hashes: Sequence[str]) -> Sequence[str]:
        asked.set()
        await answer.wait()
        return hashes

    removing = asyncio.create_task(files.remove_orphans([digest], slowly))
    await asked.wait()
    keeping = asyncio.create_task(_keep(files))
    await asyncio.wait([keeping], timeout=0.2)  # one that doesn't wait for the removal would end within that
    answer.set()
    await asyncio.gather(removing, keeping)
    assert await files.read(digest) == b"picture"


async def _keep(files: media.MediaFiles) -> None:
    async with files.kept([b"picture"]):
        pass


async def test_concurrent_puts_leave_one_whole_file(files: media.MediaFiles) -> None:
    other = media.MediaFiles(files.path("0" * 64).parents[2])
    content = os.urandom(200_000)
    digests = await asyncio.gather(*[store.put(content) for store in (files, other) for _ in range(10)])
    assert len(set(digests)) == 1
    assert await files.read(digests[0]) == content
    assert [path.name for path in files.path(digests[0]).parent.iterdir()] == [digests[0]]


async def test_a_put_syncs_the_file_and_then_its_directories(
    files: media.MediaFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = recording(monkeypatch)
    digest = await files.put(b"1")
    final = files.path(digest)
    directories = [final.parents[1], final.parents[2], final.parents[3]]
    assert synced[:3] == directories
    assert synced[3].suffix == ".part"
    assert synced[4:] == [final.parent]
    synced.clear()
    await files.put(b"1")
    assert [path.suffix for path in synced] == [".part", ""]


def recording(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths that fsync is called for, in order."""
    synced: list[Path] = []
    fsync: Callable[[int], None] = os.fsync

    def record(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return synced


async def test_a_failed_put_leaves_nothing(files: media.MediaFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.put(b"1")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        await files.put(b"1")
    directory = files.path(hashlib.sha256(b"1").hexdigest()).parent
    assert [path.suffix for path in directory.iterdir()] == [""]


async def test_works_beside_the_loop(files: media.MediaFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def note(_descriptor: int) -> None:
        threads.add(threading.current_thread())

    monkeypatch.setattr(os, "fsync", note)
    await files.put(b"1")
    assert threads
    assert threading.main_thread() not in threads


async def test_sweeps_only_old_remains(files: media.MediaFiles) -> None:
    digest = await files.put(b"1")
    old, young = (files.path(digest).with_name(f"{name}.part") for name in ("old", "young"))
    for path, seconds in ((old, 1_000), (young, 2_000), (files.path(digest), 1_000)):
        path.touch()
        os.utime(path, (seconds, seconds))
    assert await files.sweep(older_than_seconds=2_000) == 1
    assert (old.exists(), young.exists(), files.path(digest).exists()) == (False, True, True)
    assert await media.MediaFiles(Path("/nonexistent")).sweep(older_than_seconds=2_000) == 0


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "../" + "a" * 61])
def test_refuses_what_is_no_hash(files: media.MediaFiles, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        files.path(digest)
