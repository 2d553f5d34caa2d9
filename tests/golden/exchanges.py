"""Answers of the real server as golden files keep them: what differs from run to run is named instead.

An id is told by the order in which it first stands in the answer, so that a golden file also says which ids are the
same. With `UPDATE` in the environment the files are written instead of compared.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from servers import Reply

FILES = Path(__file__).parent / "answers"
UPDATE = "HELIOGRAPH_UPDATE_GOLDEN"

_KEPT = (
    "content-type",
    "content-disposition",
    "content-security-policy",
    "cache-control",
    "www-authenticate",
    "allow",
    "retry-after",
    "idempotent-replayed",
    "x-content-type-options",
    "x-ratelimit-limit",
)
_NAMED = {"x-request-id": "<uuid>", "x-ratelimit-remaining": "<count>", "x-ratelimit-reset": "<seconds>"}
_PATTERNS = (
    (re.compile(r"PT[0-9a-f]{48}"), "<token>"),
    (re.compile(r"PSK[0-9a-f]{48}"), "<signing key>"),
    (re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000"), "<rfc 2822>"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z"), "<iso 8601>"),
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Normaliser:
    """`known` maps what is the same all through a run (addresses, the project's id) to its name."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known
        self._ids: dict[str, str] = {}

    def value(self, given: Any, name: str = "") -> Any:
        """JSON with everything that varies named."""
        match given:
            case dict():
                return {key: self.value(each, key) for key, each in given.items()}
            case list():
                return [self.value(each) for each in given]
            case str():
                return self.text(given)
            case int() if name == "at_micros":
                return "<microseconds>"
        return given

    def text(self, given: str) -> str:
        """The same for one text."""
        for text, named in self._known.items():
            given = given.replace(text, named)
        for pattern, named in _PATTERNS:
            given = pattern.sub(named, given)
        return _UUID.sub(lambda found: self._ids.setdefault(found[0], f"<id {len(self._ids) + 1}>"), given)


def described(reply: Reply, normaliser: Normaliser) -> dict[str, Any]:
    """The answer as its file has it; of a body that is not JSON only the content type is kept."""
    headers = {name: normaliser.text(reply.headers[name]) for name in _KEPT if name in reply.headers}
    headers |= {name: named for name, named in _NAMED.items() if name in reply.headers}
    if headers.get("retry-after", "1") != "1":
        headers["retry-after"] = "<seconds>"
    kept: dict[str, Any] = {"status": reply.status, "headers": headers}
    if reply.headers.get("content-type", "").startswith("application/json"):
        kept["body"] = normaliser.value(reply.json())
    else:
        kept["body"] = "<nothing>" if not reply.body else "<not JSON>"
    return kept


def check(name: str, found: Mapping[str, Any]) -> None:
    """Compare with the golden file of that name, or write it where the environment says so."""
    path = FILES / f"{name}.json"
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path.name} is missing: look at the answer, then write it with {UPDATE}=1"
    assert text == path.read_text(), f"{path.name} differs: if the change is wanted, write it with {UPDATE}=1"
