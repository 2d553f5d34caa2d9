"""Addresses that this server calls: public ones, and those that the settings name.

The tables are IANA's special-purpose address registries, kept here because those of Python's `ipaddress` differ between
its versions (https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, November
2026). An address in them is not called, whether or not a packet to it would get anywhere.

Some addresses are never called, whatever the settings name: those of clouds' metadata services, which give away a
machine's credentials, link-local ones, which those services use, and those that are no unicast destination.
"""

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from heliograph.core.networks import Network

IPv4 = ipaddress.IPv4Address
IPv6 = ipaddress.IPv6Address


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


NEVER_CALLED: Final = _networks(
    "0.0.0.0/8",  # this network, RFC 791: connecting to it reaches this machine
    "169.254.0.0/16",  # link-local, RFC 3927, with the metadata services of most clouds
    "224.0.0.0/4",  # multicast, RFC 1112
    "240.0.0.0/4",  # reserved, RFC 1112, and limited broadcast, RFC 919
    "100.100.100.200/32",  # metadata of Alibaba Cloud
    "168.63.129.16/32",  # WireServer of Azure, a public address
    "192.0.0.192/32",  # metadata of Oracle Cloud
    "::/128",  # unspecified, RFC 4291: connecting to it reaches this machine
    "fe80::/10",  # link-local, RFC 4291
    "ff00::/8",  # multicast, RFC 4291
    "fd00:ec2::/32",  # metadata, DNS and time of AWS
    "fd20:ce::254/128",  # metadata of Google Cloud
    "fd00:42::42/128",  # metadata of Scaleway
)

NOT_CALLED: Final = (
    "a private, local or reserved address. The settings allow_networks and allow_loopback_urls allow such addresses, "
    "but never link-local and cloud metadata addresses"
)
"""What a refusal says about a URL: "The URL points to " and this. It is the same for all addresses, so that a host name
that resolves to several has one."""

SPECIAL_IPV4: Final = _networks(
    "10.0.0.0/8",  # private use, RFC 1918
    "100.64.0.0/10",  # shared address space, RFC 6598
    "172.16.0.0/12",  # private use, RFC 1918
    "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
    "192.0.2.0/24",  # documentation, RFC 5737
    "192.31.196.0/24",  # AS112, RFC 7535
    "192.52.193.0/24",  # AMT, RFC 7450
    "192.88.99.0/24",  # former 6to4 relays, RFC 7526
    "192.168.0.0/16",  # private use, RFC 1918
    "192.175.48.0/24",  # AS112, RFC 7534
    "198.18.0.0/15",  # benchmarking, RFC 2544
    "198.51.100.0/24",  # documentation, RFC 5737
    "203.0.113.0/24",  # documentation, RFC 5737
)

GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""What IANA assigns global unicast addresses from. All other IPv6 addresses are special or unassigned."""

SPECIAL_IPV6: Final = _networks(
    "2001::/23",  # IETF protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID, AMT, AS112
    "2001:db8::/32",  # documentation, RFC 3849
    "2620:4f:8000::/48",  # AS112, RFC 7534
    "3fff::/20",  # documentation, RFC 9637
)
"""Within GLOBAL_UNICAST. 6to4 (2002::/16) is judged by the IPv4 address inside."""

LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
_SIXTOFOUR: Final = ipaddress.IPv6Network("2002::/16")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LOCALLY_TRANSLATED: Final = _networks("64:ff9b:1::/48", "::ffff:0:0:0/96")
"""Translated to IPv4 within a network (RFC 8215, RFC 7915): the address is in the last 32 bits."""
_IPV4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which addresses are called beside public ones: loopback, and networks of the setting `allow_networks`."""

    loopback: bool = False
    networks: tuple[Network, ...] = ()

    def includes(self, address: str) -> bool:
        """Whether this IP address is called. False for a text that is not an address."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return self._includes(ip)

    def _includes(self, ip: IPv4 | IPv6) -> bool:
        if isinstance(ip, IPv6) and ip in _MAPPED:
            ip = _embedded(ip)
        if _in(ip, NEVER_CALLED):
            return False
        if _in(ip, LOOPBACK):
            return self.loopback
        if _in(ip, _LOCALLY_TRANSLATED) and _in(_last_32_bits(ip), (*NEVER_CALLED, *LOOPBACK)):
            return False
        if isinstance(ip, IPv6) and (ip in _SIXTOFOUR or ip in _NAT64 or ip in _IPV4_COMPATIBLE):
            return Reach(loopback=self.loopback)._includes(_embedded(ip))  # carried to another network than the named
        if _in(ip, self.networks):
            return True
        if isinstance(ip, IPv4):
            return not _in(ip, SPECIAL_IPV4)
        return ip in GLOBAL_UNICAST and not _in(ip, SPECIAL_IPV6)


def is_never_called(network: Network) -> bool:
    """Whether naming this network in `allow_networks` would have no effect."""
    return any(network.version == each.version and network.subnet_of(each) for each in (*NEVER_CALLED, *LOOPBACK))  # type: ignore[arg-type]  # versions are equal


def _in(ip: IPv4 | IPv6, networks: tuple[Network, ...]) -> bool:
    return any(ip in network for network in networks)


def _last_32_bits(ip: IPv4 | IPv6) -> IPv4:
    return IPv4(int(ip) & 0xFFFF_FFFF)


def _embedded(ip: IPv6) -> IPv4:
    """The IPv4 address in an IPv6 one: behind the prefix of 6to4, else in the last 32 bits."""
    return IPv4(int(ip) >> 80 & 0xFFFF_FFFF if ip in _SIXTOFOUR else int(ip) & 0xFFFF_FFFF)


@lru_cache(maxsize=256)
def parse_network(text: str) -> Network:
    """A network as `address/length`, or one address. Raises ValueError, which says what is wrong."""
    return ipaddress.ip_network(text)
