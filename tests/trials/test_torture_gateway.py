"""A real server against every fault of the torture carrier: each message ends as it should, none is lost, none is sent
twice that is not marked uncertain, and nothing hangs beyond its validity; inbound messages and receipts are all kept.

One server has a carrier for each trial (a fault, in one of two kinds of binds), told apart by the prefixes of numbers.
All trials run at once, a few at a time; each test awaits its own and judges it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from gateway import SECONDS, Gateway, Report, Sent, Way, taken

from heliograph.torture import faults
from heliograph.torture.inbound import Inbound
from heliograph.torture.plans import Group
from heliograph.torture.settings import IdBase
from servers import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 16
"""Trials under way at once: enough to share their waiting, few enough that nothing is late for want of a processor."""

SINGLES, LONGS, PARTS = 3, 2, 3
SHORT_VALIDITY = 6
"""For messages that can only end by it: longer than an answer is waited for (twice response_seconds)."""

BINDS: Mapping[str, str] = {"trx": "transceiver", "pair": "transmitter_receiver"}

TORTURE: Mapping[str, Any] = {
    "answer_ms": 5.0,
    "receipt_ms": 50.0,
    "late_ms": 600.0,
    "short_ms": 100.0,
    "resend_ms": 3000.0,
    "seed": 7,
}

Check = Callable[[Report], None]

ALL = frozenset({"trx", "pair"})
DELIVERED = frozenset({"delivered"})
SENT = frozenset({"sent"})
NEVER = frozenset({"failed"})
LOST = frozenset({"undelivered?"})
TOLD = frozenset({"delivered?"})
"""In doubt, and settled by its receipt."""
CUT = frozenset({"delivered", "delivered?", "undelivered?"})
"""Connections that are cut have some messages in flight that nobody can tell of, whether or not they were taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A fault and what a sound gateway makes of it.

    fault: with its moment. single, long: the states in which messages may end, with ? where they are marked uncertain;
    long is as single unless given. once: each part was taken just once; else at most once. none: nothing was taken.
    validity: seconds. receives: inbound messages come through. settles: the carrier gets all its receipts acknowledged.
    again: an inbound message may be stored twice, for its acknowledgement may be lost.
    check: what else must hold.
    """

    fault: str
    single: frozenset[str] = DELIVERED
    long: frozenset[str] | None = None
    once: bool = True
    none: bool = False
    validity: int = 60
    receives: bool = True
    settles: bool = True
    again: bool = False
    kinds: frozenset[str] = ALL
    torture: Mapping[str, Any] = field(default_factory=dict)
    carrier: Mapping[str, object] = field(default_factory=dict)
    check: Check | None = None

    @property
    def name(self) -> str:
        return self.fault.partition("@")[0]

    @property
    def title(self) -> str:
        """For a test's and a carrier's name."""
        more = [f"{key}-{value}" for key, value in self.carrier.items() if key == "query"]
        return re.sub("[^a-z0-9_-]", "-", "-".join([self.fault, *more]).lower())


# -- what else must hold


def unmatched(count: int) -> Check:
    def check(report: Report) -> None:
        assert report.shown["unmatched"] >= count

    return check


def lines(kind: str, each_single: int, each_long: int) -> Check:
    def check(report: Report) -> None:
        assert [each.count(kind) for each in report.single] == [each_single] * SINGLES
        assert [each.count(kind) for each in report.long] == [each_long] * LONGS

    return check


def code(error_code: int) -> Check:
    def check(report: Report) -> None:
        assert {each.error_code for each in report.sent} == {str(error_code)}

    return check


def bound_again(report: Report) -> None:
    assert report.carrier.counts.binds > 1


def throttled(report: Report) -> None:
    assert report.shown["throttled"] > 0


def both(first: Check, second: Check) -> Check:
    def check(report: Report) -> None:
        first(report)
        second(report)

    return check


def resubmitted(report: Report) -> None:
    assert any(each.count("resubmitted") for each in report.sent)


def asked(report: Report) -> None:
    assert report.carrier.counts.queries > 0


def surprised(count: int) -> Check:
    def check(report: Report) -> None:
        assert sum(report.carrier.counts.surprises.values()) <= count

    return check


# -- the trials

EVERY_PART = SINGLES + LONGS * PARTS
UNREACHABLE: Mapping[str, Any] = {
    "single": NEVER, "none": True, "receives": False, "settles": False, "validity": 3, "check": code(30001)
}  # fmt: skip
"""A carrier that never lets us in."""
BY_REFERENCE: Mapping[str, object] = {"query": "reference", "query_after_seconds": 0.2}
SLOWLY: Mapping[str, object] = {"response_seconds": 4.0}
DOUBT: Mapping[str, Any] = {"once": False, "validity": SHORT_VALIDITY}


def no_way_in(fault: str, **more: Any) -> Iterator[Trial]:
    """It refuses us for good; or for a while, and then all goes through."""
    yield Trial(fault=fault, **{**UNREACHABLE, **more})
    yield Trial(fault=f"{fault}@first-3", **more)


CONNECTIONS = [
    Trial(fault="good-carrier"),
    *no_way_in("accept-then-close"),
    *no_way_in("connect-silent", carrier={"bind_seconds": 0.3}),
    Trial(fault="flapping", single=CUT, again=True, check=bound_again, **DOUBT),
    Trial(fault="unbind-anytime", single=CUT, again=True, check=bound_again, **DOUBT),
    Trial(fault="slow-reader", carrier=SLOWLY),
    Trial(fault="one-octet-at-a-time"),
    Trial(fault="enquire-link-silent", single=CUT, again=True, **DOUBT),
    Trial(fault="enquire-link-flood"),
    Trial(fault="enquire-link-with-body"),
    Trial(fault="bind-trailing-octet"),
    Trial(fault="bind-truncated"),
    *no_way_in("bind-refused"),
    *no_way_in("bind-password"),
    *no_way_in("bind-already"),
    *no_way_in("bind-throttled"),
    Trial(fault="bind-receiver-refused", kinds=frozenset({"trx"}), **UNREACHABLE),
    Trial(
        fault="bind-receiver-refused", kinds=frozenset({"pair"}), single=SENT, receives=False, settles=False
    ),
    *no_way_in("bind-no-answer", carrier={"bind_seconds": 0.3}),
    Trial(fault="bind-late"),
    Trial(fault="bind-late", carrier={"bind_seconds": 0.3}, **UNREACHABLE),
    *no_way_in("bind-cut"),
    Trial(
        fault="bind-then-close", single=NEVER | LOST, none=True, receives=False, settles=False, validity=3
    ),
    Trial(fault="bind-then-close@first-3", single=CUT, **DOUBT),
]  # fmt: skip

ANSWERS = [
    Trial(fault="no-answer", single=TOLD, long=LOST, validity=SHORT_VALIDITY),
    Trial(fault="no-answer", carrier=BY_REFERENCE, check=asked),
    Trial(fault="lost-submit", single=LOST, none=True, validity=SHORT_VALIDITY),
    Trial(fault="lost-submit@first-2", carrier=BY_REFERENCE, check=resubmitted),
    Trial(fault="late-answer", torture={"late_ms": 1400.0}),
    Trial(
        fault="late-answer", torture={"late_ms": 3000.0}, carrier={"response_seconds": 0.5}, single=TOLD, long=LOST,
        validity=SHORT_VALIDITY,
    ),
    Trial(fault="answers-reordered"),
    Trial(fault="throttle", single=NEVER, none=True, validity=3, check=both(throttled, code(30001))),
    Trial(fault="throttle@first-5", check=throttled),
    Trial(fault="throttle-burst"),
    Trial(fault="window-of-one", check=throttled),
    Trial(fault="window-of-one", carrier={"window_mode": "adaptive"}, check=throttled),
    Trial(fault="queue-full", single=NEVER, none=True, validity=3, check=code(30001)),
    Trial(fault="queue-full@every-3"),
    Trial(fault="sysfail", single=NEVER, none=True, validity=3, check=code(30001)),
    Trial(
        fault="sysfail@100%", single=NEVER, none=True, validity=3, torture={"answer_ms": 1000.0},
        carrier={"response_seconds": 3.0}, check=code(30001),
    ),  # a retry would be unanswered when the validity ends
    Trial(
        fault="sysfail,late-answer@after-9", single=NEVER, none=True, validity=3, torture={"late_ms": 3500.0},
        carrier={"response_seconds": 6.0}, check=code(30001),
    ),  # retries are unanswered when the validity ends
    Trial(fault="sysfail@every-3"),
    Trial(fault="error-with-body@every-3"),
    Trial(fault="generic-nack", single=NEVER, none=True, check=code(30008)),
    Trial(fault="empty-message-id", single=SENT, check=unmatched(EVERY_PART)),
    Trial(fault="long-message-id"),
    Trial(fault="message-id-reused"),
    Trial(fault="message-id-reused", carrier={"id_match": "exact"}),
    Trial(fault="cut-before-answer", single=CUT, again=True, **DOUBT),
    Trial(fault="cut-before-answer@first-2", carrier=BY_REFERENCE, again=True),
    Trial(fault="cut-before-taking", single=LOST, none=True, again=True, validity=SHORT_VALIDITY),
    Trial(fault="cut-before-taking@first-2", carrier=BY_REFERENCE, again=True, check=resubmitted),
    Trial(fault="reset-before-answer", single=CUT, again=True, **DOUBT),
    Trial(fault="reset-before-answer@first-2", carrier=BY_REFERENCE, again=True),
    Trial(fault="cut-after-answer", single=CUT, again=True, **DOUBT),
    Trial(fault="half-open", single=CUT, again=True, check=bound_again, **DOUBT),
    Trial(fault="half-open@first-1", carrier=BY_REFERENCE, again=True, check=bound_again),
]  # fmt: skip

STATUSES = [
    Trial(fault="status-RINVDSTADR", single=NEVER, none=True, check=code(30005)),
    Trial(fault="status-RINVSRCADR", single=NEVER, none=True, check=code(30004)),
    Trial(fault="status-RX_R_APPN", single=NEVER, none=True, check=code(30007)),
    Trial(fault="status-0x00000432", single=NEVER, none=True, check=code(30008)),
    Trial(
        fault="status-0x00000433@every-3", carrier={"statuses": {"0x433": "temporary"}}
    ),
    Trial(
        fault="status-RINVMSGLEN@every-3", single=DELIVERED | NEVER, long=DELIVERED | NEVER | {"undelivered"},
        once=False,
    ),
]  # fmt: skip

UNDELIVERED = frozenset({"undelivered"})

RECEIPTS = [
    Trial(fault="no-receipt", single=SENT),
    Trial(fault="receipt-before-answer"),
    Trial(fault="receipt-twice", check=lines("receipt_ignored", 1, PARTS)),
    Trial(fault="receipt-trailing-octet"),
    Trial(fault="receipt-cut-tlv"),
    Trial(fault="receipt-ack-ignored", check=lines("receipt_ignored", 1, PARTS)),
    Trial(fault="receipt-late"),
    Trial(fault="receipts-reordered"),
    Trial(fault="receipt-unknown-id", single=SENT, check=unmatched(EVERY_PART)),
    Trial(fault="receipt-stray", check=unmatched(EVERY_PART)),
    Trial(fault="receipt-wrong-base"),
    Trial(fault="receipt-padded"),
    Trial(fault="receipt-unpadded", torture={"ids": IdBase.PADDED}),
    Trial(fault="receipt-case", torture={"ids": IdBase.HEX}),
    Trial(fault="receipt-case", torture={"ids": IdBase.UUID}),
    Trial(fault="receipt-case", torture={"ids": IdBase.UUID}, carrier={"id_match": "ignore_case"}),
    Trial(fault="receipt-hyphens", torture={"ids": IdBase.UUID}),
    Trial(fault="receipt-tlv-other-id"),
    Trial(fault="receipt-text-other-id"),
    Trial(fault="receipt-addresses-empty"),
    Trial(fault="receipt-addresses-empty,receipt-wrong-base"),
    Trial(fault="receipt-addresses-empty,receipt-padded"),
    Trial(fault="receipt-addresses-unturned,receipt-wrong-base"),
    Trial(fault="receipt-bare-state"),
    Trial(fault="receipt-no-state", single=SENT, check=lines("receipt_unreadable", 1, PARTS)),
    Trial(fault="receipt-unknown-word", single=UNDELIVERED, check=code(30008)),
    Trial(fault="receipt-unknown-word", carrier={"unknown_stat": "delivered"}),
    Trial(
        fault="receipt-unknown-word",
        carrier={"stats": {"NOCRED": "undelivered:30007"}},
        single=UNDELIVERED,
        check=code(30007),
    ),
    Trial(fault="receipt-buffered", check=lines("receipt_intermediate", 1, PARTS)),
    Trial(fault="receipt-coding-ucs2"),
    Trial(fault="receipt-text-ucs2"),
    Trial(fault="receipt-clock-ahead", carrier={"receipt_offset_minutes": 120}),
    Trial(fault="receipt-first-part", long=SENT),
    Trial(fault="receipt-first-part", carrier={"part_receipts": "first"}),
    Trial(fault="receipt-last-part", carrier={"part_receipts": "last"}),
    Trial(fault="receipt-last-part", carrier={"part_receipts": "any"}),
    Trial(fault="receipt-garbage-text", single=SENT, check=unmatched(EVERY_PART)),
    Trial(fault="receipt-empty", single=SENT, check=unmatched(EVERY_PART)),
    Trial(fault="receipt-tlv-only"),
    Trial(fault="receipt-text-only"),
    Trial(fault="receipt-missing-fields"),
    Trial(fault="receipt-fields-reordered"),
    Trial(fault="receipt-spelling"),
    Trial(fault="receipt-data-sm"),
    Trial(fault="receipt-unmarked"),
    Trial(fault="receipt-addresses-unturned"),
    Trial(fault="receipt-intermediate", check=lines("receipt_intermediate", 2, 2 * PARTS)),
    Trial(fault="receipt-undelivered", single=UNDELIVERED, check=code(30005)),
    Trial(fault="receipt-contradicts", check=lines("receipt_ignored", 1, PARTS)),
    Trial(fault="receipt-state-ENROUTE", single=SENT),
    Trial(fault="receipt-state-DELIVERED"),
    Trial(fault="receipt-state-EXPIRED", single=UNDELIVERED, check=code(30003)),
    Trial(fault="receipt-state-DELETED", single=UNDELIVERED, check=code(30008)),
    Trial(fault="receipt-state-UNDELIVERABLE", single=UNDELIVERED, check=code(30008)),
    Trial(fault="receipt-state-ACCEPTED", single=SENT),
    Trial(fault="receipt-state-UNKNOWN", single=UNDELIVERED, check=code(30008)),
    Trial(fault="receipt-state-REJECTED", single=UNDELIVERED, check=code(30007)),
]

OCTETS = [
    Trial(fault="wrong-sequence", single=TOLD, long=LOST, validity=SHORT_VALIDITY),
    Trial(fault="duplicate-answer"),
    Trial(fault="unsolicited-answer"),
    Trial(fault="wrong-answer-command", single=DELIVERED | TOLD, long=DELIVERED | LOST, validity=SHORT_VALIDITY),
    Trial(fault="nack-of-nothing"),
    Trial(fault="unknown-pdu"),
    Trial(fault="unknown-tlvs"),
    Trial(fault="trailing-octet"),
    Trial(fault="truncated-pdu"),
    Trial(fault="answer-cut-tlv"),
    Trial(fault="answer-unreadable", single=SENT, check=unmatched(EVERY_PART)),
    Trial(fault="cut-mid-pdu", single=CUT, again=True, **DOUBT),
    Trial(fault="bad-length", single=CUT, again=True, **DOUBT),
    Trial(fault="zero-length-pdu", single=CUT, again=True, **DOUBT),
    Trial(fault="short-length-pdu", single=CUT, again=True, **DOUBT),
    Trial(fault="oversized-pdu", single=CUT, again=True, **DOUBT),
    Trial(fault="garbage-bytes", single=CUT, again=True, **DOUBT),
]

INBOUND = [
    Trial(fault="mo-duplicate", again=True),
    Trial(fault="mo-part-missing"),
    Trial(fault="mo-parts-reordered"),
    Trial(fault="mo-parts-spread", carrier={"binds": 3}),
    Trial(fault="mo-interleaved"),
    Trial(fault="mo-bad-udh"),
    Trial(fault="mo-unknown-coding"),
    Trial(fault="mo-trailing-octet"),
    Trial(fault="mo-cut-tlv"),
    Trial(fault="mo-reference-reused"),
    Trial(fault="mo-single-shift"),
    Trial(fault="mo-national-numbers", carrier={"country": "US"}),
]

QUERIES = [
    Trial(fault="query-fails,no-answer", carrier=BY_REFERENCE, single=TOLD, long=LOST, validity=SHORT_VALIDITY),
    Trial(fault="query-unknown,lost-submit@first-2", carrier=BY_REFERENCE, check=resubmitted),
    Trial(fault="query-no-answer,no-answer", carrier=BY_REFERENCE, single=TOLD, long=LOST, validity=8),
]

TRIALS = [*CONNECTIONS, *ANSWERS, *STATUSES, *RECEIPTS, *OCTETS, *INBOUND, *QUERIES]
NAMED = [(f"{trial.title}-{kind}", trial, kind) for trial in TRIALS for kind in sorted(trial.kinds)]


def _told_apart() -> dict[str, tuple[Trial, str]]:
    """The trials by name; those of one fault with other settings are numbered."""
    found: dict[str, tuple[Trial, str]] = {}
    for name, trial, kind in NAMED:
        number = 2
        unique = name
        while unique in found:
            unique, number = f"{name}-{number}", number + 1
        found[unique] = trial, kind
    return found


BY_NAME = _told_apart()

ON_POSTGRESQL = [
    name for name, (trial, kind) in BY_NAME.items()
    if kind == "trx" and trial.fault in {
        "good-carrier", "flapping", "no-answer", "throttle-burst", "cut-before-answer", "half-open", "receipt-twice",
        "receipt-before-answer", "receipt-wrong-base", "bad-length", "mo-part-missing", "mo-interleaved",
        "mo-duplicate", "mo-reference-reused", "mo-single-shift", "sysfail@every-3", "throttle", "sysfail",
    }
]  # fmt: skip


# -- how they run


class World:
    """A gateway and its trials."""

    def __init__(self, gateway: Gateway, names: Sequence[str]) -> None:
        self.gateway = gateway
        self._names = names
        self._room = asyncio.Semaphore(AT_ONCE)
        self.reports: dict[str, asyncio.Task[Report]] = {}
        for name in names:
            trial, kind = BY_NAME[name]
            asked_for = () if trial.name == "good-carrier" else tuple(trial.fault.split(","))
            torture = {**TORTURE, "faults": asked_for, **trial.torture}
            gateway.way(name, torture, bind=BINDS[kind], **trial.carrier)

    async def start(self) -> None:
        """Faults of binds and connections strike from their trial's start on, not before."""
        for name in self._names:
            if BY_NAME[name][0] not in CONNECTIONS:
                await self.gateway.start_smsc(self.gateway.ways[name])
        await self.gateway.__aenter__()
        for name in self._names:
            self.reports[name] = asyncio.create_task(self._run(name))

    async def stop(self) -> None:
        for task in self.reports.values():
            task.cancel()
        await asyncio.gather(*self.reports.values(), return_exceptions=True)
        await self.gateway.__aexit__(None, None, None)

    async def _run(self, name: str) -> Report:
        trial, _ = BY_NAME[name]
        way = self.gateway.ways[name]
        async with self._room, asyncio.timeout(SECONDS):
            if trial in CONNECTIONS:
                await self.gateway.start_smsc(way)
            handset = way.next_number()
            sent = await self._sent(trial, way)
            came = [way.smsc.inbound(each) for each in _questions(handset, self.gateway.number, name)]
            await self._ended(trial, sent)
            if trial.receives:
                await asyncio.gather(*came)
            if trial.settles:
                await way.smsc.settled(SECONDS)
            wanted = len(_answers(trial, name)) if trial.receives else 0
            await self.gateway.told.until(lambda: len(self.gateway.told.inbound[handset]) >= wanted)
            return Report(
                sent=[await self.gateway.look(each) for each in sent],
                taken=taken(way.smsc),
                received=await self.gateway.received(handset),
                shown=(await self.gateway.carriers())[name],
                carrier=way.smsc,
            )

    async def _sent(self, trial: Trial, way: Way) -> list[Sent]:
        send = self.gateway.send
        single = [
            send(way.next_number(), f"Single {number} of {way.name}", ValidityPeriod=trial.validity)
            for number in range(SINGLES)
        ]
        long = [
            send(way.next_number(), long_text(f"Long {number}"), parts=PARTS, ValidityPeriod=trial.validity)
            for number in range(LONGS)
        ]
        return await asyncio.gather(*single, *long)

    async def _ended(self, trial: Trial, sent: Sequence[Sent]) -> None:
        """When each has come to an end that it may come to; those that may stay sent, when they are that."""
        allowed = trial.single | (trial.long or frozenset())
        ends = (
            ("sent", "delivered", "undelivered", "failed")
            if "sent" in allowed
            else ("delivered", "undelivered", "failed")
        )
        try:
            await self.gateway.told.until(self.gateway.ended(sent, ends))
        except TimeoutError:
            shown = [(each.sid, self.gateway.told.states[each.sid]) for each in sent]
            raise AssertionError(f"not all came to an end: {shown}") from None


