"""Objects of one kind in memory, found by id, by owner and by another name, and changed one at a time.

None of it, but to drop all of one project, costs more the more objects others have.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """`key`: an object's project and its id there. `name`: what else it is found by, unique in the deployment. `owner`:
    whose list it is in; its project's unless given. `moved`: told of each object that is added (1) or
    removed (-1), with its project. Ids begin with the time, so that they order lists."""

    def __init__(
        self,
        objects: Iterable[T],
        key: Callable[[T], tuple[str, str]],
        *,
        name: Callable[[T], Hashable] | None = None,
        owner: Callable[[T], Hashable] | None = None,
        moved: Callable[[str, T, int], None] = lambda project_id, each, sign: None,
    ) -> None:
        self._key, self._name, self._owner, self._moved = key, name, owner, moved
        self._objects: dict[tuple[str, str], T] = {}
        self._by_name: dict[Hashable, T] = {}
        self._of: dict[Hashable, dict[tuple[str, str], T]] = {}
        self._lists: dict[Hashable, list[T]] = {}
        """Those of `_of` that were asked for, newest first."""
        for each in objects:
            self.put(each)

    def __iter__(self) -> Iterator[T]:
        return iter(self._objects.values())

    def get(self, project_id: str, object_id: str) -> T | None:
        return self._objects.get((project_id, object_id))

    def named(self, name: Hashable) -> T | None:
        return self._by_name.get(name)

    def of(self, owner: Hashable) -> list[T]:
        """Newest first; the caller's own list."""
        there = self._of.get(owner)
        if there is None:
            return []
        found = self._lists.get(owner)
        if found is None:
            found = self._lists[owner] = [there[key] for key in sorted(there, key=itemgetter(1), reverse=True)]
        return found.copy()

    def count(self, owner: Hashable) -> int:
        return len(self._of.get(owner, ()))

    def put(self, each: T) -> None:
        """In the place of the one with its key, if there is one."""
        key = self._key(each)
        owner = self._owner(each) if self._owner is not None else key[0]
        if key in self._objects:
            self.drop(*key)
        self._objects[key] = each
        self._of.setdefault(owner, {})[key] = each
        self._lists.pop(owner, None)
        if self._name is not None:
            self._by_name[self._name(each)] = each
        self._moved(key[0], each, 1)

    def drop(self, project_id: str, object_id: str) -> None:
        """Without effect where it is not there."""
        key = project_id, object_id
        each = self._objects.pop(key, None)
        if each is None:
            return
        owner = self._owner(each) if self._owner is not None else project_id
        self._lists.pop(owner, None)
        del self._of[owner][key]
        if not self._of[owner]:
            del self._of[owner]
        if self._name is not None and self._by_name.get(self._name(each)) is each:
            del self._by_name[self._name(each)]
        self._moved(project_id, each, -1)

    def drop_all(self, project_id: str) -> None:
        """Whatever is the project's."""
        for owner, object_id in [key for key in self._objects if key[0] == project_id]:
            self.drop(owner, object_id)
