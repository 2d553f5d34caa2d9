"""IP networks as an operator lists them, and the address forms that are counted and compared."""

import ipaddress
from collections.abc import Iterable, Iterator

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

COUNTED_IPV6_PREFIX = 64
"""One subscriber has a /64 at least (RFC 6177), so addresses within it count as one client."""


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
    networks: list[Network] = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            raise ValueError(
                f"{text.strip()!r} is not a network such as 10.0.0.0/8 or 2001:db8::/32: {error}"
            ) from None
    return Networks(networks)


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
