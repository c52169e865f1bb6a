"""`tallystick doctor`: is this machine and this data folder fit to run the platform.

Each check answers with a sentence and whether all is well, something should be looked at, or
something is wrong. Nothing is changed; a server may run meanwhile.
"""

from __future__ import annotations

import errno
import importlib.metadata
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tallystick.admin.master_key import SEALED
from tallystick.audit.orphans import is_orphan
from tallystick.money.amount import format_amount
from tallystick.observe.books import check_books
from tallystick.platform import registry_of_products, wall_clock_ms
from tallystick.settings import Settings
from tallystick.store.connection import Connection, Database
from tallystick.store.dialect import is_postgres
from tallystick.store.engine import DataFolder, StoreError, database_of, free_bytes
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession
from tallystick.store.schema import migrations, schema_version
from tallystick.store.sealing import Sealer, load_master_key, open_sealer

__all__ = ["PACKAGES", "Check", "Level", "examine"]

PACKAGES: Final = (
    "litestar", "uvicorn", "uvloop", "httptools", "msgspec", "cryptography", "argon2-cffi",
    "jinja2", "cyclopts", "rich", "structlog", "prometheus-client", "httpx2", "segno", "babel",
    "iso4217", "holidays", "numpy", "numba", "polars", "psycopg", "common-expression-language",
    "scikit-learn", "threadpoolctl", "mt-940", "lxml", "rbcl", "reportlab", "fido2",
    "tzdata",
)  # fmt: skip
"""What the platform needs beside Python itself."""

_SAMPLE: Final = 500
_LATE_MS: Final = 60_000
_CLOCK_AHEAD_MS: Final = 1_000
_YOUNGEST_YEAR: Final = 2026
_MIB: Final = 1024 * 1024


