"""What the parts of one carrier share."""

from collections.abc import Callable
from random import Random  # noqa: TID251 - chance is this carrier's trade; its seed is set

from heliograph.carriers.timers import Schedule, Timers
from heliograph.ports import Clock
from heliograph.torture.counts import Arrivals, Counts
from heliograph.torture.faults import Faults
from heliograph.torture.ids import ids
from heliograph.torture.journal import Journal
from heliograph.torture.messages import Messages
from heliograph.torture.settings import TortureSettings


class Run:
    """From the making of a carrier to its end. `journal` is open from the carrier's start on, if there is to be one."""

    def __init__(
        self, settings: TortureSettings, clock: Clock, schedule: Schedule, turn_over: Callable[[], None]
    ) -> None:
        """Raises UnknownFault."""
        self.settings = settings
        self.clock = clock
        self.chance = Random(settings.seed)  # noqa: S311 - chance to be repeated, no secret
        self.faults = Faults(settings.faults, settings.faults_for, self.chance)
        self.timers = Timers(clock.monotonic, schedule, turn_over)
        self.counts = Counts()
        self.arrivals = Arrivals()
        self.messages = Messages()
        self.journal: Journal | None = None
        self.started = clock.monotonic()
        self.ids = ids(settings.ids, settings.first_id or clock.now(), self.chance)

    def note(self, event: str, fields: dict[str, object]) -> None:
        """A line in the journal, if there is one."""
        if self.journal is not None:
            self.journal.note(event, self.clock.now(), fields)
