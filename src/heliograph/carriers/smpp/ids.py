"""A carrier's message ids: as we keep them, and under which of them a receipt's may be known.

The same id may come in hexadecimal in the answer and in decimal in the receipt, with zeros before it or without, in
capitals or small letters. Where that is to be learned (`id_match` auto), ids that are numbers in either base are kept
with small letters and without zeros; a receipt's id is looked for in each base, in the one that has matched most first.
Before anything matched the ids tell: a carrier whose answers have letters a to f counts in hexadecimal.
"""

import re
from collections import Counter
from typing import Final

from heliograph.carrier_config import IdMatch
from heliograph.wire.smpp.receipt import IdForm, canonical_id, id_forms

_FORCED: Final[dict[IdMatch, IdForm]] = {"hex_to_decimal": IdForm.HEX, "decimal_to_hex": IdForm.DECIMAL}

_is_number: Final = re.compile("[0-9A-Fa-f]+").fullmatch

LEARNED_MAX: Final = 1_000
"""Matches remembered in favour of a form; a carrier that changes its ways is learned anew within as many."""


class Ids:
    def __init__(self, match: IdMatch) -> None:
        self._match = match
        self._matched: Counter[IdForm] = Counter()
        self._hex_answers = False

    def kept(self, message_id: str) -> str:
        """An answer's id as it is to be kept."""
        match self._match:
            case "exact":
                return message_id
            case "ignore_case":
                return message_id.lower()
            case "ignore_zeros":
                return message_id.lstrip("0") or message_id[-1:]
            case _:
                if not _is_number(message_id):
                    return message_id
                kept = canonical_id(message_id)
                if not self._hex_answers and not kept.isdecimal():
                    self._hex_answers = True
                return kept

    def sought(self, message_id: str) -> tuple[str, ...]:
        """A receipt's id as it may be kept, likeliest first, each once."""
        if self._match not in ("auto", *_FORCED) or not _is_number(message_id):
            return (self.kept(message_id),)
        forms = id_forms(message_id)
        if self._match in _FORCED:
            return (forms.get(_FORCED[self._match], forms[IdForm.SAME]),)
        return tuple(dict.fromkeys(forms[form] for form in sorted(forms, key=lambda form: self._rank(form, forms))))

    def matched(self, message_id: str, kept: str) -> None:
        """A receipt with this id was for the message that is kept under that one."""
        forms = id_forms(message_id)
        fits = [form for form, spelled in forms.items() if spelled == kept]
        if len(fits) != 1 or len(forms) == 1:
            return
        self._matched[fits[0]] += 1
        if self._matched[fits[0]] > LEARNED_MAX:
            self._matched = Counter({fits[0]: LEARNED_MAX // 2})

    def _rank(self, form: IdForm, forms: dict[IdForm, str]) -> tuple[int, bool]:
        looks_hex = self._hex_answers and forms[IdForm.SAME].isdecimal()
        return -self._matched[form], looks_hex and form is not IdForm.HEX
