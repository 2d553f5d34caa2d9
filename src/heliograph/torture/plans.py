"""What the carrier intends to do with a connection, a bind, a submit, a receipt, an inbound message, a query.

A plan begins as what a good carrier does; each fault that strikes changes it; then it is carried out. So faults can be
combined, and a fault is a row: a name, what it does in words, and a function that changes one kind of plan.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from random import Random  # noqa: TID251 - chance is this carrier's trade; its seed is set
from typing import Any, TypeVar

from heliograph.torture.settings import TortureSettings
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Status
from heliograph.wire.smpp.receipt import MessageState

Distort = Callable[[bytes], bytes]
"""What becomes of an answer's octets on their way to the socket."""


class Then(Enum):
    """What becomes of the connection."""

    GO_ON = "goes on"
    CLOSE = "closed"
    RESET = "reset"
    FREEZE = "kept, neither read nor written"


@dataclass(slots=True, kw_only=True)
class LinkPlan:
    """How one connection is treated, from its first moment. The seconds count from the bind; None: never."""

    settings: TortureSettings
    close_at_once: bool = False
    silent: bool = False
    chopped: bool = False
    read_pause_seconds: float = 0.0
    ignore_enquire_link: bool = False
    enquire_every_seconds: float | None = None
    enquire_damage: Distort | None = None
    close_after_seconds: float | None = None
    unbind_after_seconds: float | None = None


@dataclass(slots=True, kw_only=True)
class BindPlan:
    """`seconds` until the answer; None: it never comes. damage: what becomes of its octets."""

    settings: TortureSettings
    receives: bool
    status: int = Status.ROK
    damage: Distort | None = None
    seconds: float | None = 0.0
    then: Then = Then.GO_ON


Shape = Callable[[dict[str, str]], str]
"""The text of a receipt, from its fields in the standard's order."""


def ordinary_text(fields: dict[str, str]) -> str:
    """As in SMPP 3.4, appendix B."""
    return " ".join(f"{name}:{value}" for name, value in fields.items())


@dataclass(slots=True, kw_only=True)
class ReceiptPlan:
    """One receipt. `seconds`: after the submit was taken. `ignored`: acknowledgements that are not believed.

    tlv_id: the id in its TLVs, where that is not `shown_id`. addressed: whether it has addresses. encoding: of its
    text, a codec's name. damage: what becomes of its octets.
    """

    seconds: float
    shown_id: str
    state: MessageState = MessageState.DELIVERED
    error: str = "000"
    shape: Shape = ordinary_text
    raw_text: bytes | None = None
    with_text: bool = True
    with_tlvs: bool = True
    as_data_sm: bool = False
    esm_class: int = 0x04
    data_coding: int = 0
    encoding: str = "ascii"
    tlv_id: str | None = None
    turned: bool = True
    addressed: bool = True
    ignored: int = 0
    damage: Distort | None = None


@dataclass(slots=True, kw_only=True)
class SubmitPlan:
    """One submit, for one destination.

    number: which of the run's submits it is, from 1. part: (reference, total, part) of a message in parts. elapsed:
    seconds since the run began. unanswered: submits on its connection that wait for their answers, without this one.
    previous_id: what the submit before it was given. taken: it counts as accepted. status: anything but ROK refuses it,
    and then it is not taken.
    answer_seconds: None: never. wire: the changes to the answer's octets. before, then: what becomes of the connection
    in the answer's place, and after it.
    """

    settings: TortureSettings
    chance: Random
    number: int
    elapsed: float
    unanswered: int
    sequence: int
    message_id: str
    previous_id: str
    part: tuple[int, int, int] | None = None
    answer_seconds: float | None
    receipts: list[ReceiptPlan]
    status: int = Status.ROK
    taken: bool = True
    shown_id: str = ""
    error_body: bool = False
    nack: bool = False
    wire: list[Distort] = field(default_factory=list)
    before: Then = Then.GO_ON
    then: Then = Then.GO_ON

    def refuse(self, status: int) -> None:
        """Answer with this error; the message isn't taken."""
        self.status = status
        self.taken = False


@dataclass(slots=True)
class PartPlan:
    """One PDU of an inbound message. `receiver`: which of the bound receivers gets it; None: any. damage: what becomes
    of its octets."""

    pdu: DeliverSm | DataSm
    part: int
    receiver: int | None = None
    damage: Distort | None = None


@dataclass(slots=True, kw_only=True)
class InboundPlan:
    """One inbound message; `twin` makes the parts of another one like it, with a reference of its own."""

    settings: TortureSettings
    chance: Random
    parts: list[PartPlan]
    twin: Callable[[], list[PartPlan]]


@dataclass(slots=True, kw_only=True)
class QueryPlan:
    """The answer to a query_sm."""

    status: int = Status.ROK
    silent: bool = False


Plan = LinkPlan | BindPlan | SubmitPlan | InboundPlan | QueryPlan
P = TypeVar("P", bound=Plan)


class Group(Enum):
    """What a fault is about: the headings of the documented table."""

    ANSWERS = "Answers to submits"
    OCTETS = "Octets on the wire"
    CONNECTIONS = "Connections"
    BINDS = "Binds"
    RECEIPTS = "Receipts"
    INBOUND = "Inbound messages"
    QUERIES = "Queries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row: what the carrier does (`about`), what a sound gateway makes of it (`sound`), and the change."""

    name: str
    group: Group
    about: str
    sound: str
    plan: type[Any]
    change: Callable[[Any], None]


class Rows:
    """Collects the faults of one group from their functions: `receipt_twice` becomes `receipt-twice`."""

    def __init__(self, group: Group, plan: type[Any]) -> None:
        self.faults: list[Fault] = []
        self._group = group
        self._plan = plan

    def __call__(self, about: str, sound: str) -> Callable[[Callable[[P], None]], Callable[[P], None]]:
        def add(change: Callable[[P], None]) -> Callable[[P], None]:
            self.faults.append(self.row(change.__name__.replace("_", "-"), about, sound, change))
            return change

        return add

    def row(self, name: str, about: str, sound: str, change: Callable[[Any], None]) -> Fault:
        """A fault of this group that is made, not written."""
        return Fault(name=name, group=self._group, about=about, sound=sound, plan=self._plan, change=change)
