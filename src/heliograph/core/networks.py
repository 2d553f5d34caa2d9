"""IP networks as an operator lists them, and the address forms that are counted and compared."""

import ipaddress
from collections.abc import Iterable, Iterator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

COUNTED_IPV6_PREFIX = 64
"""One subscriber has a /64 at least (RFC 6177), so addresses within it count as one client."""


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_LAST_BITS = {4: 0xFF, 6: 0xFFFF_FFFF_FFFF_FFFF}
"""Bits that are zero in the first address of an IPv4 network that is written without its length, and of an IPv6 /64."""
_USUAL = {4: 8, 6: 64}


class Networks:
    """A set of networks. `address in networks` takes text; an invalid address is in none."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, address: str) -> bool:
        if not self._networks:
            return False
        parsed = _address(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def __iter__(self) -> Iterator[Network]:
        return iter(self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def __str__(self) -> str:
        return ", ".join(map(str, self._networks))


def parse_networks(texts: Iterable[str]) -> Networks:
    """Networks (`10.0.0.0/8`) and single addresses (`::1`). Raises ValueError that names the invalid one."""
    return Networks(_network(text.strip()) for text in texts)


def _network(text: str) -> Network:
    """A network of IPv4-mapped addresses is the IPv4 network: their addresses are compared as IPv4."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8 or 2001:db8::/32: {error}") from None
    if "/" not in text and int(network.network_address) & _LAST_BITS[network.version] == 0:
        raise ValueError(
            f"{text!r} is the first address of a network: write its length too, such as "
            f"{text}/{_USUAL[network.version]}, or {network} for this address alone"
        )
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        first = int(network.network_address) & 0xFFFF_FFFF
        return ipaddress.IPv4Network((first, network.prefixlen - _MAPPED.prefixlen))
    return network


def listed_networks(text: str | None) -> Networks:
    """The networks of a text that separates them by commas; None names no network. Raises ValueError."""
    return parse_networks(text.split(",") if text and text.strip() else ())


def plain_address(text: str) -> str | None:
    """The address in its usual form: IPv4-mapped IPv6 as IPv4, without a zone. None for an invalid address."""
    address = _address(text)
    return None if address is None else str(address)


def counted_address(address: str) -> str:
    """The key under which an address's connections and failures are counted: IPv4 as it is, IPv6 by its /64."""
    parsed = _address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed) >> COUNTED_IPV6_PREFIX << COUNTED_IPV6_PREFIX, 64)))
    return address if parsed is None else str(parsed)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
