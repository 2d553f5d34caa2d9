"""The guard against server-side request forgery: no connection to an address that a client must not make us call.

It stands where sockets are made, the one place that every connection passes whether its host was a name or a literal
address, first request or redirect. So there is no gap between judging a name's address and connecting to it: a
name that resolves to public and forbidden addresses is called at the public ones, and a name that
resolves differently the second time is judged the second time.
"""

import socket
from collections.abc import Callable

from aiohappyeyeballs import AddrInfoType

from heliograph.core.addresses import NOT_CALLED, Reach


class ForbiddenAddress(OSError):
    """The address may not be called. The text names none, so that several in one attempt stay this one error."""

    def __init__(self) -> None:
        super().__init__(f"The host has {NOT_CALLED}.")


def guarded_sockets(reach: Reach) -> Callable[[AddrInfoType], socket.socket]:
    """A socket factory for connecting (net/pool)."""

    def create(address_info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = address_info
        if not reach.includes(str(address[0])):
            raise ForbiddenAddress
        return socket.socket(family=family, type=kind, proto=protocol)

    return create
