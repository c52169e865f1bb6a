"""Sessions of their own for long reads in worker threads, and the wait until they are over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.store.connection import Database
from tallystick.store.engine import StoreError
from tallystick.store.rows import ReadSession

__all__ = ["Readers"]


class Readers:
    """Opens sessions, and knows how many are open.

    The connection that writes must be the last to close: only then does the embedded database
    empty its log into its file, and a copy of that file alone has everything.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._open = 0
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[ReadSession]:
        """A session, closed at the end.

        Raises:
            StoreError: there are to be no new ones any more.
        """
        with self._changed:
            if self._closed:
                raise StoreError("The platform has stopped.")
            self._open += 1
        try:
            connection = self._database.connect(readonly=True)
            try:
                yield ReadSession(connection)
            finally:
                connection.close()
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def close(self, within_s: float) -> bool:
        """Open no more, and wait until none is open; whether that came in time."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: not self._open, within_s)
