"""The file read again: by a source with files of its own, and by a server in a process of its own."""

import signal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from heliograph import carrier_config
from heliograph.carrier_config import Difference, Topology
from heliograph.reloading import Source
from servers import HeliographServer, ServerFactory, wait_until

CARRIER = """
[[carriers]]
name = "{name}"
hosts = "smpp.example:2775"
system_id = "helio"
password = "s3cret"
window = {window}
"""
ACME = CARRIER.format(name="acme", window=10)
BELL = CARRIER.format(name="bell", window=10)


class Ground:
    """A file, and a source that has read it once. `applied` is what it was told to do since."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self.applied: list[tuple[Topology, Difference]] = []
        self.write(text)
        self.source = Source(carrier_config.load({}, {}, file), self._again)

    def _again(self, running: carrier_config.Deployment) -> carrier_config.Deployment:
        return carrier_config.load({}, {}, self._file, simulator=running.topology.simulator)

    def write(self, text: str) -> None:
        self._file.write_text(text)

    def reload(self, text: str) -> Any:
        """The one line of log that a reload with this file leaves."""
        self.write(text)
        with capture_logs() as logged:
            self.source.reload(lambda topology, differs: self.applied.append((topology, differs)))
        (line,) = logged
        assert "s3cret" not in str(line)
        return line


def ground(tmp_path: Path, text: str) -> Ground:
    return Ground(tmp_path / "heliograph.toml", text)


def test_what_differs_is_applied_and_told(tmp_path: Path) -> None:
    here = ground(tmp_path, ACME + BELL)
    third = CARRIER.format(name="third", window=10)
    line = here.reload(CARRIER.format(name="acme", window=20) + third + '[[routes]]\ncarrier = "acme"')
    assert line == {
        "event": "config.reloaded",
        "log_level": "info",
        "carriers_added": ["third"],
        "carriers_removed": ["bell"],
        "carriers_changed": {"acme": ["window"]},
        "routes_changed": True,
        "rates_changed": False,
        "inventory_changed": False,
        "restart_needed_for": [],
    }
    ((topology, differs),) = here.applied
    assert topology == here.source.running.topology
    assert [carrier.name for carrier in topology.carriers] == ["acme", "third"]
    assert [change.after.window for change in differs.changed] == [20]


@pytest.mark.parametrize("broken", ["[[carriers", ACME + "window_max = 0", ACME + ACME, "port = 70000", "prot = 1"])
def test_a_broken_file_changes_nothing(tmp_path: Path, broken: str) -> None:
    here = ground(tmp_path, ACME)
    before = here.source.running
    line = here.reload(broken)
    assert (line["event"], line["log_level"]) == ("config.refused", "error")
    assert line["reason"].startswith(str(tmp_path / "heliograph.toml"))
    assert (here.applied, here.source.running) == ([], before)
    assert here.reload(ACME + BELL)["carriers_added"] == ["bell"]


def test_topology_that_can_not_be_applied_is_refused(tmp_path: Path) -> None:
    here = ground(tmp_path, ACME)
    before = here.source.running

    def refuse(topology: Topology, differs: Difference) -> None:
        raise carrier_config.ConfigError("no project is called 'Alice'")

    here.write(ACME + BELL)
    with capture_logs() as logged:
        here.source.reload(refuse)
    assert [(line["event"], line["reason"]) for line in logged] == [("config.refused", "no project is called 'Alice'")]
    assert here.source.running == before


def test_a_file_that_has_gone_changes_nothing(tmp_path: Path) -> None:
    here = ground(tmp_path, ACME)
    (tmp_path / "heliograph.toml").unlink()
    with capture_logs() as logged:
        here.source.reload(lambda topology, differs: here.applied.append((topology, differs)))
    assert ([line["event"] for line in logged], here.applied) == (["config.refused"], [])


def test_plain_settings_are_named_until_a_restart(tmp_path: Path) -> None:
    here = ground(tmp_path, "port = 1\n" + ACME)
    assert here.reload('port = 2\nlog_level = "error"\n' + ACME)["restart_needed_for"] == ["port", "log_level"]
    assert here.applied == []
    assert here.reload("port = 2\n" + ACME + BELL)["restart_needed_for"] == ["port"]
    assert here.source.running.config.port == 1


def test_the_simulated_carrier_comes_and_goes_with_a_restart_only(tmp_path: Path) -> None:
    here = ground(tmp_path, "simulator = false\n" + ACME)
    line = here.reload("simulator = true\n" + ACME + '[[routes]]\ncarrier = "loopback"')
    assert line["event"] == "config.refused"
    assert "the setting simulator is off" in line["reason"]
    assert here.reload("simulator = true\n" + ACME)["restart_needed_for"] == ["simulator"]
    assert here.source.running.topology.simulator is False


# -- a real server


def reloaded(node: HeliographServer, event: str) -> str:
    """The line that says how the next reload went."""
    before = node.log().count(event)
    node.signal(signal.SIGHUP)
    wait_until(lambda: node.log().count(event) > before, f"{event} in the log")
    return next(line for line in reversed(node.log().splitlines()) if event in line)


def test_a_server_reads_its_file_again(server: ServerFactory, tmp_path: Path) -> None:
    file = tmp_path / "heliograph.toml"
    routed = '\n[[routes]]\ncarrier = "{}"\n'
    file.write_text(routed.format("loopback"))
    node = server(config=file, settings={"log_format": "json"})
    explain = ("route", "explain", "--data", str(node.data), "--config", str(file), "--from", "+12025550101",
               "--to", "+12065550123")  # fmt: skip
    assert "1. loopback  rule 1" in node.run(*explain)

    file.write_text("[[routes]]\ncarrier = 5\n")
    refused = reloaded(node, "config.refused")
    assert "[[routes]] 1: carrier: 5 is not a text" in refused
    assert node.request("GET", "/health").status == 200

    file.write_text("port = 1\n" + routed.format("loopback") + "priority = 3\n")
    told = reloaded(node, "config.reloaded")
    assert '"routes_changed": true' in told
    assert "priority 3" in node.run(*explain)
    sent = node.request("POST", "/api/messaging/messages", json_body=a_message())
    assert sent.status == 201
    assert node.stop() == 0


def test_without_a_file_a_hang_up_stops_the_server(server: ServerFactory) -> None:
    node = server()
    node.signal(signal.SIGHUP)
    wait_until(lambda: "server.stopping" in node.log(), "the stop")
    assert node.stop() == 0


def a_message() -> dict[str, str]:
    return {"from": "+12025550101", "to": "+12065550123", "body": "Hello"}
