"""Structured log lines to standard error: for people by default, JSON by setting. Never a body, a token or a number.

Lines of one event are limited (`Repeats`): strangers cause some of them, as often as they like.

Whatever else would write to standard error has the same form: the loggers of libraries from warnings on
(`library.logged`), asyncio's errors, Python's warnings, and the tracebacks of threads and of a crash (`capture`).
"""

import asyncio
import logging
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

REPEATS_MAX = 100
"""Lines of one event in REPEATS_SECONDS, where nothing else is set."""

REPEATS_SECONDS = 10.0

EVENTS_MAX = 1000
"""Events whose lines are counted at once: the program has some two hundred."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(log_format: str, level: str, repeats_max: int = REPEATS_MAX) -> None:
    """Set up structlog, and `logging`, for the whole process. `repeats_max`: see `Repeats`.

    Tracebacks are plain: frame variables could hold secrets."""
    last: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            Repeats(time.monotonic, repeats_max),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if log_format == "json" else _printable,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_PatientLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Forward) for handler in root.handlers):
        root.addHandler(_Forward(logging.WARNING))


class Repeats:
    """A processor that leaves out the lines of an event beyond `repeats_max` in REPEATS_SECONDS. The last line
    before that says so, and the first one afterwards how many were `left_out`."""

    def __init__(self, monotonic: Callable[[], float], repeats_max: int) -> None:
        self._monotonic = monotonic
        self._max = repeats_max
        self._lines: dict[object, _Lines] = {}

    def __call__(self, _logger: object, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        now = self._monotonic()
        key = line.get("event"), line.get("logger")
        lines = self._lines.get(key)
        if lines is None:
            if len(self._lines) >= EVENTS_MAX:
                self._lines.clear()
            lines = self._lines[key] = _Lines(now)
        if now - lines.since >= REPEATS_SECONDS:
            if lines.count > self._max:
                line["left_out"] = lines.count - self._max
            lines.since, lines.count = now, 0
        lines.count += 1
        if lines.count > self._max:
            raise structlog.DropEvent
        if lines.count == self._max:
            line["more_left_out_seconds"] = round(lines.since + REPEATS_SECONDS - now, 1)
        return line


class _Lines:
    """Of one event, since when and how many."""

    __slots__ = ("count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0


def capture(loop: asyncio.AbstractEventLoop) -> None:
    """Log the warnings and uncaught exceptions of this process, and those of `loop`, in the log's format."""
    loop.set_exception_handler(_unhandled)
    warnings.showwarning = _warned
    sys.excepthook = _crashed
    threading.excepthook = lambda args: _log().error("thread.crashed", exc_info=_info(args.exc_value))
    sys.unraisablehook = lambda args: _log().error("object.not_released", exc_info=_info(args.exc_value))


class _Forward(logging.Handler):
    """Hands the records of libraries to structlog; a logger with a handler of its own is left to that."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "root" and logging.getLogger(record.name).handlers:
            return
        with suppress(Exception):  # a record whose arguments don't fit its text must not end what logged it
            info = _info(record.exc_info[1]) if record.exc_info else None
            told = {"exc_info": info} if info else {}
            level = min(max(record.levelno, logging.DEBUG), logging.ERROR) // 10 * 10
            message = record.getMessage().strip()
            _log().log(level, "library.logged", logger=record.name, message=message, **told)


def _unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    told = {"exc_info": _info(error)} if error else {}
    _log().error("loop.unhandled", message=str(context.get("message", "")), **told)


def _warned(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any, **__: Any) -> None:
    _log().warning("python.warned", category=category.__name__, message=str(message), place=f"{filename}:{lineno}")


def _crashed(_kind: object, error: BaseException, _trace: object) -> None:
    _log().error("process.crashed", exc_info=_info(error))


def _info(error: BaseException | None) -> Any:
    return (type(error), error, error.__traceback__) if error is not None else None


def _log() -> Any:
    return structlog.get_logger("heliograph")


def _printable(_logger: object, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What strangers sent, a system_id for one, must not steer the terminal that the log is read on."""
    return {
        key: value.encode("unicode_escape").decode() if isinstance(value, str) and not value.isprintable() else value
        for key, value in line.items()
    }


class _PatientLogger(structlog.PrintLogger):
    """Standard error, or nothing while that can't be written: a full disk under the log ends no task."""

    def __init__(self, *_name: object) -> None:
        super().__init__(sys.stderr)

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg
