"""JSON bodies of requests: strict, and bounded in values, depth and the size of numbers.

A number is turned into text in plain digits where a field is a text (`api/fields.py`), so 1e300 would become 301
characters; a body of the largest size has 170,000 of them. No field needs a number of NUMBER_LIMIT or more.

Bodies with far too many values are refused before they are decoded, since 350,000 empty lists would keep the event loop
and the collector busy for half a second.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

DEPTH_MAX = 32
"""Lists and objects inside each other, below the body's own object: the deepest documented body has four."""

NUMBER_LIMIT = 10**21
"""Numbers lie below this, and above its negative: what JavaScript prints without an exponent."""

SMALLEST_FRACTION = 1e-9
"""The smallest number but zero: prices have six places."""


_TEXT = re.compile(rb'(?s)"(?:[^"\\]++|\\.?)*+(?:"|\Z)')
"""A text in JSON, unfinished ones to the end: so no octet is looked at twice."""


class JsonError(ValueError):
    """The body is no JSON object that is read; the text says why, and is fit for the caller's eyes."""


class NumberError(ValueError):
    """A number that is out of range; `name`: the object's member in which it stands."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} has a number that is out of range.")
        self.name = name


def parse_object(raw: bytes, max_values: int) -> dict[str, Any]:
    """The object: no NaN, no lone surrogate, nothing behind it. `max_values`: members and list entries at all depths.

    Raises JsonError, and NumberError.
    """
    if _has_far_too_many(raw, max_values):
        raise JsonError(f"The JSON body has more than {max_values} values.")
    try:
        found = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:
        raise JsonError("The JSON body is not valid UTF-8.") from error
    except RecursionError as error:
        raise JsonError("The JSON body is nested too deeply.") from error
    except msgspec.DecodeError as error:
        raise JsonError(f"The JSON body can't be read: {error}") from error
    if not isinstance(found, dict):
        raise JsonError("The JSON body must be an object.")
    left = max_values
    for name, value in found.items():
        left -= 1
        if type(value) is not str:
            left = _check(name, value, left)
    if left < 0:
        raise JsonError(f"The JSON body has more than {max_values} values.")
    return found


def _has_far_too_many(raw: bytes, max_values: int) -> bool:
    """Whether there are more than `max_values`, by the signs between values alone; False may be wrong."""
    signs_max = 2 * max_values + 1  # each value has a comma at most, and a bracket; the body's object has one, too
    if _signs(raw) <= signs_max:
        return False
    quotes = raw.count(b'"') - raw.count(b'\\"')  # at least so many begin or end a text: a name's or a value's
    return quotes > 4 * max_values or _signs(_TEXT.sub(b"", raw)) > signs_max


def _signs(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _check(name: str, value: object, left: int) -> int:
    """Judge the value of a member; returns how many values are left, below zero where there were too many."""
    level: Iterable[object] = (value,)
    for _ in range(DEPTH_MAX):
        below: list[object] = []
        for each in level:
            if isinstance(each, list | dict):
                left -= len(each)
                if left < 0:
                    return left
                below.extend(each.values() if isinstance(each, dict) else each)
            elif isinstance(each, int | float) and not _is_in_range(each):
                raise NumberError(name)
        if not below:
            return left
        level = below
    raise JsonError("The JSON body is nested too deeply.")


def _is_in_range(number: float) -> bool:
    return -NUMBER_LIMIT < number < NUMBER_LIMIT and (number == 0 or abs(number) >= SMALLEST_FRACTION)
