"""A PostgreSQL database that can't be opened: each reason has its own advice."""

from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from heliograph import app, config
from heliograph.core.errors import StoreUnavailable, StoreUnusable


async def refusal(url: str) -> StoreUnavailable:
    store = app.make_store(config.load({"database_url": url}, {}), exclusive=False)
    with pytest.raises(StoreUnavailable) as refused:
        await store.open()
    return refused.value


async def test_missing_database_is_named_with_advice(database_url: str) -> None:
    told = await refusal(urlsplit(database_url)._replace(path="/nowhere").geturl())
    assert isinstance(told, StoreUnusable)
    assert str(told).startswith('database "nowhere" does not exist: check the name in --database-url')


async def test_missing_user_is_named_with_advice(database_url: str) -> None:
    parts = urlsplit(database_url)
    told = await refusal(parts._replace(netloc="nobody:hunter2@" + parts.netloc.rpartition("@")[2]).geturl())
    assert isinstance(told, StoreUnusable) and "hunter2" not in str(told)
    assert 'role "nobody" does not exist: check the user and the password' in str(told)


async def test_wrong_password_has_the_advice_of_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise asyncpg.InvalidPasswordError('password authentication failed for user "me"')

    monkeypatch.setattr(asyncpg, "connect", refuse)
    told = await refusal("postgresql://me:hunter2@127.0.0.1:1/sms")
    assert isinstance(told, StoreUnusable)
    assert 'failed for user "me": check the user and the password' in str(told)
