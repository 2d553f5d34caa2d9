"""What a SWML handler asks the network for, and how."""

from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest
from engine_ground import PROJECT, Ground

from heliograph.core.addresses import Reach
from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction
from heliograph.core.number_settings import Handler
from heliograph.engine.directory import Directory
from heliograph.engine.swml_handler import SwmlHandler
from heliograph.engine.swml_run import SwmlLimits
from heliograph.ports import HttpRequest, HttpResponse

DOCUMENT = "https://example.com/document"
ASKED = "http://example.com/asked"


@dataclass
class Network:
    """Answers the document, and anything else with nothing; keeps what it was asked."""

    asked: list[HttpRequest] = field(default_factory=list)

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        main = [{"request": {"url": ASKED, "method": "GET"}}]
        body = orjson.dumps({"sections": {"main": main}}) if request.url == DOCUMENT else b""
        return HttpResponse(status=200, headers={}, body=body, url=request.url)


@pytest.mark.parametrize("switches", [frozenset(), frozenset({FORCE_HTTPS})], ids=["off", "on"])
async def test_requests_of_a_document_go_by_the_projects_switch(ground: Ground, switches: frozenset[str]) -> None:
    project = Project(
        id=PROJECT, parent_id=None, name="", signing_key="PSK", created_at=1, updated_at=1, switches=switches
    )
    await ground.store.add_project(project, None, ())
    directory = Directory(ground.store, ground.clock)
    await directory.load()
    network = Network()
    handler = SwmlHandler(
        webhooks=network,
        directory=directory,
        transitions=ground.transitions,
        clock=ground.clock,
        send=cast(Any, None),
        base_url=lambda: "http://here",
        limits=SwmlLimits(steps=10, requests=10, replies=10, request_seconds=1, seconds=10),
        reach=Reach(),
    )
    message = ground.message(direction=Direction.INBOUND, state=State.RECEIVING)
    await handler.run(message, Handler(url=DOCUMENT, method="POST", kind="swml"), [])
    assert [(each.url, each.https_only) for each in network.asked] == [
        (DOCUMENT, bool(switches)),
        (ASKED, bool(switches)),
    ]
