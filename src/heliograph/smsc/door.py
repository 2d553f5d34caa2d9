"""The listener: connections, binds, and each request's way to who answers it.

Bounded: connections, time to bind, requests of one bind that wait for our answer, octets of a PDU, failed binds of an
address. A peer that breaks the protocol loses its own connection, nothing else.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
from msgspec.structs import replace

from heliograph.carriers.smpp.link import Link, LinkSettings
from heliograph.config import ConfigError
from heliograph.core.errors import Refused, StoreUnavailable
from heliograph.engine import smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.engine.metrics import Metrics
from heliograph.net import listening
from heliograph.net.tls_files import BadPair, server_context
from heliograph.smsc import references, statuses
from heliograph.smsc.clients import Bound, Client, Clients
from heliograph.smsc.login import Login
from heliograph.smsc.queries import Queries
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.smsc.submits import Submits
from heliograph.wire.smpp.pdu import (
    KINDS,
    RESPONSE_BIT,
    Bind,
    BindReceiver,
    BindTransmitter,
    CancelSm,
    DataSm,
    DataSmResp,
    Header,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    Status,
    SubmitMulti,
    SubmitSm,
    SubmitSmResp,
    Tag,
)
from heliograph.wire.smpp.receipt import MessageState
from heliograph.wire.smpp.session import Role

log = structlog.get_logger(__name__)

SYSTEM_ID: Final = "heliograph"
VERSION: Final = bytes((0x34,))
LISTEN_BACKLOG: Final = 512
ACCEPTED: Final = "accepted"

StartTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Door:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        settings: SmscSettings,
        directory: Directory,
        clients: Clients,
        login: Login,
        submits: Submits,
        queries: Queries,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._clients = clients
        self._login = login
        self._submits = submits
        self._queries = queries
        self._metrics = metrics
        self._link_settings = LinkSettings(
            enquire_link_seconds=settings.enquire_link_seconds,
            response_seconds=settings.response_seconds,
            bind_seconds=settings.bind_seconds,
            max_pdu_bytes=settings.pdu_max_bytes,
            unanswered_max=settings.unanswered_max,
        )
        self._links: dict[Link, Bound | None] = {}
        self._shaking: OrderedDict[Link, float] = OrderedDict()
        """Connections in their TLS handshake, and when it began. Of one that fails asyncio tells nobody."""
        self._working: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._seen_version = -1
        self.start_task: StartTask = lambda work: asyncio.ensure_future(work)

    @property
    def is_open(self) -> bool:
        return bool(self._settings.port)

    async def listen(self) -> None:
        """Take the port, without serving it yet; raises ConfigError."""
        settings = self._settings
        if not self.is_open:
            return
        loop = asyncio.get_running_loop()
        context = _tls(settings)
        try:
            self._server = await loop.create_server(
                self._connection,
                settings.host,
                settings.port,
                ssl=context,
                ssl_handshake_timeout=settings.bind_seconds if context else None,
                backlog=LISTEN_BACKLOG,
                start_serving=False,
            )
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"can't listen on {settings.host}:{settings.port} for SMPP: {listening.reason(error)}: choose another"
                " smpp_port or smpp_host"
            ) from error

    async def open(self) -> None:
        if self._server is not None:
            await self._server.start_serving()
            log.info("smpp.listening", host=self._settings.host, port=self._settings.port)

    async def close(self, seconds: float) -> None:
        """Listen no more, answer what is under way, unbind; by the time given."""
        if self._server is None:
            return
        self._server.close()
        if self._working:
            await asyncio.wait(self._working, timeout=seconds / 2)
        await asyncio.gather(*(link.unbind(seconds / 2) for link in list(self._links)), return_exceptions=True)

    async def watch(self) -> None:
        """Unbind those whose credential is no more, or is another, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._settings.directory_poll_seconds)
            if self._directory.version != self._seen_version:
                self._seen_version = self._directory.version
                for client in self._clients:
                    self._review(client)

    def _review(self, client: Client) -> None:
        now = self._directory.smpp_credential(client.credential.system_id)
        is_same = now is not None and (now.project_id, now.password_hash) == (
            client.credential.project_id,
            client.credential.password_hash,
        )
        for bound in list(client.binds):
            if now is None or not is_same or not smpp_credentials.is_allowed(now, _address(bound.link)):
                log.info("smpp.credential_ended", system_id=client.credential.system_id, peer=bound.link.peer)
                self._clients.remove(bound)
                self._links[bound.link] = None
                self._start(bound.link.unbind(self._settings.response_seconds))
        if now is not None and is_same:
            self._clients.renew(client, now)

    # -- as the handler of its links

    def _connection(self) -> asyncio.Protocol:
        now = asyncio.get_running_loop().time()
        while self._shaking and now - next(iter(self._shaking.values())) > self._settings.bind_seconds:
            self._shaking.popitem(last=False)  # it failed: none lasts so long
        if len(self._links) + len(self._shaking) >= self._settings.connections_max:
            return _Refusal()
        link = Link(Role.SMSC, self._link_settings, self)
        link.on_made = self._made
        self._shaking[link] = now
        return link

    def _made(self, link: Link) -> None:
        self._shaking.pop(link, None)
        self._links[link] = None

    def on_request(self, link: Link, header: Header, request: Any) -> None:
        match request:
            case Bind():
                self._start(self._bind(link, header, request))
            case _:
                bound = self._links.get(link)
                if bound is None:  # its credential has just ended
                    link.respond(header, _answer(header), Status.RINVBNDSTS)
                else:
                    self._start(self._work(bound, header, request))

    def on_closed(self, link: Link, reason: str) -> None:
        bound = self._links.pop(link, None)
        if bound is not None:
            log.info("smpp.unbound", system_id=bound.client.credential.system_id, reason=reason)
            self._clients.remove(bound)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.start_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    # -- binds

    async def _bind(self, link: Link, header: Header, request: Bind) -> None:
        address = _address(link)
        try:
            credential = await self._login.check(request, address)
            if link.is_closing:
                return
            bound = self._clients.take(
                credential,
                link,
                sends=not isinstance(request, BindReceiver),
                receives=not isinstance(request, BindTransmitter),
                version=request.interface_version,
            )
            if bound is None:
                raise Rejected(Status.RALYBND, "as many binds as the credential may have")
        except Rejected as rejected:
            self._metrics.smpp_binds_refused[rejected.status.name].inc()
            log.warning("smpp.bind_refused", system_id=request.system_id, address=address, reason=str(rejected))
            link.respond(header, _answer(header), rejected.status)
            link.close("the bind was refused")
            return
        self._links[link] = bound
        tlvs = {Tag.SC_INTERFACE_VERSION: VERSION} if bound.tlvs else {}
        link.respond(header, KINDS[header.command | RESPONSE_BIT](system_id=SYSTEM_ID, tlvs=tlvs))
        log.info("smpp.bound", system_id=credential.system_id, address=address, mode=request.command.name.lower())
        self._clients.ready(bound)

    # -- requests

    async def _work(self, bound: Bound, header: Header, request: Pdu) -> None:
        """Answer one request, whatever becomes of it."""
        response: Pdu | None = None
        status = Status.ROK
        try:
            response = await self._result(bound, request)
        except Rejected as rejected:
            status = rejected.status
        except Refused as refused:
            status = statuses.status_of(refused)
        except StoreUnavailable:
            status = Status.RSYSERR
        except Exception:
            log.exception("smpp.request_broke", command=request.command.name.lower())
            status = Status.RSYSERR
        if isinstance(request, SubmitSm | DataSm | SubmitMulti):
            outcome = ACCEPTED if status is Status.ROK else status.name
            self._metrics.smpp_submits.labels(bound.client.credential.system_id, outcome).inc()
        try:
            bound.link.respond(header, _answer(header) if response is None else response, status)
        except ValueError:  # without any answer the request would keep its place among those in work for ever
            log.exception("smpp.answer_broke", command=request.command.name.lower())
            bound.link.respond(header, _answer(header), Status.RSYSERR)

    async def _result(self, bound: Bound, request: Pdu) -> Pdu:
        client = bound.client
        if not bound.sends:  # of all requests only data_sm comes so far: SMPP 3.4, table 2-1
            raise Rejected(Status.RINVBNDSTS, "the bind only receives")
        match request:
            case SubmitSm() | DataSm():
                return await self._submit(client, request)
            case SubmitMulti():
                return await self._submits.many(client, request)
            case QuerySm(message_id=""):
                return await self._asked_by_reference(client, request)
            case QuerySm():
                return await self._queries.query(client, request)
            case CancelSm():
                return await self._queries.cancel(client, request)
            case ReplaceSm():
                raise Rejected(Status.RREPLACEFAIL, "replacing is not done")
            case _:
                raise Rejected(Status.RINVCMDID, f"{request.command.name} is not served")

    async def _submit(self, client: Client, request: SubmitSm | DataSm) -> Pdu:
        """One that was taken before, and comes again with its reference, gets the same answer."""
        reference = references.read(request.tlvs)
        earlier = await self._queries.taken(client, reference) if reference is not None else None
        if earlier is None:
            return await self._submits.one(client, request)
        return SubmitSmResp(message_id=earlier) if isinstance(request, SubmitSm) else DataSmResp(message_id=earlier)

    async def _asked_by_reference(self, client: Client, request: QuerySm) -> QuerySmResp:
        """RINVMSGID says that it was not taken, and that it may be submitted again: only of what is so young that it
        can't have been taken and forgotten."""
        reference = references.read(request.tlvs)
        if reference is None:
            raise Rejected(Status.RQUERYFAIL, "messages are asked for by their id")
        waits = self._submits.waiting(client, reference)
        if waits is not None:
            return QuerySmResp(message_id=waits, message_state=MessageState.ENROUTE)
        known = await self._queries.taken(client, reference)
        if known is not None:
            return await self._queries.query(client, replace(request, message_id=known))
        is_sure = self._submits.remembers(reference)
        raise Rejected(Status.RINVMSGID if is_sure else Status.RQUERYFAIL, "no submit with this reference is known")


class _Refusal(asyncio.Protocol):
    """A connection too many: closed at once, before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _answer(header: Header) -> Pdu:
    """The request's own response, without contents."""
    return KINDS[header.command | RESPONSE_BIT]()


def _address(link: Link) -> str:
    peer = link.peer
    return str(peer[0]) if peer else ""


def _tls(settings: SmscSettings) -> ssl.SSLContext | None:
    try:
        return server_context(settings.tls_cert, settings.tls_key, "smpp_")
    except BadPair as error:
        raise ConfigError(str(error)) from error
