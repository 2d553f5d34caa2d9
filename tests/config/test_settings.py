"""What a setting takes, beyond what its type says."""

import pytest

from heliograph import config
from heliograph.config import ConfigError


def test_a_country_is_an_iso_3166_code() -> None:
    assert config.load({}, {}).short_code_country == "US"
    assert config.load({}, {"HELIOGRAPH_SHORT_CODE_COUNTRY": "GB"}).short_code_country == "GB"
    for wrong in ("gb", "XX", "United Kingdom", ""):
        with pytest.raises(ConfigError, match=r"--short-code-country: .* is no ISO 3166 country such as GB"):
            config.load({"short_code_country": wrong}, {})
