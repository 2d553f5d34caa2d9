"""Which PDU may come when: the whole of table 2-1, both ways, and what a session says to what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire.smpp import pdu, session
from heliograph.wire.smpp.pdu import Command, Header, Pdu, Status
from heliograph.wire.smpp.session import Fault, IllegalState, Orphan, Request, Response, Role, Session, State

BINDS: dict[State, type[pdu.Bind]] = {
    State.BOUND_TX: pdu.BindTransmitter,
    State.BOUND_RX: pdu.BindReceiver,
    State.BOUND_TRX: pdu.BindTransceiver,
}


def response_to(header: Header) -> Pdu:
    return pdu.KINDS[header.command | pdu.RESPONSE_BIT]()


def ask(sender: Session[str], receiver: Session[str], request: Pdu, ticket: str = "ticket") -> Request:
    (event,) = receiver.receive(sender.request(request, ticket)[1])
    assert isinstance(event, Request)
    assert event.pdu == request
    return event


def answer(sender: Session[str], receiver: Session[str], header: Header, status: int = 0) -> Response[str]:
    (event,) = receiver.receive(sender.respond(header, response_to(header), status))
    assert isinstance(event, Response)
    return event


def sessions(state: State = State.BOUND_TRX) -> tuple[Session[str], Session[str]]:
    """An ESME and an SMSC that are joined, in this state."""
    esme, smsc = Session[str](Role.ESME), Session[str](Role.SMSC)
    if state is State.UNBOUND:
        esme, smsc = sessions()
        answer(smsc, esme, ask(esme, smsc, pdu.Unbind()).header)
    elif state is not State.OPEN:
        answer(smsc, esme, ask(esme, smsc, BINDS[state]()).header)
    assert esme.state is smsc.state is state
    return esme, smsc


TX, RX, TRX = State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX
TABLE_2_1: dict[Command, tuple[set[State], set[State]]] = {
    # request: states in which an ESME may issue it, states in which an SMSC may
    Command.BIND_TRANSMITTER: ({State.OPEN}, set()),
    Command.BIND_RECEIVER: ({State.OPEN}, set()),
    Command.BIND_TRANSCEIVER: ({State.OPEN}, set()),
    Command.OUTBIND: (set(), {State.OPEN}),
    Command.UNBIND: ({TX, RX, TRX}, {TX, RX, TRX}),
    Command.SUBMIT_SM: ({TX, TRX}, set()),
    Command.SUBMIT_MULTI: ({TX, TRX}, set()),
    Command.DATA_SM: ({TX, RX, TRX}, {TX, RX, TRX}),
    Command.DELIVER_SM: (set(), {RX, TRX}),
    Command.QUERY_SM: ({TX, TRX}, set()),
    Command.CANCEL_SM: ({TX, TRX}, set()),
    Command.REPLACE_SM: ({TX, TRX}, set()),
    Command.ENQUIRE_LINK: ({State.OPEN, TX, RX, TRX}, {State.OPEN, TX, RX, TRX}),
    Command.ALERT_NOTIFICATION: (set(), {RX, TRX}),
}


def test_the_table_has_every_request() -> None:
    assert set(TABLE_2_1) == {command for command in Command if not command & pdu.RESPONSE_BIT}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", TABLE_2_1, ids=lambda command: command.name.lower())
@pytest.mark.parametrize("role", Role)
def test_each_request_in_each_state(command: Command, state: State, role: Role) -> None:
    esme, smsc = sessions(state)
    sender, receiver = (esme, smsc) if role is Role.ESME else (smsc, esme)
    request = pdu.KINDS[command]()
    if state in TABLE_2_1[command][0 if role is Role.ESME else 1]:
        event = ask(sender, receiver, request)
        if command in session.UNANSWERED:
            assert not sender.pending
        else:
            assert answer(receiver, sender, event.header).ticket == "ticket"
            assert not sender.pending
        return
    with pytest.raises(IllegalState):
        sender.request(request, "ticket")
    assert not sender.pending
    (fault,) = receiver.receive(pdu.encode(request, 7))
    assert isinstance(fault, Fault)
    assert not fault.close
    assert fault.reply is not None
    header, reply = pdu.decode(fault.reply)
    assert header.sequence == 7
    has_response = command | pdu.RESPONSE_BIT in pdu.KINDS
    assert reply.command == (command | pdu.RESPONSE_BIT if has_response else Command.GENERIC_NACK)
    is_bind_too_many = isinstance(request, pdu.Bind) and role is Role.ESME
    assert header.status == (Status.RALYBND if is_bind_too_many else Status.RINVBNDSTS)


@pytest.mark.parametrize("state", BINDS)
def test_a_refused_bind_leaves_the_session_open(state: State) -> None:
    esme, smsc = sessions(State.OPEN)
    event = ask(esme, smsc, BINDS[state]())
    assert answer(smsc, esme, event.header, Status.RINVPASWD).header.status == Status.RINVPASWD
    assert esme.state is smsc.state is State.OPEN
    answer(smsc, esme, ask(esme, smsc, BINDS[state]()).header)
    assert esme.state is smsc.state is state


def test_a_bind_before_the_answer_to_the_first_is_one_too_many() -> None:
    esme, smsc = sessions(State.OPEN)
    ask(esme, smsc, pdu.BindTransmitter())
    (fault,) = smsc.receive(esme.request(pdu.BindReceiver(), "second")[1])
    assert isinstance(fault, Fault)
    assert fault.error.status is Status.RALYBND


def test_after_our_unbind_the_answers_to_earlier_requests_still_come() -> None:
    esme, smsc = sessions()
    submit = ask(esme, smsc, pdu.SubmitSm(), "submit")
    unbind = ask(esme, smsc, pdu.Unbind(), "unbind")
    assert answer(smsc, esme, submit.header).ticket == "submit"
    assert answer(smsc, esme, unbind.header).ticket == "unbind"
    assert esme.state is smsc.state is State.UNBOUND


def test_responses_come_in_any_order() -> None:
    esme, smsc = sessions()
    requests = {ticket: ask(esme, smsc, pdu.SubmitSm(), ticket) for ticket in "abc"}
    assert list(esme.pending.values()) == ["a", "b", "c"]
    for ticket in "bca":
        assert answer(smsc, esme, requests[ticket].header).ticket == ticket


@pytest.mark.parametrize(
    ("response", "sequence"),
    [(pdu.SubmitSmResp(), 99), (pdu.QuerySmResp(), 2), (pdu.DeliverSmResp(), 2), (pdu.GenericNack(), 0)],
    ids=["unknown sequence", "of another request", "of the other side", "nack of nothing"],
)
def test_a_response_to_nothing_is_an_orphan(response: Pdu, sequence: int) -> None:
    esme, _ = sessions()
    assert esme.request(pdu.SubmitSm(), "submit")[0] == 2
    (event,) = esme.receive(pdu.encode(response, sequence))
    assert event == Orphan(Header(response.command, 0, sequence), response)
    assert list(esme.pending.values()) == ["submit"]


def test_a_response_to_what_was_forgotten_is_an_orphan() -> None:
    esme, smsc = sessions()
    request = ask(esme, smsc, pdu.SubmitSm())
    esme.forget(request.header.sequence)
    assert not esme.pending
    (event,) = esme.receive(smsc.respond(request.header, pdu.SubmitSmResp(message_id="late")))
    assert isinstance(event, Orphan)


def test_a_second_response_is_an_orphan() -> None:
    esme, smsc = sessions()
    request = ask(esme, smsc, pdu.SubmitSm())
    answer(smsc, esme, request.header)
    (event,) = esme.receive(smsc.respond(request.header, pdu.SubmitSmResp()))
    assert isinstance(event, Orphan)


def test_a_generic_nack_answers_a_request() -> None:
    esme, smsc = sessions()
    request = ask(esme, smsc, pdu.QuerySm(), "query")
    (event,) = esme.receive(smsc.respond(request.header, pdu.GenericNack(), Status.RINVCMDID))
    assert isinstance(event, Response)
    assert (event.ticket, event.header.status, event.pdu) == ("query", Status.RINVCMDID, pdu.GenericNack())


def raw(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (16 + len(body), command, status, sequence)) + body


@pytest.mark.parametrize(
    ("octets", "command", "status"),
    [
        pytest.param(raw(0x0A, 7), Command.GENERIC_NACK, Status.RINVCMDID, id="unknown command"),
        pytest.param(raw(Command.SUBMIT_SM, 7, b"x"), Command.SUBMIT_SM_RESP, Status.RINVCMDLEN, id="unreadable body"),
    ],
)
def test_what_cannot_be_read_is_answered_and_the_session_goes_on(octets: bytes, command: int, status: Status) -> None:
    _, smsc = sessions()
    fault, good = smsc.receive(octets + raw(Command.ENQUIRE_LINK, 8))
    assert isinstance(fault, Fault)
    assert not fault.close
    assert fault.reply is not None
    assert pdu.decode(fault.reply)[0] == Header(command, status, 7)
    assert isinstance(good, Request)


def test_response_of_unknown_command_is_not_answered() -> None:
    esme, _ = sessions()
    (fault,) = esme.receive(raw(0x80000077, 7))
    assert isinstance(fault, Fault)
    assert (fault.reply, fault.close) == (None, False)


UNREADABLE = [b"no end", b"\xff" * 300, b"1\0\0", b"1\0\x04\x24\0\xff\x41"]


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("status", [Status.ROK, Status.RTHROTTLED])
def test_response_with_damaged_body_keeps_its_status(body: bytes, status: Status) -> None:
    esme, _ = sessions()
    sequence, _ = esme.request(pdu.SubmitSm(), "submit")
    (event,) = esme.receive(raw(Command.SUBMIT_SM_RESP, sequence, body, status))
    assert isinstance(event, Response)
    assert (event.ticket, event.header.status) == ("submit", status)
    assert event.damage
    assert not esme.pending


@pytest.mark.parametrize("body", UNREADABLE)
def test_late_response_with_damaged_body_is_an_orphan_with_its_status(body: bytes) -> None:
    esme, _ = sessions()
    (event,) = esme.receive(raw(Command.SUBMIT_SM_RESP, 99, body))
    assert isinstance(event, Orphan)
    assert (event.header.status, bool(event.damage)) == (Status.ROK, True)


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("bind", BINDS.values())
def test_bind_response_with_damaged_body_binds(bind: type[pdu.Bind], body: bytes) -> None:
    esme, _ = sessions(State.OPEN)
    sequence, _ = esme.request(bind(), "bind")
    (event,) = esme.receive(raw(bind.command | pdu.RESPONSE_BIT, sequence, body))
    assert isinstance(event, Response)
    assert esme.state.is_bound


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", [pdu.EnquireLink, pdu.Unbind])
def test_request_without_fields_that_has_a_body_is_a_request(kind: type[Pdu], role: Role) -> None:
    esme, smsc = sessions()
    receiver = smsc if role is Role.ESME else esme
    (event,) = receiver.receive(raw(kind.command, 7, b"x"))
    assert isinstance(event, Request)
    assert (type(event.pdu), event.damage) == (kind, "1 octets behind the last field or TLV")


def test_a_stream_that_cannot_be_followed_ends_after_what_came_before() -> None:
    smsc = Session[str](Role.SMSC, max_pdu_octets=100)
    good, fault = smsc.receive(raw(Command.ENQUIRE_LINK, 7) + raw(Command.SUBMIT_SM, 8, bytes(85)))
    assert isinstance(good, Request)
    assert isinstance(fault, Fault)
    assert fault.close
    assert fault.reply is not None
    assert pdu.decode(fault.reply) == (Header(Command.GENERIC_NACK, Status.RINVCMDLEN, 8), pdu.GenericNack())


def test_sequence_numbers_start_at_one_and_come_round() -> None:
    esme, smsc = sessions(State.OPEN)
    assert esme.request(pdu.EnquireLink(), "first")[0] == 1
    esme._sequence = session.MAX_SEQUENCE - 1
    assert esme.request(pdu.EnquireLink(), "last")[0] == session.MAX_SEQUENCE
    assert ask(esme, smsc, pdu.EnquireLink(), "again").header.sequence == 2  # 1 still waits


def test_what_cannot_be_encoded_leaves_no_trace() -> None:
    esme, smsc = sessions()
    with pytest.raises(ValueError, match="destination_addr"):
        esme.request(pdu.SubmitSm(destination_addr="1" * 21), "x")
    assert not esme.pending
    assert ask(esme, smsc, pdu.SubmitSm()).header.sequence == 2


def test_an_answer_of_the_wrong_kind_is_refused() -> None:
    esme, smsc = sessions()
    request = ask(esme, smsc, pdu.SubmitSm())
    with pytest.raises(IllegalState, match="no answer"):
        smsc.respond(request.header, pdu.DeliverSmResp())


FRAMES = st.sampled_from(pdu.PDUS).flatmap(
    lambda kind: st.builds(
        lambda sequence, status, cut: raw(kind.command, sequence, pdu.encode(kind(), 1)[16:][cut:], status),
        st.integers(0, 3),
        st.sampled_from([0, 8]),
        st.integers(0, 2),
    )
)


@given(st.lists(FRAMES | st.binary(max_size=20)), st.sampled_from(Role), st.sampled_from(State))
def test_whatever_comes_nothing_is_raised(frames: list[bytes], role: Role, state: State) -> None:
    esme, smsc = sessions(state)
    receiver = esme if role is Role.ESME else smsc
    for frame in frames:
        for event in receiver.receive(frame):
            if isinstance(event, Request) and event.header.command not in session.UNANSWERED:
                receiver.respond(event.header, response_to(event.header), Status.RSYSERR)
        assert set(receiver.pending) == set(receiver._commands)
