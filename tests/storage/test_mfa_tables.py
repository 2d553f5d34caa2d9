"""Challenges: what a store must do with codes that were sent, whichever database it stands on."""

import asyncio

import pytest
from msgspec.structs import replace

from heliograph.ports import Challenge, Store

P1 = "11111111-1111-4111-8111-111111111111"
P2 = "22222222-2222-4222-8222-222222222222"
NOW = 1_790_000_000_000_000


def a_challenge(number: int = 1, **changes: object) -> Challenge:
    challenge = Challenge(
        project_id=P1,
        id=f"00000000-0000-4000-8000-{number:012d}",
        message_id=f"00000000-0000-7000-8000-{number:012d}",
        code_hash="scrypt$2$8$1$00$ff",
        attempts_left=3,
        expires_at=NOW + 1000,
    )
    return replace(challenge, **changes)  # type: ignore[arg-type]


async def attempt(store: Store, *, now: int = NOW, project_id: str = P1) -> Challenge | None:
    return await store.attempt_challenge(project_id, a_challenge().id, now)


async def test_each_attempt_is_taken_off(store: Store) -> None:
    await store.put_challenge(a_challenge())
    assert await attempt(store, project_id=P2) is None
    assert await attempt(store) == a_challenge(attempts_left=2)
    assert await attempt(store) == a_challenge(attempts_left=1)
    assert await attempt(store) == a_challenge(attempts_left=0)
    assert await attempt(store) is None


async def test_nothing_is_attempted_after_its_time(store: Store) -> None:
    await store.put_challenge(a_challenge())
    assert await attempt(store, now=NOW + 1000) is None
    assert await attempt(store, now=NOW + 999) == a_challenge(attempts_left=2)
    assert await store.attempt_challenge(P1, P2, NOW) is None


async def test_attempts_at_once_get_what_there_is_and_no_more(store: Store) -> None:
    await store.put_challenge(a_challenge(attempts_left=4))
    taken = await asyncio.gather(*(attempt(store) for _ in range(20)))
    left = sorted(each.attempts_left for each in taken if each is not None)
    assert left == [0, 1, 2, 3]


async def test_of_uses_at_once_one_counts(store: Store) -> None:
    await store.put_challenge(a_challenge())
    used = await asyncio.gather(*(store.use_challenge(P1, a_challenge().id, NOW + 5) for _ in range(10)))
    assert sorted(used) == [False] * 9 + [True]
    assert await attempt(store) is None
    assert [each.expires_at for each in await store.ended_challenges(NOW + 5, 10)] == [NOW + 5]


@pytest.mark.parametrize("project_id", [P1, P2])
async def test_nothing_is_used_after_its_time_or_by_another(store: Store, project_id: str) -> None:
    await store.put_challenge(a_challenge())
    assert not await store.use_challenge(project_id, a_challenge().id, NOW + (1000 if project_id == P1 else 0))


async def test_a_challenge_without_attempts_can_be_used_by_who_had_the_last(store: Store) -> None:
    await store.put_challenge(a_challenge(attempts_left=1))
    assert await attempt(store) is not None
    assert await store.use_challenge(P1, a_challenge().id, NOW)


async def test_ended_ones_are_found_in_their_order_and_removed(store: Store) -> None:
    made = [a_challenge(number, expires_at=NOW - number) for number in range(1, 5)]
    for each in (*made, a_challenge(9)):
        await store.put_challenge(each)
    assert await store.ended_challenges(NOW, 3) == made[:0:-1]
    await store.remove_challenges(made[1:])
    assert await store.ended_challenges(NOW, 3) == made[:1]
    await store.remove_challenges([replace(made[0], project_id=P2)])
    assert await store.ended_challenges(NOW, 3) == made[:1]
    assert await attempt(store) is None and await store.attempt_challenge(P1, a_challenge(9).id, NOW) is not None
