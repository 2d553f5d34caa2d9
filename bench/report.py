"""Figures, the bars that they are held to, and the table that shows both."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Verdict = Callable[[float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a figure's median must reach. `at_least`: more is better, else less is."""

    value: float
    at_least: bool

    def holds(self, median: float) -> bool:
        return median >= self.value if self.at_least else median <= self.value

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {shown(self.value)}"


def at_least(value: float) -> Bar:
    return Bar(value=value, at_least=True)


def at_most(value: float) -> Bar:
    return Bar(value=value, at_least=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing that was measured, once for each repetition; the median is what is quoted.

    `bar` is None for a figure that only informs. `note` says what a reader must know to judge it.
    """

    group: str
    name: str
    unit: str
    values: tuple[float, ...]
    bar: Bar | None = None
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def passes(self) -> bool | None:
        """Whether the bar is reached; None without one."""
        return None if self.bar is None else self.bar.holds(self.median)

    def as_json(self) -> dict[str, Any]:
        return {
            "group": self.group,
            "name": self.name,
            "unit": self.unit,
            "median": self.median,
            "values": list(self.values),
            "bar": None if self.bar is None else str(self.bar),
            "passes": self.passes,
            "note": self.note,
        }


def shown(value: float) -> str:
    """A number with as many digits as mean anything."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def table(figures: Sequence[Figure]) -> str:
    """All figures, group by group, in columns."""
    lines = [("figure", "median", "unit", "each", "bar", "")]
    for figure in figures:
        verdict = {None: "", True: "pass", False: "FAIL"}[figure.passes]
        each = " ".join(shown(value) for value in figure.values)
        bar = "" if figure.bar is None else str(figure.bar)
        lines.append((f"{figure.group}: {figure.name}", shown(figure.median), figure.unit, each, bar, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    text = [_row(line, widths) for line in lines]
    text.insert(1, "-" * max(map(len, text)))
    return "\n".join([*text, *_notes(figures)])


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    name, median, unit, each, bar, verdict = cells
    return (
        f"{name:<{widths[0]}}  {median:>{widths[1]}} {unit:<{widths[2]}}  {each:<{widths[3]}}"
        f"  {bar:<{widths[4]}}  {verdict}"
    ).rstrip()


def _notes(figures: Sequence[Figure]) -> list[str]:
    notes = dict.fromkeys(f"{figure.group}: {figure.note}" for figure in figures if figure.note)
    return ["", *notes] if notes else []


def described(facts: Mapping[str, object]) -> str:
    """Named facts, one to a line."""
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())
