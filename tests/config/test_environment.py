"""Environment variables: those that Kubernetes makes are no settings, and those that set nothing are named."""

from pathlib import Path

import pytest

from heliograph import config
from heliograph.config import ConfigError

LINKS = {
    "HELIOGRAPH_PORT": "tcp://10.43.0.1:8080",
    "HELIOGRAPH_SERVICE_HOST": "10.43.0.1",
    "HELIOGRAPH_SERVICE_PORT": "8080",
    "HELIOGRAPH_SERVICE_PORT_HTTP": "8080",
    "HELIOGRAPH_PORT_8080_TCP": "tcp://10.43.0.1:8080",
    "HELIOGRAPH_PORT_8080_TCP_PROTO": "tcp",
    "HELIOGRAPH_PORT_8080_TCP_PORT": "8080",
    "HELIOGRAPH_PORT_8080_TCP_ADDR": "10.43.0.1",
    "HELIOGRAPH_SMPP_PORT": "tcp://[fd00::1]:2775",
    "HELIOGRAPH_SMPP_SERVICE_HOST": "fd00::1",
    "HELIOGRAPH_DB_PORT": "tcp://10.43.0.9:5432",
    "HELIOGRAPH_DB_PORT_5432_TCP": "tcp://10.43.0.9:5432",
}


def test_variables_of_kubernetes_services_set_nothing() -> None:
    loaded = config.load({}, LINKS)
    assert (loaded.port, loaded.smpp_port) == (8080, 0)
    assert config.load({"port": "9"}, LINKS).port == 9
    assert config.unknown_variables(LINKS) == {}


@pytest.mark.parametrize("value", ["tcp:/x", "10.43.0.1:8080", "tcp://10.43.0.1", "eighty"])
def test_other_texts_in_a_ports_variable_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="HELIOGRAPH_PORT"):
        config.load({}, {"HELIOGRAPH_PORT": value})


def test_unknown_variables_are_named_with_what_was_meant() -> None:
    environ = {"HELIOGRAPH_PRT": "1", "HELIOGRAPH_LOG_LEVLE": "x", "HELIOGRAPH_ZEBRA": "x", "HELIOGRAPH_PORT": "2"}
    environ |= {"HELIOGRAPH_CONFIG": "x", "HELIOGRAPH_ACME_PASSWORD": "x", "PATH": "x"}
    assert config.unknown_variables(environ, {"HELIOGRAPH_ACME_PASSWORD"}) == {
        "HELIOGRAPH_LOG_LEVLE": "HELIOGRAPH_LOG_LEVEL",
        "HELIOGRAPH_PRT": "HELIOGRAPH_PORT",
        "HELIOGRAPH_ZEBRA": "",
    }


def test_a_database_url_comes_from_a_file(tmp_path: Path) -> None:
    url = "postgresql://h:p%401@db.example.com:5432/heliograph?sslmode=require"
    file = tmp_path / "url"
    file.write_text(f"{url}\n")
    assert config.load({"database_url_file": str(file)}, {}).database_url == url
    with pytest.raises(ConfigError, match="both set"):
        config.load({"database_url_file": str(file), "database_url": url}, {})
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        config.load({"database_url_file": str(tmp_path / "none")}, {})
    file.write_text("")
    with pytest.raises(ConfigError, match="it is no URL"):
        config.load({"database_url_file": str(file)}, {})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h:p%40%2F%3F%23%5B@db:5432/n",
        "postgres://db/n",
        "postgresql:///n?host=/var/run/postgresql&user=h&password=p@1",
        "postgresql://h@[::1]:5432/n",
        "postgresql://h:p@one:5432,two:5432/n?target_session_attrs=primary",
        "postgresql://h:a!$&'()*+,;=b@db/n",
    ],
)
def test_a_url_that_postgresql_takes_is_taken(url: str) -> None:
    assert config.load({"database_url": url}, {}).database_url == url
