"""Which test shows which row of the specification.

Ties come from three places: claims in this folder's tests (read from their source), `tables` for tests that go over all
rows of a kind, and elsewhere.toml for rows that tests of other folders show.
"""

import ast
import functools
import tomllib
from collections.abc import Iterator, Mapping

import differences
from facts import HERE, Operation, Row, specification

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


FAMILIES = {"cxml": "cXML", "rest": "REST"}
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
    own = [] if owner.value.partition(".")[0] in FAMILIES else [Row(owner.value)]
    return [*own, *(Row(owner.value, name) for name in names)]
