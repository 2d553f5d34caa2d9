"""`%{path}` in the texts of a SWML document for messages: pure substitution (SignalWire: SWML, Variables).

Rules:
- A path is names divided by dots, each perhaps with `[n]` for an element of a list, from 0: `message.media[0].url`.
- Its first name is a scope, `message`, `params` or `vars`; with any other first name it is looked up in `vars`.
- A path that leads to nothing gives an empty text. What is no path (an expression, a function) stays as it is written.
- What was put in is not looked at again: a message that says `%{...}` is text like any other.
- A text stands for itself, null for an empty one, a number for what the document wrote, everything else is written as
  JSON.

Nothing is evaluated, so every text is done in one pass; a Room bounds what may come out of it. PlaceholderError is all
that is raised.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Plain: TypeAlias = "bool | int | float | str | Sequence[Plain] | Mapping[str, Plain] | None"
"""A value as JSON knows it."""


class WrittenNumber(float):
    """A number that its document writes otherwise than JSON would, such as 1e3 or 1.50. As text it is as written."""

    def __new__(cls, written: str) -> "WrittenNumber":
        made = super().__new__(cls, written)
        made.written = written
        return made

    written: str


Path = tuple[str | int, ...]
"""Names and indexes, from the scope on."""

EXPANDED_MAX = 256 * 1024
"""Characters that the parameters of one step may have together once their placeholders are filled: room for all that a
message or a request can say, and a bound for a document that names a long value a thousand times."""

RUN_MAX = 4 * EXPANDED_MAX
"""Characters that placeholders may bring in all steps of a run together, and PLACEHOLDER_COST more for each: a tenth of
a second of work."""

PLACEHOLDER_COST = 64

PATH_MAX = 256
"""Characters of a path."""

NESTING_MAX = 100
"""Lists and objects inside each other in a parameter: more than any document can bring (wire.plain.NESTING_MAX)."""

_PLACEHOLDER = re.compile(r"%\{([^{}]*)\}")
_STEP = r"[\w-]+(?:\[[0-9]{1,6}\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_NAMES = re.compile(r"[\w-]+|\[[0-9]+\]")
_SCOPES = ("message", "params", "vars")


class PlaceholderError(Exception):
    """Parameters grow beyond what is allowed; the text says which bound, and nothing of their contents."""


@dataclass(slots=True)
class Room:
    """What may still be made of the texts of a step, which share it. run: the same for all steps of a run, of which
    only what placeholders bring takes some, and each of them a little for the work."""

    left: int = EXPANDED_MAX
    run: "Room | None" = None

    def take(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise PlaceholderError("There are more characters than allowed once the placeholders are filled.")

    def fill(self, characters: int) -> None:
        self.take(characters)
        if self.run is not None:
            self.run.take(characters + PLACEHOLDER_COST)


@dataclass(slots=True)
class Scopes:
    """What a run can be asked for. `vars` is filled by its methods; `params` are those of the section that runs."""

    message: Mapping[str, Plain]
    params: Mapping[str, Plain] = field(default_factory=dict)
    vars: dict[str, Plain] = field(default_factory=dict)


def path(text: str) -> Path | None:
    """What the inside of a placeholder, or a `switch.variable`, names; None for what is no path."""
    stripped = text.strip()
    if len(stripped) > PATH_MAX or not _PATH.fullmatch(stripped):
        return None
    names: list[str | int] = []
    for name in _NAMES.findall(stripped):
        names.append(int(name[1:-1]) if name[0] == "[" else name)
    return tuple(names) if names[0] in _SCOPES else ("vars", *names)


def look_up(names: Path, scopes: Scopes) -> Plain:
    """The value, None where there is none."""
    value: Plain = {"message": scopes.message, "params": scopes.params, "vars": scopes.vars}
    for name in names:
        match value:
            case Mapping() if isinstance(name, str):
                value = value.get(name)
            case list() | tuple() if isinstance(name, int) and name < len(value):
                value = value[name]
            case _:
                return None
    return value


def text_of(value: Plain) -> str:
    """A value as it stands in a text, and as a `switch` compares it."""
    if isinstance(value, str):
        return value
    if isinstance(value, WrittenNumber):
        return value.written
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as error:
        raise PlaceholderError("A value can't be written as text.") from error


def expand(text: str, scopes: Scopes, room: Room | None = None) -> str:
    """The text with its placeholders filled, as far as there is room: that of one step unless told."""
    room = Room() if room is None else room
    if "%{" not in text:
        room.take(len(text))
        return text
    pieces: list[str] = []
    end = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces += (text[end : found.start()], _filled(found, scopes))
        end = found.end()
        room.take(len(pieces[-2]))
        room.fill(len(pieces[-1]))
    pieces.append(text[end:])
    room.take(len(pieces[-1]))
    return "".join(pieces)


def expand_all(value: Plain, scopes: Scopes, room: Room | None = None) -> Plain:
    """The same for every text inside a value. Keys stay."""
    return _expanded(value, scopes, Room() if room is None else room, 0)


def not_paths(text: str) -> Iterator[str]:
    """What is written as a placeholder and is none."""
    for found in _PLACEHOLDER.finditer(text):
        if path(found[1]) is None:
            yield found[0]


def _filled(found: re.Match[str], scopes: Scopes) -> str:
    names = path(found[1])
    return found[0] if names is None else text_of(look_up(names, scopes))


def _expanded(value: Plain, scopes: Scopes, room: Room, depth: int) -> Plain:
    if depth > NESTING_MAX:
        raise PlaceholderError(f"A parameter has more than {NESTING_MAX} lists and objects inside each other.")
    match value:
        case str():
            return expand(value, scopes, room)
        case Mapping():
            return {key: _expanded(each, scopes, room, depth + 1) for key, each in value.items()}
        case list() | tuple():
            return [_expanded(each, scopes, room, depth + 1) for each in value]
        case _:
            return value
