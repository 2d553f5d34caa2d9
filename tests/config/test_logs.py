"""Log lines: what is in them can't be mistaken for anything else."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from heliograph import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    yield
    structlog.configure(**before)
    logging.getLogger().handlers = handlers


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


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("name", ["uvicorn.error", "asyncio"])
def test_a_librarys_lines_have_our_form(log_format: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format, "info")
    try:
        raise ValueError("broken")
    except ValueError as error:
        logging.getLogger(name).error("Exception in ASGI application\n", exc_info=error)
    logging.getLogger(name).info("nobody asked")
    told = capsys.readouterr().err.splitlines()
    assert "library.logged" in told[0] and name in told[0] and "ASGI" in told[0]
    assert "broken" in "\n".join(told) and "nobody asked" not in "\n".join(told)
    assert (len(told) == 1) == (log_format == "json")
    if log_format == "json":
        assert json.loads(told[0])["level"] == "error"


def test_lines_of_one_event_are_limited_and_counted() -> None:
    now = 0.0
    repeats = logs.Repeats(lambda: now, 3)

    def shown(event: str) -> structlog.typing.EventDict | None:
        try:
            return dict(repeats(None, "", {"event": event}))
        except structlog.DropEvent:
            return None

    assert [shown("a") for _ in range(5)] == [
        {"event": "a"},
        {"event": "a"},
        {"event": "a", "more_left_out_seconds": logs.REPEATS_SECONDS},
        None,
        None,
    ]
    assert shown("b") == {"event": "b"}, "other events have a limit of their own"
    now = logs.REPEATS_SECONDS
    assert [shown("a"), shown("a")] == [{"event": "a", "left_out": 2}, {"event": "a"}]
    for each in range(10 * logs.EVENTS_MAX):
        shown(str(each))
    assert len(repeats._lines) <= logs.EVENTS_MAX
