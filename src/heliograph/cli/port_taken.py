"""Who listens on a port that a server wanted: this folder's server, another Heliograph, or something else."""

import json
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from heliograph.cli import local

ANSWER_SECONDS: Final = 1.0
ANSWER_BYTES: Final = 4096


def holder(data: Path, host: str, port: int) -> str:
    """A clause that names it, or nothing."""
    with suppress(local.Unreadable):
        running = local.find(data)
        if running is not None and urlsplit(running.url).port == port:
            return f" by the Heliograph that runs on {data} (process {running.pid}, {data / local.FILE_NAME})"
    return " by another Heliograph" if _is_heliograph(local.url_of(host, port, tls=False)) else ""


def _is_heliograph(url: str) -> bool:
    """Whether its /health looks like ours: straight to the address, past any proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(f"{url}/health", timeout=ANSWER_SECONDS)
    except urllib.error.HTTPError as error:
        answer = error
    except (OSError, ValueError, urllib.error.URLError):
        return False
    with suppress(OSError, ValueError), answer:
        found = json.loads(answer.read(ANSWER_BYTES))
        return isinstance(found, dict) and {"status", "version"} <= set(found)
    return False
