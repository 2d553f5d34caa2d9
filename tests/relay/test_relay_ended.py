"""Ended sessions are remembered within bounds of count and octets."""

import pytest

from heliograph.relay.ended import ENDED_OCTETS, EndedLimits, EndedSessions

LONG = ("x" * 1000,)
"""Contexts of a session that take twice as much as everything else of it."""


def ended(**limits: int) -> EndedSessions:
    return EndedSessions(EndedLimits(**limits))


def kept(sessions: EndedSessions, names: str) -> str:
    return "".join(name for name in names if sessions.get(name) is not None)


def test_session_is_remembered_with_its_contexts() -> None:
    sessions = ended()
    sessions.add("a", "root", 7.0, ("office", "home"))
    found = sessions.get("a")
    assert found is not None and (found.at, found.contexts) == (7.0, ("office", "home"))
    sessions.remove("a")
    sessions.remove("a")
    assert sessions.get("a") is None and sessions.octets == len(sessions) == 0


@pytest.mark.parametrize("limits", [{"project_max": 2}, {"project_bytes": 2 * (ENDED_OCTETS + 1100)}])
def test_project_at_its_limit_forgets_its_own_oldest(limits: dict[str, int]) -> None:
    sessions = ended(**limits)
    sessions.add("z", "other", 0.0, LONG)
    for at, name in enumerate("abcd"):
        sessions.add(name, "root", at, LONG)
    assert kept(sessions, "zabcd") == "zcd"


@pytest.mark.parametrize("limits", [{"most": 3}, {"bytes_max": 3 * (ENDED_OCTETS + 1100)}])
def test_limit_of_all_forgets_of_the_project_with_the_most(limits: dict[str, int]) -> None:
    sessions = ended(**limits)
    sessions.add("z", "other", 0.0, LONG)
    for at, name in enumerate("abcd"):
        sessions.add(name, "root", at, LONG)
    assert kept(sessions, "zabcd") == "zcd"


def test_session_larger_than_the_limit_is_forgotten_at_once() -> None:
    sessions = ended(project_bytes=1000)
    sessions.add("a", "root", 0.0, ("x" * 5000,))
    assert sessions.get("a") is None and sessions.octets == 0


def test_session_that_ends_again_counts_once() -> None:
    sessions = ended()
    sessions.add("a", "root", 0.0, LONG)
    before = sessions.octets
    sessions.add("a", "root", 1.0, LONG)
    assert sessions.octets == before and len(sessions) == 1


def test_old_sessions_of_every_project_are_forgotten() -> None:
    sessions = ended()
    for at, name in enumerate("abcd"):
        sessions.add(name, f"root {at % 2}", at, ())
    sessions.forget_before(2)
    assert kept(sessions, "abcd") == "cd"
    sessions.forget_before(9)
    assert sessions.octets == len(sessions) == 0
