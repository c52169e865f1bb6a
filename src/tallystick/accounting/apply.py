"""Applying a file of accounts and transfers to the ledger, a call a transaction.

How far a file has come is kept in the transaction of each call, under the digest of its
contents: the same file applied again goes on where it stopped, and one that is done does nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.days import day_of_ms
from tallystick.accounting.files import BadRow, Call, calls_of_file
from tallystick.accounting.holds import expiry_timer_id
from tallystick.accounting.metadata.model import MetadataKind
from tallystick.accounting.model import ExpirePending
from tallystick.accounting.monitors.model import LookAtMonitors
from tallystick.accounting.monitors.service import ALL_MONITORS
from tallystick.accounting.periods.decide import require_day_open
from tallystick.accounting.plaintext.reading import TEXT_ENDINGS, text_calls
from tallystick.decoding import decode_json
from tallystick.ledger.bulk import BulkLedger, result_names
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.ledger.encoding import entry_from, id_bytes, ids_from
from tallystick.ledger.model import TransferFlags, expires_at_ms
from tallystick.ledger.records import Records
from tallystick.pipeline.commands import command_bytes
from tallystick.pipeline.refusals import Refused
from tallystick.store.bulk_store import BulkSession
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["Applied", "apply_file"]

_REFUSED_SHOWN = 20
_PENDING = int(TransferFlags.PENDING)
_POSTS, _VOIDS = int(TransferFlags.POST_PENDING), int(TransferFlags.VOID_PENDING)
_SETTLES = _POSTS | _VOIDS
_FINE = frozenset({"created", "exists"})

Told = Callable[[int], None]


class Applied(msgspec.Struct):
    """How far a file has come.

    Args:
        rows: rows applied, those of earlier runs included.
        answers: how many accounts and transfers got each answer.
        refused: the first lines that were not created, with their answers.
        resumed_at: rows that earlier runs had applied.
    """

    rows: int = 0
    answers: dict[str, int] = {}
    refused: list[tuple[int, str]] = []
    resumed_at: int = 0

    @property
    def all_fine(self) -> bool:
        """Whether every row was created or there before."""
        return not set(self.answers) - _FINE


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Progress:
    """What a file's earlier calls did, in the store's `setting` table."""

    def __init__(self, connection: Connection, path: Path, into: Mapping[str, int]) -> None:
        self._connection = connection
        where = "".join(f".{name}={book}" for name, book in sorted(into.items()))
        self._name = f"ledger.apply.{_digest(path)}{where}"

    def load(self) -> Applied | None:
        """How far it came; None for a file that was never begun."""
        sql = "SELECT value FROM setting WHERE name = ?"
        row = self._connection.execute(sql, (self._name,)).fetchone()
        return None if row is None else decode_json(row[0], Applied)

    def save(self, applied: Applied) -> None:
        """Keep it, in the transaction of the call."""
        self._connection.execute(
            "INSERT INTO setting (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (self._name, msgspec.json.encode(applied).decode()),
        )


def _require_own_books(call: Call) -> None:
    if call.accounts is not None:
        books: Sequence[int] = [a.book for a in call.accounts]
    else:
        assert call.transfers is not None
        books = call.transfers["book"].tolist()
    if books and max(books) >= PLATFORM_BOOK_MIN:
        at = next(i for i, book in enumerate(books) if book >= PLATFORM_BOOK_MIN)
        raise BadRow(call.lines[at], f"book {books[at]} is kept by the platform")


def _require_own_holds(ledger: BulkLedger, call: Call) -> None:
    """A row that settles a hold takes over its book, so the hold is looked at too."""
    assert call.transfers is not None
    settling = np.flatnonzero(call.transfers["pending_id"].any(axis=1))
    if not settling.size:
        return
    ids = ids_from(call.transfers["pending_id"][settling].tobytes())
    for line, pending_id in zip(settling.tolist(), ids, strict=True):
        entries = ledger.index.entries_of_ids([pending_id], ledger.index.entry_count)
        if entries and int(ledger.read(entries)["book"][0]) >= PLATFORM_BOOK_MIN:
            raise BadRow(call.lines[line], "the hold is in a book that is kept by the platform")


def _held_days(ledger: BulkLedger, transfers: Records) -> dict[int, tuple[int, int]]:
    """Book and effective day of the holds that are posted, by the row that posts them."""
    posting = np.flatnonzero(transfers["flags"] & _POSTS)
    days: dict[int, tuple[int, int]] = {}
    ids = ids_from(transfers["pending_id"][posting].tobytes())
    for row, pending_id in zip(posting.tolist(), ids, strict=True):
        entries = ledger.index.entries_of_ids([pending_id], ledger.index.entry_count)
        if entries:
            held = ledger.read(entries)
            own = int(transfers["user_data_32"][row])
            days[row] = int(held["book"][0]), own or int(held["user_data_32"][0])
    return days


def _require_open_days(
    connection: Connection, ledger: BulkLedger | None, call: Call, now_ns: int
) -> None:
    """See that no row takes effect in a closed day, or in one to come.

    Args:
        ledger: where the holds are that rows post; None: only the days that rows name are seen.
    """
    if call.transfers is None:
        return
    found = ReadSession(connection).query(LedgerBook, "WHERE value_dated = 1")
    if not found:
        return
    books, today = {b.book: b for b in found}, day_of_ms(now_ns // 1_000_000)
    transfers = call.transfers
    moves = (transfers["flags"] & _VOIDS) == 0
    named = np.flatnonzero(moves & (transfers["user_data_32"] > 0)).tolist()
    days = {r: (int(transfers["book"][r]), int(transfers["user_data_32"][r])) for r in named}
    if ledger is not None:
        days |= _held_days(ledger, transfers)
    for row, (book, day) in sorted(days.items()):
        try:
            require_day_open(books.get(book), day, today)
        except Refused as refused:
            raise BadRow(call.lines[row], refused.refusal.detail) from refused


def _watch_holds(
    connection: Connection, ledger: BulkLedger, transfers: Records, created: np.ndarray
) -> None:
    """Set the timers of new holds that time out; forget those of holds that are settled."""
    flags = transfers["flags"]
    timed = np.flatnonzero(created & (flags & _PENDING > 0) & (transfers["timeout"] > 0))
    if timed.size:
        entries = ledger.index.entries_of_ids(
            ids_from(transfers["id"][timed].tobytes()), ledger.index.entry_count
        )
        holds = [entry_from(record.tobytes()) for record in ledger.read(entries)]
        connection.executemany(
            "INSERT INTO timer (timer_id, due_ms, command) VALUES (?, ?, ?) "
            "ON CONFLICT (timer_id) DO UPDATE SET due_ms = excluded.due_ms",
            [
                (expiry_timer_id(h.id), expires_at_ms(h),
                 command_bytes(ExpirePending(transfer_id=id_bytes(h.id))))
                for h in holds
            ],
        )  # fmt: skip
    settled = np.flatnonzero(created & (flags & _SETTLES > 0))
    if settled.size:
        connection.executemany(
            "DELETE FROM timer WHERE timer_id = ?",
            [(expiry_timer_id(i),) for i in ids_from(transfers["pending_id"][settled].tobytes())],
        )


def _keep_metadata(
    connection: Connection, kind: MetadataKind, call: Call, ids: list[int], positions: list[int]
) -> None:
    """Keep what new accounts or transfers carry, given their ids and timestamps."""
    placed = {i: at for at, i in enumerate(ids)}
    records = call.accounts if call.accounts is not None else None
    assert call.transfers is not None or records is not None
    named = (
        [a.id for a in records] if records is not None else ids_from(call.transfers["id"].tobytes())  # type: ignore[index]
    )
    rows = [
        (id_bytes(named[at]), kind.value, name, value, positions[placed[named[at]]])
        for at, carried in call.metadata.items()
        if named[at] in placed
        for name, value in carried.items()
    ]
    if rows:
        connection.executemany(
            "INSERT INTO ledger_metadata (object_id, kind, name, value, position) "
            "VALUES (?, ?, ?, ?, ?)",
            rows,
        )


def _create_accounts(
    connection: Connection, ledger: BulkLedger, call: Call, now_ns: int
) -> list[str]:
    assert call.accounts is not None
    answers = [r.value for r in ledger.create_accounts(call.accounts, now_ns)]
    made = [a.id for a, answer in zip(call.accounts, answers, strict=True) if answer == "created"]
    _keep_metadata(connection, MetadataKind.ACCOUNT, call, made, [0] * len(made))
    return answers


def _apply(connection: Connection, ledger: BulkLedger, call: Call, now_ns: int) -> list[str]:
    if call.accounts is not None:
        return _create_accounts(connection, ledger, call, now_ns)
    assert call.transfers is not None
    _require_own_holds(ledger, call)
    _require_open_days(connection, ledger, call, now_ns)
    codes = ledger.create_transfers(call.transfers, now_ns)
    _watch_holds(connection, ledger, call.transfers, codes == 0)
    if call.metadata:
        made = ids_from(call.transfers["id"][codes == 0].tobytes())
        entries = ledger.index.entries_of_ids(made, ledger.index.entry_count)
        times = ledger.index.entries.time[entries].tolist()
        _keep_metadata(connection, MetadataKind.TRANSFER, call, made, times)
    return [r.value for r in result_names(codes)]


def _have_monitors_looked_at(connection: Connection, now_ns: int) -> None:
    """Have the platform look at its monitors; here nobody watches the accounts."""
    sql = "SELECT 1 FROM balance_monitor WHERE active = 1 LIMIT 1"
    if connection.execute(sql).fetchone() is None:
        return
    connection.execute(
        "INSERT INTO timer (timer_id, due_ms, command) VALUES (?, ?, ?) "
        "ON CONFLICT (timer_id) DO UPDATE SET due_ms = excluded.due_ms",
        (ALL_MONITORS, now_ns // 1_000_000, command_bytes(LookAtMonitors())),
    )


def _calls(
    connection: Connection, path: Path, skip: int, into: Mapping[str, int]
) -> Iterator[Call]:
    """A file's calls, by its ending."""
    if path.suffix.lower() in TEXT_ENDINGS:
        books = ReadSession(connection).query(LedgerBook, "WHERE currency <> ''")
        return text_calls(path, skip, into, {b.book: b.currency for b in books})
    return calls_of_file(path, skip)


