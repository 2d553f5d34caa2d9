"""A request and its answer, as handlers use them: ids, query, bodies, JSON out.

Texts arrive as the client sent them, but always UTF-8 and without NUL characters: what is not raises Unreadable
(400) or is refused (422) here, before a handler looks.
"""

import re
from collections.abc import Collection
from typing import Any

import falcon.asgi
import msgspec

from heliograph.api import fields, operators
from heliograph.api.errors import TooLarge, Unreadable, UnsupportedType
from heliograph.api.fields import Body, Form
from heliograph.api.route import Family
from heliograph.api.services import Services
from heliograph.api.unsupported import Refusing, asked
from heliograph.core import ids
from heliograph.core.directory import Project
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.engine.directory import Principal
from heliograph.wire import forms, json_body

JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
"""A name or an address, and perhaps a port; no user, path or query."""

RECEIVER_KEY = "heliograph.receiver"
SUFFIX_KEY = "heliograph.json_suffix"
"""Where the server leaves, in the ASGI scope, what it knew before the request was made."""

Response = falcon.asgi.Response
_BEGUN = {"type": "http.request", "body": b"", "more_body": True}
encode = msgspec.json.Encoder().encode


class Receiver:
    """An ASGI `receive` for Falcon, and the request's body for us: Falcon's stream would not tell that a client went
    away.

    Falcon receives once before it looks at a request: that event is made here, and says that a body may follow. So
    credentials, route and scope are judged before the body is waited for, and before a client that expects
    100-continue is invited to send it.
    """

    __slots__ = ("_has_begun", "_receive", "is_disconnected")

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._has_begun = False
        self.is_disconnected = False

    async def __call__(self) -> Any:
        if self._has_begun:
            return await self._receive()
        self._has_begun = True
        return _BEGUN

    async def body(self, limit: int) -> bytes | None:
        """The whole body, or what had come when the client went away; None where it is larger than `limit` bytes."""
        body = bytearray()
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                self.is_disconnected = True
                return bytes(body)
            body += event.get("body", b"")
            if len(body) > limit:
                return None
            if not event.get("more_body", False):
                return bytes(body)


class Request(falcon.asgi.Request):
    """Falcon's request with what the server found out before the handler is called.

    `caller` is None on public routes only, and `project`, the one acted on, is set on all others. `refusing`: the
    parameters that the operation refuses. `parameters`: those that its query may have, where it may have any.
    """

    caller: Principal | None = None
    family: Family = Family.SYSTEM
    operation: str = ""
    refusing: Refusing = ()
    parameters: Collection[str] = ()
    project: Project
    request_id: str = ""
    services: Services
    started: float = 0.0

    @property
    def json_suffix(self) -> bool:
        """Whether the path was asked for with `.json`, which is stripped before routing."""
        return SUFFIX_KEY in self.scope

    @property
    def base_url(self) -> str:
        """What absolute URLs start with: the setting `public_url`, else the request's scheme and Host.

        A Host that is none, which a caller could have made of anything, gives way to the address listened on.
        """
        public: str | None = self.services.config.public_url
        if public:
            return public.rstrip("/")
        host = self.get_header("Host")
        if host is None or not _HOST.fullmatch(host):
            address, port = self.scope["server"]
            host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return f"{self.scheme}://{host}"


def row_id(text: str) -> str:
    """An id from a path, in lower case. Raises NotFound for what can't be one."""
    if not ids.is_uuid(text):
        raise NotFound
    return text.lower()


def reply(response: Response, status: int, body: msgspec.Struct) -> None:
    """Answer with a struct as JSON."""
    response.status = status
    response.data = encode(body)


def query(request: Request) -> Form:
    """The query string's parameters. Raises Unreadable, or Refused for NUL characters, for a parameter that the
    operation does not obey, and for a filter with an operator that it does not have."""
    text = request.query_string
    if not text:
        return Form({})
    found = _form(text.encode(), request.services.config.max_form_fields)
    if request.parameters:
        operators.refuse_unknown(found.values, request.parameters)
    return _obeyed(request, found)


