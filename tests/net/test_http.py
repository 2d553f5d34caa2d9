"""The outgoing client against real servers: what it sends, follows, reads, and how each failure is named."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from heliograph.core.addresses import Reach
from heliograph.net import connection, http
from heliograph.net.http import FaultKind, HttpClient, Request
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.wire import urls

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()), user_agent="Heliograph/test")
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """An HTTP server with one handler for all paths; gives its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    scheme = "https" if tls else "http"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def talking(dialogue: Dialogue) -> AsyncIterator[str]:
    """A TCP server whose every connection is one run of the dialogue; gives its base URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await dialogue(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()


def saying(*answers: bytes) -> Dialogue:
    """Reads a request's head and gives the next answer, and so on; then closes."""

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return dialogue


async def fault_of(client: HttpClient, request: Request) -> http.FetchFault:
    with pytest.raises(http.FetchFault) as caught:
        await client.request(request)
    return caught.value


async def get_fault(client: HttpClient, url: str) -> http.FetchFault:
    return await fault_of(client, Request(method="GET", url=url))


async def test_sends_the_url_byte_for_byte_and_only_its_own_headers(client: HttpClient) -> None:
    heads: asyncio.Queue[bytes] = asyncio.Queue()

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.put_nowait(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(OK)

    async with talking(dialogue) as base:
        headers = {"Content-Type": "text/x", "X-SignalWire-Signature": "s"}
        url = f"{base}/a%2fb/../%41?x=%2b&y={{z}}|#rt=2000"
        response = await client.request(Request(method="POST", url=url, headers=headers, body=b"a=b"))
    assert (response.status, response.body) == (200, b"ok")
    request_line, *lines = (await heads.get()).split(b"\r\n")
    assert request_line == b"POST /a%2fb/../%41?x=%2b&y={z}| HTTP/1.1"
    assert sorted(lines) == sorted(
        [
            b"Host: " + base.removeprefix("http://").encode(),
            b"User-Agent: Heliograph/test",
            b"Accept: */*",
            b"Accept-Encoding: identity",
            b"Content-Type: text/x",
            b"X-SignalWire-Signature: s",
            b"Content-Length: 3",
            b"",
            b"a=b",
        ]
    )


async def test_encodes_a_url_that_is_not_ascii(client: HttpClient) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    async with serving(echo) as base:
        response = await client.request(Request(method="GET", url=f"{base}/\u00e9?q=\u00fc"))
    assert response.body == b"/%C3%A9?q=%C3%BC"


@pytest.mark.parametrize(
    ("userinfo", "sent"),
    [
        ("user:p%40ss", b"Basic dXNlcjpwQHNz"),
        ("user", b"Basic dXNlcjo="),
        (":key", b"Basic OmtleQ=="),
        ("\u20ac:\u20ac", b"Basic 4oKsOuKCrA=="),
    ],
)
async def test_sends_user_and_password_as_basic_authentication(client: HttpClient, userinfo: str, sent: bytes) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.raw_path} {request.headers.get('Authorization')}")

    async with serving(echo) as base:
        url = base.replace("//", f"//{userinfo}@") + "/a"
        response = await client.request(Request(method="GET", url=url, headers={"authorization": "Bearer x"}))
    assert response.body == b"/a " + sent


async def test_gives_status_headers_and_type(client: HttpClient) -> None:
    async def answer(_request: web.Request) -> web.Response:
        headers = {"Content-Type": "Text/XML; charset=utf-8", "Content-Encoding": "gzip", "Set-Cookie": "a=b"}
        return web.Response(status=404, body=b"not gzip", headers=headers)

    async with serving(answer) as base:
        response = await client.request(Request(method="GET", url=f"{base}/x"))
    assert (response.status, response.body, response.url) == (404, b"not gzip", f"{base}/x")
    assert response.content_type == "text/xml"
    assert response.headers["set-cookie"] == "a=b"