def long_text(name: str) -> str:
    """A text of PARTS parts, each of which differs."""
    words = " ".join(f"{name} {number}." for number in range(100))
    return words[: 153 * PARTS - 10]


def _questions(handset: str, number: str, name: str) -> list[Inbound]:
    return [
        Inbound(source=handset, destination=number, text=f"A question, {name}"),
        Inbound(source=handset, destination=number, text=long_text("Q")),
    ]


def _answers(trial: Trial, name: str) -> list[str]:
    """The texts that handsets' messages must come to, each once."""
    short, long = f"A question, {name}", long_text("Q")
    match trial.name:
        case "mo-part-missing":
            return [short, long[: 153 * (PARTS - 1)]]
        case "mo-interleaved":
            return [short, short, long, long]
        case "mo-reference-reused":
            return [short, long, f"{long[:-1]}!"]
        case "mo-single-shift":
            return [short.replace("a", "\xe1"), long.replace("a", "\xe1")]
        case "mo-bad-udh" | "mo-unknown-coding":
            return []
        case _:
            return [short, long]


# -- how they are judged


def judge(trial: Trial, name: str, report: Report) -> None:
    _judge_ends(trial, report)
    _judge_taken(trial, report)
    if trial.receives:
        _judge_received(trial, name, report)
    if trial.check is not None:
        trial.check(report)
    if trial.name != "good-carrier":
        for fault in trial.fault.split(","):
            assert report.carrier.faults.get(fault.partition("@")[0]), f"{fault} never struck"


