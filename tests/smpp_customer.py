"""An SMPP customer for tests: sends PDUs as it is told, and shows what came. Waits are bounded, nothing sleeps."""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from heliograph import app, config
from heliograph.engine import smpp_credentials
from heliograph.engine.smpp_credentials import Forge, Wish
from heliograph.net.clock import SystemClock
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import RESPONSE_BIT, Header, Pdu, Status
from servers import HOST, HeliographServer, wait_until

SECONDS = 20.0

QUICK: dict[str, object] = {
    "simulator_answer_ms": 1,
    "simulator_receipt_ms": 1,
    "directory_poll_seconds": 0.05,
    "callback_poll_seconds": 0.05,
    "callback_retry_seconds": 0.05,
    "reassembly_seconds": 1,
    "smpp_failed_binds": 0,
}
"""Settings of a server whose tests don't want to wait."""

P = TypeVar("P", bound=Pdu)


@dataclass(frozen=True)
class Credential:
    system_id: str
    password: str


class Closed(Exception):
    """The server has closed the connection."""


class Customer:
    """One connection. Requests of the server's are kept in `came` until they are taken with `next`."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection((HOST, port), SECONDS)
        self._socket = tls.wrap_socket(plain, server_hostname=HOST) if tls else plain
        self._framer = smpp.Framer()
        self._read: deque[tuple[Header, Pdu]] = deque()
        self._sequence = 0
        self._answers: dict[int, tuple[Status, Pdu]] = {}
        self.came: deque[tuple[Header, Pdu]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def cut(self) -> None:
        """Reset the connection, as when the peer's machine dies."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._socket.close()

    def write(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def send(self, pdu: Pdu) -> int:
        self._sequence += 1
        self.write(smpp.encode(pdu, self._sequence))
        return self._sequence

    def ask(self, pdu: Pdu) -> tuple[Status, Any]:
        """Send a request and wait for its answer."""
        return self.answer_to(self.send(pdu))

    def answer_to(self, sequence: int) -> tuple[Status, Any]:
        while sequence not in self._answers:
            header, pdu = self.read()
            if header.command & RESPONSE_BIT:
                self._answers[header.sequence] = (Status(header.status), pdu)
            else:
                self.came.append((header, pdu))
        return self._answers.pop(sequence)

    def respond(self, header: Header, status: int = 0) -> None:
        self.write(smpp.encode(smpp.KINDS[header.command | RESPONSE_BIT](), header.sequence, status))

    def next(self, kind: type[P]) -> tuple[Header, P]:
        """The next request of a kind, unanswered yet; enquire_link is answered on the way."""
        while True:
            header, pdu = self.came.popleft() if self.came else self.read()
            if isinstance(pdu, kind):
                return header, pdu
            if isinstance(pdu, smpp.EnquireLink):
                self.respond(header)

    def take(self) -> smpp.DeliverSm:
        """The next deliver_sm, answered ESME_ROK."""
        header, pdu = self.next(smpp.DeliverSm)
        self.respond(header)
        return pdu

    def read(self) -> tuple[Header, Pdu]:
        while not self._read:
            try:
                octets = self._socket.recv(65536)
            except ConnectionError:
                octets = b""
            if not octets:
                raise Closed
            self._read.extend(map(smpp.decode, self._framer.feed(octets)))
        return self._read.popleft()

    def is_quiet(self) -> bool:
        """Whether nothing comes before the answer to an enquire_link."""
        assert self.ask(smpp.EnquireLink())[0] is Status.ROK
        return not self.came


BINDS: dict[str, type[smpp.Bind]] = {
    "transceiver": smpp.BindTransceiver,
    "transmitter": smpp.BindTransmitter,
    "receiver": smpp.BindReceiver,
}


class Smsc:
    """A server with a door for customers."""

    def __init__(self, server: HeliographServer, *, tls: ssl.SSLContext | None = None) -> None:
        self.server = server
        self.port = int(str(server.settings["smpp_port"]))
        self._tls = tls
        self._open: list[Customer] = []

    @property
    def number(self) -> str:
        return self.server.credentials.numbers[0]

    def credential(self, system_id: str, **wish: Any) -> Credential:
        """What `heliograph smpp create` makes, without the time that a command takes to start."""
        given = {"data": str(self.server.data), "database_url": self.server.database_url}
        settings = config.load(given, {})

        async def create() -> str:
            store = app.make_store(settings, exclusive=False)
            await store.open()
            try:
                forge = Forge(SystemClock())
                project_id = self.server.credentials.project_id
                return (await smpp_credentials.create(store, forge, project_id, system_id, Wish(**wish)))[1]
            finally:
                await store.close()

        return Credential(system_id, asyncio.run(create()))

    def give_number(self, credential: Credential, number: str) -> None:
        """Its inbound messages go to the credential's binds."""
        self.server.run("number", "handler", number, "--smpp", credential.system_id, *self._store())
        path = f"/api/relay/rest/phone_numbers?filter_number={number[1:]}"

        def is_known() -> bool:
            (found,) = self.server.request("GET", path).json()["data"]
            return found.get("message_smpp_system_id") == credential.system_id

        wait_until(is_known, "the server to know the number's handler")

    def _store(self) -> list[str]:
        url = ["--database-url", self.server.database_url] if self.server.database_url else []
        return ["--data", str(self.server.data), *url]

    def connect(self) -> Customer:
        customer = Customer(self.port, tls=self._tls)
        self._open.append(customer)
        return customer

    def try_bind(self, credential: Credential, mode: str = "transceiver", **fields: Any) -> tuple[Status, Customer]:
        customer = self.connect()
        names = {"system_id": credential.system_id, "password": credential.password}
        status, _ = customer.ask(BINDS[mode](**(names | fields)))
        if status is not Status.ROK:
            customer.close()
        return status, customer

    def bind(self, credential: Credential, mode: str = "transceiver", **fields: Any) -> Customer:
        """A bound customer; the server learns of a new credential within moments."""

        def bound() -> Customer | None:
            status, customer = self.try_bind(credential, mode, **fields)
            return customer if status is Status.ROK else None

        customer = wait_until(bound, f"{credential.system_id} to be bound")
        assert customer is not None
        return customer

    def message(self, message_id: str) -> dict[str, Any]:
        project = self.server.credentials.project_id
        reply = self.server.request("GET", f"/api/laml/2010-04-01/Accounts/{project}/Messages/{message_id}")
        assert reply.status == 200, reply.body
        return dict(reply.json())

    def reaches(self, message_id: str, status: str) -> dict[str, Any]:
        found = wait_until(
            lambda: (each := self.message(message_id))["status"] == status and each, f"{message_id} to be {status}"
        )
        assert found
        return found

    def inbound(self, number: str, body: str, from_number: str = "+13125550001") -> str:
        message = {"from": from_number, "to": number, "body": body}
        reply = self.server.request("POST", "/api/heliograph/simulator/inbound", json_body=message)
        assert reply.status == 201, reply.body
        return str(reply.json()["id"])

    def metric(self, line: str) -> float:
        """The value of the line that begins so; 0 where there is none."""
        page = self.server.request("GET", "/metrics").body.decode()
        return next((float(each.split()[-1]) for each in page.splitlines() if each.startswith(line)), 0.0)

    def close(self) -> None:
        for customer in self._open:
            with contextlib.suppress(OSError):
                customer.close()


SmscFactory = Callable[..., Smsc]


def text_from(number: str, to: str = "+13125550199", **fields: Any) -> smpp.SubmitSm:
    """A short text to a handset that gets everything."""
    plain: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": number[1:],
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": to[1:],
        "short_message": b"hello",
    }
    return smpp.SubmitSm(**(plain | fields))


def part(reference: int, total: int, number: int, octets: bytes) -> dict[str, Any]:
    """The fields of one part of a long message, with an 8-bit reference."""
    return {"esm_class": 0x40, "short_message": bytes((5, 0, 3, reference, total, number)) + octets}
