"""PyPI's smpplib as a customer: it binds to us, sends, gets its receipts and an inbound message."""

from collections.abc import Iterator
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm

from smpp_customer import Credential, Smsc

HANDSET = "13125550142"
DELIVERY_RECEIPT = 0x04
"""esm_class (SMPP 3.4, 5.2.12), for which smpplib has no name."""


class Esme:
    """smpplib's client, and what it was told."""

    def __init__(self, port: int) -> None:
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self.client = smpplib.client.Client("127.0.0.1", port, timeout=20, allow_unknown_opt_params=True)
        self.client.set_message_sent_handler(lambda pdu: self.sent.append(pdu))
        self.client.set_message_received_handler(lambda pdu: self.received.append(pdu))
        self.client.connect()

    def send(self, number: str, text: str) -> list[str]:
        """Send a text as smpplib cuts and encodes it; returns the ids of its parts."""
        parts, data_coding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            self.client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_INTL,
                source_addr=number.lstrip("+"),
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                destination_addr=HANDSET,
                short_message=part,
                data_coding=data_coding,
                esm_class=esm_class,
                registered_delivery=True,
            )
        self.until(lambda: len(self.sent) == len(parts))
        ids = [pdu.message_id.decode() for pdu in self.sent]
        self.sent.clear()
        return ids

    def until(self, wanted: Any) -> None:
        while not wanted():
            self.client.read_once()


@pytest.fixture(scope="module")
def credential(smsc: Smsc) -> Credential:
    credential = smsc.credential("smpplib")
    smsc.bind(credential).close()
    return credential


@pytest.fixture
def esme(smsc: Smsc, credential: Credential) -> Iterator[Esme]:
    esme = Esme(smsc.port)
    esme.client.bind_transceiver(system_id=credential.system_id, password=credential.password)
    yield esme
    esme.client.unbind()
    esme.client.disconnect()


@pytest.mark.parametrize("text", ["hello", "Grüße, €5 [now]", "Привет 👋", "long " * 100, "длинный " * 40])
def test_texts_arrive_whole_and_their_receipts_come_back(smsc: Smsc, esme: Esme, text: str) -> None:
    ids = esme.send(smsc.number, text)
    assert smsc.message(ids[0])["body"] == text
    esme.until(lambda: len(esme.received) == len(ids))
    receipts = esme.received
    assert {pdu.receipted_message_id.rstrip(b"\0").decode() for pdu in receipts} == set(ids)
    assert all(b"stat:DELIVRD" in pdu.short_message for pdu in receipts)
    assert all(pdu.esm_class == DELIVERY_RECEIPT for pdu in receipts)


def test_an_inbound_message_arrives(smsc: Smsc, esme: Esme, credential: Credential) -> None:
    number = smsc.server.credentials.numbers[1]
    smsc.give_number(credential, number)
    smsc.inbound(number, "Grüße", "+13125550177")
    esme.until(lambda: esme.received)
    (pdu,) = esme.received
    assert (pdu.source_addr, pdu.destination_addr) == (b"13125550177", number[1:].encode())
    assert pdu.short_message == smpplib.gsm.gsm_encode("Grüße")


def test_it_is_told_why_it_is_refused(smsc: Smsc, credential: Credential) -> None:
    esme = Esme(smsc.port)
    with pytest.raises(smpplib.exceptions.PDUError) as error:
        esme.client.bind_transceiver(system_id=credential.system_id, password="wrong")
    assert error.value.args[1] == smpplib.consts.SMPP_ESME_RBINDFAIL
    esme.client.disconnect()


def test_a_query_is_answered(smsc: Smsc, esme: Esme) -> None:
    (message_id,) = esme.send(smsc.number, "hello")
    esme.until(lambda: esme.received)
    answers: list[Any] = []
    esme.client.set_query_resp_handler(answers.append)
    esme.client.query_message(
        message_id=message_id,
        source_addr_ton=smpplib.consts.SMPP_TON_INTL,
        source_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
        source_addr=smsc.number.lstrip("+"),
    )
    esme.until(lambda: answers)
    assert answers[0].message_state == smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED
