"""docs/compatibility.md: the conformance list as a page, a table for each operation and object."""

from collections import Counter
from collections.abc import Iterable, Iterator

import differences
import ties
from facts import HERE, Operation, Row, specification
from ties import FAMILIES, is_here

from heliograph.api import unsupported

ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
REFRESH = "python docs/refresh.py"

KINDS = ("same", "kept", "differs")
"""How a row of what is here may be; the rest is not here."""


def markdown() -> str:
    """The whole page."""
    sections = _resources()
    rows = (_section(title, owners) for title, owners in sections.items())
    return "\n".join([_head(sections), _twilio(), *rows, _absent()])


def kind(row: Row) -> str:
    """How a row is here: one of KINDS."""
    if differences.of(row):
        return "differs"
    return "kept" if differences.kept(row) else "same"


def _head(sections: dict[str, list[str]]) -> str:
    source = specification().source
    return f"""# Compatibility, row by row

Each operation of SignalWire's published specification on messaging, and each field of its requests, answers and
webhooks, has a row below. *Same* means: as specified, and the test in the last column fails when it isn't. *Kept*
means: taken and shown as specified, and without effect, since it is of calls or the like. *Differs* says how, and why.
The tests talk to a real server; one more fails when a row has neither a test nor a reason, so that the list can't fall
behind. A field of an object that several operations answer with is listed once, with the object.

{_summary(sections)}

Drawn from `{source["repository"]}` at `{source["commit"][:12]}` by `tests/conformance/draw.py`; SWML from its JSON
schema; cXML documents and Relay, which have no schema, from SignalWire's pages. This page is written by
`{REFRESH}`: change the tests, or `tests/conformance/differences.toml`, not the page.
"""


def _twilio() -> str:
    """Parameters that Twilio has and SignalWire has not."""
    lines = [
        "## Twilio's parameters",
        "",
        "Twilio's clients may send parameters that SignalWire does not have. One that would change what happens is",
        "refused with 422 (10000), which names it. One that could change nothing here is ignored, and so is any",
        "parameter that neither of the two has. A filter with an operator that its list does not have is refused, too.",
        "",
        "| Operation | Parameter | Here | Why |",
        "|---|---|---|---|",
    ]
    for operation, refused in unsupported.REFUSED.items():
        lines += [_refused(operation, row) for row in refused]
        ignored = unsupported.HARMLESS.get(operation, {})
        lines += [f"| {operation} | `{name}` | ignored | {why} |" for name, why in ignored.items()]
    return "\n".join([*lines, ""])


def _refused(operation: str, row: unsupported.Unsupported) -> str:
    accepted = f", but for {' and '.join(f'`{each}`' for each in row.accepted)}" if row.accepted else ""
    return f"| {operation} | `{row.name}` | refused{accepted} | {row.because} |"


