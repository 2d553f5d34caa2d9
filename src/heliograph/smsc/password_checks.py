"""Checks of customers' passwords, each of which takes 50 ms of a core and 16 MiB: who waits, and who is next.

A client that guesses must not refuse the customer whose password is right, and must not slow down the server:

- A password that was found right, or wrong, is known from then on, by its HMAC under a key of this process: neither a
  customer that binds again nor a guess that is repeated costs a check.
- Checks run in threads, CHECKS_AT_ONCE at a time, and one of one address.
- Binds wait in lanes, one for each credential and address; unknown credentials of an address share one. Lanes take
  turns. A suspect lane, which has failed often, has its turn when no other lane can have one.
- A lane is `waiting_max` long. A bind more is rejected, and may be tried again.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from heliograph.engine import slow_hashes
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Status

CHECKS_AT_ONCE: Final = 2
VERDICTS_MAX: Final = 10_000
"""Passwords of each verdict that are known; at the limit the one that was used longest ago is forgotten."""


class Lane(NamedTuple):
    """`address` as it is counted; `system_id` is empty for unknown ones."""

    address: str
    system_id: str


class PasswordChecks:
    def __init__(self, waiting_max: int, is_suspect: Callable[[Lane], bool]) -> None:
        self._waiting_max = waiting_max
        self._is_suspect = is_suspect
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()
        self._lanes: OrderedDict[Lane, deque[asyncio.Future[None]]] = OrderedDict()
        """Who waits, by lane; the lane that had its turn longest ago comes first."""
        self._checking: set[str] = set()
        """Addresses of the checks under way."""

    async def is_right(self, stored: str, system_id: str, password: str, lane: Lane) -> bool:
        """Whether the stored hash is this password's. Raises Rejected where too many wait."""
        digest = self._digest(stored, system_id, password)
        verdict = self._known(digest)
        if verdict is None:
            await self._turn(lane)
            try:
                verdict = self._known(digest)  # the same was checked meanwhile
                if verdict is None:
                    verdict = await asyncio.to_thread(slow_hashes.matches, stored, password)
                    self._remember(digest, is_right=verdict)
            finally:
                self._checking.discard(lane.address)
                self._call_next()
        return verdict

    def _digest(self, stored: str, system_id: str, password: str) -> bytes:
        told = "\0".join((stored, system_id, password)).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, told, hashlib.sha256).digest()

    def _known(self, digest: bytes) -> bool | None:
        for verdict, known in ((True, self._right), (False, self._wrong)):
            if digest in known:
                known.move_to_end(digest)
                return verdict
        return None

    def _remember(self, digest: bytes, *, is_right: bool) -> None:
        known = self._right if is_right else self._wrong
        known[digest] = None
        if len(known) > VERDICTS_MAX:
            known.popitem(last=False)

    # -- turns

    async def _turn(self, lane: Lane) -> None:
        """Wait for a turn; the address is among those under check then."""
        line = self._lanes.setdefault(lane, deque())
        if len(line) >= self._waiting_max:
            raise Rejected(Status.RTHROTTLED, "too many binds wait for a check of their password")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._call_next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._checking.discard(lane.address)
                self._call_next()
            raise

    def _call_next(self) -> None:
        while len(self._checking) < CHECKS_AT_ONCE and (lane := self._next_lane()) is not None:
            line = self._lanes.pop(lane)
            turn = line.popleft()
            if line:
                self._lanes[lane] = line
            if not turn.done():
                self._checking.add(lane.address)
                turn.set_result(None)

    def _next_lane(self) -> Lane | None:
        """The first lane whose address has no check under way, and the first suspect one where all are."""
        free = [lane for lane in self._lanes if lane.address not in self._checking]
        return next((lane for lane in free if not self._is_suspect(lane)), free[0] if free else None)
