"""A new master key: everything that is sealed is sealed anew, in one transaction.

The order makes it safe to be cut off anywhere: the new key is on disk before anything is sealed
with it, the database changes over in one transaction, and only then does the new key take the
old one's place. Whoever runs it again goes on where it stopped.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.parties.views import login_index
from tallystick.risk.person.proving import document_index
from tallystick.settings import Settings
from tallystick.store.connection import Connection
from tallystick.store.dialect import is_postgres
from tallystick.store.engine import DataFolder, StoreError, database_of, migrate
from tallystick.store.sealing import (
    CHECK,
    LASTING,
    Sealer,
    check_of,
    key_fits,
    load_master_key,
    open_sealer,
    pending_key_path,
)

__all__ = ["SEALED", "Rotation", "SealedColumn", "rotate_master_key"]


_LEAVING_S: Final = 3.0
"""How long the connections of a server that has just stopped may still be seen."""


class SealedColumn(NamedTuple):
    """A column of sealed values, and the purpose they are sealed for."""

    table: str
    key: str
    column: str
    purpose: str


SEALED: Final = (
    SealedColumn("party", "party_id", "login_sealed", "party.login"),
    SealedColumn("party", "party_id", "name_sealed", "party.name"),
    SealedColumn("app", "app_id", "aes_key_sealed", "app.aes_key"),
    SealedColumn("webhook_endpoint", "endpoint_id", "secret_sealed", "webhook.secret"),
    SealedColumn("gateway_key", "key_id", "private_sealed", "gateway_key.private"),
    SealedColumn("person_factor", "factor_id", "secret_sealed", "person.factor"),
    SealedColumn("person_document", "party_id", "number_sealed", "person.document"),
    SealedColumn("ledger_key", "key_id", "private_sealed", "ledger_key.private"),
    SealedColumn("blacklist_key", "name", "secret_sealed", "blacklist.secret"),
    SealedColumn("blacklist_key", "name", "log_key_sealed", "blacklist.log_key"),
)
"""Every sealed column of the schema."""


class Rotation(NamedTuple):
    """What was done: sealed values that changed over, and where the old key is kept."""

    values: int
    kept: Path


def _reseal(connection: Connection, column: SealedColumn, old: Sealer, new: Sealer) -> int:
    table, key, name, purpose = column
    rows = connection.execute(f"SELECT {key}, {name} FROM {table}").fetchall()  # noqa: S608
    changed = [(new.seal(purpose, old.open(purpose, sealed)), k) for k, sealed in rows if sealed]
    connection.executemany(f"UPDATE {table} SET {name} = ? WHERE {key} = ?", changed)  # noqa: S608
    return len(changed)


def _reindex_logins(connection: Connection, new: Sealer) -> None:
    """Logins can be guessed, so their digests change over, too."""
    rows = connection.execute("SELECT party_id, login_sealed FROM party").fetchall()
    changed = [
        (login_index(new, new.open("party.login", sealed)), party_id) for party_id, sealed in rows
    ]
    connection.executemany("UPDATE party SET login_index = ? WHERE party_id = ?", changed)


def _reindex_documents(connection: Connection, new: Sealer) -> None:
    """So can the numbers of documents."""
    rows = connection.execute("SELECT party_id, number_sealed FROM person_document").fetchall()
    changed = [
        (document_index(new, new.open("person.document", sealed)), party_id)
        for party_id, sealed in rows
    ]
    connection.executemany(
        "UPDATE person_document SET number_index = ? WHERE party_id = ?", changed
    )


def _change_over(connection: Connection, old: Sealer, new: Sealer) -> int:
    """Seal everything anew in one transaction; what stood there before is overwritten."""
    if not is_postgres(connection):
        connection.execute("PRAGMA secure_delete = ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        values = sum(_reseal(connection, column, old, new) for column in SEALED)
        _reindex_logins(connection, new)
        _reindex_documents(connection, new)
        lasting = new.seal(LASTING, old.lasting_key.hex()).hex()
        for name, value in ((CHECK, check_of(new)), (LASTING, lasting)):
            connection.execute(
                "INSERT INTO setting (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )
        connection.execute(
            "INSERT INTO audit (at_ms, caller_kind, caller_id, command, subject, outcome, "
            "request_id) VALUES (?, 'operator', 'command-line', 'keys.rotate_master', '', "
            "'accepted', '')",
            (time.time_ns() // 1_000_000,),
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if not is_postgres(connection):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return values
    for table in sorted({column.table for column in SEALED}):
        connection.execute(f"VACUUM {table}")
    return values


def _require_alone(connection: Connection) -> None:
    """Other servers on a PostgreSQL database would go on with the old key."""
    if not is_postgres(connection):
        return
    until = time.monotonic() + _LEAVING_S
    while connection.execute(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'tallystick' AND pid <> pg_backend_pid()"
    ).fetchone()[0]:
        if time.monotonic() > until:
            raise StoreError(
                "The database is in use by a Tallystick server; stop all of them first."
            )
        time.sleep(0.1)


def _write_durably(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _swap(path: Path, new_path: Path) -> Path:
    """Put the new key in the old one's place; the old one is kept, for older backups."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.name}.until-{stamp}")
    _write_durably(kept, path.read_text())
    new_path.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return kept


def _rotate(connection: Connection, path: Path) -> Rotation:
    migrate(connection)
    old_key = load_master_key(path, may_create=False)
    new_path = pending_key_path(path)
    done_before = not key_fits(connection, Sealer(old_key)) and new_path.exists()
    if done_before and key_fits(connection, Sealer(load_master_key(new_path, may_create=False))):
        return Rotation(0, _swap(path, new_path))
    old = open_sealer(connection, old_key, path)
    new = Sealer(load_master_key(new_path, may_create=True), old.lasting_key)
    values = _change_over(connection, old, new)
    return Rotation(values, _swap(path, new_path))


def rotate_master_key(settings: Settings) -> Rotation:
    """Make a new master key and seal everything with it; the server must be stopped.

    Raises:
        StoreError: a server runs, the key does not fit, or something cannot be read or written;
            then the data folder still opens with the key that it had.
    """
    folder = DataFolder(settings.data)
    try:
        database = database_of(settings.database, folder.path)
        if database.is_new():
            raise StoreError(f"The data folder {settings.data} has no database.")
        connection = database.connect()
        try:
            _require_alone(connection)
            return _rotate(connection, settings.master_key_path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"The master key cannot be changed: {error}.") from error
        finally:
            connection.close()
    finally:
        folder.close()
