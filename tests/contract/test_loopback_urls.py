"""A server that is not to call its own machine, and may call a private network (contract, section 8)."""

import pytest

from caller import Caller

SETTINGS = {"allow_loopback_urls": False, "allow_networks": "10.0.0.0/8, fd12:3456::/32"}


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


@pytest.mark.parametrize("host", ["10.1.2.3", "167838211", "[::ffff:10.1.2.3]", "[fd12:3456::1]"])
def test_addresses_in_an_allowed_network_are_taken(api: Caller, host: str) -> None:
    url = f"http://{host}:3000/sms"
    assert api.ask("POST", api.number()["uri"], form={"SmsUrl": url}).status == 200
    assert api.ask("POST", api.number()["uri"], form={"SmsUrl": ""}).status == 200


@pytest.mark.parametrize(
    "host",
    ["172.18.0.3", "192.168.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192", "[fd00:ec2::254]", "[fe80::1]"],
)
def test_other_private_addresses_are_refused_with_the_setting_that_allows_them(api: Caller, host: str) -> None:
    url = f"http://{host}/a"
    assert api.refusal(StatusCallback=url) == (422, 21402)
    reply = api.ask("POST", api.number()["uri"], form={"SmsUrl": url})
    assert reply.status == 422 and "allow_networks" in reply.json()["message"]
