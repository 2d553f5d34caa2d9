"""Commands against a server in a process of its own: what the one prints is what the other answers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from servers import HeliographServer

ROUTED = """
simulator = true
[[routes]]
carrier = "loopback"
project = "Alice"
"""


def test_route_of_an_unknown_project_stops_the_start_with_a_sentence(server: Callable[..., HeliographServer]) -> None:
    node = server()
    node.stop()
    file = node.data.parent / "routes.toml"
    file.write_text(ROUTED)
    program = str(Path(sys.executable).with_name("heliograph"))
    serve = [program, "serve", "--data", str(node.data), "--port", "0", "--config", str(file)]
    ended = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "[[routes]]: no project is called 'Alice'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("public_url", ["", "https://messages.example"])
def test_a_message_is_sent_and_its_timeline_shown(server: Callable[..., HeliographServer], public_url: str) -> None:
    """Commands call the server where it listens, whatever others call it: its secret stays on this machine."""
    node = server(settings={"public_url": public_url})
    data = ("--data", str(node.data))
    sent = node.run("send", *data, "--from", "+12025550101", "--to", "+12065550123", "--body", "Hello")
    shown = node.run("message", *data, sent.split()[1])
    assert shown.splitlines()[1].split()[1:3] == ["state", "queued"]
