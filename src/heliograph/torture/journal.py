"""The file that keeps count: one JSON line for each thing that happened, so that a test can prove "none lost, none
twice" whoever was killed.

Each line has `event` and `at` (microseconds since 1970 UTC):

    accepted      id, link, sequence, command, source, destination, reference (user_message_reference), part
                  ([reference, total, part] or null), text, data (hex), data_coding, receipt (asked for), faults
    refused       link, sequence, source, destination, status, text, faults
    receipt       id, shown (the id that it names), state, link, sequence, times (how often it was sent so far)
    receipt_ack   id, shown, state, link, sequence, status
    inbound       key, part, source, destination, link, sequence, times
    inbound_ack   key, part, link, sequence, status

`link` is the number of the connection. A line is in the system's hands (os.write) before the other side can know of
what it says: it survives the death of this process, kill -9 too, but not a power cut, since nothing is synced. The
lines of one turn of the event loop share a write.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

_BLOCK: Final = 65536


class Journal:
    """The open file. Every call but `note` may block on the disk, and raise OSError."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lines: list[bytes] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, _whole_lines(path))

    def note(self, event: str, at: int, fields: Mapping[str, object]) -> None:
        """Have a line written with the next `flush`."""
        self._lines.append(orjson.dumps({"event": event, "at": at, **fields}, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Write what was noted."""
        if self._lines:
            rest = memoryview(b"".join(self._lines))
            self._lines.clear()
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def close(self) -> None:
        self.flush()
        os.close(self._file)


def _whole_lines(path: Path) -> int:
    """How many octets of the file are whole lines: what a kill left half written is to be cut off."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        while size:
            start = max(0, size - _BLOCK)
            file.seek(start)
            end = file.read(size - start).rfind(b"\n")
            if end >= 0:
                return start + end + 1
            size = start
    return 0


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines, oldest first; a last one that was cut short is left out. None without a file."""
    try:
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield orjson.loads(line)
    except FileNotFoundError:
        return


@dataclass(slots=True)
class Tally:
    """What a journal says. `accepted` and `by_text`: ids as they were given, in order."""

    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_text: dict[str, list[str]] = field(default_factory=dict)
    refused: int = 0
    receipts_sent: dict[str, int] = field(default_factory=dict)
    receipts_acknowledged: dict[str, int] = field(default_factory=dict)
    inbound_sent: dict[tuple[str, int], int] = field(default_factory=dict)
    inbound_acknowledged: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def twice(self) -> dict[str, list[str]]:
        """Texts that were accepted more than once, with their ids."""
        return {text: ids for text, ids in self.by_text.items() if len(ids) > 1}

    @property
    def receipts_open(self) -> set[str]:
        """Messages whose receipt was sent and never acknowledged."""
        return set(self.receipts_sent) - set(self.receipts_acknowledged)


def tally(path: Path) -> Tally:
    """Count what a journal says."""
    found = Tally()
    for line in read(path):
        match line["event"]:
            case "accepted":
                found.accepted[line["id"]] = line
                found.by_text.setdefault(line["text"], []).append(line["id"])
            case "refused":
                found.refused += 1
            case "receipt":
                found.receipts_sent[line["id"]] = found.receipts_sent.get(line["id"], 0) + 1
            case "receipt_ack" if line["status"] == 0:
                found.receipts_acknowledged[line["id"]] = found.receipts_acknowledged.get(line["id"], 0) + 1
            case "inbound":
                key = line["key"], line["part"]
                found.inbound_sent[key] = found.inbound_sent.get(key, 0) + 1
            case "inbound_ack" if line["status"] == 0:
                key = line["key"], line["part"]
                found.inbound_acknowledged[key] = found.inbound_acknowledged.get(key, 0) + 1
    return found
