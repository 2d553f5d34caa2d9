"""A Relay client that works by itself, for trials with many of them and much traffic; for a single conversation,
frame by frame, there is relay_client.py.

Where the official SDKs acknowledge an event before its handler runs, here the handler decides how it is answered; that
is what the trials of lost acknowledgements need.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp

import relay_frames
from relay_frames import Login

ANSWER_SECONDS = 30.0
LOST = (aiohttp.ClientError, ConnectionError, asyncio.TimeoutError)
"""What is raised when the server is gone, or going."""


Answer = Literal["acknowledge", "refuse", "keep silent"]
ACKNOWLEDGE: Answer = "acknowledge"
REFUSE: Answer = "refuse"
KEEP_SILENT: Answer = "keep silent"

OnEvent = Callable[[Mapping[str, Any]], Awaitable[Answer]]
"""Gets the parameters of each ``signalwire.event``, one after the other, and says how it is to be answered."""


class RelayLink:
    """One connection: ``async with RelayLink(login, on_event) as link``. `connected` is the result of its connect."""

    def __init__(self, login: Login, on_event: OnEvent) -> None:
        self.connected: Mapping[str, Any] = {}
        self._login = login
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        try:
            self._socket = await self._session.ws_connect(self._login.url)
        except BaseException:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read())
        try:
            self.connected = await self.request("signalwire.connect", self._login.params())
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, *LOST):
            await self._reader
        await self._socket.close()
        await self._session.close()

    async def request(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request and its result. Raises `RpcError`, or one of `LOST` when the connection ends before."""
        request_id = str(next(self._ids))
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(relay_frames.request(request_id, method, params))
        return await asyncio.wait_for(answer, ANSWER_SECONDS)

    async def send(self, **params: Any) -> str:
        """``messaging.send``; the id of the message."""
        result = await self.request("messaging.send", params)
        assert result["code"] == "200", result
        return str(result["message_id"])

    async def closed(self) -> None:
        """Return when the connection has ended; raises what the handler of events raised."""
        await asyncio.shield(self._reader)

    def drop(self) -> None:
        """Reset the connection: nothing that is on its way to the server need arrive."""
        if (transport := self._transport()) is not None:
            transport.abort()

    def _transport(self) -> asyncio.Transport | None:
        connection = self._socket._response.connection
        if connection is None or not isinstance(connection.transport, asyncio.Transport):
            return None
        return connection.transport

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    await self._take(frame.json())
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError("the connection is gone"))
                    answer.exception()  # Whoever waits is told; nobody need wait.

    async def _take(self, frame: Mapping[str, Any]) -> None:
        match frame.get("method"):
            case None:
                self._answered(frame)
            case relay_frames.EVENT:
                await self._answer(frame, await self._on_event(frame["params"]))
            case _:
                await self._answer(frame, ACKNOWLEDGE)

    def _answered(self, frame: Mapping[str, Any]) -> None:
        answer = self._answers.pop(frame["id"])
        try:
            answer.set_result(relay_frames.result_of(frame))
        except relay_frames.RpcError as error:
            answer.set_exception(error)

    async def _answer(self, frame: Mapping[str, Any], answer: Answer) -> None:
        if answer != KEEP_SILENT:
            told = relay_frames.answer(frame, relay_frames.REFUSED if answer == REFUSE else None)
            with contextlib.suppress(*LOST):
                await self._socket.send_json(told)
