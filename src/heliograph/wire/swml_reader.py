"""Reads a handler's answer into a SWML document (wire.swml).

Rules:
- A document has `sections`, of which `main` is run; or, alone at the top, `reply` or `receive`: then that is all of it.
- What is wrong with the document as a whole (its shape, an unsupported method, a label twice) raises DocumentError.
  What is wrong with one step becomes a `Broken` in its place, and is a fault when a run gets there.
- A parameter that is not known is a warning, for it may be newer than this reader; but one that would change what a
  step does is a fault (`goto.when`).
- A text where a text is wanted may be written as a number, which YAML does to short codes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from heliograph.core import placeholders
from heliograph.core.placeholders import Plain
from heliograph.wire import plain
from heliograph.wire.swml import (
    METHODS,
    AnyStep,
    Broken,
    Choice,
    Content,
    Document,
    Execute,
    Goto,
    Jump,
    Label,
    Receive,
    Reply,
    Request,
    Return,
    Section,
    Switch,
    Transfer,
    short,
)

GOTO_MAX = 100
"""Jumps that one `goto` makes in a section unless its `max` says otherwise (contract, section 9)."""

WARNINGS_MAX = 20
"""Warnings kept of one document: enough to mend it, and no way to flood the record."""

VERSION = "1.0.0"
HTTP_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
TRANSFORMS: Final = ("lowercase", "uppercase", "trim", "lowercase_trim", "uppercase_trim")

_REPLY = ("body", "media", "to", "from", "status_url")
_SWITCH = ("variable", "transform", "case", "default")


class DocumentError(ValueError):
    """No SWML document for messages. `code`: one of core.errors.SWML."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class _StepError(Exception):
    """A step whose parameters are wrong."""

    def __init__(self, message: str, code: str = "swml_invalid_document") -> None:
        super().__init__(message)
        self.code = code


def parse(document: bytes) -> Document:
    """Reads a handler's answer. Raises DocumentError."""
    try:
        value = plain.parse(document)
    except plain.PlainError as error:
        raise DocumentError("json_or_yaml_required", str(error)) from error
    if not isinstance(value, dict):
        raise DocumentError("json_or_yaml_required", "The document is no JSON or YAML object.")
    return _Reader().document(value)


# -- the document and its sections


@dataclass(slots=True)
class _Layout:
    """A section under construction."""

    steps: list[AnyStep | Jump] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)


