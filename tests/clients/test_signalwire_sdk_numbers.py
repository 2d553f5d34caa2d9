"""`signalwire-sdk`: its calls for each handler of a number's calls."""

from collections.abc import Iterator
from typing import Any

import pytest
import sessions
from sessions import SdkError, Session

from servers import HeliographServer


@pytest.fixture
def sdk(plain_server: HeliographServer) -> Iterator[Session]:
    """A session with the first project's credentials."""
    known = plain_server.credentials
    host = plain_server.base_url.removeprefix("http://")
    session = sessions.signalwire_sdk(host, known.project_id, known.api_token)
    yield session
    session.close()


@pytest.fixture
def bought(sdk: Session) -> Iterator[dict[str, Any]]:
    """A number out of the inventory, which goes back there."""
    free = sdk.call("phone_numbers.search", max_results=1)["data"][0]["number"]
    made = sdk.call("phone_numbers.create", number=free)
    assert made["number"] == free
    yield made
    assert sdk.call("phone_numbers.delete", positional=[made["id"]]) == {}


def test_who_gets_its_calls_is_kept(sdk: Session, bought: dict[str, Any]) -> None:
    """The SDK has a call for each handler; nothing is called here, and what was set is shown."""
    one, url = [bought["id"]], "https://example.com/calls"
    agent = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

    def shown(changed: dict[str, Any], *names: str) -> list[Any]:
        return [changed["call_handler"], *(changed[name] for name in names)]

    changed = sdk.call("phone_numbers.set_swml_webhook", positional=one, url=url)
    assert shown(changed, "call_relay_script_url") == ["relay_script", url]
    changed = sdk.call("phone_numbers.set_cxml_webhook", positional=one, url=url, fallback_url=f"{url}/2")
    assert shown(changed, "call_request_url", "call_fallback_url") == ["laml_webhooks", url, f"{url}/2"]
    changed = sdk.call("phone_numbers.set_relay_application", positional=one, name="desk")
    assert shown(changed, "call_relay_application") == ["relay_application", "desk"]
    changed = sdk.call("phone_numbers.set_relay_topic", positional=one, topic="office", status_callback_url=url)
    names = ("call_relay_topic", "call_relay_topic_status_callback_url")
    assert shown(changed, *names) == ["relay_topic", "office", url]
    assert shown(sdk.call("phone_numbers.set_ai_agent", positional=one, agent_id=agent)) == ["ai_agent"]
    assert shown(sdk.call("phone_numbers.set_call_flow", positional=one, flow_id=agent)) == ["call_flow"]
    with pytest.raises(SdkError) as refused:
        sdk.call("phone_numbers.set_cxml_application", positional=one, application_id=agent)
    assert "call_laml_application_id" in refused.value.given["body"]["errors"][0]["detail"]
