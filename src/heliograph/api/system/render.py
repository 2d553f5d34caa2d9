"""Markdown to HTML for the documentation: anchors, tabs of code, colours, and the frame around a page.

The pages are this project's own, so raw HTML in them is trusted. Nothing here is fetched from elsewhere: a
reader needs this server only.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from heliograph.api.system import diagram, highlight

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_ANCHOR = re.compile(r'<a id="([^"]+)">')
TABLE_CELL_LEVEL = 4
"""How deep the parser nests the text of a table's cell: table, body, row, cell."""
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    body: str
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry of the navigation."""

    href: str
    title: str


def markdown(text: str) -> Rendered:
    """Return the page's HTML and its headings of level 2 and 3."""
    tokens = _parser().parse(text)
    headings = _anchored(tokens)
    _mark_endpoints(tokens)
    body = "".join(_pieces(tokens))
    return Rendered(body=body, headings=tuple(heading for heading in headings if heading.level in (2, 3)))


def sections(text: str) -> list[tuple[Heading, list[str]]]:
    """Return each heading of a page with the plain text below it, up to the next heading; code is text, too. A row of a
    table that has an anchor is a section as well, headed by its anchor."""
    tokens = _parser().parse(text)
    headings = iter(_anchored(tokens))
    found: list[tuple[Heading, list[str]]] = []
    rows: list[tuple[Heading, list[str]]] = []
    row: list[str] = []
    for token in tokens:
        if token.type == "heading_open":
            found.append((next(headings), []))
        elif token.type == "tr_open":
            row = []
        elif found and token.type == "fence":
            found[-1][1].append(token.content)
        elif found and token.type == "inline":
            words = "".join(_words(token))
            found[-1][1].append(words)
            if token.level >= TABLE_CELL_LEVEL:
                row.append(words)
                rows += [(Heading(level=3, anchor=anchor, text=anchor), row) for anchor in _anchors(token)]
    return found + rows


def _anchors(inline: Token) -> list[str]:
    texts = (child.content for child in inline.children or () if child.type == "html_inline")
    return [match[1] for match in map(_ANCHOR.fullmatch, texts) if match]


def _words(inline: Token) -> Iterable[str]:
    for child in inline.children or ():
        if child.type in ("text", "code_inline"):
            yield child.content
        elif child.type == "softbreak":
            yield " "


def frame(title: str, page: Rendered, navigation: Sequence[tuple[str, Sequence[Link]]], here: str) -> str:
    """Return the whole HTML document of a page; `here` is its address, which the navigation marks."""
    groups = "".join(
        f"<h2>{html.escape(name)}</h2><ul>{''.join(_item(link, here) for link in links)}</ul>"
        for name, links in navigation
    )
    contents = "".join(
        f'<li class="level{heading.level}"><a href="#{heading.anchor}">{html.escape(heading.text)}</a></li>'
        for heading in page.headings
    )
    aside = f'<aside><h2>On this page</h2><ul id="contents">{contents}</ul></aside>' if contents else ""
    markdown_link = f'<a class="source" href="{here}.md">View as Markdown</a>' if here.startswith("/docs/") else ""
    return _FRAME.format(
        title=html.escape(title), navigation=groups, body=page.body, aside=aside, markdown=markdown_link
    )


def slug(text: str) -> str:
    """Return the anchor of a heading."""
    return _NOT_SLUG.sub("-", text.lower()).strip("-")


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # slow to load, and only readers of the documentation need it

    return MarkdownIt("commonmark", {"html": True}).enable("table")


def _anchored(tokens: list[Token]) -> list[Heading]:
    """Give every heading an id of its own."""
    headings: list[Heading] = []
    seen: dict[str, int] = {}
    for token, inline in itertools.pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or ())
        anchor = slug(text)
        seen[anchor] = seen.get(anchor, 0) + 1
        if seen[anchor] > 1:
            anchor = f"{anchor}-{seen[anchor]}"
        token.attrSet("id", anchor)
        headings.append(Heading(level=int(token.tag[1]), anchor=anchor, text=text))
    return headings


def _mark_endpoints(tokens: list[Token]) -> None:
    """A paragraph that starts with a method, `GET` `/path`, is an operation's address."""
    for token, inline in itertools.pairwise(tokens):
        first = next(iter(inline.children or ()), None)
        if token.type == "paragraph_open" and first and first.type == "code_inline" and first.content in _METHODS:
            token.attrSet("class", f"endpoint {first.content.lower()}")


def _pieces(tokens: list[Token]) -> Iterable[str]:
    """Render run by run: fences that follow each other, each with a title, become tabs."""
    from markdown_it.token import Token  # loaded late, as the parser is

    parser = _parser()
    run: list[Token] = []
    fences: list[Token] = []
    tabs = 0
    for token in [*tokens, Token("end", "", 0)]:
        titled = token.type == "fence" and " " in token.info.strip()
        if fences and not titled:
            tabs += 1
            yield _tabs(fences, tabs)
            fences = []
        if (titled or token.type in ("fence", "end")) and run:
            yield parser.renderer.render(run, parser.options, {})
            run = []
        if titled:
            fences.append(token)
        elif token.type == "fence":
            yield diagram.svg() if token.info.strip() == "mermaid" else _code(token)
        elif token.type != "end":
            run.append(token)


def _code(token: Token) -> str:
    language = token.info.strip().partition(" ")[0]
    return f'<pre data-language="{html.escape(language)}"><code>{highlight.html(token.content, language)}</code></pre>'


def _tabs(fences: Sequence[Token], number: int) -> str:
    """Tabs without a script: radio buttons whose labels are the titles."""
    parts = ['<div class="tabs">']
    for index, fence in enumerate(fences):
        title = html.escape(fence.info.strip().partition(" ")[2])
        ident = f"tab-{number}-{index}"
        checked = " checked" if index == 0 else ""
        parts.append(
            f'<input type="radio" name="tab-{number}" id="{ident}"{checked}><label for="{ident}">{title}</label>'
        )
        parts.append(f'<div class="tab">{_code(fence)}</div>')
    return "".join([*parts, "</div>"])


def _item(link: Link, here: str) -> str:
    current = ' aria-current="page"' if link.href == here else ""
    return f'<li><a href="{link.href}"{current}>{html.escape(link.title)}</a></li>'


_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Heliograph</title>
<link rel="icon" href="/docs/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/assets/site.css">
<script src="/docs/assets/site.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
<a class="brand" href="/docs"><img src="/docs/assets/icon.svg" alt="" width="28" height="28">Heliograph</a>
<div class="find"><input id="search" type="search" placeholder="Search" aria-label="Search the documentation" \
autocomplete="off" role="combobox" aria-expanded="false" aria-controls="results" hidden>
<ol id="results" role="listbox" aria-label="Search results" hidden></ol></div>
<nav aria-label="Elsewhere"><a href="/docs/reference">Reference</a><a href="/openapi.json">OpenAPI</a>\
<a href="/llms.txt">llms.txt</a></nav>
</header>
<div class="columns">
<nav class="pages" aria-label="Pages"><details id="menu" open><summary>All pages</summary>{navigation}</details></nav>
<main id="main">{body}<footer>{markdown}</footer></main>
{aside}
</div>
</body>
</html>
"""
