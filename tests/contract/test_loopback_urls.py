"""A server that is not to call its own machine (contract, section 8)."""

import pytest

from caller import Caller

SETTINGS = {"allow_loopback_urls": False}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "017700000001",
        "[::1]",
        "a.localhost",
    ],
)
def test_every_spelling_of_this_machine_is_refused(api: Caller, host: str) -> None:
    url = f"http://{host}:8080/a"
    assert api.refusal(StatusCallback=url) == (422, 21402)
    assert api.refusal(MediaUrl=url) == (422, 21620)
    assert api.rest_faults(media=[url], status_callback=url) == (422, ["url_is_unsafe", "url_is_unsafe"])
    reply = api.ask("POST", api.number()["uri"], form={"SmsUrl": url})
    assert (reply.status, reply.json()["code"]) == (422, 21402)
