"""`tallystick ledger apply`: a file of accounts and transfers into the ledger, offline."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tallystick.accounting.apply import Applied, apply_file
from tallystick.accounting.files import BadRow
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.settings import Settings
from tallystick.store.connection import Connection
from tallystick.store.engine import DataFolder, database_of, migrate
from tallystick.store.sealing import load_master_key

__all__ = ["apply"]

_SAY_EVERY_S = 1.0


@contextmanager
def _ledger(settings: Settings) -> Iterator[Connection]:
    """The writing connection of a data folder that no server owns, or of its PostgreSQL."""
    folder = DataFolder(settings.data)
    try:
        database = database_of(settings.database, folder.path)
        load_master_key(settings.master_key_path, may_create=database.is_new())
        database.require_whole()
        with closing(database.connect()) as connection:
            migrate(connection)
            yield connection
    finally:
        folder.close()


class _Teller:
    """Says on stderr how far it is, now and then."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, rows: int) -> None:
        if time.monotonic() - self._said >= _SAY_EVERY_S:
            self._said = time.monotonic()
            print(f"{rows:,} rows applied", file=sys.stderr, flush=True)  # noqa: T201


def _told(file: Path, applied: Applied, seconds: float) -> str:
    here = applied.rows - applied.resumed_at
    lines = [f"{file}: {applied.rows:,} rows, {here:,} of them now, in {seconds:.1f} s"]
    lines += [f"  {count:>12,}  {answer}" for answer, count in sorted(applied.answers.items())]
    lines += [f"  line {line}: {answer}" for line, answer in applied.refused]
    return "\n".join(lines)


def _books(asked: Sequence[str]) -> dict[str, int]:
    """Books by commodity, as `CNY=1156` says it."""
    books = {}
    for text in asked:
        name, _, number = text.partition("=")
        if not (name and number.isascii() and number.isdigit()):
            raise UsageError(f"{text!r} is not a commodity, = and a book's number.")
        books[name] = int(number)
    return books


def apply(file: Path, *, into: tuple[str, ...] = (), place: Place = HERE) -> int:
    """Apply a file of accounts and transfers to the ledger, while no server runs.

    A file that was applied in part goes on where it stopped; one that is done does nothing.
    The exit code is 1 when a row was refused by the ledger, 2 when a row cannot be read.

    Args:
        file: JSON lines, CSV, Parquet, Arrow, Beancount or hledger text, by its ending.
        into: of text, which book a commodity goes into: CNY=1156.
    """
    started, books = time.monotonic(), _books(into)
    with _ledger(place.settings) as connection:
        try:
            applied = apply_file(connection, file, told=_Teller(), into=books)
        except BadRow as error:
            raise UsageError(f"{file}, {error}.") from error
    found = {
        "file": str(file),
        "rows": applied.rows,
        "rows_now": applied.rows - applied.resumed_at,
        "answers": applied.answers,
        "refused": [{"line": line, "answer": answer} for line, answer in applied.refused],
    }
    place.say(found, _told(file, applied, time.monotonic() - started))
    return 0 if applied.all_fine else 1
