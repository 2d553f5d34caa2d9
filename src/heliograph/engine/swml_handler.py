"""Run a SWML handler for one inbound message: fetch its document, do what it says, follow where it transfers to.

Contract, sections 8 and 9. At most DOCUMENTS_MAX documents for one message, and the limits of SwmlLimits. A document
that can't be fetched or read goes to the number's fallback URL, once. What was done, step by step, and every fault is
on the message's timeline, written when the run ends: a crash leaves the lines of the repeated run only. A reply is kept
under a key made of the inbound message and the reply's number, so a repeated run sends nothing twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import orjson

from heliograph.core.addresses import Reach
from heliograph.core.errors import Fault, Refused
from heliograph.core.message import Direction, Event, Media, Message, Source
from heliograph.core.number_settings import Handler
from heliograph.core.placeholders import Plain, Scopes
from heliograph.engine import signing, swml_run
from heliograph.engine.directory import Directory
from heliograph.engine.handler import NOT_SUCCESS, UNREACHABLE, media_address
from heliograph.engine.requests import SendRequest, Sent
from heliograph.engine.swml_run import Answered, AskUrl, Note, Progress, Replied, SendReply, SwmlLimits
from heliograph.engine.transition import Transitions
from heliograph.engine.urls import PROJECT_GONE, reached, shown_configured, shown_url, uncalled, way
from heliograph.ports import Clock, FaultKind, FetchFault, HttpRequest, HttpResponse, Webhooks
from heliograph.wire import swml, swml_reader, webhook
from heliograph.wire.swml import Content
from heliograph.wire.urls import UrlError

DOCUMENTS_MAX = 10
"""Fetched for one message, the fallback's counted in (contract, section 9)."""

ANSWER_MAX = 64 * 1024
"""Bytes kept of a request's answer; the rest is cut off (SignalWire: request)."""

LINES_MAX = 60
"""Lines of one run on the timeline, without those of faults, of which each document has at most one."""

Send = Callable[[SendRequest], Awaitable[Sent]]

_WORDS = {
    Fault.TO_MISSING: "swml_reply_invalid_to_number",
    Fault.TO_INVALID: "swml_reply_invalid_to_number",
    Fault.SENDER_MISSING: "swml_reply_invalid_from_number",
    Fault.FROM_INVALID: "swml_reply_invalid_from_number",
    Fault.FROM_NOT_OWNED: "swml_reply_invalid_from_number",
    Fault.FROM_INCAPABLE: "swml_reply_missing_messaging_capability",
    Fault.FROM_NOT_ENABLED: "swml_reply_missing_messaging_capability",
    Fault.CONTENT_MISSING: "swml_reply_body_or_media_required",
    Fault.BODY_TOO_LONG: "swml_reply_character_limit_exceeded",
    Fault.MEDIA_TOO_MANY: "swml_reply_media_limit_exceeded",
}
"""What SignalWire calls a refusal of a reply; any other is swml_reply_failed."""


