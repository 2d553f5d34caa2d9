"""When to try again.

After the first failed attempt the pause is about 1 s, then 5 s, 15 s, 1 min, 5 min, 15 min, 30 min, and from then on
an hour. Each pause is stretched or shrunk by up to 20 %, so that what failed together is not retried together. The
pause counts from the moment of the failure. No attempt is made later than 24 h after the thing to deliver came to be:
then the answer is None, and the caller gives up (a callback is dead-lettered).

Pure: the moment and the jitter are passed in, so a test gives a schedule of its own and needs no sleep.
"""

from dataclasses import dataclass
from typing import Final

_MICROS_PER_SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """A schedule of pauses.

    ``pauses_seconds[n - 1]`` follows the nth failed attempt; the last one repeats. ``jitter_fraction`` (0 to below 1)
    is how far a pause may stray either way. ``give_up_after_seconds`` counts from the creation. Raises ``ValueError``
    for an empty schedule, a pause that is not positive, or a value out of range.
    """

    pauses_seconds: tuple[float, ...] = (1, 5, 15, 60, 300, 900, 1_800, 3_600)
    jitter_fraction: float = 0.2
    give_up_after_seconds: float = 86_400

    def __post_init__(self) -> None:
        """Refuse a schedule that would never pause, or never end."""
        if not self.pauses_seconds or min(self.pauses_seconds) <= 0:
            raise ValueError(f"pauses_seconds must be one or more positive numbers, not {self.pauses_seconds}")
        if not 0 <= self.jitter_fraction < 1:
            raise ValueError(f"jitter_fraction must be from 0 to below 1, not {self.jitter_fraction}")
        if self.give_up_after_seconds < 0:
            raise ValueError(f"give_up_after_seconds must not be negative, but is {self.give_up_after_seconds}")


DEFAULT_POLICY: Final = RetryPolicy()
"""The schedule that the module's docstring describes."""


def next_attempt(
    now_micros: int, attempt: int, jitter: float, *, created_at_micros: int, policy: RetryPolicy = DEFAULT_POLICY
) -> int | None:
    """Return when to try again, in the same microseconds as ``now_micros``, or None to give up.

    ``attempt`` is how many attempts have failed, this one included, at least 1. ``jitter``, from 0 to below 1, picks
    the place in the pause's range: 0 the shortest, 0.5 the pause itself. ``created_at_micros`` is when the thing to
    deliver came to be. Raises ``ValueError`` for an attempt or a jitter out of range.
    """
    if attempt < 1:
        raise ValueError(f"attempt counts from 1, not {attempt}")
    if not 0 <= jitter < 1:
        raise ValueError(f"jitter must be from 0 to below 1, not {jitter}")
    pause_seconds = policy.pauses_seconds[min(attempt, len(policy.pauses_seconds)) - 1]
    stretch = 1 + policy.jitter_fraction * (2 * jitter - 1)
    at_micros = now_micros + round(pause_seconds * stretch * _MICROS_PER_SECOND)
    deadline_micros = created_at_micros + round(policy.give_up_after_seconds * _MICROS_PER_SECOND)
    return at_micros if at_micros <= deadline_micros else None
