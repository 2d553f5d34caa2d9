"""SMPP under atheris, which steers by coverage: octets are a PDU, or a protocol error, and nothing else happens.

HELIOGRAPH_FUZZ_SECONDS says for how long; `make soak` lets it run for minutes.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TARGET = Path(__file__).parent / "smpp_target.py"
SECONDS = int(os.environ.get("HELIOGRAPH_FUZZ_SECONDS", "5"))
LEAST_RUNS = 1000
"""Far below what the slowest machine does in the time: fewer means that nothing was looked at."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has wheels for Linux on x86-64 only"
)


def fuzz(directory: Path, *options: str, seconds: int = SECONDS) -> subprocess.CompletedProcess[str]:
    corpus = directory / "corpus"
    corpus.mkdir()
    limits = [f"-max_total_time={seconds}", "-max_len=6000", "-rss_limit_mb=1024", "-timeout=10"]
    command = [sys.executable, str(TARGET), *options, str(corpus), *limits, "-seed=34", "-print_final_stats=1"]
    command.append(f"-artifact_prefix={directory}/")
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)


def test_octets_are_a_pdu_or_a_protocol_error(tmp_path: Path) -> None:
    run = fuzz(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    runs = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    assert runs is not None, run.stderr
    assert int(runs[1]) > LEAST_RUNS


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    run = fuzz(tmp_path, "--plant", seconds=60)
    assert run.returncode != 0
    assert "planted" in run.stdout + run.stderr
