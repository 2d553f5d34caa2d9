"""`/api/project/tokens`: make, change and end the API tokens of a project and of its subprojects."""

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core import ids
from heliograph.core.directory import SCOPES, Token
from heliograph.core.errors import NotFound
from heliograph.core.texts import is_name

PATH = "/api/project/tokens"
MAX_NAME_LENGTH = 255
REDACTED = "redacted"

Permission = Annotated[str, Meta(extra_json_schema={"enum": list(SCOPES)})]
Permissions = Annotated[
    list[Permission], Meta(description="What the token may do.", min_length=1, examples=[["messaging"]])
]
Name = Annotated[
    str, Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Web shop"])
]
Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]

Subproject = Annotated[
    str, Meta(description="A subproject that it is to be for.", extra_json_schema={"format": "uuid"})
]


class CreateToken(msgspec.Struct, kw_only=True):
    """A new token."""

    name: Name
    permissions: Permissions
    subproject_id: Subproject | UnsetType | None = UNSET


class UpdateToken(msgspec.Struct, kw_only=True):
    """What of a token is to be changed; the rest stays."""

    name: Name | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET


class ApiToken(msgspec.Struct, kw_only=True):
    """A token. Its secret is told in the answer that makes it, and never again."""

    id: Uuid
    name: str
    permissions: Annotated[list[Permission], Meta(examples=[["messaging"]])]
    token: Annotated[str, Meta(description=f"The secret, later `{REDACTED}`.", examples=["PT" + "0" * 48])]


def view(token: Token, secret: str = REDACTED) -> ApiToken:
    """Return the token as the API shows it."""
    return ApiToken(id=token.id, name=token.name, permissions=list(token.scopes), token=secret)


async def create(request: Request, response: Response) -> None:
    await made(request, response, await http.body(request))


async def update(request: Request, response: Response, token_id: str) -> None:
    await changed(request, response, await http.body(request), token_id)


async def made(request: Request, response: Response, body: Body) -> None:
    """Make a token and tell its secret, this once."""
    name, scopes = _name(body), _permissions(body)
    project_id = _project(request, body)
    body.check()
    token, secret = await request.services.directory.create_token(project_id, name or "", scopes or ())
    http.reply(response, 200, view(token, secret))


async def changed(request: Request, response: Response, body: Body, token_id: str) -> None:
    """Change the name or the permissions."""
    before = _find(request, token_id)
    given: dict[str, Any] = {}
    if "name" in body.values:
        given["name"] = _name(body)
    if "permissions" in body.values:
        given["scopes"] = _permissions(body)
    body.check()
    after = await request.services.directory.update_token(
        before.project_id, before.id, lambda now: replace(now, **given)
    )
    http.reply(response, 200, view(after))


async def remove(request: Request, response: Response, token_id: str) -> None:
    """End a token at once."""
    token = _find(request, token_id)
    if not await request.services.directory.remove_token(token.project_id, token.id):
        raise NotFound
    response.status = 204


def _name(body: Body) -> str | None:
    name = body.text("name")
    if name is None and "name" in body:
        return None  # not a text, which is noted already
    if not is_name(name or "", MAX_NAME_LENGTH):
        body.refuse(
            "name", f"name must be present, with at most {MAX_NAME_LENGTH} characters, and no control characters."
        )
    return name


def _permissions(body: Body) -> tuple[str, ...] | None:
    given = body.texts("permissions")
    if given is None and "permissions" in body:
        return None  # not a list of texts, which is noted already
    unknown = sorted(set(given or ()) - set(SCOPES))
    if not given or unknown:
        body.refuse("permissions", f"permissions must be at least one of {', '.join(SCOPES)}.")
        return None
    return tuple(scope for scope in SCOPES if scope in given)


def _project(request: Request, body: Body) -> str:
    """The caller's project, or the subproject of it that was named."""
    wanted = body.text("subproject_id")
    if wanted is None:
        return request.project.id
    found = request.services.directory.project(ids.project_id(wanted))
    if found is None or found.parent_id != request.project.id:
        body.refuse("subproject_id", "subproject_id must be a subproject of this project.")
        return request.project.id
    return found.id


def _find(request: Request, token_id: str) -> Token:
    """The token, of the caller's project or of one of its subprojects."""
    wanted, directory = http.row_id(token_id), request.services.directory
    for project in directory.family_of(request.project.id):
        token = directory.token(project.id, wanted)
        if token is not None:
            return token
    raise NotFound


def routes() -> list[Route]:
    """Create, update, delete."""
    route = partial(Route, family=Family.PROJECT, scopes=("management",))
    one = PATH + "/{token_id}"
    return [
        route(
            method="POST",
            path=PATH,
            operation="create_token",
            summary="Create an API token",
            about="The secret is in this answer only.",
            handler=create,
            body=CreateToken,
            answers={200: ApiToken},
        ),
        route(
            method="PATCH",
            path=one,
            operation="update_token",
            summary="Update an API token",
            handler=update,
            body=UpdateToken,
            answers={200: ApiToken},
        ),
        route(
            method="DELETE",
            path=one,
            operation="delete_token",
            summary="Delete an API token",
            about="It is refused from then on.",
            handler=remove,
            answers={204: None},
        ),
    ]
