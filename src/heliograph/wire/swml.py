"""A SWML document for messages as values: sections of steps (contract, section 9; SignalWire: Messaging SWML).

A section is laid out flat: the steps of a `switch`'s branches follow it, each branch ending in a Jump behind the last.
So a `goto` is a place in one list, wherever its label stands, and a run needs no stack for branches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heliograph.core.placeholders import Path, Plain

METHODS: Final = ("reply", "receive", "request", "execute", "transfer", "switch", "goto", "return", "label")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """place: where it stands, for people: `main[0]`, and in a branch `main[1].case 2[0]`. A case is counted, from 1,
    and not named: its name is what somebody wrote to us."""

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a reply says and to whom, before its placeholders are filled; None where the document says nothing."""

    body: str | None = None
    media: tuple[str, ...] = ()
    to: str | None = None
    from_: str | None = None
    status_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a `switch` looks at. cases: each name with its number, from 1, in their order."""

    variable: Path
    transform: str | None
    cases: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Step):
    """contents: by the number of the case, 0 the default; without a `choice` the 0 is all there is."""

    contents: Mapping[int, Content]
    choice: Choice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive(Step):
    """Nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Step):
    """timeout_seconds: None for as long as is allowed."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: Plain
    timeout_seconds: float | None
    save_variables: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Step):
    section: str
    params: Mapping[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Step):
    url: str
    method: str
    params: Mapping[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Step):
    """targets: the place in the section's list, by the number of the case, 0 the default."""

    choice: Choice
    targets: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goto(Step):
    label: str
    max_jumps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Step):
    value: Plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Step):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Step):
    """A step that can't be done. method: one of METHODS. code: one of core.errors.SWML."""

    method: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Jump:
    """The end of a branch: go on there. No step of the document."""

    target: int


AnyStep = Reply | Receive | Request | Execute | Transfer | Switch | Goto | Return | Label | Broken


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """labels: the place in `steps` of each."""

    steps: tuple[AnyStep | Jump, ...]
    labels: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """sections: by name; there is a "main". warnings: what was passed over, with its place."""

    sections: Mapping[str, Section]
    warnings: tuple[str, ...] = ()


def method_of(step: AnyStep) -> str:
    """The method's name, as documents write it."""
    return step.method if isinstance(step, Broken) else type(step).__name__.lower()


def short(name: str) -> str:
    """A name of a document's own, short enough for a line of a timeline."""
    return name if len(name) <= 40 else name[:40] + "..."
