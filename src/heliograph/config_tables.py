"""Tables of the config file, such as `[[carriers]]`: rows of keys, read into values that a type checker sees.

A table is a frozen dataclass whose fields are made by `text`, `whole`, `real`, `flag`, `texts` and `texts_by_name`.
Each leaves its row, a `Key`, in the field's metadata, so that types, defaults, bounds and explanations stand in one
place: reading, faults, `heliograph settings` and the documentation's tables all come from it.
"""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

from heliograph.config import ConfigError, Setting, Value, parse

T = TypeVar("T")
Read = Callable[[str], Any]
"""Turns a text into what the field holds; its ValueError says in words what is wrong with it."""


class Secret:
    """A text that shows itself to no log, repr or format; `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Setting):
    """One key of a table.

    many: a list, or one value that stands for a list of one. by_name: a table of texts. read: see `Read`; for a list
    it gets each member, for a table of texts each value. longest: characters of a text. allowed: what may be given,
    in words, where type and bounds do not tell. reconnects: whether a change of it needs new connections.
    """

    default: Any
    required: bool = False
    many: bool = False
    by_name: bool = False
    read: Read | None = None
    read_name: Read | None = None
    longest: int | None = None
    allowed: str = ""
    reconnects: bool = False


_EMPTY: Final[Mapping[Any, Any]] = MappingProxyType({})
_KEY: Final = "key"


def text(default: str | Secret | None, about: str, **more: Any) -> Any:
    """A text, or what `read` makes of it; None: unset unless given."""
    return _field(Key(type=str, default=default, about=about, optional=default is None, **_named(more)))


def flag(default: bool, about: str, **more: Any) -> bool:
    return cast(bool, _field(Key(type=bool, default=default, about=about, **_named(more))))


def whole(default: int | None, about: str, minimum: int, maximum: int, **more: Any) -> Any:
    """A whole number; None: unset unless given."""
    more |= {"minimum": minimum, "maximum": maximum, "optional": default is None}
    return _field(Key(type=int, default=default, about=about, **_named(more)))


def real(default: float, about: str, minimum: float, maximum: float, **more: Any) -> float:
    more |= {"minimum": minimum, "maximum": maximum}
    return cast(float, _field(Key(type=float, default=default, about=about, **_named(more))))


def texts(about: str, **more: Any) -> tuple[Any, ...]:
    """A list of texts, or one alone."""
    return cast(tuple[Any, ...], _field(Key(type=str, default=(), about=about, many=True, **_named(more))))


def texts_by_name(about: str, **more: Any) -> Mapping[Any, Any]:
    """A table of texts."""
    return cast(Mapping[Any, Any], _field(Key(type=str, default=_EMPTY, about=about, by_name=True, **_named(more))))


def _named(more: dict[str, Any]) -> dict[str, Any]:
    """A row without a name gets its field's."""
    return {"name": "", **more}


def _field(key: Key) -> Any:
    metadata = {_KEY: key}
    if key.required:
        return field(metadata=metadata)
    if key.by_name:
        return field(default_factory=lambda: _EMPTY, hash=False, metadata=metadata)
    return field(default=key.default, metadata=metadata)


def keys(table: type[Any]) -> dict[str, Key]:
    """The rows of a table's class, by the field that each fills; a key that has no other name has its field's."""
    found = {each.name: each.metadata[_KEY] for each in dataclasses.fields(table) if _KEY in each.metadata}
    return {name: dataclasses.replace(key, name=key.name or name) for name, key in found.items()}


def read(table: type[Any], given: object, where: str) -> dict[str, Any]:
    """The values of the fields that were given, judged one by one. `where` names file and table in faults. Raises
    ConfigError."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: is no table")
    rows = keys(table)
    by_name = {key.name: name for name, key in rows.items()}
    for name in given:
        if name not in by_name:
            raise ConfigError(f"{where}: no key is called {name}{_near(name, by_name)}")
    missing = [key.name for key in rows.values() if key.required and key.name not in given]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing")
    return {by_name[name]: _value(rows[by_name[name]], value, f"{where}: {name}") for name, value in given.items()}


def read_one(table: type[Any], name: str, given: object, source: str) -> object:
    """One field's value that came from elsewhere, held to the same bounds. Raises ConfigError."""
    return _value(keys(table)[name], given, source)


def _near(name: str, known: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; perhaps {close[0]} was meant" if close else f"; there are {', '.join(known)}"


def _value(key: Key, given: object, source: str) -> object:
    if key.by_name:
        return _by_name(key, given, source)
    if not key.many:
        return _one(key, given, source)
    members = given if isinstance(given, list) else [given]
    if not members and key.required:
        raise ConfigError(f"{source}: is empty")
    return tuple(_one(key, member, source) for member in members)


def _by_name(key: Key, given: object, source: str) -> Mapping[object, object]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{source}: {given!r} is no table")
    read_values: dict[object, object] = {}
    for name, member in given.items():
        said = _read(key, key.read_name, name, source) if key.read_name else name
        if said in read_values:
            raise ConfigError(f"{source}: {name} is there twice")
        read_values[said] = _one(key, member, f"{source}: {name}")
    return MappingProxyType(read_values)


def _one(key: Key, given: object, source: str) -> object:
    value: Value = parse(key, given, source)
    if not isinstance(value, str):
        return value
    if key.longest is not None and len(value) > key.longest:
        raise ConfigError(f"{source}: {_shown(key, value)} is longer than {key.longest} characters")
    return _read(key, key.read, value, source) if key.read else value


def _read(key: Key, read: Read, value: str, source: str) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ConfigError(f"{source}: {_shown(key, value)} {error}") from None


def _shown(key: Key, value: str) -> str:
    return "what is given" if key.secret else repr(value)
