"""What is measured of each customer when it is asked for."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from heliograph.smsc.clients import Clients


class ClientsCollector(Collector):
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def collect(self) -> Iterable[GaugeMetricFamily]:
        binds = GaugeMetricFamily("heliograph_smpp_binds", "Binds of SMPP customers.", labels=["system_id"])
        outstanding = GaugeMetricFamily(
            "heliograph_smpp_deliver_outstanding", "deliver_sm without an answer.", labels=["system_id"]
        )
        for client in self._clients:
            system_id = client.credential.system_id
            binds.add_metric([system_id], len(client.binds))
            outstanding.add_metric([system_id], client.outstanding())
        return binds, outstanding