class Level(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    level: Level
    sentence: str


def _ok(name: str, sentence: str) -> Check:
    return Check(name, Level.OK, sentence)


def _warn(name: str, sentence: str) -> Check:
    return Check(name, Level.WARN, sentence)


def _fail(name: str, sentence: str) -> Check:
    return Check(name, Level.FAIL, sentence)


# The machine.


def check_python() -> Check:
    """Which Python this is; an older one than 3.11 cannot come this far."""
    version = ".".join(map(str, sys.version_info[:3]))
    return _ok("python", f"Python {version}, SQLite {sqlite3.sqlite_version}.")


def check_packages() -> Check:
    """Everything that is needed is installed."""
    missing = []
    for name in PACKAGES:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing == ["uvloop"]:
        return _warn("packages", "uvloop is missing; the server runs slower without it.")
    if missing:
        return _fail("packages", f"These packages are missing: {', '.join(missing)}.")
    return _ok("packages", f"All {len(PACKAGES)} packages are there.")


def check_clock(last_ledger_ms: int) -> Check:
    """The clock is not before the last entry of the ledger, nor before this version."""
    now_ms = wall_clock_ms()
    if time.gmtime(now_ms / 1000).tm_year < _YOUNGEST_YEAR:
        return _fail("clock", "The machine's clock is years behind.")
    if last_ledger_ms > now_ms + _CLOCK_AHEAD_MS:
        behind_s = (last_ledger_ms - now_ms) // 1000
        return _warn(
            "clock",
            f"The clock is {behind_s} s behind the ledger's last entry; "
            "the platform's time stands still until it has caught up.",
        )
    return _ok("clock", "The clock is not behind the ledger.")


def check_port(settings: Settings, *, in_use: bool) -> Check:
    """The port can be listened on, or the server that runs listens on it."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if in_use and error.errno == errno.EADDRINUSE:
                return _ok("port", f"Port {settings.port} is taken, and a server runs here.")
            reason = error.strerror or str(error)
            return _fail(
                "port", f"{settings.host} port {settings.port} cannot be listened on: {reason}."
            )
    return _ok("port", f"{settings.host} port {settings.port} is free.")


def check_disk(settings: Settings) -> Check:
    """There is enough free space where the data folder lies."""
    place = settings.data.absolute()
    while not place.exists():
        place = place.parent
    free_mib = free_bytes(place) // _MIB
    if free_mib < settings.disk_free_min_mb:
        return _fail(
            "disk",
            f"{free_mib} MiB are free; disk_free_min_mb asks for {settings.disk_free_min_mb}.",
        )
    return _ok("disk", f"{free_mib} MiB are free.")


# The data folder and its key.


def check_folder(folder: Path) -> Check:
    """The data folder can be written, and others cannot read it."""
    if not folder.is_dir():
        return _fail("data_folder", f"{folder} is not a folder.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return _fail("data_folder", f"{folder} cannot be written: {error.strerror}.")
    if folder.stat().st_mode & 0o077:
        return _warn("data_folder", f"{folder} can be entered by other users; chmod 700 ends that.")
    return _ok("data_folder", f"{folder} can be written.")


def check_master_key(path: Path) -> tuple[Check, bytes | None]:
    """The master key is there and only its owner can read it."""
    try:
        key = load_master_key(path, may_create=False)
    except StoreError as error:
        return _fail("master_key", str(error)), None
    if path.stat().st_mode & 0o077:
        return _warn("master_key", f"{path} can be read by other users; chmod 600 ends that."), key
    return _ok("master_key", f"{path} is a key that only its owner can read."), key


# The database.


class Opened(NamedTuple):
    """A database that is looked at; `whole` asks for the thorough and slow ways."""

    connection: Connection
    rows: ReadSession
    sealer: Sealer | None
    whole: bool
    in_use: bool


def check_schema(opened: Opened) -> Check:
    """The database is of this version."""
    found, known = schema_version(opened.connection), len(migrations())
    if found > known:
        return _fail("schema", f"Schema {found} is of a newer version; this one knows {known}.")
    if found < known:
        return _warn("schema", f"Schema {found}; the next start brings it to {known}.")
    return _ok("schema", f"Schema {found}, the newest that this version knows.")


def check_integrity(opened: Opened) -> Check:
    """The file's pages are sound."""
    if is_postgres(opened.connection):
        return _postgres_pages(opened.connection)
    pragma = "integrity_check" if opened.whole else "quick_check"
    found = [str(row[0]) for row in opened.connection.execute(f"PRAGMA {pragma}(5)")]
    if found != ["ok"]:
        return _fail("integrity", f"The database is damaged: {found[0]}.")
    return _ok("integrity", f"SQLite's {pragma} found nothing wrong.")


def _postgres_pages(connection: Connection) -> Check:
    """PostgreSQL looks at each page that it reads, where it was told to keep checksums."""
    version = connection.execute("SHOW server_version").fetchone()[0]
    if connection.execute("SHOW data_checksums").fetchone()[0] != "on":
        return _warn("integrity", f"PostgreSQL {version} keeps no checksums of its pages.")
    return _ok("integrity", f"PostgreSQL {version} keeps checksums of its pages.")


def check_balance(opened: Opened) -> Check:
    """Debits equal credits in every book."""
    books = check_books(opened.rows, 0)
    if not books.balanced:
        return _fail("books", "Debits and credits of a book differ.")
    return _ok("books", "Debits equal credits in every book.")


def check_held(opened: Opened) -> Check:
    """What lies in escrow is what the open trades hold."""
    books = check_books(opened.rows, 0)
    if not books.held_matches:
        return _fail("escrow", "What lies in escrow is not what the open trades hold.")
    held = ", ".join(
        f"{format_amount(amount, code)} {code}"
        for code, amount in sorted(books.held.items())
        if amount
    )
    return _ok("escrow", f"Escrow holds what the open trades hold: {held or 'nothing'}.")


def check_sealed(opened: Opened) -> Check:
    """Sealed values open with the key."""
    if opened.sealer is None:
        return _fail("sealed_values", "Sealed values cannot be opened without the right key.")
    count = 0
    for table, _, column, purpose in SEALED:
        tail = "" if opened.whole else f" ORDER BY RANDOM() LIMIT {_SAMPLE}"
        sql = f"SELECT {column} FROM {table} WHERE LENGTH({column}) > 0{tail}"  # noqa: S608
        for (sealed,) in opened.connection.execute(sql):
            try:
                opened.sealer.open(purpose, sealed)
            except StoreError:
                return _fail("sealed_values", f"A value of {table}.{column} does not open.")
            count += 1
    return _ok("sealed_values", f"{count} sealed values were opened with the key.")


def check_timers(opened: Opened) -> Check:
    """Every timer holds a command that is known, about something that is there."""
    registry = registry_of_products()
    orphans = unreadable = late = count = 0
    now_ms = wall_clock_ms()
    for due_ms, data in opened.connection.execute("SELECT due_ms, command FROM timer"):
        count += 1
        late += due_ms < now_ms - _LATE_MS
        try:
            orphans += is_orphan(opened.rows, registry.decode(data))
        except msgspec.MsgspecError:
            unreadable += 1
    if unreadable:
        return _fail("timers", f"{unreadable} timers hold commands that this version cannot read.")
    if orphans:
        return _fail("timers", f"{orphans} timers are about something that is not there.")
    if late and opened.in_use:
        return _warn("timers", f"{late} timers are more than a minute late.")
    overdue = f", {late} of them overdue" if late else ""
    return _ok("timers", f"{count} timers wait{overdue}.")


_DATABASE_CHECKS: Final[tuple[tuple[str, Callable[[Opened], Check]], ...]] = (
    ("books", check_balance),
    ("escrow", check_held),
    ("sealed_values", check_sealed),
    ("timers", check_timers),
)


def _last_ledger_ms(connection: Connection) -> int:
    return SqlLedgerReader(connection).last_timestamp() // 1_000_000


def _guarded(name: str, check: Callable[[Opened], Check], opened: Opened) -> Check:
    try:
        return check(opened)
    except (sqlite3.Error, msgspec.MsgspecError, ValueError) as error:
        return _fail(name, f"The database cannot be read: {error}.")


def _database_checks(
    database: Database, key: bytes | None, settings: Settings, *, whole: bool, in_use: bool
) -> Iterator[Check]:
    last_ms = 0
    try:
        connection = database.connect(readonly=True)
    except StoreError as error:
        yield _fail("integrity", str(error))
        yield check_clock(last_ms)
        return
    try:
        sealer = None
        opened = Opened(connection, ReadSession(connection), None, whole, in_use)
        schema = _guarded("schema", check_schema, opened)
        yield schema
        integrity = _guarded("integrity", check_integrity, opened)
        yield integrity
        if schema.level is Level.OK and integrity.level is Level.OK:
            if key is not None:
                try:
                    sealer = open_sealer(connection, key, settings.master_key_path)
                except (StoreError, sqlite3.Error) as error:
                    yield _fail("master_key_fits", str(error))
            opened = opened._replace(sealer=sealer)
            yield from (_guarded(name, check, opened) for name, check in _DATABASE_CHECKS)
            last_ms = _last_ledger_ms(connection)
    finally:
        connection.close()
    yield check_clock(last_ms)


@contextmanager
def _owned(folder: Path) -> Iterator[bool]:
    """Own the folder while looking, if no server does; tells whether one does.

    Raises:
        StoreError: the folder cannot be written.
    """
    try:
        owner = DataFolder(folder)
    except StoreError as error:
        if "in use" not in str(error):
            raise
        yield True
        return
    try:
        yield False
    finally:
        owner.close()


def _is_there(database: Database) -> bool:
    """Whether there is something to look at; a database that does not open is looked at too."""
    try:
        return not database.is_new()
    except (StoreError, sqlite3.Error):
        return True


def _folder_checks(settings: Settings, *, whole: bool) -> Iterator[Check]:
    folder = settings.data
    if not folder.exists():
        yield _warn("data_folder", f"{folder} is not there yet; the first start makes it.")
        yield check_clock(0)
        yield check_port(settings, in_use=False)
        return
    yield (state := check_folder(folder))
    if state.level is Level.FAIL:
        return
    with _owned(folder) as in_use:
        yield _ok("lock", "A server runs on it." if in_use else "No server runs on it.")
        database = database_of(settings.database, folder)
        if _is_there(database):
            checked, key = check_master_key(settings.master_key_path)
            yield checked
            yield from _database_checks(database, key, settings, whole=whole, in_use=in_use)
        else:
            yield _warn("schema", "There is no database yet; the first start makes it.")
            yield check_clock(0)
        yield check_port(settings, in_use=in_use)


def examine(settings: Settings, *, whole: bool = False) -> list[Check]:
    """Every check, in order.

    Args:
        whole: read every page and every sealed value instead of a quick look and a sample.
    """
    checks = [check_python(), check_packages(), check_disk(settings)]
    checks.extend(_folder_checks(settings, whole=whole))
    return checks
