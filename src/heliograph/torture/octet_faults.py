"""Answers that are wrong in their octets, and octets that nobody asked for."""

from struct import Struct
from typing import Final

from heliograph.torture.plans import Group, Rows, SubmitPlan, Then
from heliograph.wire.smpp.pdu import HEADER_OCTETS, Command, Status

WRONG_SEQUENCE_BY: Final = 1_000_000
"""Far from any number that a client in a test comes to."""
OVERSIZED_OCTETS: Final = 10_000_000
"""What the header of an oversized PDU claims; nobody should wait for that much."""
GARBAGE_OCTETS: Final = 200

octets: Final = Rows(Group.OCTETS, SubmitPlan)

_header: Final = Struct(">IIII")
_UNKNOWN_COMMAND: Final = 0x00010FFF
"""In the range that 5.1.2.1 reserves for nobody."""

_LINK_LOST: Final = "The link is closed and made anew; what was in flight is uncertain. Nothing crashes."
_READ: Final = "The answer is read, and its octet too many or too few is noted and counted."
_IGNORED: Final = "It is ignored and counted; nothing else changes."


@octets("Answers with a sequence number that was never used.", "The answer is ignored: no answer came.")
def wrong_sequence(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, sequence=plan.sequence + WRONG_SEQUENCE_BY))


@octets("Answers twice.", "The second answer is ignored.")
def duplicate_answer(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: frame + frame)


@octets("Sends an answer to a submit that never was, then the right one.", _IGNORED)
def unsolicited_answer(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, sequence=plan.sequence + WRONG_SEQUENCE_BY) + frame)


@octets("Answers with data_sm_resp in submit_sm_resp's place.", "A protocol error, or the answer; never two messages.")
def wrong_answer_command(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, command=Command.DATA_SM_RESP))


@octets("Sends a generic_nack with sequence number 0, then the answer.", _IGNORED)
def nack_of_nothing(plan: SubmitPlan) -> None:
    nack = _header.pack(HEADER_OCTETS, Command.GENERIC_NACK, Status.RINVCMDLEN, 0)
    plan.wire.append(lambda frame: nack + frame)


@octets("Sends a request with an unknown command id, then the answer.", "It is answered with generic_nack, RINVCMDID.")
def unknown_pdu(plan: SubmitPlan) -> None:
    request = _header.pack(HEADER_OCTETS + 4, _UNKNOWN_COMMAND, 0, plan.sequence) + b"what"
    plan.wire.append(lambda frame: request + frame)


@octets("Adds optional parameters that nobody knows to the answer.", "They are skipped.")
def unknown_tlvs(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _sized(frame + b"\x14\x01\x00\x03abc\x3f\xff\x00\x00"))


@octets("Adds an octet to the answer's body, within its length.", _READ)
def trailing_octet(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _sized(frame + b"\x00"))


@octets("Cuts the NUL off the message id, with the right length.", _READ)
def truncated_pdu(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _sized(frame[:-1]))


@octets("Sends half of the answer, then closes the connection.", "The message is uncertain.")
def cut_mid_pdu(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: frame[: len(frame) // 2])
    plan.then = Then.CLOSE


@octets("Claims 5 octets more than the answer has, which swallows the start of the next PDU.", _LINK_LOST)
def bad_length(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, length=len(frame) + 5))


@octets("Sends a PDU of length 0 in the answer's place.", _LINK_LOST)
def zero_length_pdu(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, length=0))


@octets("Sends a PDU of length 8, less than a header, in the answer's place.", _LINK_LOST)
def short_length_pdu(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, length=8))


@octets("Announces a PDU of 10 MB in the answer's place.", _LINK_LOST)
def oversized_pdu(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: _with(frame, length=OVERSIZED_OCTETS))


@octets("Sends 200 octets of noise in the answer's place.", _LINK_LOST)
def garbage_bytes(plan: SubmitPlan) -> None:
    noise = b"\xff" + plan.chance.randbytes(GARBAGE_OCTETS - 1)  # 0xff: as a length it is too long for anybody
    plan.wire.append(lambda frame: noise)


def _with(frame: bytes, *, length: int | None = None, command: int | None = None, sequence: int | None = None) -> bytes:
    """The frame with parts of its header changed."""
    old_length, old_command, status, old_sequence = _header.unpack_from(frame)
    length = old_length if length is None else length
    command = old_command if command is None else command
    sequence = old_sequence if sequence is None else sequence
    return _header.pack(length, command, status, sequence & 0x7FFFFFFF) + frame[HEADER_OCTETS:]


def _sized(frame: bytes) -> bytes:
    """The frame with the length that it has."""
    return _with(frame, length=len(frame))
