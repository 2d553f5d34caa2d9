"""What goes wrong in an operation, for the OpenAPI document: statuses, error bodies and headers by family."""

import re
from typing import Any

import falcon
import msgspec

from heliograph.api import errors
from heliograph.api.route import Family, Route
from heliograph.core.errors import Fault, NotFound, StoreUnavailable, refuse

Json = dict[str, Any]

HEADERS: Json = {
    "RequestId": {
        "description": "Names this request in the server's log.",
        "schema": {"type": "string"},
    },
    "RateLimitLimit": {
        "description": "Writes allowed in one period.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimitRemaining": {
        "description": "Writes left.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimitReset": {
        "description": "Seconds until all of them are back.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RetryAfter": {
        "description": "Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 0},
    },
}

IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of your choice. The same key with the same request answers with the first message "
    "instead of sending another one; with a different request it is refused with 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9._:-]+$"},
}

DESCRIPTIONS: dict[int, str] = {
    200: "Done.",
    201: "Created.",
    204: "Done; there is no body.",
    400: "The request can't be read, or its page token and page number don't fit.",
    401: "No or wrong credentials, or the token lacks the scope.",
    403: "The credentials are a project's; the operator's are needed.",
    404: "No such thing in this project.",
    409: "The Idempotency-Key was used for another request.",
    413: "The body is too large.",
    415: "The content type is not one that is understood here.",
    422: "A value is not allowed.",
    429: "Too many requests, or too many messages are queued. Nothing of this request was kept.",
    500: "A fault of the server's; its log has the request id.",
    503: "The store can't be reached now. Try again.",
}

_PATH_NAME = re.compile(r"{\w+}")


def statuses(route: Route, *, idempotent: bool) -> list[int]:
    """Return the error statuses that an operation can answer with."""
    if route.family is Family.SYSTEM:
        return [500]
    found = [400, 401, 500, 503]
    if _PATH_NAME.search(route.path):
        found.append(404)
    if route.operator:
        found.append(403)
    if route.query or route.body:
        found.append(422)
    if route.method != "GET":
        found += [422, 429]
    if route.body:
        found += [413, 415]
    if idempotent:
        found.append(409)
    return sorted(set(found))


def response(family: Family, status: int, headers: Json) -> Json:
    """Return the response object of one error status in a family's shape."""
    if status in (429, 503):
        headers = {**headers, "Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    shape = errors.SHAPES[family]["validation" if status in (422, 429) else "plain"]
    content = {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}, "example": _example(family, status)}
    return {"description": DESCRIPTIONS[status], "headers": headers, "content": {"application/json": content}}


def header_names(*, write: bool) -> Json:
    """Return the headers of every answer; writes tell the rate limit too."""
    names = {"X-Request-Id": "RequestId"}
    if write:
        names |= {
            "X-RateLimit-Limit": "RateLimitLimit",
            "X-RateLimit-Remaining": "RateLimitRemaining",
            "X-RateLimit-Reset": "RateLimitReset",
        }
    return {name: {"$ref": f"#/components/headers/{component}"} for name, component in names.items()}


def structs() -> tuple[type[msgspec.Struct], ...]:
    """Return the types of all error bodies."""
    return tuple({shape: None for shapes in errors.SHAPES.values() for shape in shapes.values()})


def _example(family: Family, status: int) -> Json:
    """Ask the renderer of errors itself, so that the example can't differ from what is sent."""
    raised = _RAISED.get(status) or falcon.HTTPError(status)
    body = errors.answer(family, raised, "https://example.com").body
    return msgspec.to_builtins(body)  # type: ignore[no-any-return]  # a Struct's built-in form is a dict


_RAISED: dict[int, Exception] = {
    403: errors.Forbidden(),
    404: NotFound(),
    409: refuse(Fault.IDEMPOTENCY_CLASH),
    422: refuse(Fault.PARAMETER_INVALID),
    429: refuse(Fault.RATE_EXCEEDED),
    503: StoreUnavailable(),
}
