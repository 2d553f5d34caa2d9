"""What a JSON body may hold."""

import time

import pytest

from heliograph.wire.json_body import DEPTH_MAX, JsonError, NumberError, parse_object

MAX = 100


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (
            b'{"a": [1, 2.5, -3, 0, 0.0, true, null, "x", {"b": []}]}',
            {"a": [1, 2.5, -3, 0, 0.0, True, None, "x", {"b": []}]},
        ),
        (b'{"a": 999999999999999999999, "b": -1e20, "c": 1e-9}', {"a": 999999999999999999999, "b": -1e20, "c": 1e-9}),
        (b'{"a": "1e300"}', {"a": "1e300"}),
    ],
)
def test_object_is_read(raw: bytes, value: object) -> None:
    assert parse_object(raw, MAX) == value


@pytest.mark.parametrize("number", ["1e21", "-1e21", "1e300", "1000000000000000000000", "1" * 300, "1e-10", "-1e-300"])
@pytest.mark.parametrize("place", ['{"a": %s}', '{"x": 1, "a": [1, %s]}', '{"a": {"b": [[%s]]}}'])
def test_number_out_of_range_names_its_member(number: str, place: str) -> None:
    with pytest.raises(NumberError, match="a has a number that is out of range") as caught:
        parse_object((place % number).encode(), MAX)
    assert caught.value.name == "a"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": [' + b",".join([b"1"] * MAX) + b"]}",
        b"{" + b",".join(b'"%d": ""' % each for each in range(MAX + 1)) + b"}",
        b'{"a": {' + b",".join(b'"%d": []' % each for each in range(MAX)) + b"}}",
        b'{"a": [' + b",".join([b"[[]]"] * (MAX // 2)) + b"]}",
    ],
)
def test_too_many_values_are_an_error(raw: bytes) -> None:
    with pytest.raises(JsonError, match="more than 100 values"):
        parse_object(raw, MAX)


def test_as_many_values_as_allowed_are_read() -> None:
    parse_object(b'{"a": [' + b",".join([b"1"] * (MAX - 1)) + b"]}", MAX)


@pytest.mark.parametrize("depth", [DEPTH_MAX + 1, 900, 100_000])
def test_deep_nesting_is_an_error(depth: int) -> None:
    with pytest.raises(JsonError, match="nested too deeply"):
        parse_object(b'{"a":' + b"[" * depth + b"]" * depth + b"}", 10**6)


@pytest.mark.parametrize(
    "raw", [b"[]", b"1", b"{", b'{"a": NaN}', b'{"a": 1e400}', b"{} {}", b'{"a": "\xff"}', b"1" * 5000]
)
def test_anything_but_a_strict_object_is_an_error(raw: bytes) -> None:
    with pytest.raises(JsonError):
        parse_object(raw, MAX)


def test_signs_within_texts_count_for_nothing() -> None:
    text = ',[{\\"' * 50_000 + "\\\\"
    assert len(parse_object(f'{{"a": "{text}", "b": ["{text}"]}}'.encode(), MAX)) == 2


@pytest.mark.parametrize(
    "entry",
    [b"1e300", b"1e20", b"[]", b"{}", b'""', b"[[[]]]", b'"\\\\"', b'"\\"', b'{"":1}', b"1", b"1" * 999_000, b'","'],
)
def test_largest_body_is_judged_at_once(entry: bytes) -> None:
    raw = b'{"a":[' + b",".join([entry] * (1_000_000 // (len(entry) + 1))) + b"]}"
    began = time.process_time()
    with pytest.raises((JsonError, NumberError)):
        parse_object(raw, 1000)
    assert time.process_time() - began < 0.25
