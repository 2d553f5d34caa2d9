"""Relay sessions that come and go with the largest contexts there may be: the memory stays."""

import psutil

from relay_client import Relay
from relay_frames import RpcError
from servers import ServerFactory

SESSIONS = 300
GROWTH_BYTES = 60_000_000
"""Of 300 ended sessions and 100 live ones. Without bounds an ended one had 432 KB, and a live one 519 KB."""


def test_contexts_of_sessions_take_bounded_memory(server: ServerFactory) -> None:
    relay = Relay(server(settings={"relay_failed_connects": 0}))
    relay.client("warm").close()
    process = psutil.Process(relay.server.pid)
    before = process.memory_info().rss
    most, longest = 64, 128

    def contexts(number: int) -> list[str]:
        return [f"{number}.{each}.".ljust(longest - 1, "x") + "\N{GRINNING FACE}" for each in range(most)]

    for number in range(SESSIONS):
        relay.client(*contexts(number))
        relay.close()
    ended = process.memory_info().rss
    refused = 0
    for number in range(100):
        try:
            relay.client(*contexts(-number))
        except RpcError:
            refused += 1
    live = process.memory_info().rss
    relay.close()
    print(
        f"{SESSIONS} ended: {(ended - before) / 1e6:.1f} MB; 100 live: {(live - ended) / 1e6:.1f} MB, {refused} refused"
    )
    assert live - before < GROWTH_BYTES
