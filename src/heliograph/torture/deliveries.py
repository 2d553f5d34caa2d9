"""Receipts and inbound messages on their way to whoever is bound to receive, sent again until they are acknowledged.

A delivery waits for a receiver with room in its window, goes out, and is done when its response says ROK, or refuses it
for good (RX_P_APPN, RX_R_APPN: SMPP 3.4, 5.1.3). Any other status, no response in time, or a lost connection put it
back; a later response to an earlier attempt still counts.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from heliograph.carriers.timers import Timers
from heliograph.torture.plans import Distort
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Status

_REFUSED_FOR_GOOD: Final = (Status.RX_P_APPN, Status.RX_R_APPN)


class Kind(Enum):
    RECEIPT = "receipt"
    INBOUND = "inbound"


@dataclass(slots=True, kw_only=True, eq=False)
class Delivery:
    """One deliver_sm or data_sm. `fields`: what the journal says of it. `ignored`: see ReceiptPlan.

    done: called once, with whether it was acknowledged (or refused for good).
    """

    kind: Kind
    fields: dict[str, object]
    pdu: DeliverSm | DataSm
    done: Callable[[bool], None]
    receiver: int | None = None
    ignored: int = 0
    damage: Distort | None = None
    times: int = 0
    settled: bool = False
    holder: "tuple[Receiver, int] | None" = field(default=None, repr=False)


class Receiver(Protocol):
    """A connection that is bound to receive."""

    number: int
    unacknowledged: dict[int, Delivery]
    in_flight: int

    def request(self, pdu: DeliverSm | DataSm, damage: Distort | None = None) -> int:
        """Send it; returns its sequence number. damage: what becomes of its octets."""


class Deliveries:
    """`note` is told of each sending and each response: (delivery, connection, sequence, status or None)."""

    def __init__(
        self,
        window: int,
        resend_seconds: float,
        timers: Timers,
        note: Callable[[Delivery, int, int, int | None], None],
    ) -> None:
        self._window = window
        self._resend_seconds = resend_seconds
        self._timers = timers
        self._note = note
        self._waiting: deque[Delivery] = deque()
        self._receivers: list[Receiver] = []
        self._turn = 0

    @property
    def receivers(self) -> int:
        return len(self._receivers)

    def add(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._pump()

    def joined(self, receiver: Receiver) -> None:
        self._receivers.append(receiver)
        self._pump()

    def left(self, receiver: Receiver) -> None:
        """Its connection is lost, or it is bound no more: what it did not acknowledge waits again, in its order."""
        if receiver not in self._receivers:
            return
        self._receivers.remove(receiver)
        held = [
            one
            for sequence, one in receiver.unacknowledged.items()
            if one.holder == (receiver, sequence) and not one.settled
        ]
        for delivery in reversed(held):
            delivery.holder = None
            self._waiting.appendleft(delivery)
        self._pump()

    def answered(self, receiver: Receiver, sequence: int, status: int) -> bool:
        """A response came; False if nothing was sent under that number."""
        delivery = receiver.unacknowledged.pop(sequence, None)
        if delivery is None:
            return False
        self._note(delivery, receiver.number, sequence, status)
        current = delivery.holder == (receiver, sequence)
        if current:
            delivery.holder = None
            receiver.in_flight -= 1
        if not delivery.settled:
            self._judge(delivery, status, current)
        self._pump()
        return True

    def _judge(self, delivery: Delivery, status: int, current: bool) -> None:
        if status == Status.ROK and delivery.ignored:
            delivery.ignored -= 1
            if current:
                self._waiting.append(delivery)
        elif status == Status.ROK or status in _REFUSED_FOR_GOOD:
            delivery.settled = True
            delivery.done(status == Status.ROK)
        elif current:
            self._timers.after(self._resend_seconds, self.add, delivery)

    def _pump(self) -> None:
        while self._waiting and self._receivers:
            delivery = self._waiting[0]
            if delivery.settled:
                self._waiting.popleft()
                continue
            receiver = self._receiver_for(delivery)
            if receiver is None:
                return
            self._waiting.popleft()
            self._send(delivery, receiver)

    def _receiver_for(self, delivery: Delivery) -> Receiver | None:
        """The one that is asked for, whatever its window, or the next one with room."""
        count = len(self._receivers)
        if delivery.receiver is not None:
            return self._receivers[delivery.receiver % count]
        for step in range(count):
            receiver = self._receivers[(self._turn + step) % count]
            if receiver.in_flight < self._window:
                self._turn = (self._turn + step + 1) % count
                return receiver
        return None

    def _send(self, delivery: Delivery, receiver: Receiver) -> None:
        delivery.times += 1
        sequence = receiver.request(delivery.pdu, delivery.damage)
        delivery.holder = (receiver, sequence)
        receiver.unacknowledged[sequence] = delivery
        receiver.in_flight += 1
        self._note(delivery, receiver.number, sequence, None)
        self._timers.after(self._resend_seconds, self._look_again, (delivery, receiver, sequence))

    def _look_again(self, attempt: tuple[Delivery, Receiver, int]) -> None:
        delivery, receiver, sequence = attempt
        if delivery.settled or delivery.holder != (receiver, sequence):
            return
        delivery.holder = None
        receiver.in_flight -= 1
        self.add(delivery)
