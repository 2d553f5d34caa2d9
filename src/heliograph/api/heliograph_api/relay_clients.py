"""The Relay clients of a project, as they are connected now."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, times
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.ports import RelayClientStatus

PATH = "/api/heliograph/relay/clients"


class RelayClientShown(msgspec.Struct, kw_only=True):
    """One session."""

    session: Annotated[
        str, Meta(description="As timelines name it.", examples=["0a059168-ead0-41af-9d1f-343dae832527"])
    ]
    agent: Annotated[str, Meta(description="As the client calls itself.", examples=["signalwire-agents-python/1.0"])]
    address: Annotated[str, Meta(examples=["192.0.2.7"])]
    dialect: Annotated[str, Meta(description="signalwire or blade.", examples=["signalwire"])]
    connected_at: Annotated[str, Meta(examples=["2026-11-23T09:30:00Z"])]
    contexts: Annotated[list[str], Meta(description="What it listens to.", examples=[["office"]])]
    sends: Annotated[int, Meta(description="Messages taken from it since it connected.", examples=[12])]
    events: Annotated[int, Meta(description="Events told to it since then.", examples=[40])]
    unacknowledged: Annotated[int, Meta(description="Events that it has not acknowledged yet.", examples=[0])]


class RelayClients(msgspec.Struct, kw_only=True):
    """The sessions of the project, longest connected first."""

    clients: list[RelayClientShown]


async def list_relay_clients(request: Request, response: Response) -> None:
    found = request.services.relay_clients(request.project.id)
    http.reply(response, 200, RelayClients(clients=[_shown(each) for each in found]))


def _shown(client: RelayClientStatus) -> RelayClientShown:
    return RelayClientShown(
        session=client.session,
        agent=client.agent,
        address=client.address,
        dialect=client.dialect,
        connected_at=times.iso8601(client.since),
        contexts=list(client.contexts),
        sends=client.sends,
        events=client.events,
        unacknowledged=client.unacknowledged,
    )


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=PATH,
            family=Family.HELIOGRAPH,
            operation="list_relay_clients",
            summary="Show the project's Relay clients as they are now",
            about="Those that are connected now, with what they listen to and how much they have not acknowledged.",
            handler=list_relay_clients,
            answers={200: RelayClients},
            scopes=("messaging",),
        )
    ]
