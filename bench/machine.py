"""What the figures were measured on, down to how long the disk takes to keep something."""

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import apsw

from heliograph import __version__

CORES = 2
"""The bars are for two cores; on a larger machine everything is kept to two."""

_SYNCS = 200
_BLOCK = b"\0" * 4096


def keep_to_cores() -> list[int]:
    """Keep this process, and all that it starts, to the first `CORES` of the cores that it may use."""
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    os.sched_setaffinity(0, cores)
    return cores


def description(folder: Path, cores: list[int]) -> dict[str, object]:
    """The machine by name and by what matters here. `folder` is where the stores are made."""
    typical, slow = sync_milliseconds(folder)
    return {
        "heliograph": __version__,
        "processor": _first_value(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores used": f"{len(cores)} of {os.cpu_count()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, uvloop {version('uvloop')}",
        "sqlite": f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()}), WAL, synchronous=full",
        "stores in": f"{folder} ({file_system(folder)})",
        "4 KiB write + fdatasync": f"{typical:.2f} ms median, {slow:.2f} ms at the 99th percentile",
        "busy before the start": f"{_busy_share():.0%} of all cores; load average {os.getloadavg()[0]:.2f}",
    }


def sync_milliseconds(folder: Path) -> tuple[float, float]:
    """How long appending a block and forcing it to disk takes: median and 99th percentile."""
    path = folder / "sync-probe"
    times: list[float] = []
    with path.open("wb", buffering=0) as probe:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            probe.write(_BLOCK)
            os.fdatasync(probe.fileno())
            times.append((time.perf_counter() - started) * 1000)
    path.unlink()
    return statistics.median(times), sorted(times)[int(_SYNCS * 0.99)]


def file_system(folder: Path) -> str:
    """The type of the file system that holds `folder`: a tmpfs would make every sync free."""
    here, found, longest = str(folder.resolve()), "unknown", -1
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = here == mount or here.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) > longest:
            found, longest = kind, len(mount)
    return found


def _first_value(path: Path, name: str) -> str | None:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _busy_share(seconds: float = 1.0) -> float:
    """The share of the cores' time that others use: the bench itself sleeps."""
    busy, total = _processor_ticks()
    time.sleep(seconds)
    later_busy, later_total = _processor_ticks()
    return (later_busy - busy) / max(1, later_total - total)


def _processor_ticks() -> tuple[int, int]:
    """(busy, all) since boot; idle and waiting for the disk are not busy."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return sum(ticks) - idle, sum(ticks)
