"""What the door is built with."""

from dataclasses import dataclass

from heliograph.core.networks import Networks


@dataclass(frozen=True, slots=True, kw_only=True)
class SmscSettings:
    """`port` 0: there is no door. unbound_max, address_unbound_max: connections that are not bound, in all and of one
    address. waiting_binds_max: binds of one credential from one address that wait for a check of their password.
    failed_binds: of one credential from one address in a minute; 0: no limit."""

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
    unbound_max: int
    address_unbound_max: int
    unbound_pdu_bytes: int
    unbound_pdus_max: int
    idle_pdus_max: int
    send_buffer_bytes: int
    waiting_binds_max: int
    failed_binds: int
    trusted_proxies: Networks
    directory_poll_seconds: float
