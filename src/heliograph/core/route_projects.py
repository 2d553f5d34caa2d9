"""Which project a route means: rules of the config file name one by its id, or by its name.

Tenants choose the names of their projects, so a name is never compared with a message's project. It is resolved to one
id when the file is read, and what it was resolved to is remembered for as long as the file has the name (`chosen`): a
project that is renamed keeps its route, and one that takes the name does not get it, also after a restart. A text in
the shape of an id is an id, and no name is looked for.
"""

from collections.abc import Iterable, Mapping

from heliograph.core import ids
from heliograph.core.directory import Project
from heliograph.core.texts import quoted

_LISTED_MAX = 5
"""Projects of one name that a fault lists."""


class UnresolvedProject(ValueError):
    """A route's project is nobody's name, or the name of several."""


def resolve(
    named: Iterable[str], projects: Iterable[Project], chosen: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The project's id for each text that routes name a project by. `chosen`: names that were resolved before, with
    their ids. Raises UnresolvedProject."""
    known = list(projects)
    before = chosen or {}
    return {text: before.get(text) or _resolved(text, known) for text in named}


def _resolved(text: str, projects: list[Project]) -> str:
    project_id = ids.project_id(text)
    if ids.is_uuid(project_id):
        return project_id
    found = [project.id for project in projects if project.name == text]
    if not found:
        raise UnresolvedProject(
            f"[[routes]]: no project is called {quoted(text)}: make it with `heliograph project create`, or write an id"
        )
    if len(found) > 1:
        listed = ", ".join(found[:_LISTED_MAX]) + (", ..." if len(found) > _LISTED_MAX else "")
        raise UnresolvedProject(f"[[routes]]: several projects are called {quoted(text)}: write an id ({listed})")
    return found[0]
