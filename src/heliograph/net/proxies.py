"""The PROXY header that a trusted proxy sends in front of a connection's own octets, read from the accepted socket.

The header stands in front of a TLS handshake too (PROXY protocol, section 2), so it is read before the socket becomes a
transport:

    client = await receive_proxy_header(sock)        # only for a peer in `trusted_proxies`
    transport, _ = await loop.connect_accepted_socket(factory, sock, ssl=context, ssl_handshake_timeout=...)

Octets behind the header stay in the socket. While the header is incomplete the socket counts as readable only when
another octet has arrived (SO_RCVLOWAT), so that peeking at it does not spin.
"""

import asyncio
import socket

from heliograph.wire.proxies import PROXY_HEADER_MAX, ProxyHeaderError, read_proxy_header


async def receive_proxy_header(accepted: socket.socket) -> tuple[str, int] | None:
    """The client's address and port; None without a PROXY header, or where the header names no client.

    The caller sets the time limit. `accepted` is a non-blocking stream socket that is registered with no event loop.
    Raises ProxyHeaderError for a malformed header, and OSError or ConnectionError where the peer disconnects first.
    """
    seen = 0
    while True:
        await _readable(accepted, seen + 1)
        octets = accepted.recv(PROXY_HEADER_MAX, socket.MSG_PEEK)
        if len(octets) <= seen:
            raise ConnectionResetError("the peer disconnected within its PROXY header")
        header = read_proxy_header(octets)
        if header is not None:
            break
        seen = len(octets)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    if header.octets and len(accepted.recv(header.octets)) < header.octets:
        raise ProxyHeaderError("a PROXY header changed while it was read")
    return header.client


async def _readable(accepted: socket.socket, octets: int) -> None:
    """Wait until so many octets have arrived, or the peer has disconnected."""
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, octets)
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    loop.add_reader(accepted, _resolve, arrived)
    try:
        await arrived
    finally:
        loop.remove_reader(accepted)


def _resolve(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)
