"""One row of the API: what it is called, who may call it, what goes in and out.

The server's routing and the OpenAPI document both come from these rows, so neither can say what the other
does not do.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec


class Family(Enum):
    """Which API an operation belongs to: decides paging, error bodies and time formats."""

    CXML = "cxml"
    MESSAGING = "messaging"
    RELAY_REST = "relay_rest"
    PROJECT = "project"
    HELIOGRAPH = "heliograph"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter, for the document; the handler reads it itself."""

    name: str
    about: str
    schema: dict[str, Any]


Handler = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`path` has {names}; `scopes`: any one of them lets a token in, empty lets every valid token in;
    `body` describes the request (form and JSON in the cXML family, JSON elsewhere); `answers` maps a status
    to its body's type, None for no body. `operator`: a view of the whole deployment,
    for its operator alone. `handler(request, response, **path_names)`."""

    method: str
    path: str
    family: Family
    operation: str
    summary: str
    handler: Handler
    answers: dict[int, type[msgspec.Struct] | None]
    scopes: tuple[str, ...] = ()
    about: str = ""
    body: type[msgspec.Struct] | None = None
    query: tuple[Parameter, ...] = ()
    public: bool = False
    operator: bool = False
