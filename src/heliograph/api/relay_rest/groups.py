"""`number_groups`: numbers that send as one, named by `MessagingServiceSid`."""

import secrets
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest.lists import PageLinks, page_of, page_parameters
from heliograph.api.relay_rest.schemas import Uuid
from heliograph.api.route import Family, Parameter, Route
from heliograph.core.directory import NumberGroup
from heliograph.core.errors import Fault, NotFound
from heliograph.core.ids import Uuid7Generator
from heliograph.core.texts import is_blank, is_name

PATH = "/api/relay/rest/number_groups"
MAX_NAME_LENGTH = 255

_ids = Uuid7Generator(lambda: secrets.randbits(62))

Name = Annotated[
    str, Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Support"])
]
Sticky = Annotated[
    bool,
    Meta(description="Whether a recipient always gets messages from the same number of the group.", examples=[True]),
]


class CreateNumberGroup(msgspec.Struct, kw_only=True):
    """A new group, without numbers."""

    name: Name
    sticky_sender: Sticky | UnsetType | None = UNSET


class UpdateNumberGroup(msgspec.Struct, kw_only=True):
    """What of a group is to be changed; the rest stays."""

    name: Name | UnsetType = UNSET
    sticky_sender: Sticky | UnsetType | None = UNSET


class RelayNumberGroup(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A group of numbers."""

    id: Uuid
    name: Annotated[str, Meta(examples=["Support"])]
    sticky_sender: bool
    phone_number_count: Annotated[int, Meta(description="How many numbers are in it.", examples=[2])]


class NumberGroupPage(msgspec.Struct, kw_only=True):
    """Groups, newest first."""

    links: PageLinks
    data: list[RelayNumberGroup]


def view(request: Request, group: NumberGroup) -> RelayNumberGroup:
    """The group as this API shows it."""
    return RelayNumberGroup(
        id=group.id,
        name=group.name,
        sticky_sender=group.sticky_sender,
        phone_number_count=len(request.services.directory.members_of(group)),
    )


def find(request: Request, group_id: str) -> NumberGroup:
    """A group of the project; raises NotFound."""
    found = request.services.directory.group(request.project.id, http.row_id(group_id))
    if found is None:
        raise NotFound
    return found


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's groups."""
    name = http.query(request).filled("filter_name") or ""
    mine = request.services.directory.groups_of(request.project.id)
    page, links = await page_of(request, [group for group in mine if name in group.name], ("filter_name",))
    http.reply(response, 200, NumberGroupPage(links=links, data=[view(request, row) for row in page.rows]))


async def create(request: Request, response: Response) -> None:
    """Make a group, which has no numbers yet."""
    body = await http.body(request)
    name, sticky = _name(body), body.flag("sticky_sender")
    body.check()
    now = request.services.clock.now()
    made = NumberGroup(
        project_id=request.project.id,
        id=_ids.next(now),
        name=name,
        sticky_sender=bool(sticky),
        created_at=now,
        updated_at=now,
    )
    await request.services.directory.create_group(made)
    http.reply(response, 200, view(request, made))


async def retrieve(request: Request, response: Response, id: str) -> None:
    http.reply(response, 200, view(request, find(request, id)))


async def update(request: Request, response: Response, id: str) -> None:
    """Change what is given."""
    body = await http.body(request)
    before = find(request, id)
    given: dict[str, Any] = {}
    if "name" in body.values:
        given["name"] = _name(body)
    if (sticky := body.flag("sticky_sender")) is not None:
        given["sticky_sender"] = sticky
    body.check()
    after = await request.services.directory.update_group(
        before.project_id, before.id, lambda now: replace(now, **given)
    )
    http.reply(response, 200, view(request, after))


async def remove(request: Request, response: Response, id: str) -> None:
    """Its numbers stay the project's."""
    group = find(request, id)
    if not await request.services.directory.remove_group(group.project_id, group.id):
        raise NotFound
    response.status = 204


def _name(body: Body) -> str:
    """ "" for a name that is none, which is noted."""
    name = body.text("name")
    if name is None and "name" in body:
        return ""  # not a text, which is noted already
    if not name or (len(name) <= MAX_NAME_LENGTH and is_blank(name)):
        body.refuse("name", "name is required, and must not be empty.", Fault.PARAMETER_MISSING)
    elif not is_name(name, MAX_NAME_LENGTH):
        body.refuse("name", f"name has at most {MAX_NAME_LENGTH} characters, and no control characters.")
    return name or ""


def routes() -> list[Route]:
    """List, create, get, update, delete."""
    route = partial(Route, family=Family.RELAY_REST, scopes=("numbers",))
    one = PATH + "/{id}"
    by_name = Parameter(name="filter_name", about="Only those with this in their name.", schema={"type": "string"})
    return [
        route(
            method="GET",
            path=PATH,
            operation="list_number_groups",
            summary="List number groups",
            handler=list_all,
            answers={200: NumberGroupPage},
            query=(by_name, *page_parameters()),
        ),
        route(
            method="POST",
            path=PATH,
            operation="create_number_group",
            summary="Create a number group",
            about="Its id is what `MessagingServiceSid` takes when a message is created.",
            handler=create,
            body=CreateNumberGroup,
            answers={200: RelayNumberGroup},
        ),
        route(
            method="GET",
            path=one,
            operation="retrieve_number_group",
            summary="Get a number group",
            handler=retrieve,
            answers={200: RelayNumberGroup},
        ),
        route(
            method="PUT",
            path=one,
            operation="update_number_group",
            summary="Update a number group",
            handler=update,
            body=UpdateNumberGroup,
            answers={200: RelayNumberGroup},
        ),
        route(
            method="DELETE",
            path=one,
            operation="delete_number_group",
            summary="Delete a number group",
            about="Its memberships go, its numbers stay. A message that names it is refused from then on.",
            handler=remove,
            answers={204: None},
        ),
    ]
