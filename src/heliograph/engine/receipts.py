"""Match a receipt to its message, or to the part of one, and take the message to where the receipts say.

Receipts are taken in batches; the carrier is told that one is taken (its handler returns) only when its effect is on
disk. How one finds its message:

- By the reference, as one of its aliases or as it is spelled, among the sent messages that memory holds, then on disk.
  Where there are aliases, a message that has the receipt's numbers goes before one that has not, however either is
  spelled, and an alias counts for no other: two ids of one carrier may be each other's alias.
- None there, but a submit has no recorded answer yet: the receipt may have overtaken the answer. It is held, on disk
  too, until an answer names its reference, for HOLD_SECONDS; then it is counted as unmatched.
- A message in doubt (its answer was lost) has no reference. A receipt whose numbers fit one such message, and no other,
  settles it, unless a submit between the same numbers has no recorded answer yet: it may be for that one. A receipt may
  come before the doubt is known; it is held then, and looked at again.

A long message is delivered when each of its parts is, and undelivered with the first one that is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from msgspec.structs import replace

from heliograph.core.lifecycle import RANK, TERMINAL, State, receipt_path
from heliograph.core.message import Event, Message, Part
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Clock, HeldReceipt, Receipt, Store

log = structlog.get_logger(__name__)

HOLD_SECONDS = 300.0
"""How long a receipt may be ahead of the answer that names its reference: ten times the usual wait for an answer."""

HELD_MAX = 10_000
"""Receipts held at once; at the limit the oldest is let go as unmatched."""

HELD_SWEEP_SECONDS = 5.0

DOUBTS_MAX = 100_000
"""Messages in doubt that receipts are compared with; more are settled by their validity only."""

FINAL_OF_PARTS = (State.DELIVERED, State.UNDELIVERED)

Reference = tuple[str, str]
"""Carrier and its id."""

Numbers = tuple[str, str, str]
"""Carrier, sender and recipient, as carriers agree on them."""


@dataclass(slots=True)
class _Sent:
    """A message whose receipts are awaited. `parts`: those of a long one, by number, else none."""

    message: Message
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass(slots=True)
class _Found:
    """Where a receipt belongs. `part`: 0 for a message of one part."""

    sent: _Sent
    part: int
    reference: str


@dataclass(slots=True)
class _Taken:
    carrier: str
    receipt: Receipt
    done: "asyncio.Future[str | None]"
    held: HeldReceipt | None = None


class Receipts:
    def __init__(
        self, *, store: Store, clock: Clock, transitions: Transitions, metrics: Metrics, memory_max: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._transitions = transitions
        self._metrics = metrics
        self._memory_max = memory_max
        self._awaited: OrderedDict[Reference, tuple[_Sent, int]] = OrderedDict()
        self._arrived: list[_Taken] = []
        self._held: OrderedDict[int, HeldReceipt] = OrderedDict()
        self._held_under: dict[Reference, list[HeldReceipt]] = {}
        self._at_work: dict[str, _Sent] = {}
        self._doubts: OrderedDict[str, Message] = OrderedDict()
        self._by_numbers: dict[Numbers, set[str]] = {}
        self._held_between: dict[Numbers, list[HeldReceipt]] = {}
        self._wake = asyncio.Event()
        self.unanswered: Callable[[str], bool] = lambda carrier: False
        """Asked whether a carrier has submits whose answer is not on disk yet."""
        self.unanswered_between: Callable[[Message], bool] = lambda message: False
        """Asked whether there are such between the numbers of a message."""

    # -- what may be told of

    def expect(self, message: Message, parts: Sequence[Part] = ()) -> None:
        """The carrier accepted this message, or these parts of it: receipts may come."""
        self.resolved(message)
        if message.carrier is None:
            return
        if len(parts) > 1 or (parts and message.carrier_ref is None):
            self._expect_parts(message, parts)
        elif message.carrier_ref is not None:
            self._await(message.carrier, message.carrier_ref, self._newest(message), 0)

    def _expect_parts(self, message: Message, rows: Sequence[Part]) -> _Sent:
        """All parts of a message share what is known of it, wherever that was read: the last receipt must see what the
        others said."""
        places = [(row.carrier, row.carrier_ref) for row in rows]
        known = [self._awaited[place][0] for place in places if place in self._awaited]
        sent = next((each for each in known if each.message.id == message.id), None)
        sent = self._newest(message, sent)
        for row in rows:
            if row.part not in sent.parts or row.state in TERMINAL:
                sent.parts[row.part] = row
        for row in rows:
            if sent.parts[row.part].state not in TERMINAL:
                self._await(row.carrier, row.carrier_ref, sent, row.part)
        return sent

    def _newest(self, message: Message, known: _Sent | None = None) -> _Sent:
        """A receipt may have found the message on disk just before: what that changed of it, those to come must see."""
        sent = self._at_work.get(message.id) or known or _Sent(message)
        if RANK[message.state] >= RANK[sent.message.state]:
            sent.message = message
        return sent

    def _await(self, carrier: str, reference: str, sent: _Sent, part: int) -> None:
        self._awaited[carrier, reference] = (sent, part)
        if len(self._awaited) > self._memory_max:
            self._evict()
        if self._held:
            for held in self._held_under.get((carrier, reference), ()):
                self._arrive_again(held)

    def _evict(self) -> None:
        """The one awaited longest is read from the store when its receipt comes; of a long message, all parts are."""
        _, (sent, _) = self._awaited.popitem(last=False)
        for row in sent.parts.values():
            self._awaited.pop((row.carrier, row.carrier_ref), None)

    def doubt(self, message: Message) -> None:
        """The answer to this message's submit was lost: a receipt may tell."""
        if message.carrier is None or message.id in self._doubts or len(self._doubts) >= DOUBTS_MAX:
            return
        self._doubts[message.id] = message
        self._by_numbers.setdefault(between(message), set()).add(message.id)
        for held in self._held_between.get(between(message), ()):
            self._arrive_again(held)

    def resolved(self, message: Message) -> None:
        """There is no doubt about this message any more."""
        known = self._doubts.pop(message.id, None) if self._doubts else None
        if known is not None:
            alike = self._by_numbers[between(known)]
            alike.discard(message.id)
            if not alike:
                del self._by_numbers[between(known)]

    def forget(self, message: Message) -> None:
        """Let go of this copy; a receipt will read the message from the store."""
        self.resolved(message)
        if message.segments > 1:
            gone = [place for place, (sent, _) in self._awaited.items() if sent.message.id == message.id]
            for place in gone:
                del self._awaited[place]
        elif message.carrier is not None and message.carrier_ref is not None:
            self._awaited.pop((message.carrier, message.carrier_ref), None)

    # -- in

    async def take(self, carrier: str, receipt: Receipt) -> str | None:
        """A carrier's receipt; returns the reference that it matched when its effect is on disk, or None."""
        taken = _Taken(carrier, receipt, asyncio.get_running_loop().create_future())
        self._arrive(taken)
        return await taken.done

    def _arrive(self, taken: _Taken) -> None:
        self._arrived.append(taken)
        self._wake.set()

    def _arrive_again(self, held: HeldReceipt) -> None:
        self._arrive(_Taken(held.carrier, held.receipt, asyncio.get_running_loop().create_future(), held))

    async def load(self) -> None:
        """What an earlier run held, to be looked for again. Before any carrier starts."""
        for held in await self._store.held_receipts(HELD_MAX):
            self._keep_held(held)
            self._arrive_again(held)  # its answer may have been recorded, and the process died before it was placed

    async def run(self) -> None:
        """Work off what arrived, as many together as there are, for as long as the server runs."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            arrived, self._arrived = self._arrived, []
            await self._work_off_or_single_out(arrived)

    async def _work_off_or_single_out(self, arrived: list[_Taken]) -> None:
        """All together; where that breaks, one by one: only the culprit is not taken, and its carrier is told."""
        try:
            await self._work_off(arrived)
        except Exception as error:
            log.exception("receipts.broke", receipts=len(arrived))
            for sent in self._at_work.values():  # memory may be ahead of the disk
                self.forget(sent.message)
            if len(arrived) > 1:
                for taken in arrived:
                    await self._work_off_or_single_out([taken])
            elif not arrived[0].done.done():
                arrived[0].done.set_exception(RuntimeError(f"the receipt broke: {error}"))

    async def _work_off(self, arrived: list[_Taken]) -> None:
        steps: list[Step] = []  # a message may take more than one in a batch
        parts: list[Part] = []
        events: list[Event] = []
        settled: list[tuple[_Taken, str | None]] = []
        unplaced: list[_Taken] = []
        self._at_work.clear()
        # asked before looking: an answer that is recorded meanwhile is found by nobody who has looked already
        unanswered = {carrier for carrier in {taken.carrier for taken in arrived} if self.unanswered(carrier)}
        for taken in self._each_once(arrived):
            found = await self._find(taken)
            if found is None:
                unplaced.append(taken)
                continue
            settled.append((taken, found.reference))
            self._at_work[found.sent.message.id] = found.sent
            step = self._step(found, taken.receipt, parts, events)
            if step is not None:
                steps.append(step)
        if parts or events:
            await self._transitions.persist(lambda: self._store.keep_parts(parts, events))
        await self._transitions.apply(steps)
        await self._hold(unplaced, unanswered)
        await self._release([taken.held for taken, _ in settled if taken.held is not None])
        for taken, reference in settled:
            if not taken.done.done():
                taken.done.set_result(reference)

    def _each_once(self, arrived: list[_Taken]) -> list[_Taken]:
        """A held receipt may be called back twice, and is placed once."""
        once: list[_Taken] = []
        again: set[int] = set()
        for taken in arrived:
            if taken.held is not None:
                number = taken.held.held_no
                if number in again or number not in self._held:
                    continue
                again.add(number)
            once.append(taken)
        return once

    # -- where it belongs

    async def _find(self, taken: _Taken) -> _Found | None:
        receipt, spellings = taken.receipt, _spellings(taken.receipt)
        others: list[str] = []
        for reference in spellings:
            known = self._awaited.get((taken.carrier, reference))
            if known is None:
                others.append(reference)
            elif len(spellings) == 1 or _fits(receipt, known[0].message):
                return self._in_memory(taken, reference, known)
        as_spelled: _Found | None = None
        for reference in others:
            on_disk = await self._on_disk(taken, reference)
            if on_disk is not None and _fits(receipt, on_disk.sent.message):
                return on_disk
            if on_disk is not None and reference == receipt.carrier_ref:
                as_spelled = on_disk
        known = self._awaited.get((taken.carrier, receipt.carrier_ref))
        if known is not None:
            return self._in_memory(taken, receipt.carrier_ref, known)
        return as_spelled or self._doubtful(taken)

    def _in_memory(self, taken: _Taken, reference: str, known: tuple[_Sent, int]) -> _Found:
        sent, part = known
        if taken.receipt.state in FINAL_OF_PARTS:
            del self._awaited[taken.carrier, reference]  # a repeated or late receipt finds its message in the store
        return _Found(sent, part, reference)

    async def _on_disk(self, taken: _Taken, reference: str) -> _Found | None:
        persist, carrier = self._transitions.persist, taken.carrier
        message = await persist(lambda: self._store.by_carrier_ref(carrier, reference))
        # of one segment too: a carrier's alphabet may have made parts of it
        part = await persist(lambda: self._store.part_by_carrier_ref(carrier, reference))
        if part is not None and (message is None or message.id == part.message_id):
            message = await persist(lambda: self._store.message(part.project_id, part.message_id))
            if message is None:
                return None
            rows = await persist(lambda: self._store.parts_of(part.project_id, part.message_id))
            sent = self._expect_parts(message, rows)
            if taken.receipt.state in FINAL_OF_PARTS:
                self._awaited.pop((carrier, reference), None)
            return _Found(sent, part.part, reference)
        if message is None:
            return None
        if message.id in self._at_work:
            return _Found(self._at_work[message.id], 0, reference)
        known = self._awaited.pop((carrier, reference), None)  # its answer may have been recorded meanwhile
        return _Found(known[0] if known else _Sent(message), known[1] if known else 0, reference)

    def _doubtful(self, taken: _Taken) -> _Found | None:
        receipt = taken.receipt
        alike = self._alike(taken)
        if len(alike) != 1 or receipt.state not in FINAL_OF_PARTS:
            return None
        message = self._doubts[next(iter(alike))]
        if message.segments > 1:
            return None  # which of its parts this is for nobody can tell
        if self.unanswered_between(message):
            return None
        self.resolved(message)
        return _Found(_Sent(message), 0, receipt.carrier_ref)

    def _alike(self, taken: _Taken) -> set[str]:
        """The messages in doubt that it may be for."""
        numbers = _told_numbers(taken.carrier, taken.receipt) if self._doubts else None
        return self._by_numbers.get(numbers, set()) if numbers else set()

    # -- what it does

    def _step(self, found: _Found, receipt: Receipt, parts: list[Part], events: list[Event]) -> Step | None:
        """The step that it makes; what leaves the state as it is goes to `parts` and `events`."""
        if found.part:
            return self._part_step(found, receipt, parts, events)
        message = found.sent.message
        states = receipt_path(message.state, receipt.state)
        if not states:
            self._without_effect(message, receipt, "", events)
            return None
        self._metrics.receipts["matched"].inc()
        reference = None if message.carrier_ref else found.reference
        step = Step(
            message=message,
            states=states,
            error_code=receipt.error_code,
            carrier_ref=reference,
            detail=receipt.detail,
        )
        found.sent.message = replace(message, state=states[-1])
        return step

    def _part_step(self, found: _Found, receipt: Receipt, parts: list[Part], events: list[Event]) -> Step | None:
        sent, row = found.sent, found.sent.parts[found.part]
        which = f"part {row.part} of {row.total}: "
        if row.state in TERMINAL or receipt.state not in FINAL_OF_PARTS:
            self._without_effect(sent.message, receipt, which, events)
            return None
        self._metrics.receipts["matched"].inc()
        row = replace(row, state=receipt.state, error_code=receipt.error_code, updated_at=self._clock.now())
        sent.parts[row.part] = row
        detail = which + (receipt.detail or receipt.state.value)
        outcome = outcome_of_parts(sent.parts.values())
        states = receipt_path(sent.message.state, outcome) if outcome else ()
        if not states or sent.message.state is State.INITIATED:  # its other parts are not sent yet
            parts.append(row)
            kind = "part_delivered" if row.state is State.DELIVERED else "part_undelivered"
            events.append(self._transitions.event(sent.message, kind, error_code=row.error_code, detail=detail))
            return None
        step = Step(message=sent.message, states=states, error_code=row.error_code, detail=detail, parts=(row,))
        sent.message = replace(sent.message, state=states[-1])
        return step

    def _without_effect(self, message: Message, receipt: Receipt, which: str, events: list[Event]) -> None:
        if receipt.state in FINAL_OF_PARTS:
            self._metrics.receipts["repeated"].inc()
            detail = f"{which}{receipt.state} while {message.state}"
            events.append(self._transitions.event(message, "receipt_ignored", detail=detail))
        else:
            self._metrics.receipts["intermediate"].inc()
            detail = which + (receipt.detail or receipt.state.value)
            events.append(self._transitions.event(message, "receipt_intermediate", detail=detail))

    # -- what can't be placed

    async def _hold(self, unplaced: list[_Taken], unanswered: set[str]) -> None:
        """Keep those that may be ahead of an answer, let go of the others. Either way the carrier has done its part."""
        fresh: list[HeldReceipt] = []
        for taken in unplaced:
            if taken.held is not None:
                continue  # its time runs on
            if taken.carrier not in unanswered and not self._alike(taken):
                self._let_go(taken.carrier, taken.receipt)
                continue
            number = self._transitions.event_numbers.next()
            fresh.append(
                HeldReceipt(carrier=taken.carrier, receipt=taken.receipt, held_no=number, at=self._clock.now())
            )
        if fresh:
            await self._transitions.persist(lambda: self._store.hold_receipts(fresh))
        for held in fresh:
            self._keep_held(held)
        for taken in unplaced:
            if not taken.done.done():
                taken.done.set_result(None)

    def _keep_held(self, held: HeldReceipt) -> None:
        """In memory; or to its message at once, where the answer was recorded while it was written down."""
        self._held[held.held_no] = held
        for reference in _spellings(held.receipt):
            self._held_under.setdefault((held.carrier, reference), []).append(held)
        if (numbers := _told_numbers(held.carrier, held.receipt)) is not None:
            self._held_between.setdefault(numbers, []).append(held)
        if any((held.carrier, reference) in self._awaited for reference in _spellings(held.receipt)):
            self._arrive_again(held)

    async def sweep(self) -> None:
        """Look again at what may be for a message in doubt, and let go of what was held too long, for as long as the
        server runs."""
        while True:
            await asyncio.sleep(HELD_SWEEP_SECONDS)
            for numbers in self._held_between.keys() & self._by_numbers.keys():
                for held in self._held_between[numbers]:
                    self._arrive_again(held)
            before = self._clock.now() - round(HOLD_SECONDS * 1e6)
            spare = len(self._held) - HELD_MAX
            gone = [held for place, held in enumerate(self._held.values()) if place < spare or held.at < before]
            for held in gone:
                self._let_go(held.carrier, held.receipt)
            await self._release(gone)

    async def _release(self, gone: Sequence[HeldReceipt]) -> None:
        """They were placed, or held too long."""
        for held in gone:
            self._held.pop(held.held_no, None)
            for reference in _spellings(held.receipt):
                alike = self._held_under.pop((held.carrier, reference), [])
                if others := [other for other in alike if other is not held]:
                    self._held_under[held.carrier, reference] = others
            if (numbers := _told_numbers(held.carrier, held.receipt)) is not None:
                alike = self._held_between.pop(numbers, [])
                if others := [other for other in alike if other is not held]:
                    self._held_between[numbers] = others
        if gone:
            await self._transitions.persist(lambda: self._store.release_receipts(gone))

    def _let_go(self, carrier: str, receipt: Receipt) -> None:
        self._metrics.receipts["unmatched"].inc()
        log.warning("receipt.unmatched", carrier=carrier, carrier_ref=receipt.carrier_ref)


def outcome_of_parts(parts: Iterable[Part]) -> State | None:
    """What the receipts for a long message's parts make of it, once it is sent, so that all of them are there; None
    while that is open. A row's `total` won't do: those taken at an earlier try were counted as the message's segments,
    of which a carrier's header or alphabet makes more or fewer parts."""
    rows = list(parts)
    if any(row.state is State.UNDELIVERED for row in rows):
        return State.UNDELIVERED
    return State.DELIVERED if all(row.state is State.DELIVERED for row in rows) else None


def _spellings(receipt: Receipt) -> tuple[str, ...]:
    """Likeliest first."""
    if not receipt.aliases:
        return (receipt.carrier_ref,)
    return receipt.aliases if receipt.carrier_ref in receipt.aliases else (*receipt.aliases, receipt.carrier_ref)


def _fits(receipt: Receipt, message: Message) -> bool:
    """Whether a receipt's numbers are the message's, as far as it tells them."""
    to_number, from_number = receipt.to_number, receipt.from_number
    if to_number is not None and _digits(to_number) != _digits(message.to_number):
        return False
    return from_number is None or _digits(from_number) == _digits(message.from_number)


def between(message: Message) -> Numbers:
    """A message's carrier and numbers."""
    return (message.carrier or "", _digits(message.from_number), _digits(message.to_number))


def _told_numbers(carrier: str, receipt: Receipt) -> Numbers | None:
    if receipt.from_number is None or receipt.to_number is None:
        return None
    return (carrier, _digits(receipt.from_number), _digits(receipt.to_number))


def _digits(number: str) -> str:
    """A number as carriers agree on it: without + and leading zeros."""
    return number.lstrip("+0")
