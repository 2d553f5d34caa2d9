"""`server.json`: who may read it, when it goes, and what a damaged one says."""

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from heliograph.cli import local
from heliograph.net import certificates


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_it_is_its_owners_alone_whatever_the_umask(tmp_path: Path, open_umask: None) -> None:
    local.announce(tmp_path, "http://127.0.0.1:1", "s")
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600


def test_one_that_was_open_to_all_is_replaced_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{}")
    (tmp_path / "server.json").chmod(0o666)
    running = local.announce(tmp_path, "http://127.0.0.1:1", "s")
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600
    assert local.find(tmp_path) == running
    assert [path.name for path in tmp_path.iterdir()] == ["server.json"]


def test_it_says_what_was_announced(tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path / "tls", (), datetime.now(UTC))
    chain = tmp_path / "chain.pem"
    chain.write_text(files.certificate.read_text() + files.ca.read_text())
    running = local.announce(tmp_path, "https://[::1]:8443", "secret", chain)
    found = local.find(tmp_path)
    assert found == running
    assert (running.url, running.secret, running.pid) == ("https://[::1]:8443", "secret", os.getpid())
    assert running.certificate == files.certificate.read_text()


def test_a_file_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----")
    with pytest.raises(local.Unreadable, match=r"key\.pem holds no certificate"):
        local.announce(tmp_path, "https://localhost", "s", tmp_path / "key.pem")
    assert local.find(tmp_path) is None


def test_it_is_withdrawn_at_the_end(tmp_path: Path) -> None:
    running = local.announce(tmp_path, "http://127.0.0.1:1", "s")
    local.withdraw(tmp_path, running)
    assert list(tmp_path.iterdir()) == []
    local.withdraw(tmp_path, running)


def test_another_servers_is_left_alone(tmp_path: Path) -> None:
    mine = local.announce(tmp_path, "http://127.0.0.1:1", "mine")
    other = local.announce(tmp_path, "http://127.0.0.1:2", "other")
    local.withdraw(tmp_path, mine)
    assert local.find(tmp_path) == other


def test_none_is_none(tmp_path: Path) -> None:
    assert local.find(tmp_path) is None
    assert local.find(tmp_path / "nowhere") is None
    (tmp_path / "file").touch()
    assert local.find(tmp_path / "file") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"', '{"url": 1, "secret": 2, "pid": "x"}', "\xff"])
def test_a_damaged_one_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(local.Unreadable, match=r"server\.json is damaged"):
        local.find(tmp_path)


@pytest.mark.parametrize(
    ("host", "tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:80"),
        ("0.0.0.0", False, "http://127.0.0.1:80"),
        ("::", True, "https://[::1]:80"),
        ("::1", False, "http://[::1]:80"),
        ("localhost", True, "https://localhost:80"),
        ("10.1.2.3", False, "http://10.1.2.3:80"),
    ],
)
def test_the_address_is_one_that_can_be_called(host: str, tls: bool, url: str) -> None:
    assert local.url_of(host, 80, tls=tls) == url
