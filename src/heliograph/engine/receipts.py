"""Match a receipt to its message, or to the part of one, and take the message to where the receipts say.

Receipts are taken in batches; the carrier is told that one is taken (its handler returns) only when its effect is on
disk. How one finds its message:

- By the keys of its ids, among the sent messages that memory holds (engine/awaited.py), then on disk; which of several
  candidates it is for engine/matching.py says.
- Where submits have no recorded answer yet, the receipt may have overtaken the answer. One that finds no message is
  held then, on disk too, until an answer names its id, for HOLD_SECONDS; then it is counted as unmatched. One that
  finds a message, but not surely, is held so for PUT_OFF_SECONDS, and then taken for that.
- A message in doubt (its answer was lost) has no reference. A receipt whose numbers fit one such message, and no other,
  settles it, unless a submit between the same numbers has no recorded answer yet: it may be for that one. A receipt may
  come before the doubt is known; it is held then, and looked at again.

A long message is delivered when each of its parts is, and undelivered with the first one that is; where its carrier
sends one receipt for all parts, that one decides.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from msgspec.structs import replace

from heliograph.core.lifecycle import RANK, TERMINAL, State, receipt_path
from heliograph.core.message import Event, Message, Part, PartReceipts
from heliograph.engine import matching
from heliograph.engine.awaited import CANDIDATES_MAX, Awaited, Place
from heliograph.engine.dropped import Dropped, Reason
from heliograph.engine.matching import Candidate, Choice, SentMessage, keys_of
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Clock, HeldReceipt, PartWait, Receipt, Store

log = structlog.get_logger(__name__)

HOLD_SECONDS = 300.0
"""How long a receipt may be ahead of the answer that names its reference: ten times the usual wait for an answer."""

PUT_OFF_SECONDS = 10.0
"""How long a receipt that finds a message, but not surely, waits for the answers to what is submitted. Short: a carrier
that writes ids in two bases and no numbers has all its receipts wait so while it is busy."""

PART_WAIT_SECONDS = 5.0
"""How long after the first receipt for a part those for the others are waited for at the least, however soon the
message's validity ends."""

CLOCKS_APART_SECONDS = 60
"""How much a carrier's clock may differ from ours, and its dates be rounded, and be believed."""

HELD_SWEEP_SECONDS = 5.0

FINAL_OF_PARTS = (State.DELIVERED, State.UNDELIVERED)

Numbers = tuple[str, str, str]
"""Carrier, sender and recipient, as carriers agree on them."""


@dataclass(slots=True)
class _Taken:
    carrier: str
    receipt: Receipt
    done: "asyncio.Future[str | None]"
    held: HeldReceipt | None = None


