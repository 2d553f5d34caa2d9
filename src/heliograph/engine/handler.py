"""Run a cXML handler for one inbound message: fetch its document, do what it says, follow where it leads.

Contract, sections 8 and 9. At most MAX_DOCUMENTS documents and `replies_max` replies for one message. A document that
can't be fetched or read goes to the number's fallback URL, once; every fault is a line on the message's timeline.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urljoin

from heliograph.core.addresses import Reach
from heliograph.core.errors import Fault, Refused, describe
from heliograph.core.message import Direction, Media, Message, Source
from heliograph.core.number_settings import Handler
from heliograph.engine import signing
from heliograph.engine.directory import Directory
from heliograph.engine.own_documents import own_script
from heliograph.engine.requests import SendRequest, Sent
from heliograph.engine.transition import Transitions
from heliograph.engine.urls import PROJECT_GONE, reached, shown_configured, shown_url, uncalled, way
from heliograph.ports import FetchFault, HttpResponse, Webhooks
from heliograph.wire import cxml, webhook
from heliograph.wire.urls import UrlError

MAX_DOCUMENTS = 10
REPLY_MEDIA_MAX = 10
NOT_SUCCESS = 11217
UNREACHABLE = 11200
WARNING = 12200

HandlerRun = Callable[[Message, Handler, list[Media]], Awaitable[None]]
Send = Callable[[SendRequest], Awaitable[Sent]]
Pairs = list[tuple[str, str]]

_INVALID = frozenset({Fault.TO_MISSING, Fault.TO_INVALID, Fault.FROM_INVALID})
"""Faults that an `action` is told of as "invalid"; all others as "failed"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A document to fetch, and the fields to ask with."""

    url: str
    method: str
    pairs: Pairs


@dataclass(slots=True)
class _Run:
    """One message's way through its documents."""

    message: Message
    handler: Handler
    pairs: Pairs
    documents: int = 0
    replies: int = 0
    fallback_left: bool = True


