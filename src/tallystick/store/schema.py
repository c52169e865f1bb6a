"""The schema's history: the migrations of this version, and how far a database has come."""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable

from tallystick.store.connection import Connection, StoreError
from tallystick.store.dialect import is_postgres

__all__ = ["migrations", "schema_version"]


def migrations(folder: Traversable | None = None) -> list[tuple[int, str, str]]:
    """All migrations as (number, name, SQL), in their one linear order.

    Args:
        folder: where they lie; this package's own by default.

    Raises:
        StoreError: two have the same number, or one is missing.
    """
    found: list[tuple[int, str, str]] = []
    folder = folder or resources.files("tallystick.store") / "migrations"
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.sql", entry.name)
        if match:
            found.append((int(match[1]), match[2], entry.read_text("utf-8")))
    if [number for number, _, _ in found] != list(range(1, len(found) + 1)):
        raise StoreError("The migrations are not numbered 1, 2, 3, … without gap or clash.")
    return found


def schema_version(connection: Connection) -> int:
    """The number of the last migration that this database has had; 0 for a new one."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'"
    if is_postgres(connection):
        sql = "SELECT 1 WHERE to_regclass('schema_version') IS NOT NULL"
    if connection.execute(sql).fetchone() is None:
        return 0
    row = connection.execute("SELECT MAX(version) FROM schema_version").fetchone()
    return int(row[0] or 0)
