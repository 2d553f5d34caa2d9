"""Our SMPP codec against two that no one here wrote, npm `smpp` and PyPI `smpplib`: what we write they read as the same
values, and what they write we read so.

The corpus keeps to what both sides can spell: `smpp` knows 7-bit strings only, and `smpplib` lacks some PDUs and TLVs.
"""

import json
import random
from functools import cache
from typing import Any

import node_env
import pytest
import smpplib.command
import smpplib.exceptions
import smpplib.gsm
import smpplib.pdu

from heliograph.core import segments
from heliograph.wire.smpp import pdu, text
from heliograph.wire.smpp.pdu import Tag
from heliograph.wire.smpp.text import Alphabet

SEED = 3_4
OF_EACH = 40

STRINGS = {
    "service_type": 5,
    "system_id": 15,
    "password": 8,
    "system_type": 12,
    "address_range": 40,
    "message_id": 64,
    "schedule_delivery_time": 16,
    "validity_period": 16,
    "final_date": 16,
    "source_addr": 20,
    "destination_addr": 20,
    "esme_addr": 20,
}
TLVS: dict[Tag, int | None] = {
    # octets; None is text with a NUL, 0 any octets
    Tag.USER_MESSAGE_REFERENCE: 2,
    Tag.SOURCE_PORT: 2,
    Tag.DESTINATION_PORT: 2,
    Tag.SAR_MSG_REF_NUM: 2,
    Tag.SAR_TOTAL_SEGMENTS: 1,
    Tag.SAR_SEGMENT_SEQNUM: 1,
    Tag.PRIVACY_INDICATOR: 1,
    Tag.LANGUAGE_INDICATOR: 1,
    Tag.PAYLOAD_TYPE: 1,
    Tag.MESSAGE_PAYLOAD: 0,
    Tag.CALLBACK_NUM: 0,
    Tag.RECEIPTED_MESSAGE_ID: None,
    Tag.MESSAGE_STATE: 1,
    Tag.NETWORK_ERROR_CODE: 3,
}
OWN_TLVS: dict[type[pdu.Pdu], dict[Tag, int | None]] = {
    pdu.BindReceiverResp: {Tag.SC_INTERFACE_VERSION: 1},
    pdu.BindTransmitterResp: {Tag.SC_INTERFACE_VERSION: 1},
    pdu.BindTransceiverResp: {Tag.SC_INTERFACE_VERSION: 1},
    pdu.AlertNotification: {Tag.MS_AVAILABILITY_STATUS: 1},
    pdu.DataSmResp: {Tag.DPF_RESULT: 1},
    pdu.QuerySm: {},  # its TLV is an extension of ours
    pdu.SubmitSmResp: {},
    pdu.SubmitMultiResp: {},
    pdu.DeliverSmResp: {},
}


