"""The unit of work: everything one batch of commands reads and changes, written in one go.

Rows and ledger entries are changed in memory, where the next command of the batch sees them;
`mark` and `rollback` undo one command by itself; `flush` writes the rest as bulk statements
inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tallystick.ledger.books import Books
from tallystick.ledger.model import Account
from tallystick.store.connection import Connection
from tallystick.store.ledger_rows import SqlLedgerReader, write_changes
from tallystick.store.rows import ReadSession
from tallystick.store.table import Row, Table, Value, table_of

if TYPE_CHECKING:
    from tallystick.ledger.bulk import BulkLedger, Codes

__all__ = ["Event", "Mark", "UnitOfWork"]

R = TypeVar("R", bound=Row)
T = TypeVar("T")

_ABSENT = object()
_NS_PER_MS = 1_000_000


class Event(NamedTuple):
    """Something that happened, for whoever follows the outbox.

    `topic` names the kind (`trade.paid`), `subject` what it is about (a trade number), and
    `payload` is JSON text in UTF-8.
    """

    topic: str
    subject: str
    payload: bytes


class _BulkCall(NamedTuple):
    """Where a bulk call began: the working set before it, and the journal's last batch."""

    books: Books
    journal: int


class Mark(NamedTuple):
    """A place to roll back to."""

    bulk_calls: int
    undo: int
    events: int
    timers: int
    audits: int
    books: Any