async def test_reuses_the_connection(client: HttpClient) -> None:
    peers = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport
        peers.add(request.transport.get_extra_info("peername"))
        assert "Cookie" not in request.headers
        return web.Response(text="x" * 100, headers={"Set-Cookie": "a=b"})

    async with serving(answer) as base:
        for _ in range(3):
            await client.request(Request(method="POST", url=base, body=b"1"))
    assert len(peers) == 1


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET|||"),
        (302, "POST", "GET|||"),
        (303, "POST", "GET|||"),
        (307, "POST", "POST|a=b|text/x|"),
        (308, "POST", "POST|a=b|text/x|"),
        (302, "GET", "GET||text/x|"),
        (307, "GET", "GET||text/x|"),
    ],
)
async def test_follows_a_redirect(client: HttpClient, status: int, method: str, expected: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/start/a":
            return web.Response(status=status, headers={"Location": "../end?x=1"})
        seen = [request.method, await request.text(), request.headers.get("Content-Type", ""), ""]
        return web.Response(text="|".join(seen))

    async with serving(answer) as base:
        body = b"a=b" if method == "POST" else None
        request = Request(method=method, url=f"{base}/start/a", headers={"Content-Type": "text/x"}, body=body)
        response = await client.request(request)
    assert response.body.decode() == expected
    assert response.url == f"{base}/end?x=1"


def signature(url: str) -> dict[str, str]:
    return {"X-Signature": f"signed {url}"}


async def echo(request: web.Request) -> web.Response:
    """Everything that a receiver checks a signature with: the URL that it can put together, and what came."""
    url = f"http://{request.headers['Host']}{request.raw_path}"
    signed = request.headers.get("X-Signature", "") == f"signed {url}"
    return web.json_response(
        {"signed": signed, "method": request.method, "query": request.query_string, "body": await request.text()}
    )


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_redirected_signed_request_keeps_its_fields_and_is_signed_anew(
    client: HttpClient, status: int, elsewhere: bool
) -> None:
    async with serving(echo) as other:

        async def answer(request: web.Request) -> web.Response:
            if request.path == "/start":
                target = f"{other}/end?x=1" if elsewhere else "/end?x=1"
                return web.Response(status=status, headers={"Location": target})
            return await echo(request)

        async with serving(answer) as base:
            posted = Request(method="POST", url=f"{base}/start", body=b"a=b", sign=signature)
            response = await client.request(posted)
            assert json.loads(response.body) == {"signed": True, "method": "POST", "query": "x=1", "body": "a=b"}
            assert response.redirects == (status,)
            got = Request(method="GET", url=f"{base}/start?y=2", query="a=b", sign=signature)
            told = json.loads((await client.request(got)).body)
            assert told == {"signed": True, "method": "GET", "query": "x=1&a=b", "body": ""}


async def test_fields_that_a_location_repeats_are_not_doubled(client: HttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/start":
            return web.Response(status=301, headers={"Location": f"/end?{request.query_string}"})
        return await echo(request)

    async with serving(answer) as base:
        response = await client.request(Request(method="GET", url=f"{base}/start?y=2", query="a=b", sign=signature))
    assert json.loads(response.body)["query"] == "y=2&a=b"


async def test_redirect_that_would_lose_a_signed_request_s_fields_is_a_fault(client: HttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/start":
            return web.Response(status=303, headers={"Location": "/end"})
        return await echo(request)

    async with serving(answer) as base:
        url = f"{base}/start"
        fault = await fault_of(client, Request(method="POST", url=url, body=b"a=b", sign=signature))
        assert (fault.kind, fault.code) == (FaultKind.REDIRECTS, 11215)
        assert "303" in fault.message and fault.url is None
        got = await client.request(Request(method="GET", url=url, query="a=b", sign=signature))
        assert json.loads(got.body) == {"signed": True, "method": "GET", "query": "a=b", "body": ""}


@pytest.mark.parametrize(
    ("configured", "path"),
    [
        ("{0}", "/"),
        ("{0}?a=1", "/?a=1"),
        ("{0}/cb?", "/cb"),
        ("{0}/gr\u00fc\u00dfe", "/gr%C3%BC%C3%9Fe"),
        ("{0}/a%2fb", "/a%2fb"),
    ],
)
async def test_signed_url_is_the_one_that_a_receiver_can_put_together(
    client: HttpClient, configured: str, path: str
) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.raw_path)
        return await echo(request)

    async with serving(answer) as base:
        for shown in (base, base.replace("http://", "HTTP://user:pass@")):
            request = Request(method="POST", url=configured.format(shown), body=b"", sign=signature)
            assert json.loads((await client.request(request)).body)["signed"]
    assert paths == [path, path]


async def test_fault_behind_a_redirect_names_the_url_that_failed(client: HttpClient) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://user:pass@127.0.0.1:9/nobody?x=1"})

    async with serving(answer) as base:
        fault = await get_fault(client, base)
    assert fault.url == "http://127.0.0.1:9/nobody?x=1"
    assert fault.message == "The connection was refused."


async def test_the_fourth_redirect_is_a_fault(client: HttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        left = int(request.path[1:])
        return web.Response(text="end") if left == 0 else web.Response(status=302, headers={"Location": f"/{left - 1}"})

    async with serving(answer) as base:
        assert (await client.request(Request(method="GET", url=f"{base}/3"))).body == b"end"
        fault = await get_fault(client, f"{base}/4")
        unfollowed = await client.request(Request(method="GET", url=f"{base}/4", max_redirects=0))
    assert (fault.kind, fault.code) == (FaultKind.REDIRECTS, 11215)
    assert unfollowed.status == 302


@pytest.mark.parametrize("same_origin", [True, False])
async def test_keeps_credentials_within_the_origin(client: HttpClient, same_origin: bool) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=" ".join(request.headers.get(each, "none") for each in ("Authorization", "Cookie")))

    async with serving(echo) as other:

        async def start(request: web.Request) -> web.Response:
            if request.path == "/echo":
                return await echo(request)
            return web.Response(status=307, headers={"Location": "/echo" if same_origin else other})

        async with serving(start) as base:
            request = Request(method="GET", url=base, headers={"authorization": "Bearer x", "Cookie": "a=b"})
            response = await client.request(request)
    assert response.body == (b"Bearer x a=b" if same_origin else b"none none")


async def test_credentials_in_a_location_replace_the_header(client: HttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/":
            return web.Response(status=307, headers={"Location": f"http://a:b@{request.host}/echo"})
        return web.Response(text=request.headers.get("Authorization", "none"))

    async with serving(answer) as base:
        response = await client.request(Request(method="GET", url=base, headers={"Authorization": "Bearer x"}))
    assert response.body == b"Basic YTpi"


@pytest.mark.parametrize("location", ["ftp://example.com/", "http://[::1", "javascript:1", "http://a b/"])
async def test_a_redirect_to_nowhere_is_a_fault(client: HttpClient, location: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with serving(answer) as base:
        assert (await get_fault(client, base)).code == 11251


@pytest.mark.parametrize("host", ["10.255.255.1", "169.254.169.254", "[::ffff:10.0.0.1]"])
async def test_a_redirect_to_a_forbidden_address_is_a_fault(client: HttpClient, host: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://{host}/"})

    async with serving(answer) as base:
        assert (await get_fault(client, base)).kind is FaultKind.FORBIDDEN


async def test_a_redirect_without_location_is_an_answer(client: HttpClient) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=302)

    async with serving(answer) as base:
        assert (await client.request(Request(method="GET", url=base))).status == 302


@pytest.mark.parametrize("chunked", [True, False])
async def test_bounds_the_answer(client: HttpClient, chunked: bool) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = 100_000
        await response.prepare(request)
        await response.write(b"x" * 100_000)
        return response

    async with serving(answer) as base:
        assert len((await client.request(Request(method="GET", url=base, max_response_bytes=100_000))).body) == 100_000
        fault = await fault_of(client, Request(method="GET", url=base, max_response_bytes=99_999))
        cut = await client.request(Request(method="GET", url=base, max_response_bytes=10, truncate=True))
    assert (fault.kind, fault.code) == (FaultKind.SIZE, 11750)
    assert cut.body == b"x" * 10


@pytest.mark.parametrize("fragment", ["rt=100", "tt=100"])
@pytest.mark.parametrize("begin", [b"", OK[:20], OK[:-1]])
async def test_a_hanging_server_times_out(client: HttpClient, fragment: str, begin: bytes) -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await asyncio.Event().wait()

    async with talking(hang) as base:
        fault = await get_fault(client, f"{base}/#{fragment}")
    assert (fault.kind, fault.code) == (FaultKind.TIMEOUT, 11200)


async def test_the_total_covers_redirects(client: HttpClient) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/":
            return web.Response(status=302, headers={"Location": "/hang"})
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(answer) as base:
        assert (await get_fault(client, f"{base}/#tt=200")).kind is FaultKind.TIMEOUT


async def test_cancelling_leaves_the_client_usable(client: HttpClient) -> None:
    arrived = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/hang":
            arrived.set()
            await asyncio.Event().wait()
        return web.Response(text="ok")

    async with serving(answer) as base:
        task = asyncio.create_task(client.request(Request(method="GET", url=f"{base}/hang")))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.request(Request(method="GET", url=base))).body == b"ok"


async def test_a_refused_connection_is_a_fault(client: HttpClient) -> None:
    async with talking(saying()) as base:
        pass
    fault = await get_fault(client, base)
    assert (fault.kind, fault.code) == (FaultKind.CONNECTION, 11200)


@pytest.mark.parametrize("host", ["nothing.invalid", "a" * 64 + ".invalid", "a..invalid"])
async def test_an_unknown_name_is_a_fault(client: HttpClient, host: str) -> None:
    fault = await get_fault(client, f"http://{host}/")
    assert (fault.kind, fault.code) == (FaultKind.DNS, 11210)


async def test_a_numeric_spelling_is_never_connected_to(client: HttpClient) -> None:
    assert (await get_fault(client, "http://167772161/")).kind is FaultKind.DNS


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(b"", FaultKind.CONNECTION, id="closes at once"),
        pytest.param(OK[:-1], FaultKind.CONNECTION, id="closes too early"),
        pytest.param(b"220 mail.example.com ESMTP\r\n", FaultKind.PROTOCOL, id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", FaultKind.PROTOCOL, id="broken header"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", FaultKind.PROTOCOL, id="long header"),
        pytest.param(b"HTTP/3.7 200 OK\r\n\r\n", FaultKind.VERSION, id="version"),
    ],
)
async def test_a_broken_answer_is_a_fault(client: HttpClient, answer: bytes, kind: FaultKind) -> None:
    async with talking(saying(answer)) as base:
        assert (await get_fault(client, base)).kind is kind


@pytest.mark.parametrize(
    ("method", "repeatable", "repeated"), [("POST", True, True), ("POST", False, False), ("GET", False, True)]
)
async def test_repeats_what_met_a_closed_connection(
    client: HttpClient, method: str, repeatable: bool, repeated: bool
) -> None:
    """The server answers once on a connection and closes it when the second request arrives."""
    connections = 0

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")

    async with talking(dialogue) as base:
        request = Request(method=method, url=base, repeatable=repeatable)
        await client.request(request)
        if repeated:
            assert (await client.request(request)).body == b"ok"
        else:
            assert (await fault_of(client, request)).kind is FaultKind.CONNECTION
    assert connections == (2 if repeated else 1)


async def test_repeats_only_once(client: HttpClient) -> None:
    connections = 0

    async def dialogue(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")

    async with talking(dialogue) as base:
        fault = await fault_of(client, Request(method="POST", url=base, repeatable=True))
    assert fault.kind is FaultKind.CONNECTION
    assert connections == 2


async def test_waits_for_a_slot_at_one_host() -> None:
    client = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()), max_per_host=2)
    await client.start()
    running = peak = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return web.Response()

    async with serving(answer) as base:
        await asyncio.gather(*[client.request(Request(method="GET", url=base)) for _ in range(20)])
    await client.stop()
    assert peak <= 2


