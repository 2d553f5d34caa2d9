"""Receipts as carriers write them; what is composed is read; nobody's text makes a receipt."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Tag
from heliograph.wire.smpp.receipt import IdForm, MessageState, Receipt


def delivered(line: str, **fields: object) -> DeliverSm:
    return DeliverSm(**{"esm_class": 4, "short_message": line.encode("latin-1"), **fields})


def read_of(pdu: DeliverSm | DataSm) -> Receipt | None:
    """What is read of it, but for the state word, which is tested by itself."""
    read = receipt.parse(pdu)
    return read and msgspec.structs.replace(read, stat="")


STANDARD = (
    "id:0123456789 sub:001 dlvrd:001 submit date:0610231234 done date:0610231235 stat:DELIVRD err:000 text:Hello "
)
READ = Receipt(
    message_id="0123456789",
    state=MessageState.DELIVERED,
    error="000",
    submitted=1,
    delivered=1,
    submit_date="0610231234",
    done_date="0610231235",
    text="Hello",
)


@pytest.mark.parametrize(
    "line",
    [
        STANDARD,
        STANDARD.upper().replace("HELLO", "Hello"),
        "Id:0123456789 Sub:001 Dlvrd:001 Submit Date:0610231234 Done Date:0610231235 Stat:DELIVERED Err:000 Text:Hello",
        "id:0123456789 sub:001 dlvrd:001 submit_date:0610231234 done_date:0610231235 stat:DELIVRD err:000 text:Hello",
        "id:0123456789 sub:1 dlvrd:1 submitdate:0610231234 donedate:0610231235 status:delivered error:000 txt:Hello",
        "id: 0123456789 sub: 001 dlvrd: 001 submit date: 0610231234 done date: 0610231235 stat: DELIVRD err: 000"
        " text: Hello",
        "id=0123456789, sub=001, dlvrd=001, submit date=0610231234, done date=0610231235, stat=DELIVRD, err=000,"
        " text=Hello",
        "stat:DELIVRD err:000 done date:0610231235 submit date:0610231234 dlvrd:001 sub:001 id:0123456789 text:Hello",
        "text:Hello id:0123456789 sub:001 dlvrd:001 submit date:0610231234 done date:0610231235 stat:DELIVRD err:000",
        "message_id:0123456789\nsub:001\ndelivered:001\nsubmit date:0610231234\ndone date:0610231235\nstat:2\n"
        "error_code:000\ntext:Hello",
    ],
)
def test_reads_all_spellings(line: str) -> None:
    read = read_of(delivered(line))
    if line.startswith("text:"):  # what follows the text can't be told from it
        assert read is not None
        assert read.text is not None
        assert read.text.startswith("Hello id:")
        read = Receipt(**{**{name: getattr(read, name) for name in read.__struct_fields__}, "text": "Hello"})
    assert read == READ


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("id:a stat:EXPIRED", Receipt(message_id="a", state=MessageState.EXPIRED)),
        ("stat:UNDELIV id:a", Receipt(message_id="a", state=MessageState.UNDELIVERABLE)),
        ("id:a-b_c.d/e stat:REJECTD err:69", Receipt(message_id="a-b_c.d/e", state=MessageState.REJECTED, error="69")),
        ("id:a stat:DELIVRD err:", Receipt(message_id="a", state=MessageState.DELIVERED)),
        (
            "id:a done date:2006-10-23 12:34:56 stat:DELIVRD",
            Receipt(message_id="a", state=MessageState.DELIVERED, done_date="2006-10-23 12:34:56"),
        ),
        ("id:a sub:x dlvrd: stat:DELIVRD", Receipt(message_id="a", state=MessageState.DELIVERED)),
        ("id:a stat:DELIVRD\0", Receipt(message_id="a", state=MessageState.DELIVERED)),
        ("paid:z id:a stat:DELIVRD", Receipt(message_id="a", state=MessageState.DELIVERED)),
    ],
)
def test_reads_what_is_there(line: str, expected: Receipt) -> None:
    assert read_of(delivered(line)) == expected


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        *(
            (word, MessageState.DELIVERED)
            for word in ("DELIVRD", "DELIVERED", "DELIVERD", "delivrd", "DLVRD", "2", "002")
        ),
        *((word, MessageState.EXPIRED) for word in ("EXPIRED", "EXPIRD", "3")),
        *((word, MessageState.DELETED) for word in ("DELETED", "DELETD", "CANCELLED", "4")),
        *((word, MessageState.UNDELIVERABLE) for word in ("UNDELIV", "UNDELIVERABLE", "UNDELIVERED", "FAILED", "5")),
        *((word, MessageState.ACCEPTED) for word in ("ACCEPTD", "ACCEPTED", "6")),
        *((word, MessageState.UNKNOWN) for word in ("UNKNOWN", "UNKNOWN.", "7")),
        *((word, MessageState.REJECTED) for word in ("REJECTD", "REJECTED", "8")),
        *((word, MessageState.ENROUTE) for word in ("ENROUTE", "EN_ROUTE", "en route", "BUFFERED", "SCHEDULED", "1")),
        *((word, None) for word in ("", "9", "99999999999999999999", "OK?", "\u00b2", "DELIVERY", "DELIVERY FAILED")),
        *((word, MessageState.ENROUTE) for word in ("BUFFRED", "BUFFERD", "0", "PENDING", "QUEUED")),
        *((word, MessageState.ACCEPTED) for word in ("ACKED", "acked  ", "ACKNOWLEDGED")),
        *((word, MessageState.DELIVERED) for word in ("DELIVRED", "DELVRD", "delivered ", "DELIV")),
    ],
)
def test_states(stat: str, state: MessageState | None) -> None:
    assert receipt.state_of(stat) is state


TLVS = {
    Tag.RECEIPTED_MESSAGE_ID: b"from-tlv\0",
    Tag.MESSAGE_STATE: b"\x05",
    Tag.NETWORK_ERROR_CODE: b"\x03\x00\x0b",
}


def test_tlvs_go_before_the_text() -> None:
    read = receipt.parse(delivered(STANDARD, tlvs=TLVS))
    assert read is not None
    assert (read.message_id, read.state, read.error) == ("from-tlv", MessageState.UNDELIVERABLE, "011")
    assert read.done_date == "0610231235"


@pytest.mark.parametrize(
    "pdu",
    [
        pytest.param(DataSm(esm_class=4, tlvs=TLVS), id="data_sm"),
        pytest.param(DeliverSm(esm_class=0, tlvs=TLVS), id="not called a receipt"),
        pytest.param(DeliverSm(esm_class=0x20, tlvs=TLVS), id="on the way"),
        pytest.param(DeliverSm(esm_class=4, tlvs={**TLVS, Tag.RECEIPTED_MESSAGE_ID: b"from-tlv"}), id="no NUL"),
        pytest.param(delivered("garbage \xff", tlvs=TLVS), id="garbage beside"),
    ],
)
def test_tlvs_are_enough(pdu: DeliverSm | DataSm) -> None:
    expected = Receipt(message_id="from-tlv", state=MessageState.UNDELIVERABLE, error="011")
    assert receipt.parse(pdu) == msgspec.structs.replace(expected, is_final=pdu.esm_class != 0x20)


def test_tlvs_and_text_complete_each_other() -> None:
    read = read_of(delivered("stat:REJECTD err:8", tlvs={Tag.RECEIPTED_MESSAGE_ID: b"x\0"}))
    assert read == Receipt(message_id="x", state=MessageState.REJECTED, error="8")


@pytest.mark.parametrize("encoding", [(8, "utf-16-be"), (3, "latin-1"), (1, "ascii"), (0, "ascii"), (4, "ascii")])
def test_reads_receipts_in_any_coding(encoding: tuple[int, str]) -> None:
    pdu = DeliverSm(esm_class=4, data_coding=encoding[0], short_message=STANDARD.encode(encoding[1]))
    assert read_of(pdu) == READ


APPENDIX = f"id:S00112233445566778899001122 {STANDARD.partition(' ')[2]}"


def octets_of(line: str, encoding: str) -> bytes:
    return text.encode_text(line, text.Alphabet.GSM_PACKED) if encoding == "packed" else line.encode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-be", "utf-16-le", "packed"])
def test_text_is_read_whatever_data_coding_says(encoding: str) -> None:
    octets = octets_of(APPENDIX, encoding)
    found = {
        (read.message_id, read.state) if read else None
        for read in (receipt.parse(DeliverSm(esm_class=4, data_coding=d, short_message=octets)) for d in range(256))
    }
    assert found == {("S00112233445566778899001122", MessageState.DELIVERED)}


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("id:77A1 sub:000 submit date:260701090015 done date:260701090016 DELIVRD err:000 Text:", "DELIVERED"),
        ("id:77A1 sub:000 submit date:260701090015 done date:260701090016 UNDELIV err:000 Text:", "UNDELIVERABLE"),
        ("id:77A1 DELIVRD", "DELIVERED"),
        ("DELIVRD id:77A1 err:000", "DELIVERED"),
        ("id:77A1 sub:001 dlvrd:001 EXPIRED text:DELIVRD", "EXPIRED"),
        ("id:77A1 sub:001 delivrd err:000 text:", "DELIVERED"),
        ("id:77A1 DELIVRD UNDELIV err:000", None),
        ("id:77A1 sub:001 err:000 Text:DELIVRD", None),
        ("id:77A1 sub:001 err:000 Text:stat:DELIVRD", None),
        ("id:77A1 sub:001 err:000 Text:id:77A1 stat:DELIVRD", None),
        ("id:77A1 err:000 it could not be delivered", None),
        ("id:DELIVRD err:000", None),
    ],
)
def test_a_state_without_a_name(line: str, state: str | None) -> None:
    read = receipt.parse(delivered(line))
    assert read is not None
    assert read.state is (state and MessageState[state])
    assert read.message_id == line.partition("id:")[2].split()[0]
    assert read.done_date in (None, "260701090016")


def test_words_behind_text_make_no_state_of_a_tlv_id() -> None:
    pdu = delivered("text:id:77A1 stat:DELIVRD", tlvs={Tag.RECEIPTED_MESSAGE_ID: b"77A1\0"})
    read = receipt.parse(pdu)
    assert read is not None and (read.message_id, read.state) == ("77A1", None)


@pytest.mark.parametrize(
    ("tlv", "stat", "state"),
    [
        (2, "UNDELIV", "DELIVERED"),
        (5, "DELIVRD", "UNDELIVERABLE"),
        (1, "DELIVRD", "DELIVERED"),
        (6, "UNDELIV", "UNDELIVERABLE"),
        (7, "DELIVRD", "DELIVERED"),
        (2, "UNKNOWN", "DELIVERED"),
        (2, "ENROUTE", "DELIVERED"),
        (2, "NOCRED", "DELIVERED"),
        (99, "DELIVRD", "DELIVERED"),
        (99, "NOCRED", None),
        (1, "ACCEPTD", "ENROUTE"),
    ],
)
def test_state_that_tells_more_stands(tlv: int, stat: str, state: str | None) -> None:
    read = receipt.parse(delivered(f"id:1 stat:{stat}", tlvs={Tag.MESSAGE_STATE: bytes((tlv,))}))
    assert read is not None and read.state is (state and MessageState[state])


@pytest.mark.parametrize(
    ("line", "stat"),
    [
        ("id:1 stat:NOCRED err:0", "NOCRED"),
        ("id:1 stat:no credit err:0", "no"),
        ("id:1 stat:+12065550123 err:0", "*"),
        (f"id:1 stat:{'X' * 300}", "X" * receipt.STAT_CHARACTERS_MAX),
        ("id:1 stat:\xe9\x1b err:0", ""),
    ],
)
def test_unknown_state_word_is_kept(line: str, stat: str) -> None:
    read = receipt.parse(delivered(line))
    assert read is not None
    assert (read.state, read.stat, read.detail.partition(" ")[0]) == (None, stat, f"stat:{stat}")


def test_both_ids_are_kept() -> None:
    read = receipt.parse(delivered("id:77A1 stat:DELIVRD", tlvs={Tag.RECEIPTED_MESSAGE_ID: b"00418822\0"}))
    assert read is not None and read.ids == ("00418822", "77A1")
    read = receipt.parse(delivered("id:77A1 stat:DELIVRD", tlvs={Tag.RECEIPTED_MESSAGE_ID: b"77A1\0"}))
    assert read is not None and read.ids == ("77A1",)


NINE = 1_782_896_416_000_000
"""2026-07-01 09:00:16 UTC."""


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("260701090016", NINE),
        ("2607010900", NINE - 16_000_000),
        ("20260701090016", NINE),
        ("202607010900", NINE - 16_000_000),
        ("2026-07-01 09:00:16", NINE),
        ("2026-07-01T09:00:16", NINE),
        *((date, None) for date in ("", "0", "260732090016", "99999999999999", "x", "26070109001", "\u0662" * 10)),
    ],
)
def test_dates(date: str, moment: int | None) -> None:
    assert receipt.moment(date) == moment
    assert receipt.moment(date, 7200) == (moment and moment - 7_200_000_000)


def test_reads_a_receipt_in_message_payload() -> None:
    assert read_of(DataSm(esm_class=4, tlvs={Tag.MESSAGE_PAYLOAD: STANDARD.encode()})) == READ


@pytest.mark.parametrize(
    "pdu",
    [
        pytest.param(delivered(STANDARD, esm_class=0), id="a customer's text"),
        pytest.param(delivered(STANDARD, esm_class=0x08), id="acknowledged by a handset"),
        pytest.param(DeliverSm(tlvs={Tag.RECEIPTED_MESSAGE_ID: b"x"}), id="an id alone"),
    ],
)
def test_what_is_no_receipt(pdu: DeliverSm) -> None:
    assert not receipt.is_receipt(pdu)
    assert receipt.parse(pdu) is None


@pytest.mark.parametrize("line", ["", "garbage", "id:a", "stat:DELIVRD", "id: stat:DELIVRD", "id:a stat:WHAT"])
def test_an_unreadable_receipt_is_still_one(line: str) -> None:
    assert receipt.is_receipt(delivered(line))
    read = receipt.parse(delivered(line))
    assert read is not None
    assert not read.ids or read.state is None


def test_the_customers_words_do_not_change_a_receipt() -> None:
    for line in ("id:a stat:UNDELIV text:id:b stat:DELIVRD", "text:id:b stat:DELIVRD id:a stat:UNDELIV"):
        read = receipt.parse(delivered(line))
        assert read is not None
        assert (read.message_id, read.state) == ("a", MessageState.UNDELIVERABLE)


@given(
    st.builds(
        Receipt,
        message_id=st.from_regex(r"[0-9a-zA-Z._-]{1,64}", fullmatch=True),
        state=st.sampled_from(MessageState),
        error=st.from_regex(r"[0-9]{3}", fullmatch=True),
        submitted=st.integers(0, 999),
        delivered=st.integers(0, 999),
        submit_date=st.integers(0, 10**16).map(receipt.date),
        done_date=st.integers(0, 10**16).map(receipt.date),
        text=st.from_regex(r"[a-z]{0,20}", fullmatch=True),
    )
)
def test_what_is_composed_is_read(composed: Receipt) -> None:
    assert read_of(DeliverSm(esm_class=4, short_message=receipt.compose(composed))) == composed
    read = receipt.parse(DeliverSm(esm_class=4, tlvs=receipt.compose_tlvs(composed)))
    assert read == Receipt(message_id=composed.message_id, state=composed.state)


def test_composes_as_appendix_b_writes_it() -> None:
    composed = Receipt(
        message_id="7",
        state=MessageState.UNDELIVERABLE,
        error="011",
        submit_date=receipt.date(1_161_606_840_000_000),
        done_date=receipt.date(1_161_606_900_000_000),
        text="\u00e9t\u00e9 is a text of more than twenty",
    )
    assert receipt.compose(composed) == (
        b"id:7 sub:001 dlvrd:000 submit date:0610231234 done date:0610231235 stat:UNDELIV err:011"
        b" text:?t? is a text of mor"
    )


def test_the_detail_has_no_id_and_no_words() -> None:
    assert READ.detail == "stat:DELIVRD err:000"
    assert Receipt(message_id="7", state=MessageState.ENROUTE).detail == "stat:ENROUTE"


@pytest.mark.parametrize("state", MessageState)
def test_final_states(state: MessageState) -> None:
    assert state.is_final == (state not in (MessageState.ENROUTE, MessageState.ACCEPTED))


@pytest.mark.parametrize(
    ("answered", "receipted", "form"),
    [
        ("2F", "2F", IdForm.SAME),
        ("2F", "2f", IdForm.SAME),
        ("0000002f", "2F", IdForm.SAME),
        ("47", "0000000047", IdForm.SAME),
        ("2F", "47", IdForm.HEX),
        ("0000002F", "0000000047", IdForm.HEX),
        ("47", "2f", IdForm.DECIMAL),
        ("A-B", "a-b", IdForm.SAME),
        ("0", "000", IdForm.SAME),
        ("550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-446655440000", IdForm.SAME),
        ("550E8400E29B41D4A716446655440000", "550e8400-e29b-41d4-a716-446655440000", IdForm.SAME),
        ("SAR-1000000000017-1eadf00d-2-1", "sar-1000000000017-1EADF00D-2-1", IdForm.SAME),
    ],
)
def test_ids_match_whatever_the_base(answered: str, receipted: str, form: IdForm) -> None:
    assert receipt.id_forms(receipted)[form] == receipt.canonical_id(answered)


def test_numbers_longer_than_any_are_no_numbers() -> None:
    longest = "1" * receipt.ID_CHARACTERS_MAX
    read = read_of(delivered(f"id:{longest} sub:{'1' * 5000} stat:DELIVRD"))
    assert read == Receipt(message_id=longest, state=MessageState.DELIVERED)
    assert len(receipt.id_forms(longest)) == 3
    too_long = receipt.parse(delivered(f"id:1{longest} stat:DELIVRD"))
    assert too_long is not None and too_long.ids == ()
    assert list(receipt.id_forms("1" * 5000)) == [IdForm.SAME]


def test_forms_that_cannot_be_are_left_out() -> None:
    assert list(receipt.id_forms("47")) == [IdForm.SAME, IdForm.HEX, IdForm.DECIMAL]
    assert list(receipt.id_forms("4f")) == [IdForm.SAME, IdForm.DECIMAL]
    assert list(receipt.id_forms("x-1")) == [IdForm.SAME]
    assert list(receipt.id_forms("\u0664\u0667")) == [IdForm.SAME]


FRAGMENTS = st.sampled_from(
    [*["id", "stat", "err", "text", "sub", "done", "date", "submit"], ":", " ", "_", "DELIVRD", "\u0130", "7", "\0"]
)


@given(st.lists(FRAGMENTS | st.text(st.characters(max_codepoint=255), max_size=3)).map("".join), st.integers(0, 255))
def test_any_text_is_a_receipt_or_none(line: str, data_coding: int) -> None:
    pdu = DeliverSm(esm_class=4, data_coding=data_coding, short_message=line.encode("latin-1", "replace"))
    read = receipt.parse(pdu)
    if read is not None:
        receipt.id_forms(read.message_id)


@given(st.binary(), st.dictionaries(st.sampled_from([*TLVS, Tag.MESSAGE_PAYLOAD]), st.binary(max_size=300)))
def test_any_octets_are_a_receipt_or_none(octets: bytes, tlvs: dict[int, bytes]) -> None:
    read = receipt.parse(DeliverSm(esm_class=4, data_coding=8, short_message=octets, tlvs=tlvs))
    if read is not None:
        receipt.id_forms(read.message_id)


def test_what_no_database_keeps_is_no_part_of_an_id_or_an_error() -> None:
    line = b"id:12\x0034 stat:UNDELIV err:00\x001" + b"9" * 5000 + b" text:x"
    said = receipt.parse(DeliverSm(esm_class=4, short_message=b"", tlvs={Tag.MESSAGE_PAYLOAD: line}))
    assert said is not None and (said.message_id, said.error) == ("12", "00")
    line = line.replace(b"\x00", b"")
    said = receipt.parse(DeliverSm(esm_class=4, short_message=b"", tlvs={Tag.MESSAGE_PAYLOAD: line}))
    assert said is not None and said.error is not None and len(said.error) == receipt.ERROR_CHARACTERS_MAX
