"""The conformance suite's ground: the same store verbs over SQLite and over PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph import app, config
from heliograph.ports import Store


@pytest.fixture
async def store(tmp_path: Path, store_url: str | None) -> AsyncIterator[Store]:
    """An open, empty store; each test runs once on each database."""
    made = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    await made.open()
    yield made
    await made.close()
