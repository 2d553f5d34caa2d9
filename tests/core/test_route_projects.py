"""Which project a route means, however tenants name theirs."""

import pytest

from heliograph.core.directory import Project
from heliograph.core.route_projects import UnresolvedProject, resolve

ALICE = "01a22d8e-b803-7e46-8000-000000000001"
MALLORY = "01a22d8e-b803-7e46-8000-000000000002"


def _project(project_id: str, name: str, parent: str | None = None) -> Project:
    return Project(id=project_id, parent_id=parent, name=name, signing_key="PSK", created_at=1, updated_at=1)


def test_name_is_resolved_to_the_one_project_that_has_it() -> None:
    assert resolve(["Alice"], [_project(ALICE, "Alice"), _project(MALLORY, "Mallory")]) == {"Alice": ALICE}


@pytest.mark.parametrize("text", [ALICE, ALICE.upper(), "AC" + ALICE.replace("-", "")])
def test_text_in_the_shape_of_an_id_is_an_id_and_never_a_name(text: str) -> None:
    squatter = _project(MALLORY, text)
    assert resolve([text], [_project(ALICE, "Alice"), squatter]) == {text: ALICE}
    assert resolve([text], [squatter]) == {text: ALICE}, "nobody has that id; its name is not looked for"


@pytest.mark.parametrize("name", ["alice", "Alice ", "", "Al", "Bob"])
def test_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UnresolvedProject, match="no project is called"):
        resolve([name], [_project(ALICE, "Alice")])


def test_ambiguous_name_is_refused_with_the_ids() -> None:
    taken = [_project(ALICE, "Alice"), _project(MALLORY, "Alice", parent=ALICE)]
    with pytest.raises(UnresolvedProject, match=f"several projects are called 'Alice': .*{ALICE}, {MALLORY}"):
        resolve(["Alice"], taken)


@pytest.mark.parametrize(
    "now",
    [
        [_project(ALICE, "Alice"), _project(MALLORY, "Alice")],
        [_project(ALICE, "Renamed"), _project(MALLORY, "Alice")],
        [_project(ALICE, "Renamed")],
        [_project(MALLORY, "Alice")],
    ],
)
def test_name_means_what_it_was_resolved_to_before(now: list[Project]) -> None:
    assert resolve(["Alice"], now, {"Alice": ALICE}) == {"Alice": ALICE}


def test_name_in_a_refusal_is_escaped_and_bounded() -> None:
    with pytest.raises(UnresolvedProject) as caught:
        resolve(["\x1b[2J" + "x" * 10_000], [])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300
