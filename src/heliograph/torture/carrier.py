"""The torture carrier: an SMSC (SMPP 3.4) for tests. A good one unless faults are asked for; then as bad as they say.

For tests in a process:

    carrier = TortureCarrier(TortureSettings(receipt_ms=20, faults=("receipt-twice",)))
    await carrier.start()                      # carrier.port
    taken = await carrier.next_submit()        # taken.text, taken.destination, taken.id ...
    await carrier.settled()                    # every receipt and inbound message that is owed was acknowledged
    carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Hello"))
    await carrier.until(lambda: carrier.counts.binds == 2)
    await carrier.stop()

and `heliograph smsc` for everybody else.

- A submit is taken at the moment it is read; its answer follows `answer_ms` later, whatever the others do.
- What is owed (receipts, inbound messages) is sent until it is acknowledged, on any connection that is bound to
  receive, and survives this process where there is a journal.
- Extension: query_sm with an empty message_id and the TLV user_message_reference finds the last message that its
  source_addr submitted with that reference, and the answer names its id; RINVMSGID: there is none. For gateways that
  lost an answer.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from heliograph.net.clock import SystemClock
from heliograph.ports import Clock
from heliograph.torture.connection import Connection
from heliograph.torture.counts import Counts
from heliograph.torture.inbound import Inbound
from heliograph.torture.journal import Journal
from heliograph.torture.messages import Messages, Taken
from heliograph.torture.owed import Owed
from heliograph.torture.plans import LinkPlan, Then
from heliograph.torture.requests import Requests, query_parts
from heliograph.torture.run import Run
from heliograph.torture.settings import TortureSettings
from heliograph.torture.submits import Submits
from heliograph.wire.smpp.pdu import (
    RESPONSE_BIT,
    Bind,
    CancelSm,
    Command,
    DataSm,
    FramingError,
    GenericNack,
    Header,
    Pdu,
    ProtocolError,
    QuerySm,
    ReplaceSm,
    Status,
    SubmitMulti,
    SubmitSm,
    decode,
)


@dataclass(slots=True)
class _Waiting:
    condition: Callable[[], bool]
    future: "asyncio.Future[None]"


class TortureCarrier:
    """Belongs to one event loop, from `start` to `stop`."""

    def __init__(self, settings: TortureSettings | None = None, *, clock: Clock | None = None) -> None:
        """Raises UnknownFault."""
        self.settings = settings or TortureSettings()
        self.port = self.settings.port
        self._run = Run(self.settings, clock or SystemClock(), _later, self.turn_over)
        self._owed = Owed(self._run)
        self._submits = Submits(self._run, self._owed)
        self._requests = Requests(self._run, self._owed)
        self._server: asyncio.Server | None = None
        self._links: set[Connection] = set()
        self._unwritten: list[Connection] = []
        self._waiting: list[_Waiting] = []

    # -- life

    async def start(self) -> None:
        """Listen, and go on with what the journal says is owed. Raises OSError: the port, the journal, TLS files."""
        path = self.settings.journal
        if path is not None:
            self._owed.restore(path)
            self._run.journal = Journal(path)
        await self.up()

    async def stop(self) -> None:
        """Cut every connection and end."""
        await self.down()
        self._run.timers.clear()
        for waiting in self._waiting:
            waiting.future.cancel()
        if self._run.journal is not None:
            self._run.journal.close()
            self._run.journal = None

    async def up(self) -> None:
        """Listen, again on the same port after `down`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, self.settings.host, self.port, ssl=_tls(self.settings))
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Listen no more and cut every connection, as a carrier that has gone; what is owed is kept."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        await asyncio.sleep(0)  # the connections hear of it in the next turn

    def cut(self) -> None:
        """Cut every connection; who connects again is welcome."""
        for link in list(self._links):
            link.abort()

    def unbind(self) -> None:
        """Ask every bound peer to unbind."""
        for link in list(self._links):
            if link.bound:
                self._requests.unbind_peer(link)
        self.turn_over()

    # -- what tests ask

    @property
    def counts(self) -> Counts:
        return self._run.counts

    @property
    def faults(self) -> dict[str, int]:
        """How often each fault struck."""
        return dict(self._run.faults.struck)

    @property
    def messages(self) -> Messages:
        """Those that were taken."""
        return self._run.messages

    @property
    def bound(self) -> int:
        """Connections that are bound now."""
        return self._requests.bound

    @property
    def owed(self) -> int:
        """Receipts, also those whose moment is to come, and inbound PDUs that weren't acknowledged."""
        return self._owed.open

    def busiest_second(self, sender: str | None = None) -> int:
        """The most submits that came within any one second, from this sender (as on the wire) or from all."""
        return self._run.arrivals.busiest_second(sender)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for what is looked at after each turn in which something happened; raises TimeoutError."""
        if condition():
            return
        waiting = _Waiting(condition, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting.future
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    async def next_submit(self, seconds: float = 10.0) -> Taken:
        """The next message that is taken from now on; raises TimeoutError."""
        queue: deque[Taken] = deque()
        self._submits.on_taken.append(queue)
        try:
            await self.until(lambda: bool(queue), seconds)
            return queue[0]
        finally:
            self._submits.on_taken.remove(queue)

    async def accepted(self, count: int, seconds: float = 10.0) -> None:
        """Wait until this many messages were taken since the start."""
        await self.until(lambda: self.counts.accepted >= count, seconds)

    async def binds(self, count: int, seconds: float = 10.0) -> None:
        """Wait until this many connections are bound at once."""
        await self.until(lambda: self.bound >= count, seconds)

    async def settled(self, seconds: float = 10.0) -> None:
        """Wait until nothing is owed."""
        await self.until(lambda: not self.owed, seconds)

    def inbound(self, inbound: Inbound) -> "asyncio.Future[None]":
        """A message from a handset; done when it is acknowledged. Raises ValueError for parts that it hasn't got."""
        done = self._owed.inbound(inbound)
        self.turn_over()
        return done

    # -- what connections tell (connection.Host)

    def opened(self, link: Connection) -> None:
        self._run.counts.connections += 1
        self._links.add(link)
        if link.plan.close_at_once:
            link.finish(Then.CLOSE)
        elif link.plan.silent:
            link.finish(Then.FREEZE)
        self.turn_over()

    def frame(self, link: Connection, frame: bytes) -> None:
        try:
            if int.from_bytes(frame[4:8], "big") == Command.QUERY_SM:
                self._query(link, frame)
                return
            header, pdu = decode(frame)
        except ProtocolError as error:
            self._nonsense(link, error)
            return
        if isinstance(pdu, SubmitSm):  # first: most are
            self._submits.submit(link, header.sequence, pdu)
        elif header.command & RESPONSE_BIT:
            self._response(link, header)
        else:
            self._request(link, header, pdu)

    def unframed(self, link: Connection, error: FramingError) -> None:
        self._nonsense(link, error)
        link.finish(Then.CLOSE)

    def wrote(self, link: Connection) -> None:
        self._unwritten.append(link)

    def turn_over(self) -> None:
        """The journal first, then the sockets, then those who wait."""
        if self._run.journal is not None:
            self._run.journal.flush()
        unwritten, self._unwritten = self._unwritten, []
        for link in unwritten:
            link.flush()
        if self._waiting:
            self._wake()

    def ended(self, link: Connection) -> None:
        self._requests.lost(link)

    def lost(self, link: Connection) -> None:
        self._links.discard(link)
        self._requests.lost(link)
        self.turn_over()

    # -- dispatch

    def _connect(self) -> Connection:
        plan = LinkPlan(settings=self.settings)
        self._run.faults.strike(plan)
        return Connection(self.counts.connections + 1, plan, self)

    def _request(self, link: Connection, header: Header, pdu: Pdu) -> None:
        requests, sequence = self._requests, header.sequence
        match pdu:
            case Bind():
                requests.bind(link, sequence, pdu)
            case SubmitMulti() | DataSm():
                self._submits.submit(link, sequence, pdu)
            case CancelSm():
                requests.cancel(link, sequence, pdu)
            case ReplaceSm():
                requests.replace(link, sequence, pdu)
            case _ if header.command == Command.ENQUIRE_LINK:
                requests.enquire_link(link, sequence)
            case _ if header.command == Command.UNBIND:
                requests.unbind(link, sequence)
            case _:  # alert_notification, outbind and deliver_sm are an SMSC's to send
                reason = f"{Command(header.command).name.lower()} from an ESME"
                self._nonsense(link, ProtocolError(reason, Status.RINVCMDID, header.command, sequence))

    def _response(self, link: Connection, header: Header) -> None:
        match header.command:
            case Command.DELIVER_SM_RESP | Command.DATA_SM_RESP | Command.GENERIC_NACK:
                if not self._owed.deliveries.answered(link, header.sequence, header.status):
                    self.counts.surprises[f"{Command(header.command).name.lower()} to nothing"] += 1
            case Command.ENQUIRE_LINK_RESP:
                self.counts.enquire_link_answers += 1
            case Command.UNBIND_RESP:
                link.finish(Then.CLOSE)
            case other:
                self.counts.surprises[f"{Command(other).name.lower()} to nothing"] += 1

    def _query(self, link: Connection, frame: bytes) -> None:
        bare, tlvs = query_parts(frame)
        header, pdu = decode(bare)
        if isinstance(pdu, QuerySm):
            self._requests.query(link, header.sequence, pdu, tlvs)

    def _nonsense(self, link: Connection, error: ProtocolError) -> None:
        """Counted, and answered with a generic_nack (SMPP 3.4, 4.3) unless it is itself an answer."""
        self.counts.surprises[str(error)] += 1
        if not error.command & RESPONSE_BIT:
            link.respond(GenericNack(), error.sequence, error.status)

    def _wake(self) -> None:
        for waiting in self._waiting[:]:
            if waiting.condition():
                self._waiting.remove(waiting)
                if not waiting.future.done():
                    waiting.future.set_result(None)


def _tls(settings: TortureSettings) -> ssl.SSLContext | None:
    """Raises OSError with the name of the file that can't be used."""
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = settings.tls_cert
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.tls_client_ca is not None:
            file = settings.tls_client_ca
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(settings.tls_client_ca)
    except OSError as error:  # ssl.SSLError is one, and names no file
        raise OSError(error.errno, error.strerror or str(error), str(file)) from error
    return context


def _later(seconds: float, act: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, act)
