"""The simulated carrier's memory: an append-only file of what it accepted and which receipts are taken.

One line each, fields apart by a blank: `A message_id ref to from segments at due receipt...` for an acceptance, with
the receipts that it owes (`delivered`, `undelivered:30003`; none where there will be no receipt) and when they are due;
`T ref` for a receipt that the engine has taken. No bodies. Times are microseconds since 1970.

A line is written with one write before anything follows from it, so it survives a kill of the process; the file is not
synced, so it may not survive a power cut (it stands for a carrier, not for the store). A torn last line is what a
kill may leave; it is cut off. At start, and when it has grown large, the file is rewritten without what is done with:
the newest KEPT acceptances stay, so that it can be counted how often each message was accepted.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from heliograph.core.lifecycle import State

KEPT = 200_000
"""Acceptances that a rewrite keeps."""

REWRITE_LINES = 2_000_000
"""Lines at which the file is rewritten while the carrier runs; some 200 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A receipt to be told: its state, with its error where there is one."""

    state: State
    error_code: int | None = None

    def text(self) -> str:
        return self.state.value if self.error_code is None else f"{self.state.value}:{self.error_code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    message_id: str
    ref: str
    to_number: str
    from_number: str
    segments: int
    at: int
    due: int
    receipts: tuple[Owed, ...]

    def line(self) -> str:
        receipts = "".join(f" {owed.text()}" for owed in self.receipts)
        head = f"A {self.message_id} {self.ref} {self.to_number} {self.from_number}"
        return f"{head} {self.segments} {self.at} {self.due}{receipts}\n"


class Journal:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._lines = 0

    def open(self) -> tuple[list[Acceptance], Counter[str]]:
        """Read what an earlier run left: the acceptances kept, and how many receipts of each reference are taken."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._rewrite()

    def append(self, lines: Iterable[str]) -> None:
        """Write lines at once; they outlive the process when this returns."""
        data = "".join(lines)
        self._lines += data.count("\n")
        remaining = data.encode()
        while remaining:
            remaining = remaining[os.write(self._descriptor, remaining) :]
        if self._lines > REWRITE_LINES:
            self.close()
            self._rewrite()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _rewrite(self) -> tuple[list[Acceptance], Counter[str]]:
        acceptances, taken = read(self._path)
        kept = acceptances[-KEPT:]
        known = {acceptance.ref for acceptance in kept}
        lines = [acceptance.line() for acceptance in kept]
        lines += [f"T {ref}\n" * count for ref, count in taken.items() if ref in known]
        scratch = self._path.with_suffix(".new")
        with scratch.open("w", encoding="ascii") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self._path)
        self._lines = len(lines)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        return kept, taken


def read(path: Path) -> tuple[list[Acceptance], Counter[str]]:
    """Everything whole in a journal: its acceptances in order, and how many receipts of each reference are taken."""
    acceptances: list[Acceptance] = []
    taken: Counter[str] = Counter()
    if not path.exists():
        return acceptances, taken
    text = path.read_text("ascii", errors="replace")
    for line in text[: text.rfind("\n") + 1].splitlines():
        match line.split(" "):
            case ["A", message_id, ref, to_number, from_number, segments, at, due, *receipts]:
                acceptances.append(
                    Acceptance(
                        message_id=message_id,
                        ref=ref,
                        to_number=to_number,
                        from_number=from_number,
                        segments=int(segments),
                        at=int(at),
                        due=int(due),
                        receipts=tuple(map(_owed, receipts)),
                    )
                )
            case ["T", ref]:
                taken[ref] += 1
    return acceptances, taken


def _owed(text: str) -> Owed:
    state, _, code = text.partition(":")
    return Owed(state=State(state), error_code=int(code) if code else None)


def accepted_counts(path: Path) -> Counter[str]:
    """How often each message was accepted: more than once is a duplicate delivery."""
    return Counter(acceptance.message_id for acceptance in read(path)[0])
