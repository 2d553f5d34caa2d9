"""Numbers that are refused when a message is created, while the simulated carrier runs (contract, section 11).

They are Twilio's test numbers, in Twilio's meaning. The numbers that the simulated carrier itself treats in a special
way, after accept, are its own (carriers/loopback.py).
"""

from typing import Final

from heliograph.core.errors import Fault

REFUSED_TO: Final[dict[str, Fault]] = {
    "+15005550001": Fault.TO_INVALID,
    "+15005550002": Fault.TO_UNROUTABLE,
    "+15005550003": Fault.TO_REGION,
    "+15005550004": Fault.TO_OPTED_OUT,
    "+15005550009": Fault.TO_NOT_MOBILE,
}

REFUSED_FROM: Final[dict[str, Fault]] = {
    "+15005550001": Fault.FROM_INVALID,
    "+15005550007": Fault.FROM_NOT_ENABLED,
    "+15005550008": Fault.BACKLOG_FULL,
}

ALWAYS_FROM: Final = frozenset({"+15005550006"})
"""May send from any project, and belongs to none."""
