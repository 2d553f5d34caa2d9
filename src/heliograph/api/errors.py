"""What went wrong, in the words of the family that is asked (contract, sections 6 and 7).

Handlers raise; nothing else makes an error body. They raise `Refused`, `NotFound` and `StoreUnavailable` of
the core, or one of the faults here, which only a door can find. `answer` renders any of them.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus

import falcon
import msgspec

from heliograph.api.route import Family
from heliograph.core.errors import NotFound, Refusal, Refused, StoreUnavailable

RETRY_SECONDS = 1
"""What a caller is told to wait where nothing better is known: a store's hiccup, a full backlog."""

DOCS_PATH = "/docs/errors"
"""The page of this deployment that explains each code, under an anchor of the code's name."""

_CXML_CODES = {401: 20003, 405: 20004, 500: 20504}
"""Codes of errors that are not validation; every other status is 20000 + status, as Twilio's are."""

_CXML_MESSAGES = {
    400: "The request can't be read.",
    401: "Authentication failed: check the project id, the API token and the token's scopes.",
    404: "There is no such resource.",
    405: "This resource does not take this method.",
    413: "The request body is too large.",
    415: "The content type is not accepted.",
    500: "The server failed. Tell its operator the X-Request-Id.",
    503: "The server can't take the request now. Try again.",
}

_ONE_WORD = (401, 404)
"""Answered by the JSON families in the status's words alone."""

