"""`Accounts`: a project, as the cXML API calls it, with the addresses of what belongs to it, and its subprojects."""

from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec

from heliograph.api import http, paging, times
from heliograph.api.cxml import lists
from heliograph.api.cxml.views import ROOT, CxmlPage
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core.directory import Project
from heliograph.core.errors import Fault, refuse
from heliograph.core.texts import is_name

MAX_NAME_LENGTH = 250
_COLLECTION = ROOT + "/Accounts"
_ONE = _COLLECTION + "/{AccountSid}"
_FILTERS = ("FriendlyName",)

_LINKED = {
    "available_phone_numbers": "AvailablePhoneNumbers",
    "applications": "Applications",
    "calls": "Calls",
    "conferences": "Conferences",
    "incoming_phone_numbers": "IncomingPhoneNumbers",
    "queues": "Queues",
    "recordings": "Recordings",
    "messages": "Messages",
    "transcriptions": "Transcriptions",
}
Uuid = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
Name = Annotated[
    str,
    msgspec.Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Warehouse"]),
]


class AccountLinks(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Paths of what belongs to a project; null for what this API does not have at all."""

    available_phone_numbers: str
    applications: str
    calls: str
    conferences: str
    incoming_phone_numbers: str
    queues: str
    recordings: str
    messages: str
    transcriptions: str
    addresses: None = None
    authorized_connect_apps: None = None
    connect_apps: None = None
    keys: None = None
    notifications: None = None
    outgoing_caller_ids: None = None
    sandbox: None = None
    sip: None = None
    short_codes: None = None
    usage: None = None


class Account(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A project. `owner_account_sid` is its parent, or itself where it has none."""

    sid: Uuid
    friendly_name: str
    status: Annotated[str, msgspec.Meta(examples=["active"])] = "active"
    auth_token: Annotated[str, msgspec.Meta(description="Never told: always `redacted`.")] = "redacted"  # noqa: S105
    date_created: Annotated[str, msgspec.Meta(examples=["Mon, 23 Nov 2026 09:30:00 +0000"])]
    date_updated: Annotated[str, msgspec.Meta(examples=["Mon, 23 Nov 2026 09:30:00 +0000"])]
    type: str = "Full"
    owner_account_sid: Uuid
    region_preference: str = "us-east"
    uri: str
    subproject: bool
    signing_key: Annotated[str | None, msgspec.Meta(description="Told only when a project is made.")] = None
    subresource_uris: AccountLinks


class AccountPage(CxmlPage, kw_only=True):
    """Projects, newest first."""

    accounts: list[Account]


class UpdateAccount(msgspec.Struct, kw_only=True, rename="pascal"):
    """What of a project is to be changed."""

    friendly_name: Name | msgspec.UnsetType = msgspec.UNSET


class CreateAccount(msgspec.Struct, kw_only=True, rename="pascal"):
    """A new subproject."""

    friendly_name: Name


def view(project: Project) -> Account:
    """Return the project as the cXML API shows it."""
    uri = f"{ROOT}/Accounts/{project.id}"
    return Account(
        sid=project.id,
        friendly_name=project.name,
        date_created=times.rfc2822(project.created_at),
        date_updated=times.rfc2822(project.updated_at),
        owner_account_sid=project.parent_id or project.id,
        uri=uri,
        subproject=project.parent_id is not None,
        subresource_uris=msgspec.convert({name: f"{uri}/{path}" for name, path in _LINKED.items()}, AccountLinks),
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the caller's project and its subprojects."""
    query = http.query(request)
    asked = paging.wanted(query, paging.CXML)
    name = query.filled("FriendlyName")
    mine = request.services.directory.family_of(request.project.id)
    page = await paging.fetch(asked, paging.of_list([each for each in mine if name in (None, each.name)]))
    place = lists.place(page, _COLLECTION, query, _FILTERS)
    http.reply(response, 200, AccountPage(accounts=[view(each) for each in page.rows], **place))


async def create(request: Request, response: Response) -> None:
    """Make a subproject of the caller's project, and tell its signing key, this once."""
    name = (await http.form(request)).filled("FriendlyName")
    if name is None:
        raise refuse(Fault.PARAMETER_MISSING, "FriendlyName is required.", "FriendlyName")
    made = await request.services.directory.create_subproject(request.project, _fit_name(name))
    told = view(made)
    told.signing_key = made.signing_key
    http.reply(response, 201, told)


async def retrieve(request: Request, response: Response) -> None:
    http.reply(response, 200, view(request.project))


async def update(request: Request, response: Response) -> None:
    """Change the name."""
    given = (await http.form(request)).text("FriendlyName")
    project = request.project
    if given is not None:
        name = _fit_name(given)
        project = await request.services.directory.update_project(project.id, lambda now: replace(now, name=name))
    http.reply(response, 200, view(project))


def _fit_name(name: str) -> str:
    if not is_name(name, MAX_NAME_LENGTH):
        message = f"FriendlyName has 1 to {MAX_NAME_LENGTH} characters, and no control characters."
        raise refuse(Fault.PARAMETER_INVALID, message, "FriendlyName")
    return name


def routes() -> list[Route]:
    """List, create, get, update. The id of an account in a path is checked as every AccountSid is."""
    by_name = Parameter(name="FriendlyName", about="Only those of this name.", schema={"type": "string"})

    route = partial(Route, family=Family.CXML, scopes=("management",))
    return [
        route(
            method="GET",
            path=_COLLECTION,
            operation="list_accounts",
            summary="List accounts",
            about="Your project and its subprojects.",
            handler=list_all,
            answers={200: AccountPage},
            query=lists.page_parameters(by_name),
        ),
        route(
            method="POST",
            path=_COLLECTION,
            operation="create_subproject_account",
            summary="Create a subproject",
            about="Tokens of your project act on it, by its id as AccountSid. Its signing key is in this answer only.",
            handler=create,
            body=CreateAccount,
            answers={201: Account},
        ),
        route(
            method="GET",
            path=_ONE,
            operation="get_account",
            summary="Get an account",
            about="An account is a project: your own or one of its subprojects.",
            handler=retrieve,
            answers={200: Account},
        ),
        route(
            method="POST",
            path=_ONE,
            operation="update_account",
            summary="Update an account",
            handler=update,
            body=UpdateAccount,
            answers={200: Account},
        ),
    ]
