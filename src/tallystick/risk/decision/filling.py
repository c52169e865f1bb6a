"""Filling the windows of new features from the records, beside the commands when there are many.

A short history is read at once, in the path of the command that first needs it. A long one is
read by a thread of its own, and what was decided meanwhile is added before the windows are used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple

import structlog

from tallystick.risk.decision.features import Feature
from tallystick.risk.decision.past import past_after, stored_past
from tallystick.risk.decision.windows import Windows
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["Filling"]

log = structlog.get_logger("tallystick.risk")

_AT_ONCE_MAX: Final = 5_000
"""So many records are read in the path of a command: some hundredths of a second."""


class _Filled(NamedTuple):
    """Windows of features, with every record up to a number."""

    features: tuple[Feature, ...]
    windows: Windows
    seq: int


def _newest(connection: Connection) -> int:
    return int(connection.execute("SELECT MAX(seq) FROM risk_decision").fetchone()[0] or 0)


class Filling:
    """Fills windows; asked by one thread.

    Args:
        open_rows: a session for the thread that reads a long history; None to read it at once.
    """

    def __init__(self, open_rows: Callable[[], ReadSession] | None, events_max: int) -> None:
        self._open_rows = open_rows
        self._events_max = events_max
        self._thread: threading.Thread | None = None
        self._filled: _Filled | None = None

    @property
    def busy(self) -> bool:
        """Whether windows are being filled."""
        return self._thread is not None and self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Let what is being filled go on for so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def filled(
        self, features: tuple[Feature, ...], connection: Connection, *, at_once: bool
    ) -> Windows | None:
        """Windows with every committed record; None while they are still being filled."""
        found = self._filled
        if found is not None and found.features == features:
            self._filled = None
            for _, past in past_after(connection, found.seq):
                found.windows.add(past)
            return found.windows
        if at_once or self._open_rows is None or not features or self._is_short(connection):
            return self._read(features, connection).windows
        if not self.busy:
            self._thread = threading.Thread(
                target=self._fill, args=(features,), name="risk-windows", daemon=True
            )
            self._thread.start()
        return None

    @staticmethod
    def _is_short(connection: Connection) -> bool:
        first, last = connection.execute("SELECT MIN(seq), MAX(seq) FROM risk_decision").fetchone()
        return int(last or 0) - int(first or 0) < _AT_ONCE_MAX

    def _read(self, features: tuple[Feature, ...], connection: Connection) -> _Filled:
        windows = Windows(features, events_max=self._events_max)
        seq = _newest(connection)
        for past in stored_past(connection, windows.longest_ms, self._events_max, seq):
            windows.add(past)
        return _Filled(features, windows, seq)

    def _fill(self, features: tuple[Feature, ...]) -> None:
        assert self._open_rows is not None
        session = self._open_rows()
        try:
            self._filled = self._read(features, session.connection)
        except Exception:
            log.exception("risk_windows_not_filled")
        finally:
            session.connection.close()
