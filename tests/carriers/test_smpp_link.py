"""Links over real sockets, against a peer that speaks octets. Time is moved by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hand_time import HandTime
from structlog.testing import capture_logs

from heliograph.carriers.smpp import link as links
from heliograph.carriers.smpp.link import FAULTS_LOGGED, Link, LinkLost, LinkSettings, NoAnswer, NotSent, Timing
from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.pdu import Command, Header, Pdu, Status, Tag
from heliograph.wire.smpp.session import Role, State

SETTINGS = LinkSettings(enquire_link_seconds=30, response_seconds=10, bind_seconds=5)
ENDS_SECONDS = 10
"""How long real time a test waits for what must come: never reached where it does."""


class Holder:
    """What a link's handler hears."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[Header, Pdu]] = asyncio.Queue()
        self.orphans: asyncio.Queue[tuple[Header, Pdu]] = asyncio.Queue()
        self.closed: asyncio.Queue[str] = asyncio.Queue()
        self.damaged = 0
        self.at_once: Callable[[Link, Header, Pdu], None] | None = None

    def on_request(self, link: Link, header: Header, request: Pdu) -> None:
        if self.at_once is not None:
            self.at_once(link, header, request)
        self.requests.put_nowait((header, request))

    def on_damaged(self, link: Link) -> None:
        self.damaged += 1

    def on_closed(self, link: Link, reason: str) -> None:
        self.closed.put_nowait(reason)

    async def requested(self) -> tuple[Header, Pdu]:
        return await soon(self.requests.get())

    async def reason(self) -> str:
        return await soon(self.closed.get())


