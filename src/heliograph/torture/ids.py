"""Message ids: unique, in the base that was set."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from random import Random  # noqa: TID251 - chance is this carrier's trade; its seed is set

from heliograph.torture.settings import IdBase

_PADDED_DIGITS = 20


def ids(base: IdBase, first: int, chance: Random) -> Iterator[str]:
    """Ids without end, from the number `first` on; UUIDs are drawn by chance."""
    if base is IdBase.UUID:
        while True:
            yield str(uuid.UUID(int=chance.getrandbits(128), version=4))
    yield from map(_FORMS[base], itertools.count(first))


_FORMS: dict[IdBase, Callable[[int], str]] = {
    IdBase.DECIMAL: str,
    IdBase.HEX: "{:x}".format,
    IdBase.HEX_UPPER: "{:X}".format,
    IdBase.PADDED: f"{{:0{_PADDED_DIGITS}}}".format,
}
