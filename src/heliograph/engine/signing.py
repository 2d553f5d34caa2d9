"""Requests to a client's URLs, signed with the project's key (contract, section 8)."""

from msgspec.structs import replace

from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.ports import HttpRequest
from heliograph.wire import forms, signature
from heliograph.wire.urls import parse_target, with_query

_FORM = "application/x-www-form-urlencoded"


def form_request(
    key: str, method: str, url: str, pairs: list[tuple[str, str]], *, truncate: bool = False
) -> HttpRequest:
    """POST the fields as a form, or GET with them in the query. The fragment, which sets time limits, is not signed."""
    if method == "GET":
        asked = with_query(url, pairs)
        headers = _headers(signature.sign_get(key, parse_target(asked).url))
        return HttpRequest(method="GET", url=asked, headers=headers, truncate=truncate, repeatable=True)
    headers = _headers(signature.sign_form(key, parse_target(url).url, pairs))
    headers["Content-Type"] = _FORM
    body = forms.encode(pairs)
    return HttpRequest(method="POST", url=url, headers=headers, body=body, truncate=truncate, repeatable=True)


def json_request(key: str, url: str, body: bytes, *, truncate: bool = False, method: str = "POST") -> HttpRequest:
    headers = _headers(signature.sign_json(key, parse_target(url).url, body))
    headers["Content-Type"] = "application/json"
    return HttpRequest(method=method, url=url, headers=headers, body=body, truncate=truncate, repeatable=True)


def as_switched(project: Project, request: HttpRequest) -> HttpRequest:
    """The request on the project's account, and as its switches want it."""
    owner = project.parent_id or project.id
    return replace(request, owner=owner, https_only=FORCE_HTTPS in project.switches)


def _headers(signed: str) -> dict[str, str]:
    return {"X-SignalWire-Signature": signed, "X-Twilio-Signature": signed}
