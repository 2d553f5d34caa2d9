"""Environment variables that Kubernetes makes for each Service of a pod's namespace (Kubernetes, "Service": environment
variables). A Service called `heliograph` makes HELIOGRAPH_PORT=tcp://10.43.0.1:8080, which sets no port of ours.
"""

import re
from typing import Final, Protocol

_is_address: Final = re.compile(r"(?:tcp|udp|sctp)://\S+:\d+", re.ASCII).fullmatch
_is_name: Final = re.compile(
    r"[A-Z0-9_]+_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)",
    re.ASCII,
).fullmatch


class _Setting(Protocol):
    @property
    def type(self) -> type: ...


def is_link(setting: _Setting, value: str) -> bool:
    """Whether a number's variable holds the address of a Service instead."""
    return setting.type is int and _is_address(value) is not None


def is_link_name(variable: str) -> bool:
    """Whether Kubernetes makes variables of this name."""
    return _is_name(variable) is not None
