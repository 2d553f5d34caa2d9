"""A raw ESME for the tests of the torture carrier: it sends what it is told to and keeps what comes, frame by frame."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Command, Header, Pdu, Status

SECONDS = 5.0
"""More than anything takes that comes at all."""

Came = tuple[Header, Pdu]


class Esme:
    """`requests` and `responses` are those that nobody asked for yet; `order` has (command, sequence) of all that came.
    `lost` is set when the connection has ended.

    Requests of the carrier are acknowledged where `acknowledging` says how: a status, or None for not at all.
    """

    def __init__(self, port: int) -> None:
        self.acknowledging: Callable[[Header, Pdu], int | None] = lambda header, pdu: Status.ROK
        self.octets = b""
        self.chunks = 0
        self.requests: list[Came] = []
        self.responses: list[Came] = []
        self.order: list[tuple[int, int]] = []
        self.lost = asyncio.Event()
        self.reset = False
        self._port = port
        self._sequence = 0
        self._changed = asyncio.Event()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> "Esme":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        self._writer.transport.abort()
        await asyncio.gather(self._task, return_exceptions=True)

    # -- sending

    def send(self, pdu: Pdu, sequence: int | None = None, status: int = 0) -> int:
        if sequence is None:
            self._sequence += 1
            sequence = self._sequence
        self._writer.write(smpp.encode(pdu, sequence, status))
        return sequence

    def raw(self, octets: bytes) -> None:
        self._writer.write(octets)

    async def ask(self, pdu: Pdu) -> Came:
        """Send a request and wait for its response."""
        return await self.response(self.send(pdu))

    async def bind(self, kind: type[smpp.Bind] = smpp.BindTransceiver, **fields: Any) -> Header:
        header, _ = await self.ask(kind(system_id="esme", password="secret", **fields))
        return header

    def submit(self, text: str = "Hello", to: str = "15005551001", **fields: Any) -> int:
        given = {"source_addr": "12025550101", "registered_delivery": 1, "short_message": text.encode(), **fields}
        return self.send(smpp.SubmitSm(destination_addr=to, **given))

    async def submitted(self, text: str = "Hello", to: str = "15005551001", **fields: Any) -> Came:
        return await self.response(self.submit(text, to, **fields))

    # -- what came

    async def response(self, sequence: int) -> Came:
        return await self._found(
            lambda: next((came for came in self.responses if came[0].sequence == sequence), None), self.responses
        )

    async def request(self, command: Command | None = None) -> Came:
        """The next request of the carrier, of one kind or of any."""
        return await self._found(
            lambda: next((came for came in self.requests if command in (None, came[0].command)), None), self.requests
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def place(self, command: Command, sequence: int) -> int:
        """When it came, counted from 0."""
        return self.order.index((command, sequence))

    async def ended(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self.lost.wait()

    async def _found(self, look: Callable[[], Came | None], among: list[Came]) -> Came:
        await self.until(lambda: look() is not None or self.lost.is_set())
        came = look()
        if came is None:
            raise ConnectionError("the connection ended first")
        among.remove(came)
        return came

    async def _listen(self) -> None:
        framer = smpp.Framer()
        framed = True
        try:
            while data := await self._reader.read(65536):
                self.octets += data
                self.chunks += 1
                try:
                    for frame in framer.feed(data) if framed else ():
                        self._came(frame)
                except smpp.FramingError as error:
                    framed = False
                    for frame in error.frames:
                        self._came(frame)
                self._changed.set()
        except ConnectionResetError:
            self.reset = True
        self.lost.set()
        self._changed.set()

    def _came(self, frame: bytes) -> None:
        try:
            header, pdu = smpp.decode(frame)
        except smpp.ProtocolError as error:
            header, pdu = Header(error.command, error.status, error.sequence), smpp.GenericNack()
        self.order.append((header.command, header.sequence))
        if header.command & smpp.RESPONSE_BIT:
            self.responses.append((header, pdu))
            return
        self.requests.append((header, pdu))
        self._acknowledge(header, pdu)

    def _acknowledge(self, header: Header, pdu: Pdu) -> None:
        answers = {
            Command.DELIVER_SM: smpp.DeliverSmResp,
            Command.DATA_SM: smpp.DataSmResp,
            Command.ENQUIRE_LINK: smpp.EnquireLinkResp,
            Command.UNBIND: smpp.UnbindResp,
        }
        status = self.acknowledging(header, pdu)
        if status is not None and header.command in answers:
            self.send(answers[Command(header.command)](), header.sequence, status)
