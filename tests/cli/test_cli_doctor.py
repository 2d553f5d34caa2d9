"""The doctor: finds each thing that can be wrong, and says nothing is when nothing is."""

import shutil
import socket
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ports
from heliograph import config
from heliograph.cli import checks, local, output
from heliograph.cli.checks import Verdict

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
    cli("init", "--data", data)
    return data


def results(outcome: Any) -> dict[str, str]:
    return {check["check"]: check["result"] for check in outcome.json["checks"]}


def test_a_healthy_deployment_is_called_so(cli: Any, healthy: Path) -> None:
    outcome = cli("doctor", "--data", healthy, "--json")
    assert outcome.code == 0
    assert outcome.json["healthy"] is True
    expected = {"config": "ok", "clock": "ok", "folder": "ok", "disk": "ok", "store": "ok", "server": "note"}
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
