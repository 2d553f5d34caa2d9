"""A callback endpoint is down for a while: its callbacks wait and come in order, nobody else's are delayed."""

import asyncio
import itertools
import socket
from typing import Any

from aiohttp import web

import ports
from servers import HOST, Answer, HeliographServer, ServerFactory, Sink, wait_until
from traffic import CALLBACK_PATH, USUAL, Order, Record, create, log_shown, settled, status, told

QUICK = {
    "simulator_answer_ms": 10,
    "simulator_receipt_ms": 30,
    "callback_poll_seconds": 0.05,
    "callback_retry_seconds": 0.02,
}
SLOW_PATH = "/slow"
FAILING = Answer(status=500)
HANGING = Answer(hold=True)


class LateSink(Sink):
    """A receiver on a reserved port, on which nothing listens before."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._chosen = port

    async def _open(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        listener = socket.create_server((HOST, self._chosen))
        self.port = self._chosen
        await web.SockSite(self._runner, listener).start()


def callbacks(node: HeliographServer, status: str, message_id: str) -> list[dict[str, Any]]:
    """A message's callbacks in a status, in the order of their states."""
    listed = node.request("GET", f"/api/heliograph/callbacks?status={status}&message_id={message_id}")
    assert listed.status == 200, listed.body
    return list(listed.json()["callbacks"])


async def test_refused_then_failing_then_hanging_then_well(server: ServerFactory) -> None:
    node = server(settings=QUICK)
    port = ports.reserve()
    url = f"http://{HOST}:{port}{CALLBACK_PATH}#rt=200"
    record = Record()
    with log_shown(node):
        for _ in range(10):
            record.kept[create(node, StatusCallback=url)] = Order(to="")
        ids = list(record.kept)
        wait_until(lambda: all(_tried(node, each) >= 2 for each in ids), "two attempts for each message")
        assert callbacks(node, "pending", ids[0])[0]["last_error"]
        with LateSink(port) as sink:
            sink.answer(CALLBACK_PATH, *[FAILING] * 8, *[HANGING] * 4, Answer())
            await settled(node, sink, record)
        delivered = callbacks(node, "delivered", ids[0])
        assert [each["state"] for each in delivered] == ["initiated", "sent", "delivered"]
        assert delivered[0]["attempts"] >= 3 and delivered[0]["last_http_status"] == 200


def _tried(node: HeliographServer, message_id: str) -> int:
    return max((int(each["attempts"]) for each in callbacks(node, "pending", message_id)), default=0)


async def test_another_endpoint_is_told_while_one_hangs(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=QUICK | {"callback_concurrency": 4, "callback_lane_max": 10})
    with Sink() as slow, log_shown(node):
        slow.answer(SLOW_PATH, HANGING)
        record, waiting = Record(), Record()
        for _ in range(30):
            waiting.kept[create(node, StatusCallback=slow.url(f"{SLOW_PATH}#rt=15000"))] = Order(to="")
            record.kept[create(node, StatusCallback=sink.url(CALLBACK_PATH))] = Order(to="")
        slow.wait_for_request(SLOW_PATH)
        await settled(node, sink, record)
        assert {tuple(states) for states in told(slow.received(), SLOW_PATH).values()} == {("sending",)}
        assert len(slow.received(SLOW_PATH)) <= 8, "the endpoint was asked anew while it hung"
        slow.release(SLOW_PATH)
        await asyncio.to_thread(
            wait_until,
            lambda: [told(slow.received(), SLOW_PATH).get(each) for each in waiting.kept] == [list(USUAL)] * 30,
            "the slow endpoint's callbacks",
        )


async def test_a_later_state_never_overtakes_one_that_is_tried_again(server: ServerFactory, sink: Sink) -> None:
    """ "sending" fails, "sent" is written, and "delivered" is written while "sending" is under way once more."""
    node = server(settings=QUICK | {"callback_retry_seconds": 0.5, "simulator_receipt_ms": 1500})
    sink.answer(CALLBACK_PATH, FAILING, HANGING)
    with log_shown(node):
        message_id = create(node, StatusCallback=sink.url(f"{CALLBACK_PATH}#rt=15000"))
        sink.wait_for_request(CALLBACK_PATH, 2)
        wait_until(lambda: status(node, message_id) == "delivered", "the message to be delivered")
        sink.release(CALLBACK_PATH)
        record = Record()
        record.kept[message_id] = Order(to="")
        await settled(node, sink, record)
        came = [request.form["MessageStatus"] for request in sink.received(CALLBACK_PATH)]
        assert came == ["sending", "sending", "sent", "delivered"]


async def test_a_dead_callback_is_listed_and_can_be_replayed(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=QUICK | {"callback_give_up_seconds": 1})
    sink.answer(CALLBACK_PATH, FAILING)
    with log_shown(node):
        message_id = create(node, StatusCallback=sink.url(CALLBACK_PATH))
        wait_until(lambda: len(callbacks(node, "dead", message_id)) == 3, "all callbacks to be dead")
        assert callbacks(node, "pending", message_id) == []
        assert "callback.dead" in node.log() and message_id in node.log()
        dead = callbacks(node, "dead", message_id)
        assert [each["state"] for each in dead] == ["initiated", "sent", "delivered"]
        assert {each["last_http_status"] for each in dead} == {500}
        failed = len(sink.received(CALLBACK_PATH))
        sink.answer(CALLBACK_PATH, Answer())
        replayed = node.request("POST", "/api/heliograph/callbacks/replay", json_body={"message_id": message_id})
        assert replayed.json() == {"replayed": 3}
        wait_until(lambda: len(callbacks(node, "delivered", message_id)) == 3, "the callbacks to be delivered")
        later = list(itertools.islice(sink.received(CALLBACK_PATH), failed, None))
        assert [request.form["MessageStatus"] for request in later] == list(USUAL)
        assert callbacks(node, "dead", message_id) == []
