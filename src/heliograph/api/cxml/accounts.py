"""`Accounts`: a project, as the cXML API calls it, with the addresses of what belongs to it."""

from typing import Annotated

import msgspec

from heliograph.api import http, times
from heliograph.api.cxml.views import ROOT
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core.directory import Project

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


async def retrieve(request: Request, response: Response) -> None:
    http.reply(response, 200, view(request.project))


def routes() -> list[Route]:
    """The account's one operation. Its id in the path is checked as every AccountSid is."""
    return [
        Route(
            method="GET",
            path=ROOT + "/Accounts/{AccountSid}",
            family=Family.CXML,
            operation="get_account",
            summary="Get an account",
            about="An account is a project: your own or one of its subprojects.",
            handler=retrieve,
            answers={200: Account},
            scopes=("management",),
        )
    ]
