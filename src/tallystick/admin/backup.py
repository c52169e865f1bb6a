"""Backups: a copy of the database at one moment, taken while the server runs."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.settings import Settings
from tallystick.store.engine import DATABASE_NAME, StoreError, connect, schema_version

__all__ = ["Backup", "back_up"]

_ABOUT: Final = "backup.json"


class Backup(NamedTuple):
    """What was copied, and where to."""

    folder: Path
    size_bytes: int
    schema: int


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(folder.iterdir()):
            raise StoreError(f"The folder {folder} is not empty; name a new one.")
    except OSError as error:
        raise StoreError(
            f"The folder {folder} cannot be written: {error.strerror or error}."
        ) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    _make_folder(folder)
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
    about = {"taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "schema": version}
    (folder / _ABOUT).write_text(json.dumps(about) + "\n")
    for path in (copy_path, folder / _ABOUT, folder):
        _sync(path)
    return Backup(folder, copy_path.stat().st_size, version)
