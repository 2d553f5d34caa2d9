"""The outgoing HTTP client: one small request and answer, every limit bounded, every failure with its code.

Rules (contract, section 8):
- What is sent of a URL says wire/requested; the fragment sets the time limits. The total covers redirects, the body
  and the wait for a connection slot (`max_per_host`).
- Redirects are followed here, hop by hop. A signed request keeps its method, fields and body, and is signed anew for
  each URL; 303, which asks for a GET in its place, is a fault of a signed POST: its fields would be lost. Of other
  requests 301, 302 and 303 make GETs, as browsers do; 307 and 308 keep them.
- Another origin never gets the Authorization header.
- No connection goes to a forbidden address (net/guard, where net/pool connects). No proxies from the environment, no
  cookies, no decompression.
- An answer of any status is a Response; `status_fault` says whether it is a failure.
- Connections are kept and reused. A server may close a kept connection just as a request goes out; such a request is
  sent once more only where that can do no harm: a GET, or one that says `repeatable`.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from msgspec import Struct

from heliograph.core.addresses import Reach
from heliograph.net.connection import Answer, Connection, Disconnected, Limits
from heliograph.net.pool import Origin, Pool
from heliograph.net.resolver import Resolver
from heliograph.ports import FaultKind, FetchFault, Sign
from heliograph.ports import HttpRequest as Request
from heliograph.ports import HttpResponse as Response
from heliograph.wire import urls
from heliograph.wire.requested import Requested, redirected, requested

HEADER_SETS = 256
"""Sets of header names that are known to clash with none of our own."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TO_GET = frozenset({301, 302, 303})
SEE_OTHER = 303
_SAFE = frozenset({"GET", "HEAD"})
_SECRETS = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What a URL needs for each request. The total spans all hops."""

    address: Requested
    connect_seconds: float
    read_seconds: float
    total_seconds: float


class _Hop(Struct, frozen=True, kw_only=True):
    method: str
    address: Requested
    headers: Mapping[str, str]
    body: bytes | None


class HttpClient:
    """A pool of connections; `start` and `stop` run in the loop that uses it."""

    def __init__(  # noqa: PLR0913 - wired once, in parts.py
        self,
        *,
        reach: Reach,
        resolver: Resolver,
        user_agent: str = "Heliograph",
        max_connections: int = 1000,
        max_per_host: int = 100,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """max_connections: open at once, so that slow receivers can't use up the process's file descriptors.
        max_per_host: of those, to one host and port. tls: another trust store than the system's."""
        self._reach = reach
        self._resolver = resolver
        # identity: nothing here decompresses, so nobody can send a decompression bomb
        self._always = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._always_lines = _lines(self._always)
        self._max_connections = max_connections
        self._max_per_host = max_per_host
        self._tls = tls
        self._pool: Pool | None = None

    async def start(self) -> None:
        """Opens nothing yet; connections are made by the first requests."""
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(self._reach, self._resolver, self._max_connections, self._max_per_host, self._tls)

    async def stop(self) -> None:
        """Closes all connections, once the tasks that make requests have ended. May be called twice."""
        if self._pool is not None:
            await self._pool.close()
            await self._resolver.close()
            self._pool = None

    async def request(self, request: Request) -> Response:
        """Sends it, follows redirects, reads the answer. Raises FetchFault, and UrlError for a URL that is none."""
        prepared = _prepare(request.whole_url)
        limits = Limits(
            self._loop.time() + prepared.total_seconds if self._pool else 0.0,
            prepared.read_seconds,
            request.max_response_bytes,
            request.truncate,
            request.method == "HEAD",
        )
        hop = _first_hop(request, prepared.address)
        redirects: tuple[int, ...] = ()
        try:
            while True:
                if request.https_only and hop.address.scheme != "https":
                    raise FetchFault(
                        FaultKind.FORBIDDEN, "The project's requests are forced to HTTPS; this URL is not https."
                    )
                answer = await self._send(hop, request, limits, prepared.connect_seconds)
                if answer.status not in _REDIRECTS or not request.max_redirects or "Location" not in answer.headers:
                    return _response(hop, answer, redirects)
                if len(redirects) >= request.max_redirects:
                    raise FetchFault(FaultKind.REDIRECTS, f"More than {request.max_redirects} redirects.")
                hop = _next_hop(request, hop, answer)
                redirects = (*redirects, answer.status)
        except FetchFault as fault:
            if redirects:
                fault.url = hop.address.url
            raise

    async def _send(self, hop: _Hop, request: Request, limits: Limits, connect_seconds: float) -> Answer:
        """One hop. Once more, on a new connection, when the server closed this one before it answered and nothing
        forbids a repetition: most often that was a kept connection, closed just as the request went out."""
        pool = self._pool
        if pool is None:
            raise RuntimeError("HttpClient.start() comes first")
        written, address = self._written(hop, request.sign), hop.address
        origin = Origin(address.host, address.port, address.scheme == "https")
        try:
            found = pool.idle(origin) or await pool.connection(origin, request.owner, limits.deadline, connect_seconds)
            return await _ask(found, written, limits)
        except Disconnected:
            if not request.repeatable and hop.method not in _SAFE:
                raise _disconnected() from None
        try:
            new = await pool.connection(origin, request.owner, limits.deadline, connect_seconds, fresh=True)
            return await _ask(new, written, limits)
        except Disconnected:
            raise _disconnected() from None

    def _written(self, hop: _Hop, sign: Sign | None) -> bytes:
        """The whole request. A header that is given stands in place of ours."""
        headers, body = hop.headers, hop.body
        if sign is not None:
            headers = {**headers, **sign(hop.address.url)}
        always = self._always_lines
        if not _apart(tuple(headers)):
            given = {name.lower() for name in headers}
            always = _lines(_without(self._always, given))
            headers = _without(headers, _FOLLOWING)
        length = "" if body is None and hop.method in _SAFE else f"Content-Length: {len(body or b'')}\r\n"
        address = hop.address
        head = (
            f"{hop.method} {address.target} HTTP/1.1\r\nHost: {address.authority}\r\n"
            f"{always}{_lines(headers)}{length}\r\n"
        ).encode()
        return head + body if body else head


