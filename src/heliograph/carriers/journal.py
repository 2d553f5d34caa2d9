"""What the simulated carrier remembers: the messages that it accepted and the receipts that it owes for them.

An append-only file of JSON lines, without bodies:

    ["accepted", message id, number, to, from, segments, accepted at, receipts, receipts due at, error code]
    ["taken", message id, number]                     one of its receipts was taken
    ["owed", ...]                                     as "accepted", carried over from an earlier file
    ["earlier", highest id in files gone, highest id in the previous file or files gone]

A carrier does not mind repetition: a message submitted twice is accepted twice, and `number` counts that, from 1. Times
are microseconds since 1970 UTC. Lines are in the system's hands (os.write) before anybody is told of what they say:
they survive the death of the process, kill -9 too, but not a power cut, since nothing is synced. A last line that was
cut short is cut off at the next start; any other that can't be read is skipped and counted in `unreadable`.

Bounds. At ACCEPTED_MAX acceptances the file becomes the previous one (`.1`), which replaces the one before, and a new
one begins with the receipts still owed. So the last ACCEPTED_MAX acceptances or more can be looked up and counted, in
some 180 bytes each on disk, receipts included. In memory are only the last RECENT_MAX or more; an older one is looked
for in the files. What is recent is told by comparing ids, which need not come in order; where they nearly do, as
version 7 UUIDs, a new message never costs a look into the files.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

ACCEPTED_MAX: Final = 500_000
"""Acceptances in one file: about 90 MB with their receipts, read back in about three seconds."""

RECENT_MAX: Final = 50_000
"""Acceptances in one of the two generations that memory keeps: together about 20 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One acceptance, its fields in the order of the line. `receipts`: how many are owed, from the moment `due`."""

    message_id: str
    number: int
    to_number: str
    from_number: str
    segments: int
    at: int
    receipts: int
    due: int
    error_code: int | None

    @property
    def carrier_ref(self) -> str:
        return carrier_ref(self.message_id, self.number)


def carrier_ref(message_id: str, number: int) -> str:
    """The carrier's id for an acceptance: `sim-<message id>`, for repetitions `sim-<message id>-2` and so on."""
    return f"sim-{message_id}" if number == 1 else f"sim-{message_id}-{number}"


def accepted_counts(path: Path) -> dict[str, int]:
    """How often each message was accepted, as far back as the files at `path` reach; none without files."""
    counts: Counter[str] = Counter()
    for part in (_previous(path), path):
        with suppress(FileNotFoundError), part.open("rb") as lines:
            for line in lines:
                match _fields(line):
                    case ["accepted", str() as message_id, *_]:
                        counts[message_id] += 1
    return dict(counts)


