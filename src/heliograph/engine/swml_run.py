"""One SWML document, run step by step: what to send, what to ask, what to record. No I/O.

`run` is a generator: it yields what is to be done and is sent the outcome; it returns where to transfer to, or None at
the end. It always ends: each step of the document counts, over all documents of one message, and there is a most of
them; so do requests. A fault of the document ends the run and is yielded as a Note.

Notes are lines of the message's timeline. They name places, sections, labels and cases by number, and no text that a
placeholder brought: a redacted body must not live on there.
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never
from urllib.parse import quote

import orjson

from heliograph.core import placeholders
from heliograph.core.placeholders import PlaceholderError, Plain, Room, Scopes
from heliograph.wire import plain, swml
from heliograph.wire.swml import Choice, Content

SECTIONS_MAX = 32
"""Sections executed inside each other: recursion that does something ends before, by the limit of steps."""

_UNSENDABLE = re.compile(r"[\s\x00-\x1f\x7f\\]+")
_BODY_TYPES = {"{": "application/json", "[": "application/json", "<": "application/xml"}

Result = Literal["success", "failed", "timeout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwmlLimits:
    """Of one inbound message, over all its documents; request_seconds: of each request, seconds: of the run."""

    steps: int
    requests: int
    replies: int
    request_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line for the timeline. must: kept although there are many; a fault, which ends the run."""

    kind: str
    detail: str
    error_code: int | None = None
    must: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReply:
    """A reply, its placeholders filled. Its outcome is a Replied."""

    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """message_id: of the message that was taken; else code, word and text say why not."""

    message_id: str | None = None
    code: int | None = None
    word: str = "swml_reply_failed"
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskUrl:
    """A request, its placeholders filled. Its outcome is an Answered."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """status and body: None where no answer came. text: for the timeline, where and how it went."""

    result: Result
    text: str
    status: int | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The next document."""

    url: str
    method: str
    params: Mapping[str, Plain]


@dataclass(slots=True, kw_only=True)
class Progress:
    """What all documents of one message share. replies: those tried, the one under way counted in."""

    scopes: Scopes
    limits: SwmlLimits
    room: Room = field(default_factory=lambda: Room(left=placeholders.RUN_MAX))
    steps: int = 0
    requests: int = 0
    replies: int = 0


Effect = Note | SendReply | AskUrl
Outcome = Replied | Answered | None
Steps = Generator[Effect, Outcome, HandOver | None]


