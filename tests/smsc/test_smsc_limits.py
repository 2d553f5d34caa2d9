"""Limits of a project, met by its SMPP customers."""

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Address, Pdu, Status
from smpp_customer import SmscFactory, part, text_from

DAY = 86_400


def to_many(number: str, count: int) -> smpp.SubmitMulti:
    destinations = tuple(Address(1, 1, f"1312555{place:04d}") for place in range(count))
    return smpp.SubmitMulti(source_addr_ton=1, source_addr=number[1:], dest_address=destinations, short_message=b"all")


def test_rate_of_a_project_holds_for_all_its_customers_and_doors(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(rate_limit_writes=6, rate_limit_seconds=DAY)
    one, other = smsc.bind(smsc.credential("one")), smsc.bind(smsc.credential("other"))
    assert one.ask(text_from(smsc.number))[0] is Status.ROK
    assert other.ask(text_from(smsc.number, **part(1, 2, 1, b"first")))[0] is Status.ROK
    assert other.ask(text_from(smsc.number, **part(1, 2, 2, b"last")))[0] is Status.ROK
    status, answer = one.ask(to_many(smsc.number, 5))
    assert status is Status.ROK
    assert [each.error_status_code for each in answer.unsuccess_sme] == [Status.RTHROTTLED] * 2
    for pdu in (text_from(smsc.number), to_many(smsc.number, 2), text_from(smsc.number, **part(2, 2, 1, b"x"))):
        assert other.ask(pdu)[0] is Status.RTHROTTLED
    path = f"/api/laml/2010-04-01/Accounts/{smsc.server.credentials.project_id}/Messages"
    reply = smsc.server.request("POST", path, form=[("To", "+13125550199"), ("From", smsc.number), ("Body", "x")])
    assert (reply.status, reply.json()["code"]) == (429, 20429) and int(reply.headers["retry-after"]) > 0


@pytest.mark.parametrize("kind", ["text", "part"])
def test_full_backlog_refuses_texts_and_parts(own_smsc: SmscFactory, kind: str) -> None:
    smsc = own_smsc(backlog_limit=1, simulator_window=1, simulator_answer_ms=60_000)
    customer = smsc.bind(smsc.credential("acme"))
    _, first = customer.ask(text_from(smsc.number))
    smsc.reaches(first.message_id, "sending")
    assert customer.ask(text_from(smsc.number))[0] is Status.ROK
    pdu: Pdu = text_from(smsc.number) if kind == "text" else text_from(smsc.number, **part(1, 2, 1, b"x"))
    assert customer.ask(pdu)[0] is Status.RMSGQFUL
