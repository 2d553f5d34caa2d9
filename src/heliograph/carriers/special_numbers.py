"""What the simulated carrier does with a message, by its destination (contract, section 11).

Destinations that are not in CONDUCTS are ordinary: accepted and delivered, but for the refusals and losses that are
set. Chance never touches a special number, so that a test can rely on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

UNEXPLAINED: Final = 30008
"""The code of a refusal for which the carrier gives no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a submit goes.

    undelivered_code: what the receipt says went wrong; None for delivered. receipts: how often it comes.
    receipt_seconds: its pause after the acceptance, instead of the one that is set. receipt_first: it comes at once,
    and the answer to the submit takes the pause. throttle_seconds: for how long after a message's first submit the
    carrier says "not now".
    """

    refused: bool = False
    silent: bool = False
    undelivered_code: int | None = None
    receipts: int = 1
    receipt_seconds: float | None = None
    receipt_first: bool = False
    throttle_seconds: float = 0.0


ORDINARY: Final = Conduct()
REFUSED: Final = Conduct(refused=True)
NO_RECEIPT: Final = Conduct(receipts=0)

CONDUCTS: Final[Mapping[str, Conduct]] = MappingProxyType(
    {
        **{f"+1500555{code - 27000}": Conduct(undelivered_code=code) for code in range(30003, 30009)},
        "+15005554000": REFUSED,
        "+15005554001": Conduct(silent=True),
        "+15005554002": NO_RECEIPT,
        "+15005554003": Conduct(receipts=2),
        "+15005554004": Conduct(receipt_seconds=30.0),
        "+15005554005": Conduct(receipt_first=True),
        "+15005554006": Conduct(throttle_seconds=5.0),
    }
)
"""Destination → what happens to its messages."""