class Source:
    """Values of each PDU, the same each time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, kind: type[pdu.Pdu]) -> pdu.Pdu:
        return kind(**{name: self.field(kind, name) for name in kind.__struct_fields__})

    def field(self, kind: type[pdu.Pdu], name: str) -> Any:
        match name:
            case "tlvs":
                return self.tlvs(OWN_TLVS.get(kind, TLVS))
            case "short_message":
                return self.random.randbytes(self.random.choice((0, 1, 140, 254)))
            case "dest_address":
                return tuple(self.destination() for _ in range(self.random.randint(0, 5)))
            case "unsuccess_sme":
                return tuple(pdu.UnsuccessSme(*self.address(), self.random.getrandbits(32)) for _ in range(3))
            case _:
                return self.string(STRINGS[name]) if name in STRINGS else self.random.randint(0, 255)

    def string(self, longest: int) -> str:
        length = self.random.choice((0, 1, longest))
        return "".join(chr(self.random.randint(1, 127)) for _ in range(length))

    def address(self) -> pdu.Address:
        return pdu.Address(self.random.randint(0, 255), self.random.randint(0, 255), self.string(20))

    def destination(self) -> pdu.Address | str:
        return self.address() if self.random.random() < 0.5 else self.string(20)

    def tlvs(self, sizes: dict[Tag, int | None]) -> dict[int, bytes]:
        tags = [tag for tag in sizes if self.random.random() < 0.4]
        return {tag: self.tlv(sizes[tag]) for tag in tags}

    def tlv(self, size: int | None) -> bytes:
        if size is None:
            return (self.string(20) or "x").encode() + b"\0"
        return self.random.randbytes(size or self.random.choice((4, 19, 300)))


@cache
def corpus() -> list[pdu.Pdu]:
    source = Source(SEED)
    return [source.value(kind) for kind in pdu.PDUS for _ in range(OF_EACH)]


# -- npm smpp


def as_smpp(value: pdu.Pdu, sequence: int) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    tlvs = fields.pop("tlvs", {})
    if "short_message" in fields:
        fields["short_message"] = {"hex": fields["short_message"].hex()}
    if "dest_address" in fields:
        fields["dest_address"] = [
            {"dl_name": each} if isinstance(each, str) else each._asdict() for each in fields["dest_address"]
        ]
    if "unsuccess_sme" in fields:
        fields["unsuccess_sme"] = [each._asdict() for each in fields["unsuccess_sme"]]
    return {
        "command": value.command.name.lower(),
        "sequence": sequence,
        "fields": fields,
        "tlvs": {str(int(tag)): octets.hex() for tag, octets in tlvs.items()},
    }


def ask_smpp(**asked: Any) -> Any:
    stdin = json.dumps({"decode": [], "encode": [], "text": []} | asked)
    run = node_env.run_script(node_env.NODE_DIRECTORY / "smpp_codec.cjs", stdin=stdin)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_npm_smpp_reads_what_we_write() -> None:
    frames = [pdu.encode(value, sequence).hex() for sequence, value in enumerate(corpus(), 1)]
    for (sequence, value), read in zip(enumerate(corpus(), 1), ask_smpp(decode=frames)["decode"], strict=True):
        assert read == as_smpp(value, sequence) | {"status": 0}


def test_we_read_what_npm_smpp_writes() -> None:
    asked = [as_smpp(value, sequence) for sequence, value in enumerate(corpus(), 1)]
    for (sequence, value), frame in zip(enumerate(corpus(), 1), ask_smpp(encode=asked)["encode"], strict=True):
        assert pdu.decode(bytes.fromhex(frame)) == (pdu.Header(value.command, 0, sequence), value)


def test_npm_smpp_writes_texts_as_we_do() -> None:
    gsm = segments.GSM_BASIC.replace(segments.ESCAPE, "") + "".join(segments.GSM_EXTENSION)
    texts = [("ASCII", Alphabet.GSM_UNPACKED, gsm), ("ASCII", Alphabet.GSM_UNPACKED, "[5 \u20ac]")]
    texts.append(("LATIN1", Alphabet.LATIN1, "".join(map(chr, range(256)))))
    texts.append(("UCS2", Alphabet.UCS2, "h\u00e9 \u4e2d \U0001f600"))
    answers = ask_smpp(text=[(name, written) for name, _, written in texts])["text"]
    for (_, alphabet, written), answer in zip(texts, answers, strict=True):
        assert text.encode_text(written, alphabet).hex() == answer["hex"]
        assert answer["text"] == written
        assert text.decode_text(bytes.fromhex(answer["hex"]), alphabet) == written


# -- PyPI smpplib


def smpplib_can(value: pdu.Pdu) -> bool:
    command = value.command.name.lower()
    try:
        kind = smpplib.command.factory(command, sequence=1)
    except smpplib.exceptions.UnknownCommandError:
        return False
    tlvs = getattr(value, "tlvs", {})
    if tlvs and getattr(value, "short_message", b"") and Tag.MESSAGE_PAYLOAD in tlvs:
        return False  # it refuses to write both
    if command == "query_sm" and not getattr(value, "message_id", ""):
        return False  # it refuses to ask for nothing
    return all(Tag(tag).name.lower() in kind.params for tag in tlvs)


def to_smpplib(value: pdu.Pdu, sequence: int) -> bytes:
    written = smpplib.command.factory(value.command.name.lower(), sequence=sequence)
    written.sequence = sequence
    for name in value.__struct_fields__:
        if name != "tlvs":
            setattr(written, name, getattr(value, name))
    for tag, octets in getattr(value, "tlvs", {}).items():
        name = Tag(tag).name.lower()
        form = written.params[name]
        match form.type.__name__:
            case "int":
                setattr(written, name, int.from_bytes(octets, "big"))
            case "str":
                setattr(written, name, octets[:-1].decode())
            case _:
                setattr(written, name, octets)
    return bytes(written.generate())


def from_smpplib(frame: bytes, kind: type[pdu.Pdu]) -> tuple[str, int, pdu.Pdu]:
    """What smpplib reads, as one of our PDUs."""
    read = smpplib.command.factory(smpplib.pdu.extract_command(frame), sequence=1)
    read.parse(frame)
    fields: dict[str, Any] = {}
    for field in kind.__struct_fields__:
        if field != "tlvs":
            value = getattr(read, field)
            fields[field] = value.decode("latin-1") if field in STRINGS else value
    if "tlvs" in kind.__struct_fields__:
        fields["tlvs"] = {}
        for tag in Tag:
            value = getattr(read, tag.name.lower(), None)
            if value is not None and tag.name.lower() in read.params:
                fields["tlvs"][tag] = tlv_octets(value, read.params[tag.name.lower()])
    return read.command, read.sequence, kind(**fields)


def tlv_octets(value: Any, form: Any) -> bytes:
    match form.type.__name__:
        case "int":
            return int(value).to_bytes(form.size, "big")
        case "str":
            return bytes(value) + b"\0"
        case _:
            return bytes(value)


def smpplib_corpus() -> list[tuple[int, pdu.Pdu]]:
    return [(sequence, value) for sequence, value in enumerate(corpus(), 1) if smpplib_can(value)]


def test_smpplib_knows_most_of_the_corpus() -> None:
    kinds = {type(value) for _, value in smpplib_corpus()}
    missing = {pdu.SubmitMulti, pdu.SubmitMultiResp, pdu.CancelSm, pdu.CancelSmResp}
    assert set(pdu.PDUS) - kinds == missing | {pdu.ReplaceSm, pdu.ReplaceSmResp, pdu.Outbind}


def test_smpplib_reads_what_we_write() -> None:
    for sequence, value in smpplib_corpus():
        command, read_sequence, read = from_smpplib(pdu.encode(value, sequence), type(value))
        assert (command, read_sequence, read) == (value.command.name.lower(), sequence, value)


def test_we_read_what_smpplib_writes() -> None:
    for sequence, value in smpplib_corpus():
        assert pdu.decode(to_smpplib(value, sequence)) == (pdu.Header(value.command, 0, sequence), value)


@pytest.mark.parametrize("written", ["plain", "[5 \u20ac] {x}", "\u00e9\u00e0\u0394"])
def test_smpplib_writes_gsm_as_we_do(written: str) -> None:
    parts, coding, esm_class = smpplib.gsm.make_parts(written)
    assert (coding, esm_class) == (0, 0)
    assert [text.encode_text(written, Alphabet.GSM_UNPACKED)] == parts


def test_smpplib_cuts_a_long_text_as_we_do() -> None:
    written = "0123456789" * 31
    theirs, _, esm_class = smpplib.gsm.make_parts(written)
    ours = text.parts(segments.segment(written), reference=theirs[0][3], mode=text.LongMode.UDH8)
    assert [part.short_message for part in ours] == theirs
    assert {part.esm_class for part in ours} == {esm_class}
