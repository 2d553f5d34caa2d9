"""One server per data folder: a lock on a file in it, which the kernel drops when its holder dies, however it dies.

Not for the store alone: the simulator's journal, the media and the address of the running server are in the folder
too, whichever database the messages are in.
"""

import fcntl
import os
from pathlib import Path
from typing import IO

from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.ports import FolderHeld

FILE_NAME = "heliograph.lock"


class FolderLock:
    """Not reentrant: a second one in the same process is refused as another process's is. `optional`: a folder that
    does not exist needs no lock."""

    def __init__(self, folder: Path, *, optional: bool = False) -> None:
        self._folder = folder
        self._optional = optional
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Raises FolderHeld, StoreUnusable where the file system has no locks, and StoreUnavailable where the folder
        can't be used."""
        if self._optional and not self._folder.is_dir():
            return
        try:
            file = (self._folder / FILE_NAME).open("ab")
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} can't be locked: {error.strerror}") from error
        try:
            lock(file.fileno(), self._folder)
        except BaseException:
            file.close()
            raise
        self._file = file

    def release(self) -> None:
        """May be called without `take`."""
        if self._file is not None:
            self._file.close()
            self._file = None


def lock(descriptor: int, folder: Path) -> None:
    """Lock an open file until it is closed; only EWOULDBLOCK says that another process has the lock (flock(2))."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderHeld(f"{folder} is in use by another heliograph server") from None
    except OSError as error:
        raise StoreUnusable(
            f"{folder} can't be locked ({error.strerror}): its file system must support flock, as local disks do;"
            " give a folder on a local disk with --data"
        ) from error


def try_lock(folder: Path) -> None:
    """Take the lock and let it go again, writing nothing; raises as `lock`, and OSError."""
    path = folder / FILE_NAME
    descriptor = os.open(path if path.exists() else folder, os.O_RDONLY)
    try:
        lock(descriptor, folder)
    finally:
        os.close(descriptor)