async def form(request: Request, max_bytes: int | None = None) -> Form:
    """The body of a cXML request: a form, a multipart form, or a JSON object with native lists and numbers.

    A body without a content type is read as a form. `max_bytes`: where less than `max_body_bytes` is allowed. Raises
    Unreadable, UnsupportedType, TooLarge or Refused, also for a parameter that the operation does not obey.
    """
    return _obeyed(request, await _any_form(request, max_bytes))


async def _any_form(request: Request, max_bytes: int | None) -> Form:
    kind, parameters = _content_type(request)
    max_fields: int = request.services.config.max_form_fields
    body = await read(request, max_bytes)
    if not body:
        return Form({})
    if kind in (_FORM, ""):
        return _form(body, max_fields)
    if kind == JSON:
        return fields.form_of(_object(body, max_fields))
    return _multipart(body, parameters.get("boundary", ""), max_fields)


async def body(request: Request) -> Body:
    """The JSON object in the body of the other families; an empty body counts as an empty object.

    Raises Unreadable, UnsupportedType, TooLarge or Refused.
    """
    kind, _ = _content_type(request)
    if kind in (_FORM, _MULTIPART):
        raise UnsupportedType("Send JSON with the content type application/json.")
    raw = await read(request)
    found = Body(_object(raw, request.services.config.max_form_fields) if raw else {})
    for each in asked(request.refusing, found.values):
        found.refuse(each.name, each.message)
    return found


def _obeyed(request: Request, form: Form) -> Form:
    """The form, where the operation obeys all that it asks for. Raises Refused."""
    for each in asked(request.refusing, form.values):
        raise refuse(Fault.PARAMETER_INVALID, each.message, each.name)
    return form


async def read(request: Request, max_bytes: int | None = None) -> bytes:
    """The whole body, of at most `max_bytes` and `max_body_bytes`. Raises TooLarge, and Unreadable where the client
    broke off."""
    limit: int = request.services.config.max_body_bytes
    if max_bytes is not None:
        limit = min(limit, max_bytes)
    length = request.content_length
    if length is not None and length > limit:
        raise TooLarge(f"The request body is larger than {limit} bytes.")
    receiver: Receiver = request.scope[RECEIVER_KEY]
    raw = await receiver.body(limit)
    if raw is None:
        raise TooLarge(f"The request body is larger than {limit} bytes.")
    if receiver.is_disconnected or (length is not None and len(raw) < length):
        raise Unreadable("The request body ended early.")
    return raw


def _content_type(request: Request) -> tuple[str, dict[str, str]]:
    """The kind of body in lower case, "" for none given, with its parameters."""
    coding = request.get_header("Content-Encoding")
    if coding and coding.lower() != "identity":
        raise UnsupportedType("A compressed request body is not accepted.")
    given = request.content_type
    if not given or given in (_FORM, JSON):
        return given or "", {}
    kind, parameters = falcon.parse_header(given)
    kind = kind.strip().lower()
    if kind not in (_FORM, JSON, _MULTIPART):
        raise UnsupportedType(f"The content type must be {_FORM}, {_MULTIPART} or {JSON}.")
    return kind, parameters


def _form(raw: bytes, max_fields: int) -> Form:
    try:
        values = forms.parse(raw, max_fields)
    except forms.FormError as error:
        raise Unreadable(str(error)) from error
    if b"%00" in raw or b"\0" in raw:
        fields.refuse_unkeepable(values)
    return Form(values)


def _multipart(raw: bytes, boundary: str, max_fields: int) -> Form:
    try:
        values = forms.parse_multipart(raw, boundary, max_fields)
    except forms.FormError as error:
        raise Unreadable(str(error)) from error
    fields.refuse_unkeepable(values)
    return Form(values)


def _object(raw: bytes, max_values: int) -> dict[str, Any]:
    """Raises Unreadable, and Refused for a number that is out of range or a NUL character."""
    try:
        found = json_body.parse_object(raw, max_values)
    except json_body.JsonError as error:
        raise Unreadable(str(error)) from error
    except json_body.NumberError as error:
        raise refuse(Fault.PARAMETER_INVALID, str(error), error.name.replace("\0", "")) from error
    if b"\\u0000" in raw:
        fields.refuse_unkeepable(found)
    return found
