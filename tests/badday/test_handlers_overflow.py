"""More inbound messages at once than memory keeps for their handlers: the rest waits on disk, none is handled twice."""

from collections import Counter
from collections.abc import Iterator

from servers import Answer, ServerFactory, Sink
from traffic import HANDLER_PATH, Load, Order, Record, answer_inbound, handsets, log_shown, settled

REPLY = Answer(body=b"<Response><Message>An answer</Message></Response>", content_type="text/xml")


def inbound_orders() -> Iterator[Order]:
    """Each from another handset."""
    return (Order(to=number, inbound=True) for number in handsets())


async def test_each_handler_is_asked_once_though_memory_is_full(
    server: ServerFactory, store_url: str | None, sink: Sink
) -> None:
    node = server(database_url=store_url, settings={"handler_queue_max": 1, "rate_limit_writes": 0})
    sink.answer(HANDLER_PATH, REPLY)
    answer_inbound(node, sink.url(HANDLER_PATH))
    record = Record()
    with log_shown(node):
        async with Load(node, sink, inbound_orders(), record, creators=32) as load:
            await load.more(400)
        await settled(node, sink, record)
        asked = Counter(request.form["MessageSid"] for request in sink.received(HANDLER_PATH))
        assert asked.keys() >= record.kept.keys()
        assert [each for each in asked.items() if each[1] > 1] == []
