"""The documentation as pages of this server: `/docs`, its Markdown, `/llms.txt`, `/openapi.json` and `/`.

Everything comes from the package and from the routes; a browser without access to the internet shows it whole.
Pages are built when first asked for and kept.
"""

import html
import re
from collections.abc import Sequence
from functools import cached_property

from heliograph import __version__
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Handler, Route
from heliograph.api.system import generated, llms, pages, reference, render, search
from heliograph.api.system.openapi import Document
from heliograph.core.errors import NotFound

HTML = "text/html; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'"
)
"""Nothing from elsewhere, and no scripts inside pages."""

_EXAMPLE_ADDRESS = re.compile(rb"(http://|ws://)?(?:localhost|127\.0\.0\.1):8080\b")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_ASSETS = {
    "site.css": "text/css; charset=utf-8",
    "site.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Site:
    """The documentation of one server, whose routes it describes."""

    def __init__(self) -> None:
        self._rendered: dict[str, bytes] = {}
        self.describe(())

    def describe(self, routes: Sequence[Route]) -> None:
        """Say what the server answers, before the first page is asked for: the site's own routes among it."""
        self._routes = tuple(routes)
        self.document = Document(self._routes, __version__)

    @cached_property
    def reference(self) -> pages.Page:
        """The page that is written out of the OpenAPI document."""
        return pages.parsed(pages.REFERENCE, reference.page(self.document.value))

    @cached_property
    def groups(self) -> tuple[tuple[str, tuple[pages.Page, ...]], ...]:
        """All pages in the order of the navigation."""
        groups = [(name, tuple(self.page(slug) for slug in slugs)) for name, slugs in pages.GROUPS]
        return tuple((name, (*some, self.reference) if name == "Use" else some) for name, some in groups)

    def page(self, slug: str) -> pages.Page:
        """A page by its name; raises NotFound."""
        if slug == pages.REFERENCE:
            return self.reference
        if slug not in pages.SLUGS:
            raise NotFound
        if slug == "endpoints":  # what this server really answers, whatever the file says
            makers = {"endpoints": lambda: generated.endpoints(self._routes)}
            return pages.parsed(slug, generated.unmarked(generated.refreshed(pages.source(slug), makers)))
        return pages.page(slug)

    def html(self, slug: str) -> bytes:
        """A page as a browser shows it."""
        if slug not in self._rendered:
            page = self.page(slug)
            self._rendered[slug] = self._framed(page.title, render.markdown(page.text), f"/docs/{slug}")
        return self._rendered[slug]

    @cached_property
    def start(self) -> bytes:
        """The first page: what there is."""
        cards = "".join(
            f'<li><a href="/docs/{page.slug}"><strong>{html.escape(page.title)}</strong>'
            f"<span>{html.escape(_plain(page.summary))}</span></a></li>"
            for _, some in self.groups
            for page in some
        )
        return self._framed(
            "Documentation", render.Rendered(body=_HERO + f'<ul class="cards">{cards}</ul>', headings=()), "/docs"
        )

    @cached_property
    def not_found(self) -> bytes:
        """The page for an unknown address below `/docs`."""
        return self._framed("Page not found", render.Rendered(body=_NOT_FOUND, headings=()), "")

    @cached_property
    def search_index(self) -> bytes:
        """Every section of every page, for the search box."""
        return search.index([page for _, some in self.groups for page in some])

    def _framed(self, title: str, page: render.Rendered, here: str) -> bytes:
        navigation = [
            (name, [render.Link(href=f"/docs/{each.slug}", title=each.title) for each in some])
            for name, some in self.groups
        ]
        return render.frame(title, page, navigation, here).encode()

    # -- handlers

    async def show_start(self, request: Request, response: Response) -> None:
        _send(response, _here(self.start, request), HTML)

    async def show_page(self, request: Request, response: Response, page: str) -> None:
        """A page as HTML, or with `.md` at the end of its address as it was written."""
        if page.endswith(".md"):
            _send(response, _here(self.page(page.removesuffix(".md")).text.encode(), request), MARKDOWN)
            return
        try:
            _send(response, _here(self.html(page), request), HTML)
        except NotFound:
            if not _wants_html(request):
                raise
            response.status = 404
            _send(response, self.not_found, HTML)

    async def show_search(self, request: Request, response: Response) -> None:
        _send(response, self.search_index, "application/json")

    async def show_icon(self, request: Request, response: Response) -> None:
        """Browsers ask for this address where a page names no icon of its own."""
        _send(response, pages.asset("icon.svg"), _ASSETS["icon.svg"])

    async def show_asset(self, request: Request, response: Response, name: str) -> None:
        if name not in _ASSETS:
            raise NotFound
        _send(response, pages.asset(name), _ASSETS[name])

    async def show_openapi(self, request: Request, response: Response) -> None:
        _send(response, self.document.bytes, "application/json")
        response.set_header("Access-Control-Allow-Origin", "*")  # tools in a browser read it

    async def show_index(self, request: Request, response: Response) -> None:
        _send(response, llms.index(request.base_url, self.groups).encode(), TEXT)

    async def show_everything(self, request: Request, response: Response) -> None:
        every = [page for _, some in self.groups for page in some]
        _send(response, llms.everything(every).encode(), TEXT)


def routes(described: Sequence[Route]) -> list[Route]:
    """The site's own routes; `described` are all the others, which its pages are about."""
    site = Site()
    own = [
        _page("/", "landing_page", "This documentation's start, too", site.show_start),
        _page("/docs", "docs_start", "The documentation", site.show_start),
        _page("/docs/search.json", "docs_search", "The sections of all pages, for its search", site.show_search),
        _page("/docs/{page}", "docs_page", "A page of it; with `.md`, its Markdown", site.show_page),
        _page("/docs/assets/{name}", "docs_asset", "Its style, script and icon", site.show_asset),
        _page("/favicon.ico", "icon", "The icon", site.show_icon),
        _page("/openapi.json", "openapi", "The OpenAPI 3.1 document", site.show_openapi),
        _page("/llms.txt", "llms_index", "An index of the documentation for language models", site.show_index),
        _page("/llms-full.txt", "llms_everything", "All of the documentation in one text", site.show_everything),
    ]
    site.describe([*described, *own])
    return own


def _page(path: str, operation: str, summary: str, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        family=Family.SYSTEM,
        operation=operation,
        summary=summary,
        handler=handler,
        answers={200: None},
        public=True,
    )


def _send(response: Response, body: bytes, content_type: str) -> None:
    response.data = body
    response.content_type = content_type
    response.set_header("Content-Security-Policy", CONTENT_POLICY)
    response.set_header("X-Content-Type-Options", "nosniff")
    response.set_header("Cache-Control", "no-cache")


def _here(body: bytes, request: Request) -> bytes:
    """A page with this server's address in its examples, whether they name the URL, a WebSocket's URL or the host."""
    http, host = request.base_url, request.base_url.partition("://")[2]
    addresses = {b"http://": http, b"ws://": http.replace("http", "ws", 1), b"": host}
    return _EXAMPLE_ADDRESS.sub(lambda match: addresses[match[1] or b""].encode(), body)


def _wants_html(request: Request) -> bool:
    return "text/html" in request.accept


def _plain(text: str) -> str:
    """A paragraph without its links and code marks."""
    return _LINK.sub(r"\1", text).replace("`", "")


_NOT_FOUND = """<h1>Page not found</h1>
<p>The documentation has no page at this address. Find it in the menu, or search for a word.</p>"""

_HERO = """<div class="hero"><h1>Heliograph</h1>
<p>A messaging platform of your own that speaks SignalWire's messaging APIs: an emulator on your laptop,
a gateway in production. Your SDKs work with it unchanged.</p>
<p><a href="/docs/quickstart">Send a first message in a minute</a>, or read the
<a href="/docs/reference">API reference</a>.</p></div>"""