@dataclass(slots=True)
class _Work:
    """What a batch of receipts makes, to be written together. A message may take more than one step in it."""

    steps: list[Step] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    waits: list[PartWait] = field(default_factory=list)
    settled: list[tuple[_Taken, str | None]] = field(default_factory=list)
    unplaced: list[tuple[_Taken, Choice]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptLimits:
    """memory: sent messages kept in memory while their receipts are awaited. held: receipts held at once; at the limit
    the oldest is let go as unmatched. doubts: messages in doubt that receipts are compared with; further ones are
    settled by their validity only."""

    memory: int
    held: int
    doubts: int


class Receipts:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        transitions: Transitions,
        metrics: Metrics,
        dropped: Dropped,
        part_receipts: Callable[[str], PartReceipts],
        limits: ReceiptLimits,
    ) -> None:
        """part_receipts: which parts a carrier sends receipts for."""
        self._store = store
        self._clock = clock
        self._transitions = transitions
        self._metrics = metrics
        self._dropped = dropped
        self._part_receipts = part_receipts
        self._awaited = Awaited(limits.memory)
        self._limits = limits
        self._arrived: list[_Taken] = []
        self._arrived_again: list[_Taken] = []
        self._held: OrderedDict[int, HeldReceipt] = OrderedDict()
        self._held_under: dict[Place, list[HeldReceipt]] = {}
        self._put_off: dict[int, HeldReceipt] = {}
        """Held ones that found a message, but not surely."""
        self._at_work: dict[str, SentMessage] = {}
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

    def _expect_parts(self, message: Message, rows: Sequence[Part]) -> SentMessage:
        """All parts of a message share what is known of it, wherever that was read: the last receipt must see what the
        others said."""
        sent = self._newest(message, self._awaited.known(message.carrier or "", rows, message.id))
        for row in rows:
            if row.part not in sent.parts or row.state in TERMINAL:
                sent.parts[row.part] = row
        for row in rows:
            if sent.parts[row.part].state not in TERMINAL:
                self._await(row.carrier, row.carrier_ref, sent, row.part)
        return sent

    def _newest(self, message: Message, known: SentMessage | None = None) -> SentMessage:
        """A receipt may have found the message on disk just before: what that changed of it, those to come must see."""
        sent = self._at_work.get(message.id) or known or SentMessage(message)
        if RANK[message.state] >= RANK[sent.message.state]:
            sent.message = message
        return sent

    def _await(self, carrier: str, reference: str, sent: SentMessage, part: int) -> None:
        if not reference:
            return  # the carrier gave it no id: no receipt can name it
        place = self._awaited.add(carrier, Candidate(sent, part, reference))
        if self._held:
            for held in self._held_under.get(place, ()):
                self._arrive_again(held)

    def outcome(self, parts: Sequence[Part]) -> State | None:
        """What the receipts for a sent message's parts make of it so far."""
        return outcome_of_parts(parts, self._part_receipts(parts[0].carrier)) if parts else None

    def doubt(self, message: Message) -> None:
        """The answer to this message's submit was lost: a receipt may tell."""
        if message.carrier is None or message.id in self._doubts or len(self._doubts) >= self._limits.doubts:
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
        self._awaited.forget(message)

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
        """Before what has just arrived: it came earlier."""
        self._arrived_again.append(_Taken(held.carrier, held.receipt, asyncio.get_running_loop().create_future(), held))
        self._wake.set()

    async def load(self) -> None:
        """What an earlier run held, to be looked for again. Before any carrier starts."""
        for held in await self._store.held_receipts(self._limits.held):
            self._keep_held(held)
            self._arrive_again(held)  # its answer may have been recorded, and the process died before it was placed

    async def run(self) -> None:
        """Work off what arrived, as many together as there are, for as long as the server runs."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            arrived, self._arrived = [*self._arrived_again, *self._arrived], []
            self._arrived_again.clear()
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
        work = _Work()
        self._at_work.clear()
        # asked before looking: an answer that is recorded meanwhile is found by nobody who has looked already
        unanswered = {carrier for carrier in {taken.carrier for taken in arrived} if self.unanswered(carrier)}
        for taken in self._each_once(arrived):
            choice = await self._find(taken)
            found = choice.candidate
            if found is None or (not choice.is_sure and self._is_early(taken, unanswered)):
                work.unplaced.append((taken, choice))
                continue
            work.settled.append((taken, found.reference))
            if taken.receipt.state in FINAL_OF_PARTS:
                self._awaited.remove(taken.carrier, found)
            self._at_work[found.sent.message.id] = found.sent
            self._step(found, taken, work)
        if work.parts or work.events:
            await self._transitions.persist(lambda: self._store.keep_parts(work.parts, work.events, work.waits))
        await self._transitions.apply(work.steps)
        await self._hold(work.unplaced, unanswered)
        await self._release([taken.held for taken, _ in work.settled if taken.held is not None])
        for taken, reference in work.settled:
            if not taken.done.done():
                taken.done.set_result(reference)

    def _is_early(self, taken: _Taken, unanswered: set[str]) -> bool:
        """Whether an answer that is to come may name a better message."""
        if taken.carrier not in unanswered:
            return False
        return taken.held is None or taken.held.at > self._clock.now() - round(PUT_OFF_SECONDS * 1e6)

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

    async def _find(self, taken: _Taken) -> Choice:
        receipt, carrier, now = taken.receipt, taken.carrier, self._clock.now()
        keys = keys_of(receipt)
        if (usual := self._usual(carrier, receipt, keys)) is not None:
            return usual
        held = [each for key in keys for each in self._awaited.under(carrier, key)]
        choice = matching.choose(receipt, held, now)
        if choice.candidate is not None and choice.has_recipient and choice.is_open:
            return choice
        found: dict[tuple[str, int], Candidate] = {}
        for key in keys:
            on_disk = await self._on_disk(carrier, key)
            for each in (*self._awaited.under(carrier, key), *on_disk):  # its answer may have been recorded meanwhile
                found.setdefault((each.sent.message.id, each.part), each)
            choice = matching.choose(receipt, found.values(), now)
            if choice.is_open and (choice.has_recipient or not matching.tells_numbers(receipt)):
                return choice
        if choice.is_sure:
            return choice
        doubtful = self._doubtful(taken)
        return choice if doubtful.candidate is None else doubtful

    def _usual(self, carrier: str, receipt: Receipt, keys: Sequence[str]) -> Choice | None:
        """What nearly all receipts come to: one message in memory has the id, and the receipt names its recipient."""
        for key in keys:
            held = self._awaited.under(carrier, key)
            if len(held) != 1 or not matching.names_recipient(receipt, held[0].sent.message):
                continue
            if matching.allows(receipt, held[0].reference):
                return Choice(held[0], is_sure=True, has_recipient=True)
        return None

    async def _on_disk(self, carrier: str, key: str) -> list[Candidate]:
        """The newest messages that have such an id, those that have ended too; of one segment too may be made parts, by
        a carrier's alphabet."""
        persist = self._transitions.persist
        messages = await persist(lambda: self._store.by_carrier_ref(carrier, key, CANDIDATES_MAX))
        rows = await persist(lambda: self._store.parts_by_carrier_ref(carrier, key, CANDIDATES_MAX))
        in_parts: dict[str, SentMessage | None] = {}
        for row in rows:
            if row.message_id not in in_parts:
                in_parts[row.message_id] = await self._with_parts(row)
        found = [
            Candidate(sent, row.part, row.carrier_ref)
            for row in rows
            if (sent := in_parts[row.message_id]) is not None and row.part in sent.parts
        ]
        found += [
            Candidate(self._newest(message), 0, message.carrier_ref)
            for message in messages
            if message.id not in in_parts and message.carrier_ref
        ]
        return found

    async def _with_parts(self, row: Part) -> SentMessage | None:
        persist = self._transitions.persist
        message = await persist(lambda: self._store.message(row.project_id, row.message_id))
        if message is None:
            return None
        return self._expect_parts(message, await persist(lambda: self._store.parts_of(row.project_id, row.message_id)))

    def _doubtful(self, taken: _Taken) -> Choice:
        receipt = taken.receipt
        alike = self._alike(taken)
        if len(alike) != 1 or receipt.state not in FINAL_OF_PARTS or not receipt.carrier_ref:
            return matching.NOTHING
        message = self._doubts[next(iter(alike))]
        if message.segments > 1:
            return matching.NOTHING  # which of its parts this is for nobody can tell
        if self.unanswered_between(message):
            return matching.NOTHING
        self.resolved(message)
        return Choice(Candidate(SentMessage(message), 0, receipt.carrier_ref), is_sure=True)

    def _alike(self, taken: _Taken) -> set[str]:
        """The messages in doubt that it may be for."""
        numbers = _told_numbers(taken.carrier, taken.receipt) if self._doubts else None
        return self._by_numbers.get(numbers, set()) if numbers else set()

    # -- what it does

    def _step(self, found: Candidate, taken: _Taken, work: _Work) -> None:
        """Add what it makes to the work: a step, or what leaves the message's state as it is."""
        receipt, message = taken.receipt, found.sent.message
        if receipt.fault is not None:
            self._metrics.receipts["unreadable"].inc()
            self._dropped.add_receipt(taken.carrier, receipt, Reason.NO_STATE)
            work.events.append(self._transitions.event(message, "receipt_unreadable", detail=receipt.fault))
            return
        if found.part:
            self._part_step(found, receipt, work)
            return
        states = receipt_path(message.state, receipt.state)
        if not states:
            self._without_effect(message, receipt, "", work.events)
            return
        self._metrics.receipts["matched"].inc()
        work.steps.append(
            Step(
                message=message,
                states=states,
                error_code=receipt.error_code,
                carrier_ref=None if message.carrier_ref else found.reference,
                detail=receipt.detail,
                done_at=self._done_at(message, receipt),
            )
        )
        found.sent.message = replace(message, state=states[-1])

    def _part_step(self, found: Candidate, receipt: Receipt, work: _Work) -> None:
        sent, row = found.sent, found.sent.parts[found.part]
        which = f"part {row.part} of {row.total}: "
        if row.state in TERMINAL or receipt.state not in FINAL_OF_PARTS:
            self._without_effect(sent.message, receipt, which, work.events)
            return
        self._metrics.receipts["matched"].inc()
        row = replace(row, state=receipt.state, error_code=receipt.error_code, updated_at=self._clock.now())
        sent.parts[row.part] = row
        detail = which + (receipt.detail or receipt.state.value)
        outcome = outcome_of_parts(sent.parts.values(), self._part_receipts(row.carrier))
        states = receipt_path(sent.message.state, outcome) if outcome else ()
        if not states or sent.message.state is State.INITIATED:  # its other parts are not sent yet
            work.parts.append(row)
            kind = "part_delivered" if row.state is State.DELIVERED else "part_undelivered"
            work.events.append(self._transitions.event(sent.message, kind, error_code=row.error_code, detail=detail))
            if sent.message.state not in TERMINAL:
                work.waits.append(self._wait(sent.message))
            return
        work.steps.append(
            Step(
                message=sent.message,
                states=states,
                error_code=row.error_code,
                detail=detail,
                parts=(row,),
                done_at=self._done_at(sent.message, receipt),
            )
        )
        sent.message = replace(sent.message, state=states[-1])

    def _wait(self, message: Message) -> PartWait:
        due_at = max(message.expires_at, self._clock.now() + round(PART_WAIT_SECONDS * 1e6))
        return PartWait(project_id=message.project_id, message_id=message.id, due_at=due_at)

    def _done_at(self, message: Message, receipt: Receipt) -> int | None:
        """The carrier's date, where it lies within the message's life."""
        done_at, now, apart = receipt.done_at, self._clock.now(), CLOCKS_APART_SECONDS * 1_000_000
        if done_at is None or not message.created_at - apart <= done_at <= now + apart:
            return None
        return min(max(done_at, message.created_at), now)

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

    async def _hold(self, unplaced: list[tuple[_Taken, Choice]], unanswered: set[str]) -> None:
        """Keep those that may be ahead of an answer, let go of the others. Either way the carrier has done its part."""
        others = await self._let_ambiguous_go(unplaced, unanswered)
        fresh: list[tuple[HeldReceipt, Choice]] = []
        for taken, choice in others:
            if taken.held is not None:  # its time runs on
                self._keep_looking(taken.held, choice)
            elif self._may_be_early(taken, unanswered):
                fresh.append((self._held_of(taken), choice))
            else:
                self._let_go(taken.carrier, taken.receipt)
        if fresh:
            await self._transitions.persist(lambda: self._store.hold_receipts([held for held, _ in fresh]))
        for held, choice in fresh:
            self._keep_held(held)
            self._keep_looking(held, choice)
        for taken, _ in unplaced:
            if not taken.done.done():
                taken.done.set_result(None)

    def _may_be_early(self, taken: _Taken, unanswered: set[str]) -> bool:
        """Whether the answer, or the doubt, that names its message may be still to come."""
        return bool(keys_of(taken.receipt)) and (taken.carrier in unanswered or bool(self._alike(taken)))

    def _keep_looking(self, held: HeldReceipt, choice: Choice) -> None:
        """One that found a message, but not surely, is looked at again; unless it was let go of meanwhile."""
        if choice.has_any and held.held_no in self._held:
            self._put_off[held.held_no] = held

    async def _let_ambiguous_go(
        self, unplaced: list[tuple[_Taken, Choice]], unanswered: set[str]
    ) -> list[tuple[_Taken, Choice]]:
        """Of several messages that have its id no answer that is to come can tell which; returns the others."""
        events: list[Event] = []
        gone: list[HeldReceipt] = []
        others: list[tuple[_Taken, Choice]] = []
        for taken, choice in unplaced:
            if not choice.alike or (self._is_early(taken, unanswered) and not choice.has_recipient):
                others.append((taken, choice))
                continue
            events += self._ambiguous(taken, choice)
            gone += [taken.held] if taken.held is not None else []
        if events:
            await self._transitions.note_all(events)
        await self._release(gone)
        return others

    def _held_of(self, taken: _Taken) -> HeldReceipt:
        number = self._transitions.event_numbers.next()
        return HeldReceipt(carrier=taken.carrier, receipt=taken.receipt, held_no=number, at=self._clock.now())

    def _ambiguous(self, taken: _Taken, choice: Choice) -> list[Event]:
        """A line for each message that it may be for."""
        self._let_go(taken.carrier, taken.receipt, Reason.AMBIGUOUS)
        detail = f"{taken.receipt.detail or taken.receipt.state}: {len(choice.alike)} messages have its id"
        messages = {each.sent.message.id: each.sent.message for each in choice.alike}
        return [self._transitions.event(each, "receipt_ambiguous", detail=detail) for each in messages.values()]

    def _keep_held(self, held: HeldReceipt) -> None:
        """In memory; or to its message at once, where the answer was recorded while it was written down."""
        self._held[held.held_no] = held
        places = [(held.carrier, key) for key in keys_of(held.receipt)]
        for place in places:
            self._held_under.setdefault(place, []).append(held)
        if (numbers := _told_numbers(held.carrier, held.receipt)) is not None:
            self._held_between.setdefault(numbers, []).append(held)
        if any(place in self._awaited for place in places):
            self._arrive_again(held)

    async def sweep(self) -> None:
        """Look again at what may be for a message in doubt, and let go of what was held too long, for as long as the
        server runs."""
        while True:
            await asyncio.sleep(HELD_SWEEP_SECONDS)
            for numbers in self._held_between.keys() & self._by_numbers.keys():
                for held in self._held_between[numbers]:
                    self._arrive_again(held)
            put_off_before = self._clock.now() - round(PUT_OFF_SECONDS * 1e6)
            for held in [each for each in self._put_off.values() if each.at <= put_off_before]:
                self._arrive_again(held)
            before = self._clock.now() - round(HOLD_SECONDS * 1e6)
            spare = len(self._held) - self._limits.held
            gone = [held for place, held in enumerate(self._held.values()) if place < spare or held.at < before]
            for held in gone:
                self._let_go(held.carrier, held.receipt)
            await self._release(gone)

    async def _release(self, gone: Sequence[HeldReceipt]) -> None:
        """They were placed, or held too long."""
        for held in gone:
            self._held.pop(held.held_no, None)
            self._put_off.pop(held.held_no, None)
            for key in keys_of(held.receipt):
                alike = self._held_under.pop((held.carrier, key), [])
                if others := [other for other in alike if other is not held]:
                    self._held_under[held.carrier, key] = others
            if (numbers := _told_numbers(held.carrier, held.receipt)) is not None:
                alike = self._held_between.pop(numbers, [])
                if others := [other for other in alike if other is not held]:
                    self._held_between[numbers] = others
        if gone:
            await self._transitions.persist(lambda: self._store.release_receipts(gone))

    def _let_go(self, carrier: str, receipt: Receipt, reason: Reason = Reason.UNKNOWN_ID) -> None:
        self._metrics.receipts["unmatched"].inc()
        self._dropped.add_receipt(carrier, receipt, reason if receipt.carrier_ref else Reason.NO_ID)


