"""What a setting takes, beyond what its type says."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from heliograph import config
from heliograph.config import BY_NAME, ConfigError, parse


def test_a_country_is_an_iso_3166_code() -> None:
    assert config.load({}, {}).short_code_country == "US"
    assert config.load({}, {"HELIOGRAPH_SHORT_CODE_COUNTRY": "GB"}).short_code_country == "GB"
    for wrong in ("gb", "XX", "United Kingdom", ""):
        with pytest.raises(ConfigError, match=r"--short-code-country: .* is no ISO 3166 country such as GB"):
            config.load({"short_code_country": wrong}, {})


def test_a_list_of_networks_is_a_text_or_a_list() -> None:
    row = BY_NAME["trusted_proxies"]
    assert parse(row, "127.0.0.0/8,  ::1 ", "x") == (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    assert parse(row, ["10.0.0.0/8", "192.0.2.1"], "x") == (ip_network("10.0.0.0/8"), ip_network("192.0.2.1/32"))
    assert parse(row, "", "x") == parse(row, [], "x") == ()


@pytest.mark.parametrize("given", ["10.0.0.1/8", "proxy.example", ["10.0.0.0/8", 7], 7, {"a": 1}])
def test_invalid_network_is_refused_with_its_source(given: object) -> None:
    with pytest.raises(ConfigError, match=r"^file: .*network"):
        parse(BY_NAME["trusted_proxies"], given, "file")


@pytest.mark.parametrize("given", [["postgresql://u:hunter2@h/d"], {"url": "hunter2"}, 5])
def test_database_url_of_a_wrong_type_is_not_repeated(given: object) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(BY_NAME["database_url"], given, "file: database_url")
    assert "hunter2" not in str(refused.value) and "5" not in str(refused.value)


def test_every_setting_is_read() -> None:
    source = "".join(file.read_text() for file in Path(config.__file__).parent.rglob("*.py"))
    read = set(re.findall(r"config\.(\w+)", source))
    by_pattern = re.compile("rate_(in|out)bound_.*|(smpp_)?tls_(cert|key)|database_url_file")
    assert [name for name in BY_NAME if name not in read and not by_pattern.fullmatch(name)] == []
