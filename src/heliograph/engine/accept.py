"""The ONE entry for every outbound message, whichever door it came through.

Judge the request (all its faults, in the order of the catalogue's vocabulary), make the message, keep it, and only
then answer: when `send` returns, the message is on disk and the dispatcher has it. A refused request leaves nothing.

Limits hold here, so that they hold at every door, and for a root project together with its subprojects: writes in
`rate_limit_seconds`, and messages that wait to be sent.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter

from heliograph.core import magic_numbers, numbers, pricing, segments
from heliograph.core.addresses import Reach
from heliograph.core.directory import Application, Number
from heliograph.core.errors import Fault, Refusal, Refused, StoreUnavailable, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.limits import Buckets
from heliograph.core.message import Callback, Kind, Message, relay_callback, smpp_callback
from heliograph.core.number_refusals import invalid_number
from heliograph.core.number_settings import application_callback
from heliograph.core.variables import variable_faults
from heliograph.engine import pieces
from heliograph.engine.directory import Directory
from heliograph.engine.metrics import Metrics
from heliograph.engine.requests import SendRequest, Sent
from heliograph.engine.senders import Need, Pick, Senders
from heliograph.engine.transition import Transitions
from heliograph.engine.urls import insecure, url_fault
from heliograph.ports import Acceptance, Accepted, Clock, IdempotencyClaim, Store

BODY_MAX = 1600
"""Code points (contract, section 3)."""

VALIDITY_MAX_SECONDS = 172_800
_MICROS = 1_000_000
BACKLOG_RETRY_SECONDS = 1
"""What a caller is told to wait when the backlog is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptSettings:
    """tags_max: of a message; tag_max_chars: of a tag, and of a region. They are in memory while the message waits."""

    simulator: bool
    reach: Reach
    backlog_limit: int
    default_validity_seconds: int
    tags_max: int
    tag_max_chars: int


