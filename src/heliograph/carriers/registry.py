"""Carriers by name. A built-in one registers as a third party's does: as an entry point of the group GROUP.

In a distribution's pyproject.toml:

    [project.entry-points."heliograph.carriers"]
    pigeon = "pigeon_post.carrier:PigeonCarrier"

The object named there makes a carrier (see ports.Carrier); what it wants to know is its own affair.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from heliograph.ports import Carrier

GROUP: Final = "heliograph.carriers"

CarrierFactory = Callable[..., Carrier]


class CarrierUnusable(Exception):
    """No carrier of this name is installed, or it can't be loaded; the text says what to do."""


def load(name: str) -> CarrierFactory:
    """Return what makes carriers of this name; raises CarrierUnusable."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        raise CarrierUnusable(f"no carrier is called {name!r}; installed are: {', '.join(sorted(found)) or 'none'}")
    try:
        factory: CarrierFactory = found[name].load()
    except (ImportError, AttributeError) as error:
        raise CarrierUnusable(f"carrier {name!r} ({found[name].value}) can't be loaded: {error}") from error
    return factory
