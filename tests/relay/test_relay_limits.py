"""Limits of a project, met by its Relay clients."""

from collections.abc import Callable

from relay_client import Relay


def test_rate_of_a_project_holds_for_its_relay_clients_and_over_http(own_relay: Callable[..., Relay]) -> None:
    relay = own_relay(rate_limit_writes=3, rate_limit_seconds=86_400)
    client = relay.client()
    given = {"to_number": "+13125550199", "from_number": relay.number, "body": "x", "context": "c"}
    assert client.call("messaging.send", given)["code"] == "200"
    path = f"/api/laml/2010-04-01/Accounts/{relay.server.credentials.project_id}/Messages"
    form = [("To", "+13125550199"), ("From", relay.number), ("Body", "x")]
    assert relay.server.request("POST", path, form=form).headers["x-ratelimit-remaining"] == "1"
    assert client.call("messaging.send", given)["code"] == "200"
    refused = client.call("messaging.send", given)
    assert (refused["code"], refused["errors"][0]["code"]) == ("429", "rate_limit_exceeded")
    assert relay.server.request("POST", path, form=form).status == 429
