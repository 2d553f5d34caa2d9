"""Binding: who may, how often, and what a refused one is told."""

import contextlib
import json
import ssl
import struct
from pathlib import Path

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag
from servers import wait_until
from smpp_customer import Closed, Credential, Customer, Smsc, SmscFactory, text_from


@pytest.mark.parametrize("mode", ["transceiver", "transmitter", "receiver"])
def test_a_customer_binds_and_unbinds(smsc: Smsc, mode: str) -> None:
    customer = smsc.bind(smsc.credential(f"bind-{mode[:8]}"), mode)
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK
    assert customer.ask(smpp.Unbind())[0] is Status.ROK
    with pytest.raises(Closed):
        customer.read()


def test_the_answer_to_a_bind_says_who_and_which_version(smsc: Smsc) -> None:
    credential = smsc.credential("version")
    smsc.bind(credential).close()
    with smsc.connect() as customer:
        bind = smpp.BindTransceiver(system_id=credential.system_id, password=credential.password)
        status, answer = customer.ask(bind)
    assert (status, answer.system_id, answer.tlvs) == (Status.ROK, "heliograph", {Tag.SC_INTERFACE_VERSION: b"\x34"})


def test_a_refused_bind_does_not_tell_what_was_wrong(smsc: Smsc) -> None:
    known = smsc.credential("known")
    elsewhere = smsc.credential("elsewhere", allowed=("192.0.2.0/24",))
    smsc.bind(known).close()
    for wrong in (Credential("nobody", "secret"), Credential("known", "secret"), Credential("known", ""), elsewhere):
        status, customer = smsc.try_bind(wrong)
        assert status is Status.RBINDFAIL
        customer.close()
    customer = smsc.connect()
    assert customer.ask(smpp.BindReceiver(system_id="known", password="x" * 8))[0] is Status.RBINDFAIL
    with pytest.raises(Closed):
        customer.read()


def test_a_credential_has_so_many_binds_and_no_more(smsc: Smsc) -> None:
    credential = smsc.credential("two", max_binds=2)
    first, _ = smsc.bind(credential, "transmitter"), smsc.bind(credential, "receiver")
    assert smsc.try_bind(credential)[0] is Status.RALYBND
    first.close()
    smsc.bind(credential)


def test_a_second_bind_on_one_connection_is_refused(smsc: Smsc) -> None:
    credential = smsc.credential("twice")
    customer = smsc.bind(credential)
    bind = smpp.BindTransceiver(system_id=credential.system_id, password=credential.password)
    assert customer.ask(bind)[0] is Status.RALYBND
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK


def test_nothing_is_taken_before_the_bind_nor_over_a_receiver(smsc: Smsc) -> None:
    customer = smsc.connect()
    assert customer.ask(smpp.SubmitSm(short_message=b"x"))[0] is Status.RINVBNDSTS
    receiver = smsc.bind(smsc.credential("rx"), "receiver")
    assert receiver.ask(smpp.SubmitSm(short_message=b"x"))[0] is Status.RINVBNDSTS
    assert receiver.ask(smpp.DataSm(tlvs={Tag.MESSAGE_PAYLOAD: b"x"}))[0] is Status.RINVBNDSTS


@pytest.mark.parametrize("command", [("update", "--new-password"), ("update", "--allow", "192.0.2.1"), ("remove",)])
def test_a_credential_that_ends_or_changes_is_unbound(smsc: Smsc, command: tuple[str, ...]) -> None:
    system_id = f"ends{len(command)}"
    credential = smsc.credential(system_id)
    customer = smsc.bind(credential)
    smsc.server.run("smpp", command[0], system_id, *command[1:], "--data", str(smsc.server.data))
    header, _ = customer.next(smpp.Unbind)
    assert customer.ask(smpp.DataSm(tlvs={Tag.MESSAGE_PAYLOAD: b"x"}))[0] is Status.RINVBNDSTS
    customer.respond(header)
    with pytest.raises(Closed):
        customer.read()
    assert smsc.try_bind(credential)[0] is Status.RBINDFAIL


