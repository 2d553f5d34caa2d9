"""Filters with an operator that a list does not have: `DateSent>=` beside `DateSent>`.

Unknown query parameters are ignored (contract, section 2). One that is a filter's name with something behind it is a
slip, and ignoring it would answer with the wrong rows.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final

from heliograph.core.errors import Fault, Refused, refuse
from heliograph.core.texts import quoted

_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*")
_COMPARES: Final = re.compile(r"[<>=~]")


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raise Refused for the first parameter that compares in a way that the list does not know. `known`: the list's
    parameters, operators included."""
    for name in given:
        if name not in known and _is_slip(name, known):
            raise _refused(name, known)


def _is_slip(name: str, known: Collection[str]) -> bool:
    stem = _stem(name)
    if stem == name:
        return False
    return _COMPARES.search(name) is not None or any(stem.lower() == _stem(each).lower() for each in known)


def _stem(name: str) -> str:
    """The name before its operator: `DateSent` of `DateSent>`, `DateSent[gte]` and `DateSent__gt`."""
    found = _NAME.search(name)
    return found[0] if found else ""


def _refused(name: str, known: Collection[str]) -> Refused:
    stem = _stem(name).lower()
    alike = [each for each in known if _stem(each).lower() == stem]
    instead = f": use {', '.join(alike)}" if alike else ""
    return refuse(Fault.PARAMETER_INVALID, f"{quoted(name)} is no filter of this list{instead}.", name[:_NAMED_MAX])


_NAMED_MAX: Final = 60
"""Characters of the name that a refusal repeats as its attribute."""