class _Reader:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def document(self, value: Mapping[str, Plain]) -> Document:
        entries = [name for name in ("reply", "receive", "sections") if name in value]
        if not entries:
            raise DocumentError("swml_missing_entry_point", "The document has none of reply, receive and sections.")
        if len(entries) > 1:
            raise DocumentError(
                "swml_invalid_document",
                f"The document has {' and '.join(entries)} at its top; only one of reply, receive and sections may be.",
            )
        if value.get("version", VERSION) != VERSION:
            raise DocumentError("swml_invalid_document", f'The only version of SWML is "{VERSION}".')
        self.unknown("the document", value, ("version", *entries))
        entry = entries[0]
        sections = value[entry] if entry == "sections" else {"main": [{entry: value[entry]}]}
        if not isinstance(sections, Mapping):
            raise DocumentError("swml_invalid_section_format", "sections must be an object.")
        if "main" not in sections:
            raise DocumentError("swml_invalid_section_format", "sections has no main.")
        read = {name: self.section(name, steps) for name, steps in sections.items()}
        return Document(sections=read, warnings=tuple(self.warnings[:WARNINGS_MAX]))

    def section(self, name: str, steps: Plain) -> Section:
        layout = _Layout()
        self.lay_out(layout, short(name), steps)
        return Section(steps=tuple(layout.steps), labels=layout.labels)

    def lay_out(self, layout: _Layout, place: str, steps: Plain) -> None:
        if not isinstance(steps, list):
            raise DocumentError("swml_invalid_section_format", f"{place} must be an array of steps.")
        for number, step in enumerate(steps):
            self.step(layout, f"{place}[{number}]", step)

    def step(self, layout: _Layout, place: str, step: Plain) -> None:
        if not isinstance(step, Mapping) or len(step) != 1:
            raise DocumentError("swml_invalid_section_format", f"{place} must be an object with one method.")
        ((method, given),) = step.items()
        if method not in METHODS:
            raise DocumentError(
                "swml_unsupported_method",
                f"{place}: {short(method)} is no method for messages; these are {', '.join(METHODS)}.",
            )
        try:
            if method == "switch":
                self.switch(layout, place, given)
                return
            layout.steps.append(self.plain_step(layout, place, method, given))
        except _StepError as error:
            layout.steps.append(Broken(place=place, method=method, code=error.code, message=str(error)))

    def plain_step(self, layout: _Layout, place: str, method: str, given: Plain) -> AnyStep:
        match method:
            case "reply":
                return self.reply(place, given)
            case "receive":
                self.unknown(f"{place} receive", given or {}, ())
                return Receive(place=place)
            case "request":
                return self.request(place, given)
            case "execute":
                return self.execute(place, given)
            case "transfer":
                return self.transfer(place, given)
            case "goto":
                return self.goto(place, given)
            case "return":
                self.check_texts(place, given)
                return Return(place=place, value=given)
            case _:
                return self.label(layout, place, given)

    # -- the methods

    def reply(self, place: str, given: Plain) -> Reply:
        if not isinstance(given, Mapping) or "switch" not in given:
            return Reply(place=place, contents={0: self.content(place, given)})
        if len(given) > 1:
            raise _StepError("reply.switch stands alone: body, media, to, from and status_url go into its cases.")
        asked = _object("reply.switch", given["switch"])
        choice = self.choice(place, "reply.switch", asked)
        contents = {
            number: self.content(f"{place}.case {number}", content)
            for number, content in enumerate(_cases("reply.switch", asked).values(), 1)
        }
        if "default" in asked:
            contents[0] = self.content(f"{place}.default", asked["default"])
        return Reply(place=place, contents=contents, choice=choice)

    def content(self, place: str, given: Plain) -> Content:
        if not isinstance(given, Mapping):
            return Content(body=self.text(place, "reply", given))
        self.unknown(f"{place} reply", given, _REPLY)
        media = given.get("media")
        if media is not None and not isinstance(media, list):
            raise _StepError("reply.media must be a list of URLs.")
        return Content(
            body=self.optional(place, "reply.body", given.get("body")),
            media=tuple(self.text(place, "reply.media", each) for each in media or ()),
            to=self.optional(place, "reply.to", given.get("to")),
            from_=self.optional(place, "reply.from", given.get("from")),
            status_url=self.optional(place, "reply.status_url", given.get("status_url")),
        )

    def request(self, place: str, given: Plain) -> Request:
        asked = _object("request", given)
        self.unknown(f"{place} request", asked, ("url", "method", "headers", "body", "timeout", "save_variables"))
        if not asked.get("url"):
            raise _StepError("request.url is required.", "swml_request_url_required")
        timeout = asked.get("timeout")
        if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0):
            raise _StepError("request.timeout is a number of seconds, 0 or more.")
        save = asked.get("save_variables")
        if save is not None and not isinstance(save, bool):
            raise _StepError("request.save_variables is true or false.")
        self.check_texts(place, asked.get("body"))
        headers = _object("request.headers", asked.get("headers") or {})
        return Request(
            place=place,
            url=self.text(place, "request.url", asked["url"]),
            method=_http_method("request", asked.get("method")),
            headers={name: self.text(place, "request.headers", value) for name, value in headers.items()},
            body=asked.get("body"),
            timeout_seconds=timeout,
            save_variables=bool(save),
        )

    def execute(self, place: str, given: Plain) -> Execute:
        asked = _object("execute", given)
        self.unknown(f"{place} execute", asked, ("dest", "params"))
        section = asked.get("dest")
        if not isinstance(section, str) or not section:
            raise _StepError(
                "execute.dest is required, and is the name of a section; URLs and documents are not executed.",
                "swml_section_not_found",
            )
        return Execute(place=place, section=section, params=self.params(place, "execute", asked))

    def transfer(self, place: str, given: Plain) -> Transfer:
        asked = _object("transfer", given)
        self.unknown(f"{place} transfer", asked, ("dest", "method", "params"))
        url = asked.get("dest")
        if not isinstance(url, str) or not url:
            raise _StepError(
                "transfer.dest is required, and is an http or https URL; documents in place are not transferred to.",
                "swml_transfer_failed",
            )
        return Transfer(
            place=place,
            url=self.text(place, "transfer.dest", url),
            method=_http_method("transfer", asked.get("method")),
            params=self.params(place, "transfer", asked),
        )

    def goto(self, place: str, given: Plain) -> Goto:
        asked = _object("goto", given)
        if "when" in asked:
            raise _StepError("goto.when is not for messages; put the goto into a switch.")
        self.unknown(f"{place} goto", asked, ("label", "max"))
        label = asked.get("label")
        if label is None or label == "":
            raise _StepError("goto.label is required.", "swml_goto_label_not_found")
        jumps = GOTO_MAX if asked.get("max") is None else asked["max"]
        if isinstance(jumps, bool) or not isinstance(jumps, int) or jumps < 0:
            raise _StepError("goto.max is a whole number, 0 or more.")
        return Goto(place=place, label=_text("goto.label", label), max_jumps=jumps)

    def label(self, layout: _Layout, place: str, given: Plain) -> Label:
        name = _text("label", given)
        if name in layout.labels:
            raise DocumentError("swml_invalid_document", f"{place}: the label {short(name)} is in this section twice.")
        layout.labels[name] = len(layout.steps)
        return Label(place=place, name=name)

    def switch(self, layout: _Layout, place: str, given: Plain) -> None:
        """The Switch, then each branch with a Jump behind the last one."""
        asked = _object("switch", given)
        choice = self.choice(place, "switch", asked)
        branches = dict(enumerate(_cases("switch", asked).values(), 1))
        if "default" in asked:
            branches[0] = asked["default"]
        targets: dict[int, int] = {}
        ends: list[int] = []
        layout.steps.append(Switch(place=place, choice=choice, targets=targets))
        for number, steps in branches.items():
            targets[number] = len(layout.steps)
            self.lay_out(layout, f"{place}.case {number}" if number else f"{place}.default", steps)
            ends.append(len(layout.steps))
            layout.steps.append(Jump(0))
        for end in ends:
            layout.steps[end] = Jump(len(layout.steps))

    def choice(self, place: str, name: str, asked: Mapping[str, Plain]) -> Choice:
        self.unknown(f"{place} {name}", asked, _SWITCH)
        variable = asked.get("variable")
        if not isinstance(variable, str) or not variable.strip():
            raise _StepError(f"{name}.variable is required, and is the path of a variable.")
        bare = variable.strip()
        if bare.startswith("%{") and bare.endswith("}"):
            bare = bare[2:-1]
        names = placeholders.path(bare)
        if names is None:
            raise _StepError(f"{name}.variable is no path of a variable, such as message.body.")
        transform = asked.get("transform")
        if transform is not None and transform not in TRANSFORMS:
            raise _StepError(f"{name}.transform is one of {', '.join(TRANSFORMS)}.", "swml_switch_invalid_transform")
        cases = {key: number for number, key in enumerate(_cases(name, asked), 1)}
        return Choice(variable=names, transform=str(transform) if transform else None, cases=cases)

    # -- what parameters have in common

    def params(self, place: str, method: str, asked: Mapping[str, Plain]) -> Mapping[str, Plain]:
        given = asked.get("params")
        self.check_texts(place, given)
        return _object(f"{method}.params", given or {})

    def optional(self, place: str, name: str, given: Plain) -> str | None:
        return None if given is None else self.text(place, name, given)

    def text(self, place: str, name: str, given: Plain) -> str:
        text = _text(name, given)
        self.check_texts(place, text)
        return text

    def check_texts(self, place: str, value: Plain) -> None:
        """Warn of what looks like a placeholder and will stay as it is written."""
        if isinstance(value, str):
            if any(placeholders.not_paths(value)):
                self.warn(f"{place}: a placeholder is no path of a variable, and stays as it is written.")
        elif isinstance(value, Mapping):
            for each in value.values():
                self.check_texts(place, each)
        elif isinstance(value, Sequence):
            for each in value:
                self.check_texts(place, each)

    def unknown(self, where: str, given: Plain, known: Sequence[str]) -> None:
        names: Iterator[str] = iter(given) if isinstance(given, Mapping) else iter(())
        for name in names:
            if name not in known:
                self.warn(f"{where}: the unknown parameter {short(name)} was passed over.")

    def warn(self, text: str) -> None:
        if len(self.warnings) < WARNINGS_MAX:
            self.warnings.append(text)


def _object(name: str, given: Plain) -> Mapping[str, Plain]:
    if not isinstance(given, Mapping):
        raise _StepError(f"{name} must be an object.")
    return given


def _cases(name: str, asked: Mapping[str, Plain]) -> Mapping[str, Plain]:
    return _object(f"{name}.case", asked.get("case"))


def _text(name: str, given: Plain) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise _StepError(f"{name} must be a text.")
    return placeholders.text_of(given)


def _http_method(name: str, given: Plain) -> str:
    method = "POST" if given is None else str(given).upper() if isinstance(given, str) else ""
    if method not in HTTP_METHODS:
        raise _StepError(f"{name}.method is one of {', '.join(HTTP_METHODS)}.")
    return method
