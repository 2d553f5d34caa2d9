"""The projects that routes name, resolved for a running server; see `core.route_projects`."""

from collections.abc import Sequence

import structlog

from heliograph.core import route_projects
from heliograph.engine.directory import Directory
from heliograph.ports import Store

log = structlog.get_logger(__name__)


class RouteProjects:
    """`load` comes first. `resolve` is synchronous, so that a reload is judged before anything of it takes effect;
    `remember` makes its result durable."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._chosen: dict[str, str] = {}

    async def load(self) -> None:
        self._chosen = await self._store.route_projects()

    def resolve(self, named: Sequence[str]) -> dict[str, str]:
        """The project's id for each text; raises UnresolvedProject."""
        found = route_projects.resolve(named, self._directory.projects(), self._chosen)
        for text, project_id in found.items():
            if self._directory.project(project_id) is None:
                log.warning("route.no_project", project=text, project_id=project_id)
        return found

    async def remember(self, resolved: dict[str, str]) -> None:
        """Keep what names were resolved to; names that the file no longer has are forgotten."""
        if resolved != self._chosen:
            await self._store.put_route_projects(resolved)
            self._chosen = dict(resolved)
