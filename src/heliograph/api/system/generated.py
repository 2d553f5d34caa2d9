"""The parts of the documentation that the code itself knows: settings, errors, states and endpoints as tables.

A page holds such a part between two comment lines, `<!-- settings -->` and `<!-- /settings -->`. The text there
is kept in the page, so that it can be read anywhere; tests fail while it differs from what is made here, and
`refreshed` puts it right.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from heliograph import config_tables
from heliograph.api.route import Family, Route
from heliograph.carrier_config import TABLES
from heliograph.carriers.smpp import statuses
from heliograph.config import ENV_PREFIX, SETTINGS, Setting
from heliograph.config_tables import Key, Secret
from heliograph.core import errors
from heliograph.core.lifecycle import RANK, TRANSITIONS, State

Maker = Callable[[], str]

_BLOCK = re.compile(r"<!-- (?P<name>[\w-]+) -->\n.*?<!-- /(?P=name) -->", re.DOTALL)

FAMILY_TITLES: Mapping[Family, str] = {
    Family.CXML: "cXML API",
    Family.MESSAGING: "Messaging API",
    Family.RELAY_REST: "Phone number API",
    Family.PROJECT: "Project API",
    Family.HELIOGRAPH: "Heliograph's own",
    Family.SYSTEM: "System",
}

STATES: Mapping[State, tuple[str, str, str]] = {
    State.QUEUED: ("Accepted and on disk, not yet handed to a carrier.", "queued", "queued"),
    State.INITIATED: ("Handed to a carrier, which has not answered yet.", "sending", "initiated"),
    State.SENT: ("The carrier accepted it.", "sent", "sent"),
    State.DELIVERED: ("A receipt says that it arrived.", "delivered", "delivered"),
    State.UNDELIVERED: ("A receipt, or the carrier later, says that it did not arrive.", "undelivered", "undelivered"),
    State.FAILED: ("It never left: no route, expired, or refused by the carrier.", "failed", "failed"),
    State.RECEIVING: ("It came in, and its handler has not finished.", "receiving", "received"),
    State.RECEIVED: ("It came in, and its handler has finished.", "received", "received"),
}
"""For each state what it means, its word in the cXML API, and its word in the messaging API."""


def settings() -> str:
    """Return every setting as one table."""
    rows = [
        f'| <a id="{one.name}"></a>`{one.name}` | {_default(one)} | {_range(one)} | {_cell(one.about)} |'
        for one in SETTINGS
    ]
    return _table("| Setting | Default | Allowed | What it does |", rows)


def keys(table: str) -> str:
    """Return the keys of a table of the config file; its anchors begin with the table's name."""
    rows = [
        f'| <a id="{table}-{one.name}"></a>`{one.name}` | {_default(one)} | {_range(one)} | {_cell(one.about)} |'
        for one in config_tables.keys(TABLES[table]).values()
    ]
    return _table("| Key | Default | Allowed | What it does |", rows)


def environment(setting: Setting) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + setting.name.upper()


def request_errors() -> str:
    """Return the reasons to refuse a request, by the cXML API's number."""
    anchored: set[str] = set()
    rows = []
    for fault in sorted(errors.Fault, key=lambda fault: fault.value.cxml):
        reason = fault.value
        anchors = [name for name in (str(reason.cxml), reason.rest) if name not in anchored]
        anchored.update(anchors)
        marks = "".join(f'<a id="{name}"></a>' for name in anchors)
        rows.append(f"| {marks}{reason.cxml} | `{reason.rest}` | {reason.status} | {_cell(reason.message)} |")
    return _table("| cXML code | REST code | Status | Meaning |", rows)


def delivery_errors() -> str:
    """Return the codes that a message carries when it failed after it was accepted."""
    return _codes(errors.DELIVERY)


def webhook_errors() -> str:
    """Return what can go wrong with the URL or the document of an inbound handler."""
    return _codes(errors.WEBHOOK, known=errors.DELIVERY)


def swml_errors() -> str:
    """Return what can go wrong with a SWML handler, by its word."""
    rows = [f'| <a id="{word}"></a>`{word}` | {_cell(meaning)} |' for word, meaning in errors.SWML.items()]
    return _table("| Word | Meaning |", rows)


def states() -> str:
    """Return the states, their words in each API, and what may follow."""
    rows = [
        f"| `{state}` | {meaning} | `{cxml}` | `{rest}` | {_following(state)} |"
        for state, (meaning, cxml, rest) in STATES.items()
    ]
    return _table("| State | Meaning | cXML `status` | Messaging `status` | May become |", rows)


