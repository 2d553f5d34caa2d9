"""What atheris throws octets at: SMPP frames, texts, receipts. Run by `test_smpp_octets.py`, in a process of its own.

    python tests/fuzz/smpp_target.py [--plant] CORPUS [options of libFuzzer]

Any exception but ProtocolError, and a PDU that does not read back as it was, ends the run with an error. `--plant` puts
a fault in, to show that one is found.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["heliograph.wire.smpp", "heliograph.core.segments"]):
    from heliograph.wire.smpp import pdu, receipt, session, text

SEEDS: tuple[pdu.Pdu, ...] = (
    *(kind() for kind in pdu.PDUS),
    pdu.DeliverSm(esm_class=4, short_message=b"id:0a1 sub:001 dlvrd:001 done date:0610231234 stat:DELIVRD text:x"),
    pdu.DeliverSm(esm_class=4, tlvs={pdu.Tag.RECEIPTED_MESSAGE_ID: b"0a1\0", pdu.Tag.MESSAGE_STATE: b"\2"}),
    pdu.DeliverSm(esm_class=0x40, data_coding=8, short_message=b"\x05\x00\x03\x07\x02\x01\xd8\x3d\xde\x00"),
    pdu.SubmitSm(esm_class=0x40, short_message=b"\x06\x08\x04\x07\x07\x02\x01\x1be\x1b"),
    pdu.DataSm(tlvs={pdu.Tag.MESSAGE_PAYLOAD: b"text", pdu.Tag.SAR_MSG_REF_NUM: b"\0\1"}),
    pdu.SubmitMulti(dest_address=(pdu.Address(1, 1, "49"), "list")),
    pdu.SubmitMultiResp(unsuccess_sme=(pdu.UnsuccessSme(1, 1, "49", 11),)),
)
COMMANDS = tuple(pdu.KINDS)


def one_input(octets: bytes) -> None:
    """The first octet says what kind of PDU the rest is the body of; and all of it is a stream as well."""
    for role in session.Role:
        session.Session[None](role).receive(octets)
    if not octets:
        return
    command = COMMANDS[octets[0] % len(COMMANDS)]
    body = octets[1:]
    numbers = (pdu.HEADER_OCTETS + len(body), command, 0, 1)
    try:
        _, value = pdu.decode(b"".join(number.to_bytes(4, "big") for number in numbers) + body)
    except pdu.ProtocolError:
        return
    reads_back(value)
    if isinstance(value, pdu.SubmitSm | pdu.DeliverSm | pdu.DataSm | pdu.SubmitMulti):
        for alphabet in text.Alphabet:
            incoming = text.read(value, alphabet)
            incoming.text.encode("utf-8")
    if isinstance(value, pdu.DeliverSm | pdu.DataSm):
        read = receipt.parse(value)
        if read is not None:
            receipt.id_forms(read.message_id)
            receipt.compose(read)


def reads_back(value: pdu.Pdu) -> None:
    try:
        frame = pdu.encode(value, 1)
    except ValueError:  # longer strings are read than are written
        return
    if pdu.decode(frame)[1] != value:
        raise AssertionError(f"{value} does not read back")


def write_seeds(directory: Path) -> None:
    for number, value in enumerate(SEEDS):
        place = COMMANDS.index(value.command)
        (directory / f"seed-{number:02}").write_bytes(bytes((place,)) + pdu.encode(value, 1)[pdu.HEADER_OCTETS :])
    (directory / "stream").write_bytes(b"".join(pdu.encode(value, 1) for value in SEEDS[:8]))


def plant() -> None:
    """A decoder that trips over one tag."""
    read = pdu._read_tlvs

    def tripping(frame: bytes, at: int) -> dict[int, bytes]:
        tlvs = read(frame, at)
        if tlvs.get(pdu.Tag.MESSAGE_STATE, b"\2") != b"\2":
            raise KeyError("planted")
        return tlvs

    for decode in pdu._DECODERS.values():
        decode.__globals__["read_tlvs"] = tripping  # type: ignore[attr-defined]


def main() -> None:
    arguments = sys.argv
    if "--plant" in arguments:
        arguments.remove("--plant")
        plant()
    # what is compiled while the module is imported is not instrumented with it
    for command, decode in pdu._DECODERS.items():
        pdu._DECODERS[command] = atheris.instrument_func(decode)
    write_seeds(Path(arguments[1]))
    atheris.Setup(arguments, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
