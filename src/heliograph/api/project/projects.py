"""`/api/projects`: the caller's project and its subprojects: listed, made, changed, deleted, their keys exchanged."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, paging, times
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core.directory import SWITCHES, Project
from heliograph.core.errors import NotFound
from heliograph.core.texts import is_name

PATH = "/api/projects"
MAX_NAME_LENGTH = 250
_ONE = PATH + "/{id}"
_FILTERS = ("name",)

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
When = Annotated[str, Meta(description="ISO 8601, UTC.", examples=["2026-11-23T09:30:00Z"])]
Name = Annotated[
    str, Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Warehouse"])
]
ProtectRecordings = Annotated[bool, Meta(description="Kept and returned; no recordings are made here.")]
ProtectMedia = Annotated[bool, Meta(description="Whether the project's message media ask for credentials.")]
ProtectFaxes = Annotated[bool, Meta(description="Kept and returned; no faxes are made here.")]
ForceHttps = Annotated[bool, Meta(description="Whether the project's webhooks must be https URLs.")]


class ShownProject(msgspec.Struct, kw_only=True):
    """A project or subproject. `signing_key` is there only when it was just made."""

    id: Uuid
    name: str
    parent_project_id: Uuid | None
    subproject: bool
    region_preference: str
    protect_recordings: ProtectRecordings
    protect_message_media: ProtectMedia
    protect_fax_media: ProtectFaxes
    force_https_requests: ForceHttps
    created_at: When
    updated_at: When
    signing_key: Annotated[
        str | UnsetType, Meta(description="What its webhooks are signed with.", examples=["PSK" + "0" * 48])
    ] = UNSET


class ProjectLinks(msgspec.Struct, kw_only=True, rename={"this": "self"}):
    """Absolute addresses of this page and of those around it."""

    this: str
    first: str
    next: Annotated[str | UnsetType, Meta(description="Absent on the last page.")] = UNSET
    prev: Annotated[str | UnsetType, Meta(description="Absent on the first page.")] = UNSET


class ProjectPage(msgspec.Struct, kw_only=True):
    """Projects, newest first."""

    links: ProjectLinks
    data: list[ShownProject]


class UpdateProject(msgspec.Struct, kw_only=True):
    """What of a project is to be changed; the rest stays."""

    name: Name | UnsetType = UNSET
    protect_recordings: ProtectRecordings | UnsetType | None = UNSET
    protect_message_media: ProtectMedia | UnsetType | None = UNSET
    protect_fax_media: ProtectFaxes | UnsetType | None = UNSET
    force_https_requests: ForceHttps | UnsetType | None = UNSET


class CreateProject(UpdateProject, kw_only=True):
    """A new subproject; what isn't said is off."""

    name: Name


_PARAMETERS = (
    Parameter(name="name", about="Only those of this name.", schema={"type": "string"}),
    Parameter(
        name="page_number",
        about="The page's number, from 0. Beyond 0 it needs page_token.",
        schema={"type": "integer", "minimum": 0, "default": 0},
    ),
    Parameter(
        name="page_size",
        about="Most projects on the page.",
        schema=paging.SIZE_SCHEMA,
    ),
    Parameter(name="page_token", about="Where the page starts, from a link to it.", schema=paging.TOKEN_SCHEMA),
)


