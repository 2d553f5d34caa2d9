"""Log lines: what is in them can't be mistaken for anything else."""

import asyncio
import json
import logging
import sys
import threading
import warnings
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


@pytest.fixture
def hooks_as_before() -> Iterator[None]:
    before = (warnings.showwarning, sys.excepthook, threading.excepthook, sys.unraisablehook)
    handlers = list(logging.getLogger().handlers)
    yield
    warnings.showwarning, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    logging.getLogger().handlers[:] = handlers


@pytest.mark.usefixtures("hooks_as_before")
@pytest.mark.filterwarnings("default")
async def test_whatever_writes_to_standard_error_has_the_logs_format(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    loop = asyncio.get_running_loop()
    logs.capture(loop)
    logs.capture(loop)
    logging.getLogger("asyncio").warning("socket.send() raised %s", "exception")
    warnings.showwarning(UserWarning("old"), UserWarning, "file.py", 3)
    loop.call_exception_handler({"message": "lost", "exception": ValueError("in a callback")})
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError("at the top"), None)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == [
        "library.logged",
        "python.warned",
        "loop.unhandled",
        "thread.crashed",
        "process.crashed",
    ]
    assert lines[0]["message"] == "socket.send() raised exception"
    assert "in a callback" in lines[2]["exception"] and "division by zero" in lines[3]["exception"]


def test_a_logger_with_a_handler_of_its_own_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logger = logging.getLogger("with.its.own")
    logger.addHandler(logging.NullHandler())
    logs._Forward().handle(logger.makeRecord(logger.name, logging.ERROR, "f", 1, "text", (), None))
    assert capsys.readouterr().err == ""
