"""A server that SMPP clients which nobody here wrote bind to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import HeliographServer
from smpp_customer import QUICK, Smsc


@pytest.fixture(scope="module")
def smsc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smsc]:
    settings = QUICK | {"simulator_receipt_ms": 50}
    directory: Path = tmp_path_factory.mktemp("smsc")
    made = Smsc(HeliographServer(directory / "data", settings=settings, smpp=True).start())
    yield made
    made.close()
    made.server.kill()
