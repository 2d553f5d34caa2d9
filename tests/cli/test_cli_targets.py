"""URLs that `heliograph number handler` takes: those that the APIs take, by the running server's settings."""

from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryStore

from heliograph.cli import local
from heliograph.core.addresses import Reach, parse_network

NUMBER = "+12025550101"
SCRIPT = "/laml-bins/3f1c2b9e-5d2a-4c55-9a4e-0d6f5c1b7a10"


@pytest.fixture
def home(cli: Any, store: MemoryStore, tmp_path: Path) -> tuple[str, Path]:
    assert cli("init", "--data", tmp_path).code == 0
    return "--data", tmp_path


def handler_url(store: MemoryStore) -> str | None:
    return next(each.settings for each in store.numbers if each.number == NUMBER).get("sms_url")


@pytest.mark.parametrize("option", ["--url", "--swml"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://10.1.2.3/sms", "allow_networks"),
        ("http://169.254.169.254/", "allow_networks"),
        ("http://2130706434.:8/", "allow_loopback_urls"),
        ("ftp://example.com/", "not a valid http or https URL"),
        ("http://", "not a valid http or https URL"),
        ("http://exa mple.com/", "not a valid http or https URL"),
        ("http://example.com/" + "x" * 5000, "not a valid http or https URL"),
    ],
)
def test_url_that_the_apis_refuse_is_refused(
    cli: Any, store: MemoryStore, home: tuple[str, Path], option: str, url: str, words: str
) -> None:
    Path(home[1], "heliograph.toml").write_text("allow_loopback_urls = false")
    refused = cli("number", "handler", NUMBER, option, url, "--config", home[1] / "heliograph.toml", *home)
    assert refused.code == 2 and words in refused.err
    assert handler_url(store) is None


@pytest.mark.parametrize("url", ["http://10.1.2.3/sms", "http://127.0.0.1:3000/sms", "https://example.com/sms"])
def test_url_that_the_settings_allow_is_kept(cli: Any, store: MemoryStore, home: tuple[str, Path], url: str) -> None:
    Path(home[1], "heliograph.toml").write_text('allow_networks = ["10.0.0.0/8"]')
    assert cli("number", "handler", NUMBER, "--url", url, "--config", home[1] / "heliograph.toml", *home).code == 0
    assert handler_url(store) == url


def test_settings_of_the_running_server_decide(cli: Any, store: MemoryStore, home: tuple[str, Path]) -> None:
    calls = local.Calls(reach=Reach(networks=(parse_network("10.0.0.0/8"),)), public_url="https://sms.example.com")
    local.announce(home[1], "http://127.0.0.1:8080", "s", calls=calls)
    assert cli("number", "handler", NUMBER, "--url", "http://10.1.2.3/sms", *home).code == 0
    assert cli("number", "handler", NUMBER, "--url", "http://127.0.0.1:3000/sms", *home).code == 2
    for own in ("http://127.0.0.1:8080", "https://sms.example.com"):
        assert cli("number", "handler", NUMBER, "--url", own + SCRIPT, *home).code == 0
    assert cli("number", "handler", NUMBER, "--url", "http://127.0.0.1:8081" + SCRIPT, *home).code == 2
