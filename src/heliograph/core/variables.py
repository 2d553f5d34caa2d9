"""The rules for custom variables, which a sender hangs on a message and gets back with each callback."""

import re
from collections.abc import Iterator, Mapping

from heliograph.core.errors import Fault

VARIABLES_MAX = 20
VALUE_MAX_BYTES = 1024
RESERVED_PREFIXES = ("signalwire_", "sw_", "rtc_", "internal_")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variable_faults(variables: Mapping[str, object] | None) -> Iterator[Fault]:
    """Every kind of fault that the variables have, each once (contract, section 5.1)."""
    if not variables:
        return
    if len(variables) > VARIABLES_MAX:
        yield Fault.TOO_MANY_VARIABLES
    found = {fault for name, value in variables.items() for fault in _faults(name, value)}
    yield from sorted(found, key=lambda fault: fault.name)


def _faults(name: str, value: object) -> Iterator[Fault]:
    if not _NAME.fullmatch(name):
        yield Fault.VARIABLE_NAME
    if name.lower().startswith(RESERVED_PREFIXES):
        yield Fault.VARIABLE_RESERVED
    if not isinstance(value, str) or not value:
        yield Fault.VARIABLE_VALUE
    elif len(value.encode("utf-8", "surrogatepass")) > VALUE_MAX_BYTES:
        yield Fault.VARIABLE_TOO_LONG
