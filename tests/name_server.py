"""A name server for tests: names from a table, silence for those that it is told to ignore, else NXDOMAIN."""

import asyncio
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

A, AAAA = 1, 28
NXDOMAIN = 3
FOUND = 0


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA. `names` and `ignored` may be changed while it runs; `asked` counts questions by name."""

    def __init__(self, names: Mapping[str, Sequence[str]], ignored: Callable[[str, int], bool]) -> None:
        self.names = dict(names)
        self.ignored = ignored
        self.asked: Counter[str] = Counter()
        self.address = ""
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # an endpoint's is a DatagramTransport
        host, port = transport.get_extra_info("sockname")[:2]
        self.address = f"{host}:{port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name, end = _name(data)
        kind = int.from_bytes(data[end : end + 2], "big")
        self.asked[name] += 1
        if not self.ignored(name, kind):
            self._transport.sendto(self._answer(data, name, kind, end + 4), addr)

    def _answer(self, data: bytes, name: str, kind: int, end: int) -> bytes:
        known = name in self.names
        version = {A: 4, AAAA: 6}.get(kind)
        addresses = [ipaddress.ip_address(each) for each in self.names.get(name, ())]
        records = [each.packed for each in addresses if each.version == version]
        flags = 0x8180 | (FOUND if known else NXDOMAIN)
        head = data[:2] + b"".join(number.to_bytes(2, "big") for number in (flags, 1, len(records), 0, 0))
        tail = b"".join(
            b"\xc0\x0c"
            + kind.to_bytes(2, "big")
            + b"\0\1"
            + (0).to_bytes(4, "big")
            + len(each).to_bytes(2, "big")
            + each
            for each in records
        )
        return head + data[12:end] + tail


def _name(data: bytes) -> tuple[str, int]:
    """The question's name in lower case, and where it ends."""
    labels, at = [], 12
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii").lower())
        at += length + 1
    return ".".join(labels), at + 1


@asynccontextmanager
async def name_server(
    names: Mapping[str, Sequence[str]], ignored: Callable[[str, int], bool] = lambda name, kind: False
) -> AsyncIterator[NameServer]:
    """Runs one on a free port of loopback."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: NameServer(names, ignored), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server
    finally:
        transport.close()
