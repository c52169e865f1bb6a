"""`tallystick restore`: a backup or an archive into a new data folder, as of a moment."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tallystick.admin.audit import shown
from tallystick.admin.backup import make_folder
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.audit.run import Audit, audit
from tallystick.platform import registry_of_products
from tallystick.store.archive import ABOUT, HEADER_BYTES, Mark, commits_in, marks_of, segments_of
from tallystick.store.engine import DATABASE_NAME, StoreError, connect
from tallystick.store.schema import migrations, schema_version

__all__ = ["Restored", "restore", "restore_as_of"]

_NEWEST = (
    "SELECT COALESCE(MAX(last_timestamp), 0) / 1000000 FROM ledger_journal",
    "SELECT COALESCE(MAX(answered_ms), 0) FROM answered_request",
    "SELECT COALESCE(MAX(created_ms), 0) FROM outbox WHERE seq = (SELECT MAX(seq) FROM outbox)",
    "SELECT COALESCE(MAX(at_ms), 0) FROM audit WHERE seq = (SELECT MAX(seq) FROM audit)",
)
"""What a batch says of its time; the last of these is when it was committed."""


class Restored(NamedTuple):
    """What was restored.

    Args:
        base: the copy that it began with.
        commits: how many commits of the log were put on top.
        newest_ms: the time of the newest thing in it, milliseconds since 1970.
    """

    folder: Path
    base: Path
    commits: int
    newest_ms: int


def _taken_ms(folder: Path) -> int:
    try:
        about = json.loads((folder / ABOUT).read_text("utf-8"))
        if "taken_ms" in about:
            return int(about["taken_ms"])
        return int(datetime.fromisoformat(about["taken_at"]).timestamp() * 1000)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder} is no backup: its {ABOUT} cannot be read.") from error


def _base_of(source: Path, as_of_ms: int | None) -> Path:
    """The last copy that was taken at or before a moment."""
    if (source / DATABASE_NAME).exists():
        bases = [source]
    else:
        bases = sorted(path.parent for path in source.glob(f"*/{DATABASE_NAME}"))
    if not bases:
        raise StoreError(f"There is no backup in {source}.")
    taken = sorted((_taken_ms(base), base) for base in bases)
    before = [base for at_ms, base in taken if as_of_ms is None or at_ms <= as_of_ms]
    if not before:
        first = datetime.fromtimestamp(taken[0][0] / 1000, UTC).isoformat()
        raise StoreError(f"The first backup in {source} was taken later, at {first}.")
    return before[-1]


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _lay(segment: Path, end: int, database: Path) -> None:
    """Put the begin of a segment beside the database, as its log."""
    with segment.open("rb") as source, _log_of(database).open("wb") as target:
        left = end
        while left and (part := source.read(min(left, 4 << 20))):
            target.write(part)
            left -= len(part)
        if left:
            raise StoreError(f"The segment {segment} is shorter than its marks say.")


def _take_in(segment: Path, end: int, database: Path) -> None:
    """Put a segment's commits into the database."""
    _lay(segment, end, database)
    with segment.open("rb") as file:
        page = int.from_bytes(file.read(HEADER_BYTES)[8:12], "big")
    connection = connect(database)
    try:
        _, frames, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if frames * (page + 24) != end - HEADER_BYTES:
            raise StoreError(f"The segment {segment} is damaged after {frames} pages.")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _newest_ms(connection: sqlite3.Connection) -> int:
    return max(int(connection.execute(sql).fetchone()[0]) for sql in _NEWEST)


def _time_at(segment: Path, end: int, database: Path) -> int:
    """The time of the newest thing in the database with a segment's begin; it stays as it is."""
    _lay(segment, end, database)
    connection = connect(database, readonly=True)
    try:
        return _newest_ms(connection)
    finally:
        connection.close()
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)


