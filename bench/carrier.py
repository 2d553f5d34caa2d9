"""The carrier that is measured against: `heliograph smsc`, a process of its own, well-behaved."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.processes import HELIOGRAPH

DELIVER_WINDOW = 500
"""Receipts that the carrier has waiting for their answer at once: each is answered when it is on disk."""


@contextlib.contextmanager
def carrier(*, answer_ms: float = 0.0, receipt_ms: float = 0.0) -> Iterator[int]:
    """Its port; it takes any bind and any submit."""
    delays = (f"--answer-ms={answer_ms}", f"--receipt-ms={receipt_ms}")
    process = subprocess.Popen(
        [*HELIOGRAPH, "smsc", "--json", "--port=0", f"--deliver-window={DELIVER_WINDOW}", *delays],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.kill()
        process.wait()


def config_file(folder: Path, port: int, window: int) -> Path:
    """A deployment whose only carrier this is."""
    text = f"""simulator = false

[[carriers]]
name = "bench"
hosts = ["127.0.0.1:{port}"]
system_id = "bench"
password = "bench"
window = {window}
"""
    file = folder / f"carrier-{port}.toml"
    file.write_text(text, "utf-8")
    return file
