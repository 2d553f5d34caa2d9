"""Where the running server of a data folder is: the file `server.json`, written by the server and read by commands.

It holds the address to call on this machine, a secret made for this run that stands in for an API token, which
addresses the server calls, and its certificate where it speaks HTTPS. Whoever reads the file may act for any project,
so only its owner may. It is written once the server listens and removed when it stops; after a kill it stays behind,
so that finding it proves nothing until the server has answered.
"""

import ipaddress
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from heliograph.cli import private_files
from heliograph.core.addresses import Reach, parse_network

FILE_NAME: Final = "server.json"

_first_certificate: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL).search


class Unreadable(Exception):
    """The file is there and says nothing useful; the text names the file and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A server's address on this machine. `certificate` is its own certificate (PEM), None for plain HTTP. `loopback`,
    `networks`: what it calls beside public addresses. `public_url`: its setting."""

    url: str
    secret: str
    pid: int
    certificate: str | None = None
    loopback: bool = False
    networks: tuple[str, ...] = ()
    public_url: str | None = None

    @property
    def reach(self) -> Reach:
        return Reach(loopback=self.loopback, networks=tuple(map(parse_network, self.networks)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a server says of itself beside its address."""

    reach: Reach
    public_url: str | None = None


PUBLIC_ONLY: Final = Calls(reach=Reach())


def url_of(host: str, port: int, *, tls: bool) -> str:
    """The address for callers on this machine; one that stands for all addresses becomes loopback's."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host
    else:
        if address.is_unspecified:
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
        name = f"[{address}]" if address.version == 6 else str(address)
    return f"{'https' if tls else 'http'}://{name}:{port}"


def announce(data: Path, url: str, secret: str, tls_cert: Path | None = None, calls: Calls = PUBLIC_ONLY) -> Running:
    """Write the file for this process, readable by its owner only, replacing any other at once.

    The certificate is copied, not referred to: the file on disk may be renewed while the server goes on with
    the old one. Raises OSError, and Unreadable for a `tls_cert` that holds no certificate.
    """
    certificate = _own_certificate(tls_cert) if tls_cert else None
    running = Running(
        url=url,
        secret=secret,
        pid=os.getpid(),
        certificate=certificate,
        loopback=calls.reach.loopback,
        networks=tuple(map(str, calls.reach.networks)),
        public_url=calls.public_url,
    )
    private_files.write(data / FILE_NAME, json.dumps(asdict(running), indent=1))
    return running


def withdraw(data: Path, running: Running) -> None:
    """Remove the file, unless another server has written its own since."""
    try:
        ours = find(data) == running
    except Unreadable:
        return
    if ours:
        (data / FILE_NAME).unlink(missing_ok=True)


def find(data: Path) -> Running | None:
    """What the file says, or None where there is none; raises Unreadable."""
    path = data / FILE_NAME
    try:
        fields = json.loads(path.read_text("utf-8"))
        return Running(
            url=str(fields["url"]),
            secret=str(fields["secret"]),
            pid=int(fields["pid"]),
            certificate=fields["certificate"],
            loopback=bool(fields.get("loopback", False)),
            networks=tuple(map(str, fields.get("networks", ()))),
            public_url=fields.get("public_url"),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise Unreadable(f"{path} can't be read: run this as the user who runs the server") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{path} is damaged: restart the server, or remove the file if none runs") from error


def _own_certificate(path: Path) -> str:
    """A server's file has its own certificate first and those of its authorities after it (RFC 8446, 4.4.2)."""
    found = _first_certificate(path.read_text("ascii", errors="replace"))
    if found is None:
        raise Unreadable(f"{path} holds no certificate in PEM form")
    return found.group()