def _end_at(segment: Path, marks: Sequence[Mark], as_of_ms: int, database: Path) -> int:
    """Where a segment ends as of a moment: marks tell nearly, the commits between them exactly."""
    before = [mark.end for mark in marks if mark.at_ms <= as_of_ms]
    after = [mark.end for mark in marks if mark.at_ms > as_of_ms]
    end = before[-1] if before else 0
    if not after:
        return end
    commits = commits_in(segment, end, after[0])
    low, high = 0, len(commits)
    while low < high:
        middle = (low + high) // 2
        if _time_at(segment, commits[middle], database) <= as_of_ms:
            low = middle + 1
        else:
            high = middle
    return commits[low - 1] if low else end


def restore_as_of(source: Path, folder: Path, as_of_ms: int | None = None) -> Restored:
    """Restore a backup, or an archive as of a moment, into a new folder.

    Args:
        source: a folder with a copy, or an archive with several.
        as_of_ms: milliseconds since 1970; everything that there is without it.

    Raises:
        StoreError: there is no copy from before that moment, it is damaged, or the folder is
            not empty.
    """
    base = _base_of(source, as_of_ms)
    make_folder(folder)
    database = folder / DATABASE_NAME
    commits = 0
    try:
        shutil.copyfile(base / DATABASE_NAME, database)
        database.chmod(0o600)
        for segment in segments_of(base):
            marks = marks_of(segment)
            if not marks:
                continue
            end = marks[-1].end
            if as_of_ms is not None and marks[-1].at_ms > as_of_ms:
                end = _end_at(segment, marks, as_of_ms, database)
            if end:
                commits += len(commits_in(segment, 0, end))
                _take_in(segment, end, database)
            if end < marks[-1].end:
                break
        connection = connect(database, readonly=True)
        try:
            return Restored(folder, base, commits, _newest_ms(connection))
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{base} cannot be restored: {error}.") from error


_OF_POSTGRES = (
    "The books are in PostgreSQL: restore a base backup of pg_basebackup and the archived log with "
    "its own tools, as docs/operating.md shows, with recovery_target_time"
)


def _timestamp(text: str) -> str:
    """A moment as PostgreSQL is told it."""
    at = datetime.fromtimestamp(_moment(text) / 1000, UTC)
    return at.isoformat(" ", timespec="milliseconds")


def _moment(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no moment; write 2026-11-25T09:30:00+08:00.") from error
    if at.tzinfo is None:
        raise UsageError(f"{text!r} has no offset from UTC; write 2026-11-25T09:30:00+08:00.")
    return int(at.timestamp() * 1000)


def _audited(folder: Path) -> Audit | None:
    """What the audit says of it; None for a schema of another version."""
    connection = connect(folder / DATABASE_NAME, readonly=True)
    try:
        if schema_version(connection) != len(migrations()):
            return None
        return audit(connection, registry_of_products())
    finally:
        connection.close()


def restore(source: Path, *, to: Path, place: Place = HERE, as_of: str = "") -> int:
    """Restore a backup, or an archive as of a moment, and audit what was restored.

    The exit code is 1 when the audit found something. The master key is not in a backup: put it
    where the new data folder's belongs.

    Args:
        source: a backup's folder, or the archive.
        to: the new data folder, empty or not there yet.
        as_of: a moment with its offset from UTC; the newest state without it.
    """
    if place.settings.database:
        raise StoreError(_OF_POSTGRES + (f" = '{_timestamp(as_of)}'." if as_of else "."))
    done = restore_as_of(source, to, _moment(as_of) if as_of else None)
    found = _audited(to)
    newest = datetime.fromtimestamp(done.newest_ms / 1000, UTC).isoformat()
    text = (
        f"Restored {done.base} and {done.commits} commits since to {to}; the newest thing in it is "
        f"of {newest}."
    )
    audited = shown(found) if found else "Its schema is of another version; start it, then audit."
    clean = found is None or found.clean
    place.say(
        {"folder": str(to), "base": str(done.base), "commits": done.commits,
         "newest_ms": done.newest_ms, "clean": clean if found else None,
         "counts": found.counts if found else {}},
        f"{text}\n{audited}",
    )  # fmt: skip
    return 0 if clean else 1
