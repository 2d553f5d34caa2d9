import pytest
from hand_time import HandTime

from heliograph.carriers.timers import Timers


class Bench:
    def __init__(self) -> None:
        self.time = HandTime()
        self.calls: list[object] = []
        self.timers = Timers(self.time.monotonic, self.time.schedule, lambda: self.calls.append("turn"))


async def test_calls_in_the_order_of_the_moments_and_one_turn_for_what_is_due_together() -> None:
    bench = Bench()
    for seconds in (2.0, 1.0, 1.0, 1.0005, 0.5):
        bench.timers.after(seconds, bench.calls.append, seconds)
    assert bench.time.waiting() == 1
    await bench.time.advance(1.0)
    assert bench.calls == [0.5, "turn", 1.0, 1.0, 1.0005, "turn"]
    await bench.time.advance(1.0)
    assert bench.calls[-2:] == [2.0, "turn"]
    assert bench.time.waiting() == 0


async def test_what_a_call_adds_is_called_too() -> None:
    bench = Bench()
    bench.timers.after(1.0, lambda _: bench.timers.after(1.0, bench.calls.append, "second"), None)
    await bench.time.advance(2.0)
    assert bench.calls == ["turn", "second", "turn"]


async def test_clear_forgets() -> None:
    bench = Bench()
    bench.timers.after(1.0, bench.calls.append, "never")
    bench.timers.clear()
    await bench.time.advance(5.0)
    assert bench.calls == []
    bench.timers.after(1.0, bench.calls.append, "again")
    await bench.time.advance(1.0)
    assert bench.calls == ["again", "turn"]


async def test_goes_on_after_a_call_that_raised() -> None:
    bench = Bench()
    bench.timers.after(1.0, lambda _: 1 / 0, None)
    bench.timers.after(2.0, bench.calls.append, "later")
    with pytest.raises(ZeroDivisionError):
        await bench.time.advance(1.0)
    await bench.time.advance(1.0)
    assert bench.calls == ["later", "turn"]
