"""What the doors stand on: built once by the application, handed to every family's `routes`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heliograph.core.limits import Buckets

if TYPE_CHECKING:
    from collections.abc import Callable

    from heliograph.config import Config
    from heliograph.engine.accept import Acceptor
    from heliograph.engine.directory import Directory
    from heliograph.engine.dropped import Dropped
    from heliograph.engine.health import Health
    from heliograph.engine.inbound import Inbound
    from heliograph.engine.metrics import Metrics
    from heliograph.engine.mfa import Mfa
    from heliograph.engine.number_orders import NumberOrders
    from heliograph.engine.records import Records
    from heliograph.engine.scripts import Scripts
    from heliograph.net.media import MediaFiles
    from heliograph.ports import CarrierStatus, Clock, RelayClientStatus, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`local_secret` lets the command line on this machine act for any project; empty means it may not. `carriers`: all
    of them, as they are now. `own_url`: where this server is found, without a slash at its end. `relay_clients`: those
    of a project. `writes`: what each project may still write, through any door."""

    config: Config
    clock: Clock
    store: Store
    directory: Directory
    acceptor: Acceptor
    records: Records
    mfa: Mfa
    inbound: Inbound
    number_orders: NumberOrders
    media_files: MediaFiles
    metrics: Metrics
    health: Health
    scripts: Scripts
    dropped: Dropped
    local_secret: str = field(repr=False)
    carriers: Callable[[], list[CarrierStatus]] = list
    own_url: Callable[[], str] = str
    relay_clients: Callable[[str], list[RelayClientStatus]] = lambda project_id: []
    writes: Buckets = field(default_factory=lambda: Buckets(0, 1))
