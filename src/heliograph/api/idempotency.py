"""The Idempotency-Key header: the same key with the same request within its time answers with the first message."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from heliograph.api.http import Request
from heliograph.core.errors import Fault, refuse

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,255}")

_sorted = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`fingerprint` is the same for requests that say the same; "" where no key was given, which needs none."""

    key: str | None = None
    fingerprint: str = ""


_NONE = Key()


def read(request: Request, said: dict[str, Any]) -> Key:
    """The key of a request that says `said`, its body's fields. Raises Refused for what is no key."""
    given = request.get_header(HEADER)
    if given is None:
        return _NONE
    if not _KEY.fullmatch(given):
        raise refuse(Fault.PARAMETER_INVALID, f"{HEADER} has 1 to 255 letters, digits and . _ : -", HEADER)
    return Key(key=given, fingerprint=hashlib.sha256(_sorted([request.family.value, said])).hexdigest())
