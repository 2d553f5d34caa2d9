"""Handlers' requests for documents, those that are scripts of our own answered without a connection.

So a script works as a number's `SmsUrl` wherever the server runs: behind a proxy that it can't reach itself from
within, with a certificate that it does not trust, on an address that it would not call for a client. And a store that
can't be read for a while holds up an answer, where over HTTP it would be a fault of the handler.
"""

from collections.abc import Awaitable, Callable, Mapping

from heliograph.core.errors import NotFound
from heliograph.core.ids import is_uuid
from heliograph.engine.scripts import Scripts
from heliograph.ports import HttpRequest, HttpResponse, Webhooks
from heliograph.wire import forms
from heliograph.wire.mustache import RenderedTooLarge

SCRIPTS_PATH = "/laml-bins/"
Persist = Callable[[Callable[[], Awaitable[bytes]]], Awaitable[bytes]]
XML = "application/xml; charset=utf-8"


def own_script(url: str, own_url: str) -> str | None:
    """The id of the script that a URL is the address of, on the server that is found at `own_url`."""
    bare = url.partition("#")[0].partition("?")[0]
    script_id = bare.removeprefix(own_url + SCRIPTS_PATH)
    return script_id.lower() if own_url and script_id != bare and is_uuid(script_id) else None


class OwnDocuments:
    """A `Webhooks` before another one, which has all requests but those for our scripts. `persist` asks again until the
    store can be read."""

    def __init__(self, others: Webhooks, scripts: Scripts, own_url: Callable[[], str], persist: Persist) -> None:
        self._others = others
        self._scripts = scripts
        self._own_url = own_url
        self._persist = persist

    async def request(self, request: HttpRequest) -> HttpResponse:
        script_id = own_script(request.url, self._own_url())
        if script_id is None:
            return await self._others.request(request)
        status, body = await self._answer(script_id, request)
        headers = {"Content-Type": XML} if status == 200 else {}
        return HttpResponse(status=status, headers=headers, body=body, url=request.url.partition("#")[0])

    async def _answer(self, script_id: str, request: HttpRequest) -> tuple[int, bytes]:
        """What the public address would say."""
        query = request.whole_url.partition("#")[0].partition("?")[2]
        try:
            values = last_values(forms.parse(query.encode())) | last_values(forms.parse(request.body or b""))
            return 200, await self._persist(lambda: self._scripts.document(script_id, values))
        except NotFound:
            return 404, b""
        except (forms.FormError, RenderedTooLarge):
            return 422, b""


def last_values(fields: Mapping[str, list[str]]) -> dict[str, str]:
    """Each name with the value that counts."""
    return {name: given[-1] for name, given in fields.items()}