def apply_file(
    connection: Connection,
    path: Path,
    *,
    told: Told = lambda rows: None,
    into: Mapping[str, int] = MappingProxyType({}),
    clock_ns: Callable[[], int] = time.time_ns,
) -> Applied:
    """Apply a file, or the rest of it. Each call of up to 8,000 rows is durable when it ends.

    Before the first call the whole file is read and checked, so that a bad row anywhere means
    that nothing of the file is applied.

    Args:
        connection: the writing connection of a data folder that this process owns.
        into: the books of a text's commodities; see `plaintext.reading.text_calls`.
        told: called after each call with the rows applied so far.

    Raises:
        BadRow: a row that cannot be taken; of its call nothing is applied.
        OSError: the file cannot be read.
    """
    progress = _Progress(connection, path, into)
    applied = progress.load()
    if applied is None:
        for call in _calls(connection, path, 0, into):
            _require_own_books(call)
            _require_open_days(connection, None, call, clock_ns())
        applied = Applied()
        progress.save(applied)
    applied.resumed_at = applied.rows
    session = BulkSession.on(connection)
    try:
        for call in _calls(connection, path, applied.rows, into):
            with session.transaction() as ledger:
                answers = _apply(connection, ledger, call, clock_ns())
                _have_monitors_looked_at(connection, clock_ns())
                applied = _after(applied, call, answers)
                progress.save(applied)
            told(applied.rows)
    finally:
        session.close()
    return applied


def _after(applied: Applied, call: Call, answers: list[str]) -> Applied:
    counted = Counter(applied.answers)
    counted.update(answers)
    room = _REFUSED_SHOWN - len(applied.refused)
    new = [(line, a) for line, a in zip(call.lines, answers, strict=True) if a not in _FINE]
    return Applied(call.end, dict(counted), applied.refused + new[:room], applied.resumed_at)
