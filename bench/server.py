"""A Heliograph server with one more route: a POST that takes the same form and keeps nothing.

``python -m bench.server`` takes its settings from HELIOGRAPH_ variables. It is the whole server with all its tasks.
The route goes through everything that a create goes through up to its handler (HTTP, routing, credentials, account,
rate, the form read and parsed) and answers with as many bytes as a message has, so that what a create costs more is
the price of judging it and keeping it.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from heliograph import app, config
from heliograph.api import http
from heliograph.api.cxml import views
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.cli import local
from heliograph.engine.provision import Provisioned

PATH = views.ROOT + "/Accounts/{AccountSid}/Nothing"
ANSWER_BYTES = 820
_ANSWER = b'{"nothing":"' + b"-" * (ANSWER_BYTES - 14) + b'"}'


async def do_nothing(request: Request, response: Response) -> None:
    await http.form(request)
    response.status = 201
    response.data = _ANSWER


ROUTE = Route(
    method="POST",
    path=PATH,
    family=Family.CXML,
    operation="do_nothing",
    summary="Read a form and keep nothing",
    handler=do_nothing,
    answers={201: None},
    scopes=("messaging",),
)


class Front:
    """The bench initialises its stores before it starts a server, and reads the port that the server took from
    `server.json`."""

    def prepare(self) -> None:
        Path(_CONFIG.data).mkdir(parents=True, exist_ok=True)

    def keep(self, made: Provisioned) -> None:
        pass

    def greet(self, greeting: app.Greeting) -> None:
        pass

    def announce(self, own_url: str, local_secret: str) -> Callable[[], None]:
        local.announce(Path(_CONFIG.data), own_url, local_secret)
        return lambda: None


if __name__ == "__main__":
    _CONFIG = config.load({})
    sys.exit(app.serve(_CONFIG, Front(), [ROUTE]))
