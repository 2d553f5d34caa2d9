"""Starting a server: its ports first, its faults in one sentence, its greeting, and where secrets go."""

import asyncio
import errno
import json
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog

from heliograph import app as real_app
from heliograph import logs
from heliograph.cli import local, output, private_files
from heliograph.config import Config
from heliograph.core.errors import StoreUnusable
from heliograph.net import certificates

PASSWORD = "hunter2"


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = structlog.get_config()
    monkeypatch.setattr(logs, "capture", lambda loop: None)
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr), cache_logger_on_first_use=False)
    yield
    structlog.configure(**before)


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])


def one_sentence(outcome: Any, code: int) -> str:
    """What it said; nothing else, and no traceback."""
    assert outcome.code == code, outcome
    assert outcome.out == "" and "Traceback" not in outcome.err and PASSWORD not in outcome.err
    (line,) = outcome.err.splitlines()
    assert line.startswith("heliograph: ")
    return str(line)


# -- ports


def test_a_taken_port_is_named_and_nothing_is_made(cli: Any, data: Path, taken: int) -> None:
    told = one_sentence(cli("serve", "--data", data, "--port", taken), output.WRONG_USAGE)
    assert f"127.0.0.1:{taken}: Address already in use. `--port` (PORT= of make serve) takes another" in told
    assert not data.exists()


def test_a_taken_port_of_this_folders_server_is_known(cli: Any, data: Path, taken: int) -> None:
    data.mkdir()
    local.announce(data, f"http://127.0.0.1:{taken}", "s")
    told = one_sentence(cli("serve", "--data", data, "--port", taken), output.WRONG_USAGE)
    assert f"in use by the Heliograph that runs on {data} (process {os.getpid()}" in told


@pytest.mark.parametrize("status", [200, 503])
def test_a_taken_port_of_another_heliograph_is_known(cli: Any, data: Path, status: int) -> None:
    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"status": "ok", "version": "0.1.0"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        told = one_sentence(cli("serve", "--data", data, "--port", other.server_port), output.WRONG_USAGE)
        other.shutdown()
    assert "in use by another Heliograph" in told


def test_a_taken_port_for_smpp_is_named_and_nothing_is_made(cli: Any, data: Path, taken: int) -> None:
    told = one_sentence(cli("serve", "--data", data, "--port", 0, "--smpp-port", taken), output.WRONG_USAGE)
    assert f"127.0.0.1:{taken} for SMPP: Address already in use" in told
    assert not data.exists()


@pytest.mark.parametrize(
    ("host", "said"),
    [("192.0.2.1", "not one of this machine's"), ("no.such.host.invalid", "not found"), ("a..b", "not found")],
)
def test_a_host_that_can_not_be_listened_on_is_one_sentence(cli: Any, data: Path, host: str, said: str) -> None:
    assert said in one_sentence(cli("serve", "--data", data, "--port", 0, "--host", host), output.WRONG_USAGE)
    assert not data.exists()


# -- certificates


def missing(folder: Path) -> list[str]:
    files = certificates.ensure(folder, (), datetime.now(UTC))
    return [str(files.certificate), str(folder / "none.pem")]


def of_another(folder: Path) -> list[str]:
    files = certificates.ensure(folder, (), datetime.now(UTC))
    other = certificates.ensure(folder / "other", (), datetime.now(UTC))
    return [str(files.certificate), str(other.key)]


def turned(folder: Path) -> list[str]:
    files = certificates.ensure(folder, (), datetime.now(UTC))
    return [str(files.key), str(files.certificate)]


def empty(folder: Path) -> list[str]:
    (folder / "empty.pem").write_text("")
    files = certificates.ensure(folder, (), datetime.now(UTC))
    return [str(files.certificate), str(folder / "empty.pem")]


def key_alone(folder: Path) -> list[str]:
    return ["", str(certificates.ensure(folder, (), datetime.now(UTC)).key)]


