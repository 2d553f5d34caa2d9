"""Asking a carrier by query_sm (SMPP 3.4, 4.8).

`query = "reference"`: what became of a submit whose answer was lost. The standard knows no such question, for query_sm
asks by the id that the lost answer would have told. Our own door (smsc/references.py) and the torture carrier,
`heliograph smsc`, take it as an extension: each submit_sm bears the TLV user_message_reference
(writing.query_reference), and a query_sm with an empty message_id and that TLV asks for it. ESME_ROK and a message_id:
it was taken; ESME_RINVMSGID: it was not; else: can't say.

`query = "message_id"`: a receipt that is overdue is asked for by id, again and again with growing pauses. Only what
this process sent is asked for.
"""

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from msgspec import Struct

from heliograph.carrier_config import CarrierConfig
from heliograph.carriers.smpp.addresses import Written
from heliograph.carriers.smpp.bind import Bind
from heliograph.carriers.smpp.link import Link, LinkLost, NoAnswer
from heliograph.carriers.smpp.writing import query_reference
from heliograph.core.errors import StoreUnavailable
from heliograph.ports import Answer
from heliograph.wire.smpp import receipt as receipts
from heliograph.wire.smpp.pdu import QuerySm, QuerySmResp, Status, SubmitSm, Tag

log = structlog.get_logger(__name__)

WAIT_SECONDS: Final = 60.0
"""How long a question waits for a connection; a carrier that is away longer can't say."""

TRIES: Final = 3
"""Questions for a lost answer whose connections may be lost before they are answered. No more: a carrier that cuts the
connection for the question would do so each time."""

AWAITED_MAX: Final = 100_000
"""Receipts that are awaited so as to be asked for, some 30 MB; of more the oldest are not asked for."""

AT_ONCE: Final = 10
"""Questions under way at once: they cost the carrier as much as a submit and must not crowd those out."""

ASKED_MOST: Final = 8
"""Questions for one receipt; the pause doubles each time."""

Ask = Callable[[QuerySm], Coroutine[Any, Any, tuple[int, QuerySmResp]]]
"""Raises LinkLost, NoAnswer."""


class Doubts:
    """The questions for lost answers."""

    def __init__(self, config: CarrierConfig, clock: Callable[[], float]) -> None:
        self.config = config
        self._now = clock
        self._lost_at = clock()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._binds: list[Bind] = []
        self._bound = asyncio.Event()

    def bind_changed(self, bind: Bind) -> None:
        if not bind.sends:
            return
        if bind.bound:
            self._binds.append(bind)
            self._bound.set()
        elif bind in self._binds:
            self.lost()
            self._binds.remove(bind)

    def lost(self) -> None:
        """An answer was lost: what was asked may be under way still, so that it is too soon to ask."""
        self._lost_at = self._now()

    async def ask_for(self, message_id: str, source: Written, total: int) -> Answer | None:
        """What became of a message of so many parts."""
        told: list[str | bool | None] = [None]
        try:
            async with asyncio.timeout(WAIT_SECONDS + TRIES * self.config.query_after_seconds):
                for _ in range(TRIES):
                    await self._until_quiet()
                    try:
                        async with self._room:
                            told = [await self._ask_for_part(message_id, source, part) for part in range(1, total + 1)]
                        break
                    except LinkLost:
                        continue
        except TimeoutError:
            return None
        if None in told:
            return None
        taken = {part: ref for part, ref in enumerate(told, 1) if isinstance(ref, str)}
        if len(taken) == total:
            return Answer(refs=tuple(taken.values()))
        return Answer(refs=None, accepted=taken)

    async def _until_quiet(self) -> None:
        while (wait := self._lost_at + self.config.query_after_seconds - self._now()) > 0:  # noqa: ASYNC110 - until a moment that may move
            await asyncio.sleep(wait)

    async def _ask_for_part(self, message_id: str, source: Written, part: int) -> str | bool | None:
        """The part's id; False: it was not taken; None: can't say."""
        ton, npi, address = source
        tlvs: dict[int, bytes] = {Tag.USER_MESSAGE_REFERENCE: query_reference(message_id, part)}
        try:
            status, answer = await self.ask(
                QuerySm(source_addr_ton=ton, source_addr_npi=npi, source_addr=address, tlvs=tlvs)
            )
        except NoAnswer:
            return None
        if status == Status.ROK:
            return answer.message_id
        return False if status == Status.RINVMSGID else None

    async def ask(self, question: QuerySm) -> tuple[int, QuerySmResp]:
        """Over whatever bind stands, or the next one to stand. Raises LinkLost, NoAnswer."""
        while (link := self._standing()) is None:
            self._bound.clear()
            await self._bound.wait()
        response = await link.request(question)
        answer = response.pdu
        return response.status, answer if isinstance(answer, QuerySmResp) else QuerySmResp()

    def _standing(self) -> Link | None:
        return next((bind.link for bind in self._binds if bind.link is not None and bind.link.may_ask), None)


