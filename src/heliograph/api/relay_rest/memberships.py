"""`number_group_memberships`: which numbers are in a group."""

import secrets
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, times
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest import groups
from heliograph.api.relay_rest.lists import PageLinks, page_of, page_parameters
from heliograph.api.relay_rest.schemas import Uuid, When
from heliograph.api.route import Family, Route
from heliograph.core import ids
from heliograph.core.directory import Membership, Number
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.ports import AlreadyMember

OF_GROUP = groups.PATH + "/{NumberGroupId}/number_group_memberships"
PATH = "/api/relay/rest/number_group_memberships"

_ids = Uuid7Generator(lambda: secrets.randbits(62))


class AddMembership(msgspec.Struct, kw_only=True):
    """A number that is to join."""

    phone_number_id: Annotated[Uuid, Meta(description="A phone number of the project.")]


class MemberNumber(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The number, as far as a membership tells of it."""

    id: Uuid
    name: Annotated[str, Meta(description="Absent for a number without one.", examples=["Support"])] | UnsetType = UNSET
    number: Annotated[str, Meta(examples=["+12025550101"])]
    capabilities: Annotated[list[str], Meta(examples=[["voice", "sms", "mms", "fax"]])]


class NumberGroupMembership(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A number's place in a group."""

    id: Uuid
    number_group_id: Uuid
    phone_number: MemberNumber
    created_at: When
    updated_at: When


class MembershipPage(msgspec.Struct, kw_only=True):
    """Memberships, newest first."""

    links: PageLinks
    data: list[NumberGroupMembership]


def view(membership: Membership, number: Number) -> NumberGroupMembership:
    """The membership as this API shows it."""
    return NumberGroupMembership(
        id=membership.id,
        number_group_id=membership.group_id,
        phone_number=MemberNumber(
            id=number.id,
            name=number.name or UNSET,
            number=number.number,
            capabilities=list(number.capabilities),
        ),
        created_at=times.iso8601(membership.created_at),
        updated_at=times.iso8601(membership.updated_at),
    )


async def list_all(request: Request, response: Response, number_group_id: str) -> None:
    """Answer with a page of a group's memberships."""
    group = groups.find(request, number_group_id)
    page, links = await page_of(request, request.services.directory.memberships_of(group))
    shown = [view(row, number) for row in page.rows if (number := _number(request, row.number_id)) is not None]
    http.reply(response, 200, MembershipPage(links=links, data=shown))


async def create(request: Request, response: Response, number_group_id: str) -> None:
    """Take a number into a group."""
    body = await http.body(request)
    group = groups.find(request, number_group_id)
    number = _wanted(request, body)
    now = request.services.clock.now()
    made = Membership(
        project_id=group.project_id,
        id=_ids.next(now),
        group_id=group.id,
        number_id=number.id,
        created_at=now,
        updated_at=now,
    )
    try:
        await request.services.directory.add_membership(made)
    except AlreadyMember:
        raise refuse(Fault.PARAMETER_INVALID, "phone_number_id is in this group already.", "phone_number_id") from None
    http.reply(response, 200, view(made, number))


async def retrieve(request: Request, response: Response, id: str) -> None:
    http.reply(response, 200, view(*_find(request, id)))


async def remove(request: Request, response: Response, id: str) -> None:
    """Take a number out of a group; it stays the project's."""
    membership, _ = _find(request, id)
    if not await request.services.directory.remove_membership(membership.project_id, membership.id):
        raise NotFound
    response.status = 204


def _wanted(request: Request, body: Body) -> Number:
    """The project's number that the body names; raises Refused."""
    given = body.text("phone_number_id")
    body.check()
    if not given:
        raise refuse(Fault.PARAMETER_MISSING, "phone_number_id is required.", "phone_number_id")
    number = _number(request, given) if ids.is_uuid(given) else None
    if number is None:
        raise refuse(
            Fault.PARAMETER_INVALID, "phone_number_id must be a phone number of this project.", "phone_number_id"
        )
    return number


def _find(request: Request, membership_id: str) -> tuple[Membership, Number]:
    found = request.services.directory.membership(request.project.id, http.row_id(membership_id))
    number = _number(request, found.number_id) if found else None
    if found is None or number is None:
        raise NotFound
    return found, number


def _number(request: Request, number_id: str) -> Number | None:
    return request.services.directory.number(request.project.id, number_id)


def routes() -> list[Route]:
    """List and create below a group; get and delete on their own."""
    route = partial(Route, family=Family.RELAY_REST, scopes=("numbers",))
    return [
        route(
            method="GET",
            path=OF_GROUP,
            operation="list_number_group_memberships",
            summary="List a group's memberships",
            handler=list_all,
            answers={200: MembershipPage},
            query=page_parameters(),
        ),
        route(
            method="POST",
            path=OF_GROUP,
            operation="create_number_group_membership",
            summary="Add a number to a group",
            about="A number is in a group once, and may be in several. It leaves them when it is released or moved.",
            handler=create,
            body=AddMembership,
            answers={200: NumberGroupMembership},
        ),
        route(
            method="GET",
            path=PATH + "/{id}",
            operation="retrieve_number_group_membership",
            summary="Get a membership",
            handler=retrieve,
            answers={200: NumberGroupMembership},
        ),
        route(
            method="DELETE",
            path=PATH + "/{id}",
            operation="delete_number_group_membership",
            summary="Remove a number from a group",
            handler=remove,
            answers={204: None},
        ),
    ]
