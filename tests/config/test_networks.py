"""Settings that are lists of networks: from file, environment and flag, and what is refused."""

import ipaddress
from pathlib import Path

import pytest

from heliograph import config
from heliograph.core.addresses import Reach

BOTH = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd12::/16"))


def test_networks_are_read_from_each_source(tmp_path: Path) -> None:
    file = tmp_path / "heliograph.toml"
    file.write_text('allow_networks = ["10.0.0.0/8", "fd12::/16"]')
    assert config.load({}, environ={}).allow_networks == ()
    assert config.load({}, environ={}, file=file).allow_networks == BOTH
    environ = {"HELIOGRAPH_ALLOW_NETWORKS": "10.0.0.0/8,fd12::/16"}
    assert config.load({}, environ=environ).allow_networks == BOTH
    assert config.load({"allow_networks": "10.0.0.0/8, fd12::/16"}, environ={}).allow_networks == BOTH
    assert config.load({"allow_networks": "10.0.0.7"}, environ={}).allow_networks == (ipaddress.ip_network("10.0.0.7"),)
    assert config.load({"allow_networks": ""}, environ=environ).allow_networks == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.0.0.1/8", "host bits"),
        ("example.com", "not a network"),
        ("10.0.0.0/33", "not a network"),
        ("169.254.0.0/16", "never called"),
        ("127.0.0.0/8", "allow_loopback_urls"),
        ("fe80::/10", "never called"),
        ("::ffff:169.254.0.0/112", "never called"),
        ("10.0.0.0", "write its length too, such as 10.0.0.0/8, or 10.0.0.0/32 for this address alone"),
        ("fd12::", "write its length too, such as fd12::/64, or fd12::/128 for this address alone"),
    ],
)
def test_invalid_network_is_refused_with_its_source(given: str, words: str) -> None:
    with pytest.raises(config.ConfigError, match=words) as caught:
        config.load({"allow_networks": given}, environ={})
    assert "--allow-networks" in str(caught.value)


@pytest.mark.parametrize("value", ["5", "true", "{a = 1}"])
def test_value_that_is_not_a_list_is_refused(tmp_path: Path, value: str) -> None:
    file = tmp_path / "heliograph.toml"
    file.write_text(f"allow_networks = {value}")
    with pytest.raises(config.ConfigError, match="not a list of networks"):
        config.load({}, environ={}, file=file)


@pytest.mark.parametrize(
    ("given", "network"),
    [("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:10.0.0.7", "10.0.0.7/32"), ("::ffff:0:0/96", "0.0.0.0/0")],
)
@pytest.mark.parametrize("name", ["allow_networks", "trusted_proxies"])
def test_network_of_mapped_addresses_is_the_ipv4_network(name: str, given: str, network: str) -> None:
    assert getattr(config.load({name: given}, environ={}), name) == (ipaddress.ip_network(network),)


def test_allowed_mapped_network_is_called_in_both_spellings() -> None:
    reach = Reach(networks=config.load({"allow_networks": "::ffff:10.0.0.0/104"}, environ={}).allow_networks)
    assert reach.includes("10.1.2.3") and reach.includes("::ffff:10.1.2.3")
