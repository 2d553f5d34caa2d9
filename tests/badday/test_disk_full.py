"""The disk is full: by a limit on the size of the server's files, which every machine has, and, where this user may
mount one, by a small filesystem that really is full."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from servers import Answer, HeliographServer, ServerFactory, Sink, wait_until
from traffic import (
    CALLBACK_PATH,
    MEDIA_PATH,
    Load,
    Order,
    Record,
    create,
    log_shown,
    plain_orders,
    settled,
)

SETTINGS = {"simulator_answer_ms": 10, "simulator_receipt_ms": 30, "callback_poll_seconds": 0.05, "sweep_seconds": 0.1}
SIZE = 48 * 2**20
ROOM_FOR_THE_LOG = 64 * 1024
PICTURE = Answer(body=os.urandom(200_000), content_type="image/png")


class Disk(Protocol):
    """Where a server keeps its data, and what fills and frees it."""

    data: Path

    def fill(self, node: HeliographServer) -> None: ...

    def free(self, node: HeliographServer) -> None: ...


class Limited:
    """Files may not grow: a write past the limit fails as EFBIG."""

    def __init__(self, data: Path, room: int = ROOM_FOR_THE_LOG) -> None:
        self.data = data
        self._room = room

    def fill(self, node: HeliographServer) -> None:
        size = node.log_path.stat().st_size + self._room if self._room else 0
        self._limit(node, size)

    def free(self, node: HeliographServer) -> None:
        self._limit(node, resource.RLIM_INFINITY)

    @staticmethod
    def _limit(node: HeliographServer, size: int) -> None:
        _, hard = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (size, hard))


class Mounted:
    """A filesystem of its own: a write fails as ENOSPC."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def fill(self, node: HeliographServer) -> None:
        with contextlib.suppress(OSError), (self.data / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def free(self, node: HeliographServer) -> None:
        (self.data / "ballast").unlink()


@pytest.fixture(params=["limit", "filesystem"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be filled. The real filesystem needs the right to mount; the limit holds everywhere."""
    data = tmp_path / "disk"
    if request.param == "limit":
        yield Limited(data)
        return
    data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(data)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a filesystem is not allowed here; the limit on file sizes is tested instead")
    yield Mounted(data)
    subprocess.run(["umount", "--lazy", str(data)], check=True)


async def test_nothing_accepted_is_lost_on_a_full_disk(server: ServerFactory, sink: Sink, disk: Disk) -> None:
    node = server(data=disk.data, settings=SETTINGS)
    record = Record()
    with log_shown(node):
        async with Load(node, sink, plain_orders(), record, patient=True) as load:
            await load.more(100)
            disk.fill(node)
            await load.refusals(30)
            disk.free(node)
            await load.more(100)
        assert {refusal.status for refusal in record.refused} == {503}
        assert {refusal.headers["retry-after"] for refusal in record.refused} == {"1"}
        await settled(node, sink, record)
        assert "SQLite can't write" in node.log()
        wait_until(lambda: "store.available_again" in node.log(), "the log to tell of the outage's end")
        assert "Traceback" not in node.log()


async def test_a_medium_that_can_not_be_stored_waits_for_room(server: ServerFactory, sink: Sink, disk: Disk) -> None:
    sink.answer(MEDIA_PATH, Answer(body=PICTURE.body, content_type=PICTURE.content_type, hold=True))
    node = server(data=disk.data, settings=SETTINGS)
    record = Record()
    with log_shown(node):
        fields = {"MediaUrl": sink.url(MEDIA_PATH), "StatusCallback": sink.url(CALLBACK_PATH)}
        record.kept[create(node, **fields)] = Order(to="", callbacks=("sending", "sent"), media=True)
        sink.wait_for_request(MEDIA_PATH)
        disk.fill(node)
        sink.release(MEDIA_PATH)
        wait_until(lambda: "media.unwritable" in node.log(), "the log to tell that the medium was not stored")
        asked = {"from": "+13125550100", "to": node.credentials.numbers[0], "media": [sink.url(MEDIA_PATH)]}
        brought = node.request("POST", "/api/heliograph/simulator/inbound", json_body=asked)
        assert (brought.status, brought.headers.get("retry-after")) == (503, "1"), brought.body
        disk.free(node)
        await settled(node, sink, record)
        assert node.request("POST", "/api/heliograph/simulator/inbound", json_body=asked).status == 201


async def test_a_log_that_can_not_be_written_stops_nothing(server: ServerFactory, sink: Sink, tmp_path: Path) -> None:
    disk = Limited(tmp_path / "disk", room=0)
    node = server(data=disk.data, settings=SETTINGS | {"log_level": "debug"})
    record = Record()
    async with Load(node, sink, plain_orders(), record, patient=True) as load:
        await load.more(50)
        disk.fill(node)
        await load.refusals(50)
        disk.free(node)
        await load.more(50)
    assert {refusal.status for refusal in record.refused} == {503}
    await settled(node, sink, record)
