"""The HTTP server's application: routes of all families behind one gate.

For every request, in this order: the path is brought to one spelling, the caller is known (before the path is
looked at), the route is found, its scope and account are checked, a write is counted against the project's rate,
and the handler is called. Whatever is raised becomes an answer in the family's shape. Every answer carries
X-Request-Id.
"""

import re
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import falcon
import falcon.asgi
import structlog
import uuid_utils

from heliograph.api import auth, errors
from heliograph.api.connection import VOUCH_KEY
from heliograph.api.http import RECEIVER_KEY, SUFFIX_KEY, Receiver, Request, Response, encode
from heliograph.api.route import Family, Route
from heliograph.api.services import Services
from heliograph.api.unsupported import REFUSED
from heliograph.core import ids
from heliograph.core.errors import Fault, Refusal, Refused
from heliograph.core.limits import Buckets
from heliograph.engine.directory import Principal

log = structlog.get_logger(__name__)

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Responder = Callable[..., Awaitable[None]]

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BARE = "/2010-04-01"
_CXML = "/api/laml"
_FAMILIES = {
    _CXML: Family.CXML,
    "/api/messaging": Family.MESSAGING,
    "/api/relay/rest": Family.RELAY_REST,
    "/api/project": Family.PROJECT,
    "/api/projects": Family.PROJECT,
    "/api/heliograph": Family.HELIOGRAPH,
}
_MICROS = 1_000_000
_INNER_CAPITAL = re.compile("(?<=[a-z])(?=[A-Z])")


def build(services: Services, routes: Sequence[Route]) -> Application:
    """The ASGI application for http and lifespan scopes. A route's path may be used once per method."""
    known = [route for route in routes if family_of(route.path) is not Family.SYSTEM]
    gate = _Gate(
        services,
        public=[(route.method, _pattern(route.path)) for route in known if route.public],
        deployment=frozenset((route.method, route.path) for route in known if route.operator),
    )
    app = falcon.asgi.App(request_type=Request, middleware=gate)
    app.req_options.strip_url_path_trailing_slash = True
    told = _Told(services)
    for kind in (Exception, falcon.HTTPError):  # Falcon has a handler of its own for the second
        app.add_error_handler(kind, told.tell)
    by_path: dict[str, list[Route]] = defaultdict(list)
    for route in routes:
        by_path[_template(route.path)].append(route)
    for template, siblings in by_path.items():
        app.add_route(template, _resource(services, siblings, services.writes))
    return _Door(app)


def family_of(path: str) -> Family:
    """The family whose credentials and error bodies hold at a path, whether or not anything is there."""
    for prefix, family in _FAMILIES.items():
        if path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/"):
            return family
    return Family.SYSTEM


class _Door:
    """Brings paths to one spelling before Falcon sees them: cXML paths with or without `/api/laml`, `.json` and a
    trailing slash are one (contract, section 2)."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            receive = Receiver(receive)
            path: str = scope["path"]
            scope = {**scope, RECEIVER_KEY: receive}
            if path.startswith((_BARE, _CXML)):
                _respell(scope, path)
            query: bytes = scope["query_string"]
            if not query.isascii():  # Falcon would fall over it; quoted, it is told to the caller as bad UTF-8
                scope["query_string"] = quote(query, safe="%&=+;/?:@!$'()*,~<>").encode()
        await self._app(scope, receive, send)


def _respell(scope: dict[str, Any], path: str) -> None:
    if path == _BARE or path.startswith(_BARE + "/"):
        path = _CXML + path
    path = path.removesuffix("/")
    if path.endswith(".json"):
        path = path.removesuffix(".json")
        scope[SUFFIX_KEY] = True
    scope["path"] = path


class _Gate:
    """Falcon middleware around every request: request id, caller, metrics."""

    def __init__(
        self, services: Services, public: list[tuple[str, re.Pattern[str]]], deployment: frozenset[tuple[str, str]]
    ) -> None:
        self._services = services
        self._credentials = auth.Credentials(
            services.directory, services.local_secret, services.config.operator_token_sha256
        )
        self._explains = auth.explains(services.config)
        self._public = public
        self._deployment = deployment

    async def process_request(self, request: Request, response: Response) -> None:
        request.started = time.perf_counter()
        request.services = self._services
        request.request_id = str(uuid_utils.uuid4())
        response.set_header("X-Request-Id", request.request_id)
        request.family = family_of(request.path)
        if request.family is Family.SYSTEM:
            request.caller = None
            return
        request.caller = self._caller(request)
        if request.caller is not None and (vouch := request.scope.get(VOUCH_KEY)) is not None:
            vouch()
        if request.caller is None and not self._is_public(request):
            raise errors.Unauthorized(self._credentials.fault(request.auth) if self._explains else "")

    async def process_response(self, request: Request, response: Response, resource: object, succeeded: bool) -> None:
        metrics = self._services.metrics
        metrics.http_seconds.observe(time.perf_counter() - request.started)
        metrics.http_responses.at(str(response.status_code)).inc()

    def _caller(self, request: Request) -> Principal | None:
        header = request.auth
        caller = self._credentials.basic(header)
        operators = auth.accepts_operator(request.method, request.path)
        if caller is None and operators is not None:
            if (_read_method(request), request.path) in self._deployment:
                operators = auth.Operators.DEPLOYMENT
            project_id = request.get_header(auth.PROJECT_HEADER)
            return self._credentials.operator(header, project_id, operators)
        return caller

    def _is_public(self, request: Request) -> bool:
        method = _read_method(request)
        return any(method == each and pattern.fullmatch(request.path) for each, pattern in self._public)


def _read_method(request: Request) -> str:
    """GET for HEAD: what may be read may be read without its body."""
    return "GET" if request.method == "HEAD" else request.method


class _Told:
    """What Falcon does with every exception: the family's body, and a log line for a bug."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def tell(self, request: Request, response: Response, error: Exception, params: dict[str, str]) -> None:
        request.services = self._services
        answer = errors.answer(request.family, error, request.base_url, request.path)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # Formatted here, since a log renderer may print the frames' variables, and with them secrets.
            log.error(
                "http.failed",
                request_id=request.request_id,
                method=request.method,
                operation=request.operation,
                exception="".join(traceback.format_exception(error)),
            )
        response.status = answer.status
        response.stream = None
        response.content_type = falcon.MEDIA_JSON
        response.data = encode(answer.body)
        for name, value in answer.headers.items():
            response.set_header(name, value)