class Journal:
    """The open file; one process at a time may have it. Every call may block on the disk, and raise OSError."""

    def __init__(self, path: Path) -> None:
        """Open or create the files and read back what counts, which takes up to seconds."""
        self.unreadable = 0
        self._path = path
        self._recent = _Recent()
        self._owed: dict[tuple[str, int], Entry] = {}
        self._gone_up_to = self._previous_up_to = self._up_to = ""
        self._accepted = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        _finish_turning(path)
        self._file = _open(path)
        self._size = self._read_back()
        os.ftruncate(self._file, self._size)

    def owed(self) -> list[Entry]:
        """The acceptances with receipts that were not taken; `receipts` says how many."""
        return list(self._owed.values())

    def owed_count(self) -> int:
        return len(self._owed)

    def times_accepted(self, message_id: str) -> int | None:
        """How often the message was accepted; None if it may have been, longer ago than the files remember."""
        known = self._recent.get(message_id)
        if known is None:
            known = self._count_in_files(message_id)
        return None if not known and message_id <= self._gone_up_to else known

    def next_numbers(self, message_ids: Iterable[str]) -> list[int]:
        """The `number` of each of these messages, were they accepted in this order."""
        ahead: dict[str, int] = {}
        numbers = []
        for message_id in message_ids:
            before = ahead.get(message_id) or self.times_accepted(message_id) or 0
            ahead[message_id] = before + 1
            numbers.append(before + 1)
        return numbers

    def accept(self, entries: Sequence[Entry]) -> None:
        """Write acceptances, all or, raising OSError, none."""
        if self._accepted >= ACCEPTED_MAX:
            self._turn()
        self._append(b"".join(_line("accepted", entry) for entry in entries))
        for entry in entries:
            self._remember(entry)

    def take(self, entries: Sequence[Entry]) -> None:
        """Write that one receipt of each was taken; after an OSError, these may be owed again at the next start."""
        for entry in entries:
            self._settle(entry.message_id, entry.number)
        self._append(b"".join(_dump(("taken", entry.message_id, entry.number)) for entry in entries))

    def close(self) -> None:
        os.close(self._file)

    # -- reading

    def _read_back(self) -> int:
        """Replay the file; returns how much of it is whole lines."""
        size = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                size += len(line)
                self._replay(_fields(line))
        return size

    def _replay(self, fields: object) -> None:
        match fields:
            case ["accepted", *values] if entry := _entry(values):
                self._remember(entry)
            case ["owed", *values] if entry := _entry(values):
                self._owed[entry.message_id, entry.number] = entry
            case ["taken", str() as message_id, int() as number]:
                self._settle(message_id, number)
            case ["earlier", str() as gone_up_to, str() as previous_up_to]:
                self._gone_up_to, self._previous_up_to = gone_up_to, previous_up_to
                self._recent.forgotten_up_to = previous_up_to
            case _:
                self.unreadable += 1

    def _remember(self, entry: Entry) -> None:
        self._accepted += 1
        self._up_to = max(self._up_to, entry.message_id)
        self._recent.put(entry.message_id, entry.number)
        if entry.receipts:
            self._owed[entry.message_id, entry.number] = entry

    def _settle(self, message_id: str, number: int) -> None:
        entry = self._owed.pop((message_id, number), None)
        if entry is not None and entry.receipts > 1:
            self._owed[message_id, number] = replace(entry, receipts=entry.receipts - 1)

    def _count_in_files(self, message_id: str) -> int:
        start = orjson.dumps(("accepted", message_id))[:-1] + b","
        found = 0
        for part in (_previous(self._path), self._path):
            with suppress(FileNotFoundError), part.open("rb") as lines:
                found += sum(line.startswith(start) for line in lines)
        return found

    # -- writing

    def _append(self, lines: bytes) -> None:
        """Add whole lines; where the disk takes only a part, cut that off again."""
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)

    def _turn(self) -> None:
        """Begin a new file. The two renames may be torn apart by a crash: see `_finish_turning`."""
        gone_up_to, previous_up_to = self._previous_up_to, max(self._previous_up_to, self._up_to)
        begun = _dump(("earlier", gone_up_to, previous_up_to))
        begun += b"".join(_line("owed", entry) for entry in self._owed.values())
        _next(self._path).write_bytes(begun)
        self._path.replace(_previous(self._path))
        _finish_turning(self._path)
        os.close(self._file)
        self._file = _open(self._path)
        self._size = len(begun)
        self._gone_up_to, self._previous_up_to, self._up_to = gone_up_to, previous_up_to, ""
        self._accepted = 0


class _Recent:
    """How often recent messages were accepted, in two generations: when the younger is full, the older goes."""

    def __init__(self) -> None:
        self._younger: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self.forgotten_up_to = ""
        """No id above this one was forgotten."""

    def get(self, message_id: str) -> int | None:
        """0 for never, None where that can't be told from here."""
        known = self._younger.get(message_id) or self._older.get(message_id)
        if known is not None:
            return known
        return None if message_id <= self.forgotten_up_to else 0

    def put(self, message_id: str, times: int) -> None:
        self._younger[message_id] = times
        if len(self._younger) >= RECENT_MAX:
            self.forgotten_up_to = max(self.forgotten_up_to, max(self._older, default=""))
            self._older, self._younger = self._younger, {}


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _next(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _finish_turning(path: Path) -> None:
    """Put the new file in its place, once the old one has left it; a new one beside it may be half written."""
    if not path.exists() and _next(path).exists():
        _next(path).replace(path)


def _fields(line: bytes) -> object:
    """A whole line's JSON; None for what is none."""
    try:
        return orjson.loads(line) if line.endswith(b"\n") else None
    except orjson.JSONDecodeError:
        return None


def _entry(values: list[Any]) -> Entry | None:
    match values:
        case [str(), int(), str(), str(), int(), int(), int(), int(), int() | None]:
            return Entry(*values)
        case _:
            return None


def _line(kind: str, entry: Entry) -> bytes:
    return _dump(
        (
            kind,
            entry.message_id,
            entry.number,
            entry.to_number,
            entry.from_number,
            entry.segments,
            entry.at,
            entry.receipts,
            entry.due,
            entry.error_code,
        )
    )


def _dump(fields: tuple[object, ...]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
