"""What a setting takes, beyond what its type says."""

import pytest

from heliograph import config
from heliograph.config import BY_NAME, ConfigError, parse


def test_a_country_is_an_iso_3166_code() -> None:
    assert config.load({}, {}).short_code_country == "US"
    assert config.load({}, {"HELIOGRAPH_SHORT_CODE_COUNTRY": "GB"}).short_code_country == "GB"
    for wrong in ("gb", "XX", "United Kingdom", ""):
        with pytest.raises(ConfigError, match=r"--short-code-country: .* is no ISO 3166 country such as GB"):
            config.load({"short_code_country": wrong}, {})


def test_networks_are_kept_in_their_usual_form() -> None:
    row = BY_NAME["trusted_proxies"]
    assert parse(row, "10.0.0.0/8,  ::1 ", "x") == "10.0.0.0/8, ::1/128"
    assert parse(row, ["10.0.0.0/8", "192.0.2.1"], "x") == "10.0.0.0/8, 192.0.2.1/32"
    assert parse(row, "", "x") is parse(row, [], "x") is None


@pytest.mark.parametrize("given", ["10.0.0.1/8", "proxy.example", ["10.0.0.0/8", 7], 7, {"a": 1}])
def test_invalid_network_is_refused_with_its_source(given: object) -> None:
    with pytest.raises(ConfigError, match=r"^file: .*network"):
        parse(BY_NAME["trusted_proxies"], given, "file")
