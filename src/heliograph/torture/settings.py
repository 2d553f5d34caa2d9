"""How a torture carrier is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class IdBase(Enum):
    """How message ids are written."""

    DECIMAL = "decimal"
    HEX = "hex"
    HEX_UPPER = "hex-upper"
    PADDED = "padded"
    UUID = "uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class TortureSettings:
    """What the carrier does; without any of it, it is a good one.

    port: 0 takes a free one. system_id, password: what a bind must show; None takes any. system_name: what the answers
    to binds say. binds_max: 0 is without limit.
    answer_ms, receipt_ms: pauses before a submit's answer, and between taking a submit and its receipt.
    ids, first_id: the base, and where counting begins (None: at the time in microseconds, so that a new process gives
    no id again).
    rate: submits taken in any one second, before RTHROTTLED; window: submits unanswered on one connection, likewise.
    0 is without limit.
    deliver_window: receipts and inbound messages unacknowledged on one connection. resend_ms: the pause after which
    one is sent again.
    echo: send each message that was taken back, from its destination to its source, when its receipt is due.
    faults: `NAME` or `NAME@WHEN`, see faults.py. faults_for: ending of a destination number → faults, with commas.
    late_ms: how late the late faults are. short_ms: the pauses of the other faults. seed: of all chance.
    journal: the file that keeps count; None: none is kept.
    tls_cert, tls_key: serve TLS. tls_client_ca: also ask clients for a certificate that this authority signed.
    """

    host: str = "127.0.0.1"
    port: int = 0
    system_id: str | None = None
    password: str | None = None
    system_name: str = "torture"
    binds_max: int = 0
    answer_ms: float = 0.0
    receipt_ms: float = 0.0
    ids: IdBase = IdBase.DECIMAL
    first_id: int | None = None
    rate: float = 0.0
    window: int = 0
    deliver_window: int = 10
    resend_ms: float = 5_000.0
    echo: bool = False
    faults: tuple[str, ...] = ()
    faults_for: Mapping[str, str] = field(default_factory=dict)
    late_ms: float = 5_000.0
    short_ms: float = 100.0
    seed: int = 0
    journal: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