class Acceptor:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Uuid7Generator,
        directory: Directory,
        transitions: Transitions,
        senders: Senders,
        writes: Buckets,
        metrics: Metrics,
        settings: AcceptSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._directory = directory
        self._transitions = transitions
        self._senders = senders
        self._writes = writes
        self._metrics = metrics
        self._settings = settings
        self.accepted: Callable[[Message], None] = lambda message: None
        """Told of each message once it is on disk."""
        self.lost_track: Callable[[], None] = lambda: None
        """Told when a write's outcome is not known: a message may be on disk that nobody was told of."""

    async def send(self, request: SendRequest) -> Sent:
        """Take the message or raise Refused with every fault; StoreUnavailable when it can't be kept now. A key that
        was claimed is answered before anything is judged: what was taken once is not refused the second time."""
        claim = _claim(request)
        if claim is not None:
            earlier = await self._store.claimed(request.project_id, claim)
            if earlier is not None:
                return await self._earlier(request.project_id, earlier)
        if not request.is_counted:
            self._count(request.project_id)
        refusals = list(self.faults(request))
        if refusals:
            raise Refused(*refusals)
        need = None if request.from_number else self._need(request)
        if need is None:
            return await self._take(self._message(request), request, claim)
        return await self._take_from_group(need, request, claim)

    def admit(self, project_id: str) -> None:
        """Count a part of a message, which `send` is given as counted when it is whole. Raises Refused where the
        project may write nothing more now, or nothing that has to be sent."""
        self._count(project_id)
        self._refuse_when_full(project_id)

    def _count(self, project_id: str) -> None:
        decision = self._writes.take(self._directory.root_of(project_id), int(self._clock.monotonic() * _MICROS))
        if not decision.allowed:
            raise Refused(Refusal(Fault.RATE_EXCEEDED), retry_after_seconds=decision.retry_after_seconds)

    async def _take_from_group(self, need: Need, request: SendRequest, claim: IdempotencyClaim | None) -> Sent:
        """Choosing and counting go without a pause: each choice knows of all that were made before."""
        if not need.group.sticky_sender:
            pick = self._senders.any(need)
            return await self._take(self._message(request, pick.member), request, claim, pick)
        async with self._senders.remembered(need) as choice:
            pick = self._senders.again(need, choice)
            return await self._take(self._message(request, pick.member), request, claim, pick)

    async def _take(
        self, message: Message, request: SendRequest, claim: IdempotencyClaim | None, pick: Pick | None = None
    ) -> Sent:
        """Keep it, counted from now on among what waits to be sent."""
        self._refuse_when_full(message.project_id)
        self._transitions.count(message)
        try:
            sent = await self._keep(message, request, claim, pick)
        except BaseException:
            self._transitions.uncount(message)
            raise
        if sent.replayed:
            self._transitions.uncount(message)
        return sent

    def _refuse_when_full(self, project_id: str) -> None:
        """The backlog: queued messages, and those that a carrier refused for now."""
        limit, transitions = self._settings.backlog_limit, self._transitions
        if not limit:
            return
        root = self._directory.root_of(project_id)
        if transitions.queued.of_family(root) + transitions.deferred.of_family(root) >= limit:
            raise Refused(Refusal(Fault.BACKLOG_FULL), retry_after_seconds=BACKLOG_RETRY_SECONDS)

    async def _keep(
        self, message: Message, request: SendRequest, claim: IdempotencyClaim | None, pick: Pick | None
    ) -> Sent:
        choice = pick.choice if pick else None
        acceptance = Acceptance(
            message=message,
            event_no=self._transitions.event_numbers.next(),
            claim=claim,
            made_of=pieces.made_mark(request.pieces, message.created_at) if request.pieces else None,
            detail=pieces.missing(request.pieces) if request.pieces else pick.why if pick else None,
            sticky=choice.unkept(message.created_at) if choice else None,
        )
        started = perf_counter()
        try:
            kept = await self._store.accept(acceptance)
        except (StoreUnavailable, asyncio.CancelledError):
            self.lost_track()
            raise
        self._metrics.accept_seconds.observe(perf_counter() - started)
        if kept.replayed:
            return await self._earlier(message.project_id, kept)
        if choice is not None and acceptance.sticky is not None:
            choice.kept = acceptance.sticky
        self._metrics.accepted[request.door, message.kind.value].inc()
        self._metrics.states[message.state].inc()
        self.accepted(message)
        return Sent(message=message)

    async def _earlier(self, project_id: str, kept: Accepted) -> Sent:
        """The message that an earlier request made under the same key."""
        message = None if kept.clash else await self._store.message(project_id, kept.message_id)
        if message is None:  # another request's, or purged by a retention shorter than the key's memory
            raise refuse(Fault.IDEMPOTENCY_CLASH)
        return Sent(message=message, replayed=True)

    def _need(self, request: SendRequest) -> Need | None:
        """What its group's members are asked for; None without a group of the project."""
        group = self._directory.group(request.project_id, request.group_id) if request.group_id else None
        if group is None:
            return None
        return Need(group=group, to_number=numbers.normalize_to(request.to_number or "") or "", mms=_is_mms(request))

    def _message(self, request: SendRequest, member: Number | None = None) -> Message:
        """Sent from the group's member that was chosen, else as the request says."""
        now = self._clock.now()
        mms = _is_mms(request)
        validity = int(request.validity) if request.validity else self._settings.default_validity_seconds
        return Message(
            id=request.message_id or self._ids.next(now),
            project_id=request.project_id,
            direction=request.direction,
            kind=Kind.MMS if mms else Kind.SMS,
            source=request.source,
            from_number=member.number if member else numbers.normalize_from(request.from_number or "") or "",
            to_number=numbers.normalize_to(request.to_number or "") or "",
            body=request.body,
            segments=1 if mms else segments.count(request.body or ""),
            state=State.QUEUED,
            created_at=now,
            updated_at=now,
            expires_at=now + validity * 1_000_000,
            media_urls=request.media_urls,
            num_media=len(request.media_urls),
            max_price_micros=pricing.parse_max_price(request.max_price) if request.max_price else None,
            group_id=request.group_id.lower() if request.group_id else None,
            callback=self._callback(request),
            custom_variables={name: str(value) for name, value in (request.custom_variables or {}).items()} or None,
            options=request.options,
            tags=request.tags,
            region=request.region,
            relay_session=request.relay_session,
        )

    def _callback(self, request: SendRequest) -> Callback | None:
        """The message's own, else its application's (contract, section 8); an SMPP customer's go to its binds, a
        Relay client's to its session."""
        if request.receipts_to:
            return smpp_callback(request.receipts_to)
        if request.relay_context is not None:
            return relay_callback(request.project_id, request.relay_context)
        if request.callback_url:
            return Callback(url=request.callback_url, method=request.callback_method)
        application = self._application(request)
        return application_callback(application) if application else None

    def _application(self, request: SendRequest) -> Application | None:
        return self._directory.application(request.project_id, request.application_id or "")

    # -- judging

    def faults(self, request: SendRequest) -> Iterator[Refusal]:
        """Every reason to refuse the request, in the order in which a caller should hear of them."""
        yield from self._judge_to(request)
        yield from self._judge_sender(request)
        yield from self._judge_content(request)
        yield from self._judge_labels(request)
        yield from self._judge_urls(request)
        yield from _judge_numbers(request)
        if request.application_id and self._application(request) is None:
            yield Refusal(Fault.APPLICATION_UNKNOWN)
        for fault in variable_faults(request.custom_variables):
            yield Refusal(fault)

    def _judge_to(self, request: SendRequest) -> Iterator[Refusal]:
        if not request.to_number:
            yield Refusal(Fault.TO_MISSING)
            return
        number = numbers.normalize_to(request.to_number)
        if number is None:
            yield invalid_number(Fault.TO_INVALID, "'To' number", request.to_number)
        elif self._settings.simulator and number in magic_numbers.REFUSED_TO:
            yield Refusal(magic_numbers.REFUSED_TO[number])

    def _judge_sender(self, request: SendRequest) -> Iterator[Refusal]:
        """From sends; a group, with or without From, must be one of the project's."""
        need = self._need(request) if request.group_id else None
        if request.group_id and need is None:
            yield Refusal(Fault.GROUP_UNKNOWN)
        if not request.from_number:
            if not request.group_id:
                yield Refusal(Fault.SENDER_MISSING)
            elif need is not None and not self._senders.fitting(need):
                yield Refusal(Fault.GROUP_UNFIT)
            return
        if request.sender_vouched:
            return
        number = numbers.normalize_from(request.from_number)
        if number is None:
            yield invalid_number(Fault.FROM_INVALID, "'From' number", request.from_number)
        elif (fault := self._sender_fault(number, request)) is Fault.FROM_NOT_OWNED:
            yield Refusal(fault, f"The 'From' number {number} does not belong to this project.")
        elif fault is not None:
            yield Refusal(fault)

    def _sender_fault(self, number: str, request: SendRequest) -> Fault | None:
        if self._settings.simulator:
            if number in magic_numbers.ALWAYS_FROM:
                return None
            if number in magic_numbers.REFUSED_FROM:
                return magic_numbers.REFUSED_FROM[number]
        owned: Number | None = self._directory.number_by_text(number)
        if owned is None or owned.project_id != request.project_id:
            return Fault.FROM_NOT_OWNED
        return None if owned.can("mms" if _is_mms(request) else "sms") else Fault.FROM_INCAPABLE

    def _judge_content(self, request: SendRequest) -> Iterator[Refusal]:
        if not request.body and not request.media_urls:
            yield Refusal(Fault.CONTENT_MISSING)
        if request.body and len(request.body) > BODY_MAX:
            yield Refusal(Fault.BODY_TOO_LONG)
        if len(request.media_urls) > request.media_limit:
            yield Refusal(Fault.MEDIA_TOO_MANY, f"A message takes at most {request.media_limit} media.")

    def _judge_labels(self, request: SendRequest) -> Iterator[Refusal]:
        most, longest = self._settings.tags_max, self._settings.tag_max_chars
        if len(request.tags) > most or any(len(tag) > longest for tag in request.tags):
            message = f"A message takes at most {most} tags of at most {longest} characters."
            yield Refusal(Fault.PARAMETER_INVALID, message, "tags")
        if request.region and len(request.region) > longest:
            yield Refusal(Fault.PARAMETER_INVALID, f"The region has at most {longest} characters.", "region")

    def _judge_urls(self, request: SendRequest) -> Iterator[Refusal]:
        for url in request.media_urls:
            if fault := url_fault(url, self._settings.reach):
                yield Refusal(Fault.MEDIA_URL_UNSAFE if fault == "unsafe" else Fault.MEDIA_URL_INVALID)
                break
        if request.callback_url and (fault := url_fault(request.callback_url, self._settings.reach)):
            yield Refusal(Fault.CALLBACK_UNSAFE if fault == "unsafe" else Fault.CALLBACK_INVALID)
        elif request.callback_url and insecure(self._directory.project(request.project_id), request.callback_url):
            yield Refusal(
                Fault.CALLBACK_INVALID, "The status callback must be an https URL: this project's requests are."
            )


def _claim(request: SendRequest) -> IdempotencyClaim | None:
    if request.idempotency_key is None:
        return None
    return IdempotencyClaim(key=request.idempotency_key, fingerprint=request.fingerprint)


def _is_mms(request: SendRequest) -> bool:
    return bool(request.media_urls) or request.force_mms


def _judge_numbers(request: SendRequest) -> Iterator[Refusal]:
    if request.validity and not _is_validity(request.validity):
        yield Refusal(Fault.VALIDITY_INVALID)
    if request.max_price:
        try:
            pricing.parse_max_price(request.max_price)
        except ValueError:
            yield Refusal(Fault.MAX_PRICE_INVALID)


def _is_validity(text: str) -> bool:
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= len(str(VALIDITY_MAX_SECONDS))
        and (1 <= int(text) <= VALIDITY_MAX_SECONDS)
    )
