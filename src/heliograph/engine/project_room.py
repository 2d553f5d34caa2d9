"""How much a root project with its subprojects may have in the directory: objects of each kind, and octets of all.

The directory is in memory, so one customer's must not take everybody's. Octets are counted as objects come and go
(core/shelf.py). Room for an object is reserved while the object is written, so that requests at once do not pass the
limit together. A reservation ends as soon as the directory holds the object, so that no object is counted twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from heliograph.core.errors import Fault, refuse
from heliograph.core.families import FamilyCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectLimits:
    """objects: of each kind, made by the APIs; numbers: bought ones; octets: of all objects and scripts."""

    objects: int = 10_000
    numbers: int = 100
    octets: int = 16 * 1024 * 1024


class ProjectRoom:
    """`root_of`: the root project of a project."""

    def __init__(self, root_of: Callable[[str], str], limits: ProjectLimits) -> None:
        self.root_of = root_of
        self.limits = limits
        self.octets = FamilyCounts(root_of)
        """Of the directory's objects."""
        self.scripts = FamilyCounts(root_of)
        self.script_octets = FamilyCounts(root_of)
        self._coming: Counter[tuple[str, str]] = Counter()
        """Objects that are being written, by root project and kind."""
        self._coming_octets: Counter[str] = Counter()
        self._reservations: dict[str, list[_Reservation]] = {}
        """By the id of the object that is being written."""

    @contextmanager
    def reserved(self, project_id: str, object_id: str, what: str, there: int, most: int) -> Iterator[None]:
        """Room for one more object of a kind while it is written; raises Refused. there: those of the root project."""
        kind = (self.root_of(project_id), what)
        if there + self._coming[kind] >= most:
            message = f"A project and its subprojects have at most {most} {what} together."
            raise refuse(Fault.PARAMETER_INVALID, message)
        with self._counted(object_id, self._coming, kind, 1):
            yield

    @contextmanager
    def reserved_octets(self, project_id: str, object_id: str, octets: int) -> Iterator[None]:
        """Room for so many octets more while they are written; raises Refused. Making less is always allowed."""
        root = self.root_of(project_id)
        there = self.octets.of_family(root) + self.script_octets.of_family(root) + self._coming_octets[root]
        if octets > 0 and there + octets > self.limits.octets:
            message = (
                "The names, URLs, settings and scripts of a project and its subprojects have at most "
                f"{self.limits.octets} bytes together."
            )
            raise refuse(Fault.PARAMETER_INVALID, message)
        with self._counted(object_id, self._coming_octets, root, max(0, octets)):
            yield

    def arrived(self, object_id: str) -> None:
        """End the reservations of an object that the directory now holds and counts."""
        for each in self._reservations.pop(object_id, ()):
            each.end()

    def forget_scripts(self, project_id: str) -> None:
        """The project was deleted, and its scripts with it."""
        self.scripts.remove_all(project_id)
        self.script_octets.remove_all(project_id)

    @contextmanager
    def _counted(self, object_id: str, counter: "Counter[Any]", key: Any, count: int) -> Iterator[None]:
        reservation = _Reservation(counter, key, count)
        self._reservations.setdefault(object_id, []).append(reservation)
        try:
            yield
        finally:
            left = self._reservations.get(object_id, [])
            if reservation in left:
                left.remove(reservation)
                reservation.end()
            if not left:
                self._reservations.pop(object_id, None)


class _Reservation:
    def __init__(self, counter: "Counter[Any]", key: Any, count: int) -> None:
        self._counter, self._key, self._count = counter, key, count
        counter[key] += count

    def end(self) -> None:
        self._counter[self._key] -= self._count
        if not self._counter[self._key]:
            del self._counter[self._key]
