"""What a reverse proxy says about its client: X-Forwarded-For, Forwarded (RFC 7239), and the PROXY protocol, v1 and v2.

Pure functions. Nothing here is believed unless the connection's own peer is a trusted proxy (setting
`trusted_proxies`); callers pass the trusted networks.

- `forwarded_client(headers, peer, trusted)` returns the address of an HTTP request's client.
- `read_proxy_header(octets)` reads the PROXY header that begins a connection. `net/proxies.py` reads it from a socket,
  in front of a TLS handshake too.

X-Forwarded-For and Forwarded are walked from the right, since each proxy appends: trusted proxies are skipped, and the
first address that is not trusted is the client. What stands left of it was written by the client. A malformed element,
and two headers that disagree, leave the connection's own peer as the client: a proxy maintains one of the two headers
and lets the other one through as the client wrote it.
"""

import ipaddress
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from heliograph.core.networks import Networks, plain_address

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI has them."""

HOPS_MAX = 32
PAIRS_MAX = 4 * HOPS_MAX
"""Pairs of Forwarded that are read: for, by, host and proto of each hop. A longer header is malformed."""
"""Proxies in a row; a header with more trusted ones is malformed."""

PROXY_HEADER_MAX = 4096
"""Octets of a PROXY header of version 2 with its TLVs. Version 1 has its own limit of 107 octets (section 2.1)."""

_V1_MAX = 107
_V1_START = b"PROXY "
_V2_START = b"\r\n\r\n\0\r\nQUIT\n"
_V2_HEAD = struct.Struct("!12sBBH")
_V2_LOCAL, _V2_PROXY = 0x20, 0x21
_V2_TCP4, _V2_TCP6 = 0x11, 0x21
_V1_FAMILIES = {"TCP4": ".", "TCP6": ":"}

_HOST_AND_PORT = re.compile(r"\[([^\]]+)\](?::[0-9]{1,5})?|([0-9.]+)(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (RFC 7230's token)
_PAIR = re.compile(rf'[ \t]*(?:({_TOKEN})=(?:({_TOKEN})|"((?:[^"\\]|\\.)*)"))?[ \t]*([;,]|$)')


class ProxyHeaderError(ValueError):
    """A PROXY header that can't be read: the connection has to be closed (PROXY protocol, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """`client`: the client's address and port; None where the header names none (LOCAL, UNKNOWN, a Unix socket) and the
    connection's own peer holds. `octets`: the header's length; 0 where the connection begins without one."""

    client: tuple[str, int] | None
    octets: int


_NONE = ProxyHeader(client=None, octets=0)


def read_proxy_header(octets: bytes) -> ProxyHeader | None:
    """The PROXY header at the start of a connection; None while more octets are needed to tell.

    Raises ProxyHeaderError for a header that is malformed or longer than PROXY_HEADER_MAX.
    """
    if octets.startswith(_V1_START):
        return _version_1(octets)
    if octets.startswith(_V2_START):
        return _version_2(octets)
    is_open = _V1_START.startswith(octets) or _V2_START.startswith(octets)
    return None if is_open else _NONE


def _version_1(octets: bytes) -> ProxyHeader | None:
    end = octets.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(octets) >= _V1_MAX:
            raise ProxyHeaderError("the line of a PROXY header is too long")
        return None
    fields = octets[:end].decode("latin-1").split(" ")
    if fields[1] == "UNKNOWN":
        return ProxyHeader(client=None, octets=end + 2)
    sign = _V1_FAMILIES.get(fields[1])
    if sign is None or len(fields) != 6 or sign not in fields[2]:
        raise ProxyHeaderError("invalid PROXY line")
    return ProxyHeader(client=(_checked(fields[2]), _port(fields[4])), octets=end + 2)


def _version_2(octets: bytes) -> ProxyHeader | None:
    if len(octets) < _V2_HEAD.size:
        return None
    _, command, family, length = _V2_HEAD.unpack_from(octets)
    end = _V2_HEAD.size + length
    if command not in (_V2_LOCAL, _V2_PROXY):
        raise ProxyHeaderError(f"invalid version or command 0x{command:02x} of a PROXY header")
    if end > PROXY_HEADER_MAX:
        raise ProxyHeaderError("a PROXY header is too long")
    if len(octets) < end:
        return None
    size = {_V2_TCP4: 4, _V2_TCP6: 16}.get(family)
    if command == _V2_LOCAL or size is None:
        return ProxyHeader(client=None, octets=end)
    if length < 2 * size + 4:
        raise ProxyHeaderError("a PROXY header is too short for its addresses")
    source = str(ipaddress.ip_address(octets[_V2_HEAD.size : _V2_HEAD.size + size]))
    port = int.from_bytes(octets[_V2_HEAD.size + 2 * size :][:2], "big")
    return ProxyHeader(client=(plain_address(source) or source, port), octets=end)


def _checked(text: str) -> str:
    address = plain_address(text)
    if address is None:
        raise ProxyHeaderError("invalid address in a PROXY line")
    return address


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise ProxyHeaderError("invalid port in a PROXY line")
    return int(text)


# -- headers of HTTP


def forwarded_client(headers: Headers, peer: str, trusted: Networks) -> str:
    """The address of the client that a trusted proxy names; `peer` itself without one, or where it can't be read."""
    if peer not in trusted:
        return peer
    chains = (_for_elements(headers), _forwarded_elements(headers))
    named = {_walk(chain, trusted) for chain in chains if chain is not None}
    if len(named) != 1:
        return peer
    return named.pop() or peer


