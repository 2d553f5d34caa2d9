"""What clients ask, and what they are answered (contract, section 10).

A request that can't be understood is answered with an error of JSON-RPC; one that is understood and not done, with a
result whose `code` says why, in HTTP's numbers: SignalWire's SDKs expect it there.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final

import structlog

from heliograph.core.directory import Project
from heliograph.core.errors import Refused, StoreUnavailable
from heliograph.core.message import Source
from heliograph.engine.accept import Acceptor
from heliograph.engine.directory import Directory
from heliograph.engine.metrics import Metrics
from heliograph.engine.requests import SendRequest
from heliograph.ports import Clock
from heliograph.relay import fields, tickets
from heliograph.relay.clients import Clients, octets_of
from heliograph.relay.dialects import BLADE, CURRENT, Dialect
from heliograph.relay.login import Login
from heliograph.relay.peer import Answer, Peer
from heliograph.relay.session import Session
from heliograph.relay.settings import RelaySettings
from heliograph.relay.socket import REFUSED, TRY_LATER
from heliograph.wire import jsonrpc, relay
from heliograph.wire.jsonrpc import Request, RpcError
from heliograph.wire.relay import Members

log = structlog.get_logger(__name__)

NOT_CONNECTED: Final = -32002
"""Also what SDKs take wrong credentials by (contract, section 10)."""

BUSY: Final = -32000
"""Too many clients, or failed logins: SDKs try again later."""

UNSUPPORTED: Final = ("calling.", "tasking.", "faxing.", "video.", "chat.", "verto.", "webrtc.", "subscriber.")
"""Namespaces of SignalWire's that this server does not have. Their calls are refused with a result, as SDKs expect."""

Call = Callable[[Session, Members], Awaitable[Answer]]