async def test_a_url_that_is_none_is_an_error(client: HttpClient) -> None:
    for url in ("ftp://example.com", "http://exa\u0001mple.com", "http://\u00e9" + "x" * 64 + ".com/"):
        with pytest.raises(urls.UrlError):
            await client.request(Request(method="GET", url=url))


async def test_before_start_and_after_stop_nothing_is_sent() -> None:
    client = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()))
    await client.stop()
    with pytest.raises(RuntimeError, match="start"):
        await client.request(Request(method="GET", url="http://127.0.0.1/"))


@pytest.mark.parametrize(
    ("status", "code"), [(200, None), (204, None), (299, None), (302, 11217), (404, 11217), (500, 11217), (505, 11300)]
)
def test_status_faults(status: int, code: int | None) -> None:
    fault = http.status_fault(status)
    assert (fault.code if fault else None) == code


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def ok(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def test_an_untrusted_certificate_is_a_fault(client: HttpClient, server_tls: ssl.SSLContext) -> None:
    async with serving(ok, server_tls) as base:
        fault = await get_fault(client, base)
    assert (fault.kind, fault.code) == (FaultKind.TLS, 11220)


async def test_a_trusted_certificate_is_accepted(certificate: Path, server_tls: ssl.SSLContext) -> None:
    client = HttpClient(
        reach=Reach(loopback=True),
        resolver=Resolver(ResolverSettings()),
        tls=ssl.create_default_context(cafile=str(certificate)),
    )
    await client.start()
    async with serving(ok, server_tls) as base:
        assert (await client.request(Request(method="GET", url=base))).body == b"ok"
    await client.stop()


async def test_who_wants_https_only_is_led_to_nothing_else(certificate: Path, server_tls: ssl.SSLContext) -> None:
    client = HttpClient(
        reach=Reach(loopback=True),
        resolver=Resolver(ResolverSettings()),
        tls=ssl.create_default_context(cafile=str(certificate)),
    )
    await client.start()
    asked: list[str] = []

    async def plain(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="plain")

    async with serving(plain) as unsafe:

        async def answer(request: web.Request) -> web.Response:
            away = {"/away": f"{unsafe}/there", "/on": "/end"}.get(request.path)
            return web.Response(status=307, headers={"Location": away}) if away else web.Response(text="safe")

        async with serving(answer, server_tls) as safe:
            assert (await client.request(Request(method="GET", url=f"{safe}/on", https_only=True))).body == b"safe"
            for url in (f"{safe}/away", f"{unsafe}/there"):
                fault = await fault_of(client, Request(method="GET", url=url, https_only=True))
                assert (fault.kind, asked) == (FaultKind.FORBIDDEN, [])
            assert (await client.request(Request(method="GET", url=f"{safe}/away"))).body == b"plain"
    await client.stop()


async def test_https_to_a_plain_server_is_a_fault(client: HttpClient) -> None:
    async with talking(plain) as base:
        fault = await get_fault(client, base.replace("http:", "https:"))
    assert (fault.kind, fault.code) == (FaultKind.PROTOCOL, 11251)


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_a_failed_handshake_is_a_fault(client: HttpClient) -> None:
    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x15\x03\x03\x00\x02\x02\x28")  # TLS alert: fatal, handshake_failure

    async with talking(alert) as base:
        assert (await get_fault(client, base.replace("http:", "https:"))).kind is FaultKind.TLS


# -- connections


async def test_an_answer_without_length_ends_with_the_connection(client: HttpClient) -> None:
    async with talking(saying(b"HTTP/1.0 200 OK\r\n\r\nhello")) as base:
        assert (await client.request(Request(method="GET", url=base))).body == b"hello"


async def test_an_interim_answer_is_not_the_answer(client: HttpClient) -> None:
    async with talking(saying(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)) as base:
        response = await client.request(Request(method="GET", url=base))
    assert (response.status, response.body, "Link" in response.headers) == (200, b"ok", False)


async def test_an_answer_is_read_from_any_pieces(client: HttpClient) -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3\r\nay!\r\n0\r\nTrailer: x\r\n\r\n"

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            for place in range(len(whole)):
                writer.write(whole[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0)

    async with talking(dialogue) as base:
        for _ in range(2):
            assert (await client.request(Request(method="GET", url=base))).body == b"okay!"


async def test_a_connection_that_says_more_than_it_was_asked_is_not_used_again(client: HttpClient) -> None:
    connections = 0

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsmuggle")
        await reader.read()

    async with talking(dialogue) as base:
        for _ in range(3):
            assert (await client.request(Request(method="POST", url=base, body=b"x"))).body == b"ok"
    assert connections == 3


async def test_the_head_is_bounded_over_many_headers(client: HttpClient) -> None:
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(20))
    async with talking(saying(b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 0\r\n\r\n")) as base:
        fault = await get_fault(client, base)
    assert (fault.kind, fault.code) == (FaultKind.PROTOCOL, 11251)


async def test_an_answer_to_head_has_no_body(client: HttpClient) -> None:
    async with talking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as base:
        response = await client.request(Request(method="HEAD", url=base))
    assert (response.status, response.body, response.headers["content-length"]) == (200, b"", "5")


async def test_a_given_header_stands_in_place_of_ours_and_none_makes_a_line(client: HttpClient) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text="|".join(f"{name}={value}" for name, value in request.headers.items()))

    async with serving(echo) as base:
        headers = {"accept": "text/xml", "Host": "elsewhere", "X": "1"}
        response = await client.request(Request(method="GET", url=base, headers=headers))
        with pytest.raises(ValueError, match="line break"):
            await client.request(Request(method="GET", url=base, headers={"X": "1\r\nHost: elsewhere"}))
    host = base.removeprefix("http://")
    assert sorted(response.body.decode().split("|")) == sorted(
        [f"Host={host}", "User-Agent=Heliograph/test", "Accept-Encoding=identity", "Accept=text/xml", "X=1"]
    )


@pytest.mark.parametrize("name", ["Content-Length ", "Content-Length\t", "Transfer-Encoding:chunked", "", "H\u00f6st"])
async def test_no_header_resembles_one_that_ends_the_request(client: HttpClient, name: str) -> None:
    async def accept(request: web.Request) -> web.Response:
        return web.Response(text=(await request.read()).decode())

    async with serving(accept) as base:
        smuggled = Request(method="POST", url=base, headers={name: "1"}, body=b"1GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ValueError, match="header's name"):
            await client.request(smuggled)


async def test_the_wait_for_a_slot_counts_towards_the_total(client: HttpClient) -> None:
    narrow = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()), max_per_host=1)
    await narrow.start()
    arrived = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(hang) as base:
        first = asyncio.create_task(narrow.request(Request(method="GET", url=base)))
        await arrived.wait()
        assert (await get_fault(narrow, f"{base}/#tt=100")).kind is FaultKind.TIMEOUT
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    await narrow.stop()


async def test_idle_connections_give_way_and_requests_wait_for_all_to_share() -> None:
    client = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()), max_connections=2)
    await client.start()
    running = peak = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0)
        running -= 1
        return web.Response()

    async with serving(answer) as one, serving(answer) as two, serving(answer) as three:
        bases = [one, two, three] * 10
        await asyncio.gather(*[client.request(Request(method="GET", url=base)) for base in bases])
        assert peak <= 2
        for base in bases:
            assert (await client.request(Request(method="GET", url=base))).status == 200
    await client.stop()


