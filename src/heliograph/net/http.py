"""The outgoing HTTP client: one small request and answer, every limit bounded, every failure with its code.

Rules (contract, section 8):
- The URL is sent as it was configured, less its fragment, which sets the time limits; the total covers redirects,
  the body and the wait for a connection slot (`max_per_host`).
- Redirects are followed here, hop by hop: 301, 302 and 303 turn a POST into a GET, as browsers do; 307 and 308 keep
  it. Another origin never gets the Authorization header.
- No connection goes to a forbidden address (net/guard). No proxies from the environment, no cookies, no decompression.
- An answer of any status is a Response; `status_fault` says whether it is a failure.
- Connections are kept and reused. A server may close a kept connection just as a request goes out; such a request is
  sent once more only where that can do no harm: a GET, or one that says `repeatable`.
"""

import asyncio
import base64
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import aiohttp
from yarl import URL

from heliograph.net import guard
from heliograph.ports import FaultKind, FetchFault
from heliograph.ports import HttpRequest as Request
from heliograph.ports import HttpResponse as Response
from heliograph.wire import urls

MAX_CONNECTIONS = 1000
"""Open at once, so that slow receivers can't use up the process's file descriptors."""

MAX_PER_HOST = 100
"""Open at once to one host and port: enough for 3,000 callbacks a second at 30 ms each."""

KEEPALIVE_SECONDS = 4.0
"""Below the 5 s after which Node's and uvicorn's servers close, so that we nearly always close first."""

DNS_CACHE_SECONDS = 10
"""Short: a failover by DNS works, while a busy receiver's name is looked up only once in a while."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TO_GET = frozenset({301, 302, 303})
_PLAIN_TEXT_REASONS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
"""OpenSSL's words for a peer that doesn't speak TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """A URL to request. bare: without user and password, which became `authorization` (None without them)."""

    url: URL
    bare: URL
    authorization: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hop:
    method: str
    address: _Address
    headers: Mapping[str, str]
    body: bytes | None


