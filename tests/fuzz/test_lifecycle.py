"""A message's states under any order of steps, from right and from stale states, on both stores.

The machine takes steps the only way there is, `Transitions.apply`, and compares with a model of one line: a step counts
when the message is in the state from which it starts. Whatever is tried, states go forward only, a terminal one stays,
and the timeline tells each step once.
"""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from heliograph import app, config
from heliograph.core import lifecycle, pricing
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import IN_PROGRESS, RANK, TERMINAL, TRANSITIONS, State, WrongStep
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Acceptance, Store

PROJECT = "11111111-1111-4111-8111-111111111111"
START = 1_790_000_000_000_000
_STATES = st.sampled_from(list(State))


class TickingClock:
    """A microsecond passes with each look."""

    def __init__(self) -> None:
        self._looks = itertools.count(START)

    def now(self) -> int:
        """The next microsecond."""
        return next(self._looks)

    def monotonic(self) -> float:
        """Not used."""
        return 0.0


class Ground:
    """An open store, and what takes steps on it, on an event loop of their own."""

    def __init__(self, store: Store, runner: asyncio.Runner) -> None:
        self.store = store
        self.run = runner.run
        self.clock = TickingClock()
        self.transitions = Transitions(store, self.clock, pricing.Rates(), Metrics(), lambda project_id: project_id)
        self._ids = Uuid7Generator(lambda: 7)

    def new_message(self, state: State) -> Message:
        """A message that was just kept."""
        now = self.clock.now()
        message = Message(
            id=self._ids.next(now),
            project_id=PROJECT,
            direction=Direction.INBOUND if state is State.RECEIVING else Direction.OUTBOUND_API,
            kind=Kind.SMS,
            source=Source.LAML,
            from_number="+12025550101",
            to_number="+12025550199",
            body="Hello",
            segments=1,
            state=state,
            created_at=now,
            updated_at=now,
            expires_at=now + 4 * 3600 * 1_000_000,
        )
        number = self.transitions.event_numbers.next()
        self.run(self.store.accept(Acceptance(message=message, event_no=number)))
        return message


@pytest.fixture
def ground(tmp_path: Path, store_url: str | None) -> Iterator[Ground]:
    """Both stores, one after the other."""
    store = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    with asyncio.Runner() as runner:
        runner.run(store.open())
        yield Ground(store, runner)
        runner.run(store.close())


class Life(RuleBasedStateMachine):
    """One message; `states` is what the model says it went through."""

    def __init__(self, ground: Ground, first: State) -> None:
        super().__init__()
        self.ground = ground
        self.message = ground.new_message(first)
        self.states = [first]
        self.body: str | None = "Hello"
        self.deleted = False

    @property
    def state(self) -> State:
        return self.states[-1]

    @rule(seen=_STATES, path=st.lists(_STATES, min_size=1, max_size=3))
    def try_any_path_from_any_state(self, seen: State, path: list[State]) -> None:
        """Somebody saw the message in a state, which may be long past or never was, and takes it along a path."""
        step = Step(message=replace(self.message, state=seen), states=tuple(path))
        pairs = list(itertools.pairwise([seen, *path]))
        if any(after not in TRANSITIONS[before] for before, after in pairs):
            with pytest.raises(WrongStep):
                self.ground.run(self.ground.transitions.apply([step]))
            return
        self._apply([step])

    @precondition(lambda self: self.state not in TERMINAL)
    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """A right step."""
        after = data.draw(st.sampled_from(sorted(TRANSITIONS[self.state], key=lambda state: state.value)))
        self._apply([Step(message=replace(self.message, state=self.state), states=(after,))])

    @rule(
        outcomes=st.lists(st.sampled_from([State.DELIVERED, State.UNDELIVERED, State.FAILED]), min_size=2, max_size=4)
    )
    def get_contradicting_receipts_at_once(self, outcomes: list[State]) -> None:
        """Several receipts in one batch, each from the state that was seen before any of them."""
        seen = replace(self.message, state=self.state)
        paths = [lifecycle.receipt_path(self.state, outcome) for outcome in outcomes]
        self._apply([Step(message=seen, states=path) for path in paths if path])

    @rule()
    def redact(self) -> None:
        """Empty the body, which only a finished message allows."""
        done = self.ground.run(
            self.ground.store.redact(
                PROJECT, self.message.id, self.ground.clock.now(), self.ground.transitions.event_numbers.next()
            )
        )
        if not self.deleted:
            assert done == (self.state not in IN_PROGRESS)
        if done:
            self.body = ""

    @precondition(lambda self: not self.deleted)
    @rule()
    def delete(self) -> None:
        """Hide it, which only a finished message allows."""
        self.deleted = self.ground.run(
            self.ground.store.delete(
                PROJECT, self.message.id, self.ground.clock.now(), self.ground.transitions.event_numbers.next()
            )
        )
        assert self.deleted == (self.state not in IN_PROGRESS)

    @invariant()
    def the_record_is_the_model_s(self) -> None:
        """State, body and timeline are what the steps that counted made of them."""
        found = self.ground.run(self.ground.store.message(PROJECT, self.message.id))
        assert found is not None
        assert (found.state, found.body, found.deleted_at is not None) == (self.state, self.body, self.deleted)
        steps = self.ground.run(self.ground.store.timeline(PROJECT, self.message.id))
        assert [each.state for each in steps if each.kind == "state"] == [state.value for state in self.states]

    @invariant()
    def it_only_went_forward(self) -> None:
        """No state twice, no rank lower, nothing after a terminal one."""
        for before, after in itertools.pairwise(self.states):
            assert RANK[after] > RANK[before]
            assert before not in TERMINAL

    def _apply(self, steps: list[Step]) -> None:
        """Take the steps, for real and in the model, where each change counts if it starts from where things are."""
        answers = self.ground.run(self.ground.transitions.apply(steps))
        for step, answer in zip(steps, answers, strict=True):
            taken = None
            for before, after in itertools.pairwise([step.message.state, *step.states]):
                if before is self.state:
                    self.states.append(after)
                    taken = after
            assert (answer.state if answer else None) == taken


@pytest.mark.parametrize("first", [State.QUEUED, State.RECEIVING], ids=lambda state: state.value)
def test_a_life_under_any_steps(ground: Ground, first: State) -> None:
    bounded = settings(
        max_examples=25 if first is State.QUEUED else 10,
        stateful_step_count=12,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    class ThisLife(Life):
        def __init__(self) -> None:
            super().__init__(ground, first)

    run_state_machine_as_test(ThisLife, settings=bounded)


@given(before=_STATES, after=_STATES)
def test_the_table_leads_forward_only(before: State, after: State) -> None:
    if after in TRANSITIONS[before]:
        assert lifecycle.advance(before, after) is after
        assert RANK[after] > RANK[before]
    else:
        with pytest.raises(WrongStep):
            lifecycle.advance(before, after)


@given(before=_STATES, outcome=_STATES)
def test_an_outcome_s_path_is_made_of_steps_and_ends_there(before: State, outcome: State) -> None:
    path = lifecycle.receipt_path(before, outcome)
    for first, second in itertools.pairwise([before, *path]):
        assert second in TRANSITIONS[first]
    assert not path or path[-1] is outcome
    assert not (before in TERMINAL and path)
