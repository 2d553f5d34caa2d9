"""Told to stop under load, and started beside a server that has the store already."""

import asyncio
import random

import pytest

from servers import Answer, HeliographServer, ServerFactory, Sink
from traffic import HANDLER_PATH, MEDIA_PATH, Load, Record, answer_inbound, log_shown, mixed_orders, settled

SETTINGS = {"simulator_answer_ms": 30, "simulator_receipt_ms": 100, "callback_poll_seconds": 0.05}
DEADLINE_SECONDS = 10
REPLY = Answer(body=b"<Response><Message>An answer</Message></Response>", content_type="text/xml")


async def test_sigterm_under_load_ends_in_time_and_loses_nothing(
    server: ServerFactory, store_url: str | None, sink: Sink
) -> None:
    settings = SETTINGS | {"shutdown_seconds": DEADLINE_SECONDS}
    node = server(database_url=store_url, settings=settings)
    sink.answer(HANDLER_PATH, REPLY)
    sink.answer(MEDIA_PATH, Answer(body=b"GIF89a", content_type="image/gif"))
    answer_inbound(node, sink.url(HANDLER_PATH))
    record = Record()
    orders = mixed_orders(random.Random(7))
    with log_shown(node):
        for _ in range(2):
            async with Load(node, sink, orders, record) as load:
                await load.more(80)
                assert await asyncio.to_thread(node.stop, DEADLINE_SECONDS) == 0
            await asyncio.to_thread(node.start)
        assert {refusal.status for refusal in record.refused} <= {503}
        await settled(node, sink, record)
        assert node.log().count("server.stopping") == 2
        assert "Traceback" not in node.log()


async def test_a_hanging_endpoint_does_not_hold_up_the_stop(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=SETTINGS | {"shutdown_seconds": DEADLINE_SECONDS})
    sink.answer("/status", Answer(hold=True))
    record = Record()
    with log_shown(node):
        url = sink.url("/status#rt=15000")
        async with Load(node, sink, mixed_orders(random.Random(7)), record, callback_url=url) as load:
            await load.more(20)
            sink.wait_for_request("/status")
            assert await asyncio.to_thread(node.stop, DEADLINE_SECONDS) == 0
        sink.answer("/status", Answer())
        await asyncio.to_thread(node.start)
        await settled(node, sink, record)


def test_a_second_server_on_the_same_store_is_refused(server: ServerFactory, store_url: str | None) -> None:
    first = server(database_url=store_url)
    second = HeliographServer(
        first.data if store_url is None else first.data.with_name("second"),
        database_url=store_url,
        credentials=first.credentials,
    )
    with pytest.raises(AssertionError, match="in use by another server"):
        second.start()
    assert first.request("GET", "/health", authenticated=False).status == 200
    first.kill()
    assert second.start().request("GET", "/health", authenticated=False).status == 200
    second.kill()