def diagram() -> str:
    """Return the steps between states as a Mermaid diagram, which many viewers draw."""
    firsts = [state for state in TRANSITIONS if RANK[state] == 0]
    lines = ["```mermaid", "stateDiagram-v2", *(f"    [*] --> {state}" for state in firsts)]
    for state, following in TRANSITIONS.items():
        lines += [f"    {state} --> {after}" for after in sorted(following, key=list(State).index)]
        lines += [] if following else [f"    {state} --> [*]"]
    return "\n".join([*lines, "```"])


def endpoints(routes: Iterable[Route]) -> str:
    """Return every endpoint, a table for each API."""
    given = list(routes)
    parts = []
    for family, title in FAMILY_TITLES.items():
        rows = [_endpoint(route) for route in given if route.family is family]
        if rows:
            parts.append(f"## {title}\n\n" + _table("| Method | Path | What it does | Scope |", rows))
    return "\n\n".join(parts)


def refreshed(text: str, makers: Mapping[str, Maker]) -> str:
    """Return a page with each of its generated parts made anew; a part that no maker knows raises KeyError."""

    def made(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- {name} -->\n\n{makers[name]()}\n\n<!-- /{name} -->"

    return _BLOCK.sub(made, text)


def unmarked(text: str) -> str:
    """Return a page without the comment lines."""
    return re.sub(r"<!-- /?[\w-]+ -->\n\n?", "", text)


def smpp_statuses() -> str:
    """Return what each command_status of an SMPP carrier's answer to a submit means."""
    rows = [
        f"| `{status:#010x}` | `{statuses.name(status)}` | {_cell(about)} | {kind.value} | {code} |"
        for status, (kind, code, about) in sorted(statuses.STATUSES.items())
    ]
    kind, code, _ = statuses.OTHER
    rows.append(f"| others | | The standard's reserved and vendors' own | {kind.value} | {code} |")
    return _table("| Status | Name | Meaning | Kind | Code |", rows)


def smpp_receipts() -> str:
    """Return what the error, or else the state, of an SMPP carrier's receipt means."""
    rows = [f"| error {error} | {_cell(about)} | {code} |" for error, (code, about) in statuses.NETWORK_ERRORS.items()]
    rows += [f"| state {state} | {_cell(about)} | {code} |" for state, (code, about) in statuses.STATES.items()]
    return _table("| The receipt says | Meaning | Code |", rows)


MAKERS: Mapping[str, Maker] = {
    "settings": settings,
    **{f"{table}-keys": partial(keys, table) for table in TABLES},
    "request-errors": request_errors,
    "delivery-errors": delivery_errors,
    "webhook-errors": webhook_errors,
    "swml-errors": swml_errors,
    "states": states,
    "diagram": diagram,
    "smpp-statuses": smpp_statuses,
    "smpp-receipts": smpp_receipts,
}
"""Every generated part except the endpoints, which need the routes of a server."""


def _endpoint(route: Route) -> str:
    scope = "public" if route.public else " or ".join(f"`{name}`" for name in route.scopes) or "any"
    return f"| `{route.method}` | `{route.path}` | {_cell(route.summary)} | {scope} |"


def _codes(codes: Mapping[int, str], known: Mapping[int, str] | None = None) -> str:
    rows = [
        f"| {'' if known and code in known else _anchor(code)}{code} | {_cell(meaning)} |"
        for code, meaning in sorted(codes.items())
    ]
    return _table("| Code | Meaning |", rows)


def _anchor(code: int) -> str:
    return f'<a id="{code}"></a>'


def _following(state: State) -> str:
    following = sorted(TRANSITIONS[state], key=list(State).index)
    return ", ".join(f"`{after}`" for after in following) or "nothing: it is final"


def _default(setting: Setting) -> str:
    if isinstance(setting, Key) and setting.required:
        return "required"
    default: object = setting.default
    if default is None or isinstance(default, Secret):
        return "unset"
    if isinstance(default, tuple | Mapping) or default == "":
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _range(setting: Setting) -> str:
    if isinstance(setting, Key) and setting.allowed:
        return setting.allowed
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    if setting.country:
        return "country, ISO 3166"
    if setting.networks:
        return "networks, separated by commas"
    if setting.type is bool:
        return "true, false"
    if setting.type is str:
        longest = setting.longest if isinstance(setting, Key) else None
        return f"text, up to {longest} characters" if longest else "text"
    kind = "whole number" if setting.type is int else "number"
    if (
        setting.maximum is not None
        and setting.maximum < 2**53
        and not (setting.type is float and setting.maximum >= 1e9)
    ):
        return f"{kind}, {_plain(setting.minimum)} to {_plain(setting.maximum)}"
    return f"{kind}, {_plain(setting.minimum)} or more"


def _plain(number: float | None) -> str:
    return f"{number or 0:,.15g}".replace(",", "\u202f") if number and number >= 10000 else f"{number or 0:g}"


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *rows])


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "\\<")
