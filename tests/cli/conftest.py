"""What the command line's tests share: a store in memory in the real one's place, and a way to call commands."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from memory_store import MemoryStore

import heliograph
from heliograph import app as real
from heliograph import config
from heliograph.app import Front, Greeting
from heliograph.cli import main
from heliograph.core.errors import StoreUnavailable
from heliograph.engine import provision
from heliograph.net.clock import SystemClock
from heliograph.ports import StoreHeld, Tables
from heliograph.reloading import Source


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Outcome]
BASE_URL = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*config.BY_NAME, "config"]:
        monkeypatch.delenv(f"HELIOGRAPH_{name.upper()}", raising=False)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: object) -> Outcome:
        code = main.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


class FakeApp(ModuleType):
    """In heliograph.app's place: one store in memory, and a server that greets and ends.

    `held`: another process serves. `broken`: the store can't be reached.
    """

    def __init__(self) -> None:
        super().__init__("heliograph.app")
        self.store = MemoryStore()
        self.held = False
        self.broken = False
        self.served: config.Config | None = None
        self.source: Source | None = None

    def make_store(
        self, settings: config.Config, exclusive: bool = True, tables: Tables = Tables.MIGRATE
    ) -> MemoryStore:
        self.store.fault = StoreUnavailable("no route") if self.broken else None
        if self.held and exclusive:
            self.store.fault = StoreHeld()
        return self.store

    def serve(self, settings: config.Config, front: Front, source: Source | None = None) -> int:
        self.served, self.source = settings, source
        front.prepare()
        if self.held:
            raise StoreHeld
        mint = provision.Mint(SystemClock())
        made = asyncio.run(provision.initialise(self.store, mint, examples=bool(settings.simulator), keep=front.keep))
        greeting = Greeting(made=made, projects=self.store.projects, numbers=self.store.numbers, base_url=BASE_URL)
        front.greet(greeting)
        return 0

    def is_production(self, settings: config.Config) -> bool:
        return real.is_production(settings)

    CantListen = real.CantListen


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    fake = FakeApp()
    monkeypatch.setitem(sys.modules, "heliograph.app", fake)
    monkeypatch.setattr(heliograph, "app", fake, raising=False)
    return fake


@pytest.fixture
def store(app: FakeApp) -> MemoryStore:
    return app.store


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"
