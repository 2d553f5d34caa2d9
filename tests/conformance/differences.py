"""Where this server differs from the specification, and why: differences.toml.

A table's key is a row ("cxml.Message status"), or its owner for an operation or object with all its fields. It has a
`reason`, and perhaps `whole`: nothing of the operation or object is here; `instead`: the object that is answered in its
place; `status`: the status that an operation is answered with.

Of many fields at once, by the patterns of their owners and names: ``[[differs]]``, and ``[[kept]]`` for those that are
taken, kept and shown as specified, and do nothing.
"""

import functools
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from facts import HERE, Row


@functools.cache
def stated() -> Mapping[str, Mapping[str, Any]]:
    """Every difference of a row or an owner."""
    return {name: each for name, each in _file().items() if name not in ("kept", "differs")}


@functools.cache
def _file() -> Mapping[str, Any]:
    return tomllib.loads((HERE / "differences.toml").read_text("utf-8"))


def kept(row: Row) -> str | None:
    """Why a field has no effect, where it is only kept and shown."""
    found = _group("kept", row)
    return None if found is None else str(found["reason"])


def _group(kind: str, row: Row) -> Mapping[str, Any] | None:
    for each in _file().get(kind, ()):
        if _is_like(row.owner, each["owners"]) and _is_like(row.name, each["fields"]):
            found: Mapping[str, Any] = each
            return found
    return None


def _is_like(text: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def of(row: Row) -> Mapping[str, Any] | None:
    """The difference that covers a row, if there is one."""
    if (found := stated().get(str(row))) is not None:
        return found
    found = stated().get(row.owner)
    if found is not None and (found.get("whole") or found.get("instead")):
        return found
    return _group("differs", row)


def stand_in(owner: str) -> str | None:
    """The object that is answered in another one's place."""
    given = stated().get(owner, {}).get("instead")
    return None if given is None else str(given)


def status(operation: str) -> int | None:
    """The status that answers an operation instead of the specified one."""
    given = stated().get(operation, {}).get("status")
    return None if given is None else int(given)
