"""A shelf against the plainest thing that does the same: a list that is searched."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.shelf import Shelf


@dataclass(frozen=True)
class Thing:
    project: str
    id: str
    name: str
    box: str


OWNERS, IDS, NAMES, BOXES = "pq", "123", "xyz", "ab"
things = st.builds(Thing, st.sampled_from(OWNERS), st.sampled_from(IDS), st.sampled_from(NAMES), st.sampled_from(BOXES))
acts = st.lists(
    things | st.tuples(st.sampled_from(OWNERS), st.sampled_from(IDS)) | st.sampled_from(OWNERS), max_size=30
)


class Plain:
    """Names are unique, as in the deployment: what has another's name is not put."""

    def __init__(self) -> None:
        self.things: list[Thing] = []

    def has_name(self, thing: Thing) -> bool:
        return any(
            each.name == thing.name and (each.project, each.id) != (thing.project, thing.id) for each in self.things
        )

    def put(self, thing: Thing) -> None:
        self.drop(thing.project, thing.id)
        self.things.append(thing)

    def drop(self, project: str, id: str) -> None:
        self.things = [each for each in self.things if (each.project, each.id) != (project, id)]

    def drop_all(self, project: str) -> None:
        self.things = [each for each in self.things if each.project != project]


@given(acts)
def test_it_finds_what_a_search_finds(doing: list[Thing | tuple[str, str] | str]) -> None:
    shelf = Shelf[Thing](
        (), lambda each: (each.project, each.id), name=lambda each: each.name, owner=lambda each: each.box
    )
    plain = Plain()
    for each in doing:
        match each:
            case Thing():
                if not plain.has_name(each):
                    shelf.put(each)
                    plain.put(each)
            case (project, id_):
                shelf.drop(project, id_)
                plain.drop(project, id_)
            case str():
                shelf.drop_all(each)
                plain.drop_all(each)
        there = plain.things
        assert sorted(shelf, key=str) == sorted(there, key=str)
        for project in OWNERS:
            for id_ in IDS:
                assert [shelf.get(project, id_)] == (
                    [t for t in there if (t.project, t.id) == (project, id_)] or [None]
                )
        for name in NAMES:
            assert [shelf.named(name)] == ([t for t in there if t.name == name] or [None])
        for box in BOXES:
            mine = [t for t in there if t.box == box]
            assert [t.id for t in shelf.of(box)] == sorted((t.id for t in mine), reverse=True)
            assert sorted(shelf.of(box), key=str) == sorted(mine, key=str)
            assert shelf.count(box) == len(mine)


def test_a_list_is_the_callers_own() -> None:
    thing = Thing("p", "1", "x", "a")
    shelf = Shelf[Thing]([thing], lambda each: (each.project, each.id))
    shelf.of("p").clear()
    assert shelf.of("p") == [thing]