class _Fault(Exception):
    """The run can't go on. `code`: one of core.errors.SWML."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(slots=True)
class _Frame:
    """A section that runs. at: the place of its next step. jumps: how often the goto at a place was taken."""

    name: str
    section: swml.Section
    params: Mapping[str, Plain]
    at: int = 0
    jumps: dict[int, int] = field(default_factory=dict)


def run(document: swml.Document, progress: Progress) -> Steps:
    """Do the document from its main section on. `progress.scopes.params` are those that it was asked for with."""
    return _Run(document, progress).steps()


class _Run:
    def __init__(self, document: swml.Document, progress: Progress) -> None:
        self._document = document
        self._progress = progress
        self._scopes = progress.scopes
        self._frames = [_Frame("main", document.sections["main"], progress.scopes.params)]
        self._room = Room()

    def steps(self) -> Steps:
        where = "main"
        try:
            while self._frames:
                step = self._next()
                if step is None:
                    continue
                where = f"{step.place} {swml.method_of(step)}"
                self._count()
                self._room = Room(run=self._progress.room)
                hand_over = yield from self._do(step)
                if hand_over is not None:
                    return hand_over
        except _Fault as fault:
            yield Note(kind="swml_fault", detail=f"{where}: {fault.code}: {fault}", must=True)
        except PlaceholderError as error:
            yield Note(kind="swml_fault", detail=f"{where}: swml_value_too_long: {error}", must=True)
        return None

    def _next(self) -> swml.AnyStep | None:
        """The next step of the section on top; None where there was something else to do first."""
        frame = self._frames[-1]
        if frame.at >= len(frame.section.steps):
            self._leave(None)
            return None
        step = frame.section.steps[frame.at]
        if isinstance(step, swml.Jump):
            frame.at = step.target
            return None
        frame.at += 1
        return step

    def _count(self) -> None:
        if self._progress.steps >= self._progress.limits.steps:
            raise _Fault("swml_too_many_steps", f"more than {self._progress.limits.steps} steps for one message")
        self._progress.steps += 1

    def _leave(self, value: Plain) -> None:
        """Back to the caller, which finds the value; without one there is none."""
        self._frames.pop()
        if not self._frames:
            return
        self._scopes.params = self._frames[-1].params
        self._set("return_value", value)

    def _do(self, step: swml.AnyStep) -> Steps:  # noqa: C901 - one case for each method
        match step:
            case swml.Reply():
                yield from self._reply(step)
            case swml.Receive():
                yield _line(step, "")
            case swml.Request():
                yield from self._request(step)
            case swml.Execute():
                yield self._execute(step)
            case swml.Transfer():
                yield _line(step, "")
                return self._hand_over(step)
            case swml.Switch():
                yield self._switch(step)
            case swml.Goto():
                yield self._goto(step)
            case swml.Return():
                yield self._return(step)
            case swml.Label():
                pass
            case swml.Broken():
                raise _Fault(step.code, step.message)
            case _:
                assert_never(step)
        return None

    # -- the methods

    def _reply(self, step: swml.Reply) -> Steps:
        number = 0 if step.choice is None else self._chosen(step.choice, step.contents)
        content = self._filled(step.contents[number])
        most = self._progress.limits.replies
        if self._progress.replies >= most:
            raise _Fault("swml_too_many_replies", f"more than {most} replies for one message")
        self._progress.replies += 1
        outcome = yield SendReply(content=content)
        if not isinstance(outcome, Replied):
            raise TypeError("a reply's outcome is a Replied")
        self._set("reply_result", "failed" if outcome.message_id is None else "queued")
        self._set("reply_message_id", outcome.message_id)
        which = "" if step.choice is None else f" ({_case(number)})"
        if outcome.message_id is None:
            text = f"{step.place} reply{which}: {outcome.word}: {outcome.text}"
            yield Note(kind="reply_refused", detail=text, error_code=outcome.code)
        else:
            yield Note(kind="replied", detail=f"{step.place} reply{which}: {outcome.message_id}")
        return None

    def _filled(self, content: Content) -> Content:
        return Content(
            body=self._text(content.body),
            media=tuple(self._url(each) for each in content.media),
            to=self._text(content.to),
            from_=self._text(content.from_),
            status_url=None if content.status_url is None else self._url(content.status_url),
        )

    def _request(self, step: swml.Request) -> Steps:
        asked = self._asked(step)  # it may tell of the answer before
        for name in ("request_response", "request_response_code", "request_response_body"):
            self._set(name, None)
        limits = self._progress.limits
        if self._progress.requests >= limits.requests:
            self._set("request_result", "limit_exceeded")
            yield _line(step, f"limit_exceeded: {limits.requests} requests were made for this message")
            return None
        self._progress.requests += 1
        outcome = yield asked
        if not isinstance(outcome, Answered):
            raise TypeError("a request's outcome is an Answered")
        self._set("request_result", outcome.result)
        self._set("request_response_code", outcome.status)
        note = self._keep_body(outcome.body, step.save_variables)
        yield _line(step, f"{step.method} {outcome.text}: {outcome.result}{note}")
        return None

    def _asked(self, step: swml.Request) -> AskUrl:
        headers = {name: self._expanded(value) for name, value in step.headers.items()}
        body: bytes | None = None
        kind = ""
        if isinstance(step.body, str):
            text = self._expanded(step.body)
            body = text.encode("utf-8", "replace")
            kind = _BODY_TYPES.get(text.lstrip()[:1], "text/plain; charset=utf-8")
        elif step.body is not None:
            body = orjson.dumps(placeholders.expand_all(step.body, self._scopes, self._room), default=float)
            kind = "application/json"
        if kind and all(name.lower() != "content-type" for name in headers):
            headers["Content-Type"] = kind
        most = self._progress.limits.request_seconds
        seconds = most if step.timeout_seconds is None else min(step.timeout_seconds, most)
        return AskUrl(method=step.method, url=self._url(step.url), headers=headers, body=body, seconds=seconds)

    def _keep_body(self, body: bytes | None, save: bool) -> str:
        """Returns what the timeline is told of it."""
        if not body:
            return ""
        self._set("request_response_body", body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}"))
        if not save:
            return ""
        try:
            self._set("request_response", plain.parse_json(body))
        except plain.PlainError:
            return "; the answer is no JSON that can be saved"
        return ""

    def _execute(self, step: swml.Execute) -> Note:
        section = self._document.sections.get(step.section)
        if section is None:
            raise _Fault("swml_section_not_found", f"there is no section {swml.short(step.section)}")
        if len(self._frames) >= SECTIONS_MAX:
            raise _Fault("swml_nested_too_deep", f"more than {SECTIONS_MAX} sections inside each other")
        params = self._params(step.params)
        self._frames.append(_Frame(step.section, section, params))
        self._scopes.params = params
        return _line(step, swml.short(step.section))

    def _hand_over(self, step: swml.Transfer) -> HandOver:
        return HandOver(url=self._url(step.url), method=step.method, params=self._params(step.params))

    def _switch(self, step: swml.Switch) -> Note:
        number = self._chosen(step.choice, step.targets)
        self._frames[-1].at = step.targets[number]
        return _line(step, _case(number))

    def _chosen(self, choice: Choice, there: Mapping[int, object]) -> int:
        """The number of the case that fits, 0 for the default."""
        value = placeholders.look_up(choice.variable, self._scopes)
        text = placeholders.text_of(value)
        if not isinstance(value, str):
            self._room.fill(len(text))  # made for this look, as for a placeholder
        number = choice.cases.get(_transformed(text, choice.transform), 0)
        if number not in there:
            raise _Fault("swml_switch_no_match", "no case fits, and there is no default")
        return number

    def _goto(self, step: swml.Goto) -> Note:
        frame = self._frames[-1]
        target = frame.section.labels.get(step.label)
        if target is None:
            raise _Fault("swml_goto_label_not_found", f"there is no label {swml.short(step.label)} in this section")
        here = frame.at - 1
        taken = frame.jumps.get(here, 0)
        if taken >= step.max_jumps:
            self._leave(None)
            return _line(step, f"{swml.short(step.label)}: jumped {taken} times, the section ends")
        frame.jumps[here] = taken + 1
        frame.at = target
        return _line(step, f"{swml.short(step.label)}: jump {taken + 1}")

    def _return(self, step: swml.Return) -> Note:
        value = self._expanded(step.value) if isinstance(step.value, str) else step.value
        self._leave(value)
        return _line(step, f"to {swml.short(self._frames[-1].name)}" if self._frames else "the end")

    # -- values

    def _set(self, name: str, value: Plain) -> None:
        """None: there is no such variable."""
        if value is None:
            self._scopes.vars.pop(name, None)
        else:
            self._scopes.vars[name] = value

    def _params(self, params: Mapping[str, Plain]) -> Mapping[str, Plain]:
        expanded = placeholders.expand_all(params, self._scopes, self._room)
        return expanded if isinstance(expanded, Mapping) else {}

    def _expanded(self, text: str) -> str:
        return placeholders.expand(text, self._scopes, self._room)

    def _text(self, text: str | None) -> str | None:
        return None if text is None else self._expanded(text)

    def _url(self, text: str) -> str:
        """White space and control characters that a value brought are escaped: no URL has any."""
        return _UNSENDABLE.sub(lambda found: quote(found[0]), self._expanded(text))


def _line(step: swml.AnyStep, detail: str) -> Note:
    named = f"{step.place} {swml.method_of(step)}"
    return Note(kind="swml_step", detail=f"{named}: {detail}" if detail else named)


def _case(number: int) -> str:
    return f"case {number}" if number else "default"


def _transformed(text: str, transform: str | None) -> str:
    match transform:
        case "lowercase":
            return text.lower()
        case "uppercase":
            return text.upper()
        case "trim":
            return text.strip()
        case "lowercase_trim":
            return text.lower().strip()
        case "uppercase_trim":
            return text.upper().strip()
        case _:
            return text