class Calls:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        settings: RelaySettings,
        directory: Directory,
        clients: Clients,
        login: Login,
        acceptor: Acceptor,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._clients = clients
        self._login = login
        self._acceptor = acceptor
        self._clock = clock
        self._metrics = metrics
        self._started = clock.monotonic()
        self._calls: Mapping[str, Call] = {
            "signalwire.receive": self._receive,
            "signalwire.unreceive": self._unreceive,
            "messaging.send": self._send,
        }

    async def serve(self, peer: Peer, request: Request) -> Answer:
        """Answer one request; raises RpcError."""
        session = peer.session
        match request.method:
            case "signalwire.connect":
                return self._connect(peer, request.params, CURRENT)
            case "blade.connect":
                return self._connect(peer, request.params, BLADE)
            case "signalwire.ping" | "blade.ping":
                return Answer(result={"timestamp": fields.timestamp(request.params, self._clock.now() / 1e6)})
        if session is None:
            raise RpcError(NOT_CONNECTED, "signalwire.connect must come first.")
        match request.method:
            case "blade.execute":
                return await self._execute(session, request.params)
            case "blade.subscription":
                return Answer(result=_subscription(session, request.params))
            case "signalwire.reauthenticate":
                return self._reauthenticate(peer, session, request.params)
            case "signalwire.disconnect" | "blade.disconnect":
                return Answer(result={}, then=partial(peer.socket.close, 1000, "as the client asked"))
        return await self._call(session, request.method, request.params)

    async def _call(self, session: Session, method: str, params: Members) -> Answer:
        call = self._calls.get(method)
        if call is not None:
            return await call(session, params)
        if method.startswith(UNSUPPORTED):
            return _no(501, f"{method} is not supported: this server does messaging.")
        raise RpcError(jsonrpc.METHOD_NOT_FOUND, f"There is no method {method[:100]}.")

    # -- connecting

    def _connect(self, peer: Peer, params: Members, dialect: Dialect) -> Answer:
        if peer.session is not None:
            raise RpcError(jsonrpc.INVALID_REQUEST, "The connection is connected already.")
        try:
            principal = self._login.check(params.get("authentication"), peer.address)
        except RpcError as refused:
            is_counted = refused.code == NOT_CONNECTED
            self._metrics.relay_connects["refused" if is_counted else "put_off"].inc()
            if is_counted:
                log.warning("relay.connect_refused", address=peer.address, reason=refused.message)
            asyncio.get_running_loop().call_soon(peer.socket.close, REFUSED, refused.message)
            raise
        project = self._directory.project(principal.project_id)
        if project is None:
            raise RpcError(NOT_CONNECTED, "The project is gone.")
        contexts = self._contexts(params) if "contexts" in params else []
        protocol, recalled = self._protocol(project, params)
        heard = dict.fromkeys((*contexts, *recalled))  # what it asks for now comes first
        heard = dict.fromkeys(list(heard)[: self._settings.contexts_max])
        if self._is_full(project, protocol, heard):
            self._metrics.relay_connects["full"].inc()
            asyncio.get_running_loop().call_soon(peer.socket.close, TRY_LATER, "too many clients")
            raise RpcError(BUSY, "The project has as many clients, or contexts of clients, as it may.")
        session = Session(
            peer.socket,
            principal=principal,
            root_id=project.parent_id or project.id,
            protocol=protocol,
            signature=protocol.split("_")[1],
            dialect=dialect,
            agent=fields.agent(params),
            acks=params.get("event_acks") is True or not dialect.answers_events,
            window=self._settings.events_max,
            fresh_max=self._settings.attempts_max,
            ack_seconds=self._settings.ack_seconds,
            address=peer.address,
            since=self._clock.now(),
        )
        session.contexts = heard
        peer.session = session
        peer.release_place()
        return Answer(result=_connected(session), then=partial(self._came, session))

    def _protocol(self, project: Project, params: Members) -> tuple[str, list[str]]:
        """The session's name, and the contexts that it heard: the old one's where that is given and can be resumed,
        else a new one's. A session that this process does not know may be resumed while it could be one of the process
        before."""
        given = params.get("protocol")
        nonce = tickets.nonce_of(project, given)
        if nonce is None:
            return tickets.protocol(project, tickets.new_nonce()), []
        name = tickets.protocol(project, nonce)
        now, limit = self._clock.monotonic(), self._settings.resume_seconds
        live = self._clients.get(name)
        if live is not None:
            return name, [*live.contexts, *live.coming]
        recalled = self._clients.recall(name, now - limit)
        if recalled is not None:
            return name, list(recalled)
        if now - self._started <= limit:
            state = tickets.unseal(project, name, params.get("authorization_state"))
            return name, [sys.intern(each) for each in (state or [])[: self._settings.contexts_max]]
        return tickets.protocol(project, tickets.new_nonce()), []

    def _is_full(self, project: Project, protocol: str, contexts: Iterable[str]) -> bool:
        if self._clients.get(protocol) is not None:
            return False  # it takes over from that one
        root_id = project.parent_id or project.id
        limit = self._settings.project_clients_max
        return (bool(limit) and self._clients.of_root(root_id) >= limit) or self._are_too_many(root_id, contexts)

    def _are_too_many(self, root_id: str, contexts: Iterable[str]) -> bool:
        """Whether one more session that hears them would take more memory than the project and its subprojects may."""
        taken = self._clients.context_octets(root_id) + octets_of(contexts)
        return taken > self._settings.project_contexts_bytes

    def _came(self, session: Session) -> None:
        """It was told that it is connected."""
        if not session.is_open:
            return
        earlier = self._clients.get(session.protocol)
        if earlier is not None:
            self._clients.remove(earlier)
            earlier.socket.close(REFUSED, "the session was resumed by another connection")
        self._metrics.relay_connects["connected"].inc()
        log.info("relay.connected", project_id=session.project_id, session=session.identity, agent=session.agent)
        self._tell_state(session)
        self._clients.add(session)

    def _tell_state(self, session: Session) -> None:
        project = self._directory.project(session.project_id)
        if project is not None and session.dialect is CURRENT:
            state = tickets.seal(project, session.protocol, list(session.contexts))
            session.announce(relay.AUTHORIZATION_STATE, {"authorization_state": state}, self._clock.now())

    def _reauthenticate(self, peer: Peer, session: Session, params: Members) -> Answer:
        principal = self._login.check(params.get("authentication", params), peer.address)
        if principal.project_id != session.project_id:
            raise RpcError(NOT_CONNECTED, "The credentials are another project's.")
        session.principal = principal
        return Answer(result=_connected(session))

    # -- contexts

    def _contexts(self, params: Members) -> list[str]:
        """Raises RpcError."""
        names = fields.texts(params.get("contexts"))
        if names is None:
            raise RpcError(jsonrpc.INVALID_PARAMS, "contexts must be a list of texts.")
        longest = self._settings.context_max_chars
        if not all(0 < len(name) <= longest for name in names):
            raise RpcError(jsonrpc.INVALID_PARAMS, f"A context has 1 to {longest} characters.")
        if len(names) > self._settings.contexts_max:
            raise RpcError(jsonrpc.INVALID_PARAMS, f"A session has at most {self._settings.contexts_max} contexts.")
        return [sys.intern(name) for name in names]  # one text for all sessions that hear it

    async def _receive(self, session: Session, params: Members) -> Answer:
        try:
            names = self._contexts(params)
        except RpcError as error:
            return _no(422, error.message)
        if len({*session.contexts, *session.coming, *names}) > self._settings.contexts_max:
            return _no(422, f"A session has at most {self._settings.contexts_max} contexts.")
        if self._are_too_many(session.root_id, {*names} - {*session.contexts}):
            return _no(422, "The project's clients listen to as many contexts as they may.")
        session.coming |= dict.fromkeys(names)
        return _yes(f"Receiving events of: {', '.join(names)}", then=partial(self._hear_soon, session, names))

    def _hear_soon(self, session: Session, names: list[str]) -> None:
        """Once the client knows that it may: a Blade client sets up its handlers after it has read the result."""
        pause = session.dialect.subscribed_seconds
        if pause:
            asyncio.get_running_loop().call_later(pause, self._hear, session, names)
        else:
            self._hear(session, names)

    def _hear(self, session: Session, names: list[str]) -> None:
        if self._clients.get(session.protocol) is not session:
            return  # it has gone
        for name in names:
            if name in session.coming:  # it may have been told to forget it since
                del session.coming[name]
                self._clients.hear(session, name)
        self._tell_state(session)

    async def _unreceive(self, session: Session, params: Members) -> Answer:
        names = fields.texts(params.get("contexts"))
        if names is None:
            return _no(422, "contexts must be a list of texts.")
        for name in names:
            session.coming.pop(name, None)
            self._clients.unhear(session, name)
        return _yes(f"No longer receiving events of: {', '.join(names)}", then=partial(self._tell_state, session))

    # -- sending

    async def _send(self, session: Session, params: Members) -> Answer:
        context = fields.optional(params, "context") or session.protocol
        try:
            wanted = fields.send_request(params)
            if len(context) > max(self._settings.context_max_chars, tickets.NAME_MAX):
                raise Refused(fields.fault("context", "context is too long."))
            sent = await self._keep(session, wanted, context)
        except Refused as refused:
            self._metrics.relay_sends["refused"].inc()
            return _refused(refused)
        except (StoreUnavailable, TimeoutError):
            self._metrics.relay_sends["unavailable"].inc()
            return _no(503, "The server can't take the message now. Try again.")
        self._metrics.relay_sends["accepted"].inc()
        return _yes("Message accepted", then=partial(session.answered, sent), message_id=sent)

    async def _keep(self, session: Session, wanted: fields.Wanted, context: str) -> str:
        """Raises Refused, StoreUnavailable, TimeoutError: an SDK that gets no answer for 10 s cuts the connection."""
        async with asyncio.timeout(self._settings.answer_seconds):
            sent = await self._acceptor.send(
                SendRequest(
                    project_id=session.project_id,
                    source=Source.REALTIME,
                    to_number=wanted.to_number,
                    from_number=wanted.from_number,
                    body=wanted.body,
                    media_urls=wanted.media,
                    tags=wanted.tags,
                    region=wanted.region,
                    relay_context=context,
                    relay_session=session.protocol,
                )
            )
        return sent.message.id

    # -- Blade

    async def _execute(self, session: Session, params: Members) -> Answer:
        method, inner = params.get("method"), params.get("params") or {}
        if not isinstance(method, str) or not isinstance(inner, dict):
            raise RpcError(jsonrpc.INVALID_PARAMS, "blade.execute takes protocol, method and params.")
        if method == "setup":
            answer = _yes("Session set up", protocol=session.protocol)
        else:
            answer = await self._call(session, method, inner)
        wrapped = {"requester_nodeid": session.identity, "responder_nodeid": "heliograph", "result": answer.result}
        return Answer(result=wrapped, then=answer.then)


