"""Structured log lines to standard error: for people by default, JSON by setting. Never a body, a token or a number.

`capture` brings in whatever else would write to standard error: the loggers of libraries, asyncio's errors, Python's
warnings, and the tracebacks of threads and of a crash.
"""

import asyncio
import logging
import sys
import threading
import warnings
from contextlib import suppress
from typing import Any

import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(log_format: str, level: str) -> None:
    """Set up structlog for the whole process. Tracebacks are plain: frame variables could hold secrets."""
    last: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if log_format == "json" else _printable,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_PatientLogger,
        cache_logger_on_first_use=True,
    )


def capture(loop: asyncio.AbstractEventLoop) -> None:
    """From now on lines of others have this format, too: for the whole process, and for what `loop` can't hand to
    anybody."""
    root = logging.getLogger()
    if not any(isinstance(handler, _Forward) for handler in root.handlers):
        root.addHandler(_Forward(logging.WARNING))
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
            _log().log(record.levelno, "library.said", logger=record.name, message=record.getMessage(), **told)


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
