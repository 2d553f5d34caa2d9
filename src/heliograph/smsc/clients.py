"""Who is bound: the binds of each credential, and the room in their windows for what goes back to them.

A receipt or an inbound message takes a place in the window of one receiver or transceiver bind until it is answered.
Who finds no room waits here, first come, first served; who finds no bind at all is told so.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from heliograph.carriers.smpp.link import Link
from heliograph.core.directory import SmppCredential
from heliograph.core.limits import TokenBucket

TLVS_SINCE: Final = 0x34
"""interface_version: older clients don't know optional parameters (SMPP 3.4, 3.3)."""


class NoBind(Exception):
    """The customer has no bind that receives."""


class Bound:
    """One bind of a customer."""

    __slots__ = ("address", "client", "is_open", "link", "outstanding", "receives", "sends", "tlvs", "window")

    def __init__(self, client: "Client", link: Link, *, sends: bool, receives: bool, version: int) -> None:
        self.client = client
        self.link = link
        self.sends = sends
        self.receives = receives
        self.tlvs = version >= TLVS_SINCE
        self.window = client.credential.window
        self.outstanding = 0
        self.is_open = True

    @property
    def takes_deliveries(self) -> bool:
        return self.receives and self.is_open and self.link.may_ask


class Client:
    """A credential that has binds."""

    def __init__(self, credential: SmppCredential, bucket: TokenBucket | None = None) -> None:
        """bucket: what an earlier bind has left of the credential's rate."""
        self.credential = credential
        self.binds: list[Bound] = []
        self.bucket = bucket or TokenBucket(credential.rate, 1)
        self._waiting: deque[tuple[asyncio.Future[None], Bound | None]] = deque()
        """Who waits for a place, and over which bind if it must be that one."""

    def may_send(self, segments: int, now: int) -> bool:
        """Whether the credential's rate allows so many segments now. More than a second's go at once where nothing went
        lately, and are waited for afterwards."""
        return self.bucket.overdraw(now, segments)

    def receivers(self) -> list[Bound]:
        return [bound for bound in self.binds if bound.takes_deliveries]

    def outstanding(self) -> int:
        return sum(bound.outstanding for bound in self.binds)

    async def place(self, wanted: Bound | None = None) -> Bound:
        """Take a place in a window: of `wanted`, or of the emptiest. Raises NoBind where there is none, or no more."""
        while True:
            choice = self.receivers() if wanted is None else [wanted] if wanted.takes_deliveries else []
            if not choice:
                raise NoBind
            best = min(choice, key=lambda bound: bound.outstanding / bound.window)
            if best.outstanding < best.window:
                best.outstanding += 1
                return best
            waiting = (asyncio.get_running_loop().create_future(), wanted)
            self._waiting.append(waiting)
            try:
                await waiting[0]
            except asyncio.CancelledError:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)
                else:
                    self._wake_all()  # the place that it was woken for is another's
                raise

    def free(self, bound: Bound) -> None:
        """What held the place was answered, or its bind is gone."""
        bound.outstanding -= 1
        for waiting in self._waiting:
            if waiting[1] in (None, bound) and not waiting[0].done():
                self._waiting.remove(waiting)
                waiting[0].set_result(None)
                return

    def add(self, bound: Bound) -> None:
        self.binds.append(bound)
        self._wake_all()

    def remove(self, bound: Bound) -> None:
        bound.is_open = False
        self.binds.remove(bound)
        self._wake_all()

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for each, _ in waiting:
            if not each.done():
                each.set_result(None)


class Clients:
    """All that are bound, by system_id."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        self._left: dict[str, tuple[int, TokenBucket]] = {}
        """Rate and bucket of each credential that was bound: who binds again has no new second."""
        self.reachable: Callable[[str], None] = lambda system_id: None
        """Told when a customer has one more bind that receives."""

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def get(self, system_id: str) -> Client | None:
        return self._clients.get(system_id)

    def take(
        self, credential: SmppCredential, link: Link, *, sends: bool, receives: bool, version: int
    ) -> Bound | None:
        """One more bind; None where the credential has as many as it may."""
        client = self._clients.get(credential.system_id) or self._returned(credential)
        if client.credential != credential:
            self.renew(client, credential)
        if len(client.binds) >= credential.max_binds:
            return None
        self._clients[credential.system_id] = client
        bound = Bound(client, link, sends=sends, receives=receives, version=version)
        client.add(bound)
        return bound

    def _returned(self, credential: SmppCredential) -> Client:
        rate, bucket = self._left.pop(credential.system_id, (None, None))
        return Client(credential, bucket if rate == credential.rate else None)

    def ready(self, bound: Bound) -> None:
        """The bind was answered: it may be used."""
        if bound.receives:
            self.reachable(bound.client.credential.system_id)

    def remove(self, bound: Bound) -> None:
        client = bound.client
        client.remove(bound)
        if not client.binds and self._clients.get(client.credential.system_id) is client:
            del self._clients[client.credential.system_id]
            if client.credential.rate:
                self._left[client.credential.system_id] = (client.credential.rate, client.bucket)

    def renew(self, client: Client, credential: SmppCredential) -> None:
        """The credential was changed: its new limits hold for all its binds, its window for new ones."""
        if client.credential.rate != credential.rate:
            client.bucket = TokenBucket(credential.rate, 1)
        client.credential = credential
