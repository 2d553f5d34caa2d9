"""`heliograph smpp` and `heliograph number handler`."""

from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryStore

from heliograph.engine import slow_hashes

NUMBER = "+12025550101"


@pytest.fixture
def home(cli: Any, store: MemoryStore, tmp_path: Path) -> tuple[str, Path]:
    assert cli("init", "--data", tmp_path).code == 0
    return "--data", tmp_path


def test_a_credential_is_made_listed_changed_and_removed(cli: Any, store: MemoryStore, home: tuple[str, Path]) -> None:
    made = cli("smpp", "create", "acme", "--rate", 20, "--allow", "192.0.2.0/24", "--json", *home).json
    (kept,) = store.smpp_credentials
    assert slow_hashes.matches(kept.password_hash, made["password"])
    assert (kept.system_id, kept.rate, kept.allowed) == ("acme", 20, ("192.0.2.0/24",))
    listed = cli("smpp", "list", "--json", *home)
    assert listed.json["credentials"] == [{k: v for k, v in made.items() if k != "password"}]
    changed = cli("smpp", "update", "acme", "--allow", "", "--new-password", "--json", *home).json
    (kept,) = store.smpp_credentials
    assert kept.allowed == () and slow_hashes.matches(kept.password_hash, changed["password"])
    assert cli("smpp", "remove", "acme", *home).code == 0
    assert store.smpp_credentials == []
    assert cli("smpp", "remove", "acme", *home).code == 1


def test_a_system_id_in_use_is_refused(cli: Any, home: tuple[str, Path]) -> None:
    assert cli("smpp", "create", "acme", *home).code == 0
    refused = cli("smpp", "create", "acme", *home)
    assert refused.code == 1 and "taken" in refused.err


def test_a_number_is_given_to_a_credential_of_its_project(cli: Any, store: MemoryStore, home: tuple[str, Path]) -> None:
    assert cli("number", "handler", NUMBER, "--smpp", "acme", *home).code == 1
    cli("smpp", "create", "acme", *home)
    assert cli("number", "handler", NUMBER, "--smpp", "acme", *home).code == 0
    settings = next(each.settings for each in store.numbers if each.number == NUMBER)
    assert settings == {"message_handler": "smpp_bind", "smpp_system_id": "acme"}
    assert cli("number", "handler", NUMBER, "--url", "https://a.example/", *home).code == 0
    assert cli("number", "handler", NUMBER, "--swml", "https://a.example/swml", *home).code == 0
    settings = next(each.settings for each in store.numbers if each.number == NUMBER)
    assert (settings["message_handler"], settings["sms_url"]) == ("relay_script", "https://a.example/swml")
    assert cli("number", "handler", NUMBER, "--swml", "a.example", *home).code == 2
    assert cli("number", "handler", NUMBER, "--relay", "", *home).code == 2
    assert cli("number", "handler", NUMBER, "--relay", "office", *home).code == 0
    settings = next(each.settings for each in store.numbers if each.number == NUMBER)
    assert (settings["message_handler"], settings["message_relay_context"]) == ("relay_context", "office")
    assert cli("number", "handler", NUMBER, "--swml", "https://a.example/", "--none", *home).code == 2
    assert cli("number", "handler", NUMBER, "--none", *home).code == 0
    assert cli("number", "handler", NUMBER, *home).code == 2