class DocumentFault(Exception):
    """A document that can't be had or read; `code` is of errors.WEBHOOK. url: the one that was asked; reached: the one
    that redirects led to."""

    def __init__(self, code: int, url: str, detail: str, reached: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.url = url
        self.reached = reached


class CxmlHandler:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        webhooks: Webhooks,
        directory: Directory,
        transitions: Transitions,
        send: Send,
        base_url: Callable[[], str],
        reach: Reach,
        replies_max: int,
    ) -> None:
        self._webhooks = webhooks
        self._directory = directory
        self._transitions = transitions
        self._send = send
        self._base_url = base_url
        self._reach = reach
        self._replies_max = replies_max

    async def run(self, message: Message, handler: Handler, media: list[Media]) -> None:
        """Do all that the handler's documents say; faults are recorded, not raised."""
        addresses = [(media_address(self._base_url(), each), each) for each in media]
        run = _Run(message, handler, webhook.inbound_form(message, addresses))
        ask: Ask | None = Ask(url=handler.url, method=handler.method, pairs=run.pairs)
        while ask is not None:
            try:
                ask = await self._one(run, ask)
            except DocumentFault as fault:
                ask = await self._fall_back(run, fault)

    async def _fall_back(self, run: _Run, fault: DocumentFault) -> Ask | None:
        configured = fault.url in (run.handler.url, run.handler.fallback_url)
        body = run.message.body
        shown = shown_configured(fault.url) if configured else shown_url(fault.url, body)
        where = way(shown, None if fault.reached is None else shown_url(fault.reached, body))
        await self._transitions.note(run.message, "handler_fault", error_code=fault.code, detail=f"{where}: {fault}")
        if not run.handler.fallback_url or not run.fallback_left:
            return None
        run.fallback_left = False
        told = [*run.pairs, ("ErrorCode", str(fault.code)), ("ErrorUrl", fault.url)]
        return Ask(url=run.handler.fallback_url, method=run.handler.fallback_method, pairs=told)

    async def _one(self, run: _Run, ask: Ask) -> Ask | None:
        """Fetch and do one document; returns the next to ask for, None at the end."""
        run.documents += 1
        if run.documents > MAX_DOCUMENTS:
            detail = f"more than {MAX_DOCUMENTS} documents for one message"
            await self._transitions.note(run.message, "handler_stopped", error_code=WARNING, detail=detail)
            return None
        response = await self._fetch(run.message, ask)
        try:
            document = cxml.parse(response.body, response.charset)
        except cxml.DocumentError as error:
            raise DocumentFault(error.code, ask.url, error.message, reached(response)) from error
        for warning in document.warnings:
            await self._transitions.note(run.message, "handler_warning", error_code=WARNING, detail=warning)
        for verb in document.verbs:
            if isinstance(verb, cxml.RedirectVerb):
                return Ask(url=_join(response.url, verb.url), method=verb.method, pairs=run.pairs)
            if run.replies >= self._replies_max:
                detail = f"more than {self._replies_max} replies for one message"
                await self._transitions.note(run.message, "handler_stopped", error_code=WARNING, detail=detail)
                return None
            told = await self._reply(run, verb, response.url)
            if verb.action:
                return Ask(url=_join(response.url, verb.action), method=verb.method, pairs=run.pairs + told)
        return None

    async def _fetch(self, message: Message, ask: Ask) -> HttpResponse:
        project = self._directory.project(message.project_id)
        if project is None:
            raise DocumentFault(UNREACHABLE, ask.url, PROJECT_GONE)
        if why := self._uncalled(ask.url):
            raise DocumentFault(UNREACHABLE, ask.url, why)
        try:
            request = signing.form_request(project.signing_key, ask.method, ask.url, ask.pairs)
            response = await self._webhooks.request(signing.as_switched(project, request))
        except FetchFault as fault:
            raise DocumentFault(fault.code, ask.url, fault.message, fault.url) from fault
        except UrlError as error:
            raise DocumentFault(UNREACHABLE, ask.url, str(error)) from error
        if not 200 <= response.status < 300:
            raise DocumentFault(NOT_SUCCESS, ask.url, f"answered {response.status}", reached(response))
        return response

    def _uncalled(self, url: str) -> str | None:
        """Why the URL is not called; None where it is, or is a script of our own, which takes no call."""
        return None if own_script(url, self._base_url()) is not None else uncalled(url, self._reach)

    async def _reply(self, run: _Run, verb: cxml.MessageVerb, document_url: str) -> Pairs:
        """Send one reply; returns what an `action` is told of it."""
        run.replies += 1
        callback = _join(document_url, verb.status_callback) if verb.status_callback else None
        request = SendRequest(
            project_id=run.message.project_id,
            source=Source.LAML,
            direction=Direction.OUTBOUND_REPLY,
            to_number=run.message.from_number if verb.to is None else verb.to,
            from_number=run.message.to_number if verb.from_ is None else verb.from_,
            body=verb.body,
            media_urls=tuple(_join(document_url, url) for url in verb.media),
            media_limit=REPLY_MEDIA_MAX,
            callback_url=callback,
            idempotency_key=f"heliograph/reply/{run.message.id}/{run.replies}",
            fingerprint="reply",
        )
        try:
            sent = await self._transitions.persist(lambda: self._send(request))
        except Refused as refused:
            return await self._refused(run, refused)
        await self._transitions.note(run.message, "replied", detail=sent.message.id)
        return [("MessageStatus", "sending")]

    async def _refused(self, run: _Run, refused: Refused) -> Pairs:
        first = refused.refusals[0]
        code = first.reason.cxml
        detail = f"reply {run.replies}: {first.text or describe(code)}"
        await self._transitions.note(run.message, "reply_refused", error_code=code, detail=detail)
        status = "invalid" if first.fault in _INVALID else "failed"
        return [("MessageStatus", status), ("ErrorCode", str(code))]


def _join(document_url: str, url: str) -> str:
    """A document's URL, made absolute. One that is malformed stays as it is: whoever uses it will refuse it."""
    try:
        return urljoin(document_url, url)
    except ValueError:
        return url


def media_address(base_url: str, media: Media) -> str:
    """Where we serve a medium, without credentials; its id can't be guessed (contract, section 3)."""
    message = f"/api/laml/2010-04-01/Accounts/{media.project_id}/Messages/{media.message_id}"
    return f"{base_url}{message}/Media/{media.id}"
