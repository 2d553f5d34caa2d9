"""A picture of the states of a message, drawn from the table of steps: what `mermaid` shows elsewhere, as SVG here."""

from heliograph.core.lifecycle import TRANSITIONS, State

_WIDTH, _HEIGHT = 126, 38
_PLACES: dict[State, tuple[int, int]] = {
    State.QUEUED: (10, 74),
    State.INITIATED: (196, 74),
    State.SENT: (382, 74),
    State.DELIVERED: (568, 14),
    State.UNDELIVERED: (568, 74),
    State.FAILED: (568, 164),
    State.RECEIVING: (10, 234),
    State.RECEIVED: (196, 234),
}
"""Left upper corners."""


def svg() -> str:
    """Return the picture as an element to put into a page."""
    steps = "".join(_step(before, after) for before, afters in TRANSITIONS.items() for after in sorted(afters))
    boxes = "".join(_box(state) for state in _PLACES)
    return (
        '<div class="diagram"><svg viewBox="0 0 704 284" role="img" aria-label="Steps between states">'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0 10 5 0 10z"/></marker></defs>{steps}{boxes}</svg></div>'
    )


def _box(state: State) -> str:
    left, top = _PLACES[state]
    kind = "" if TRANSITIONS[state] else ' class="final"'
    return (
        f'<g{kind}><rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="9"/>'
        f'<text x="{left + _WIDTH // 2}" y="{top + 24}" text-anchor="middle">{state}</text></g>'
    )


def _step(before: State, after: State) -> str:
    """A curve from the right side of one box to the left side of the other; past a box between them, below it."""
    x1, y1 = _PLACES[before][0] + _WIDTH, _PLACES[before][1] + _HEIGHT // 2
    x2, y2 = _PLACES[after][0], _PLACES[after][1] + _HEIGHT // 2
    between = x2 - x1 > _WIDTH
    if between:
        x1, y1 = x1 - _WIDTH // 2, y1 + _HEIGHT // 2
        low = max(y1, y2) + (20 if y2 > y1 + 20 else 34)
        path = f"M{x1} {y1}C{x1 + 40} {low} {x2 - 90} {low} {x2} {y2}"
    else:
        middle = (x1 + x2) // 2
        path = f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
    return f'<path d="{path}" marker-end="url(#tip)"/>'