def _judge_ends(trial: Trial, report: Report) -> None:
    for sent, allowed in [
        *((each, trial.single) for each in report.single),
        *((each, trial.long or trial.single) for each in report.long),
    ]:
        steps = [(step["kind"], step["state"], step["detail"]) for step in sent.steps]
        assert sent.end in allowed, (sent.to, sent.end, sent.error_code, steps)


def _judge_taken(trial: Trial, report: Report) -> None:
    """None twice; and once what is called sent. The policy is to hold what is uncertain: it isn't sent again either."""
    assert [each for each, count in report.taken.items() if count > 1] == []
    for sent in report.sent:
        parts = [report.taken[sent.to, part] for part in range(1, sent.parts + 1)]
        if trial.none:
            assert sum(parts) == 0, (sent.to, parts)
        elif sent.status in ("sent", "delivered") or (trial.once and sent.parts == 1):
            assert parts == [1] * sent.parts, (sent.to, parts, sent.end)


def _judge_received(trial: Trial, name: str, report: Report) -> None:
    bodies = sorted(each.body for each in report.received)
    wanted = sorted(_answers(trial, name))
    if trial.again:
        short = [body for body in bodies if body == f"A question, {name}"]
        assert 1 <= len(short) <= 3
        assert [body for body in bodies if body not in short] == [body for body in wanted if body not in short]
    elif wanted:
        assert bodies == wanted
    assert {each.status for each in report.received} <= {"received"}
    if trial.name == "mo-part-missing":
        assert [each.detail for each in report.received if each.detail and "incomplete" in each.detail] == [
            f"incomplete: of {PARTS} parts, {PARTS} never came"
        ]
    if trial.name in ("mo-bad-udh", "mo-unknown-coding"):
        assert report.carrier.counts.inbound_acknowledged + report.carrier.counts.inbound_rejected == 1 + PARTS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Every trial that is asked for, on SQLite."""
    async for each in _world(tmp_path_factory.mktemp("sqlite"), _asked_for(request, "world"), None):
        yield each


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on_postgresql(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[World]:
    """A few of them on PostgreSQL."""
    url = postgres.create_database()
    async for each in _world(tmp_path_factory.mktemp("postgresql"), _asked_for(request, "on_postgresql"), url):
        yield each
    postgres.drop_database(url)


def _asked_for(request: pytest.FixtureRequest, world: str) -> list[str]:
    """The trials of the tests that were chosen to run in a world."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    mine = [item for item in items if item.path == request.path and world in item.fixturenames]
    named = [item.callspec.params["name"] for item in mine if hasattr(item, "callspec")]
    return list(dict.fromkeys(named))


