"""A host of media hangs: its message waits and then fails, or is sent when the host recovers; others go on."""

from servers import Answer, HeliographServer, ServerFactory, Sink, wait_until
from traffic import CALLBACK_PATH, MEDIA_PATH, USUAL, Order, Record, create, log_shown, message, settled, status

SETTINGS = {"simulator_answer_ms": 10, "simulator_receipt_ms": 30, "media_attempts": 2, "media_concurrency": 4}
PICTURE = Answer(body=b"GIF89a", content_type="image/gif")
HANGING = Answer(body=b"GIF89a", content_type="image/gif", hold=True)
OTHER_PATH = "/other-picture"
WITH_MEDIA = ("sending", "sent")


def kinds(node: HeliographServer, message_id: str) -> list[str]:
    """The kinds of a timeline's lines."""
    steps = node.request("GET", f"/api/heliograph/messages/{message_id}/timeline").json()["steps"]
    return [step["kind"] for step in steps]


async def test_others_flow_meanwhile_and_it_fails_in_the_end(server: ServerFactory, sink: Sink) -> None:
    """Enough hanging fetches to take every slot that one host may have."""
    node = server(settings=SETTINGS)
    told_at = sink.url(CALLBACK_PATH)
    with Sink() as hanging, log_shown(node):
        hanging.answer(MEDIA_PATH, HANGING)
        hung = [create(node, MediaUrl=hanging.url(f"{MEDIA_PATH}#rt=1500"), StatusCallback=told_at) for _ in range(2)]
        hanging.wait_for_request(MEDIA_PATH)
        sink.answer(OTHER_PATH, PICTURE)
        others = Record()
        others.kept[create(node, StatusCallback=told_at)] = Order(to="")
        with_media = create(node, MediaUrl=sink.url(OTHER_PATH), StatusCallback=told_at)
        others.kept[with_media] = Order(to="", callbacks=WITH_MEDIA)
        await settled(node, sink, others)
        assert {status(node, each) for each in hung[1:]} == {"queued"}
        failed = Record()
        failed.kept = {each: Order(to="", callbacks=("failed",)) for each in hung}
        await settled(node, sink, failed)
        assert message(node, hung[0])["error_code"] == "63019"
        assert kinds(node, hung[0])[:3] == ["state", "media_deferred", "state"]
        for said in ("media.deferred", "media.failed", hung[0]):
            assert said in node.log()


async def test_a_host_that_recovers_in_time_costs_nothing(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=SETTINGS | {"media_attempts": 3})
    sink.answer(MEDIA_PATH, HANGING, Answer(status=503), PICTURE)
    with log_shown(node):
        sent = create(node, MediaUrl=sink.url(f"{MEDIA_PATH}#rt=300"), StatusCallback=sink.url(CALLBACK_PATH))
        record = Record()
        record.kept[sent] = Order(to="", callbacks=WITH_MEDIA)
        await settled(node, sink, record)
        assert kinds(node, sent).count("media_deferred") == 2
        assert len(sink.received(MEDIA_PATH)) == 3


async def test_a_message_that_waits_for_its_host_survives_a_kill(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=SETTINGS)
    sink.answer(MEDIA_PATH, HANGING, PICTURE)
    with log_shown(node):
        waiting = create(node, MediaUrl=sink.url(f"{MEDIA_PATH}#rt=15000"), StatusCallback=sink.url(CALLBACK_PATH))
        sink.wait_for_request(MEDIA_PATH)
        assert status(node, waiting) == "queued"
        node.kill()
        node.start()
        record = Record()
        record.kept[waiting] = Order(to="", callbacks=WITH_MEDIA)
        await settled(node, sink, record)
        wait_until(lambda: len(sink.received(MEDIA_PATH)) == 2, "the medium to be asked for again")


async def test_media_come_in_though_the_queue_in_memory_is_full(server: ServerFactory, sink: Sink) -> None:
    """A queue of one spills to disk with every message: those whose media came meanwhile are found there."""
    node = server(settings=SETTINGS | {"dispatch_queue_max": 1, "media_concurrency": 32})
    sink.answer(MEDIA_PATH, PICTURE)
    record = Record()
    with log_shown(node):
        for turn in range(40):
            media = {"MediaUrl": sink.url(MEDIA_PATH)} if turn % 2 else {}
            made = create(node, StatusCallback=sink.url(CALLBACK_PATH), **media)
            record.kept[made] = Order(to="", callbacks=WITH_MEDIA if media else USUAL)
        await settled(node, sink, record)
