"""Structured logs: one line an event, with the request's id, without secrets or personal data.

The server's own lines and those of the libraries take the same way. Tracebacks show code and
never the values of variables.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Final, Literal, TextIO, cast

import structlog

__all__ = ["begin_request", "configure_logs", "current_request_id"]

LogFormat = Literal["console", "json"]

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_ID_HEADER: Final = b"x-request-id"
_REQUEST: Final = ContextVar("request_id", default="")

_WITHHELD: Final = frozenset(
    {
        "login", "name", "password", "payment_password", "payment_code", "auth_code", "secret",
        "token", "authorization", "cookie", "private_key", "aes_key", "rest_key", "body",
        "biz_content", "sign",
    }
)  # fmt: skip
"""Fields that no line carries, whoever wrote it."""


def current_request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _REQUEST.get()


def _with_request_id(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put the present request's id on a line that does not carry one."""
    if request_id := _REQUEST.get():
        event.setdefault("request_id", request_id)
    return event


def begin_request(headers: list[tuple[bytes, bytes]]) -> str:
    """Give the request its id and put it on every log line of this task.

    The id that a proxy or caller sent is kept when it is 8 to 64 letters, digits, dots, dashes
    and underscores; else there is a fresh one.
    """
    request_id = ""
    for name, value in headers:
        if name == _ID_HEADER and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
            break
    request_id = request_id or secrets.token_hex(8)
    _REQUEST.set(request_id)
    return request_id


def _withhold(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The last guard: a field that may be secret or personal is not written."""
    for key in _WITHHELD & line.keys():
        line[key] = "(withheld)"
    return line


_CANNOT_BE_WRITTEN = (OSError, ValueError)
"""What a stream raises whose disk is full, and one that somebody has closed."""


class _LossyStream:
    """A stream that may fail: a line that cannot be written is lost, and no more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write what can be written."""
        with suppress(*_CANNOT_BE_WRITTEN):
            self._stream.write(text)

    def flush(self) -> None:
        """Pass on what can be passed on."""
        with suppress(*_CANNOT_BE_WRITTEN):
            self._stream.flush()


def _before() -> list[Any]:
    return [
        _with_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _withhold,
    ]


def _rendering(log_format: LogFormat, stream: TextIO) -> list[Any]:
    if log_format == "json":
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            timestamp_key="at",
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]


def configure_logs(
    level: str, log_format: LogFormat, stream: TextIO | None = None, *, for_good: bool = False
) -> None:
    """Write log lines of at least this level to a stream (by default standard error).

    Args:
        for_good: it will not be configured again, so that a line below the level costs less.

    Libraries that use Python's own logging are heard from warnings upwards: some of them tell
    addresses with what is in them at lower levels.
    """
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    rendering = _rendering(log_format, stream)
    structlog.configure(
        processors=[*_before(), *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _LossyStream(stream))),
        cache_logger_on_first_use=for_good,
    )
    handler = logging.StreamHandler(stream)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_before(), processors=[remove, *rendering]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
