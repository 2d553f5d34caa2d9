"""Provisioning: what is made, what is kept of it, and what is refused."""

import hashlib
import re
from collections.abc import Sequence

import pytest
from memory_store import MemoryStore

from heliograph.core.directory import CAPABILITIES, SCOPES, Number, Project, Token
from heliograph.core.ids import is_uuid
from heliograph.engine import provision
from heliograph.engine.provision import Mint, Refused

NOW = 1_800_000_000_000_000


class StillClock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class CountingBytes:
    """Never the same twice, always the same again: b'\\x01...', b'\\x02...'."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return bytes([self.calls]) * count


@pytest.fixture
def mint() -> Mint:
    return Mint(StillClock(), CountingBytes())


@pytest.fixture
def empty() -> MemoryStore:
    return MemoryStore()


async def test_initialise_makes_everything_in_one_write(empty: MemoryStore, mint: Mint) -> None:
    made = await provision.initialise(empty, mint)
    assert made is not None
    assert empty.writes == 1
    assert empty.projects == [made.project]
    assert (made.project.name, made.project.parent_id, made.project.created_at) == ("default", None, NOW)
    assert [number.number for number in empty.numbers] == ["+12025550101", "+12025550102"]
    assert all(number.capabilities == CAPABILITIES for number in empty.numbers)
    assert all(number.project_id == made.project.id for number in empty.numbers)
    assert empty.tokens == [made.token]
    assert made.token.scopes == SCOPES


async def test_ids_are_uuids_and_differ(empty: MemoryStore, mint: Mint) -> None:
    await provision.initialise(empty, mint)
    ids = [row.id for row in (*empty.projects, *empty.tokens, *empty.numbers)]
    assert all(is_uuid(id) and id == id.lower() for id in ids)
    assert len(set(ids)) == 4


async def test_secrets_have_their_shape_and_only_the_hash_is_kept(empty: MemoryStore, mint: Mint) -> None:
    made = await provision.initialise(empty, mint)
    assert made is not None
    assert re.fullmatch(r"PT[0-9a-f]{48}", made.api_token)
    assert re.fullmatch(r"PSK[0-9a-f]{48}", made.project.signing_key)
    assert made.token.sha256 == hashlib.sha256(made.api_token.encode()).hexdigest()
    assert made.api_token not in repr(empty.tokens)


def test_secrets_are_random_unless_told_otherwise() -> None:
    mint = Mint(StillClock())
    assert mint.signing_key() != mint.signing_key()
    assert mint.token("p", "n", ["messaging"])[1] != mint.token("p", "n", ["messaging"])[1]


async def test_initialise_again_changes_nothing(empty: MemoryStore, mint: Mint) -> None:
    await provision.initialise(empty, mint)
    assert await provision.initialise(empty, mint) is None
    assert empty.writes == 1


async def test_initialise_refuses_a_store_with_any_project(empty: MemoryStore, mint: Mint) -> None:
    await provision.create_project(empty, mint, "mine")
    assert await provision.initialise(empty, mint) is None
    assert empty.numbers == []


async def test_of_two_that_initialise_at_once_one_wins(mint: Mint) -> None:
    class Raced(MemoryStore):
        async def add_project(self, project: Project, token: Token | None, numbers: Sequence[Number]) -> None:
            if not self.projects:
                other = Mint(StillClock())
                first = other.project("default")
                rows = [other.number(first.id, number, "", CAPABILITIES) for number in provision.FIRST_NUMBERS]
                await super().add_project(first, None, rows)
            await super().add_project(project, token, numbers)

    store = Raced()
    assert await provision.initialise(store, mint) is None
    assert len(store.projects) == 1
    assert store.tokens == []


async def test_a_project_may_have_subprojects_one_level_deep(empty: MemoryStore, mint: Mint) -> None:
    parent = await provision.create_project(empty, mint, "parent")
    child = await provision.create_project(empty, mint, " child ", parent.project.id)
    assert (child.project.parent_id, child.project.name) == (parent.project.id, "child")
    assert child.token.scopes == SCOPES
    with pytest.raises(Refused, match="subproject"):
        await provision.create_project(empty, mint, "grandchild", child.project.id)
    with pytest.raises(Refused, match="no project nobody"):
        await provision.create_project(empty, mint, "orphan", "nobody")
    assert len(empty.projects) == 2


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 256, "nul\0"])
async def test_a_name_must_be_printable_and_bounded(empty: MemoryStore, mint: Mint, name: str) -> None:
    with pytest.raises(Refused, match="is no name"):
        await provision.create_project(empty, mint, name)
    assert empty.writes == 0


async def test_a_token_gets_the_scopes_asked_for_each_once(empty: MemoryStore, mint: Mint) -> None:
    project = (await provision.create_project(empty, mint, "mine")).project
    token, secret = await provision.create_token(empty, mint, project.id, "ci", ["numbers", "messaging", "numbers"])
    assert token.scopes == ("messaging", "numbers")
    assert empty.tokens[-1] == token
    assert token.sha256 == hashlib.sha256(secret.encode()).hexdigest()


@pytest.mark.parametrize(("scopes", "match"), [([], "no scope was given"), (["root"], "no scope is called root")])
async def test_a_token_needs_known_scopes(empty: MemoryStore, mint: Mint, scopes: list[str], match: str) -> None:
    project = (await provision.create_project(empty, mint, "mine")).project
    with pytest.raises(Refused, match=match):
        await provision.create_token(empty, mint, project.id, "ci", scopes)


async def test_a_token_needs_a_project(empty: MemoryStore, mint: Mint) -> None:
    with pytest.raises(Refused, match="no project"):
        await provision.create_token(empty, mint, "nobody", "ci", ["messaging"])


async def test_a_number_is_added_once(empty: MemoryStore, mint: Mint) -> None:
    project = (await provision.create_project(empty, mint, "mine")).project
    number = mint.number(project.id, "+12025550123", "", ["sms"])
    await provision.add_number(empty, number)
    assert empty.numbers == [number]
    assert (number.name, number.capabilities) == ("+12025550123", ("sms",))
    with pytest.raises(Refused, match="belongs to this deployment already"):
        await provision.add_number(empty, mint.number(project.id, "+12025550123", "", ["sms"]))


async def test_a_number_needs_a_project(empty: MemoryStore, mint: Mint) -> None:
    with pytest.raises(Refused, match="no project"):
        await provision.add_number(empty, mint.number("nobody", "+12025550123", "", ["sms"]))


@pytest.mark.parametrize("number", ["", "12025550123", "+1202555a", "+44 (0)20 7946 0018", "12", "+12025550123\n"])
def test_a_number_is_e164_or_a_short_code(mint: Mint, number: str) -> None:
    with pytest.raises(Refused, match="is no phone number"):
        mint.number("p", number, "", ["sms"])
    assert mint.number("p", "12345", "", ["sms"]).number == "12345"


def test_a_short_code_can_do_messages_only(mint: Mint) -> None:
    assert mint.number("p", "12345", "", ["fax", "mms", "voice", "sms"]).capabilities == ("sms", "mms")
    with pytest.raises(Refused, match="sms and mms only"):
        mint.number("p", "12345", "", ["voice"])