_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""Reason phrases as RFC 9110 has them; older Pythons print other ones."""


class HttpFault(Exception):
    """An answer that says no with an HTTP status alone. `message` is fit for the caller's eyes."""

    status = 400

    def __init__(self, message: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = headers or {}


class Unreadable(HttpFault):
    """Bad JSON, JSON that is no object where one is needed, text that is not UTF-8, a body cut short."""


class Unauthorized(HttpFault):
    """No or wrong credentials, a revoked token, a missing scope. `message` says which, where nobody but this machine
    can ask."""

    status = 401

    def __init__(self, message: str = "") -> None:
        super().__init__(message, headers={"WWW-Authenticate": 'Basic realm="Heliograph", charset="UTF-8"'})


class Forbidden(HttpFault):
    """The credentials are right, and are not those of somebody who may: a project's where the operator's are needed."""

    status = 403


class TooLarge(HttpFault):
    """The body has more bytes than the setting `max_body_bytes` allows."""

    status = 413


class UnsupportedType(HttpFault):
    """The body's content type or encoding is none that the family reads."""

    status = 415


class HistoryExceeded(Exception):
    """The log is older than the deployment keeps them; `limit` is the first day that it has."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit


class CxmlError(msgspec.Struct, kw_only=True):
    """Every error of the cXML API."""

    code: int
    message: str
    more_info: str
    status: int


class PlainError(msgspec.Struct, kw_only=True):
    """An error of a JSON API that is not about a parameter: the HTTP status in words."""

    error: str


class ExplainedError(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error of Heliograph's own API that is not about a parameter: the HTTP status in words, and what to do."""

    error: str
    message: str = ""


class RestError(msgspec.Struct, kw_only=True):
    type: str
    code: str
    message: str
    attribute: str | None
    url: str


class RestErrors(msgspec.Struct, kw_only=True):
    """All faults of a request to the messaging and project APIs."""

    errors: list[RestError]


class RelayRestError(msgspec.Struct, kw_only=True):
    detail: str
    status: str
    title: str
    code: str


class RelayRestErrors(msgspec.Struct, kw_only=True):
    """All faults of a request to the phone number APIs."""

    errors: list[RelayRestError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: msgspec.Struct
    headers: dict[str, str] = field(default_factory=dict)


_NO_CALLS = re.compile(r"/(Calls|Conferences|Faxes|Participants|Queues|Recordings|SipDomains|Transcriptions)(/|$)")

_UNKNOWN_PATH = "There is no such path: see /docs/endpoints for the list."
_NO_VOICE = "This server has no calls and no faxes, only messages."


def answer(family: Family, error: Exception, base_url: str, path: str = "") -> Answer:
    """Render any exception; one that is none of ours is a bug: 500. `path`: what was asked for."""
    docs = base_url + DOCS_PATH
    match error:
        case Refused():
            return _refused(family, error, docs)
        case NotFound():
            return _plain(family, 404, docs, message=str(error))
        case StoreUnavailable():
            return _plain(family, 503, docs, headers={"Retry-After": str(RETRY_SECONDS)})
        case HttpFault():
            return _plain(family, error.status, docs, message=error.message, headers=error.headers)
        case HistoryExceeded():
            return Answer(status=422, body=RestErrors(errors=[_history(error, docs)]))
        case falcon.HTTPRouteNotFound():
            return _plain(family, 404, docs, message=_NO_VOICE if _NO_CALLS.search(path) else _UNKNOWN_PATH)
        case falcon.HTTPError():
            return _plain(family, error.status_code, docs, headers=dict(error.headers or {}))
        case _:
            return _plain(family, 500, docs)


def _plain(
    family: Family, status: int, docs: str, *, message: str = "", headers: dict[str, str] | None = None
) -> Answer:
    body: msgspec.Struct
    if family is Family.CXML:
        code = _CXML_CODES.get(status, 20000 + status)
        text = message or _CXML_MESSAGES.get(status) or phrase(status)
        body = CxmlError(code=code, message=text, more_info=f"{docs}#{code}", status=status)
    elif family is Family.HELIOGRAPH:
        body = ExplainedError(error=phrase(status), message="" if status in _ONE_WORD else message)
    else:
        body = PlainError(error=phrase(status))
    return Answer(status=status, body=body, headers=headers or {})


def phrase(status: int) -> str:
    """The status in words, ``Not Found``."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _refused(family: Family, error: Refused, docs: str) -> Answer:
    first = error.refusals[0]
    status = first.reason.status
    if family is not Family.CXML and status == HTTPStatus.BAD_REQUEST:
        status = 422  # paging faults: 400 is the cXML family's way only (contract, section 6)
    headers = {}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["Retry-After"] = str(error.retry_after_seconds or RETRY_SECONDS)
    if family is Family.CXML:
        return Answer(status=status, body=_cxml(first, status, docs), headers=headers)
    if status not in (422, 429):
        return _plain(family, status, docs, headers=headers)
    if family is Family.RELAY_REST:
        return Answer(status=status, body=_relay_rest(error.refusals, status), headers=headers)
    return Answer(status=status, body=_rest(error.refusals, docs), headers=headers)


def _cxml(refusal: Refusal, status: int, docs: str) -> CxmlError:
    code = refusal.reason.cxml
    return CxmlError(code=code, message=refusal.text, more_info=f"{docs}#{code}", status=status)


def _rest(refusals: tuple[Refusal, ...], docs: str) -> RestErrors:
    return RestErrors(
        errors=[
            RestError(
                type="validation_error",
                code=refusal.reason.rest,
                message=refusal.text,
                attribute=refusal.where or None,
                url=f"{docs}#{refusal.reason.rest}",
            )
            for refusal in refusals
        ]
    )


def _relay_rest(refusals: tuple[Refusal, ...], status: int) -> RelayRestErrors:
    title = "Invalid Attribute" if status == HTTPStatus.UNPROCESSABLE_ENTITY else phrase(status)
    return RelayRestErrors(
        errors=[
            RelayRestError(detail=refusal.text, status=str(status), title=title, code=refusal.reason.rest)
            for refusal in refusals
        ]
    )


def _history(error: HistoryExceeded, docs: str) -> RestError:
    code = "exceeds_history_logs_limit"
    return RestError(
        type="account_error",
        code=code,
        message=f"Logs from before {error.limit} are no longer kept.",
        attribute="created_at",
        url=f"{docs}#{code}",
    )


SHAPES: dict[Family, dict[str, type[msgspec.Struct]]] = {
    Family.CXML: {"plain": CxmlError, "validation": CxmlError},
    Family.RELAY_REST: {"plain": PlainError, "validation": RelayRestErrors},
    Family.MESSAGING: {"plain": PlainError, "validation": RestErrors},
    Family.PROJECT: {"plain": PlainError, "validation": RestErrors},
    Family.HELIOGRAPH: {"plain": ExplainedError, "validation": RestErrors},
    Family.SYSTEM: {"plain": PlainError, "validation": RestErrors},
}
"""Which body each family's errors have, for the OpenAPI document."""
