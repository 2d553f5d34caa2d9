"""A server that SMPP clients which nobody here wrote bind to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import HeliographServer, free_port
from smpp_customer import QUICK, Smsc


@pytest.fixture(scope="module")
def smsc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smsc]:
    settings = QUICK | {"smpp_port": free_port(), "simulator_receipt_ms": 50}
    directory: Path = tmp_path_factory.mktemp("smsc")
    made = Smsc(HeliographServer(directory / "data", settings=settings).start())
    yield made
    made.close()
    made.server.kill()