@pytest.mark.parametrize("prefix", ["", "smpp-"])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, "none.pem can't be read: No such file or directory"),
        (of_another, "is not the key of"),
        (turned, "has no certificate in PEM form"),
        (empty, "empty.pem has no private key in PEM form"),
        (key_alone, "only one of"),
    ],
)
def test_a_certificate_that_can_not_serve_is_one_sentence(
    cli: Any, data: Path, tmp_path: Path, prefix: str, make: Callable[[Path], list[str]], said: str
) -> None:
    certificate, key = make(tmp_path)
    pair = [f"--{prefix}tls-cert", certificate, f"--{prefix}tls-key", key]
    told = one_sentence(cli("serve", "--data", data, "--port", 0, "--smpp-port", 1 if prefix else 0, *pair), 2)
    assert said in told and f"{prefix.replace('-', '_')}tls_" in told
    assert not data.exists()


# -- the store and the folder


@pytest.mark.parametrize("password", ["p#1", "p/1", "p?1", "[x", "p@1", "1?2", "a b"])
@pytest.mark.parametrize("command", ["serve", "doctor", "token list", "migrate"])
def test_a_sign_in_a_database_password_is_one_sentence(cli: Any, data: Path, password: str, command: str) -> None:
    url = f"postgresql://heliograph:{PASSWORD}{password}@127.0.0.1:1/name"
    outcome = cli(*command.split(), "--data", data, "--database-url", url)
    assert outcome.code != 0 and "Traceback" not in outcome.err
    said = outcome.out + outcome.err
    assert PASSWORD not in said and password not in said
    assert "percent-encoded" in said or "space" in said


@pytest.mark.parametrize(
    ("url", "said"),
    [("mysql://u:hunter2@h/n", "mysql is not PostgreSQL"), ("hunter2", "it is no URL"), ("postgres:h", "it is no URL")],
)
def test_a_url_of_another_database_is_one_sentence(cli: Any, data: Path, url: str, said: str) -> None:
    assert said in one_sentence(cli("serve", "--data", data, "--database-url", url), output.WRONG_USAGE)


