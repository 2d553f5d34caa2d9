"""Counts by project that hold for the whole family: a root project with its subprojects.

A limit that counted each project alone would end where subprojects begin. The root of a project is asked for when the
first of its things is counted and kept while it has any, so that what a deleted subproject leaves is taken off the
count that it was put on.
"""

from collections import Counter
from collections.abc import Callable, Mapping


class FamilyCounts:
    """`root_of`: the root project of a project; a root's is itself."""

    def __init__(self, root_of: Callable[[str], str]) -> None:
        self._root_of = root_of
        self._roots: dict[str, str] = {}
        self._of_project: Counter[str] = Counter()
        self._of_root: Counter[str] = Counter()

    def add(self, project_id: str, count: int = 1) -> None:
        root = self._roots.get(project_id)
        if root is None:
            root = self._roots[project_id] = self._root_of(project_id)
        self._of_project[project_id] += count
        self._of_root[root] += count

    def remove(self, project_id: str, count: int = 1) -> None:
        """Never below none: something may leave that was kept without having been counted."""
        held = self._of_project[project_id]
        gone = min(count, held)
        if gone == held:
            del self._of_project[project_id]
            root = self._roots.pop(project_id, project_id)
        else:
            self._of_project[project_id] -= gone
            root = self._roots[project_id]
        self._of_root[root] -= gone
        if not self._of_root[root]:
            del self._of_root[root]

    def remove_all(self, project_id: str) -> None:
        """The project's, all of them."""
        self.remove(project_id, self._of_project[project_id])

    def replace(self, counts: Mapping[str, int]) -> None:
        """Count anew."""
        self._roots.clear()
        self._of_project.clear()
        self._of_root.clear()
        for project_id, count in counts.items():
            if count:
                self.add(project_id, count)

    def of_family(self, root_id: str) -> int:
        """Those of a root project and its subprojects."""
        return self._of_root.get(root_id, 0)

    def total(self) -> int:
        return self._of_root.total()