class Awaited(Struct, eq=False):
    """A receipt that is to come. message_id: as the carrier wrote it."""

    message_id: str
    source: Written
    due: float
    asked: int = 0

    def __lt__(self, other: "Awaited") -> bool:
        return self.due < other.due


class Overdue:
    """tell: hands a result over as a receipt: (id as it is kept, what the carrier said)."""

    def __init__(
        self,
        config: CarrierConfig,
        clock: Callable[[], float],
        ask: Ask,
        tell: Callable[[str, receipts.Receipt], Coroutine[Any, Any, None]],
    ) -> None:
        self.config = config
        self._now = clock
        self._ask = ask
        self._tell = tell
        self._awaited: OrderedDict[str, Awaited] = OrderedDict()
        self._line: list[tuple[Awaited, str]] = []
        """By the moment at which they are due; of those that came meanwhile some are there yet."""
        self._stopped = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._awaited)

    def await_receipt(self, kept: str, message_id: str, part: SubmitSm) -> None:
        source = part.source_addr_ton, part.source_addr_npi, part.source_addr
        due = self._now() + self.config.query_after_seconds
        self._add(kept, Awaited(message_id=message_id, source=source, due=due))

    def came(self, kept: str) -> None:
        self._awaited.pop(kept, None)

    def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._tasks:
            task.cancel()

    def _add(self, kept: str, awaited: Awaited) -> None:
        self._awaited[kept] = awaited
        if len(self._awaited) > AWAITED_MAX:
            self._awaited.popitem(last=False)
        if len(self._line) > 2 * AWAITED_MAX:
            self._line = [each for each in self._line if self._is_awaited(each)]
            heapq.heapify(self._line)
        heapq.heappush(self._line, (awaited, kept))
        if self._timer is not None and self._line[0][0] is awaited:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._arm()

    def _is_awaited(self, placed: tuple[Awaited, str]) -> bool:
        return self._awaited.get(placed[1]) is placed[0]

    def _arm(self) -> None:
        """For the first in line."""
        if self._stopped:
            return
        while self._line and not self._is_awaited(self._line[0]):
            heapq.heappop(self._line)
        if self._line and len(self._tasks) < AT_ONCE:
            due = self._line[0][0].due
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._now()), self._ask_some)

    def _ask_some(self) -> None:
        self._timer = None
        now = self._now()
        while self._line and len(self._tasks) < AT_ONCE and self._line[0][0].due <= now:
            placed = awaited, kept = heapq.heappop(self._line)
            if not self._is_awaited(placed):
                continue
            del self._awaited[kept]
            task = asyncio.get_running_loop().create_task(self._settle(kept, awaited))
            self._tasks.add(task)
            task.add_done_callback(self._settled)
        self._arm()

    def _settled(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if self._timer is None and not task.cancelled():
            self._arm()

    async def _settle(self, kept: str, awaited: Awaited) -> None:
        try:
            settled = await self._is_settled(kept, awaited)
        except (StoreUnavailable, LinkLost, NoAnswer):
            settled = False
        except Exception:
            log.exception("smpp.query_broke", carrier=self.config.name)
            settled = True
        awaited.asked += 1
        if not settled and awaited.asked < ASKED_MOST:
            awaited.due = self._now() + self.config.query_after_seconds * 2.0**awaited.asked
            self._add(kept, awaited)

    async def _is_settled(self, kept: str, awaited: Awaited) -> bool:
        ton, npi, address = awaited.source
        status, answer = await self._ask(
            QuerySm(message_id=awaited.message_id, source_addr_ton=ton, source_addr_npi=npi, source_addr=address)
        )
        if status != Status.ROK:
            return False
        state = receipts.state_of(str(answer.message_state))
        if state is None or not state.is_final:
            return False
        error = f"{answer.error_code:03d}" if answer.error_code else None
        await self._tell(kept, receipts.Receipt(message_id=awaited.message_id, state=state, error=error))
        return True
