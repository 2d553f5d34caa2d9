"""Which message, or part of one, a receipt is for: pure, over the candidates that its keys found.

The problem. A carrier's ids are spelled in several ways, come round again, and are given twice; its receipts have the
message's numbers in the operator's own form, unturned, or not at all. A receipt that is put on the wrong message says
that a text arrived which did not; a receipt that is put on none leaves the message "sent" for good.

The rules, in their order; each decides only between candidates that the ones before leave:

1. The id must be spelled as the carrier's setting allows (Receipt.spelling).
2. The recipient: one that the receipt names goes before one that it says nothing of, and that before another number.
   Then the sender in the same way.
3. A message that ended long ago goes behind the others: its receipts are over, and its id has come round.
4. The order of the receipt's keys; then an id that is spelled just so.
5. A message that awaits its receipt goes before one that has just ended, where the receipt names the recipient; it may
   be that one's again where it does not.
6. Parts of one message under one id: the first that has no receipt yet.

Several messages that are left are told apart by nothing: the receipt is ambiguous, and changes none of them. So is one
that names another recipient than several messages of the same id. One candidate alone is taken whatever its numbers.

`is_sure` says whether the choice stands although submits are unanswered, whose answers may name a better candidate.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from heliograph.core.carrier_refs import fold, is_same
from heliograph.core.lifecycle import TERMINAL
from heliograph.core.message import Message, Part
from heliograph.ports import Receipt

NATIONAL_DIGITS_MIN: Final = 7
"""Digits at the end that make two numbers the same, where one has no country or another prefix."""


REPEATED_SECONDS: Final = 3600
"""How long after a message's end a receipt that names no number may be the same one again."""


@dataclass(slots=True)
class SentMessage:
    """A message whose receipts are awaited. `parts`: those of a long one, by number, else none."""

    message: Message
    parts: dict[int, Part] = field(default_factory=dict)

    def is_open(self, part: int) -> bool:
        """Whether a receipt for this part (0: the message has one) can still change anything."""
        row = self.parts.get(part)
        return (self.message.state if row is None else row.state) not in TERMINAL


@dataclass(slots=True)
class Candidate:
    """Where a receipt may belong. `part`: 0 for a message of one part. `reference`: as the carrier's answer has it."""

    sent: SentMessage
    part: int
    reference: str


@dataclass(frozen=True, slots=True)
class Choice:
    """candidate: None where there is none, or where several fit alike: these are `alike`. has_recipient: the receipt
    names the recipient. is_open: what was chosen awaits a receipt."""

    candidate: Candidate | None = None
    is_sure: bool = False
    has_recipient: bool = False
    is_open: bool = False
    alike: Sequence[Candidate] = ()

    @property
    def has_any(self) -> bool:
        return self.candidate is not None or bool(self.alike)


NOTHING: Final = Choice()


def keys_of(receipt: Receipt) -> tuple[str, ...]:
    """Under which its message may be kept, likeliest first; none where it names no id."""
    if receipt.keys or not receipt.carrier_ref:
        return receipt.keys
    return (fold(receipt.carrier_ref),)


def allows(receipt: Receipt, reference: str) -> bool:
    """Whether the carrier may spell its answer's id so."""
    return any(is_same(reference, each, receipt.spelling) for each in receipt.refs or (receipt.carrier_ref,))


def names_recipient(receipt: Receipt, message: Message) -> bool:
    """Whether the receipt names the message's recipient, and no other sender than the message's: what the usual carrier
    writes, for which nothing else needs to be compared."""
    told = receipt.to_number
    if not told or _digits(told) != _digits(message.to_number):
        return False
    return not receipt.from_number or _digits(receipt.from_number) == _digits(message.from_number)


def tells_numbers(receipt: Receipt) -> bool:
    """Whether its numbers can decide between candidates."""
    return bool(receipt.to_number or receipt.from_number)


def choose(receipt: Receipt, candidates: Iterable[Candidate], now: int) -> Choice:
    """By the rules above."""
    keys = keys_of(receipt)
    refs = receipt.refs or (receipt.carrier_ref,)
    ranked = [(_rank(receipt, each, keys, refs, now), each) for each in candidates if allows(receipt, each.reference)]
    if not ranked:
        return NOTHING
    best = min(rank for rank, _ in ranked)
    alike = [each for rank, each in ranked if rank == best]
    if len({each.sent.message.id for each in alike}) > 1:
        if any(each.sent.is_open(each.part) for each in alike):
            return Choice(alike=alike, has_recipient=best[0] == _FITS, is_open=True)
        alike.sort(key=lambda each: each.sent.message.id, reverse=True)  # a repeated one: to the newest
    chosen = min(alike, key=lambda each: each.part) if alike[0].part else alike[0]
    return Choice(
        chosen,
        is_sure=_is_sure(best, chosen, keys, refs),
        has_recipient=best[0] == _FITS,
        is_open=chosen.sent.is_open(chosen.part),
    )


Rank = tuple[int, int, bool, int, bool, bool]
"""Recipient, sender, whether it ended long ago, key, spelling, whether it has ended: less is better."""


def _rank(receipt: Receipt, candidate: Candidate, keys: Sequence[str], refs: Sequence[str], now: int) -> Rank:
    message = candidate.sent.message
    turned = _fit(receipt.to_number, message.to_number), _fit(receipt.from_number, message.from_number)
    unturned = _fit(receipt.from_number, message.to_number), _fit(receipt.to_number, message.from_number)
    recipient, sender = min(turned, unturned)
    key = fold(candidate.reference)
    has_ended = not candidate.sent.is_open(candidate.part)
    return (
        recipient,
        sender,
        has_ended and message.updated_at < now - REPEATED_SECONDS * 1_000_000,
        keys.index(key) if key in keys else len(keys),
        candidate.reference not in refs,
        has_ended and recipient == _FITS,
    )


def _is_sure(rank: Rank, chosen: Candidate, keys: Sequence[str], refs: Sequence[str]) -> bool:
    """It names the recipient; or no other number, and the id as the carrier writes it."""
    if rank[0] == _FITS:
        return True
    return rank[0] == _UNTOLD and (rank[3] == 0 or fold(chosen.reference) in map(fold, refs))


_FITS: Final = 0
_UNTOLD: Final = 1
_OTHER: Final = 2


def _fit(told: str | None, number: str) -> int:
    """How a number that a receipt tells fits a message's."""
    if not told:
        return _UNTOLD
    one, other = _digits(told), _digits(number)
    if one == other:
        return _FITS
    shorter, longer = sorted((one, other), key=len)
    return _FITS if len(shorter) >= NATIONAL_DIGITS_MIN and longer.endswith(shorter) else _OTHER


def _digits(number: str) -> str:
    """A number as carriers agree on it: without + and leading zeros."""
    return number.lstrip("+0")
