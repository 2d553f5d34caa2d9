"""The configuration of a running server, read again when it is told to (SIGHUP).

The whole file is judged first: a broken one is refused, with the reason in the log, and everything stays as it was.
Carriers, routes, rates and the inventory take effect; plain settings need a restart and are named in the log. No value
is logged.
"""

from collections.abc import Callable

import structlog

from heliograph.carrier_config import Deployment, Difference, Topology, difference
from heliograph.config import SETTINGS, Config, ConfigError

log = structlog.get_logger(__name__)

Read = Callable[[Deployment], Deployment]
"""All sources again, judged for a server that runs as it is; raises ConfigError."""

Apply = Callable[[Topology, Difference], None]
"""Brings the server from one topology to the next: told the new one, and what differs. Raises ConfigError, with nothing
changed, for one that it can't be brought to."""


class Source:
    """What a server runs with, and where that comes from. `again` is None where no file was named: then there is
    nothing that could have changed."""

    def __init__(self, running: Deployment, again: Read | None = None) -> None:
        self.running = running
        self.again = again

    def reload(self, apply: Apply) -> None:
        """Read again, and apply what differs; never raises for what is wrong with a file."""
        if self.again is None:
            return
        try:
            found = self.again(self.running)
            differs = difference(self.running.topology, found.topology)
            if not differs.nothing:
                apply(found.topology, differs)
        except ConfigError as error:
            log.error("config.refused", reason=str(error), kept="what was read before")
            return
        if not differs.nothing:
            self.running = Deployment(config=self.running.config, topology=found.topology)
        log.info("config.reloaded", **_told(differs), restart_needed_for=_settings(self.running.config, found.config))


def _told(differs: Difference) -> dict[str, object]:
    return {
        "carriers_added": [carrier.name for carrier in differs.added],
        "carriers_removed": [carrier.name for carrier in differs.removed],
        "carriers_changed": {change.after.name: list(change.keys) for change in differs.changed},
        "routes_changed": differs.routes,
        "rates_changed": differs.rates,
        "inventory_changed": differs.inventory,
    }


def _settings(running: Config, found: Config) -> list[str]:
    return [each.name for each in SETTINGS if getattr(running, each.name) != getattr(found, each.name)]
