"""The conformance list: which test shows which row, and docs/compatibility.md made of it.

Ties come from three places: claims in this folder's tests (read from their source), `TABLES` for tests that go over all
rows of a kind, and elsewhere.toml for rows that tests of other folders show.
"""

import ast
import functools
import tomllib
from collections.abc import Iterable, Iterator, Mapping

import differences
from facts import HERE, Operation, Row, specification

ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "compatibility.md"
REFRESH = "python docs/refresh.py"

Ties = Mapping[Row, list[str]]
"""The tests of a row, as ``tests/folder/test_file.py::test_name``."""


# Rows of a kind, each shown by one test that goes over all of them


def is_here(owner: str) -> bool:
    """Whether an operation, or what only such operations answer, is served at all."""
    return not differences.stated().get(owner, {}).get("whole")


def here() -> dict[str, Operation]:
    """The operations that are served."""
    return {owner: each for owner, each in specification().operations.items() if is_here(owner)}


def path_rows() -> list[Row]:
    """Every field of a path."""
    return [Row(owner, name) for owner, each in here().items() for name in each.in_path]


def cxml_pages() -> dict[str, Row]:
    """The lists of the cXML API that have pages, with the field that has a page's rows."""
    return {owner: row for owner, row in _pages("page_size") if owner in here()}


def rest_pages() -> dict[str, Row]:
    """The same of the other families."""
    return {owner: row for owner, row in _pages("links.next") if owner in here()}


def _pages(sign: str) -> Iterator[tuple[str, Row]]:
    known = specification()
    for owner, operation in known.operations.items():
        _, answer = operation.success
        if answer is not None and sign in known.objects[answer] and "PAGE" in _capitals(operation):
            (rows,) = [name for name, fact in known.objects[answer].items() if fact.get("items") in known.objects]
            yield owner, Row(answer, rows)


def _capitals(operation: Operation) -> str:
    return " ".join(operation.request).upper()


def paging_rows(pages: Mapping[str, Row]) -> list[Row]:
    """A page's own fields, and the fields of a request that say which page."""
    known = specification()
    rows = [Row(row.owner, name) for row in pages.values() for name in known.objects[row.owner]]
    asked = [
        Row(owner, name)
        for owner in pages
        for name in known.operations[owner].request
        if name.lower().replace("_", "") in ("page", "pagesize", "pagetoken", "pagenumber")
    ]
    return list(dict.fromkeys(rows + asked))


def tables() -> dict[str, list[Row]]:
    """The tests that go over all rows of a kind."""
    return {
        "tests/conformance/test_conform_paths.py::test_a_strange_id_is_not_found": path_rows(),
        "tests/conformance/test_conform_pages.py::test_a_cxml_list_page_by_page": paging_rows(cxml_pages()),
        "tests/conformance/test_conform_pages.py::test_a_rest_list_page_by_page": paging_rows(rest_pages()),
    }


# Ties


@functools.cache
def ties() -> Ties:
    """The tests of every row that has any."""
    found: dict[Row, list[str]] = {}
    for test, rows in [*claimed(), *tables().items(), *elsewhere()]:
        for row in rows:
            tests = found.setdefault(row, [])
            if test not in tests:
                tests.append(test)
    return found


def elsewhere() -> Iterator[tuple[str, list[Row]]]:
    """What elsewhere.toml says: owner → test → names of fields, "" for the operation itself."""
    for owner, tests in tomllib.loads((HERE / "elsewhere.toml").read_text("utf-8")).items():
        for test, names in tests.items():
            yield f"tests/{test}", [Row(owner, name) for name in names]


def claimed() -> Iterator[tuple[str, list[Row]]]:
    """The rows of each test of this folder's modules, from its claims."""
    for file in sorted(HERE.glob("test_*.py")):
        module = ast.parse(file.read_text("utf-8"))
        for test in tests_of(module):
            rows = [row for call in _claims(test) for row in _rows(call)]
            if rows:
                yield f"tests/conformance/{file.name}::{test.name}", rows


def stray_claims() -> list[str]:
    """Claims outside test functions, or of rows that aren't written out: they would tie nothing."""
    found = []
    for file in sorted(HERE.glob("test_*.py")):
        module = ast.parse(file.read_text("utf-8"))
        tested = {id(call) for test in tests_of(module) for call in _claims(test)}
        for call in _claims(module):
            if id(call) not in tested or not _rows(call):
                found.append(f"{file.name}:{call.lineno}")
    return found


