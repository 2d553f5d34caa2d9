"""What was touched since a version, and nothing else, is read again: whichever verb wrote it, on either database."""

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from heliograph.core import inventory
from heliograph.core.directory import (
    Application,
    Changes,
    Key,
    Membership,
    Number,
    NumberGroup,
    Project,
    SmppCredential,
    Token,
)
from heliograph.core.ids import Uuid7Generator
from heliograph.core.inventory import Place
from heliograph.core.shelf import Shelf
from heliograph.engine.directory import Directory
from heliograph.ports import AlreadyMember, NumberTaken, Store, SystemIdTaken
from heliograph.storage import scripts

P1 = "11111111-1111-4111-8111-111111111111"
P2 = "22222222-2222-4222-8222-222222222222"
NOW = 1_790_000_000_000_000
ids = Uuid7Generator(lambda: 17)


class Clock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def made(kind: type[Any], project_id: str = P1, **values: Any) -> Any:
    return kind(project_id=project_id, id=ids.next(NOW), created_at=NOW, updated_at=NOW, **values)


def a_project(project_id: str, parent_id: str | None = None) -> Project:
    return Project(id=project_id, parent_id=parent_id, name="p", signing_key="k", created_at=NOW, updated_at=NOW)


def a_token(project_id: str, letter: str) -> Token:
    token: Token = made(Token, project_id, name="t", scopes=("messaging",), sha256=letter * 64)
    return token


def a_number(last: int, project_id: str = P1) -> Number:
    number: Number = made(Number, project_id, number=f"+1202555{last:04d}", name="", capabilities=("sms",))
    return number


def a_credential(system_id: str, project_id: str = P1) -> SmppCredential:
    return SmppCredential(
        project_id=project_id,
        system_id=system_id,
        name="c",
        password_hash="h",
        max_binds=1,
        rate=0,
        window=10,
        allowed=(),
        alphabet="gsm",
        long_mode="udh8",
        created_at=NOW,
        updated_at=NOW,
    )


Act = Callable[[Store], Awaitable[Any]]


def everything() -> Iterator[tuple[Act, set[Key]]]:
    """Each verb that writes the directory, one after the other, and what it touches."""
    token, other_token = a_token(P1, "a"), a_token(P2, "b")
    first, second, third, free = (a_number(last) for last in range(4))
    yield lambda s: s.add_project(a_project(P1), token, [first, second]), {
        Key("projects", P1, P1), Key("tokens", P1, token.id),
        Key("numbers", P1, first.id), Key("numbers", P1, second.id),
    }  # fmt: skip
    yield lambda s: s.add_project(a_project(P2, P1), None, []), {Key("projects", P2, P2)}
    yield lambda s: s.update_project(dataclasses.replace(a_project(P1), name="q")), {Key("projects", P1, P1)}
    yield lambda s: s.put_token(other_token), {Key("tokens", P2, other_token.id)}
    yield lambda s: s.update_token(dataclasses.replace(token, name="T")), {Key("tokens", P1, token.id)}
    yield lambda s: s.put_number(third), {Key("numbers", P1, third.id)}
    yield lambda s: s.update_number(dataclasses.replace(third, name="n")), {Key("numbers", P1, third.id)}
    yield lambda s: s.take_number(free), {Key("numbers", P1, free.id)}
    credential = a_credential("acme")
    yield lambda s: s.add_smpp_credential(credential), {Key("smpp_credentials", P1, "acme")}
    changed = dataclasses.replace(credential, rate=3)
    yield lambda s: s.update_smpp_credential(changed), {Key("smpp_credentials", P1, "acme")}
    yield from of_groups(first, second)
    moved = dataclasses.replace(first, project_id=P2)
    yield lambda s: s.move_number(first, moved), {Key("numbers", P1, first.id), Key("numbers", P2, first.id)}
    yield lambda s: s.release_number(moved), {Key("numbers", P2, first.id)}
    yield lambda s: s.release_number(free), {Key("numbers", P1, free.id)}
    application: Application = made(Application, P2, name="a")
    yield lambda s: s.put_application(application), {Key("applications", P2, application.id)}
    yield (
        lambda s: s.update_application(dataclasses.replace(application, name="A")),
        {Key("applications", P2, application.id)},
    )
    gone: Application = made(Application, name="gone")
    yield lambda s: s.put_application(gone), {Key("applications", P1, gone.id)}
    yield lambda s: s.remove_application(P1, gone.id), {Key("applications", P1, gone.id)}
    yield lambda s: s.remove_smpp_credential(P1, "acme"), {Key("smpp_credentials", P1, "acme")}
    yield lambda s: s.remove_token(P1, token.id), {Key("tokens", P1, token.id)}
    yield lambda s: s.delete_project(P2, NOW), {Key("projects", P2, P2)}


