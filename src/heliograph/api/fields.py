"""What a caller gave, by name: `Form` for query strings and the cXML family's bodies, `Body` for JSON.

Both only read. A Form's faults are raised at once, since the cXML family tells one; a Body collects them, since
the JSON families tell all.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from heliograph.api.errors import Unreadable
from heliograph.core.errors import Fault, Refusal, Refused, refuse

_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
_TRUTH = {"true": True, "false": False}


class Form:
    """Names with their texts. Names are case-sensitive. Of a name's several values the last one counts."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self.values = values

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str) -> str | None:
        """The value, "" where it is empty, None where it is not given."""
        found = self.values.get(name)
        return found[-1] if found else None

    def filled(self, name: str) -> str | None:
        """The value, None where it is empty or not given."""
        return self.text(name) or None

    def texts(self, name: str) -> list[str]:
        """Every value in the order given."""
        return self.values.get(name, [])

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false in any case; raises Refused for anything else. Empty counts as not given."""
        found = self.filled(name)
        if found is None:
            return default
        truth = _TRUTH.get(found.lower())
        if truth is None:
            raise refuse(Fault.PARAMETER_INVALID, f"{name} must be true or false.", name)
        return truth


class Body:
    """A JSON object's members. null counts as not given. A wrong type is noted, and `check` raises all that was."""

    __slots__ = ("faults", "values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.faults: list[Refusal] = []

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str) -> str | None:
        """A text, or a number as text: clients write ids and phone numbers as either."""
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return number_text(value)
        self.refuse(name, f"{name} must be a text.")
        return None

    def flag(self, name: str) -> bool | None:
        """true or false, also as a text in any case: SignalWire's own command line sends texts."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and (truth := _TRUTH.get(value.lower())) is not None:
            return truth
        self.refuse(name, f"{name} must be true or false.")
        return None

    def whole(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.refuse(name, f"{name} must be a whole number.")
        return None

    def texts(self, name: str) -> list[str] | None:
        """A list of texts; None also where the value is no such list, which is noted."""
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
        self.refuse(name, f"{name} must be a list of texts.")
        return None

    def refuse(self, name: str, message: str, fault: Fault = Fault.PARAMETER_INVALID) -> None:
        self.faults.append(Refusal(fault, message, name))

    def check(self) -> None:
        """Raise Refused with all that was noted."""
        if self.faults:
            raise Refused(*self.faults)


def form_of(values: Mapping[str, Any]) -> Form:
    """A JSON object as the form that says the same: lists become repeated fields, null is left out."""
    fields: dict[str, list[str]] = {}
    for name, value in values.items():
        given = value if isinstance(value, list) else [value]
        texts = [_text(name, each) for each in given if each is not None]
        if texts:
            fields[name] = texts
    return Form(fields)


def number_text(value: int | float) -> str:
    """The number in plain digits: 0.00001, never 1e-05."""
    return str(value) if isinstance(value, int) else format(Decimal(repr(value)), "f")


def refuse_unkeepable(values: Mapping[str, Any]) -> None:
    """Refuse text, anywhere in it, that no store keeps and no phone shows.

    Raises Unreadable for half of a surrogate pair, which is no character, and Refused for a NUL character.
    """
    for name, value in values.items():
        for text in (name, *_texts_in(value)):
            found = _UNKEEPABLE.search(text)
            if found and found[0] != "\0":
                raise Unreadable("The body has half of a surrogate pair, which is no character.")
            if found:
                raise refuse(Fault.PARAMETER_INVALID, "A NUL character is not allowed.", name.replace("\0", ""))


def _text(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_text(value)
    raise refuse(Fault.PARAMETER_INVALID, f"{name} must be a text, a number, true or false, or a list of them.", name)


def _texts_in(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts_in(each)
        case dict():
            for name, each in value.items():
                yield name
                yield from _texts_in(each)
