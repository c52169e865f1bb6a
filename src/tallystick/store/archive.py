"""The archive of the embedded database: a base copy, and every commit since, as SQLite logs it.

SQLite writes each commit into its write-ahead log before the database file. Here that log is
copied on, whole commits at a time, before it is let go; a base copy and the copied log give the
database, all tables of it, as of any commit. It works because one connection alone writes, and
that one alone lets the log go (https://sqlite.org/walformat.html).

The database and the log's index are opened once and held, and never opened and closed beside
SQLite: with any descriptor that a process closes, POSIX forgets all its locks on the file, and
SQLite's among them (https://sqlite.org/howtocorrupt.html, section 2.2). Another program would
then take the database for one that nobody uses, empty the index under this process, and remove
the log with commits in it. The log itself is never locked.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from tallystick.store.connection import StoreError

__all__ = [
    "ABOUT", "HEADER_BYTES", "Archive", "Mark", "commits_in", "end_of_log", "marks_of",
    "segments_of", "synced",
]  # fmt: skip

log = structlog.get_logger("tallystick.archive")

ABOUT: Final = "backup.json"
"""Says of a folder with a copy of the database when it was taken."""

HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_INDEX_HEADER_BYTES: Final = 48
_SALTS: Final = slice(16, 24)
_LOG_MAX_BYTES: Final = 32 * 1024 * 1024
_EVERY_S: Final = 1.0
_AT_ONCE: Final = 4 * 1024 * 1024


class Mark(NamedTuple):
    """How long a segment was at a moment, milliseconds since 1970; it ends with a whole commit."""

    at_ms: int
    end: int


def synced(path: Path) -> None:
    """Have a file or a folder be on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _page_bytes(header: bytes) -> int:
    return int.from_bytes(header[8:12], "big")


def end_of_log(database: Path, index: int) -> tuple[bytes, int]:
    """The salts of the log beside a database, and where its last whole commit ends.

    The log's index, which all processes share, counts a commit only when it is written and
    synced. 0 when there is no log, or when it is just being changed.

    Args:
        index: the descriptor of the log's index.
    """
    first = os.pread(index, _INDEX_HEADER_BYTES, 0)
    second = os.pread(index, _INDEX_HEADER_BYTES, _INDEX_HEADER_BYTES)
    try:
        with database.with_name(f"{database.name}-wal").open("rb") as file:
            header = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return b"", 0
    salts = header[_SALTS]
    if len(header) < HEADER_BYTES or first != second or first[32:40] != salts:
        return b"", 0
    frames = int.from_bytes(first[16:20], sys.byteorder)
    if not frames:
        return salts, 0
    return salts, HEADER_BYTES + frames * (_FRAME_HEADER_BYTES + _page_bytes(header))


def commits_in(segment: Path, start: int, end: int) -> list[int]:
    """Where the commits of a part of a segment end, in order."""
    with segment.open("rb") as file:
        step = _FRAME_HEADER_BYTES + _page_bytes(file.read(HEADER_BYTES))
        found = []
        for at in range(max(start, HEADER_BYTES), end, step):
            file.seek(at + 4)
            if int.from_bytes(file.read(4), "big"):
                found.append(at + step)
    return found


def segments_of(generation: Path) -> list[Path]:
    """The segments of the log in a folder, in order."""
    return sorted(generation.glob("*.wal"))


def marks_of(segment: Path) -> list[Mark]:
    """A segment's marks, in order; a line that was cut off is none.

    Raises:
        StoreError: they cannot be read.
    """
    found = []
    try:
        for line in segment.with_suffix(".marks").read_text("ascii").splitlines(keepends=True):
            if line.endswith("\n"):
                at_ms, end = line.split()
                found.append(Mark(int(at_ms), int(end)))
    except (OSError, ValueError) as error:
        raise StoreError(f"The marks of {segment} cannot be read: {error}.") from error
    return found