class _Resource:
    """A path; Falcon finds its responders as attributes, `on_get` and so on."""


def _resource(services: Services, routes: Sequence[Route], buckets: Buckets) -> _Resource:
    resource = _Resource()
    for route in routes:
        name = f"on_{route.method.lower()}"
        if hasattr(resource, name):
            raise ValueError(f"{route.method} {route.path} is routed twice")
        responder = _responder(services, route, buckets)
        setattr(resource, name, responder)
        if route.method == "GET":
            resource.on_head = responder  # type: ignore[attr-defined]  # Falcon keeps the body back
    allowed = [method for method in falcon.COMBINED_METHODS if hasattr(resource, f"on_{method.lower()}")]
    for method in set(falcon.COMBINED_METHODS).difference(allowed):
        setattr(resource, f"on_{method.lower()}", _not_allowed(allowed))
    return resource


def _not_allowed(allowed: Sequence[str]) -> Responder:
    """What Falcon does by itself, except that it would answer OPTIONS with 200."""

    async def respond(request: Request, response: Response, **slots: str) -> None:
        raise falcon.HTTPMethodNotAllowed(allowed)

    return respond


def _responder(services: Services, route: Route, buckets: Buckets) -> Responder:
    """The handler behind its checks. A public route is not checked, and gets its `account_sid`, a project's id,
    if it has one."""
    handler, scopes, public, writes = route.handler, frozenset(route.scopes), route.public, route.method in WRITES
    names = [(name, f"p{index}") for index, name in _names(route.path)]
    refusing, parameters = REFUSED.get(route.operation, ()), tuple(each.name for each in route.query)

    async def respond(request: Request, response: Response, **slots: str) -> None:
        request.operation, request.refusing, request.parameters = route.operation, refusing, parameters
        arguments = {name: slots[slot] for name, slot in names}
        if "account_sid" in arguments:
            arguments["account_sid"] = ids.project_id(arguments["account_sid"])
        if route.operator:
            auth.require_operator(request.caller)
        elif not public:
            request.project = auth.admit(services, request.caller, scopes, arguments.pop("account_sid", None))
        if writes and request.caller is not None:
            _count(buckets, services, request.caller.project_id, response)  # a create too: `SendRequest.is_counted`
        await handler(request, response, **arguments)

    return respond


def _count(buckets: Buckets, services: Services, project_id: str, response: Response) -> None:
    """Count a write against the rate of the caller's root project and return how much of it is left in the headers.
    Raises Refused (429)."""
    root_id = services.directory.root_of(project_id)
    decision = buckets.take(root_id, int(services.clock.monotonic() * _MICROS))
    if not decision.limit:
        return
    response.set_header("X-RateLimit-Limit", str(decision.limit))
    response.set_header("X-RateLimit-Remaining", str(decision.remaining))
    response.set_header("X-RateLimit-Reset", str(decision.reset_seconds))
    if not decision.allowed:
        raise Refused(Refusal(Fault.RATE_EXCEEDED), retry_after_seconds=decision.retry_after_seconds)


def _names(path: str) -> list[tuple[int, str]]:
    """The {names} of a path as the handler's arguments, each with the index of its segment: `{AccountSid}` is
    `account_sid` there."""
    segments = enumerate(path.split("/"))
    named = [(index, each[1:-1]) for index, each in segments if each.startswith("{") and each.endswith("}")]
    return [(index, _INNER_CAPITAL.sub("_", name).lower()) for index, name in named]


def _template(path: str) -> str:
    """The path with its names told by position: Falcon wants one name where routes share a segment, and routes
    call it what it is (`Sid` of a message, `MessageSid` before its media)."""
    segments = path.split("/")
    for index, _ in _names(path):
        segments[index] = f"{{p{index}}}"
    return "/".join(segments)


def _pattern(path: str) -> re.Pattern[str]:
    names = dict(_names(path))
    segments = path.split("/")
    return re.compile("/".join("[^/]+" if index in names else re.escape(each) for index, each in enumerate(segments)))
