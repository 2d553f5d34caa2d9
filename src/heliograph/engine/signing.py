"""Requests to a client's URLs, signed with the project's key (contract, section 8)."""

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.ports import HttpRequest
from heliograph.wire import forms, signature

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json"}

Pairs = list[tuple[str, str]]


def form_request(key: str, method: str, url: str, pairs: Pairs, *, truncate: bool = False) -> HttpRequest:
    """POST the fields as a form, or GET with them in the query."""
    if method == "GET":
        query = forms.encode(pairs).decode("ascii")
        return HttpRequest(
            method="GET", url=url, query=query, sign=partial(_get, key), truncate=truncate, repeatable=True
        )
    return HttpRequest(
        method="POST",
        url=url,
        sign=partial(_form, key, pairs),
        headers=_FORM,
        body=forms.encode(pairs),
        truncate=truncate,
        repeatable=True,
    )


def json_request(key: str, url: str, body: bytes, *, truncate: bool = False, method: str = "POST") -> HttpRequest:
    return HttpRequest(
        method=method,
        url=url,
        sign=partial(_json, key, body),
        headers=_JSON,
        body=body,
        truncate=truncate,
        repeatable=True,
    )


def as_switched(project: Project, request: HttpRequest) -> HttpRequest:
    """The request on the project's account, and as its switches want it."""
    owner = project.parent_id or project.id
    return replace(request, owner=owner, https_only=FORCE_HTTPS in project.switches)


def _get(key: str, url: str) -> Mapping[str, str]:
    return _headers(signature.sign_get(key, url))


def _form(key: str, pairs: Pairs, url: str) -> Mapping[str, str]:
    return _headers(signature.sign_form(key, url, pairs))


def _json(key: str, body: bytes, url: str) -> Mapping[str, str]:
    return {
        **_headers(signature.sign_json(key, url, body)),
        "X-SignalWire-Sha256-Signature": signature.sign_json_sha256(key, url, body),
    }


def _headers(signed: str) -> dict[str, str]:
    return {"X-SignalWire-Signature": signed, "X-Twilio-Signature": signed}
