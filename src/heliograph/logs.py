"""Structured log lines to standard error: for people by default, JSON by setting. Never a body, a token or a number."""

import logging
import sys
from contextlib import suppress

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
