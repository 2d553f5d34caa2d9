"""One server per data folder: a lock on a file in it, which the kernel drops when its holder dies, however it dies.

Not for the store alone: the simulator's journal, the media and the address of the running server are in the folder
too, whichever database the messages are in.
"""

import fcntl
from pathlib import Path
from typing import IO

from heliograph.core.errors import StoreUnavailable
from heliograph.ports import FolderHeld

FILE_NAME = "heliograph.lock"


class FolderLock:
    """Not reentrant: a second one in the same process is refused as another process's is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Raises FolderHeld, and StoreUnavailable where the folder can't be used."""
        try:
            file = (self._folder / FILE_NAME).open("ab")
        except OSError as error:
            raise StoreUnavailable(f"{self._folder} can't be locked: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise FolderHeld(f"{self._folder} is in use by another heliograph server") from None
        self._file = file

    def release(self) -> None:
        """May be called without `take`."""
        if self._file is not None:
            self._file.close()
            self._file = None