def outcome_of_parts(parts: Iterable[Part], receipts: PartReceipts) -> State | None:
    """What the receipts for a long message's parts make of it, once it is sent, so that all of them are there; None
    while that is open. A row's `total` won't do: those taken at an earlier try were counted as the message's segments,
    of which a carrier's header or alphabet makes more or fewer parts. receipts: which parts get one."""
    rows = sorted(parts, key=lambda row: row.part)
    if any(row.state is State.UNDELIVERED for row in rows):
        return State.UNDELIVERED
    if receipts == "any":
        return State.DELIVERED if any(row.state is State.DELIVERED for row in rows) else None
    decisive = {"each": rows, "first": rows[:1], "last": rows[-1:]}[receipts]
    return State.DELIVERED if all(row.state is State.DELIVERED for row in decisive) else None


def between(message: Message) -> Numbers:
    """A message's carrier and numbers."""
    return (message.carrier or "", _digits(message.from_number), _digits(message.to_number))


def _told_numbers(carrier: str, receipt: Receipt) -> Numbers | None:
    if not receipt.from_number or not receipt.to_number:
        return None
    return (carrier, _digits(receipt.from_number), _digits(receipt.to_number))


def _digits(number: str) -> str:
    """A number as carriers agree on it: without + and leading zeros."""
    return number.lstrip("+0")
