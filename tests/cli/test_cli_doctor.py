"""The doctor: finds each thing that can be wrong, and says nothing is when nothing is."""

import errno
import fcntl
import shutil
import socket
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ports
from heliograph import config
from heliograph.carrier_config import Deployment, Topology
from heliograph.cli import checks, local, mounts, output
from heliograph.cli.checks import Verdict
from heliograph.storage.lock import FolderLock

GOOD_TIME = checks.CLOCK_FROM
"""A time that can be, and that is past wherever this runs."""


class SetClock:
    def __init__(self, now: int = GOOD_TIME, reads: tuple[float, ...] = ()) -> None:
        self._now = now
        self._reads = list(reads)

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._reads.pop(0) if self._reads else 10.0


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def healthy(cli: Any, app: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An initialised folder on a machine with space, its port free."""
    monkeypatch.setenv("HELIOGRAPH_PORT", str(ports.reserve()))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**39, 2**39))
    monkeypatch.setattr(checks, "health_of", lambda url: {"status": "ok", "version": "0.1.0"})
    monkeypatch.setattr(checks, "running_carriers", lambda _: {"carriers": []})
    cli("init", "--data", data)
    return data


def results(outcome: Any) -> dict[str, str]:
    return {check["check"]: check["result"] for check in outcome.json["checks"]}


def test_a_healthy_deployment_is_called_so(cli: Any, healthy: Path) -> None:
    outcome = cli("doctor", "--data", healthy, "--json")
    assert outcome.code == 0
    assert outcome.json["healthy"] is True
    expected = dict.fromkeys(("config", "clock", "folder", "lock", "disk", "store"), "ok") | {"server": "note"}
    assert results(outcome) == expected
    human = cli("doctor", "--data", healthy)
    assert human.code == 0
    assert f"`heliograph serve --data {healthy}` starts one." in human.out


def test_a_running_server_is_found(cli: Any, healthy: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        local.announce(healthy, f"http://127.0.0.1:{listener.getsockname()[1]}", "s")
        assert results(cli("doctor", "--data", healthy, "--json"))["server"] == "ok"
    outcome = cli("doctor", "--data", healthy)
    assert "left by one that was killed" in outcome.out


def test_a_taken_port_is_wrong(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        monkeypatch.setenv("HELIOGRAPH_PORT", str(listener.getsockname()[1]))
        outcome = cli("doctor", "--data", healthy, "--json")
    assert outcome.code == output.FAILED
    assert results(outcome)["server"] == "wrong"


def test_the_port_for_smpp_is_tried_where_one_is_set(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def verdict(port: int) -> tuple[str | None, int]:
        monkeypatch.setenv("HELIOGRAPH_SMPP_PORT", str(port))
        outcome = cli("doctor", "--data", healthy, "--json")
        return results(outcome).get("smpp"), outcome.code

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        used = listener.getsockname()[1]
        assert verdict(0) == (None, 0)
        assert verdict(ports.reserve()) == ("ok", 0)
        assert verdict(used) == ("wrong", output.FAILED)
        local.announce(healthy, f"http://127.0.0.1:{used}", "s")
        assert verdict(used) == ("ok", 0)
        assert verdict(ports.reserve()) == ("wrong", output.FAILED)


def test_a_missing_folder_is_wrong_and_not_made(cli: Any, app: Any, data: Path) -> None:
    outcome = cli("doctor", "--data", data, "--json")
    assert outcome.code == output.FAILED
    assert outcome.json["healthy"] is False
    assert results(outcome)["folder"] == results(outcome)["store"] == "wrong"
    assert not data.exists()


def test_a_store_that_fails_is_wrong(cli: Any, app: Any, healthy: Path) -> None:
    app.broken = True
    outcome = cli("doctor", "--data", healthy)
    assert outcome.code == output.FAILED
    assert "BAD   store: the store in" in outcome.out
    assert "no route" in outcome.out


def test_an_empty_store_is_noted(cli: Any, healthy: Path, app: Any) -> None:
    app.store.projects.clear()
    outcome = cli("doctor", "--data", healthy, "--json")
    assert outcome.code == 0
    assert results(outcome)["store"] == "note"


def test_a_wrong_setting_is_wrong(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_PORT", "http")
    outcome = cli("doctor", "--data", healthy, "--json")
    assert outcome.code == output.FAILED
    assert results(outcome) == {"config": "wrong", "clock": "ok"}


def test_a_database_that_does_not_answer_is_wrong(cli: Any, healthy: Path) -> None:
    url = f"postgresql://me:hunter2@127.0.0.1:{ports.reserve()}/sms"
    outcome = cli("doctor", "--data", healthy, "--database-url", url, "--json")
    assert outcome.code == output.FAILED
    assert results(outcome)["database clock"] == "wrong"
    assert "hunter2" not in outcome.out


def test_the_databases_clock_is_compared(
    cli: Any, healthy: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert results(cli("doctor", "--data", healthy, "--database-url", database_url, "--json"))["database clock"] == "ok"
    monkeypatch.setattr(checks, "SystemClock", lambda: SetClock())
    outcome = cli("doctor", "--data", healthy, "--database-url", database_url, "--json")
    assert outcome.code == output.FAILED
    assert results(outcome)["database clock"] == "wrong"


@pytest.mark.parametrize(
    ("free", "verdict"),
    [(2**20, Verdict.WRONG), (checks.DISK_WRONG_BYTES, Verdict.NOTE), (checks.DISK_NOTE_BYTES, Verdict.GOOD)],
)
def test_little_space_is_noted_and_less_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**40, 2**40 - free, free))
    assert checks.disk(config.load({"data": str(tmp_path)}, {})).verdict is verdict


@pytest.mark.parametrize(
    ("clock", "verdict"),
    [
        (SetClock(), Verdict.GOOD),
        (SetClock(now=0), Verdict.WRONG),
        (SetClock(now=checks.CLOCK_BEFORE), Verdict.WRONG),
        (SetClock(reads=(3.0, 2.0)), Verdict.WRONG),
    ],
)
def test_a_clock_that_can_not_be_is_wrong(clock: SetClock, verdict: Verdict) -> None:
    assert checks.clock(clock).verdict is verdict


def test_certificate_and_key_must_fit(cli: Any, tmp_path: Path) -> None:
    files = cli("dev-cert", "--data", tmp_path / "a", "--json").json
    other = cli("dev-cert", "--data", tmp_path / "b", "--json").json

    def verdict(**flags: str) -> Verdict:
        return checks.settings(config.load(flags, {})).verdict

    assert verdict(tls_cert=files["certificate"], tls_key=files["key"]) is Verdict.GOOD
    assert verdict(tls_cert=files["certificate"], tls_key=other["key"]) is Verdict.WRONG
    assert verdict(tls_cert=files["certificate"]) is Verdict.WRONG
    assert verdict(smpp_tls_cert=files["certificate"], smpp_tls_key=files["key"]) is Verdict.GOOD
    assert verdict(smpp_tls_key=files["key"]) is Verdict.WRONG
    assert verdict(tls_cert=str(tmp_path / "none"), tls_key=files["key"]) is Verdict.WRONG


def test_a_folder_that_can_not_be_written_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    finding = checks.writable(config.load({"data": str(tmp_path)}, {}))
    assert finding.verdict is Verdict.WRONG
    assert "Permission denied" in finding.text


# -- the folder's lock and file system


def test_a_lock_without_a_server_is_wrong(cli: Any, healthy: Path) -> None:
    lock = FolderLock(healthy)
    lock.take()
    try:
        outcome = cli("doctor", "--data", healthy, "--json")
        assert results(outcome)["lock"] == "wrong" and outcome.code == output.FAILED
        local.announce(healthy, "http://127.0.0.1:1", "s")
        assert results(cli("doctor", "--data", healthy, "--json"))["lock"] == "ok"
    finally:
        lock.release()


def test_a_file_system_without_locks_is_wrong(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    outcome = cli("doctor", "--data", healthy)
    assert outcome.code == output.FAILED and "No locks available" in outcome.out


@pytest.mark.parametrize(
    ("kind", "noted"),
    [("nfs4", True), ("cifs", True), ("9p", True), ("fuse.sshfs", True), ("ext4", False), ("fuseblk", False)],
)
def test_a_network_file_system_is_noted(
    cli: Any, healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, noted: bool
) -> None:
    place = str(healthy.resolve()).replace(" ", "\\040")
    lines = [
        "22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/root rw",
        f"23 22 0:22 / {place} rw - tmpfs tmpfs rw",
        f"24 22 0:23 / {place} rw - {kind} host:/x rw",
        "25 22 0:24 / /proc rw - proc proc rw",
    ]
    (tmp_path / "mountinfo").write_text("\n".join(lines))
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "mountinfo")
    outcome = cli("doctor", "--data", healthy)
    assert (f"is on a network file system ({kind})" in outcome.out) == noted
    assert outcome.code == 0


def test_a_full_disk_is_told_as_one(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    assert "Free some space on its disk." in cli("doctor", "--data", healthy).out


# -- variables, carriers, hold


def test_a_misspelt_variable_is_named(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_PRT", "1")
    assert "HELIOGRAPH_PRT sets nothing" in cli("doctor", "--data", healthy).out
    told = cli("token", "list", "--data", healthy)
    assert told.code == 0 and "HELIOGRAPH_PRT sets nothing; perhaps HELIOGRAPH_PORT was meant" in told.err


def carriers_file(folder: Path, port: int) -> Path:
    file = folder / "heliograph.toml"
    lines = ["[[carriers]]", 'name = "acme"', f'hosts = ["127.0.0.1:{port}"]', 'system_id = "h"', 'password = "p"']
    file.write_text("\n".join(lines))
    return file


def test_a_carrier_is_tried_where_no_server_runs(cli: Any, healthy: Path, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        file = carriers_file(tmp_path, listener.getsockname()[1])
        assert results(cli("doctor", "--data", healthy, "--config", file, "--json"))["carrier acme"] == "note"
    outcome = cli("doctor", "--data", healthy, "--config", file)
    assert outcome.code == output.FAILED
    assert "BAD   carrier acme: 127.0.0.1" in outcome.out and "Connection refused" in outcome.out


@pytest.mark.parametrize(
    ("status", "verdict", "said"),
    [
        ({"available": True, "binds": []}, "ok", "takes messages"),
        ({"available": False, "binds": [{"state": "bound", "error": None}]}, "ok", "throttled"),
        ({"available": False, "binds": [{"state": "waiting", "error": "refused"}] * 2}, "wrong", "down: refused"),
        ({"available": False, "binds": []}, "wrong", "takes no messages"),
    ],
)
def test_the_running_servers_carriers_are_told(
    healthy: Path, monkeypatch: pytest.MonkeyPatch, status: dict[str, Any], verdict: str, said: str
) -> None:
    monkeypatch.setattr(checks, "running_carriers", lambda _: {"carriers": [{"name": "acme", **status}]})
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        local.announce(healthy, f"http://127.0.0.1:{listener.getsockname()[1]}", "s")
        (found,) = checks.carriers(Deployment(config=config.load({"data": str(healthy)}, {}), topology=Topology()))
    assert (found.name, found.verdict.value) == ("carrier acme", verdict)
    assert said in found.text


def test_nothing_of_the_folder_is_changed(cli: Any, healthy: Path) -> None:
    before = {path.name: path.read_bytes() for path in healthy.iterdir() if path.is_file()}
    cli("doctor", "--data", healthy)
    assert {path.name: path.read_bytes() for path in healthy.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("health", "said"),
    [(None, "does not answer /health"), ({"status": "unavailable", "reason": "the disk is full"}, "the disk is full")],
)
def test_a_running_server_that_can_not_take_messages_is_wrong(
    cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch, health: dict[str, Any] | None, said: str
) -> None:
    monkeypatch.setattr(checks, "health_of", lambda url: health)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        local.announce(healthy, f"http://127.0.0.1:{listener.getsockname()[1]}", "s")
        outcome = cli("doctor", "--data", healthy)
    assert outcome.code == output.FAILED and said in outcome.out


def test_a_server_that_holds_is_noted(cli: Any, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "health_of", lambda url: {"status": "ok", "hold": True})
    local.announce(healthy, "http://127.0.0.1:1", "s")
    assert "note  hold: the running server holds" in cli("doctor", "--data", healthy).out