def test_a_folder_that_can_not_be_made_is_one_sentence(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = one_sentence(cli("serve", "--data", tmp_path / "file" / "data", "--port", 0), output.FAILED)
    assert "can't be made: Not a directory" in told


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_under_server_json_is_one_sentence(
    cli: Any, data: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, text: str) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(private_files, "write", fail)
    told = one_sentence(cli("serve", "--data", data, "--port", 0), output.FAILED)
    assert "server.json" in told and os.strerror(number) in told and "disk" in told


def test_a_config_file_that_can_not_be_read_is_one_sentence(cli: Any, data: Path, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        told = one_sentence(cli("serve", "--data", data, "--config", path), output.WRONG_USAGE)
        assert "can't be read" in told


# -- the greeting


def test_each_start_greets(cli: Any, app: Any, data: Path) -> None:
    first = cli("serve", "--data", data).out
    assert "API token" in first and "http://127.0.0.1:8080/docs" in first
    again = cli("serve", "--data", data).out
    project = app.store.projects[0].id
    assert project in again and "+12025550101, +12025550102" in again and "http://127.0.0.1:8080/docs" in again
    assert f"Lost the token? heliograph token create --name mine --data {data}" in again
    assert "PT" not in again.replace(project, "")


def test_the_greeting_counts_what_it_does_not_list(cli: Any, app: Any, data: Path) -> None:
    cli("init", "--data", data)
    for each in range(8):
        cli("project", "create", "--data", data, "--name", f"p{each}")
    shown = cli("serve", "--data", data).out
    assert "and 4 more: heliograph project list" in shown


PRODUCTION = [("--no-simulator",), ("--host", "0.0.0.0"), ("--host", "messages.example.com")]


@pytest.mark.parametrize("options", PRODUCTION)
@pytest.mark.parametrize("form", [(), ("--json",), ("--log-format", "json")])
def test_no_secret_is_printed_in_production(
    cli: Any, app: Any, data: Path, options: tuple[str, ...], form: tuple[str, ...]
) -> None:
    outcome = cli("serve", "--data", data, *options, *form)
    file = data / "first-project.json"
    made = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for secret in (made["api_token"], made["signing_key"]):
        assert secret not in outcome.out + outcome.err
    assert str(file) in outcome.out + outcome.err
    assert made["project_id"] == app.store.projects[0].id
    assert (outcome.out == "") == ("--json" not in form)


def test_no_fictitious_number_is_made_without_the_simulator(cli: Any, app: Any, data: Path) -> None:
    cli("serve", "--data", data, "--no-simulator")
    assert (app.store.numbers, app.store.free) == ([], {})


def test_a_json_log_gets_no_other_line(cli: Any, app: Any, data: Path) -> None:
    for _ in range(2):
        outcome = cli("serve", "--data", data, "--log-format", "json")
        assert outcome.out == ""
        assert app.store.tokens[0].sha256 not in outcome.err


def test_secrets_that_can_not_be_kept_make_no_project(
    cli: Any, app: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(private_files, "write", fail)
    outcome = cli("serve", "--data", data, "--no-simulator")
    assert outcome.code == output.FAILED and "first-project.json" in outcome.err
    assert app.store.projects == []


# -- rights of files


def test_files_of_an_existing_folder_are_closed_to_others(tmp_path: Path) -> None:
    for name in ("heliograph.db", "heliograph.db-wal", "heliograph.lock", "simulator.journal.1", "other"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o664)
    (tmp_path / "media" / "ab").mkdir(parents=True)
    (tmp_path / "media").chmod(0o755)
    (tmp_path / "link").write_text("")
    (tmp_path / "server.json").symlink_to(tmp_path / "link")
    (tmp_path / "link").chmod(0o644)
    private_files.close_to_others(tmp_path)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes.pop("other") == "0o664"
    assert {modes.pop("link"), modes.pop("server.json")} == {"0o644"}
    assert modes.pop("media") == "0o700"
    assert set(modes.values()) == {"0o600"}


def test_an_error_of_nested_groups_is_found() -> None:
    async def fail() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_broken())

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(fail())
    assert isinstance(real_app._only(ExceptionGroup("outer", [raised.value])), OSError)


async def _broken() -> None:
    raise OSError(errno.ENOSPC, "full")


def test_production_is_whatever_others_can_reach() -> None:
    def judged(**values: object) -> bool:
        return real_app.is_production(Config(**values))

    assert not judged() and not judged(host="::1") and not judged(host="localhost")
    assert judged(simulator=False) and judged(host="::") and judged(host="10.0.0.1")


# -- what fits the fault


class StoreOf:
    """Opens as told."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def open(self) -> None:
        raise self._fault


def test_a_fault_that_says_what_to_do_gets_no_other_advice(
    cli: Any, app: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data.mkdir()
    fault = StoreUnusable("its tables are 12, made by Heliograph 0.4.0: use Heliograph 0.4.0 or later")
    monkeypatch.setattr(app, "make_store", lambda *_, **__: StoreOf(fault))
    for command in (("token", "list"), ("doctor",)):
        outcome = cli(*command, "--data", data)
        said = outcome.out + outcome.err
        assert "use Heliograph 0.4.0 or later" in said
        assert "disk" not in said.partition("can't be used")[2].splitlines()[0] and "doctor` tells" not in said


def test_a_hint_begins_a_sentence_of_its_own(cli: Any, app: Any) -> None:
    assert "--relay, --smpp and --none. Try `" in cli("number", "handler", "+12025550101").err


def test_each_fault_of_a_csv_file_stands_alone(cli: Any, app: Any, data: Path, tmp_path: Path) -> None:
    cli("init", "--data", data)
    (tmp_path / "numbers.csv").write_text("number\none\ntwo\n")
    assert cli("number", "import", tmp_path / "numbers.csv", "--data", data).err.count("; ") >= 1
