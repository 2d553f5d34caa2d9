"""How long before the end of a message's validity a carrier must get it, so that its answer comes in time.

The margin is derived from the answers that were observed, as RFC 6298 derives a retransmission timer from round trips:
the smoothed time plus four times its mean deviation. The carrier's response timeout would be the wrong measure: it is
the worst case, half a minute by default, and a message that is valid for twenty seconds would never be tried again
though its carrier answers in milliseconds. An answer that takes longer than the margin is no loss: it is waited for
(engine/sweeper.py). So the margin need only be right nearly always, and errs towards one more try.

A time is measured from the submit to the answer, with what the message waited for inside the carrier's machine.
"""

from typing import Final

MARGIN_MIN_SECONDS: Final = 0.1
"""For the write of the hand-over, which comes before the submit."""

MARGIN_MAX_SECONDS: Final = 5.0
"""A carrier that was slow for a while must not cost messages of a short validity all their retries."""

FIRST_MARGIN_SECONDS: Final = 1.0
"""Before any answer was observed (RFC 6298, 2.1)."""

_GAIN: Final = 1 / 8
_DEVIATION_GAIN: Final = 1 / 4
_DEVIATIONS: Final = 4
"""RFC 6298, 2.3: alpha, beta and K."""


class AnswerTime:
    """Of one carrier. Seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._smoothed: float | None = None
        self._deviation = 0.0

    def observe(self, seconds: float) -> None:
        """An answer took so long."""
        if self._smoothed is None:
            self._smoothed, self._deviation = seconds, seconds / 2
            return
        self._deviation += _DEVIATION_GAIN * (abs(self._smoothed - seconds) - self._deviation)
        self._smoothed += _GAIN * (seconds - self._smoothed)

    def margin_seconds(self, answer_seconds: float) -> float:
        """`answer_seconds`: how long the carrier's answer may take; the margin is never longer."""
        expected = FIRST_MARGIN_SECONDS
        if self._smoothed is not None:
            expected = self._smoothed + _DEVIATIONS * self._deviation
        return min(max(expected, MARGIN_MIN_SECONDS), MARGIN_MAX_SECONDS, answer_seconds)