class UnitOfWork:
    """One batch's view of the world: committed rows, overlaid with what the batch changed.

    Args:
        connection: the writing connection, in a transaction that the caller began.
        now_ms: the moment of the whole batch.
        last_timestamp: the ledger's latest timestamp, in nanoseconds.
    """

    def __init__(self, connection: Connection, now_ms: int, last_timestamp: int) -> None:
        self.now_ms = now_ms
        self.connection = connection
        self.ledger = SqlLedgerReader(connection, writing=True)
        self.books = Books(self.ledger, last_timestamp=last_timestamp)
        self._bulk: BulkLedger | None = None
        self._bulk_calls: list[_BulkCall] = []
        self._committed = ReadSession(connection)
        self._rows: dict[type[Row], dict[tuple[Value, ...], Any]] = {}
        self._found: dict[tuple[type[Row], tuple[str, ...], tuple[Value, ...]], Any] = {}
        self._dirty: dict[tuple[type[Row], tuple[Value, ...]], None] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self.events: list[Event] = []
        self._timers: list[tuple[str, int | None, bytes]] = []
        self._audits: list[tuple[Value, ...]] = []
        self._when_undone: list[Callable[[], None]] = []
        self._told: tuple[Books, int] = (self.books, 0)

    # Reading.

    def get(self, row: type[R], *key: Value) -> R | None:
        """The row with this key as the batch sees it."""
        overlay = self._rows.setdefault(row, {})
        held = overlay.get(key, _ABSENT)
        if held is _ABSENT:
            held = overlay[key] = self._committed.get(row, *key)
        return held  # type: ignore[no-any-return]

    def find(self, row: type[R], **equals: Value) -> R | None:
        """The row with these unique values as the batch sees it (the group must be declared)."""
        table = table_of(row)
        columns, values = tuple(equals), tuple(equals.values())
        assert columns in table.unique, (table.name, columns)
        held = self._found.get((row, columns, values), _ABSENT)
        if held is _ABSENT:
            found = self._committed.find(row, **equals)
            if found is not None:
                overlay = self._rows.setdefault(row, {})
                # What the batch already holds under that key is newer than the committed row.
                overlay.setdefault(table.key_of(found), found)
            self._found[(row, columns, values)] = held = (
                None if found is None else table.key_of(found)
            )
        current = None if held is None else self.get(row, *held)
        if current is not None and any(getattr(current, c) != v for c, v in equals.items()):
            return None
        return current

    def select(self, row: type[R], **equals: Value) -> list[R]:
        """All rows with these values as the batch sees them, in key order."""
        table = table_of(row)
        overlay = self._rows.setdefault(row, {})
        merged: dict[tuple[Value, ...], R | None] = {}
        for found in self._committed.select(row, **equals):
            key = table.key_of(found)
            merged[key] = overlay.get(key, found)
        merged.update({k: v for k, v in overlay.items() if v is not None})
        return [
            held
            for _, held in sorted(merged.items())
            if held is not None and all(getattr(held, c) == v for c, v in equals.items())
        ]

    # Changing.

    def _set(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def put(self, row: Row) -> None:
        """Insert the row, or replace the one with its key."""
        table: Table[Any] = table_of(type(row))
        key = table.key_of(row)
        overlay = self._rows.setdefault(type(row), {})
        if overlay.get(key) is row:
            return  # As it was read: there is nothing to write.
        self._set(overlay, key, row)
        for columns in table.unique:
            values = tuple(getattr(row, c) for c in columns)
            self._set(self._found, (type(row), columns, values), key)
        self._set(self._dirty, (type(row), key), None)

    def delete(self, row: Row) -> None:
        """Remove the row with this row's key."""
        table: Table[Any] = table_of(type(row))
        key = table.key_of(row)
        self._set(self._rows.setdefault(type(row), {}), key, None)
        for columns in table.unique:
            values = tuple(getattr(row, c) for c in columns)
            self._set(self._found, (type(row), columns, values), None)
        self._set(self._dirty, (type(row), key), None)

    def emit(self, event: Event) -> None:
        """Put an event into the outbox, in this transaction."""
        self.events.append(event)

    def set_timer(self, timer_id: str, due_ms: int, command: bytes) -> None:
        """Have a command run at or after `due_ms`; a timer of the same id is replaced."""
        self._timers.append((timer_id, due_ms, command))

    def cancel_timer(self, timer_id: str) -> None:
        """Forget a timer; one that is not there is no error."""
        self._timers.append((timer_id, None, b""))

    def timer_due_ms(self, timer_id: str) -> int | None:
        """When the timer is due, as the batch sees it; None when it is not set."""
        for known, due_ms, _ in reversed(self._timers):
            if known == timer_id:
                return due_ms
        sql = "SELECT due_ms FROM timer WHERE timer_id = ?"
        found = self.connection.execute(sql, (timer_id,)).fetchone()
        return None if found is None else int(found[0])

    def timer_is_set(self, timer_id: str) -> bool:
        """Whether the timer is still waiting, as the batch sees it."""
        return self.timer_due_ms(timer_id) is not None

    def audit(self, *values: Value) -> None:
        """Add a line to the audit trail (the columns of `audit` after `seq`)."""
        self._audits.append(values)

    def touched_accounts(self) -> dict[int, Account | None] | None:
        """The accounts whose totals changed since this was last asked, as they were then.

        Returns:
            None when a bulk call was made or undone since, which tells of no account by itself.
        """
        books, since = self._told
        made = self.books.changes_made
        self._told = (self.books, made)
        if books is not self.books:
            return None
        # What a refused command had changed is undone by now.
        return self.books.accounts_before(min(since, made))

    # Posting in bulk.

    def create_transfers(self, transfers: object) -> Codes:
        """Apply many transfers in order, without an object for each.

        What `books` holds is written to the database first, and `books` begins anew after it:
        each sees what the other did. Entries made here stand in the journal only.

        Args:
            transfers: a record array, an Arrow table or a sequence; see
                `tallystick.ledger.records.as_records`.

        Returns:
            For each transfer the place of its answer in `TransferResult` (0 is `created`).

        Raises:
            ValueError: a field that is unknown, or a number that does not fit its width.
        """
        # Compiled code is loaded only where there is something for it.
        from tallystick.ledger.records import as_records

        records = as_records(transfers)
        return self._in_bulk(lambda ledger, now_ns: ledger.create_transfers(records, now_ns))

    def _in_bulk(self, work: Callable[[BulkLedger, int], T]) -> T:
        """Do something with the bulk ledger that can be undone, and begin the books anew."""
        ledger = self._bulk_ledger()
        with ledger.index.lock:
            journal = ledger.index.head.number if self._bulk_calls else ledger.begun()
            call = _BulkCall(self.books, journal)
            self.connection.execute(f"SAVEPOINT bulk_{len(self._bulk_calls)}")
            self._bulk_calls.append(call)
            try:
                write_changes(self.connection, self.books.changes())
                ledger.follow()
                done = work(ledger, max(self.now_ms * _NS_PER_MS, self.books.last_timestamp + 1))
            except BaseException:
                self._undo_bulk(len(self._bulk_calls) - 1)
                raise
        last_timestamp = max(ledger.index.head.last_timestamp, call.books.last_timestamp)
        self.ledger = SqlLedgerReader(self.connection, writing=True)
        self.books = Books(self.ledger, last_timestamp=last_timestamp)
        return done

    # Working on sets.

    def work_on_sets(self, *tables: type[Row]) -> BulkLedger:
        """Let statements on `connection` read and change these tables, until the command ends.

        What the batch holds of them is written first and read anew afterwards. What the
        statements do is undone with the command.

        Returns:
            The bulk ledger, to look accounts up in its index.
        """
        ledger = self._in_bulk(lambda ledger, _: ledger)
        changed = [key for key in self._dirty if key[0] in tables]
        self._write_rows(changed)
        for key in changed:
            self._undo.append((self._dirty, key, self._dirty.pop(key)))
        for table in tables:
            self._set(self._rows, table, {})
        for found in [key for key in self._found if key[0] in tables]:
            self._undo.append((self._found, found, self._found.pop(found)))
        return ledger

    def _bulk_ledger(self) -> BulkLedger:
        from tallystick.ledger.bulk import BulkLedger
        from tallystick.store.bulk_store import journal_of, shared_index

        if self._bulk is None:
            self._bulk = BulkLedger(journal_of(self.connection), shared_index(self.connection))
        return self._bulk

    def _undo_bulk(self, kept: int) -> None:
        """Undo the bulk calls after the first `kept`."""
        assert self._bulk is not None
        first = self._bulk_calls[kept]
        self.connection.execute(f"ROLLBACK TO bulk_{kept}")
        self.connection.execute(f"RELEASE bulk_{kept}")
        self._bulk.undone(first.journal)
        self.books = first.books
        del self._bulk_calls[kept:]

    def committed(self) -> None:
        """Say that the transaction is durable."""
        if self._bulk is not None:
            self._bulk.committed()

    def when_undone(self, callback: Callable[[], None]) -> None:
        """Have what is kept in memory told when the transaction is rolled back."""
        self._when_undone.append(callback)

    def undone(self) -> None:
        """Say that the transaction was rolled back, bulk calls included."""
        for callback in self._when_undone:
            callback()
        if self._bulk is not None and self._bulk_calls:
            self._bulk.undone(self._bulk_calls[0].journal)

    # Undoing and writing.

    def mark(self) -> Mark:
        """The present state, to which `rollback` returns."""
        return Mark(
            len(self._bulk_calls),
            len(self._undo),
            len(self.events),
            len(self._timers),
            len(self._audits),
            self.books.mark(),
        )

    def rollback(self, mark: Mark) -> None:
        """Undo every change since the mark; what was only read stays."""
        if len(self._bulk_calls) > mark.bulk_calls:
            self._undo_bulk(mark.bulk_calls)
        while len(self._undo) > mark.undo:
            mapping, key, before = self._undo.pop()
            if before is _ABSENT:
                mapping.pop(key, None)
            else:
                mapping[key] = before
        del self.events[mark.events :]
        del self._timers[mark.timers :]
        del self._audits[mark.audits :]
        self.books.rollback(mark.books)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write, or a bulk call has written."""
        logs = self.events or self._timers or self._audits
        return bool(self._dirty or logs or self._bulk_calls or self.books.changes_made)

    def flush(self) -> None:
        """Write all changes as bulk statements; the caller commits."""
        write_changes(self.connection, self.books.drain())
        self._write_rows(self._dirty)
        self._flush_logs()

    def _write_rows(self, changed: Iterable[tuple[type[Row], tuple[Value, ...]]]) -> None:
        upserts: dict[type[Row], list[tuple[Value, ...]]] = {}
        deletes: dict[type[Row], list[tuple[Value, ...]]] = {}
        for row_type, key in changed:
            held = self._rows[row_type][key]
            if held is None:
                deletes.setdefault(row_type, []).append(key)
            else:
                upserts.setdefault(row_type, []).append(table_of(row_type).values(held))
        # Deletions first: a unique value given free may be taken in the same batch.
        for row_type, keys in deletes.items():
            self.connection.executemany(table_of(row_type).delete_sql, keys)
        for row_type, rows in upserts.items():
            self.connection.executemany(table_of(row_type).upsert_sql, rows)

    def _flush_logs(self) -> None:
        execute_many = self.connection.executemany
        latest = {timer_id: (due_ms, command) for timer_id, due_ms, command in self._timers}
        gone = [(t,) for t, (due_ms, _) in latest.items() if due_ms is None]
        due = [(t, due_ms, c) for t, (due_ms, c) in latest.items() if due_ms is not None]
        if gone:
            execute_many("DELETE FROM timer WHERE timer_id = ?", gone)
        if due:
            execute_many(
                "INSERT INTO timer (timer_id, due_ms, command) VALUES (?, ?, ?) ON CONFLICT "
                "(timer_id) DO UPDATE SET due_ms = excluded.due_ms, command = excluded.command",
                due,
            )
        if self.events:
            execute_many(
                "INSERT INTO outbox (topic, subject, payload, created_ms) VALUES (?, ?, ?, ?)",
                [(e.topic, e.subject, e.payload, self.now_ms) for e in self.events],
            )
        if self._audits:
            execute_many(
                "INSERT INTO audit (at_ms, caller_kind, caller_id, command, subject, outcome, "
                "request_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._audits,
            )
