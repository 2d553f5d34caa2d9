"""How many connections may be open, in all and from one address, and which of them has to go when the house is full.

A connection occupies a place from its acceptance to its end. It begins as a stranger's. `Place.vouch` marks it once its
client has shown valid credentials; `Place.release` gives the place back, also before the connection ends, where another
limit holds from then on (Relay's, after its login).

When all places are taken a new connection gets the place of the stranger that has been connected longest and is not
being answered. So silent connections, however many, keep nobody out; only their own are closed.
"""

from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from heliograph.core.networks import counted_address

SEARCHED_STRANGERS = 32
"""Strangers looked at, from the oldest on, for one that is not being answered."""


class Refusal(Enum):
    """Why a connection is not admitted."""

    TOTAL = "too many connections"
    ADDRESS = "too many connections from one address"


class Occupant(Protocol):
    """What stands behind a place."""

    def is_being_answered(self) -> bool: ...

    def evict(self) -> None:
        """End the connection at once."""


class Place:
    """One connection's place. `occupant` is set by the connection when it is made: before, nobody can be evicted."""

    __slots__ = ("_admission", "_key", "_serial", "occupant")

    def __init__(self, admission: "Admission", serial: int, key: str) -> None:
        self._admission: Admission | None = admission
        self._serial = serial
        self._key = key
        self.occupant: Occupant | None = None

    def vouch(self) -> None:
        """The client has shown valid credentials: the place is not taken from it any more."""
        if self._admission is not None:
            self._admission.strangers.pop(self._serial, None)

    def release(self) -> None:
        """Give the place back; a second time nothing happens."""
        admission, self._admission, self.occupant = self._admission, None, None
        if admission is not None:
            admission.strangers.pop(self._serial, None)
            admission.leave(self._key)


class RequestPlace:
    """The place of a request that a trusted proxy passed on, by the address of its client."""

    __slots__ = ("_admission", "_key")

    def __init__(self, admission: "Admission", key: str) -> None:
        self._admission: Admission | None = admission
        self._key = key

    def release(self) -> None:
        """Give the place back; a second time nothing happens."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.leave_address(self._key)


class Admission:
    """`total_max`: places in all. `address_max`: of one address, an IPv6 subscriber's /64 counting as one; 0 is without
    limit. `beside`: how many connections that gave their place back are open still, and count towards `sockets_max`,
    the descriptors that may be used for connections."""

    def __init__(self, *, total_max: int, address_max: int, sockets_max: int, beside: Callable[[], int]) -> None:
        self._total_max = total_max
        self._address_max = address_max
        self._sockets_max = sockets_max
        self._beside = beside
        self._by_address: Counter[str] = Counter()
        self._open = 0
        self._serial = 0
        self.strangers: dict[int, Place] = {}
        """Places of clients without credentials, the oldest first."""

    def __len__(self) -> int:
        return self._open

    def admit(self, address: str, *, is_limited: bool = True) -> Place | Refusal:
        """A place for a connection of this address. `is_limited`: whether the limit by address holds."""
        key = counted_address(address)
        if is_limited and self._address_max and self._by_address[key] >= self._address_max:
            return Refusal.ADDRESS
        if self._is_full() and not self._evict():
            return Refusal.TOTAL
        self._open += 1
        self._by_address[key] += 1
        self._serial += 1
        place = self.strangers[self._serial] = Place(self, self._serial, key)
        return place

    def admit_request(self, address: str) -> "RequestPlace | None":
        """A place among the connections of this address for one request of a proxy's connection, which has a place of
        its own; None where the address has as many as it may."""
        key = counted_address(address)
        if self._address_max and self._by_address[key] >= self._address_max:
            return None
        self._by_address[key] += 1
        return RequestPlace(self, key)

    def leave(self, key: str) -> None:
        """A connection's place is given back; called by the place."""
        self._open -= 1
        self.leave_address(key)

    def leave_address(self, key: str) -> None:
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]

    def _is_full(self) -> bool:
        return self._open >= self._total_max or self._open + self._beside() >= self._sockets_max

    def _evict(self) -> bool:
        """Whether a stranger made room."""
        oldest = (place for _, place in zip(range(SEARCHED_STRANGERS), self.strangers.values(), strict=False))
        for place in oldest:
            occupant = place.occupant
            if occupant is not None and not occupant.is_being_answered():
                place.release()
                occupant.evict()
                return True
        return False