def _summary(sections: dict[str, list[str]]) -> str:
    """How many rows of each section are how."""
    lines = ["| | Rows | Same | Kept | Differ | Not here |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for title, owners in sections.items():
        counts = Counter(kind(row) for row in specification().rows() if row.owner in owners)
        total += counts
        lines.append(_counted(f"[{title}](#{_anchor(title)})", counts))
    absent = Counter({"absent": sum(not is_here(row.owner) for row in specification().rows())})
    lines.append(_counted("[Not here](#not-here)", absent))
    lines.append(_counted("**All**", total + absent))
    return "\n".join(lines)


def _counted(label: str, counts: Counter[str]) -> str:
    return (
        f"| {label} | "
        + " | ".join(str(each) for each in (counts.total(), *(counts[k] for k in (*KINDS, "absent"))))
        + " |"
    )


def _anchor(title: str) -> str:
    """As GitHub makes it of a heading."""
    return "".join(each for each in title.lower().replace(" ", "-") if each.isalnum() or each in "-_")


def _resources() -> dict[str, list[str]]:
    """Owners of rows by title, in the specification's order."""
    known = specification()
    titled: dict[str, list[str]] = {}
    placed: set[str] = set()
    for owner, operation in sorted(known.operations.items(), key=_rank):
        if not is_here(owner):
            continue
        section = titled.setdefault(_title(operation.resource), [])
        section.append(owner)
        _, answer = operation.success
        for each in (answer, *_items(answer)):
            if each is not None and each not in placed:
                placed.add(each)
                section.append(each)
    for owner in known.objects:
        if owner not in placed and is_here(owner) and not _only_of_absent(owner):
            titled.setdefault(_title(_kind(owner)), []).append(owner)
    return {title: sorted(owners, key=lambda each: each not in known.operations) for title, owners in titled.items()}


_FIRST = (
    "cxml Messages",
    "cxml Message Media",
    "rest Messages",
    "rest Message Logs",
    "cxml Incoming Phone Numbers",
    "rest Phone Numbers",
)


def _rank(named: tuple[str, Operation]) -> int:
    """What most look for comes first; the rest stays in the specification's order."""
    resource = named[1].resource
    return _FIRST.index(resource) if resource in _FIRST else len(_FIRST)


def _items(answer: str | None) -> Iterable[str]:
    known = specification().objects
    if answer is None:
        return []
    return [fact["items"] for fact in known[answer].values() if fact.get("items") in known]


def _only_of_absent(owner: str) -> bool:
    users = [name for name, each in specification().operations.items() if owner in each.answers.values()]
    return bool(users) and not any(map(is_here, users))


def _kind(owner: str) -> str:
    family = owner.partition(".")[0]
    return {"cxml": "cxml Refusals", "rest": "rest Refusals"}.get(family, family)


_TITLES = {"webhook": "Webhooks", "swml": "SWML", "document": "cXML documents", "relay": "Relay", "handler": "Handlers"}


def _title(resource: str) -> str:
    family, _, rest = resource.partition(" ")
    return f"{FAMILIES[family]}: {rest}" if rest else _TITLES[family]


def _section(title: str, owners: list[str]) -> str:
    lines = [f"## {title}", ""]
    for owner in owners:
        lines += [*_table(owner), ""]
    return "\n".join(lines)


def _table(owner: str) -> Iterator[str]:
    known = specification()
    if owner in known.operations:
        operation = known.operations[owner]
        status, answer = operation.success
        answered = f"{status}" + (f", {_short(answer)}" if answer else ", no body")
        yield f"### {_short(owner)}"
        yield ""
        yield f"`{operation.method} {operation.path}` → {answered}"
        names = ["", *operation.request]
    else:
        yield f"### {_short(owner)} (object)" if owner.partition(".")[0] in FAMILIES else f"### {_short(owner)}"
        if owner in known.pages:
            yield ""
            yield f"Described at `{known.pages[owner]}`."
        names = [row.name for row in known.rows() if row.owner == owner]
    yield ""
    yield "| Row | Here | Test |"
    yield "|---|---|---|"
    for name in names:
        yield _line(Row(owner, name))


def _line(row: Row) -> str:
    label = f"`{row.name}`" if row.name else "**itself**"
    reason = (differences.of(row) or {}).get("reason") or differences.kept(row)
    how = f"{kind(row)}: {reason}" if reason else "same"
    return f"| {label} | {how} | {_tests(row)} |"


def _tests(row: Row) -> str:
    return ", ".join(
        f"[{test.partition('::')[2]}](../{test.partition('::')[0]})" for test in ties.ties().get(row, [])[:2]
    )


def _absent() -> str:
    known = specification()
    lines = ["## Not here", "", "| | Its fields | Why | Test |", "|---|---|---|---|"]
    for owner in (each for each in (*known.operations, *known.objects) if not is_here(each)):
        names = ", ".join(f"`{row.name}`" for row in known.rows() if row.owner == owner and row.name)
        shown = next((found for each in (owner, *_users(owner)) if (found := _tests(Row(each)))), "")
        lines.append(f"| {owner} | {names} | {differences.stated()[owner]['reason']} | {shown} |")
    return "\n".join([*lines, ""])


def _users(owner: str) -> list[str]:
    """The operations that answer with an object, or with a list of it."""
    found = []
    for name, operation in specification().operations.items():
        _, answer = operation.success
        if owner in (answer, *_items(answer)):
            found.append(name)
    return found


def _short(owner: str) -> str:
    return owner.partition(".")[2]