def forwarded_scheme(headers: Headers) -> str | None:
    """The scheme of the client's own request by X-Forwarded-Proto, in lower case; the first proxy's comes first."""
    values = [value for name, value in headers if name == b"x-forwarded-proto"]
    return values[0].decode("latin-1").split(",")[0].strip().lower() if values else None


def _walk(chain: Sequence[str | None], trusted: Networks) -> str | None:
    """The client of addresses in the order of their proxies; None at the first that can't be read."""
    address = None
    for hops, element in enumerate(reversed(chain)):
        address = None if element is None else _element_address(element)
        if address is None or hops == HOPS_MAX:
            return None
        if address not in trusted:
            break
    return address


def _element_address(text: str) -> str | None:
    found = _HOST_AND_PORT.fullmatch(text)
    return plain_address(found[1] or found[2] or found[3]) if found else None


def _for_elements(headers: Headers) -> list[str | None] | None:
    """X-Forwarded-For's addresses over all its lines; None without the header."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [element.strip(" \t") for element in ",".join(lines).rsplit(",", HOPS_MAX + 1)] if lines else None


def _forwarded_elements(headers: Headers) -> list[str | None] | None:
    """The `for` of each element of Forwarded; None where an element has none, and without the header at all."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"forwarded"]
    if not lines:
        return None
    try:
        return list(_fors(_pairs(",".join(lines))))
    except ValueError:
        return [None]


def _fors(pairs: Iterable[tuple[str, str, str]]) -> Iterator[str | None]:
    """Raises ValueError for two `for` in one element."""
    found: str | None = None
    for name, value, sign in pairs:
        if name == "for":
            if found is not None:
                raise ValueError(name)
            found = value
        if sign != ";":
            yield found
            found = None


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    """Name in lower case, value, and the sign behind it: `;`, `,` or the end. Raises ValueError."""
    at = 0
    for _ in range(PAIRS_MAX):
        found = _PAIR.match(text, at)
        if found is None:
            raise ValueError(text)
        name, token, quoted, sign = found.groups()
        yield (name or "").lower(), re.sub(r"\\(.)", r"\1", quoted) if token is None and quoted else token or "", sign
        if not sign:
            return
        at = found.end()
    raise ValueError("too many pairs")