def _subscription(session: Session, params: Members) -> Members:
    """Everything of a session comes over the one channel that SDKs subscribe to."""
    command = fields.optional(params, "command") or "add"
    channels = fields.texts(params.get("channels")) or []
    done = {f"{'subscribe' if command == 'add' else 'unsubscribe'}_channels": channels}
    return {"protocol": session.protocol, "command": command} | done


def _connected(session: Session) -> Members:
    return {
        "protocol": session.protocol,
        "identity": session.identity,
        "sessionid": session.identity,
        "authorization": {
            "project": session.project_id,
            "project_id": session.project_id,
            "scopes": sorted(session.principal.scopes),
            "signature": session.signature,
        },
        "ice_servers": [],
    }


def _refused(refused: Refused) -> Answer:
    """The first fault as code and message, as SDKs read it; all of them beside it, as the REST API tells them."""
    first = refused.refusals[0]
    faults = [
        {"code": each.reason.rest, "message": each.text, "attribute": fields.NAMES.get(each.where, each.where)}
        for each in refused.refusals
    ]
    return _no(max(first.reason.status, 422), first.text, errors=faults)


def _yes(message: str, *, then: Callable[[], None] | None = None, **members: str) -> Answer:
    return Answer(result={"code": "200", "message": message} | members, then=then)


def _no(status: int, message: str, **members: object) -> Answer:
    return Answer(result={"code": str(status), "message": message} | members)
