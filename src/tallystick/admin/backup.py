"""Backups: a copy of the database at one moment, taken while the server runs."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from tallystick.settings import Settings
from tallystick.store.archive import ABOUT, synced
from tallystick.store.engine import DATABASE_NAME, StoreError, connect
from tallystick.store.schema import schema_version

__all__ = ["Backup", "back_up", "make_folder"]


class Backup(NamedTuple):
    """What was copied, and where to."""

    folder: Path
    size_bytes: int
    schema: int


def make_folder(folder: Path) -> None:
    """Make a folder that may be there, but has nothing in it.

    Raises:
        StoreError: there is something in it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise StoreError(f"The folder {folder} is not empty; name a new one.")
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written: {error.strerror or error}."
        ) from error


def back_up(settings: Settings, folder: Path) -> Backup:
    """Copy the database into a new folder and check the copy.

    The copy is of one moment: a batch is in it whole or not at all. The master key is not
    copied; without it the copy's sealed values cannot be read.

    Raises:
        StoreError: there is no such database, the folder cannot be written, or the copy is damaged.
    """
    if settings.database:
        raise StoreError(
            "The books are in PostgreSQL; back them up with pg_dump, or with the server's own "
            "continuous archiving to restore to a moment."
        )
    source_path = settings.data / DATABASE_NAME
    if not source_path.exists():
        raise StoreError(f"The data folder {settings.data} has no database.")
    make_folder(folder)
    copy_path = folder / DATABASE_NAME
    source = connect(source_path, readonly=True)
    copy = connect(copy_path)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA quick_check").fetchone()[0]
        if found != "ok":
            raise StoreError(f"The copy is damaged: {found}.")
        version = schema_version(copy)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"The database cannot be copied to {folder}: {error}.") from error
    finally:
        copy.close()
        source.close()
    copy_path.chmod(0o600)
    taken_ms = time.time_ns() // 1_000_000
    about = {"taken_ms": taken_ms, "schema": version}
    (folder / ABOUT).write_text(json.dumps(about) + "\n")
    for path in (copy_path, folder / ABOUT, folder):
        synced(path)
    return Backup(folder, copy_path.stat().st_size, version)