async def soon(awaited: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(awaited, ENDS_SECONDS)


class Peer:
    """The other end: frames in, frames out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> tuple[Header, Pdu]:
        length = await soon(self.reader.readexactly(4))
        return pdu.decode(length + await soon(self.reader.readexactly(int.from_bytes(length, "big") - 4)))

    async def expect(self, value: Pdu, status: int = 0) -> int:
        """The sequence number of the next PDU, which must be this."""
        header, read = await self.read()
        assert (read, header.status) == (value, status)
        return header.sequence

    def send(self, value: Pdu, sequence: int, status: int = 0) -> None:
        self.writer.write(pdu.encode(value, sequence, status))

    async def end(self) -> bytes:
        """What comes yet until the connection ends."""
        with contextlib.suppress(ConnectionResetError):
            return await soon(self.reader.read())
        return b""


class World:
    def __init__(self, link: Link, peer: Peer, time: HandTime, holder: Holder) -> None:
        self.link, self.peer, self.time, self.holder = link, peer, time, holder
        link.on_orphan = lambda _, header, value: holder.orphans.put_nowait((header, value))

    async def bind(self) -> None:
        """Bind as a transceiver, whichever side the link is."""
        if self.link._session.role is Role.ESME:
            answer = self.link.request(pdu.BindTransceiver(system_id="me"))
            sequence = await self.peer.expect(pdu.BindTransceiver(system_id="me"))
            self.peer.send(pdu.BindTransceiverResp(system_id="smsc"), sequence)
            assert (await soon(answer)).pdu == pdu.BindTransceiverResp(system_id="smsc")
        else:
            self.peer.send(pdu.BindTransceiver(), 1)
            header, _ = await self.holder.requested()
            self.link.respond(header, pdu.BindTransceiverResp(system_id="us"))
            await self.peer.expect(pdu.BindTransceiverResp(system_id="us"))
        assert self.link.state is State.BOUND_TRX

    async def heard(self) -> None:
        """All that the peer has sent is read: it gets an answer to the last of it."""
        self.peer.send(pdu.EnquireLink(), 999)
        await self.peer.expect(pdu.EnquireLinkResp())

    async def silence(self, seconds: float) -> None:
        """Time passes by ticks, so that what a tick sends is sent at its moment."""
        for _ in range(round(seconds)):
            await self.time.advance(1.0)


@contextlib.asynccontextmanager
async def joined(role: Role = Role.ESME, settings: LinkSettings = SETTINGS) -> AsyncIterator[World]:
    time, holder = HandTime(), Holder()
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Any] = loop.create_future()

    def make() -> Link:
        link = Link(role, settings, holder, timing=Timing(time.monotonic, time.schedule))
        if role is Role.SMSC:
            made.set_result(link)
        return link

    if role is Role.ESME:
        server = await asyncio.start_server(lambda *streams: made.set_result(streams), "127.0.0.1", 0)
        _, link = await loop.create_connection(make, *server.sockets[0].getsockname())
        peer = Peer(*await soon(made))
    else:
        server = await loop.create_server(make, "127.0.0.1", 0)
        peer = Peer(*await asyncio.open_connection(*server.sockets[0].getsockname()))
        link = await soon(made)
    try:
        yield World(link, peer, time, holder)
    finally:
        link._abort()
        peer.writer.transport.abort()
        server.close()
        with contextlib.suppress(OSError):
            await soon(peer.writer.wait_closed())
        await soon(link._gone)


@contextlib.asynccontextmanager
async def bound(role: Role = Role.ESME, settings: LinkSettings = SETTINGS) -> AsyncIterator[World]:
    async with joined(role, settings) as world:
        await world.bind()
        yield world


async def test_requests_are_answered_in_any_order() -> None:
    async with bound() as world:
        answers = [world.link.request(pdu.SubmitSm(destination_addr=str(number))) for number in range(3)]
        assert world.link.in_flight == 3
        sequences = [await world.peer.expect(pdu.SubmitSm(destination_addr=str(number))) for number in range(3)]
        await world.time.advance(0.5)
        for number in (2, 0, 1):
            world.peer.send(pdu.SubmitSmResp(message_id=f"id{number}"), sequences[number])
        for number, answer in enumerate(answers):
            response = await soon(answer)
            assert (response.status, response.pdu.message_id) == (0, f"id{number}")
            assert (response.sequence, response.seconds) == (sequences[number], 0.5)
        assert world.link.in_flight == 0


async def test_a_negative_answer_is_an_answer() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        world.peer.send(pdu.SubmitSmResp(), await world.peer.expect(pdu.SubmitSm()), Status.RTHROTTLED)
        assert (await soon(answer)).status == Status.RTHROTTLED


async def test_what_one_turn_sends_is_one_write() -> None:
    async with bound(Role.SMSC) as world:
        writes: list[bytes] = []

        class Recorded:
            def __getattr__(self, name: str) -> Any:
                return getattr(transport, name)

            def write(self, octets: bytes) -> None:
                writes.append(octets)
                transport.write(octets)

        transport, world.link._transport = world.link._transport, Recorded()  # type: ignore[assignment]
        world.holder.at_once = lambda link, header, _: link.respond(header, pdu.SubmitSmResp())
        for sequence in (11, 12, 13):
            world.peer.send(pdu.SubmitSm(), sequence)
        for sequence in (11, 12, 13):
            assert await world.peer.expect(pdu.SubmitSmResp()) == sequence
        before = len(writes)
        for _ in range(3):
            world.link.request(pdu.DeliverSm())
        for _ in range(3):
            await world.peer.expect(pdu.DeliverSm())
        assert len(writes) == before + 1
        for _ in range(links.WRITE_FRAMES + 1):
            world.link.request(pdu.DeliverSm())
        for _ in range(links.WRITE_FRAMES + 1):
            await world.peer.expect(pdu.DeliverSm())
        assert len(writes) == before + 3
        assert before <= 3


async def test_no_answer_in_time_and_then_a_late_one() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        sequence = await world.peer.expect(pdu.SubmitSm())
        await world.silence(9)
        assert not answer.done()
        await world.silence(2)
        with pytest.raises(NoAnswer) as raised:
            await answer
        assert raised.value.sequence == sequence
        assert world.link.in_flight == 0
        world.peer.send(pdu.SubmitSmResp(message_id="late"), sequence)
        header, late = await soon(world.holder.orphans.get())
        assert (header.sequence, late) == (sequence, pdu.SubmitSmResp(message_id="late"))


async def test_an_answer_with_another_sequence_number_answers_nothing() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        sequence = await world.peer.expect(pdu.SubmitSm())
        world.peer.send(pdu.SubmitSmResp(message_id="wrong"), sequence + 1)
        assert (await soon(world.holder.orphans.get()))[0].sequence == sequence + 1
        world.peer.send(pdu.SubmitSmResp(message_id="right"), sequence)
        assert (await soon(answer)).pdu.message_id == "right"


async def test_silence_is_asked_for_a_sign_of_life() -> None:
    async with bound() as world:
        await world.silence(31)
        sequence = await world.peer.expect(pdu.EnquireLink())
        assert world.link.in_flight == 0
        world.peer.send(pdu.EnquireLinkResp(), sequence)
        await world.heard()
        await world.silence(31)
        await world.peer.expect(pdu.EnquireLink())
        assert not world.link.is_closing


async def test_a_peer_that_gives_no_sign_of_life_is_left() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        await world.peer.expect(pdu.SubmitSm())
        await world.silence(31)
        await world.peer.expect(pdu.EnquireLink())
        with pytest.raises(NoAnswer):
            await answer
        await world.silence(11)
        assert await world.holder.reason() == "silent for 40 s"
        assert await world.peer.end() == b""


async def test_anything_heard_is_a_sign_of_life() -> None:
    async with bound() as world:
        await world.silence(31)
        await world.peer.expect(pdu.EnquireLink())
        await world.silence(5)
        await world.heard()
        await world.silence(6)
        assert not world.link.is_closing


async def test_the_peers_enquiries_are_answered_before_a_bind_too() -> None:
    async with joined(Role.SMSC) as world:
        await world.heard()
        assert world.holder.requests.empty()


async def test_a_peer_that_vanishes_leaves_its_requests_in_doubt() -> None:
    async with bound() as world:
        answers = [world.link.request(pdu.SubmitSm()) for _ in range(3)]
        await world.peer.expect(pdu.SubmitSm())
        world.peer.writer.transport.abort()
        reason = await world.holder.reason()
        assert reason.startswith(("lost: ", "closed by the peer"))
        for answer in answers:
            with pytest.raises(LinkLost, match=reason) as raised:
                await soon(answer)
            assert not isinstance(raised.value, NotSent)
        with pytest.raises(NotSent):
            world.link.request(pdu.SubmitSm())
        world.link.respond(Header(Command.DELIVER_SM, 0, 1), pdu.DeliverSmResp())  # without effect
        world.link.close()
        assert world.holder.closed.empty()


async def test_a_peer_that_closes() -> None:
    async with bound() as world:
        world.peer.writer.close()
        assert await world.holder.reason() == "closed by the peer"


@pytest.mark.parametrize("length", [15, 70_001])
async def test_a_stream_that_cannot_be_followed_is_nacked_and_closed(length: int) -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        await world.peer.expect(pdu.SubmitSm())
        world.peer.writer.write(length.to_bytes(4, "big") + pdu.encode(pdu.DeliverSm(), 7)[4:])
        assert await world.peer.expect(pdu.GenericNack(), Status.RINVCMDLEN) == 7
        assert await world.peer.end() == b""
        assert f"command_length {length}" in await world.holder.reason()
        with pytest.raises(LinkLost):
            await soon(answer)


async def test_what_cannot_be_read_is_answered_and_the_link_stays() -> None:
    async with bound(Role.SMSC) as world:
        submit = pdu.encode(pdu.SubmitSm(), 7)
        world.peer.writer.write(submit[:4] + (10).to_bytes(4, "big") + submit[8:])
        assert await world.peer.expect(pdu.GenericNack(), Status.RINVCMDID) == 7
        world.peer.writer.write((len(submit) - 1).to_bytes(4, "big") + submit[4:-1])
        assert await world.peer.expect(pdu.SubmitSmResp(), Status.RINVCMDLEN) == 7
        world.peer.send(pdu.DeliverSm(), 8)
        assert await world.peer.expect(pdu.DeliverSmResp(), Status.RINVBNDSTS) == 8
        assert world.link.faults == 3
        await world.heard()


async def test_answer_with_damaged_body_answers_its_request_and_is_counted() -> None:
    async with bound() as world:
        for times in range(1, FAULTS_LOGGED + 3):
            answer = world.link.request(pdu.SubmitSm())
            sequence = await world.peer.expect(pdu.SubmitSm())
            frame = pdu.encode(pdu.SubmitSmResp(message_id="x"), sequence)
            world.peer.writer.write((len(frame) - 1).to_bytes(4, "big") + frame[4:-1])
            response = await soon(answer)
            assert (response.status, response.pdu) == (Status.ROK, pdu.SubmitSmResp(message_id="x"))
            assert world.link.damaged == world.holder.damaged == times
        assert world.link.faults == 0


@pytest.mark.parametrize("role", Role)
async def test_enquire_link_and_unbind_with_a_body_are_answered_with_ok(role: Role) -> None:
    async with bound(role) as world:
        for request, answer in ((pdu.EnquireLink(), pdu.EnquireLinkResp()), (pdu.Unbind(), pdu.UnbindResp())):
            frame = pdu.encode(request, 7)
            world.peer.writer.write((len(frame) + 2).to_bytes(4, "big") + frame[4:] + b"\0x")
            assert await world.peer.expect(answer, Status.ROK) == 7
        assert world.holder.damaged == 2


async def test_damaged_pdus_are_logged_up_to_a_limit() -> None:
    async with bound() as world:
        with capture_logs() as lines:
            for sequence in range(1, FAULTS_LOGGED + 3):
                frame = pdu.encode(pdu.EnquireLink(), sequence)
                world.peer.writer.write((len(frame) + 1).to_bytes(4, "big") + frame[4:] + b"\0")
                await world.peer.expect(pdu.EnquireLinkResp())
        logged = [line for line in lines if line["event"] == "smpp.damaged_pdu"]
        assert len(logged) == FAULTS_LOGGED
        assert logged[0]["damage"] == "1 octets behind the last field or TLV"


async def test_requests_beyond_the_most_are_held_and_no_more_is_read() -> None:
    async with bound(settings=LinkSettings(unanswered_max=2)) as world:
        world.peer.writer.write(b"".join(pdu.encode(pdu.DeliverSm(source_addr=str(n)), n) for n in range(1, 6)))
        headers = [(await world.holder.requested())[0] for _ in range(2)]
        assert world.holder.requests.empty()
        assert world.link.unanswered == 5
        assert not world.link._transport.is_reading()  # type: ignore[union-attr]
        for number in range(1, 6):
            world.link.respond(headers.pop(0), pdu.DeliverSmResp())
            assert await world.peer.expect(pdu.DeliverSmResp()) == number
            if number <= 3:
                header, request = await world.holder.requested()
                assert request == pdu.DeliverSm(source_addr=str(number + 2))
                headers.append(header)
            assert world.holder.requests.empty()
        assert world.link._transport.is_reading()  # type: ignore[union-attr]
        await world.heard()


async def test_thousands_of_held_requests_answered_at_once_go_through() -> None:
    async with bound(settings=LinkSettings(unanswered_max=1)) as world:
        count = 3000
        world.peer.writer.write(b"".join(pdu.encode(pdu.DeliverSm(), n) for n in range(1, count + 1)))
        first, _ = await world.holder.requested()
        world.holder.at_once = lambda link, header, _: link.respond(header, pdu.DeliverSmResp())
        world.link.respond(first, pdu.DeliverSmResp())
        for number in range(1, count + 1):
            assert await world.peer.expect(pdu.DeliverSmResp()) == number


async def test_while_nothing_is_read_timers_stand_still() -> None:
    settings = LinkSettings(unanswered_max=1, enquire_link_seconds=30, response_seconds=10)
    async with bound(settings=settings) as world:
        answer = world.link.request(pdu.SubmitSm())
        sequence = await world.peer.expect(pdu.SubmitSm())
        world.peer.send(pdu.DeliverSm(), 1)
        world.peer.send(pdu.DeliverSm(), 2)
        first, _ = await world.holder.requested()
        world.peer.send(pdu.SubmitSmResp(message_id="in time"), sequence)
        await soon(until(lambda: not world.link._is_reading))
        await world.silence(100)
        assert not answer.done()
        world.link.respond(first, pdu.DeliverSmResp())
        second, _ = await world.holder.requested()
        world.link.respond(second, pdu.DeliverSmResp())
        assert (await soon(answer)).pdu.message_id == "in time"


UNKNOWN = bytes.fromhex("00000010 00000110 00000000 00000001")
FLOODS = {
    "enquire_link": pdu.encode(pdu.EnquireLink(), 1),
    "unknown command": UNKNOWN,
    "response to nothing": pdu.encode(pdu.EnquireLinkResp(), 4242),
    "alert_notification": pdu.encode(pdu.AlertNotification(), 1),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("kind", FLOODS)
async def test_bound_peer_that_floods_idle_pdus_loses_its_link(role: Role, kind: str) -> None:
    async with bound(role, LinkSettings(idle_pdus_max=50)) as world:
        reading = asyncio.create_task(world.peer.end())
        world.peer.writer.write(FLOODS[kind] * 20_000)
        assert await world.holder.reason() == "too many idle PDUs"
        assert len(await reading) <= (50 + links.SLICE_OCTETS) * 16


@pytest.mark.parametrize("kind", FLOODS)
async def test_unbound_peer_that_floods_idle_pdus_loses_its_link(kind: str) -> None:
    async with joined(Role.SMSC, LinkSettings(unbound_pdus_max=5)) as world:
        world.peer.writer.write(FLOODS[kind] * 20_000)
        assert await world.holder.reason() == "too many PDUs before a bind"
        assert len(await world.peer.end()) <= 6 * 17


async def test_idle_pdus_within_the_limit_of_each_second_go_through() -> None:
    async with bound(settings=LinkSettings(idle_pdus_max=50, enquire_link_seconds=1000)) as world:
        for _ in range(4):
            world.peer.writer.write(FLOODS["response to nothing"] * 49)
            await world.heard()
            await world.silence(1)
        assert not world.link.is_closing


async def test_useful_pdus_make_up_for_idle_ones() -> None:
    async with bound(settings=LinkSettings(idle_pdus_max=10)) as world:
        world.holder.at_once = lambda link, header, _: link.respond(header, pdu.DeliverSmResp())
        both = pdu.encode(pdu.DeliverSm(), 1) + FLOODS["response to nothing"]
        world.peer.writer.write(both * 200)
        for _ in range(200):
            await world.peer.expect(pdu.DeliverSmResp())


async def test_late_responses_are_not_idle() -> None:
    settings = LinkSettings(idle_pdus_max=5, response_seconds=10, enquire_link_seconds=1000)
    async with bound(settings=settings) as world:
        late = [world.link.request(pdu.SubmitSm()) for _ in range(50)]
        sequences = [await world.peer.expect(pdu.SubmitSm()) for _ in late]
        await world.silence(12)
        assert all(isinstance(each.exception(), NoAnswer) for each in late)
        for sequence in sequences:
            world.peer.send(pdu.SubmitSmResp(message_id="late"), sequence)
        await world.heard()
        assert world.holder.orphans.qsize() == 50


async def test_other_tasks_run_between_the_slices_of_what_came_at_once() -> None:
    async with bound(Role.SMSC, LinkSettings(idle_pdus_max=10**6)) as world:
        turns: list[int] = []
        world.link.on_orphan = lambda *_: turns.append(turn)
        turn = 0
        world.peer.writer.write(FLOODS["response to nothing"] * 10_000)
        while len(turns) < 10_000:
            turn += 1
            await asyncio.sleep(0)
        most = max(turns.count(each) for each in set(turns))
        assert most <= 2 * links.SLICE_OCTETS // 16, "one slice by the socket, one by the turn"


async def test_what_follows_a_bind_waits_for_its_response() -> None:
    async with joined(Role.SMSC, LinkSettings(unbound_pdu_bytes=1024)) as world:
        submits = [pdu.SubmitSm(tlvs={Tag.MESSAGE_PAYLOAD: bytes(3000)}), pdu.SubmitSm(source_addr="2")]
        frames = [pdu.encode(each, number) for number, each in enumerate([pdu.BindTransceiver(), *submits], 1)]
        world.peer.writer.write(b"".join(frames))
        header, request = await world.holder.requested()
        assert request == pdu.BindTransceiver()
        assert world.holder.requests.empty() and world.link.faults == 0
        world.link.respond(header, pdu.BindTransceiverResp())
        assert [(await world.holder.requested())[1] for _ in submits] == submits


async def test_what_follows_a_refused_bind_is_not_read() -> None:
    async with joined(Role.SMSC) as world:
        world.peer.send(pdu.BindTransceiver(), 1)
        world.peer.send(pdu.SubmitSm(), 2)
        header, _ = await world.holder.requested()
        world.link.respond(header, pdu.BindTransceiverResp(), Status.RBINDFAIL)
        world.link.close("refused")
        assert (await world.peer.read())[0].command == Command.BIND_TRANSCEIVER_RESP
        assert await world.peer.end() == b""
        assert world.holder.requests.empty()


@pytest.mark.parametrize("size", [1025, 70_000, 0xFFFFFFFF, 15, 0])
async def test_pdu_of_invalid_length_before_a_bind_ends_the_link_before_it_is_whole(size: int) -> None:
    async with joined(Role.SMSC, LinkSettings(unbound_pdu_bytes=1024)) as world:
        world.peer.writer.write(size.to_bytes(4, "big") + bytes.fromhex("00000009 00000000 00000007"))
        header, value = await world.peer.read()
        assert value == pdu.GenericNack() and header.status == Status.RINVCMDLEN
        assert await world.peer.end() == b""


async def test_bind_in_single_octets_is_read() -> None:
    async with joined(Role.SMSC) as world:
        for octet in pdu.encode(pdu.BindTransceiver(system_id="acme"), 1):
            world.peer.writer.write(bytes((octet,)))
            await world.peer.writer.drain()
        assert (await world.holder.requested())[1] == pdu.BindTransceiver(system_id="acme")


async def test_responses_that_came_before_the_connection_was_lost_are_read() -> None:
    async with bound() as world:
        answers = [world.link.request(pdu.SubmitSm()) for _ in range(400)]
        sequences = [await world.peer.expect(pdu.SubmitSm()) for _ in answers]
        octets = b"".join(pdu.encode(pdu.SubmitSmResp(message_id="x"), each) for each in sequences)
        world.link.data_received(octets)
        world.peer.writer.transport.abort()
        world.link._transport.abort()  # type: ignore[union-attr]
        assert [(await soon(each)).pdu.message_id for each in answers] == ["x"] * len(answers)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop read what the kernel already has."""
    while not condition():
        await asyncio.sleep(0)


BIG = pdu.SubmitSm(tlvs={Tag.MESSAGE_PAYLOAD: bytes(60_000)})


async def test_writable_says_whether_the_peer_takes_what_is_sent() -> None:
    async with bound() as world:
        turned = asyncio.Event()
        world.link.on_writable = lambda _: turned.set()
        sent = 0
        while world.link.writable:
            world.link.request(BIG).add_done_callback(lambda future: future.exception())
            sent += 1
            await asyncio.sleep(0)
        assert not turned.is_set()
        for _ in range(sent):
            await world.peer.expect(BIG)
        await soon(turned.wait())
        assert world.link.writable


@pytest.mark.parametrize("octets", [100_000, 10_000_000])
async def test_a_peer_that_never_reads_is_cut_off(octets: int) -> None:
    async with bound(settings=LinkSettings(send_buffer_bytes=octets)) as world:
        world.peer.writer.transport.pause_reading()
        sent = 0
        with pytest.raises(NotSent):
            while True:
                world.link.request(BIG).add_done_callback(lambda future: future.exception())
                sent += 1
                await asyncio.sleep(0)
        assert octets < sent * 60_000 < octets + 8_000_000  # the kernel keeps some, too
        assert await world.holder.reason() == "the peer does not read"


@pytest.mark.parametrize("role", Role)
async def test_we_unbind(role: Role) -> None:
    async with bound(role) as world:
        unbinding = asyncio.create_task(world.link.unbind(5))
        sequence = await world.peer.expect(pdu.Unbind())
        with pytest.raises(NotSent):
            world.link.request(pdu.DataSm())
        world.peer.send(pdu.UnbindResp(), sequence)
        assert await world.peer.end() == b""
        world.peer.writer.close()
        await soon(unbinding)
        assert await world.holder.reason() == "unbound"


async def test_answers_come_yet_while_we_unbind() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        submit = await world.peer.expect(pdu.SubmitSm())
        unbinding = asyncio.create_task(world.link.unbind(5))
        sequence = await world.peer.expect(pdu.Unbind())
        world.peer.send(pdu.SubmitSmResp(message_id="x"), submit)
        world.peer.send(pdu.UnbindResp(), sequence)
        assert (await soon(answer)).pdu.message_id == "x"
        await soon(unbinding)


@pytest.mark.parametrize("role", Role)
async def test_an_unbind_without_an_answer_ends_in_time(role: Role) -> None:
    async with bound(role) as world:
        unbinding = asyncio.create_task(world.link.unbind(5))
        await world.peer.expect(pdu.Unbind())
        await world.silence(4)
        assert not unbinding.done()
        await world.silence(1)
        await soon(unbinding)
        assert await world.holder.reason() == "cut"


async def test_an_unbind_before_a_bind_closes() -> None:
    async with joined() as world:
        await soon(world.link.unbind(5))
        assert await world.holder.reason() == "unbound"
        assert await world.peer.end() == b""
        await soon(world.link.unbind(5))


@pytest.mark.parametrize("role", Role)
async def test_the_peer_unbinds(role: Role) -> None:
    async with bound(role) as world:
        world.peer.send(pdu.Unbind(), 77)
        assert await world.peer.expect(pdu.UnbindResp()) == 77
        assert await world.peer.end() == b""
        assert await world.holder.reason() == "unbound by the peer"


async def test_the_peers_unbind_waits_for_the_answers_to_its_requests() -> None:
    async with bound(Role.SMSC) as world:
        world.peer.send(pdu.SubmitSm(), 5)
        world.peer.send(pdu.Unbind(), 6)
        header, _ = await world.holder.requested()
        await world.heard()
        with pytest.raises(NotSent):
            world.link.request(pdu.DeliverSm())
        world.link.respond(header, pdu.SubmitSmResp(message_id="x"))
        assert await world.peer.expect(pdu.SubmitSmResp(message_id="x")) == 5
        assert await world.peer.expect(pdu.UnbindResp()) == 6
        assert await world.peer.end() == b""


@pytest.mark.parametrize("by_us", [False, True])
async def test_the_peers_unbind_does_not_wait_for_ever(by_us: bool) -> None:
    async with bound(Role.SMSC) as world:
        world.peer.send(pdu.SubmitSm(), 5)
        world.peer.send(pdu.Unbind(), 6)
        await world.holder.requested()
        await world.heard()
        ending = asyncio.create_task(world.link.unbind(5)) if by_us else None
        if not by_us:
            await world.silence(11)
        assert await world.peer.expect(pdu.UnbindResp()) == 6
        assert await world.holder.reason() == "unbound by the peer"
        if ending is not None:
            await soon(ending)


async def test_who_does_not_bind_in_time_is_left() -> None:
    async with joined(Role.SMSC) as world:
        await world.silence(4)
        await world.heard()
        await world.silence(2)
        assert await world.holder.reason() == "not bound in time"
        assert await world.peer.end() == b""


async def test_a_refused_bind_leaves_time_for_another() -> None:
    async with joined(Role.SMSC) as world:
        world.peer.send(pdu.BindReceiver(), 1)
        header, _ = await world.holder.requested()
        world.link.respond(header, pdu.BindReceiverResp(), Status.RINVPASWD)
        await world.peer.expect(pdu.BindReceiverResp(), Status.RINVPASWD)
        assert world.link.state is State.OPEN
        await world.bind()


async def test_what_may_not_be_asked_is_not_sent() -> None:
    async with joined() as world:
        with pytest.raises(NotSent, match="submit_sm by esme in state open"):
            world.link.request(pdu.SubmitSm())
        with pytest.raises(ValueError, match="password"):
            world.link.request(pdu.BindTransceiver(password="1" * 257))
        assert world.link.in_flight == 0


async def test_what_is_left_is_sent_before_the_end() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        world.link.close("enough")
        await world.peer.expect(pdu.SubmitSm())
        assert await world.peer.end() == b""
        assert await world.holder.reason() == "enough"
        with pytest.raises(LinkLost, match="enough"):
            await soon(answer)


async def test_a_close_that_the_peer_holds_up_is_cut() -> None:
    async with bound() as world:
        world.peer.writer.transport.pause_reading()
        while world.link.writable:
            world.link.request(BIG).add_done_callback(lambda future: future.exception())
            await asyncio.sleep(0)
        world.link.close("enough")
        await world.silence(4)
        assert world.holder.closed.empty()
        await world.silence(2)
        assert await world.holder.reason() == "enough"


async def test_a_request_given_up_by_its_caller_is_no_harm() -> None:
    async with bound() as world:
        answer = world.link.request(pdu.SubmitSm())
        sequence = await world.peer.expect(pdu.SubmitSm())
        answer.cancel()
        world.peer.send(pdu.SubmitSmResp(), sequence)
        await world.heard()
        assert world.link.in_flight == 0


async def test_a_handler_that_raises_loses_the_link_and_nothing_else() -> None:
    async with bound() as world:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

        def raise_it(*_: Any) -> None:
            raise RuntimeError("a fault of ours")

        world.holder.at_once = raise_it
        answer = world.link.request(pdu.SubmitSm())
        world.peer.send(pdu.DeliverSm(), 1)
        await world.holder.reason()
        with pytest.raises(LinkLost):
            await soon(answer)
        assert str(told[0]["exception"]) == "a fault of ours"


async def test_an_alert_is_handed_over_and_not_answered() -> None:
    async with bound() as world:
        world.peer.send(pdu.AlertNotification(source_addr="1"), 5)
        header, alert = await world.holder.requested()
        assert (header.sequence, alert) == (5, pdu.AlertNotification(source_addr="1"))
        assert world.link.unanswered == 0


async def test_two_links_speak_to_each_other() -> None:
    loop = asyncio.get_running_loop()
    esme, smsc = Holder(), Holder()
    smsc.at_once = lambda link, header, _: link.respond(header, pdu.KINDS[header.command | pdu.RESPONSE_BIT]())
    server = await loop.create_server(lambda: Link(Role.SMSC, SETTINGS, smsc), "127.0.0.1", 0)
    _, link = await loop.create_connection(lambda: Link(Role.ESME, SETTINGS, esme), *server.sockets[0].getsockname())
    assert (await soon(link.request(pdu.BindTransmitter()))).status == 0
    answers = [link.request(pdu.SubmitSm()) for _ in range(1000)]
    assert {(await soon(answer)).status for answer in answers} == {0}
    await soon(link.unbind(5))
    assert (await esme.reason(), await smsc.reason()) == ("unbound", "unbound by the peer")
    server.close()


async def test_a_sign_of_life_that_can_not_be_read_is_one_and_the_next_is_asked_for() -> None:
    async with joined() as world:
        await world.bind()
        for _ in range(2):
            await world.silence(30)
            sequence = await world.peer.expect(pdu.EnquireLink())
            frame = pdu.encode(pdu.EnquireLinkResp(), sequence) + b"more"
            world.peer.writer.write(len(frame).to_bytes(4, "big") + frame[4:])
            await world.heard()
            assert world.link.in_flight == 0
