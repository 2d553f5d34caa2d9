"""The store as commands use it: opened beside a running server, closed again, its faults put into words.

A server sees what commands write within `directory_poll_seconds`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from heliograph.cli.output import Failure
from heliograph.config import Config
from heliograph.core.directory import Project, Snapshot
from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.engine.provision import Refused
from heliograph.ports import Store, StoreHeld, Tables

T = TypeVar("T")


def run(config: Config, work: Callable[[Store], Awaitable[T]], tables: Tables = Tables.REQUIRE) -> T:
    """Do `work` on the store. Where its tables may be made, so may its folder; where they may be changed, no server may
    have the store.

    Raises Failure for everything that can be wrong with the store, and for what `work` was refused.
    """
    prepare(config, create=tables is not Tables.REQUIRE)
    try:
        return asyncio.run(_within(config, work, tables))
    except Refused as error:
        raise Failure(str(error)) from error
    except StoreHeld as error:
        raise Failure(f"{place(config)} is in use by a running server: stop that first") from error
    except StoreUnavailable as error:
        raise Failure(unusable(config, error)) from error


def unusable(config: Config, error: StoreUnavailable) -> str:
    """What is wrong with the store, and what to do: an error that says so itself gets no other advice."""
    if isinstance(error, StoreUnusable):
        return f"{place(config)} can't be used: {error}"
    return f"{place(config)} can't be used: {error or 'it does not answer'}. {advice(config)}"


def snapshot(config: Config) -> Snapshot:
    """All projects, tokens and numbers as they are now."""
    return run(config, lambda store: store.directory())


def prepare(config: Config, *, create: bool) -> None:
    """Make the data folder, or say that there is none; PostgreSQL needs none."""
    folder = Path(config.data)
    if create:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"{folder} can't be made: {error.strerror}. Give another folder with --data") from error
    elif not config.database_url and not folder.is_dir():
        raise Failure(f"there is no store in {folder}: make one with `heliograph init --data {folder}`, or set --data")


def place(config: Config) -> str:
    """The store's name in a fault; a database's without its user and password."""
    if not config.database_url:
        return f"the store in {config.data}"
    url = urlsplit(config.database_url)
    host = url.netloc.rpartition("@")[2]
    return f"the PostgreSQL database {host}{url.path}"


def advice(config: Config) -> str:
    """What to try when the store can't be used."""
    if config.database_url:
        return "Check that PostgreSQL runs, and the address in --database-url"
    return f"Check that the disk is not full and that this user may write in {config.data}"


def project_wanted(projects: Sequence[Project], wanted: str | None) -> Project:
    """The project of an id or of a name that only one has; with nothing given, the only one; else Failure."""
    if wanted is None:
        found = list(projects)
        many = "there are several projects: say which with --project"
    else:
        found = [project for project in projects if wanted.lower() == project.id]
        found = found or [project for project in projects if wanted == project.name]
        many = f"several projects are called {wanted!r}: give --project an id"
    if len(found) == 1:
        return found[0]
    if found:
        raise Failure(f"{many} ({', '.join(f'{project.name} {project.id}' for project in found)})")
    if projects:
        raise Failure(f"there is no project {wanted!r}; see `heliograph project list`")
    raise Failure("there is no project yet: make the first with `heliograph init`")


async def _within(config: Config, work: Callable[[Store], Awaitable[T]], tables: Tables) -> T:
    from heliograph import app  # loads the whole server: only once a store is really needed

    store = app.make_store(config, exclusive=tables is Tables.MIGRATE, tables=tables)
    await store.open()
    try:
        return await work(store)
    finally:
        await store.close()
