"""Counts that hold for a root project with its subprojects."""

from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.families import FamilyCounts

ROOTS = {"a": "a", "a1": "a", "a2": "a", "b": "b", "b1": "b"}


def root_of(project_id: str) -> str:
    return ROOTS.get(project_id, project_id)


@given(st.lists(st.tuples(st.sampled_from(sorted(ROOTS)), st.integers(-5, 5))))
def test_family_count_is_the_sum_of_its_projects_and_never_below_none(changes: list[tuple[str, int]]) -> None:
    counts, model = FamilyCounts(root_of), dict.fromkeys(ROOTS, 0)
    for project_id, change in changes:
        if change >= 0:
            counts.add(project_id, change)
        else:
            counts.remove(project_id, -change)
        model[project_id] = max(0, model[project_id] + change)
    for root in ("a", "b"):
        assert counts.of_family(root) == sum(n for project_id, n in model.items() if root_of(project_id) == root)
    assert counts.total() == sum(model.values())


def test_what_a_deleted_subproject_leaves_is_taken_off_its_root() -> None:
    roots: dict[str, str] = {"child": "parent"}

    def find(project_id: str) -> str:
        return roots.get(project_id, project_id)

    counts = FamilyCounts(find)
    counts.add("child", 3)
    roots.clear()
    counts.remove("child")
    assert (counts.of_family("parent"), counts.of_family("child")) == (2, 0)
    counts.remove_all("child")
    assert counts.total() == 0


def test_replaced_counts_forget_the_old_ones() -> None:
    counts = FamilyCounts(root_of)
    counts.add("a1", 7)
    counts.replace({"b1": 2, "a": 0})
    assert (counts.of_family("a"), counts.of_family("b"), counts.total()) == (0, 2, 2)