async def _ask(connection: Connection, request: bytes, limits: Limits) -> Answer:
    try:
        return await connection.ask(request, limits)
    except asyncio.CancelledError:
        connection.abandon()
        raise


def _disconnected() -> FetchFault:
    return FetchFault(FaultKind.CONNECTION, "The server closed the connection without an answer.")


_FOLLOWING = {"host", "content-length", "transfer-encoding", "connection"}
"""Headers that follow from the rest of a request, and are not for a caller to set."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, 5.1. `Content-Length ` and `Transfer-Encoding:chunked` are no names, but some servers read them as what
they resemble: then one request is two, and the second one's answer goes to whoever uses the connection next."""


@lru_cache(maxsize=HEADER_SETS)
def _apart(names: tuple[str, ...]) -> bool:
    """Whether these headers and those that every request has are different ones. Raises ValueError for a name that is
    none."""
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError("a header's name has a character that no name may have")
    ours = _FOLLOWING | {"user-agent", "accept", "accept-encoding"}
    return all(name.lower() not in ours for name in names)


def _lines(headers: Mapping[str, str]) -> str:
    """Header lines. Raises ValueError for what would make more lines of them than there are headers."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers) or "\0" in text:
        raise ValueError("a header has a line break or a NUL character")
    return text


def status_fault(status: int) -> FetchFault | None:
    """None for 2xx; otherwise the fault that this status is for a webhook."""
    if 200 <= status < 300:
        return None
    if status == 505:
        return FetchFault(FaultKind.VERSION, "The server doesn't support this HTTP version (505).")
    return FetchFault(FaultKind.STATUS, f"The server answered with the status {status}.")


def _prepare(url: str) -> _Prepared:
    """Computed once for URLs that come again."""
    return _kept_preparation(url) if len(url) <= urls.CACHED_LENGTH else _preparation(url)


@lru_cache(maxsize=urls.CACHED_TARGETS)
def _kept_preparation(url: str) -> _Prepared:
    return _preparation(url)


def _preparation(url: str) -> _Prepared:
    limits = urls.parse_target(url).timeouts
    return _Prepared(
        address=requested(url),
        connect_seconds=limits.connect_ms / 1000,
        read_seconds=limits.read_ms / 1000,
        total_seconds=limits.total_ms / 1000,
    )


def _with_authorization(headers: Mapping[str, str], address: Requested) -> Mapping[str, str]:
    """A URL's own credentials go before a header's."""
    if address.authorization is None:
        return headers
    return {**_without(headers, {"authorization"}), "Authorization": address.authorization}


def _without(headers: Mapping[str, str], dropped: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in dropped}


def _first_hop(request: Request, address: Requested) -> _Hop:
    headers = _with_authorization(request.headers, address)
    return _Hop(method=request.method, address=address, headers=headers, body=request.body)


def _response(hop: _Hop, answer: Answer, redirects: tuple[int, ...]) -> Response:
    return Response(
        status=answer.status, headers=answer.headers, body=answer.body, url=hop.address.base, redirects=redirects
    )


def _next_hop(request: Request, hop: _Hop, answer: Answer) -> _Hop:
    address = _redirected(request, hop.address, answer.headers["Location"])
    safe = hop.method in _SAFE
    if request.sign is not None and answer.status == SEE_OTHER and not safe:
        raise FetchFault(
            FaultKind.REDIRECTS,
            f"The server redirects with the status {SEE_OTHER}, which asks for a GET without the request's fields; "
            "307 keeps them.",
        )
    keep = safe or request.sign is not None or answer.status not in _TO_GET
    dropped = set() if keep else {"content-type"}
    if address.origin != hop.address.origin:
        dropped |= _SECRETS
    return _Hop(
        method=hop.method if keep else "GET",
        address=address,
        headers=_with_authorization(_without(hop.headers, dropped), address),
        body=hop.body if keep else None,
    )


def _redirected(request: Request, base: Requested, location: str) -> Requested:
    try:
        address = redirected(base, location)
        carried = f"&{address.target.partition('?')[2]}".endswith(f"&{request.query}")
        return address if carried else requested(urls.with_query(address.base, request.query))
    except urls.UrlError as error:
        raise FetchFault(FaultKind.PROTOCOL, "The server redirects to no http or https URL.") from error
