"""What the door is built with."""

from dataclasses import dataclass

from heliograph.relay.peer import PeerLimits
from heliograph.relay.socket import SocketLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """clients_max, project_clients_max: connections of all, sessions of a project and its subprojects.
    project_contexts_bytes: memory of the contexts of the latter. failed_connects: of one address in a minute; 0: no
    limit. events_max: to one client, without its acknowledgement. attempts_max: to tell one client of
    its messages' states, at once."""

    clients_max: int
    project_clients_max: int
    connect_seconds: float
    failed_connects: int
    socket: SocketLimits
    peer: PeerLimits
    attempts_max: int
    events_max: int
    project_contexts_bytes: int
    contexts_max: int
    context_max_chars: int
    answer_seconds: float
    ack_seconds: float
    resume_seconds: float
    ping_seconds: float
    silence_seconds: float
    directory_poll_seconds: float
