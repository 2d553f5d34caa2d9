"""Receipts that come early, late, twice or never, under other ids, in other words.

They change the receipts that a submit asked for; one that asked for none gets none.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from heliograph.torture.plans import Fault, Group, Rows, Shape, SubmitPlan, ordinary_text
from heliograph.wire.smpp.receipt import MessageState

UUID_DIGITS: Final = 32
UNKNOWN_ID: Final = "999999999999"
GARBAGE: Final = b"\x00\xff id: \x1b\x1b stat sub:dlvrd: \xc3\x28 done date:99999999999999 err:\x80"

receipts: Final = Rows(Group.RECEIPTS, SubmitPlan)

_MATCHED: Final = "It is matched all the same."
_STAYS_SENT: Final = "The message stays sent; the receipt is acknowledged and counted as unmatched."


@receipts("Sends no receipt.", "The message stays sent.")
def no_receipt(plan: SubmitPlan) -> None:
    plan.receipts.clear()


@receipts("Sends the receipt first and the answer `short_ms` later.", "The message ends as delivered.")
def receipt_before_answer(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.seconds = 0.0
    if plan.answer_seconds is not None:
        plan.answer_seconds += plan.settings.short_ms / 1000


@receipts("Sends the receipt twice.", "The second one is acknowledged and changes nothing.")
def receipt_twice(plan: SubmitPlan) -> None:
    plan.receipts += [replace(receipt) for receipt in plan.receipts]


@receipts("Does not believe the first acknowledgement and sends the receipt again.", "As receipt-twice.")
def receipt_ack_ignored(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.ignored = 1


@receipts("Sends the receipt `late_ms` late.", "The message is delivered then.")
def receipt_late(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.seconds += plan.settings.late_ms / 1000


@receipts("Sends receipts in another order: every odd one waits `short_ms` longer.", "Each is matched by its id.")
def receipts_reordered(plan: SubmitPlan) -> None:
    if plan.number % 2:
        for receipt in plan.receipts:
            receipt.seconds += plan.settings.short_ms / 1000


@receipts("Sends a receipt for an id that was never given.", _STAYS_SENT)
def receipt_unknown_id(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = UNKNOWN_ID


@receipts("Also sends a receipt for an id that was never given.", "It is acknowledged; the right one is matched.")
def receipt_stray(plan: SubmitPlan) -> None:
    plan.receipts += [replace(receipt, shown_id=UNKNOWN_ID) for receipt in plan.receipts]


@receipts("Writes the id in the other base: hex for decimal, decimal for hex.", _MATCHED)
def receipt_wrong_base(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = other_base(receipt.shown_id)


@receipts("Writes the id with leading zeros, to 20 characters.", _MATCHED)
def receipt_padded(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = receipt.shown_id.rjust(20, "0")


@receipts("Writes the id without its leading zeros.", _MATCHED)
def receipt_unpadded(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = receipt.shown_id.lstrip("0") or "0"


@receipts("Writes the id's letters in the other case.", _MATCHED)
def receipt_case(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = receipt.shown_id.swapcase()


@receipts("Leaves a UUID's hyphens out of the id, or puts them into 32 hexadecimal digits.", _MATCHED)
def receipt_hyphens(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = other_hyphens(receipt.shown_id)


@receipts("Names an id of its own in the TLV, and the answer's in the text.", _MATCHED)
def receipt_tlv_other_id(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.tlv_id = f"own-{receipt.shown_id}"


@receipts("Names an id of its own in the text, and the answer's in the TLV.", _MATCHED)
def receipt_text_other_id(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.tlv_id, receipt.shown_id = receipt.shown_id, f"own-{receipt.shown_id}"


@receipts("Sends a receipt whose text is noise, without TLVs.", "It is acknowledged and counted; nothing crashes.")
def receipt_garbage_text(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.raw_text = GARBAGE
        receipt.with_tlvs = False


@receipts("Sends a receipt without text and without TLVs.", "It is acknowledged and counted.")
def receipt_empty(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.with_text = receipt.with_tlvs = False


@receipts("Sends the receipt as TLVs only.", _MATCHED)
def receipt_tlv_only(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.with_text = False


@receipts("Sends the receipt as text only.", _MATCHED)
def receipt_text_only(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.with_tlvs = False


@receipts("Leaves all but `id` and `stat` out of the text, without TLVs.", _MATCHED)
def receipt_missing_fields(plan: SubmitPlan) -> None:
    _reshape(plan, lambda fields: ordinary_text({name: fields[name] for name in ("id", "stat")}))


@receipts("Writes the text's fields in reverse, without TLVs.", _MATCHED)
def receipt_fields_reordered(plan: SubmitPlan) -> None:
    _reshape(plan, lambda fields: ordinary_text(dict(reversed(fields.items()))))


@receipts("Writes `ID:`, `Submit_Date:`, `Stat:DELIVERED` and the like, without TLVs.", _MATCHED)
def receipt_spelling(plan: SubmitPlan) -> None:
    _reshape(plan, _spelled_otherwise)


@receipts("Writes the state without `stat:`, without TLVs.", _MATCHED)
def receipt_bare_state(plan: SubmitPlan) -> None:
    _reshape(plan, lambda fields: ordinary_text(fields).replace("stat:", "", 1))


@receipts("Leaves the state out, without TLVs.", "The message stays sent, and its timeline says so.")
def receipt_no_state(plan: SubmitPlan) -> None:
    _reshape(plan, lambda fields: ordinary_text({name: fields[name] for name in ("id", "sub", "err")}))


@receipts("Says `NOCRED`, a word that no standard has, without TLVs.", "The message is undelivered.")
def receipt_unknown_word(plan: SubmitPlan) -> None:
    _reshape(plan, lambda fields: ordinary_text({**fields, "stat": "NOCRED"}))


@receipts("Sends `BUFFRED` as an intermediate notification before the final receipt.", "Only the final one ends it.")
def receipt_buffered(plan: SubmitPlan) -> None:
    early = [replace(receipt, esm_class=0x20, with_tlvs=False, shape=_buffered) for receipt in plan.receipts]
    plan.receipts[:0] = early


@receipts("Writes the text in ASCII and calls it UCS-2 (data_coding 8), without TLVs.", _MATCHED)
def receipt_coding_ucs2(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.data_coding, receipt.with_tlvs = 8, False


@receipts("Writes the text in UCS-2 and calls it the default alphabet, without TLVs.", _MATCHED)
def receipt_text_ucs2(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.encoding, receipt.with_tlvs = "utf-16-be", False
        receipt.shape = lambda fields: ordinary_text({name: fields[name] for name in ("id", "stat", "err")})


@receipts("Tells the done date by a clock that is two hours ahead of UTC.", _MATCHED)
def receipt_clock_ahead(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shape = _two_hours_ahead


@receipts("Sends a receipt for the first part of a long message only.", "As the setting for one receipt of all says.")
def receipt_first_part(plan: SubmitPlan) -> None:
    if plan.part is not None and plan.part[2] != 1:
        plan.receipts.clear()


@receipts("Sends a receipt for the last part of a long message only.", "As the setting for one receipt of all says.")
def receipt_last_part(plan: SubmitPlan) -> None:
    if plan.part is not None and plan.part[2] != plan.part[1]:
        plan.receipts.clear()


@receipts("Sends the receipt as data_sm with TLVs and the text in message_payload.", _MATCHED)
def receipt_data_sm(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.as_data_sm = True


@receipts("Sends the receipt with esm_class 0, as if it were a message.", "It is an inbound message: SMPP 3.4, 5.2.12.")
def receipt_unmarked(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.esm_class = 0


@receipts("Leaves source and destination as they were in the submit.", _MATCHED)
def receipt_addresses_unturned(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.turned = False


@receipts("Leaves both addresses empty.", _MATCHED)
def receipt_addresses_empty(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.addressed = False


@receipts("Sends ENROUTE and ACCEPTD before the final receipt.", "Only the final one ends the message.")
def receipt_intermediate(plan: SubmitPlan) -> None:
    early = [
        replace(receipt, state=state)
        for receipt in plan.receipts
        for state in (MessageState.ENROUTE, MessageState.ACCEPTED)
    ]
    plan.receipts[:0] = early


@receipts("Says UNDELIV with error 001.", "The message is undelivered.")
def receipt_undelivered(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.state, receipt.error = MessageState.UNDELIVERABLE, "001"


@receipts("Says DELIVRD, then UNDELIV.", "The first final receipt stands.")
def receipt_contradicts(plan: SubmitPlan) -> None:
    plan.receipts += [replace(receipt, state=MessageState.UNDELIVERABLE) for receipt in plan.receipts]


def _saying(state: MessageState) -> Fault:
    def change(plan: SubmitPlan) -> None:
        for receipt in plan.receipts:
            receipt.state = state

    sound = "The message gets that state's end, or stays sent."
    return receipts.row(f"receipt-state-{state.name}", f"Says {state.name}.", sound, change)


receipts.faults += [_saying(state) for state in MessageState]


def other_base(message_id: str) -> str:
    """Decimal digits as hex, hex digits as decimal; what is neither (a UUID) stays."""
    try:
        return f"{int(message_id):X}" if message_id.isdecimal() else str(int(message_id, 16))
    except ValueError:
        return message_id


def other_hyphens(message_id: str) -> str:
    """A UUID without its hyphens, or 32 digits with those of a UUID; what is neither stays."""
    digits = message_id.replace("-", "")
    if len(digits) != UUID_DIGITS:
        return message_id
    ends = (8, 12, 16, 20, 32)
    with_hyphens = "-".join(digits[start:end] for start, end in zip((0, *ends), ends, strict=False))
    return digits if "-" in message_id else with_hyphens


def _buffered(fields: dict[str, str]) -> str:
    return ordinary_text({**fields, "stat": "BUFFRED"})


def _two_hours_ahead(fields: dict[str, str]) -> str:
    """Its clock shows minutes; a done date is YYMMDDhhmm."""
    local = datetime.strptime(fields["done date"], "%y%m%d%H%M").replace(tzinfo=UTC) + timedelta(hours=2)
    return ordinary_text({**fields, "done date": f"{local:%y%m%d%H%M}"})


def _reshape(plan: SubmitPlan, shape: Shape) -> None:
    for receipt in plan.receipts:
        receipt.shape = shape
        receipt.with_tlvs = False


def _spelled_otherwise(fields: dict[str, str]) -> str:
    words = {"DELIVRD": "DELIVERED", "UNDELIV": "UNDELIVERABLE", "ACCEPTD": "ACCEPTED", "REJECTD": "REJECTED"}
    names = {"id": "ID", "sub": "Sub", "dlvrd": "Dlvrd", "submit date": "Submit_Date", "done date": "Done_Date"}
    changed = {**fields, "stat": words.get(fields["stat"], fields["stat"])}
    return " ".join(f"{names.get(name, name.title())}:{value}" for name, value in changed.items())
