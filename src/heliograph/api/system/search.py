"""The index of the documentation's search box: one entry for each section of each page.

The browser loads it when a reader starts to search, and matches words by itself (`site.js`).
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from heliograph.api.system import render
from heliograph.api.system.pages import Page


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is the section's words without markup; of a reference page only its headings are searched."""

    href: str
    page: str
    heading: str
    text: str


def index(pages: Sequence[Page]) -> bytes:
    """Return the sections of all pages as a JSON array, in the order of the pages."""
    return msgspec.json.encode([section for page in pages for section in _sections(page)])


def _sections(page: Page) -> Iterator[Section]:
    for heading, text in render.sections(page.text):
        fragment = f"#{heading.anchor}" if heading.level > 1 else ""
        yield Section(href=f"/docs/{page.slug}{fragment}", page=page.title, heading=heading.text, text=_folded(text))


def _folded(words: Iterable[str]) -> str:
    return " ".join(" ".join(words).split())
