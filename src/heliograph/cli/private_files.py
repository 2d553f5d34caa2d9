"""Files of a data folder that only its owner may read: keys, texts and secrets are in them.

The process's umask (077, see main.py) makes every new file so. Files of an earlier release, and of a folder that was
made by somebody else, are closed when a server starts.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OTHERS: Final = 0o077
_PATTERNS: Final = (
    "heliograph.db*",
    "heliograph.lock",
    "simulator.journal*",
    "server.json",
    "first-project.json",
    "media",
    "media/*",
)
"""Below the data folder. Whoever may not enter media/ can't reach what is deeper."""


def close_to_others(folder: Path) -> None:
    """Take group's and others' rights from this program's own files; files of another owner stay as they are."""
    for pattern in _PATTERNS:
        for path in folder.glob(pattern):
            with suppress(OSError):
                mode = path.stat().st_mode & 0o7777
                if mode & _OTHERS and not path.is_symlink():
                    path.chmod(mode & ~_OTHERS)


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at once, and to the disk. Raises OSError, and leaves nothing then."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        scratch.replace(path)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