def test_a_connection_that_does_not_bind_is_closed(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(smpp_bind_seconds=0.2)
    with pytest.raises(Closed):
        smsc.connect().read()


def test_oldest_silent_connection_makes_room_for_a_customer(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(smpp_connections_max=2)
    credential = smsc.credential("acme")
    smsc.bind(credential)
    silent = smsc.connect()
    smsc.bind(credential)
    with pytest.raises(Closed):
        silent.read()
    with pytest.raises(Closed):
        smsc.connect().read()
    assert smsc.metric("heliograph_smpp_connections_refused_total") == 1


def test_wrong_passwords_refuse_no_right_one(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(smpp_failed_binds=3)
    credential = smsc.credential("acme")
    for number in range(12):
        assert smsc.try_bind(Credential("acme", f"wrong{number}"))[0] is Status.RBINDFAIL
    smsc.bind(credential)


@pytest.mark.parametrize("header", [b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 2775\r\n", b""])
def test_credential_is_allowed_by_the_address_that_a_trusted_proxy_names(own_smsc: SmscFactory, header: bytes) -> None:
    smsc = own_smsc(trusted_proxies="127.0.0.0/8")
    here, there = smsc.credential("here", allowed=("127.0.0.1",)), smsc.credential("there", allowed=("192.0.2.7",))

    def status_of(credential: Credential) -> Status:
        customer = smsc.connect()
        customer.write(header)
        return customer.ask(smpp.BindTransceiver(system_id=credential.system_id, password=credential.password))[0]

    right, wrong = (there, here) if header else (here, there)
    assert wait_until(lambda: status_of(right) is Status.ROK, "the credential to be known")
    assert status_of(wrong) is Status.RBINDFAIL


def test_submit_behind_the_bind_waits_for_its_answer(smsc: Smsc) -> None:
    credential = smsc.credential("pipelined")
    smsc.bind(credential).close()
    customer = smsc.connect()
    bind = smpp.BindTransceiver(system_id=credential.system_id, password=credential.password)
    long_text = text_from(smsc.number, short_message=b"", tlvs={Tag.MESSAGE_PAYLOAD: b"x" * 1500})
    frames = [bind, text_from(smsc.number), long_text]
    customer.write(b"".join(smpp.encode(each, number) for number, each in enumerate(frames, 1)))
    assert [customer.answer_to(number)[0] for number in (1, 2, 3)] == [Status.ROK] * 3


def test_password_longer_than_the_field_is_judged_as_any_other(smsc: Smsc) -> None:
    credential = smsc.credential("long-password")
    smsc.bind(credential).close()
    customer = smsc.connect()
    body = b"long-password\0" + credential.password.encode() + b" and more\0" + b"\0\x34\0\0\0"
    customer.write(struct.pack(">IIII", 16 + len(body), smpp.Command.BIND_TRANSCEIVER, 0, 1) + body)
    assert customer.answer_to(1)[0] is Status.RBINDFAIL


def test_bind_too_many_asks_the_older_ones_for_a_sign_of_life(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(smpp_response_seconds=0.2, smpp_enquire_link_seconds=1000)
    credential = smsc.credential("cut", max_binds=1)
    old = smsc.bind(credential)
    assert smsc.try_bind(credential)[0] is Status.RALYBND
    old.next(smpp.EnquireLink)
    smsc.bind(credential)
    with pytest.raises(Closed):
        old.read()


def test_customers_bind_over_tls(own_smsc: SmscFactory, tmp_path: Path) -> None:
    plain = own_smsc()
    made = plain.server.run("dev-cert", "--data", str(tmp_path / "certs"), "--json")
    files = json.loads(made)
    smsc = own_smsc(smpp_tls_cert=files["certificate"], smpp_tls_key=files["key"])
    smsc._tls = ssl.create_default_context(cafile=files["ca"])
    customer = smsc.bind(smsc.credential("tls"))
    assert customer.ask(smpp.EnquireLink())[0] is Status.ROK
    smsc._tls = None
    customer = smsc.connect()
    customer.send(smpp.EnquireLink())
    with pytest.raises(Closed):
        customer.read()


def test_a_stop_unbinds(own_smsc: SmscFactory) -> None:
    smsc = own_smsc()
    customer = smsc.bind(smsc.credential("acme"))
    smsc.server._process.terminate()  # type: ignore[union-attr]
    header, _ = customer.next(smpp.Unbind)
    customer.respond(header)
    assert smsc.server.stop() == 0
    assert "not_let_go" not in smsc.server.log()


def test_handshakes_that_fail_take_no_place_for_ever(own_smsc: SmscFactory, tmp_path: Path) -> None:
    plain = own_smsc()
    files = json.loads(plain.server.run("dev-cert", "--data", str(tmp_path / "certs"), "--json"))
    smsc = own_smsc(
        smpp_tls_cert=files["certificate"], smpp_tls_key=files["key"], smpp_connections_max=2, smpp_bind_seconds=0.5
    )
    for _ in range(4):
        with Customer(smsc.port) as stranger, contextlib.suppress(OSError, Closed):
            stranger.write(b"GET / HTTP/1.0\r\n\r\n")
            stranger.read()
    smsc._tls = ssl.create_default_context(cafile=files["ca"])
    credential = smsc.credential("after")

    def bound() -> Customer | None:
        with contextlib.suppress(OSError, Closed):
            status, customer = smsc.try_bind(credential)
            return customer if status is Status.ROK else None
        return None

    assert wait_until(bound, "a customer to be let in")
