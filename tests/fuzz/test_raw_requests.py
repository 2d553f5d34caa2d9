"""Bytes that no client would send: whatever stands in a path, a query, a header or a body, the answer is no 5xx."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caller import CXML_ROOT, LOGS, NUMBERS, PROJECTS, REST_MESSAGES, TOKENS, Caller
from servers import HeliographServer

bounded = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# What http.client lets through: everything but control characters and blanks, as percent-encoded bytes too.
_VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")
_ENCODED = st.binary(min_size=1, max_size=3).map(lambda raw: "".join(f"%{byte:02X}" for byte in raw))
_PIECES = st.lists(st.one_of(st.text(_VISIBLE, max_size=8), _ENCODED), max_size=6).map("".join)
_HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=60)
_LISTS = ("Messages", "Applications", "IncomingPhoneNumbers", "LamlBins")
_PATHS = st.sampled_from([*(f"{{root}}/{each}" for each in _LISTS), LOGS, NUMBERS, PROJECTS])
_KINDS = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/json",
        "application/json; charset=latin-1",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        'multipart/form-data; boundary="',
        "",
    ]
)
_TEXTS = st.one_of(st.text(max_size=30), st.sampled_from(["\ud800", "\0", "👋", "+13125550100", "9" * 400, "1e999"]))
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _TEXTS),
    lambda inside: st.one_of(st.lists(inside, max_size=3), st.dictionaries(_TEXTS, inside, max_size=3)),
    max_leaves=6,
)
_CXML_PIECES = st.one_of(
    _TEXTS,
    st.sampled_from(["{{a}}", "{{{a}}}", "{{#a}}", "{{^a}}", "{{/a}}", "{{.}}", "{{!", "}}", "{{=<% %>=}}", "<%a%>"]),
    st.sampled_from(
        ["<Message>", "</Message>", "<Message to='", "'/>", "<![CDATA[", "]]>", "<?xml", "&amp;", "&a;", "\n"]
    ),
)
_NAMES = ("to", "from", "body", "media", "send_as_mms", "status_callback", "custom_variables")
_CXML_NAMES = ("To", "From", "Body", "MediaUrl", "SendAsMms", "StatusCallback", "MaxPrice", "ValidityPeriod")


def _sound(api: Caller, method: str, path: str, **more: Any) -> None:
    reply = api.ask(method, path, **more)
    assert 200 <= reply.status < 500, (method, path, more, reply.body)
    assert "x-request-id" in reply.headers


@bounded
@given(path=_PATHS, more=_PIECES, query=_PIECES)
def test_paths_and_queries(api: Caller, path: str, more: str, query: str) -> None:
    _sound(api, "GET", f"{path.format(root=api.account)}{more}?{query}")


@bounded
@given(
    path=_PATHS,
    name=st.sampled_from(
        ["Page", "PageSize", "PageToken", "DateSent", "DateSent<", "Status", "page_number", "page_token", "created_on"]
    ),
    text=st.one_of(_PIECES, st.integers().map(str), st.dates().map(str), st.datetimes().map(str)),
)
def test_parameters_that_lists_read(api: Caller, path: str, name: str, text: str) -> None:
    _sound(api, "GET", f"{path.format(root=api.account)}?{name}={text.replace(' ', '%20').replace('#', '')}")


@bounded
@given(header=_HEADER)
def test_credentials(api: Caller, header: str) -> None:
    value = header.strip()
    for path in (LOGS, f"{CXML_ROOT}/Accounts"):
        reply = api.ask("GET", path, headers={"Authorization": value.encode("latin-1").decode("latin-1")})
        assert reply.status == 401


@bounded
@given(body=st.binary(max_size=300), kind=_KINDS)
def test_bodies(api: Caller, body: bytes, kind: str) -> None:
    for path in (api.messages, f"{api.account}/Applications", REST_MESSAGES, TOKENS):
        _sound(api, "POST", path, raw=body, headers={"Content-Type": kind or None})


@bounded
@given(body=st.dictionaries(st.sampled_from([*_NAMES, *_CXML_NAMES]), _JSON, max_size=6))
def test_json_of_every_type_under_the_names_that_are_read(api: Caller, body: dict[str, Any]) -> None:
    usable = {"to": "+13125550100", "from": api.sender, "To": "+13125550100", "From": api.sender}
    for path in (api.messages, REST_MESSAGES):
        for given_body in (body, usable | body, body | usable):
            _sound(api, "POST", path, body=given_body)


@bounded
@given(contents=st.lists(_CXML_PIECES, max_size=8).map("".join), whole=st.booleans(), query=_PIECES, body=_PIECES)
def test_scripts_and_their_documents(api: Caller, contents: str, whole: bool, query: str, body: str) -> None:
    given_contents = f"<Response>{contents}</Response>" if whole else contents
    made = api.ask("POST", f"{api.account}/LamlBins", body={"Name": "a", "Contents": given_contents})
    assert made.status in (201, 400, 422)
    for script in [made.json()["sid"]] if made.status == 201 else []:
        path = f"/laml-bins/{script}?{query}"
        _sound(api, "GET", path, headers={"Authorization": None})
        _sound(api, "POST", path, raw=body.encode(), headers={"Authorization": None})


@pytest.mark.parametrize("key", ["k" * 255, "k" * 256, "ü", "\xff", " "])
def test_idempotency_keys(api: Caller, key: str) -> None:
    reply = api.create(headers={"Idempotency-Key": key})
    assert reply.status in (201, 422)


def test_nothing_of_it_was_a_fault_of_the_server(target: HeliographServer) -> None:
    assert "http.failed" not in target.log()