class HttpClient:
    """A pool of connections; `start` and `stop` run in the loop that uses it."""

    def __init__(
        self,
        *,
        allow_loopback: Callable[[], bool],
        user_agent: str = "Heliograph",
        max_connections: int = MAX_CONNECTIONS,
        max_per_host: int = MAX_PER_HOST,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """tls: another trust store than the system's."""
        self._allow_loopback = allow_loopback
        # identity: nothing here decompresses, so nobody can send a decompression bomb
        self._headers = {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "identity"}
        self._max_connections = max_connections
        self._max_per_host = max_per_host
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Opens nothing yet; connections are made by the first requests."""
        connector = aiohttp.TCPConnector(
            limit=self._max_connections,
            limit_per_host=self._max_per_host,
            keepalive_timeout=KEEPALIVE_SECONDS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            ssl=self._tls or True,
            socket_factory=guard.guarded_sockets(self._allow_loopback),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            skip_auto_headers=("Content-Type",),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def stop(self) -> None:
        """Closes all connections, once the tasks that make requests have ended. May be called twice."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, request: Request) -> Response:
        """Sends it, follows redirects, reads the answer. Raises FetchFault, and UrlError for a URL that is none."""
        address, timeout, total_seconds = _prepare(request.url)
        try:
            async with asyncio.timeout(total_seconds):
                return await self._follow(request, address, timeout)
        except (aiohttp.ClientError, OSError, UnicodeError) as error:  # every time-out is an OSError
            raise _fault(error) from error

    async def _follow(self, request: Request, address: _Address, timeout: aiohttp.ClientTimeout) -> Response:
        headers = _with_authorization(request.headers, address)
        hop = _Hop(method=request.method, address=address, headers=headers, body=request.body)
        for _ in range(request.max_redirects + 1):
            answer = await self._send(hop, request, timeout)
            if isinstance(answer, Response):
                return answer
            hop = answer
        raise FetchFault(FaultKind.REDIRECTS, f"More than {request.max_redirects} redirects.")

    async def _send(self, hop: _Hop, request: Request, timeout: aiohttp.ClientTimeout) -> Response | _Hop:
        """One hop. Once more when the server closed the connection on it and nothing forbids a repetition: most often
        that was a kept connection, closed just as the request went out."""
        try:
            return await self._exchange(hop, request, timeout)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not request.repeatable or isinstance(error, aiohttp.ClientConnectorError):
                raise
        return await self._exchange(hop, request, timeout)

    async def _exchange(self, hop: _Hop, request: Request, timeout: aiohttp.ClientTimeout) -> Response | _Hop:
        if self._session is None:
            raise RuntimeError("HttpClient.start() comes first")
        async with self._session.request(
            hop.method,
            hop.address.bare,
            headers=hop.headers,
            data=hop.body,
            allow_redirects=False,
            timeout=timeout,
        ) as answer:
            if answer.status in _REDIRECTS and request.max_redirects and "Location" in answer.headers:
                return _next_hop(hop, answer)
            body = await _read(answer, request)
            return Response(status=answer.status, headers=answer.headers, body=body, url=str(hop.address.url))


def status_fault(status: int) -> FetchFault | None:
    """None for 2xx; otherwise the fault that this status is for a webhook."""
    if 200 <= status < 300:
        return None
    if status == 505:
        return FetchFault(FaultKind.VERSION, "The server doesn't support this HTTP version (505).")
    return FetchFault(FaultKind.STATUS, f"The server answered with the status {status}.")


def _prepare(url: str) -> tuple[_Address, aiohttp.ClientTimeout, float]:
    """What a URL needs for each request, computed once for those that come again. The total is kept apart because it
    spans all hops."""
    return _kept_preparation(url) if len(url) <= urls.CACHED_LENGTH else _preparation(url)


@lru_cache(maxsize=urls.CACHED_TARGETS)
def _kept_preparation(url: str) -> tuple[_Address, aiohttp.ClientTimeout, float]:
    return _preparation(url)


def _preparation(url: str) -> tuple[_Address, aiohttp.ClientTimeout, float]:
    target = urls.parse_target(url)
    limits = target.timeouts
    timeout = aiohttp.ClientTimeout(
        total=None, sock_connect=limits.connect_ms / 1000, sock_read=limits.read_ms / 1000, ceil_threshold=60
    )
    try:
        # A URL in ASCII goes out byte for byte; in another the host needs IDNA and the path percent encoding.
        parsed = URL(target.url, encoded=target.url.isascii())
    except ValueError as error:
        raise urls.UrlError("The URL's host is malformed.") from error
    return _address(parsed), timeout, limits.total_ms / 1000


def _address(url: URL) -> _Address:
    """Makes the Basic authentication here, in UTF-8 (RFC 7617), since aiohttp's raises for what Latin-1 lacks."""
    if url.raw_user is None and url.raw_password is None:
        return _Address(url=url, bare=url, authorization=None)
    credentials = f"{url.user or ''}:{url.password or ''}".encode("utf-8", "replace")
    return _Address(
        url=url, bare=url.with_user(None), authorization="Basic " + base64.b64encode(credentials).decode("ascii")
    )


def _with_authorization(headers: Mapping[str, str], address: _Address) -> Mapping[str, str]:
    """A URL's own credentials go before a header's."""
    if address.authorization is None:
        return headers
    return {**_without(headers, {"authorization"}), "Authorization": address.authorization}


def _without(headers: Mapping[str, str], dropped: set[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in dropped}


def _next_hop(hop: _Hop, answer: aiohttp.ClientResponse) -> _Hop:
    address = _redirected(hop.address.url, answer.headers["Location"])
    keep = answer.status not in _TO_GET or hop.method in ("GET", "HEAD")
    dropped = set() if keep else {"content-type"}
    if address.url.origin() != hop.address.url.origin():
        dropped.add("authorization")
    return _Hop(
        method=hop.method if keep else "GET",
        address=address,
        headers=_with_authorization(_without(hop.headers, dropped), address),
        body=hop.body if keep else None,
    )


def _redirected(base: URL, location: str) -> _Address:
    try:
        url = base.join(URL(location))
        if not urls.is_http_url(str(url)):
            raise ValueError(location)
    except ValueError as error:
        raise FetchFault(FaultKind.PROTOCOL, "The server redirects to no http or https URL.") from error
    return _address(url)


async def _read(answer: aiohttp.ClientResponse, request: Request) -> bytes:
    """The body within its limit. What is left unread closes the connection when the caller releases it."""
    limit = request.max_response_bytes
    parts: list[bytes] = []
    size = 0
    while part := await answer.content.readany():
        parts.append(part)
        size += len(part)
        if size > limit:
            if not request.truncate:
                raise FetchFault(FaultKind.SIZE, f"The answer is larger than {limit} bytes.")
            return b"".join(parts)[:limit]
    return b"".join(parts)


def _fault(error: aiohttp.ClientError | OSError | UnicodeError) -> FetchFault:
    """aiohttp's and the system's errors in SignalWire's terms; the more particular classes come first."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FetchFault(FaultKind.TIMEOUT, "The server could not be connected to in time.")
        case TimeoutError():
            return FetchFault(FaultKind.TIMEOUT, "The server did not answer in time.")
        case (
            aiohttp.ClientConnectorDNSError() | aiohttp.InvalidURL() | UnicodeError()
        ):  # the last for an overlong label
            return FetchFault(FaultKind.DNS, "The host name could not be resolved.")
        case aiohttp.ClientConnectorCertificateError():
            return FetchFault(FaultKind.TLS, "The server's certificate is not trusted.")
        case aiohttp.ClientConnectorError(os_error=guard.ForbiddenAddress() as forbidden):
            return FetchFault(FaultKind.FORBIDDEN, str(forbidden))
        case aiohttp.ClientConnectorError(os_error=ssl.SSLError(reason=reason)) if reason in _PLAIN_TEXT_REASONS:
            return FetchFault(FaultKind.PROTOCOL, "The server does not speak TLS on this port; is it http?")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return FetchFault(FaultKind.TLS, "The TLS handshake failed.")
        case aiohttp.ClientResponseError(message=message) if "HTTP version" in message:
            return FetchFault(FaultKind.VERSION, "The server answered in an HTTP version that is not supported.")
        case aiohttp.ClientResponseError():
            return FetchFault(FaultKind.PROTOCOL, "The server's answer is not HTTP.")
        case _:
            return FetchFault(FaultKind.CONNECTION, "The connection was refused or broke off.")
