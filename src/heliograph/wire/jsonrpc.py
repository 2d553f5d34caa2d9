"""JSON-RPC 2.0 as Relay speaks it: the bytes of a text frame to a value and back (jsonrpc.org/specification).

One object a frame: a batch is refused. Parameters are named, never by position. What can't be read is a Malformed with
the code to answer with, and with the request's id where that could be read.
"""

from typing import Any, Final

import orjson
from msgspec import Struct

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603

Id = str | int | None
Members = dict[str, Any]


class Request(Struct, frozen=True, kw_only=True):
    """wants_answer: it has an id, so it is no notification."""

    method: str
    params: Members
    id: Id = None
    wants_answer: bool = True


class Response(Struct, frozen=True, kw_only=True):
    """What the other side says to a request of ours; `failed`: by an error."""

    id: Id
    failed: bool


class RpcError(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Malformed(RpcError):
    """A frame that is no request and no response. `id`: the request's, where it has a readable one."""

    def __init__(self, code: int, message: str, id: Id = None) -> None:
        super().__init__(code, message)
        self.id = id


def parse(frame: bytes) -> Request | Response:
    """Read one frame; raises Malformed."""
    try:
        read = orjson.loads(frame)
    except orjson.JSONDecodeError:
        raise Malformed(PARSE_ERROR, "The frame is not JSON.") from None
    if isinstance(read, list):
        raise Malformed(INVALID_REQUEST, "Batches are not taken: send one object in a frame.")
    if not isinstance(read, dict):
        raise Malformed(INVALID_REQUEST, "The frame is not a JSON object.")
    given = read.get("id")
    if not _is_id(given):
        raise Malformed(INVALID_REQUEST, "id must be a string or a whole number.")
    if read.get("jsonrpc") != "2.0":
        raise Malformed(INVALID_REQUEST, 'jsonrpc must be "2.0".', given)
    if "method" in read:
        return _request(read, given)
    if "result" in read or "error" in read:
        return Response(id=given, failed="error" in read and read["error"] is not None)
    raise Malformed(INVALID_REQUEST, "The object has no method, no result and no error.", given)


def _request(read: Members, id: Id) -> Request:
    method, params = read["method"], read.get("params")
    if not isinstance(method, str):
        raise Malformed(INVALID_REQUEST, "method must be a string.", id)
    if params is None:
        params = {}
    if isinstance(params, list):
        raise Malformed(INVALID_PARAMS, "params must be an object: no method takes them by position.", id)
    if not isinstance(params, dict):
        raise Malformed(INVALID_REQUEST, "params must be an object.", id)
    return Request(method=method, params=params, id=id, wants_answer="id" in read)


def _is_id(given: object) -> bool:
    return given is None or isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool))


def request(id: Id, method: str, params: object) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def result(id: Id, value: object) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "result": value})


def error(id: Id, code: int, message: str) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
