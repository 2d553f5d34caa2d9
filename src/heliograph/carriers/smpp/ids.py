"""A carrier's message ids: under which keys a receipt's message is looked for (core.carrier_refs).

Case, hyphens and leading zeros make no difference to a key. An id may also come in hexadecimal in the answer and in
decimal in the receipt, or the other way round: so an id has up to three readings, and a receipt up to two ids, its
TLV's first. The order of the readings decides only where several messages fit: as written first, but where `id_match`
names a base that one alone, and with `auto` the base in which nearly all receipts have matched goes first.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from heliograph.carrier_config import IdMatch
from heliograph.core.carrier_refs import Spelling, fold
from heliograph.wire.smpp.receipt import IdForm, id_forms

_FORCED: Final[dict[IdMatch, IdForm]] = {"hex_to_decimal": IdForm.HEX, "decimal_to_hex": IdForm.DECIMAL}
_SPELLINGS: Final[dict[IdMatch, Spelling]] = {
    "exact": Spelling.EXACT,
    "ignore_case": Spelling.IGNORE_CASE,
    "ignore_zeros": Spelling.IGNORE_ZEROS,
}

LEARNED_MIN: Final = 3
"""Matches in another base after which that base goes first, where one in ten at most was otherwise."""

LEARNED_MAX: Final = 1_000
"""Matches remembered in favour of a form; a carrier that changes its ways is learned anew within as many."""


class Ids:
    def __init__(self, match: IdMatch) -> None:
        self.spelling = _SPELLINGS.get(match, Spelling.ANY)
        self._forced = _FORCED.get(match)
        self._matched: Counter[IdForm] = Counter()

    def sought(self, ids: Sequence[str]) -> tuple[str, ...]:
        """The keys under which the message of a receipt with these ids may be kept, likeliest first, each once."""
        if self.spelling is not Spelling.ANY:
            return tuple(dict.fromkeys(map(fold, ids)))
        readings = [id_forms(each) for each in ids]
        if self._forced is not None:
            return tuple(dict.fromkeys(forms.get(self._forced, forms[IdForm.SAME]) for forms in readings))
        return tuple(dict.fromkeys(forms[form] for form in self._order() for forms in readings if form in forms))

    def matched(self, ids: Sequence[str], kept: str) -> None:
        """A receipt with these ids was for the message that the carrier's answer gave that id."""
        key = fold(kept)
        fits = {form for each in ids for form, spelled in id_forms(each).items() if spelled == key}
        if len(fits) != 1 or not any(len(id_forms(each)) > 1 for each in ids):
            return
        form = fits.pop()
        self._matched[form] += 1
        if self._matched[form] > LEARNED_MAX:
            self._matched = Counter({form: LEARNED_MAX // 2})

    def _order(self) -> tuple[IdForm, ...]:
        """As written first, unless another form has matched nearly alone."""
        if not self._matched:
            return _AS_WRITTEN_FIRST
        form, count = self._matched.most_common(1)[0]
        is_sure = count >= LEARNED_MIN and (self._matched.total() - count) * 10 <= count
        return _FIRST[form] if is_sure else _AS_WRITTEN_FIRST


_AS_WRITTEN_FIRST: Final = (IdForm.SAME, IdForm.HEX, IdForm.DECIMAL)
_FIRST: Final = {
    IdForm.SAME: _AS_WRITTEN_FIRST,
    IdForm.HEX: (IdForm.HEX, IdForm.SAME, IdForm.DECIMAL),
    IdForm.DECIMAL: (IdForm.DECIMAL, IdForm.SAME, IdForm.HEX),
}