def view(project: Project, signing_key: str | UnsetType = UNSET) -> ShownProject:
    """Return the project as this API shows it."""
    return ShownProject(
        id=project.id,
        name=project.name,
        parent_project_id=project.parent_id,
        subproject=project.parent_id is not None,
        region_preference="us-east",
        protect_recordings="protect_recordings" in project.switches,
        protect_message_media="protect_message_media" in project.switches,
        protect_fax_media="protect_fax_media" in project.switches,
        force_https_requests="force_https_requests" in project.switches,
        created_at=times.iso8601(project.created_at),
        updated_at=times.iso8601(project.updated_at),
        signing_key=signing_key,
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the caller's project and its subprojects."""
    query = http.query(request)
    asked = paging.wanted(query, paging.REST)
    name = query.filled("name")
    mine = request.services.directory.family_of(request.project.id)
    page = await paging.fetch(asked, paging.of_list([each for each in mine if name in (None, each.name)]))
    links = paging.links(page, request.base_url + PATH, paging.given_filters(query, _FILTERS), paging.REST)
    shown = ProjectLinks(
        this=links.this,
        first=links.first,
        next=links.following or UNSET,
        prev=links.previous or UNSET,
    )
    http.reply(response, 200, ProjectPage(links=shown, data=[view(each) for each in page.rows]))


async def create(request: Request, response: Response) -> None:
    """Make a subproject and tell its signing key, this once."""
    body = await http.body(request)
    name, flags = _name(body), _flags(body)
    body.check()
    switches = _switches(flags, frozenset())
    made = await request.services.directory.create_subproject(request.project, name, switches)
    http.reply(response, 201, view(made, made.signing_key))


async def retrieve(request: Request, response: Response, id: str) -> None:
    http.reply(response, 200, view(_find(request, id)))


async def update(request: Request, response: Response, id: str) -> None:
    """Change what is given."""
    body = await http.body(request)
    before = _find(request, id)
    name = _name(body) if "name" in body.values else None
    flags = _flags(body)
    body.check()

    def change(now: Project) -> Project:
        return replace(now, name=now.name if name is None else name, switches=_switches(flags, now.switches))

    http.reply(response, 200, view(await request.services.directory.update_project(before.id, change)))


async def remove(request: Request, response: Response, id: str) -> None:
    """Delete a subproject that has no phone numbers."""
    await request.services.directory.delete_subproject(_find(request, id))
    response.status = 204


async def rotate(request: Request, response: Response, id: str) -> None:
    """Sign with a new key at once, and tell it, this once."""
    rotated = await request.services.directory.rotate_signing_key(_find(request, id).id)
    http.reply(response, 200, view(rotated, rotated.signing_key))


def _name(body: Body) -> str:
    name = body.text("name")
    if name is None and "name" in body:
        return ""  # not a text, which is noted already
    if not is_name(name or "", MAX_NAME_LENGTH):
        body.refuse(
            "name", f"name must be present, with at most {MAX_NAME_LENGTH} characters, and no control characters."
        )
    return name or ""


def _flags(body: Body) -> dict[str, bool | None]:
    return {name: body.flag(name) for name in SWITCHES}


def _switches(given: Mapping[str, bool | None], before: frozenset[str]) -> frozenset[str]:
    """Which are on after this request; one that isn't given, or is null, stays."""
    return frozenset(name for name, on in given.items() if (name in before if on is None else on))


def _find(request: Request, project_id: str) -> Project:
    wanted = http.row_id(project_id)
    for project in request.services.directory.family_of(request.project.id):
        if project.id == wanted:
            return project
    raise NotFound


def routes() -> list[Route]:
    """List, create, get, update, delete, rotate."""
    route = partial(Route, family=Family.PROJECT, scopes=("management",))
    return [
        route(
            method="GET",
            path=PATH,
            operation="list_projects",
            summary="List projects",
            about="Your project and its subprojects.",
            handler=list_all,
            answers={200: ProjectPage},
            query=_PARAMETERS,
        ),
        route(
            method="POST",
            path=PATH,
            operation="create_subproject",
            summary="Create a subproject",
            about="Tokens of your project act on it. Its signing key is in this answer only.",
            handler=create,
            body=CreateProject,
            answers={201: ShownProject},
        ),
        route(
            method="GET",
            path=_ONE,
            operation="get_project",
            summary="Get a project",
            handler=retrieve,
            answers={200: ShownProject},
        ),
        route(
            method="PATCH",
            path=_ONE,
            operation="update_project",
            summary="Update a project",
            handler=update,
            body=UpdateProject,
            answers={200: ShownProject},
        ),
        route(
            method="DELETE",
            path=_ONE,
            operation="delete_subproject",
            summary="Delete a subproject",
            about="Its phone numbers must have gone before. Its tokens, applications and scripts end at once, its "
            "messages are removed soon after.",
            handler=remove,
            answers={204: None},
        ),
        route(
            method="POST",
            path=_ONE + "/signing-key/rotate",
            operation="rotate_signing_key",
            summary="Exchange a project's signing key",
            about="Webhooks are signed with the new key at once. It is in this answer only.",
            handler=rotate,
            answers={200: ShownProject},
        ),
    ]
