"""The lock of a data folder: held by another server, or not to be had at all."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.ports import FolderHeld
from heliograph.storage import lock
from heliograph.storage.lock import FolderLock


def test_a_second_lock_is_refused_and_the_first_can_be_tried(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    first.take()
    for take in (FolderLock(tmp_path).take, lambda: lock.try_lock(tmp_path)):
        with pytest.raises(FolderHeld):
            take()
    first.release()
    lock.try_lock(tmp_path)
    first.take()
    first.release()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS, errno.EIO])
def test_only_ewouldblock_says_that_another_server_has_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    for take in (FolderLock(tmp_path).take, lambda: lock.try_lock(tmp_path)):
        with pytest.raises(StoreUnusable, match="flock") as told:
            take()
        assert os.strerror(number) in str(told.value)


def test_trying_a_lock_makes_no_file(tmp_path: Path) -> None:
    lock.try_lock(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_needs_no_lock_where_that_is_said(tmp_path: Path) -> None:
    FolderLock(tmp_path / "none", optional=True).take()
    with pytest.raises(StoreUnavailable):
        FolderLock(tmp_path / "none").take()
