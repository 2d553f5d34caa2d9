"""A listening socket, or a sentence about why an address can't be listened on."""

import errno
import os
import socket
from typing import Final

_REASONS: Final = {
    errno.EADDRNOTAVAIL: "the address is not one of this machine's",
    errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
    errno.EPERM: "ports below 1024 need root or CAP_NET_BIND_SERVICE",
    errno.EAFNOSUPPORT: "this machine does not support that kind of address",
}


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Bind and listen: what the kernel accepts from now on waits until it is served. Raises OSError and ValueError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(backlog)
    except BaseException:
        listening.close()
        raise
    return listening


def reason(error: OSError | ValueError) -> str:
    """Why listening failed, in words."""
    if isinstance(error, socket.gaierror) or not isinstance(error, OSError):
        return "the host is not found"
    return _REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