async def test_whoever_gives_up_waiting_takes_no_slot_along() -> None:
    client = HttpClient(reach=Reach(loopback=True), resolver=Resolver(ResolverSettings()), max_per_host=1)
    await client.start()
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/hold":
            arrived.set()
            await go_on.wait()
        return web.Response(text="ok")

    async with serving(answer) as base:
        first = asyncio.create_task(client.request(Request(method="GET", url=f"{base}/hold")))
        await arrived.wait()
        waiting = [asyncio.create_task(client.request(Request(method="GET", url=base))) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        go_on.set()
        await first
        waiting[1].cancel()  # perhaps just as it is given the connection
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert isinstance(results[2], http.Response) and results[2].body == b"ok"
        assert (await client.request(Request(method="GET", url=base))).body == b"ok"
    await client.stop()


async def test_an_idle_connection_is_closed_before_the_server_does(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEEPALIVE_SECONDS", 0.02)
    closed = asyncio.Event()

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        closed.set()

    async with talking(dialogue) as base:
        await client.request(Request(method="GET", url=base))
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_slow_answer_that_keeps_coming_ends_by_the_total_only(client: HttpClient) -> None:
    """Each part in time: `rt` holds for the parts, `tt` for the whole."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.03)
            writer.write(b"x")
            await writer.drain()

    async with talking(drip) as base:
        assert (await client.request(Request(method="GET", url=f"{base}/#rt=150"))).body == b"x" * 10
        assert (await get_fault(client, f"{base}/#rt=150&tt=150")).kind is FaultKind.TIMEOUT


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "127.0.0.1.", "[::1%25lo]"])
async def test_no_other_spelling_of_an_address_gets_past_the_guard(host: str) -> None:
    client = HttpClient(reach=Reach(), resolver=Resolver(ResolverSettings()))
    await client.start()
    assert (await get_fault(client, f"http://{host}:9/")).kind in (FaultKind.DNS, FaultKind.FORBIDDEN)
    await client.stop()
