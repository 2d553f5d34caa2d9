"""A receipt finds its message, however its carrier writes ids, numbers, states and texts; on each of the stores."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from receipt_ground import ACME, HANDSET, US, World

from heliograph import config_tables
from heliograph.carrier_config import CarrierConfig
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Message, SmppOptions
from heliograph.ports import Receipt
from heliograph.wire.smpp.pdu import Tag

OTHER = "+12065550124"
SHORT_CODE = "26468"


def line(message_id: str, stat: str = "DELIVRD") -> str:
    return f"id:{message_id} sub:001 dlvrd:001 submit date:2401010000 done date:2401010000 stat:{stat} err:000 text:"


ADDRESSES = {
    "turned": (HANDSET, US),
    "unturned": (US, HANDSET),
    "both empty": ("", ""),
    "recipient empty": ("", US),
    "sender empty": (HANDSET, ""),
    "operator's short code": (HANDSET, SHORT_CODE),
    "others": ("+447700900001", "+447700900002"),
}
SPELLINGS = {
    "same": ("77A1", "77A1"),
    "answer in hexadecimal": ("3a7c10d4", "0981209300"),
    "receipt in hexadecimal": ("981209300", "3A7C10D4"),
    "zeros in front": ("77A1", "00000000000077A1"),
    "zeros left out": ("0000000000981209300", "981209300"),
    "capitals": ("c0ffee12-3456-4abc-8def-a1b2c3d4e5f6", "C0FFEE12-3456-4ABC-8DEF-A1B2C3D4E5F6"),
    "small letters": ("C0FFEE12-3456-4ABC-8DEF-A1B2C3D4E5F6", "c0ffee12-3456-4abc-8def-a1b2c3d4e5f6"),
    "no number": ("SAR-1000000000017-1eadf00d-2-1", "sar-1000000000017-1EADF00D-2-1"),
    "hyphens left out": ("1f3d5b79-2c4e-4a68-9b0d-7e6f5a4c3b2d", "1f3d5b792c4e4a689b0d7e6f5a4c3b2d"),
    "hyphens put in": ("1f3d5b792c4e4a689b0d7e6f5a4c3b2d", "1F3D5B79-2C4E-4A68-9B0D-7E6F5A4C3B2D"),
    "blanks": ("77A1", "  77A1 "),
    "zero": ("0", "0000"),
}


@pytest.mark.parametrize("place", ["memory", "disk"])
async def test_only_message_with_an_id_is_found_however_it_is_spelled(world: World, place: str) -> None:
    for answered, receipted in SPELLINGS.values():
        for source, destination in ADDRESSES.values():
            message = await world.sent(answered, expect=place == "memory")
            await world.bring(line(receipted), source, destination)
            assert await world.state(message) == "delivered", (answered, receipted, source, destination)
            world.clock.add(4000)  # ids come round later than repeated receipts
    assert world.reasons() == []


@pytest.mark.parametrize(
    ("id_match", "answered", "receipted", "found"),
    [
        ("hex_to_decimal", "3a7c10d4", "0981209300", True),
        ("decimal_to_hex", "981209300", "3A7C10D4", True),
        ("ignore_zeros", "77A1", "000077A1", True),
        ("ignore_zeros", "77A1", "77a1", False),
        ("ignore_case", "77A1", "77a1", True),
        ("ignore_case", "77A1", "077A1", False),
        ("exact", "77A1", "77A1", True),
        ("exact", "77A1", "77a1", False),
        ("exact", "255", "ff", False),
        ("hex_to_decimal", "3a7c10d4", "3a7c10d5", False),
    ],
)
async def test_id_match_narrows_the_readings_and_no_number_matters(
    world: World, id_match: str, answered: str, receipted: str, found: bool
) -> None:
    world.configure(id_match=id_match)
    for source, destination in ADDRESSES.values():
        message = await world.sent(answered)
        await world.bring(line(receipted), source, destination)
        assert await world.state(message) == ("delivered" if found else "sent"), (source, destination)
        world.receipts.forget(message)
        world.clock.add(4000)
        if not found:
            return


@pytest.mark.parametrize("place", ["memory", "disk"])
async def test_id_as_it_is_written_goes_first_where_no_number_tells(world: World, place: str) -> None:
    ten, sixteen = [await world.sent(ref, expect=place == "memory") for ref in ("10", "16")]
    await world.bring(line("16"), "", "")
    assert [await world.state(ten), await world.state(sixteen)] == ["sent", "delivered"]


async def test_number_decides_between_readings(world: World) -> None:
    ten, sixteen = await world.sent("10", to=OTHER), await world.sent("16")
    await world.bring(line("16"), OTHER, SHORT_CODE)
    assert [await world.state(ten), await world.state(sixteen)] == ["delivered", "sent"]


async def test_base_that_was_learned_goes_first(world: World) -> None:
    for number in (0xA00, 0xA01, 0xA02):
        await world.sent(f"{number:x}")
        await world.bring(line(str(number)))
    ten, sixteen = await world.sent("10"), await world.sent("16")
    await world.bring(line("16"), "", "")
    assert [await world.state(ten), await world.state(sixteen)] == ["delivered", "sent"]


async def test_base_that_is_set_goes_alone(world: World) -> None:
    world.configure(id_match="hex_to_decimal")
    ten, sixteen = await world.sent("10"), await world.sent("16")
    await world.bring(line("16"), "", "")
    assert [await world.state(ten), await world.state(sixteen)] == ["delivered", "sent"]


UUID = "1f3d5b79-2c4e-4a68-9b0d-7e6f5a4c3b2d"


@pytest.mark.parametrize(
    ("answered", "tlv", "text"),
    [
        (UUID, UUID.replace("-", ""), UUID),
        ("77A1", "00418822", "77A1"),
        ("77A1", "77A1", "00418822"),
        ("77A1", " 77a1 ", "x"),
        ("3a7c10d4", "x", "981209300"),
        ("77A1", "", "77A1"),
    ],
)
async def test_every_id_that_a_receipt_names_is_looked_for(world: World, answered: str, tlv: str, text: str) -> None:
    message = await world.sent(answered)
    tlvs: dict[int, bytes] = {Tag.RECEIPTED_MESSAGE_ID: tlv.encode() + b"\0"}
    await world.bring(line(text), "", "", tlvs=tlvs)
    assert await world.state(message) == "delivered"


# -- two messages under one id


async def two(world: World, place: str, *refs: str) -> list[Message]:
    one = await world.sent(refs[0], to=HANDSET, expect=place == "memory")
    world.clock.add(1)
    return [one, await world.sent(refs[-1], to=OTHER, expect=place == "memory")]


async def states(world: World, messages: list[Message]) -> list[str]:
    return [await world.state(each) for each in messages]


@pytest.mark.parametrize("id_match", ["auto", "exact", "ignore_case", "ignore_zeros"])
@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_recipient_tells_two_messages_of_one_id_apart(
    world: World, id_match: str, place: str, order: tuple[int, int]
) -> None:
    world.configure(id_match=id_match)
    messages = await two(world, place, "77A1")
    told = [(HANDSET, "DELIVRD"), (OTHER, "UNDELIV")]
    for which in order:
        await world.bring(line("77A1", told[which][1]), told[which][0])
    assert await states(world, messages) == ["delivered", "undelivered"]
    for source, stat in told[::-1]:
        await world.bring(line("77A1", stat), source)
    assert await states(world, messages) == ["delivered", "undelivered"]
    assert [(await world.lines(each))[-1][0] for each in messages] == ["receipt_ignored"] * 2


@pytest.mark.parametrize("source", [HANDSET[2:], f"00{HANDSET[1:]}", HANDSET])
async def test_number_without_its_country_tells_them_apart_too(world: World, source: str) -> None:
    messages = await two(world, "memory", "77A1")
    await world.bring(line("77A1"), source, SHORT_CODE, ton=2 if len(source) == 10 else 0)
    assert await states(world, messages) == ["delivered", "sent"]


@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize(("source", "destination"), [("", ""), ("", US), ("447700900001", US), (US, "")])
async def test_receipt_that_fits_both_settles_neither(world: World, place: str, source: str, destination: str) -> None:
    messages = await two(world, place, "77A1")
    await world.bring(line("77A1"), source, destination)
    assert await states(world, messages) == ["sent", "sent"]
    assert [await world.lines(each) for each in messages] == [
        [("receipt_ambiguous", "stat:DELIVRD err:000: 2 messages have its id")]
    ] * 2
    assert world.reasons() == ["ambiguous"]


async def test_receipt_that_is_repeated_without_numbers_settles_no_other(world: World) -> None:
    messages = await two(world, "memory", "77A1")
    await world.bring(line("77A1"), HANDSET)
    await world.bring(line("77A1"), "", "")
    assert await states(world, messages) == ["delivered", "sent"]


async def test_ids_that_differ_in_case_are_two_where_both_are_there(world: World) -> None:
    messages = [await world.sent(ref) for ref in ("aB3x", "Ab3x")]
    await world.bring(line("Ab3x"))
    assert await states(world, messages) == ["sent", "delivered"]
    await world.bring(line("aB3x"), "", "")
    assert await states(world, messages) == ["delivered", "delivered"]


async def test_id_that_came_round_is_the_new_messages(world: World) -> None:
    old = await world.sent("77A1")
    await world.bring(line("77A1"), "", "")
    world.clock.add(86400)
    new = await world.sent("77A1", to=OTHER)
    await world.bring(line("77A1", "UNDELIV"), "", "")
    assert await states(world, [old, new]) == ["delivered", "undelivered"]


async def test_parts_under_one_id_are_settled_one_after_the_other(world: World) -> None:
    message = await world.sent("77A1", "77A1")
    await world.bring(line("77A1"))
    assert await world.state(message) == "sent"
    await world.bring(line("77A1"))
    assert await world.state(message) == "delivered"


async def test_one_id_for_all_messages_costs_a_bounded_look(world: World) -> None:
    messages = [await world.sent("77A1", to=f"+1206555{number:04}") for number in range(40)]
    await world.bring(line("77A1"), messages[-1].to_number)
    await world.bring(line("77A1"), messages[0].to_number)
    assert await world.state(messages[-1]) == "delivered"
    assert len(world.receipts._awaited.under(ACME, "77a1")) < 20


# -- before the answer


async def test_receipt_that_fits_badly_waits_for_the_answers_that_are_to_come(world: World) -> None:
    """The carrier gives the id of a message that it took to another one, and its receipt comes before the answer."""
    world.receipts.unanswered = lambda carrier: True
    first = await world.sent("77A1", to=HANDSET)
    await world.bring(line("77A1"), OTHER)
    assert await world.state(first) == "sent"
    second = await world.sent("77A1", to=OTHER)
    while await world.store.held_receipts(1):
        pass
    assert await states(world, [first, second]) == ["sent", "delivered"]


@pytest.mark.parametrize("restart", [False, True])
async def test_receipt_that_waited_is_taken_for_what_there_is(
    world: World, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    monkeypatch.setattr("heliograph.engine.receipts.HELD_SWEEP_SECONDS", 0.001)
    world.receipts.unanswered = lambda carrier: True
    message = await world.sent("3a7c10d4")
    await world.bring(line("981209300"), "", "")
    assert await world.state(message) == "sent"
    if restart:
        world.start()
        world.receipts.unanswered = lambda carrier: True
        await world.receipts.load()
    world.tasks.append(asyncio.get_running_loop().create_task(world.receipts.sweep()))
    await world.store.timeline(message.project_id, message.id)
    assert await world.state(message) == "sent"
    world.clock.add(11)
    async with asyncio.timeout(30):
        while await world.store.held_receipts(1):
            pass
    assert await world.state(message) == "delivered"


# -- what it says


@pytest.mark.parametrize("data_coding", [0, 1, 3, 4, 8, 0x18, 0xE0, 0xF5, 0x0B])
async def test_text_is_read_by_what_it_is(world: World, data_coding: int) -> None:
    message = await world.sent("S00112233445566778899001122")
    await world.bring(line("S00112233445566778899001122"), data_coding=data_coding)
    assert await world.state(message) == "delivered"


@pytest.mark.parametrize(
    ("setting", "esm_class", "stat", "state", "code", "noted"),
    [
        ({}, 4, "NOCRED", "undelivered", 30008, None),
        ({}, 4, "SYSERR", "undelivered", 30008, None),
        ({}, 4, "BLOCKED", "undelivered", 30008, None),
        ({}, 4, "OK", "undelivered", 30008, None),
        ({"unknown_stat": "delivered"}, 4, "OK", "delivered", None, None),
        ({"unknown_stat": "ignore"}, 4, "OK", "sent", None, "stat:OK err:000"),
        ({}, 0x20, "NOCRED", "sent", None, "stat:NOCRED err:000"),
        ({"unknown_stat": "delivered"}, 0x20, "OK", "sent", None, "stat:OK err:000"),
        ({}, 0x20, "BUFFRED", "sent", None, "stat:ENROUTE err:000"),
        ({}, 4, "BUFFERD", "sent", None, "stat:ENROUTE err:000"),
        ({}, 4, "ACKED  ", "sent", None, "stat:ACCEPTD err:000"),
        ({}, 4, "ACCEPTD", "sent", None, "stat:ACCEPTD err:000"),
        ({}, 4, "undeliverable ", "undelivered", 30008, None),
        ({}, 4, "DELIVERED", "delivered", None, None),
        ({"stats": {"NOCRED": "undelivered:30007"}}, 4, "nocred", "undelivered", 30007, None),
        ({"stats": {"ok": "delivered"}}, 4, "OK", "delivered", None, None),
        ({"stats": {"UNKNOWN": "intermediate"}}, 4, "UNKNOWN", "sent", None, "stat:UNKNOWN err:000"),
    ],
)
async def test_state_word(
    world: World, setting: Any, esm_class: int, stat: str, state: str, code: int | None, noted: str | None
) -> None:
    world.configure(**_read(setting))
    message = await world.sent("1")
    await world.bring(line("1", stat), esm_class=esm_class)
    found = await world.store.message(message.project_id, message.id)
    assert found is not None and (found.state.value, found.error_code) == (state, code)
    steps = await world.store.timeline(message.project_id, message.id)
    if noted is not None:
        assert (steps[-1].kind, steps[-1].detail) == ("receipt_intermediate", noted)
    elif state == "undelivered" and stat.strip().isupper():
        assert steps[-1].detail is not None and stat in steps[-1].detail


def _read(setting: Any) -> Any:
    return {name: config_tables.read_one(CarrierConfig, name, value, name) for name, value in setting.items()}


async def test_receipt_without_a_state_is_noted_on_its_message(world: World) -> None:
    message = await world.sent("77A1")
    await world.bring("id:77A1 sub:001 err:000 Text:stat:DELIVRD")
    assert await world.state(message) == "sent"
    assert await world.lines(message) == [("receipt_unreadable", "it names no state")]
    assert world.reasons() == ["no_state"]


async def test_what_is_dropped_is_listed_with_its_reason_and_nobodys_number(world: World) -> None:
    await world.bring(line("0981209300"), data_coding=8)
    await world.bring("noise 12065550123", data_coding=8)
    shown = world.dropped.entries()
    assert [each.reason.value for each in shown] in (["no_id", "unknown_id"], ["unknown_id", "no_id"])
    unknown = next(each for each in shown if each.reason == "unknown_id")
    assert (unknown.carrier_ref, unknown.stat, unknown.data_coding) == ("0*******00", "DELIVRD", 8)
    assert (unknown.from_number, unknown.to_number) == ("+1******0101", "+1******0123")
    for _ in range(50):
        await world.bring(line("1"))
    assert len(world.dropped.entries()) == 10
    assert world.dropped.counts() == {ACME: {"no_id": 1, "unknown_id": 51}}


# -- one receipt for all parts


@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize(
    ("part_receipts", "told", "state"),
    [
        ("each", ["p1"], "sent"),
        ("each", ["p1", "p2"], "delivered"),
        ("first", ["p1"], "delivered"),
        ("first", ["p2"], "sent"),
        ("last", ["p2"], "delivered"),
        ("last", ["p1"], "sent"),
        ("any", ["p1"], "delivered"),
        ("any", ["p2"], "delivered"),
    ],
)
async def test_receipts_of_parts(world: World, place: str, part_receipts: str, told: list[str], state: str) -> None:
    world.configure(part_receipts=part_receipts)
    message = await world.sent("p1", "p2", expect=place == "memory")
    for ref in told:
        await world.bring(line(ref))
    assert await world.state(message) == state
    if state == "delivered":
        await world.bring(line("p2", "UNDELIV"))
        assert await world.state(message) == "delivered"


@pytest.mark.parametrize("part_receipts", ["each", "first", "last", "any"])
async def test_any_part_that_is_undelivered_ends_the_message(world: World, part_receipts: str) -> None:
    world.configure(part_receipts=part_receipts)
    message = await world.sent("p1", "p2")
    await world.bring(line("p2", "UNDELIV"))
    assert await world.state(message) == "undelivered"


@pytest.mark.parametrize(
    ("part_receipts", "told", "missing"),
    [("each", "p1", "part 2 of 3"), ("each", "p2", "part 1, 3 of 3"), ("first", "p2", "part 1 of 3"),
     ("last", "p1", "part 3 of 3")],
)  # fmt: skip
async def test_receipt_that_never_comes_is_noted_after_the_validity(
    world: World, part_receipts: str, told: str, missing: str
) -> None:
    world.configure(part_receipts=part_receipts)
    message = await world.sent("p1", "p2", "p3", expires_at=world.clock.now() + 60_000_000)
    await world.bring(line(told))
    if missing == "part 2 of 3":
        await world.bring(line("p3"))
    world.clock.add(59)
    assert await world.overdue.note_overdue() == 0
    world.start()
    world.configure(part_receipts=part_receipts)
    world.clock.add(2)
    assert await world.overdue.note_overdue() == 1
    assert await world.overdue.note_overdue() == 0
    assert await world.state(message) == "sent"
    line_of = ("receipt_missing", f"no receipt for {missing} within the message's validity")
    assert (await world.lines(message))[-1] == line_of
    for ref in ("p1", "p2", "p3"):
        await world.bring(line(ref))
    assert await world.state(message) == "delivered", "a late one counts"


async def test_nothing_is_missing_of_a_message_that_has_ended(world: World) -> None:
    message = await world.sent("p1", "p2")
    for ref in ("p1", "p2"):
        await world.bring(line(ref))
    world.clock.add(4000)
    assert await world.overdue.note_overdue() == 1
    assert [kind for kind, _ in await world.lines(message)] == ["part_delivered"]


async def test_parts_that_are_told_late_have_a_moment(world: World) -> None:
    await world.sent("p1", "p2", expires_at=world.clock.now() + 1)
    world.clock.add(60)
    await world.bring(line("p1"))
    assert await world.overdue.note_overdue() == 0
    world.clock.add(6)
    assert await world.overdue.note_overdue() == 1


# -- when it was


@pytest.mark.parametrize(
    ("minutes", "ahead", "done"),
    [(0, -60, -60), (120, 7200 - 60, -60), (0, 7200, None), (0, -7200, None), (0, 30, 0), (-300, -18000 - 5, -5)],
)
async def test_done_date_is_the_carriers_where_it_is_within_the_messages_life(
    world: World, minutes: int, ahead: int, done: int | None
) -> None:
    world.configure(receipt_offset_minutes=minutes)
    message = await world.sent(
        "77A1", callback=Callback(url="smpp:acme", method="DELIVER"), options=SmppOptions(registered_delivery=1)
    )
    world.clock.add(3600)
    now = world.clock.now()
    date = datetime.fromtimestamp(now // 1_000_000 + ahead, UTC).strftime("%y%m%d%H%M%S")
    await world.bring(f"id:77A1 done date:{date} stat:DELIVRD")
    (due,) = await world.store.pending_callbacks(message.project_id, message.id)
    assert due.at == now
    assert due.done_at == (None if done is None else now + done * 1_000_000)


async def test_receipt_without_keys_is_found_by_its_id(world: World) -> None:
    """As an earlier version held it, and as the simulated carrier tells it."""
    message = await world.sent("77A1", expect=False)
    assert await world.receipts.take(ACME, Receipt(carrier_ref="77a1", state=State.DELIVERED)) == "77A1"
    assert await world.state(message) == "delivered"