async def _world(folder: Path, names: Sequence[str], url: str | None) -> AsyncIterator[World]:
    made = World(Gateway(folder, database_url=url), names)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


@pytest.mark.parametrize("name", list(BY_NAME))
async def test_fault(world: World, name: str) -> None:
    judge(BY_NAME[name][0], name, await world.reports[name])


async def test_receipts_are_counted_as_the_timelines_tell_them(world: World) -> None:
    reports = [await each for each in world.reports.values()]
    # Some trials end while their carrier still sends receipts.
    sent = [await world.gateway.look(message) for report in reports for message in report.sent]
    counted = await world.gateway.metric("heliograph_receipts_total")
    by_outcome = {outcome: 0.0 for outcome in ("matched", "repeated", "intermediate", "unreadable", "unmatched")}
    for labels, value in counted.items():
        found = re.search('outcome="([a-z]+)"', labels)
        by_outcome[found[1] if found else ""] += value
    assert by_outcome["repeated"] == sum(each.count("receipt_ignored") for each in sent)
    assert by_outcome["intermediate"] == sum(each.count("receipt_intermediate") for each in sent)
    assert by_outcome["unreadable"] == sum(each.count("receipt_unreadable") for each in sent)
    assert by_outcome["matched"] > len([each for each in sent if each.status == "delivered"])


async def test_nothing_of_ours_broke(world: World) -> None:
    await asyncio.gather(*world.reports.values(), return_exceptions=True)
    log = world.gateway.node.log()
    assert [line for line in log.splitlines() if "Traceback" in line or "broke" in line or "not_taken" in line] == []


@pytest.mark.parametrize("name", ON_POSTGRESQL)
async def test_fault_on_postgresql(on_postgresql: World, name: str) -> None:
    judge(BY_NAME[name][0], name, await on_postgresql.reports[name])


async def test_every_fault_has_a_trial() -> None:
    tried = {fault.partition("@")[0] for trial in TRIALS for fault in trial.fault.split(",")}
    assert {fault.name for fault in faults.TABLE if not fault.name.startswith("status-")} - tried == set()
    assert {fault.group for fault in faults.TABLE} == set(Group)
