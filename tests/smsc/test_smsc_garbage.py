"""What is no SMPP, or wrong SMPP: answered as the standard says, and never the end of anything but its connection."""

import contextlib
import random
import struct
import uuid

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Command, Status
from smpp_customer import Closed, Customer, Smsc, SmscFactory, part, text_from

UNKNOWN_COMMAND = 0x00000110


def frame(command: int, sequence: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    return struct.pack(">IIII", 16 + len(body) if length is None else length, command, 0, sequence) + body


@pytest.fixture
def customer(smsc: Smsc) -> Customer:
    return smsc.bind(smsc.credential(f"g{uuid.uuid4().hex[:12]}"))


def test_an_unknown_pdu_gets_a_generic_nack(customer: Customer) -> None:
    customer.write(frame(UNKNOWN_COMMAND, 77, b"whatever"))
    header, pdu = customer.read()
    assert isinstance(pdu, smpp.GenericNack)
    assert (header.status, header.sequence) == (Status.RINVCMDID, 77)
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK


@pytest.mark.parametrize("body", [b"", b"\0", b"no end", b"\0" * 9 + b"\xff", b"\0" * 16 + b"\x09short"])
def test_a_submit_that_can_not_be_read_is_refused(customer: Customer, body: bytes) -> None:
    customer.write(frame(Command.SUBMIT_SM, 78, body))
    header, _ = customer.read()
    assert (header.command, header.sequence) == (Command.SUBMIT_SM_RESP, 78)
    assert header.status in (Status.RINVCMDLEN, Status.RINVMSGLEN)
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK


@pytest.mark.parametrize("length", [0, 15, 70_001, 0xFFFFFFFF])
def test_a_length_that_can_not_be_ends_the_connection(customer: Customer, length: int) -> None:
    customer.write(frame(Command.SUBMIT_SM, 79, length=length))
    header, pdu = customer.read()
    assert isinstance(pdu, smpp.GenericNack) and header.status == Status.RINVCMDLEN
    with pytest.raises(Closed):
        customer.read()


def test_answers_to_nothing_are_not_answered(customer: Customer) -> None:
    for kind in (smpp.DeliverSmResp, smpp.EnquireLinkResp, smpp.BindTransceiverResp, smpp.GenericNack):
        customer.write(smpp.encode(kind(), 4242))
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK


@pytest.mark.parametrize("kind", [smpp.DeliverSm, smpp.Outbind, smpp.AlertNotification])
def test_an_smscs_requests_are_not_a_customers(customer: Customer, kind: type[smpp.Pdu]) -> None:
    customer.send(kind())
    header, _ = customer.read()
    assert header.status == Status.RINVBNDSTS
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK


def noise(chance: random.Random) -> bytes:
    """Octets that look more and less like SMPP."""
    good = [
        smpp.encode(text_from("+12025550101"), 1),
        smpp.encode(text_from("+12025550101", registered_delivery=17, **part(1, 3, 2, b"part")), 2),
        smpp.encode(smpp.BindTransceiver(system_id="fuzz", password="x"), 3),
        smpp.encode(smpp.QuerySm(message_id="1"), 4),
        smpp.encode(smpp.SubmitMulti(dest_address=(smpp.Address(1, 1, "1"), "list"), short_message=b"x"), 5),
        smpp.encode(smpp.EnquireLink(), 6),
    ]
    octets = bytearray()
    for _ in range(30):
        piece = bytearray(chance.choice(good))
        for _ in range(chance.choice((0, 1, 3, 20))):
            piece[chance.randrange(4, len(piece))] = chance.randrange(256)
        if chance.random() < 0.1:
            piece = piece[: chance.randrange(len(piece))]
        octets += piece
    return bytes(octets) if chance.random() < 0.8 else chance.randbytes(3000)


@pytest.mark.parametrize("bound", [False, True])
def test_noise_hurts_nobody(own_smsc: SmscFactory, bound: bool) -> None:
    smsc = own_smsc(smpp_pdu_max_bytes=4096)
    credential = smsc.credential("fuzz", max_binds=100)
    unhurt = smsc.bind(credential)
    for seed in range(60):
        chance = random.Random(seed)
        customer = smsc.bind(credential) if bound else smsc.connect()
        with contextlib.suppress(OSError):  # it was shown the door
            for _ in range(5):
                customer.write(noise(chance))
        customer.close()
        assert unhurt.ask(smpp.EnquireLink())[0] is Status.ROK
    status, answer = unhurt.ask(text_from(smsc.number))
    assert status is Status.ROK and smsc.reaches(answer.message_id, "delivered")
    assert smsc.server.request("GET", "/health").status == 200
    for fault in ("Traceback", "request_broke", "task.broke", "machine.broke"):
        assert fault not in smsc.server.log()


def test_one_who_never_reads_is_cut_off_and_hurts_nobody(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(backlog_limit=0)
    credential = smsc.credential("deaf")
    deaf = smsc.bind(credential)
    flood = b"".join(smpp.encode(smpp.QuerySm(message_id="x" * 60), sequence) for sequence in range(1, 2000))
    with pytest.raises(OSError):
        for _ in range(1000):
            deaf._socket.settimeout(2)
            deaf.write(flood)
    other = smsc.bind(credential)
    assert other.ask(smpp.EnquireLink())[0] is Status.ROK
    assert smsc.server.request("GET", "/health").status == 200
