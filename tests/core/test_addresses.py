"""Which addresses are called: IANA's special-purpose registries, clouds' metadata services, and allowed networks."""

import pytest

from heliograph.core import addresses
from heliograph.core.addresses import Reach
from heliograph.core.errors import Fault

FORBIDDEN = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "192.0.0.1", "192.0.0.9", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1",
    "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255", "168.63.129.16", "100.100.100.200",
    "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "100::1", "100:0:0:1::1",
    "2001:db8::1", "2001::1", "2001:1::1", "2001:20::1", "2620:4f:8000::1", "3fff::1", "3fff:fff:ffff::1", "5f00::1",
    "4000::1", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1", "::10.0.0.1", "2002:a00:1::", "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254", "64:ff9b::168.63.129.16", "2002:a83f:8110::", "64:ff9b:1::1",
    "", "example.com", "10.0.0.1/8", "127.1",
]  # fmt: skip
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"]
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "172.32.0.1", "168.63.129.15", "100.128.0.1", "192.0.1.1", "198.20.0.1", "203.0.114.1",
    "2606:4700::1111", "2001:200::1", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "::ffff:169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200", "fd00:ec2::254",
    "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1",
    "255.255.255.255", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::", "ff02::1",
]  # fmt: skip
EVERYTHING = tuple(map(addresses.parse_network, ("0.0.0.0/0", "::/0")))


@pytest.mark.parametrize("loopback", [False, True])
@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_addresses_are_not_called(address: str, loopback: bool) -> None:
    assert not Reach(loopback=loopback).includes(address)


@pytest.mark.parametrize("address", LOOPBACK)
def test_loopback_is_called_where_it_is_allowed(address: str) -> None:
    assert not Reach().includes(address)
    assert Reach(loopback=True).includes(address)
    assert not Reach(networks=EVERYTHING).includes(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    assert Reach().includes(address)


@pytest.mark.parametrize("address", METADATA)
def test_metadata_and_link_local_addresses_are_never_called(address: str) -> None:
    assert not Reach(loopback=True, networks=EVERYTHING).includes(address)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.0.0.0/8", ["10.0.0.1", "10.255.255.255", "::ffff:10.0.0.1"], ["172.16.0.1", "192.168.0.1"]),
        ("172.18.0.3", ["172.18.0.3"], ["172.18.0.4"]),
        ("100.64.0.0/10", ["100.64.0.1"], ["100.100.100.200"]),
        ("192.0.0.0/16", ["192.0.0.1", "192.0.2.1"], ["192.0.0.192"]),
        ("fd00::/8", ["fd12:3456::1"], ["fd00:ec2::254", "fc00::1", "fd00:42::42"]),
        ("64:ff9b:1::/48", ["64:ff9b:1::8.8.8.8"], ["64:ff9b:1::169.254.169.254", "64:ff9b:1:fffe::127.0.0.1"]),
        ("::/0", ["::ffff:0:8.8.8.8"], ["::ffff:0:169.254.169.254", "64:ff9b:1::169.254.169.254"]),
        # an address that a tunnel or a translator would carry elsewhere is not the network's own
        ("10.0.0.0/8", [], ["2002:a00:1::", "64:ff9b::10.0.0.1", "::10.0.0.1"]),
    ],
)
def test_allowed_networks_are_called(network: str, inside: list[str], outside: list[str]) -> None:
    reach = Reach(networks=(addresses.parse_network(network),))
    assert [address for address in inside if not reach.includes(address)] == []
    assert [address for address in outside if reach.includes(address)] == []


@pytest.mark.parametrize("text", ["169.254.0.0/16", "fe80::/64", "127.0.0.0/8", "::1", "224.0.0.0/8"])
def test_a_network_that_is_never_called_is_known(text: str) -> None:
    assert addresses.is_never_called(addresses.parse_network(text))


@pytest.mark.parametrize("fault", [Fault.MEDIA_URL_UNSAFE, Fault.CALLBACK_UNSAFE, Fault.URL_UNSAFE])
def test_refusal_of_an_address_says_that_metadata_addresses_are_never_allowed(fault: Fault) -> None:
    assert fault.value.message.endswith("but never link-local and cloud metadata addresses.")


@pytest.mark.parametrize("text", ["10.0.0.0/8", "0.0.0.0/0", "fd00::/8", "192.168.1.1"])
def test_other_networks_can_be_allowed(text: str) -> None:
    assert not addresses.is_never_called(addresses.parse_network(text))
