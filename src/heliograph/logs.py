"""Structured log lines to standard error: for people by default, JSON by setting. Never a body, a token or a number.

Libraries that log through `logging` (uvicorn, asyncio) get lines of the same form, `library.logged`, from warnings on.
Lines of one event are limited (`Repeats`): strangers cause some of them, as often as they like.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

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
    _forward_libraries()


def _forward_libraries() -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _Forwarding)]:
        root.removeHandler(handler)
    root.addHandler(_Forwarding())


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


class _Forwarding(logging.Handler):
    """A library's lines as ours. Tracebacks are formatted here, without the frames' variables."""

    def emit(self, record: logging.LogRecord) -> None:
        fields = {"logger": record.name, "message": record.getMessage().strip()}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
        level = min(max(record.levelno, logging.DEBUG), logging.ERROR)
        structlog.get_logger(record.name).log(level // 10 * 10, "library.logged", **fields)


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
