"""JSON-RPC frames, by table, and whatever bytes there are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire import jsonrpc
from heliograph.wire.jsonrpc import Malformed, Request, Response

GOOD: list[tuple[str, Request | Response]] = [
    ('{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}', Request(method="m", params={"x": 1}, id="a")),
    ('{"jsonrpc":"2.0","id":7,"method":"m"}', Request(method="m", params={}, id=7)),
    ('{"jsonrpc":"2.0","id":null,"method":"m","params":null}', Request(method="m", params={}, id=None)),
    ('{"jsonrpc":"2.0","method":"m"}', Request(method="m", params={}, id=None, wants_answer=False)),
    ('{"jsonrpc":"2.0","id":"a","result":{}}', Response(id="a", failed=False)),
    ('{"jsonrpc":"2.0","id":"a","result":null}', Response(id="a", failed=False)),
    ('{"jsonrpc":"2.0","id":"a","result":{},"error":null}', Response(id="a", failed=False)),
    ('{"jsonrpc":"2.0","id":"a","error":{"code":1}}', Response(id="a", failed=True)),
]

BAD: list[tuple[bytes, int, Any]] = [
    (b"", -32700, None),
    (b"hello", -32700, None),
    (b'{"jsonrpc":"2.0"', -32700, None),
    (b"\xff\xfe", -32700, None),
    (b'{"jsonrpc":"2.0","id":"\\ud800","method":"m"}', -32700, None),
    (b"[" * 5000, -32700, None),
    (b"[]", -32600, None),
    (b'[{"jsonrpc":"2.0","id":1,"method":"m"}]', -32600, None),
    (b"7", -32600, None),
    (b"null", -32600, None),
    (b"{}", -32600, None),
    (b'{"jsonrpc":"1.0","id":"a","method":"m"}', -32600, "a"),
    (b'{"id":"a","method":"m"}', -32600, "a"),
    (b'{"jsonrpc":"2.0","id":"a"}', -32600, "a"),
    (b'{"jsonrpc":"2.0","id":"a","method":7}', -32600, "a"),
    (b'{"jsonrpc":"2.0","id":"a","method":"m","params":7}', -32600, "a"),
    (b'{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}', -32602, "a"),
    (b'{"jsonrpc":"2.0","id":{},"method":"m"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":true,"method":"m"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"m"}', -32600, None),
]


@pytest.mark.parametrize(("frame", "read"), GOOD)
def test_a_frame_is_read(frame: str, read: Request | Response) -> None:
    assert jsonrpc.parse(frame.encode()) == read


@pytest.mark.parametrize(("frame", "code", "id"), BAD)
def test_a_bad_frame_is_told_by_its_code(frame: bytes, code: int, id: Any) -> None:
    with pytest.raises(Malformed) as malformed:
        jsonrpc.parse(frame)
    assert (malformed.value.code, malformed.value.id) == (code, id)


@given(st.binary())
def test_any_bytes_are_read_or_malformed(frame: bytes) -> None:
    _read(frame)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), _json | st.just("2.0"))
)
def test_any_object_is_read_or_malformed(members: dict[str, Any]) -> None:
    _read(json.dumps(members).encode())


def _read(frame: bytes) -> None:
    try:
        read = jsonrpc.parse(frame)
    except Malformed as malformed:
        assert malformed.code in (-32700, -32600, -32602) and malformed.message
        return
    assert isinstance(read, Request | Response)


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_a_request_that_is_written_is_read_again(id: str, method: str, params: dict[str, str]) -> None:
    assert jsonrpc.parse(jsonrpc.request(id, method, params)) == Request(method=method, params=params, id=id)


def test_results_and_errors_are_written() -> None:
    assert json.loads(jsonrpc.result("a", {"x": 1})) == {"jsonrpc": "2.0", "id": "a", "result": {"x": 1}}
    told = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "no"}}
    assert json.loads(jsonrpc.error(None, -32700, "no")) == told
