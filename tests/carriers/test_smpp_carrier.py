import asyncio
from collections.abc import AsyncIterator

import pytest
from smpp_ground import Ground, ground, message, receipt

from heliograph.core.errors import Permanent, StoreUnavailable, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status


@pytest.fixture
async def here() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


async def test_a_message_is_submitted_and_answered(here: Ground) -> None:
    carrier = await here.carrier()
    submitted = await carrier.submit(message())
    assert submitted.refs == ("1",)
    assert submitted.note is not None
    assert submitted.note.startswith(f"bind 127.0.0.1:{here.smsc.port}, ")
    sent = here.smsc.submits[0]
    assert (sent.source_addr, sent.source_addr_ton, sent.source_addr_npi) == ("12025550100", 1, 1)
    assert (sent.destination_addr, sent.dest_addr_ton, sent.dest_addr_npi) == ("447700900001", 1, 1)
    assert (sent.short_message, sent.data_coding, sent.registered_delivery) == (b"hello", 0, 1)
    status = carrier.status()
    assert (status.submitted, status.in_flight, status.window, status.available) == (1, 0, 10, True)
    assert status.binds[0].state == "bound"
