"""`/health` for load balancers and `/metrics` for Prometheus. Neither asks for credentials."""

from typing import Annotated

import msgspec
import prometheus_client

from heliograph import __version__
from heliograph.api import http
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core.errors import StoreUnavailable


class Health(msgspec.Struct, kw_only=True):
    """Whether this server can take messages: `ok`, or `unavailable` while its store does not answer."""

    status: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["ok", "unavailable"]})]
    version: Annotated[str, msgspec.Meta(examples=[__version__])]


async def health(request: Request, response: Response) -> None:
    """200 while the store can be read and written, else 503."""
    response.set_header("Cache-Control", "no-store")
    try:
        await request.services.store.ping()
    except StoreUnavailable:
        response.set_header("Retry-After", "1")
        http.reply(response, 503, Health(status="unavailable", version=__version__))
        return
    http.reply(response, 200, Health(status="ok", version=__version__))


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
