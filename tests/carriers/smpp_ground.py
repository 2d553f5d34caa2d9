"""What the tests of SMPP carriers stand on: a scripted SMSC made on the codec, and who takes what a carrier brings."""

import asyncio
import itertools
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.config_tables import Secret
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.ports import InboundPart, Receipt, Submission
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Header, Pdu, Status

SECONDS = 10
"""How long anything may take before a test fails."""


class Clock:
    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


class Signal:
    """Lets tests wait until something holds, looking again whenever something happened."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []

    def happened(self) -> None:
        for entry in list(self._waiting):
            holds, future = entry
            if future.done():
                self._waiting.remove(entry)
            elif result := holds():
                future.set_result(result)
                self._waiting.remove(entry)

    async def until(self, holds: Callable[[], Any]) -> Any:
        if result := holds():
            return result
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, future))
        async with asyncio.timeout(SECONDS):
            return await future


class Connection(asyncio.Protocol):
    """One connection at the SMSC."""

    def __init__(self, smsc: "Smsc") -> None:
        self.smsc = smsc
        self.framer = smpp.Framer()
        self.transport: asyncio.Transport
        self.mode: type[Pdu] | None = None
        self.submits: list[smpp.SubmitSm] = []
        self.answers: list[tuple[Header, Pdu]] = []
        self.statuses: dict[int, int] = {}
        self.unbound = False
        self.closed = False
        self._sequence = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.smsc.connections.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.smsc.signal.happened()

    def data_received(self, data: bytes) -> None:
        for frame in self.framer.feed(data):
            self.read(*smpp.decode(frame))
        self.smsc.signal.happened()

    def read(self, header: Header, pdu: Any) -> None:
        match pdu:
            case smpp.Bind():
                status = self.smsc.bind_statuses.pop(0) if self.smsc.bind_statuses else Status.ROK
                if not status:
                    self.mode = type(pdu)
                self.smsc.binds.append(pdu)
                self.send(smpp.KINDS[header.command | smpp.RESPONSE_BIT](system_id="smsc"), header.sequence, status)
            case smpp.SubmitSm():
                self.submits.append(pdu)
                self.smsc.submits.append(pdu)
                self.smsc.on_submit(self, header, pdu)
            case smpp.QuerySm():
                self.smsc.on_query(self, header, pdu)
            case smpp.EnquireLink():
                self.send(smpp.EnquireLinkResp(), header.sequence)
            case smpp.Unbind():
                self.unbound = True
                self.send(smpp.UnbindResp(), header.sequence)
            case _:
                self.answers.append((header, pdu))
                self.statuses[header.sequence] = header.status

    def send(self, pdu: Pdu, sequence: int, status: int = 0) -> None:
        frame = self.smsc.damage(smpp.encode(pdu, sequence, status))
        self.transport.write(len(frame).to_bytes(4, "big") + frame[4:])

    def accept(self, header: Header, message_id: str | None = None) -> str:
        message_id = message_id or self.smsc.next_id()
        self.send(smpp.SubmitSmResp(message_id=message_id), header.sequence)
        return message_id

    def refuse(self, header: Header, status: int) -> None:
        self.send(smpp.SubmitSmResp(), header.sequence, status)

    async def bring(self, pdu: Pdu) -> int:
        """Send a request and wait for the status of its answer."""
        sequence = next(self._sequence)
        self.send(pdu, sequence)
        await self.smsc.signal.until(lambda: sequence in self.statuses)
        return self.statuses[sequence]


class Smsc:
    """on_submit, on_query: what to do with one; bind_statuses: of the binds to come, then ROK. damage: what becomes of
    each frame that is sent; its length is set afterwards."""

    def __init__(self) -> None:
        self.signal = Signal()
        self.connections: list[Connection] = []
        self.binds: list[smpp.Bind] = []
        self.submits: list[smpp.SubmitSm] = []
        self.bind_statuses: list[Status] = []
        self.damage: Callable[[bytes], bytes] = lambda frame: frame
        self.on_submit: Callable[[Connection, Header, smpp.SubmitSm], Any] = lambda link, header, pdu: link.accept(
            header
        )
        self.on_query: Callable[[Connection, Header, smpp.QuerySm], Any] = lambda link, header, pdu: link.send(
            smpp.QuerySmResp(), header.sequence, Status.RINVMSGID
        )
        self.next_id: Callable[[], str] = map(str, itertools.count(1)).__next__
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self), "127.0.0.1", port, ssl=context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            if not connection.closed:
                connection.transport.abort()
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def bound(self) -> list[Connection]:
        return [each for each in self.connections if each.mode is not None and not each.closed]


class Desk:
    """Takes what a carrier brings; `taking` and `taking_part` may raise, or be coroutines that last."""

    def __init__(self) -> None:
        self.signal = Signal()
        self.receipts: list[Receipt] = []
        self.parts: list[InboundPart] = []
        self.changes = 0
        self.taking: Callable[[Receipt], Any] = lambda receipt: None
        self.taking_part: Callable[[InboundPart], Any] = lambda part: None

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        self.receipts.append(receipt)
        self.signal.happened()
        told = self.taking(receipt)
        return await told if asyncio.iscoroutine(told) else told

    async def inbound(self, part: InboundPart) -> None:
        self.parts.append(part)
        self.signal.happened()
        told = self.taking_part(part)
        if asyncio.iscoroutine(told):
            await told

    def changed(self, carrier: str) -> None:
        self.changes += 1
        self.signal.happened()


class Ground:
    """An SMSC, a desk, and carriers between them."""

    def __init__(self) -> None:
        self.smsc = Smsc()
        self.desk = Desk()
        self.carriers: list[SmppCarrier] = []
        self._names = itertools.count(1)

    def config(self, **values: Any) -> CarrierConfig:
        defaults: dict[str, Any] = {
            "name": "tel",
            "hosts": (Host("127.0.0.1", self.smsc.port),),
            "system_id": "us",
            "password": Secret("secret"),
            "reconnect_seconds": 0.01,
            "reconnect_max_seconds": 0.05,
            "enquire_link_seconds": 0,
        }
        return CarrierConfig(**(defaults | values))

    async def carrier(self, *, bound: bool = True, **values: Any) -> SmppCarrier:
        carrier = SmppCarrier(self.config(**values), Clock(), resolver=Resolver(ResolverSettings()), chance=lambda: 0.5)
        self.carriers.append(carrier)
        await carrier.start(self.desk)
        if bound:
            await self.desk.signal.until(lambda: all(each.state.startswith("bound") for each in carrier.status().binds))
        return carrier


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    here = Ground()
    await here.smsc.open()
    try:
        yield here
    finally:
        await here.smsc.close()  # first: then nothing is waited for
        for carrier in here.carriers:
            await carrier.stop()


def message(message_id: str = "a", body: str = "hello", **values: Any) -> Submission:
    defaults: dict[str, Any] = {
        "from_number": "+12025550100",
        "to_number": "+447700900001",
        "segments": 1,
        "mms": False,
    }
    return Submission(message_id=message_id, body=body, **(defaults | values))


def receipt(message_id: str, stat: str = "DELIVRD", **values: Any) -> smpp.DeliverSm:
    """A delivery receipt, by its text."""
    defaults: dict[str, Any] = {
        "esm_class": 0x04,
        "source_addr_ton": 1,
        "source_addr": "447700900001",
        "dest_addr_ton": 1,
        "destination_addr": "12025550100",
        "short_message": f"id:{message_id} sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 "
        f"stat:{stat} err:000 text:hello".encode(),
    }
    return smpp.DeliverSm(**(defaults | values))