class Archive:
    """Copies one database's log, while its process owns the data folder.

    Args:
        folder: gets a folder for each start, with a base copy and the segments since.

    Attributes:
        failure: why the newest commits could not be copied; empty when they were.
        whole_ms: when everything that was committed was last in the archive, by the clock.
    """

    def __init__(self, database: Path, folder: Path, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._folder = folder
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._salts = b""
        self._copied = 0
        self._number = 0
        self.generation = folder
        self.failure = ""
        self.whole_ms = clock_ms()

    def begin(self, writer: sqlite3.Connection, schema: int) -> None:
        """Take a base copy, and let nobody but `let_go` empty the log; nothing else runs yet.

        Raises:
            StoreError: the folder cannot be written.
        """
        self._finish_before(writer)
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        taken_ms = self._clock_ms()
        name = (
            time.strftime("%Y%m%dT%H%M%S", time.gmtime(taken_ms / 1000)) + f".{taken_ms % 1000:03}"
        )
        self.generation = self._folder / name
        try:
            self.generation.mkdir(parents=True, mode=0o700)
            copy = self.generation / self._database.name
            with open(self._descriptor(""), "rb", closefd=False) as source, copy.open("wb") as file:
                shutil.copyfileobj(source, file, _AT_ONCE)
            copy.chmod(0o600)
            about = {"taken_ms": taken_ms, "schema": schema}
            (self.generation / ABOUT).write_text(json.dumps(about) + "\n")
            for path in (copy, self.generation / ABOUT, self.generation, self._folder):
                synced(path)
        except OSError as error:
            raise StoreError(
                f"The archive {self._folder} cannot be written: {error.strerror or error}."
            ) from error

    def _finish_before(self, writer: sqlite3.Connection) -> None:
        """Copy what a server that was killed had committed and not copied, while the log has it.

        The log's salts say whether it is still the one of the last segment.
        """
        begun = [folder for folder in sorted(self._folder.glob("*")) if segments_of(folder)]
        if not begun:
            return
        segment = segments_of(begun[-1])[-1]
        writer.execute("PRAGMA schema_version").fetchone()  # From here on the index is right.
        try:
            with segment.open("rb") as file:
                salts = file.read(HEADER_BYTES)[_SALTS]
            copied = marks_of(segment)[-1].end
            found, end = end_of_log(self._database, self._descriptor("-shm"))
            if found == salts and end > copied:
                self.generation, self._number, self._copied = begun[-1], int(segment.stem), copied
                self._append(end)
        except (OSError, StoreError, IndexError, ValueError) as error:
            log.warning("archive_not_finished", error=str(error))
        self._number = self._copied = 0

    def _descriptor(self, suffix: str) -> int:
        """The database (no suffix) or the log's index (`-shm`), opened once and held."""
        if suffix not in self._held:
            path = self._database.with_name(f"{self._database.name}{suffix}")
            self._held[suffix] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._held[suffix]

    def close(self) -> None:
        """Let go of the files, once this process has no connection to the database any more."""
        while self._held:
            os.close(self._held.popitem()[1])

    async def run(self) -> None:
        """Copy every second, until cancelled."""
        while True:
            await asyncio.to_thread(self.copy)
            await asyncio.sleep(_EVERY_S)

    def copy(self) -> None:
        """Copy the commits that are new; a failure is told and tried again the next time."""
        with self._lock:
            self._copy()

    def _copy(self) -> bool:
        """Whether everything that is committed is in the archive."""
        looked_ms = self._clock_ms()
        try:
            salts, end = end_of_log(self._database, self._descriptor("-shm"))
            if end and salts != self._salts:
                self._salts, self._copied, self._number = salts, 0, self._number + 1
            if end > self._copied:
                self._append(end)
            self.failure, self.whole_ms = "", looked_ms
        except OSError as error:
            if not self.failure:
                log.error("archive_cannot_be_written", error=error.strerror or str(error))
            self.failure = error.strerror or str(error)
        return not self.failure

    def _append(self, end: int) -> None:
        segment = self.generation / f"{self._number:06}.wal"
        at_ms = self._clock_ms()
        source = self._database.with_name(f"{self._database.name}-wal")
        with source.open("rb") as log_file, segment.open("r+b" if self._copied else "wb") as file:
            log_file.seek(self._copied)
            # What a failure left half written is written over.
            file.seek(self._copied)
            left = end - self._copied
            while left and (part := log_file.read(min(left, _AT_ONCE))):
                file.write(part)
                left -= len(part)
            if left:
                raise OSError("the log ends before its index says")
            file.flush()
            os.fsync(file.fileno())
        with segment.with_suffix(".marks").open("a") as marks:
            marks.write(f"{at_ms} {end}\n")
            marks.flush()
            os.fsync(marks.fileno())
        self._copied = end

    def let_go(self, writer: sqlite3.Connection) -> None:
        """Empty the log when it is long, after all of it was copied; between two batches."""
        try:
            if (
                self._database.with_name(f"{self._database.name}-wal").stat().st_size
                < _LOG_MAX_BYTES
            ):
                return
        except OSError:
            return
        with self._lock:
            if self._copy():
                try:
                    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                except sqlite3.Error as error:
                    log.warning("log_not_emptied", error=str(error))
