"""Mustache templates (https://mustache.github.io/mustache.5.html), for cXML scripts, over texts alone.

All values are texts, those of a request's fields, so a section is there once or not at all: `{{#name}}` where the
value isn't empty, `{{^name}}` where it is or where there is none, and `{{.}}` inside is that value. `{{name}}` is
escaped for XML; `{{{name}}}` and `{{&name}}` are put in as they are, as the author asked. `{{! }}` is a comment,
`{{=<% %>=}}` sets other delimiters. A partial, `{{>name}}`, is empty: no template may take in another.

Templates are flat lists, read and rendered without recursion, in time that is linear in what goes in and comes out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TEMPLATES_KEPT: Final = 64
"""A number's script is asked for with every message; read, a large one takes some milliseconds."""

_XML_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_ESCAPED: Final = re.compile("[&<>\"']|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""What XML gives a meaning to, and what no XML document may have at all (XML 1.0, 2.2)."""

_MARKS: Final = "#^/!=>&{"
_DELIMITERS: Final = re.compile(r"\s*([^\s=]+)\s+([^\s=]+)\s*")
_UNSEEN: Final = "#^/!=>"
"""Tags that print nothing: alone on their line, they take the line with them."""


class MustacheError(ValueError):
    """No template; the text says why, and is fit for its author's eyes."""


class RenderedTooLarge(Exception):
    """The values make more of the template than may be served."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    raw: bool


@dataclass(slots=True)
class Opening:
    """The start of a section; `end` is the place of its Closing in the list."""

    name: str
    inverted: bool
    end: int = -1


@dataclass(frozen=True, slots=True)
class Closing:
    pass


Node = Text | Variable | Opening | Closing


@dataclass(frozen=True, slots=True)
class Template:
    nodes: tuple[Node, ...]

    @property
    def fixed_text(self) -> str:
        """All text that is the author's own, with that of every section."""
        return "".join(node.text for node in self.nodes if isinstance(node, Text))


@lru_cache(maxsize=TEMPLATES_KEPT)
def parse(source: str) -> Template:
    """Read a template; raises MustacheError."""
    nodes: list[Node] = []
    open_: list[Opening] = []
    for node, name in _read(source):
        if isinstance(node, Opening):
            open_.append(node)
        if isinstance(node, Closing):
            if not open_ or open_[-1].name != name:
                raise MustacheError(f"{{{{/{_short(name)}}}}} closes no section that is open.")
            open_.pop().end = len(nodes)
        nodes.append(node)
    if open_:
        raise MustacheError(f"The section {_short(open_[-1].name)} is not closed.")
    return Template(tuple(nodes))


def render(template: Template, values: Mapping[str, str], max_characters: int) -> str:
    """The text with the values in their places; a name without a value is empty. Raises RenderedTooLarge."""
    pieces: list[str] = []
    inside: list[str] = []
    escaped: dict[str, str] = {}  # each value once: a long one may come to nothing, and costs no room then
    left = max_characters
    place = 0
    while place < len(template.nodes):
        node = template.nodes[place]
        match node:
            case Opening():
                value = _value(node.name, values, inside)
                if bool(value) is node.inverted:
                    place = node.end  # what follows its Closing is next
                else:
                    inside.append(_value(".", values, inside) if node.inverted else value)
            case Closing():
                inside.pop()
            case Text():
                pieces.append(node.text)
            case Variable():
                value = _value(node.name, values, inside)
                if not node.raw and value not in escaped:
                    escaped[value] = escape(value)
                pieces.append(value if node.raw else escaped[value])
        if isinstance(node, Text | Variable):
            left -= len(pieces[-1])
            if left < 0:
                raise RenderedTooLarge
        place += 1
    return "".join(pieces)


def escape(text: str) -> str:
    """The text for an XML document, in an element or an attribute; what XML can't hold is left out."""
    return _ESCAPED.sub(lambda found: _XML_ESCAPES.get(found[0], ""), text)


def _value(name: str, values: Mapping[str, str], inside: list[str]) -> str:
    if name == ".":
        return inside[-1] if inside else ""
    return values.get(name, "")


def _read(source: str) -> Iterator[tuple[Node, str]]:
    """The nodes in their order; a Closing with the name that it gives."""
    opening, closing = "{{", "}}"
    place = 0
    while (start := source.find(opening, place)) >= 0:
        mark, content, end = _tag(source, start, opening, closing)
        before, after = _alone(source, place, start, end) if mark and mark in _UNSEEN else (start, end)
        if before > place:
            yield Text(source[place:before]), ""
        place = after
        name = content.strip()
        if mark == "=":
            opening, closing = _delimiters(content)
        elif mark not in ("!", ">"):
            yield _node(mark, name), name
    if place < len(source):
        yield Text(source[place:]), ""


def _tag(source: str, start: int, opening: str, closing: str) -> tuple[str, str, int]:
    """The tag's mark, what stands in it, and where it ends."""
    place = start + len(opening)
    mark = source[place] if place < len(source) and source[place] in _MARKS else ""
    close = {"{": "}" + closing, "=": "=" + closing}.get(mark, closing)
    end = source.find(close, place + len(mark))
    if end < 0:
        raise MustacheError(f"The tag at character {start + 1} is not closed.")
    return mark, source[place + len(mark) : end], end + len(close)


def _node(mark: str, name: str) -> Node:
    if not name or re.search(r"\s", name):
        raise MustacheError(f"{_short(name)!r} is no name of a variable or a section.")
    match mark:
        case "#" | "^":
            return Opening(name, inverted=mark == "^")
        case "/":
            return Closing()
        case _:
            return Variable(name, raw=mark in ("&", "{"))


def _delimiters(content: str) -> tuple[str, str]:
    found = _DELIMITERS.fullmatch(content)
    if found is None:
        raise MustacheError("New delimiters are two texts without spaces and equals signs.")
    return found[1], found[2]


def _alone(source: str, place: int, start: int, end: int) -> tuple[int, int]:
    """From where to where to leave out: the whole line, where nothing else is on it."""
    line = source.rfind("\n", 0, start) + 1
    following = source.find("\n", end)
    stop = len(source) if following < 0 else following + 1
    if line < place or source[line:start].strip() or source[end:stop].strip():
        return start, end
    return line, stop


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:40] + "..."