class DocumentFault(Exception):
    """A document that can't be had or read. code: of errors.SWML, or of errors.WEBHOOK as text. number: the latter.
    reached: the URL that redirects led to."""

    def __init__(self, code: str, ask: "Ask", detail: str, reached: str | None, number: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.ask = ask
        self.reached = reached
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A document to fetch. told: what the request has beside `message` and `params`. transferred: by a document."""

    url: str
    method: str
    params: Mapping[str, Plain] = field(default_factory=dict)
    told: Mapping[str, Plain] = field(default_factory=dict)
    transferred: bool = False


@dataclass(slots=True)
class _Run:
    """One message's way through its documents. lines: for the timeline; left_out: those that it has no room for."""

    message: Message
    handler: Handler
    progress: Progress
    ends: float
    documents: int = 0
    fallback_left: bool = True
    lines: list[Event] = field(default_factory=list)
    room: int = LINES_MAX
    left_out: int = 0


class _TimeIsUp(Exception):
    """The run has taken as long as it may."""


class SwmlHandler:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        webhooks: Webhooks,
        directory: Directory,
        transitions: Transitions,
        clock: Clock,
        send: Send,
        base_url: Callable[[], str],
        limits: SwmlLimits,
        reach: Reach,
    ) -> None:
        self._webhooks = webhooks
        self._directory = directory
        self._transitions = transitions
        self._clock = clock
        self._send = send
        self._base_url = base_url
        self._limits = limits
        self._reach = reach

    async def run(self, message: Message, handler: Handler, media: list[Media]) -> None:
        """Do all that the handler's documents say; faults are recorded, not raised."""
        addresses = [(media_address(self._base_url(), each), each) for each in media]
        told = webhook.inbound_message(message, self._directory.space_id, addresses)
        progress = Progress(scopes=Scopes(message=told), limits=self._limits)
        run = _Run(message, handler, progress, ends=self._clock.monotonic() + self._limits.seconds)
        try:
            await self._documents(run)
        except _TimeIsUp:
            detail = f"swml_too_slow: the run took longer than {self._limits.seconds:g} seconds"
            self._note(run, Note(kind="handler_stopped", detail=detail, must=True))
        self._finish(run)
        await self._transitions.note_all(run.lines)

    async def _documents(self, run: _Run) -> None:
        ask: Ask | None = Ask(url=run.handler.url, method=run.handler.method)
        while ask is not None:
            if run.documents >= DOCUMENTS_MAX:
                detail = f"swml_too_many_documents: more than {DOCUMENTS_MAX} documents for one message"
                self._note(run, Note(kind="handler_stopped", detail=detail, must=True))
                return
            run.documents += 1
            try:
                document = await self._document(run, ask)
            except DocumentFault as fault:
                ask = self._fall_back(run, fault)
                continue
            run.progress.scopes.params = ask.params
            ask = await self._do(run, document)

    def _fall_back(self, run: _Run, fault: DocumentFault) -> Ask | None:
        body, asked = run.message.body, fault.ask
        shown = shown_url(asked.url, body) if asked.transferred else shown_configured(asked.url)
        where = way(shown, None if fault.reached is None else shown_url(fault.reached, body))
        detail = f"{where}: {fault.code}: {fault}"
        self._note(run, Note(kind="handler_fault", detail=detail, error_code=fault.number, must=True))
        if not run.handler.fallback_url or not run.fallback_left:
            return None
        run.fallback_left = False
        told: dict[str, Plain] = {"ErrorCode": fault.code, "ErrorUrl": fault.ask.url}
        return Ask(url=run.handler.fallback_url, method=run.handler.fallback_method, told=told)

    # -- having a document

    async def _document(self, run: _Run, ask: Ask) -> swml.Document:
        response = await self._fetch(run, ask)
        try:
            document = swml_reader.parse(response.body)
        except swml_reader.DocumentError as error:
            code = "swml_transfer_document_invalid" if ask.transferred else error.code
            detail = f"{error.code}: {error.message}" if ask.transferred else error.message
            raise DocumentFault(code, ask, detail, reached(response)) from error
        for warning in document.warnings:
            self._note(run, Note(kind="handler_warning", detail=warning))
        return document

    async def _fetch(self, run: _Run, ask: Ask) -> HttpResponse:
        project = self._directory.project(run.message.project_id)
        if project is None:
            raise _unfetched(ask, UNREACHABLE, PROJECT_GONE)
        if why := uncalled(ask.url, self._reach):
            raise _unfetched(ask, UNREACHABLE, why)
        try:
            async with asyncio.timeout(self._left(run)):
                response = await self._webhooks.request(
                    signing.as_switched(project, self._signed(run, ask, project.signing_key))
                )
        except TimeoutError as error:
            raise _TimeIsUp from error
        except FetchFault as fault:
            raise _unfetched(ask, fault.code, fault.message, fault.url) from fault
        except UrlError as error:
            raise _unfetched(ask, UNREACHABLE, str(error)) from error
        if not 200 <= response.status < 300:
            raise _unfetched(ask, NOT_SUCCESS, f"answered {response.status}", reached(response))
        return response

    def _signed(self, run: _Run, ask: Ask, key: str) -> HttpRequest:
        """A GET has no body, and so can't be told of the message: it is for documents that are the same for all."""
        if ask.method == "GET":
            return signing.form_request(key, "GET", ask.url, [])
        scopes = run.progress.scopes
        told: dict[str, Plain] = {"message": scopes.message, "params": ask.params, **ask.told}
        if ask.transferred:
            told["vars"] = scopes.vars
        return signing.json_request(key, ask.url, orjson.dumps(told, default=float), method=ask.method)

    # -- doing it

    async def _do(self, run: _Run, document: swml.Document) -> Ask | None:
        steps = swml_run.run(document, run.progress)
        outcome: Replied | Answered | None = None
        while True:
            self._left(run)
            try:
                effect = steps.send(outcome)
            except StopIteration as stopped:
                return _transfer(stopped.value)
            match effect:
                case Note():
                    self._note(run, effect)
                    outcome = None
                    await asyncio.sleep(0)  # a step with large parameters takes milliseconds; others want to go on
                case SendReply(content=content):
                    outcome = await self._reply(run, content)
                case AskUrl():
                    outcome = await self._ask(run, effect)

    async def _reply(self, run: _Run, content: Content) -> Replied:
        message = run.message
        request = SendRequest(
            project_id=message.project_id,
            source=Source.REALTIME,
            direction=Direction.OUTBOUND_REPLY,
            to_number=message.from_number if content.to is None else content.to,
            from_number=message.to_number if content.from_ is None else content.from_,
            body=content.body,
            media_urls=content.media,
            callback_url=content.status_url,
            idempotency_key=f"heliograph/reply/{message.id}/{run.progress.replies}",
            fingerprint="reply",
        )
        try:
            sent = await self._transitions.persist(lambda: self._send(request))
        except Refused as refused:
            first = refused.refusals[0]
            word = _WORDS.get(first.fault, "swml_reply_failed")
            return Replied(code=first.reason.cxml, word=word, text=first.text)
        return Replied(message_id=sent.message.id)

    async def _ask(self, run: _Run, asked: AskUrl) -> Answered:
        """A request of a document. Not signed: it goes to whom the document says, not to whom the project set up."""
        shown = shown_url(asked.url, run.message.body)
        left = self._left(run)
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(min(asked.seconds, left)):
                response = await self._webhooks.request(self._as_switched(run, asked))
        except TimeoutError:
            if left <= asked.seconds:
                raise _TimeIsUp from None
            return Answered(result="timeout", text=f"{shown}, no answer within {asked.seconds:g} s")
        except FetchFault as fault:
            result: swml_run.Result = "timeout" if fault.kind is FaultKind.TIMEOUT else "failed"
            return Answered(result=result, text=f"{shown}, {fault.message.rstrip('.')}")
        except ValueError as error:  # UrlError, or a header that can't be sent
            return Answered(result="failed", text=f"{shown}, {str(error).rstrip('.')}")
        success = 200 <= response.status < 300
        return Answered(
            result="success" if success else "failed",
            text=f"{shown}, answered {response.status} in {1000 * (self._clock.monotonic() - started):.0f} ms",
            status=response.status,
            body=response.body,
        )

    def _as_switched(self, run: _Run, asked: AskUrl) -> HttpRequest:
        request = HttpRequest(
            method=asked.method,
            url=asked.url,
            headers=asked.headers,
            body=asked.body,
            max_response_bytes=ANSWER_MAX,
            truncate=True,
        )
        project = self._directory.project(run.message.project_id)
        return request if project is None else signing.as_switched(project, request)

    def _left(self, run: _Run) -> float:
        """Seconds that the run may still take."""
        left = run.ends - self._clock.monotonic()
        if left <= 0:
            raise _TimeIsUp
        return left

    # -- recording it

    def _note(self, run: _Run, note: Note) -> None:
        if not note.must:
            if not run.room:
                run.left_out += 1
                return
            run.room -= 1
        event = self._transitions.event(run.message, note.kind, error_code=note.error_code, detail=note.detail)
        run.lines.append(event)

    def _finish(self, run: _Run) -> None:
        """The last line: what the run came to."""
        done = run.progress
        detail = f"documents: {run.documents}, steps: {done.steps}, requests: {done.requests}, replies: {done.replies}"
        if run.left_out:
            detail += f"; {run.left_out} lines are left out"
        run.lines.append(self._transitions.event(run.message, "swml_ended", detail=detail))


def _transfer(hand_over: swml_run.HandOver | None) -> Ask | None:
    if hand_over is None:
        return None
    return Ask(url=hand_over.url, method=hand_over.method, params=hand_over.params, transferred=True)


def _unfetched(ask: Ask, number: int, detail: str, reached: str | None = None) -> DocumentFault:
    code = "swml_transfer_fetch_failed" if ask.transferred else "http_retrieval_error"
    return DocumentFault(code, ask, detail, reached, number)
