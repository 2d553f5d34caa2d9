"""`mfa`: send somebody a code, and check the one that is told back."""

import re
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest.schemas import Uuid
from heliograph.api.route import Family, Route
from heliograph.core.errors import Fault, Refused, refuse
from heliograph.engine.mfa import ATTEMPTS, DEFAULT_MESSAGE, LENGTHS, LIFETIMES_SECONDS, Wish

PATH = "/api/relay/rest/mfa"
_is_code = re.compile(f"[0-9A-Za-z]{{{LENGTHS[0]},{LENGTHS[-1]}}}").fullmatch

Length = Annotated[int, Meta(description="Characters of the code, 6 unless told.", ge=LENGTHS[0], le=LENGTHS[-1])]
Lifetime = Annotated[
    int,
    Meta(
        description="Seconds that the code can be told back, 3600 unless told.",
        ge=LIFETIMES_SECONDS[0],
        le=LIFETIMES_SECONDS[-1],
    ),
]
Attempts = Annotated[
    int, Meta(description="How often it may be tried, 3 unless told.", ge=ATTEMPTS[0], le=ATTEMPTS[-1])
]
Text = Annotated[
    str,
    Meta(
        description="What stands before the code. Both together must fit into one segment.", examples=[DEFAULT_MESSAGE]
    ),
]
From = Annotated[
    str,
    Meta(
        description="A number of the project that sends. Unless told one that can send SMS, of the recipient's country "
        "if there is one; a project without one sends from the number that the setting `mfa_from` names.",
        examples=["+12025550101"],
    ),
]


class RequestCode(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    """Whom to send a code, and what it is to be like."""

    to: Annotated[str, Meta(examples=["+13125550142"])]
    from_: From | UnsetType | None = UNSET
    message: Text | UnsetType | None = UNSET
    token_length: Length | UnsetType | None = UNSET
    valid_for: Lifetime | UnsetType | None = UNSET
    max_attempts: Attempts | UnsetType | None = UNSET
    allow_alphas: Annotated[bool, Meta(description="Letters too, not digits only.")] | UnsetType | None = UNSET


class CodeRequested(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A code is on its way. `id` is what it is told back by."""

    id: Uuid
    success: bool
    to: Annotated[str, Meta(examples=["+13125550142"])]
    channel: Annotated[str, Meta(examples=["sms"], extra_json_schema={"enum": ["sms"]})]


class VerifyCode(msgspec.Struct, kw_only=True):
    """The code, as it was told back."""

    token: Annotated[
        str, Meta(min_length=LENGTHS[0], max_length=LENGTHS[-1], pattern="^[0-9A-Za-z]*$", examples=["123456"])
    ]


class CodeVerified(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether it was the code."""

    success: bool


async def send_sms(request: Request, response: Response) -> None:
    """Send a code as a message."""
    body = await http.body(request)
    wish = _wish(request, body)
    if body.faults:
        raise Refused(*body.faults, *request.services.mfa.faults(wish))
    sent = await request.services.mfa.send(wish)
    http.reply(response, 200, CodeRequested(id=sent.id, success=True, to=sent.to_number, channel="sms"))


async def send_call(request: Request, response: Response) -> None:
    """Refuse: nobody speaks here."""
    await http.body(request)
    raise refuse(Fault.VOICE_MISSING)


async def verify(request: Request, response: Response, mfa_request_id: str) -> None:
    """Check a code. It must look like one to count as an attempt."""
    body = await http.body(request)
    challenge_id = http.row_id(mfa_request_id)
    code = body.text("token")
    body.check()
    if not code:
        raise refuse(Fault.PARAMETER_MISSING, "token is required.", "token")
    if not _is_code(code):
        raise refuse(Fault.PARAMETER_INVALID, f"token has {LENGTHS[0]} to {LENGTHS[-1]} digits or letters.", "token")
    right = await request.services.mfa.verify(request.project.id, challenge_id, code)
    http.reply(response, 200, CodeVerified(success=right))


def _wish(request: Request, body: Body) -> Wish:
    """With a default in the place of what is wrong, which is noted."""
    message = body.text("message")
    usual = Wish(project_id="", to_number=None)
    return Wish(
        project_id=request.project.id,
        to_number=body.text("to"),
        from_number=body.text("from"),
        message=usual.message if message is None else message,
        length=_within(body, "token_length", LENGTHS, usual.length),
        lifetime_seconds=_within(body, "valid_for", LIFETIMES_SECONDS, usual.lifetime_seconds),
        attempts=_within(body, "max_attempts", ATTEMPTS, usual.attempts),
        letters=bool(body.flag("allow_alphas")),
    )


def _within(body: Body, name: str, allowed: range, default: int) -> int:
    value = body.whole(name)
    if value is None:
        return default
    if value not in allowed:
        body.refuse(name, f"{name} is from {allowed[0]} to {allowed[-1]}.")
        return default
    return value


def routes() -> list[Route]:
    """Ask for a code by SMS or by a call, and verify it."""
    route = partial(Route, method="POST", family=Family.RELAY_REST, scopes=("management",))
    return [
        route(
            path=PATH + "/sms",
            operation="request_mfa_sms",
            summary="Send a code by SMS",
            about="The message is one of the project's: it is charged, and its record shows the text until the code "
            "has been used or has expired.",
            handler=send_sms,
            body=RequestCode,
            answers={200: CodeRequested},
        ),
        route(
            path=PATH + "/call",
            operation="request_mfa_call",
            summary="Send a code by a call",
            about="Always refused with `voice_not_supported`: this server makes no calls.",
            handler=send_call,
            body=RequestCode,
            answers={200: CodeRequested},
        ),
        route(
            path=PATH + "/{mfa_request_id}/verify",
            operation="verify_mfa_token",
            summary="Check a code",
            about="A right code is used up. One that was used, has expired or is out of attempts is not found.",
            handler=verify,
            body=VerifyCode,
            answers={200: CodeVerified},
        ),
    ]
