"""`/health` for load balancers and `/metrics` for Prometheus. Neither asks for credentials."""

from typing import Annotated

import msgspec
import prometheus_client

from heliograph import __version__
from heliograph.api import http
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route


class Health(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Whether this server can take messages: `ok`, or `unavailable` with the reason. `hold`: it was started to act on
    nothing (`serve --hold`)."""

    status: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["ok", "unavailable"]})]
    version: Annotated[str, msgspec.Meta(examples=[__version__])]
    reason: str | None = None
    hold: bool = False


async def health(request: Request, response: Response) -> None:
    """200 while the store can be read and written and the disk has room, else 503. The answer may be a second old
    (`health_seconds`)."""
    response.set_header("Cache-Control", "no-store")
    services = request.services
    reason = (await services.health.condition()).reason
    hold = bool(services.config.hold)
    if reason is not None:
        response.set_header("Retry-After", "1")
        unavailable = Health(status="unavailable", version=__version__, reason=reason, hold=hold)
        http.reply(response, 503, unavailable)
        return
    http.reply(response, 200, Health(status="ok", version=__version__, hold=hold))


async def metrics(request: Request, response: Response) -> None:
    """The counters as Prometheus reads them."""
    response.content_type = prometheus_client.CONTENT_TYPE_LATEST
    response.data = request.services.metrics.render()


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path="/health",
            family=Family.SYSTEM,
            operation="health",
            summary="Whether the server can take messages",
            handler=health,
            answers={200: Health, 503: Health},
            public=True,
        ),
        Route(
            method="GET",
            path="/metrics",
            family=Family.SYSTEM,
            operation="metrics",
            summary="Counters for Prometheus",
            handler=metrics,
            answers={200: None},
            public=True,
        ),
    ]
