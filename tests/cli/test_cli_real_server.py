"""Commands against a server in a process of its own: what the one prints is what the other answers."""

from collections.abc import Callable

import pytest

from servers import HeliographServer


@pytest.mark.parametrize("public_url", ["", "https://messages.example"])
def test_a_message_is_sent_and_its_timeline_shown(server: Callable[..., HeliographServer], public_url: str) -> None:
    """Commands call the server where it listens, whatever others call it: its secret stays on this machine."""
    node = server(settings={"public_url": public_url})
    data = ("--data", str(node.data))
    sent = node.run("send", *data, "--from", "+12025550101", "--to", "+12065550123", "--body", "Hello")
    shown = node.run("message", *data, sent.split()[1])
    assert shown.splitlines()[1].split()[1:3] == ["state", "queued"]
