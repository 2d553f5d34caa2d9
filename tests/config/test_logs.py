"""Log lines: what is in them can't be mistaken for anything else."""

from collections.abc import Iterator

import pytest
import structlog

from heliograph import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_what_a_stranger_sent_does_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", "info")
    structlog.get_logger().warning("smpp.bind_refused", system_id="\x1b[2J\x9bgone", number=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "gone" in line and "number=1" in line


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_has_its_lines_and_no_variables(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format, "info")
    secret = "hunter2"[::-1]
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("it.broke")
    told = capsys.readouterr().err
    assert "broken" in told and "test_logs.py" in told and secret not in told
    assert (len(told.splitlines()) == 1) == (log_format == "json")
