"""The table of faults, how a fault is asked for, and which ones strike now.

A fault is asked for by its name, with when it strikes after an `@`: `throttle` always, `throttle@25%` by chance,
`throttle@every-10` each tenth time, `throttle@first-3` and `throttle@after-3` up to and from then on. Times are counted
for each fault on its own, of the moments at which it could strike: a submit, a bind, a connection. Several are
combined in the order of the table.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251 - chance is this carrier's trade; its seed is set
from typing import Any, Final

from heliograph.torture import answer_faults, damage_faults, inbound_faults, link_faults, octet_faults, receipt_faults
from heliograph.torture.plans import Fault, InboundPlan, SubmitPlan
from heliograph.wire.smpp.receipt import MessageState

ANY_STATUS: Final = "status-"
"""`status-RINVDSTADR`, or a carrier's own: `status-0x00000432`."""

TABLE: Final[tuple[Fault, ...]] = (
    *link_faults.connections.faults,
    *damage_faults.connections.faults,
    *link_faults.binds.faults,
    *damage_faults.binds.faults,
    *answer_faults.answers.faults,
    *receipt_faults.receipts.faults,
    *damage_faults.receipts.faults,
    *octet_faults.octets.faults,
    *damage_faults.answers.faults,
    *inbound_faults.inbound.faults,
    *damage_faults.inbound.faults,
    *link_faults.queries.faults,
)
"""Every fault, in the order in which they are combined."""

BY_NAME: Final[Mapping[str, Fault]] = {fault.name: fault for fault in TABLE}

_HAS_NUMBER: Final = (SubmitPlan, InboundPlan)
"""Plans with a destination number: the faults that can be asked for by it."""


class UnknownFault(ValueError):
    """Says what is wrong with what was asked for."""


When = Callable[[int, Random], bool]
"""Whether a fault strikes, the n-th time (from 1) that it could."""


@dataclass(slots=True)
class Chosen:
    """A fault as it was asked for; `suffix`: only for destinations that end so."""

    fault: Fault
    when: When
    suffix: str = ""
    times: int = 0


class Faults:
    """Those of one run."""

    def __init__(self, everywhere: Iterable[str], by_suffix: Mapping[str, str], chance: Random) -> None:
        """Raises UnknownFault."""
        self.struck: Counter[str] = Counter()
        self._chance = chance
        chosen = [_read(text, "") for text in everywhere]
        for suffix, texts in by_suffix.items():
            # Some write the + of an international number on the wire, most don't.
            chosen += [_read(text, suffix.removeprefix("+")) for text in texts.split(",")]
        order = {fault.name: place for place, fault in enumerate(TABLE)}
        chosen.sort(key=lambda one: order.get(one.fault.name, order["sysfail"]))
        self._by_plan: dict[type[Any], list[Chosen]] = {}
        for one in chosen:
            self._by_plan.setdefault(one.fault.plan, []).append(one)

    def any_for(self, plan: type[Any]) -> bool:
        """Whether any fault could change such a plan."""
        return plan in self._by_plan

    def strike(self, plan: Any, number: str = "") -> list[str]:
        """Change the plan; returns the names of the faults that did. `number`: the destination, if there is one."""
        struck = []
        for one in self._by_plan.get(type(plan), ()):
            if not number.endswith(one.suffix):
                continue
            one.times += 1
            if one.when(one.times, self._chance):
                one.fault.change(plan)
                struck.append(one.fault.name)
        self.struck.update(struck)
        return struck


def find(name: str) -> Fault:
    """The row of a name; raises UnknownFault."""
    if name in BY_NAME:
        return BY_NAME[name]
    if name.startswith(ANY_STATUS):
        return _own_status(name)
    raise UnknownFault(f"no fault is named {name!r}; `heliograph smsc --list-faults` shows all")


def _own_status(name: str) -> Fault:
    try:
        status = int(name.removeprefix(ANY_STATUS), 0)
    except ValueError:
        status = 0
    if not 0 < status < 2**32:
        raise UnknownFault(f"{name!r} is no status of SMPP 3.4 and no number such as status-0x00000432")
    return answer_faults.refusal(status, f"{status:#010x}")


def _read(text: str, suffix: str) -> Chosen:
    name, _, when = text.strip().partition("@")
    fault = find(name)
    if suffix and fault.plan not in _HAS_NUMBER:
        raise UnknownFault(f"{name} can't be asked for by destination: it is about {fault.group.value.lower()}")
    return Chosen(fault, _when(when), suffix)


def _when(text: str) -> When:
    word, _, rest = text.partition("-")
    try:
        if not text:
            return lambda times, chance: True
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            return lambda times, chance: chance.random() < share
        count = int(rest)
        match word:
            case "every" if count > 0:
                return lambda times, chance: times % count == 0
            case "first":
                return lambda times, chance: times <= count
            case "after":
                return lambda times, chance: times > count
    except ValueError:
        pass
    raise UnknownFault(f"{text!r} is no moment: write 25%, every-10, first-3 or after-3")


def markdown(faults: Sequence[Fault] = TABLE) -> str:
    """The table as the documentation shows it; the rows of the statuses and of the receipts' states are one each."""
    parts = []
    for group in dict.fromkeys(fault.group for fault in faults):
        rows = [
            f'| <a id="{fault.name}"></a>`{fault.name}` | {fault.about} | {fault.sound} |'
            for fault in faults
            if fault.group is group and not _is_one_of_many(fault)
        ]
        if group is answer_faults.answers.faults[0].group:
            rows.append(
                '| <a id="status"></a>`status-NAME` | Refuses with that status: any of SMPP 3.4, such as '
                "`status-RINVDSTADR`, or a number, `status-0x00000432`. | As the table of SMPP errors says. |"
            )
        if group is receipt_faults.receipts.faults[0].group:
            states = ", ".join(f"`{state.name}`" for state in MessageState)
            rows.append(
                f'| <a id="receipt-state"></a>`receipt-state-STATE` | Says that state: {states}. '
                "| The message gets that state's end, or stays sent. |"
            )
        head = "| Fault | What the carrier does | What a sound gateway makes of it |\n|---|---|---|\n"
        parts.append(f"### {group.value}\n\n{head}" + "\n".join(rows))
    return "\n\n".join(parts)


def _is_one_of_many(fault: Fault) -> bool:
    return fault.name.startswith((ANY_STATUS, "receipt-state-"))
