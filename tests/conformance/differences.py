"""Where this server differs from the specification, and why: differences.toml.

A table's key is a row ("cxml.Message status"), or its owner for an operation or object with all its fields. It has a
`reason`, and `status` where an operation is answered with another one.
"""

import functools
import tomllib
from collections.abc import Mapping
from typing import Any

from facts import HERE, Row


@functools.cache
def stated() -> Mapping[str, Mapping[str, Any]]:
    """Every difference."""
    return tomllib.loads((HERE / "differences.toml").read_text("utf-8"))


def of(row: Row) -> Mapping[str, Any] | None:
    """The difference that covers a row, if there is one."""
    if (found := stated().get(str(row))) is not None:
        return found
    found = stated().get(row.owner)
    return found if found is not None and found.get("whole") else None


def status(operation: str) -> int | None:
    """The status that answers an operation instead of the specified one."""
    given = stated().get(operation, {}).get("status")
    return None if given is None else int(given)
