"""What the door is built with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SmscSettings:
    """`port` 0: there is no door. `failed_binds`: of one address in a minute; 0: no limit."""

    host: str
    port: int
    tls_cert: str | None
    tls_key: str | None
    connections_max: int
    bind_seconds: float
    enquire_link_seconds: float
    response_seconds: float
    pdu_max_bytes: int
    unanswered_max: int
    failed_binds: int
    directory_poll_seconds: float
