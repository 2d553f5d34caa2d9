"""Reading what clients give: texts are texts, lists are lists of texts, and whatever is not is told by its name."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from heliograph.core.errors import Fault, Refusal, Refused
from heliograph.wire.relay import Members

AGENT_MAX: Final = 100
"""Characters of an agent's name that are kept."""

NAMES: Final = {"to": "to_number", "from": "from_number"}
"""Relay's names of what the REST API calls otherwise."""

TEXTS: Final = ("to_number", "from_number", "body", "context", "region")
LISTS: Final = ("media", "tags")


class Wanted(Struct, frozen=True, kw_only=True):
    """A messaging.send's parameters; their values are the engine's to judge."""

    to_number: str | None
    from_number: str | None
    body: str | None
    region: str | None
    media: tuple[str, ...]
    tags: tuple[str, ...]


def send_request(params: Members) -> Wanted:
    """Raises Refused with every parameter of a wrong type."""
    faults = [*_wrong_texts(params), *_wrong_lists(params)]
    if faults:
        raise Refused(*faults)
    return Wanted(
        to_number=params.get("to_number"),
        from_number=params.get("from_number"),
        body=params.get("body"),
        region=params.get("region"),
        media=tuple(params.get("media") or ()),
        tags=tuple(params.get("tags") or ()),
    )


def _wrong_texts(params: Members) -> Iterator[Refusal]:
    for name in TEXTS:
        given = params.get(name)
        if given is not None and not isinstance(given, str):
            yield fault(name, f"{name} must be a text.")
        elif given and "\0" in given:
            yield fault(name, f"{name} must not have the character NUL.")


def _wrong_lists(params: Members) -> Iterator[Refusal]:
    for name in LISTS:
        given = params.get(name)
        if given is not None and (texts(given) is None or any("\0" in each for each in given)):
            yield fault(name, f"{name} must be a list of texts.")


def fault(name: str, message: str) -> Refusal:
    return Refusal(Fault.PARAMETER_INVALID, message, name)


def texts(given: object) -> list[str] | None:
    """The texts, each once and in their order; None where it is no list of texts."""
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        return None
    return list(dict.fromkeys(given))


def optional(params: Members, name: str) -> str | None:
    given = params.get(name)
    return given if isinstance(given, str) else None


def timestamp(params: Members, now: float) -> float | str:
    """What a ping is answered with: its own, or now, seconds since 1970."""
    given = params.get("timestamp")
    return given if isinstance(given, int | float | str) else now


def agent(params: Members) -> str:
    given = optional(params, "agent") or "unknown agent"
    return "".join(each if each.isprintable() else "?" for each in given[:AGENT_MAX])
