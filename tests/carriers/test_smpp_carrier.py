"""SmppCarrier against a scripted SMSC: what goes out, what comes of it, and what it does when the carrier is unkind."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from smpp_ground import SECONDS, Clock, Ground, Smsc, ground, message
from structlog.testing import capture_logs

from heliograph.carrier_config import Host, StatusRule
from heliograph.config_tables import Secret
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.message import SmppOptions
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.ports import Submitted
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag

LONG = "Heliographs flashed sunlight from hill to hill; each signal was read and written down. " * 4
"""Three parts."""


@pytest.fixture
async def here() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


def keep(smsc: Smsc) -> list[Any]:
    """Have the SMSC answer nothing; what it would have answered."""
    kept: list[Any] = []

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        kept.append((link, header, pdu))

    smsc.on_submit = on_submit
    return kept


# -- a message goes out


async def test_a_message_is_submitted_and_answered(here: Ground) -> None:
    carrier = await here.carrier()
    submitted = await carrier.submit(message())
    assert submitted.refs == ("1",)
    assert submitted.note is not None
    assert submitted.note.startswith(f"bind 127.0.0.1:{here.smsc.port}, ")
    sent = here.smsc.submits[0]
    assert (sent.source_addr, sent.source_addr_ton, sent.source_addr_npi) == ("12025550100", 1, 1)
    assert (sent.destination_addr, sent.dest_addr_ton, sent.dest_addr_npi) == ("447700900001", 1, 1)
    assert (sent.short_message, sent.data_coding, sent.registered_delivery) == (b"hello", 0, 1)
    status = carrier.status()
    assert (status.submitted, status.in_flight, status.available, status.kind) == (1, 0, True, "smpp")
    assert (status.binds[0].state, status.binds[0].window) == ("bound", 10)


async def test_what_the_bind_says(here: Ground) -> None:
    await here.carrier(system_type="sms", interface_version=0x33, address_ton=1, address_npi=2, address_range="^44")
    bind = here.smsc.binds[0]
    assert isinstance(bind, smpp.BindTransceiver)
    assert (bind.system_id, bind.password, bind.system_type) == ("us", "secret", "sms")
    assert (bind.interface_version, bind.addr_ton, bind.addr_npi, bind.address_range) == (0x33, 1, 2, "^44")


async def test_texts_beyond_the_standard_are_sent_as_they_are_with_one_warning(here: Ground) -> None:
    with capture_logs() as lines:
        carrier = await here.carrier(
            system_id="s" * 16, password=Secret("123456789012"), system_type="t" * 13, service_type="sixsix", binds=2
        )
        await carrier.submit(message())
    for bind in here.smsc.binds:
        assert (bind.system_id, bind.password, bind.system_type) == ("s" * 16, "123456789012", "t" * 13)
    assert here.smsc.submits[0].service_type == "sixsix"
    (line,) = [each for each in lines if each["event"] == "smpp.beyond_standard"]
    assert line["keys"] == "system_id, password, system_type, service_type"
    assert "123456789012" not in str(line)


async def test_carrier_within_the_standard_has_no_warning(here: Ground) -> None:
    with capture_logs() as lines:
        await here.carrier(system_id="s" * 15, password=Secret("12345678"), system_type="t" * 12, service_type="12345")
    assert not [each for each in lines if each["event"] == "smpp.beyond_standard"]


async def test_a_long_message_goes_in_parts_in_order_over_one_bind(here: Ground) -> None:
    carrier = await here.carrier(binds=3)
    answers = await asyncio.gather(*(carrier.submit(message(f"m{n}", LONG)) for n in range(4)))
    assert sorted(ref for answer in answers for ref in answer.refs) == sorted(map(str, range(1, 13)))
    for connection in here.smsc.connections:
        headers = [pdu.short_message[:6] for pdu in connection.submits]
        for _, parts in itertools.groupby(headers, key=lambda header: header[3]):
            assert [header[4:6] for header in parts] == [b"\x03\x01", b"\x03\x02", b"\x03\x03"]


async def test_parts_that_were_taken_are_not_sent_again_and_the_others_fit_them(here: Ground) -> None:
    carrier = await here.carrier(long_messages="sar")
    await carrier.submit(message(body=LONG))
    again = await carrier.submit(message(body=LONG, parts_done={1: "x", 3: "z"}))
    assert again.refs == ("x", "4", "z")
    first, last = here.smsc.submits[1], here.smsc.submits[3]
    assert first == last
    assert last.tlvs[Tag.SAR_SEGMENT_SEQNUM] == b"\x02"
    assert await carrier.submit(message(body=LONG, parts_done={1: "x", 2: "y", 3: "z"})) == Submitted(
        refs=("x", "y", "z")
    )
    assert len(here.smsc.submits) == 4


async def test_the_customers_options_are_passed_on(here: Ground) -> None:
    carrier = await here.carrier(tlvs={0x1401: b"ours", 0x1402: b"ours"}, service_type="CMT")
    options = SmppOptions(service_type="WAP", priority=2, protocol_id=0x41, tlvs={0x1402: b"theirs"})
    await carrier.submit(message(options=options))
    sent = here.smsc.submits[0]
    assert (sent.service_type, sent.priority_flag, sent.protocol_id) == ("WAP", 2, 0x41)
    assert sent.tlvs == {0x1401: b"ours", 0x1402: b"theirs"}


async def test_no_mms(here: Ground) -> None:
    carrier = await here.carrier()
    with pytest.raises(Permanent) as refused:
        await carrier.submit(message(mms=True))
    assert refused.value.code == 30011


async def test_what_smpp_has_no_room_for(here: Ground) -> None:
    carrier = await here.carrier()
    with pytest.raises(Permanent, match="destination_addr") as refused:
        await carrier.submit(message(to_number="+" + "1" * 30))
    assert refused.value.code == 30008
    assert (await carrier.submit(message())).refs == ("1",)


# -- what the carrier says


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (Status.RINVDSTADR, Permanent, 30005),
        (Status.RINVSRCADR, Permanent, 30004),
        (Status.RX_R_APPN, Permanent, 30007),
        (Status.RSYSERR, Temporary, 63011),
        (Status.RMSGQFUL, Temporary, 30022),
        (Status.RTHROTTLED, Temporary, 30022),
        (0x0432, Permanent, 30008),
    ],
)
async def test_a_refusal(here: Ground, status: int, error: type[Exception], code: int) -> None:
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, status)
    carrier = await here.carrier()
    with pytest.raises(error) as refused:
        await carrier.submit(message())
    assert refused.value.code == code  # type: ignore[attr-defined]


async def test_a_setting_overrides_what_a_status_means(here: Ground) -> None:
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, 0x0432)
    carrier = await here.carrier(statuses={0x0432: StatusRule("temporary")})
    with pytest.raises(Temporary, match="0x00000432"):
        await carrier.submit(message())
    carrier.configure(here.config(statuses={0x0432: StatusRule("permanent", 30007)}))
    with pytest.raises(Permanent) as refused:
        await carrier.submit(message())
    assert refused.value.code == 30007


async def test_a_generic_nack_is_an_answer(here: Ground) -> None:
    here.smsc.on_submit = lambda link, header, pdu: link.send(smpp.GenericNack(), header.sequence, Status.RINVCMDID)
    carrier = await here.carrier()
    with pytest.raises(Permanent, match="RINVCMDID"):
        await carrier.submit(message())


async def test_one_part_is_refused(here: Ground) -> None:
    """The parts that were taken are told; those that were not sent yet are not sent."""

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        if pdu.short_message[5] == 2:
            link.refuse(header, Status.RSYSERR)
        else:
            link.accept(header)

    here.smsc.on_submit = on_submit
    carrier = await here.carrier(window=1)
    with pytest.raises(Temporary) as refused:
        await carrier.submit(message(body=LONG))
    assert refused.value.accepted == {1: "1"}
    assert len(here.smsc.submits) == 2


# -- window, pace, throttling


async def test_no_more_wait_for_answers_than_the_window_has(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=3)
    answers = [carrier.submit(message(f"m{n}")) for n in range(7)]
    await here.smsc.signal.until(lambda: len(kept) == 3)
    assert carrier.status().in_flight == 3
    for place in range(7):
        await here.smsc.signal.until(lambda: len(kept) > place)  # noqa: B023 - called within this turn only
        assert len(kept) <= place + 3
        link, header, _ = kept[place]
        link.accept(header)
    assert [answer.refs for answer in await asyncio.gather(*answers)] == [(str(n),) for n in range(1, 8)]


async def test_the_least_loaded_bind_takes_it(here: Ground) -> None:
    keep(here.smsc)
    carrier = await here.carrier(window=10, binds=2)
    for n in range(8):
        carrier.submit(message(f"m{n}")).add_done_callback(lambda done: done.exception())
    await here.smsc.signal.until(lambda: len(here.smsc.submits) == 8)
    assert [len(connection.submits) for connection in here.smsc.connections] == [4, 4]


async def test_after_throttling_the_bind_rests(here: Ground) -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        moments.append(loop.time())
        if len(moments) <= 2:
            link.refuse(header, Status.RTHROTTLED)
        else:
            link.accept(header)

    here.smsc.on_submit = on_submit
    carrier = await here.carrier(window=1)
    first, second, third = (carrier.submit(message(f"m{n}")) for n in range(3))
    with pytest.raises(Temporary):
        await first
    assert not carrier.available
    assert carrier.window == 2, "what it has in hand"
    assert carrier.status().binds[0].state == "bound, resting: throttled"
    with pytest.raises(Temporary):
        await second
    assert (await third).refs == ("1",)
    assert moments[1] - moments[0] >= 0.1
    assert moments[2] - moments[1] >= 0.25
    assert carrier.available
    assert carrier.status().throttled == 2


async def test_the_adaptive_window_shrinks(here: Ground) -> None:
    carrier = await here.carrier(window=40, window_mode="adaptive", window_max=100)
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, Status.RMSGQFUL)
    answers = [carrier.submit(message(f"m{n}", to_number=f"+1312555{n:04}")) for n in range(20)]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert all(isinstance(outcome, Temporary) for outcome in outcomes)
    assert carrier.status().binds[0].window == 20


async def test_full_queue_of_one_recipient_does_not_make_the_bind_rest(here: Ground) -> None:
    full = "13125550100"

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        if pdu.destination_addr == full:
            link.refuse(header, Status.RMSGQFUL)
        else:
            link.accept(header)

    here.smsc.on_submit = on_submit
    carrier = await here.carrier(window=40, window_mode="adaptive", window_max=100)
    answers = [carrier.submit(message(f"m{n}", to_number=f"+{full}")) for n in range(30)]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert all(isinstance(outcome, Temporary) for outcome in outcomes)
    assert carrier.available and carrier.status().throttled == 0
    await carrier.submit(message("other", to_number="+13125550101"))


async def test_full_queue_that_the_settings_call_throttled_makes_the_bind_rest(here: Ground) -> None:
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, Status.RMSGQFUL)
    carrier = await here.carrier(statuses={Status.RMSGQFUL: StatusRule("throttled")})
    with pytest.raises(Temporary):
        await carrier.submit(message("m"))
    assert carrier.status().throttled == 1


@pytest.mark.parametrize("limit", ["rate", "bind_rate", "sender_rate"])
async def test_no_second_has_more_segments_than_the_rate(here: Ground, limit: str) -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        moments.append(loop.time())
        link.accept(header)

    here.smsc.on_submit = on_submit
    carrier = await here.carrier(**{limit: 40.0, "window": 100})
    began = loop.time()
    await asyncio.gather(*(carrier.submit(message(f"m{n}", LONG if n % 5 == 0 else "hello")) for n in range(50)))
    assert len(moments) == 70
    assert max(sum(start <= moment < start + 1 for moment in moments) for start in moments) <= 40
    assert loop.time() - began < 70 / 40 * 1.1 + 0.2


async def test_a_slow_sender_holds_up_no_other(here: Ground) -> None:
    carrier = await here.carrier(sender_rate=1.0, window=5)
    slow = [carrier.submit(message(f"slow{n}")) for n in range(20)]
    others = [carrier.submit(message(f"m{n}", from_number=f"+1202555{n:04}")) for n in range(1000, 1020)]
    await asyncio.gather(*others)
    assert [answer.done() for answer in slow] == [True] + 19 * [False]
    assert carrier.window >= 5 + 19
    for answer in slow:
        answer.cancel()


async def test_with_a_rate_little_more_than_a_second_is_taken_in_hand(here: Ground) -> None:
    keep(here.smsc)
    carrier = await here.carrier(rate=4.0, window=1000)
    assert carrier.window == 5
    carrier.submit(message()).add_done_callback(lambda done: done.exception())
    await here.smsc.signal.until(lambda: here.smsc.submits)
    assert carrier.window == 7, "one in flight, four to come, and the surplus"


async def test_a_lane_goes_on_past_messages_that_nobody_waits_for(here: Ground) -> None:
    carrier = await here.carrier(sender_rate=20.0)
    answers = [carrier.submit(message(f"m{n}")) for n in range(20)]
    for answer in answers[1:-1]:
        answer.cancel()
    assert (await answers[0]).refs == ("1",)
    assert (await answers[-1]).refs == ("2",)
    assert carrier.window == 13


# -- the end of the validity


def soon() -> int:
    """The end of a validity, a moment from now."""
    return Clock().now() + 50_000


@pytest.mark.parametrize("pause_seconds", [0.1, 60.0], ids=["until the bind goes on", "while it rests"])
async def test_message_that_expires_while_its_bind_rests_is_not_sent(
    here: Ground, monkeypatch: pytest.MonkeyPatch, pause_seconds: float
) -> None:
    monkeypatch.setattr("heliograph.carriers.smpp.bind.THROTTLE_PAUSES_SECONDS", (pause_seconds,))
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, Status.RTHROTTLED)
    carrier = await here.carrier()
    with pytest.raises(Temporary):
        await carrier.submit(message())
    with pytest.raises(Temporary, match="validity ended"):
        await carrier.submit(message("b", expires_at=soon()))
    assert len(here.smsc.submits) == 1


async def test_message_that_expires_behind_its_sender_is_not_sent(here: Ground) -> None:
    carrier = await here.carrier(sender_rate=2.0)
    first, *expiring = [carrier.submit(message(f"m{n}", expires_at=soon() if n else 0)) for n in range(4)]
    last = carrier.submit(message("last"))
    assert (await first).refs == ("1",)
    for answer in expiring:
        with pytest.raises(Temporary, match="validity ended"):
            await answer
    assert (await last).refs == ("2",)


async def test_parts_that_are_not_sent_when_the_message_expires_are_not_sent_later(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=1)
    end = soon()
    long, other = carrier.submit(message(body=LONG, expires_at=end)), carrier.submit(message("b", expires_at=end))
    with pytest.raises(Temporary):
        await other
    assert not long.done()
    link, header, _ = kept[0]
    link.accept(header)
    with pytest.raises(Temporary) as refused:
        await long
    assert list(refused.value.accepted) == [1]
    assert len(here.smsc.submits) == 1


async def test_a_lane_survives_a_bind_and_ends_with_the_last(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(sender_rate=5.0, binds=2)
    answers = [carrier.submit(message(f"m{n}", LONG)) for n in range(3)]
    await here.smsc.signal.until(lambda: len(kept) == 1)
    here.smsc.on_submit = lambda link, header, pdu: link.accept(header)
    kept[0][0].transport.abort()
    with pytest.raises(Uncertain):
        await answers[0]
    assert (await answers[1]).refs == ("1", "2", "3")
    await here.smsc.close()
    with pytest.raises((Temporary, Uncertain)):
        await answers[2]


async def test_other_settings_keep_what_was_counted(here: Ground) -> None:
    keep(here.smsc)
    carrier = await here.carrier(rate=2.0, window=3)
    for n in range(2):
        carrier.submit(message(f"m{n}")).add_done_callback(lambda done: done.exception())
    await here.smsc.signal.until(lambda: len(here.smsc.submits) == 2)
    carrier.configure(here.config(rate=2.0, window=7))
    assert carrier.status().binds[0].window == 7
    carrier.submit(message("third")).add_done_callback(lambda done: done.exception())
    began = asyncio.get_running_loop().time()
    await here.smsc.signal.until(lambda: len(here.smsc.submits) == 3)
    assert asyncio.get_running_loop().time() - began > 0.3, "the pace remembers"


async def test_other_timers_hold_for_the_connection_that_stands(here: Ground) -> None:
    keep(here.smsc)
    carrier = await here.carrier(response_seconds=600)
    answer = carrier.submit(message())
    await here.smsc.signal.until(lambda: here.smsc.submits)
    carrier.configure(here.config(response_seconds=0.2))
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Uncertain, match="no answer within"):
            await answer
    assert len(here.smsc.binds) == 1


# -- connections come and go


async def test_without_a_connection_it_is_temporary(here: Ground) -> None:
    await here.smsc.close()
    carrier = await here.carrier(bound=False)
    with pytest.raises(Temporary) as refused:
        await carrier.submit(message())
    assert refused.value.code == 63011
    assert (carrier.window, carrier.available) == (0, False)


async def test_a_lost_connection_leaves_doubt_only_about_what_was_sent(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=2)
    sent = [carrier.submit(message(f"m{n}")) for n in range(2)]
    unsent = carrier.submit(message("unsent"))
    await here.smsc.signal.until(lambda: len(kept) == 2)
    here.smsc.connections[0].transport.abort()
    for answer in sent:
        with pytest.raises(Uncertain):
            await answer
    with pytest.raises(Temporary) as refused:
        await unsent
    assert refused.value.code == 63011
    await here.smsc.signal.until(lambda: here.smsc.bound)
    await here.desk.signal.until(lambda: carrier.available)
    here.smsc.on_submit = lambda link, header, pdu: link.accept(header)
    assert (await carrier.submit(message("later"))).refs == ("1",)


async def test_a_lost_connection_tells_the_parts_that_were_taken(here: Ground) -> None:
    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        if pdu.short_message[5] == 1:
            link.accept(header)
        elif pdu.short_message[5] == 3:
            link.transport.close()

    here.smsc.on_submit = on_submit
    carrier = await here.carrier()
    with pytest.raises(Uncertain) as doubt:
        await carrier.submit(message(body=LONG))
    assert doubt.value.accepted == {1: "1"}


async def test_what_waits_goes_over_the_bind_that_is_left(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=1, binds=2)
    answers = [carrier.submit(message(f"m{n}")) for n in range(3)]
    await here.smsc.signal.until(lambda: len(kept) == 2)
    here.smsc.on_submit = lambda link, header, pdu: link.accept(header)
    kept[0][0].transport.abort()
    link, header, _ = kept[1]
    link.accept(header)
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Submitted", "Submitted", "Uncertain"]


async def test_the_next_host_takes_over(here: Ground) -> None:
    spare = Smsc()
    await spare.open()
    try:
        hosts = (Host("127.0.0.1", here.smsc.port), Host("127.0.0.1", spare.port))
        port = here.smsc.port
        await here.smsc.close()
        carrier = await here.carrier(hosts=hosts)
        assert (await carrier.submit(message())).refs == ("1",)
        assert (len(here.smsc.submits), len(spare.submits)) == (0, 1)
        assert carrier.status().binds[0].address == f"127.0.0.1:{spare.port}"
        await here.smsc.open(port)
        spare.connections[0].transport.abort()
        await here.smsc.signal.until(lambda: here.smsc.bound)
    finally:
        await spare.close()


async def test_a_bind_that_is_refused_is_tried_again_and_says_why(here: Ground) -> None:
    here.smsc.bind_statuses = [Status.RBINDFAIL, Status.RALYBND]
    carrier = await here.carrier(bound=False, reconnect_seconds=0.05)
    await here.smsc.signal.until(lambda: len(here.smsc.binds) == 1)
    waiting = await here.smsc.signal.until(
        lambda: next((each for each in carrier.status().binds if each.state.startswith("waiting")), None)
    )
    assert waiting.error == f"127.0.0.1:{here.smsc.port}: refused: ESME_RBINDFAIL"
    await here.desk.signal.until(lambda: carrier.available)
    assert len(here.smsc.binds) == 3
    assert carrier.status().binds[0].error is None


async def test_a_pair_of_binds(here: Ground) -> None:
    carrier = await here.carrier(bind="transmitter_receiver")
    assert {type(bind) for bind in here.smsc.binds} == {smpp.BindTransmitter, smpp.BindReceiver}
    assert (await carrier.submit(message())).refs == ("1",)
    assert [bind.mode for bind in carrier.status().binds] == ["transmitter", "receiver"]
    assert carrier.window == 13


async def test_a_receiver_alone_sends_nothing(here: Ground) -> None:
    carrier = await here.carrier(bind="receiver")
    assert (carrier.window, carrier.available) == (0, False)
    with pytest.raises(Temporary):
        await carrier.submit(message())


async def test_a_late_answer_counts(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=1, response_seconds=0.4)
    first, second = carrier.submit(message("first")), carrier.submit(message("second"))
    await here.smsc.signal.until(lambda: len(kept) == 2)
    assert not first.done(), "its room went to the second"
    link, header, _ = kept[0]
    link.accept(header, "late")
    assert (await first).refs == ("late",)
    with pytest.raises(Uncertain, match="no answer within"):
        await second


async def test_a_late_answer_is_one_to_a_submit(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(response_seconds=0.4)
    answer = carrier.submit(message())
    (bind,) = carrier._binds
    await here.smsc.signal.until(lambda: kept)
    link, header, _ = kept[0]
    async with asyncio.timeout(SECONDS):
        while not bind.late:
            await asyncio.sleep(0)
    link.send(smpp.EnquireLinkResp(), header.sequence)
    link.accept(header, "late")
    assert (await answer).refs == ("late",)


async def test_what_is_late_on_a_connection_ends_with_it(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(response_seconds=0.4)
    answer = carrier.submit(message())
    (bind,) = carrier._binds
    await here.smsc.signal.until(lambda: kept)
    carrier._sending._disable(bind)  # as when the link can't be used any more, and stands yet
    async with asyncio.timeout(SECONDS):
        while not bind.late:
            await asyncio.sleep(0)
    kept[0][0].transport.close()
    with pytest.raises(Uncertain, match="the connection was lost"):
        await answer
    assert bind.late == {}


# -- the end


async def test_a_stop_waits_for_answers_and_unbinds(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier(window=1)
    sent, unsent = carrier.submit(message("sent")), carrier.submit(message("unsent"))
    await here.smsc.signal.until(lambda: kept)
    stopping = asyncio.ensure_future(carrier.stop())
    with pytest.raises(Temporary):
        await unsent
    link, header, _ = kept[0]
    link.accept(header)
    assert (await sent).refs == ("1",)
    await stopping
    assert here.smsc.connections[0].unbound
    assert carrier.status().binds[0].state == "stopped"
    with pytest.raises(Temporary):
        await carrier.submit(message())


async def test_a_stop_that_is_cut_short_leaves_doubt(here: Ground) -> None:
    kept = keep(here.smsc)
    carrier = await here.carrier()
    answer = carrier.submit(message())
    await here.smsc.signal.until(lambda: kept)
    stopping = asyncio.ensure_future(carrier.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(Uncertain):
        await answer
    await asyncio.gather(stopping, return_exceptions=True)


async def test_stopping_while_nothing_is_bound(here: Ground) -> None:
    await here.smsc.close()
    carrier = await here.carrier(bound=False)
    await carrier.stop()
    assert carrier.status().binds[0].state == "stopped"


async def test_never_started(here: Ground) -> None:
    from smpp_ground import Clock

    from heliograph.carriers.smpp.carrier import SmppCarrier

    carrier = SmppCarrier(here.config(), Clock(), resolver=Resolver(ResolverSettings()), chance=lambda: 0.5)
    with pytest.raises(Temporary):
        await carrier.submit(message())
    assert carrier.status().binds[0].state == "idle"
    await carrier.stop()