def tests_of(module: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """A module's test functions."""
    functions = [each for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [each for each in functions if each.name.startswith("test_")]


_FAMILIES = {"cxml": "cXML", "rest": "REST"}
"""The families of operations, and how they are called."""


def _claims(tree: ast.AST) -> list[ast.Call]:
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    return [each for each in calls if _claim(each) in _CLAIMS]


_OF_ONE_ROW = ("answered", "absent", "does")
_CLAIMS = (*_OF_ONE_ROW, "instead", "effects", "fields")


def _claim(call: ast.Call) -> str | None:
    target = call.func
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "claims":
        return target.attr
    return None


def _rows(call: ast.Call) -> list[Row]:
    owner = call.args[0]
    if not isinstance(owner, ast.Constant) or not isinstance(owner.value, str):
        return []
    if _claim(call) in _OF_ONE_ROW:
        return [Row(owner.value)]
    if _claim(call) == "instead":
        return [row for row in specification().rows() if row.owner == owner.value]
    last = call.args[-1]
    keys = last.keys if isinstance(last, ast.Dict) else []
    names = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
    # What has no operation, a verb or an event, is shown by whatever shows a part of it.
    own = [] if owner.value.partition(".")[0] in _FAMILIES else [Row(owner.value)]
    return [*own, *(Row(owner.value, name) for name in names)]


# The page


def markdown() -> str:
    """docs/compatibility.md."""
    sections = [_section(title, owners) for title, owners in _resources().items()]
    absent = _absent()
    return "\n".join([_head(), *sections, *([absent] if absent else [])])


def _head() -> str:
    rows = list(specification().rows())
    absent = [row for row in rows if not is_here(row.owner)]
    differs = [row for row in rows if is_here(row.owner) and differences.of(row)]
    kept = [row for row in rows if is_here(row.owner) and not differences.of(row) and differences.kept(row)]
    same = len(rows) - len(absent) - len(differs) - len(kept)
    source = specification().source
    return f"""# Compatibility, row by row

Each operation of SignalWire's published specification on messaging, and each field of its requests, answers and
webhooks, has a row below. *Same* means: as specified, and the test in the last column fails when it isn't. *Kept*
means: taken and shown as specified, and without effect, since it is of calls or the like. *Differs* says how, and why.
The tests talk to a real server; one more fails when a row has neither a test nor a reason, so that the list can't fall
behind. A field of an object that several operations answer with is listed once, with the object.

| | Rows |
|---|---|
| Same | {same} |
| Kept and shown, without effect | {len(kept)} |
| Differs, with its reason | {len(differs)} |
| Not here, with its reason | {len(absent)} |
| All | {len(rows)} |

Drawn from `{source["repository"]}` at `{source["commit"][:12]}` by `tests/conformance/draw.py`; SWML from its JSON
schema; cXML documents and Relay, which have no schema, from SignalWire's pages. This page is written by
`{REFRESH}`: change the tests, or `tests/conformance/differences.toml`, not the page.
"""


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


_FIRST = ("cxml Messages", "cxml Message Media", "rest Messages", "rest Message Logs")


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
    return f"{_FAMILIES[family]}: {rest}" if rest else _TITLES[family]


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
        yield f"### {_short(owner)} (object)" if owner.partition(".")[0] in _FAMILIES else f"### {_short(owner)}"
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
    difference = differences.of(row)
    kept = differences.kept(row)
    how = f"differs: {difference['reason']}" if difference else f"kept: {kept}" if kept else "same"
    return f"| {label} | {how} | {_tests(row)} |"


def _tests(row: Row) -> str:
    return ", ".join(f"[{test.partition('::')[2]}](../{test.partition('::')[0]})" for test in ties().get(row, [])[:2])


def _absent() -> str:
    known = specification()
    owners = [each for each in (*known.operations, *known.objects) if not is_here(each)]
    if not owners:
        return ""
    lines = ["## Not here", "", "| | Its fields | Why | Test |", "|---|---|---|---|"]
    for owner in owners:
        names = ", ".join(f"`{row.name}`" for row in known.rows() if row.owner == owner and row.name)
        shown = _tests(Row(owner))
        lines.append(f"| {owner} | {names} | {differences.stated()[owner]['reason']} | {shown} |")
    return "\n".join([*lines, ""])


def _short(owner: str) -> str:
    return owner.partition(".")[2]