def of_groups(first: Number, second: Number) -> Iterator[tuple[Act, set[Key]]]:
    """A number that leaves its project leaves its group; a group that goes takes its members' places with it."""
    group, brief = (made(NumberGroup, name="g", sticky_sender=True) for _ in range(2))
    places: list[Membership] = [
        made(Membership, group_id=group.id, number_id=first.id),
        made(Membership, group_id=group.id, number_id=second.id),
        made(Membership, group_id=brief.id, number_id=second.id),
    ]
    for each in (group, brief):
        yield lambda s, each=each: s.put_group(each), {Key("groups", P1, each.id)}  # type: ignore[misc]
    yield lambda s: s.update_group(dataclasses.replace(group, name="G")), {Key("groups", P1, group.id)}
    for place in places:
        yield lambda s, place=place: s.add_membership(place), {Key("memberships", P1, place.id)}  # type: ignore[misc]
    yield lambda s: s.remove_group(P1, brief.id), {Key("groups", P1, brief.id), Key("memberships", P1, places[2].id)}
    yield lambda s: s.release_number(second), {Key("numbers", P1, second.id), Key("memberships", P1, places[1].id)}
    yield lambda s: s.remove_membership(P1, places[0].id), {Key("memberships", P1, places[0].id)}


def all_of(directory: Directory) -> dict[str, Any]:
    """Whatever it has in memory, by what it is called there."""
    return {
        name: (sorted(map(str, shelf)), shelf._by_name, {owner: shelf.of(owner) for owner in shelf._of})
        for name, shelf in vars(directory).items()
        if isinstance(shelf, Shelf)
    }


async def loaded(store: Store) -> Directory:
    directory = Directory(store, Clock())
    await directory.load()
    return directory


async def changes_since(store: Store, version: int) -> Changes:
    changes = await store.directory_changes(version)
    assert changes is not None
    return changes


async def test_every_write_tells_what_it_touched(store: Store) -> None:
    await store.stock([inventory.free_number("+12025550003", Place())], NOW)
    followed = await loaded(store)
    for act, touched in everything():
        before = await store.directory_version()
        await act(store)
        changes = await changes_since(store, before)
        assert set(changes.touched) == touched
        assert changes.now.version == await store.directory_version()
        await followed.load()
        assert followed.version == changes.now.version
        assert all_of(followed) == all_of(await loaded(store))


async def test_many_writes_are_taken_at_once(store: Store) -> None:
    await store.stock([inventory.free_number("+12025550003", Place())], NOW)
    followed, acts = await loaded(store), [act for act, _ in everything()]
    for end in range(3, len(acts) + 1, 5):
        for act in acts[max(0, end - 5) : end]:
            await act(store)
        await followed.load()
        assert all_of(followed) == all_of(await loaded(store))


async def test_nothing_new_reads_nothing(store: Store) -> None:
    await store.add_project(a_project(P1), None, [])
    changes = await changes_since(store, await store.directory_version())
    assert list(changes.touched) == [] and changes.now.projects == ()


async def test_what_is_refused_touches_nothing(store: Store) -> None:
    group: NumberGroup = made(NumberGroup, name="g", sticky_sender=False)
    number = a_number(1)
    place: Membership = made(Membership, group_id=group.id, number_id=number.id)
    await store.add_project(a_project(P1), None, [number])
    await store.put_group(group)
    await store.add_membership(place)
    await store.add_smpp_credential(a_credential("acme"))
    before = await store.directory_version()
    with pytest.raises(NumberTaken):
        await store.put_number(dataclasses.replace(number, id=ids.next(NOW)))
    with pytest.raises(AlreadyMember):
        await store.add_membership(dataclasses.replace(place, id=ids.next(NOW)))
    with pytest.raises(SystemIdTaken):
        await store.add_smpp_credential(a_credential("acme"))
    assert not await store.delete_project(P1, NOW)
    assert not await store.take_number(a_number(2))
    assert await store.directory_version() == before


async def test_who_is_too_far_behind_reads_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "DIRECTORY_CHANGES_KEPT", 3)
    await store.add_project(a_project(P1), None, [])
    followed = await loaded(store)
    for letter in "abcd":
        await store.put_token(a_token(P1, letter))
    version = await store.directory_version()
    assert await store.directory_changes(version - 4) is None
    assert len((await changes_since(store, version - 3)).now.tokens) == 3
    await followed.load()
    assert all_of(followed) == all_of(await loaded(store))


async def test_a_version_from_before_changes_were_kept_is_read_whole(store: Store) -> None:
    await store.add_project(a_project(P1), None, [])
    assert await store.directory_changes(-1) is None
    assert await store.directory_changes(await store.directory_version() + 5) is None, "a store that was put back"
