"""The ledger's rows in SQL: what the working set reads, and how a batch's changes are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tallystick.ledger.books import Changes
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.journal import batch_of_changes
from tallystick.ledger.model import Account, PendingState, Transfer, TransferFlags
from tallystick.store.connection import Connection
from tallystick.store.journal_rows import append_batch, has_bulk_entries, journal_head

if TYPE_CHECKING:
    from tallystick.store.journal_reader import JournalReader

__all__ = [
    "ACCOUNT_COLUMNS", "SqlLedgerReader", "account_from_row", "account_row", "id_bytes",
    "write_accounts", "write_changes", "write_failed", "write_states", "write_totals",
]  # fmt: skip

_CHUNK = 400
_MOVES_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)

ACCOUNT_COLUMNS = (
    "id, book, code, flags, user_data_128, user_data_64, user_data_32, "
    "debits_pending, debits_posted, credits_pending, credits_posted, timestamp"
)
_TRANSFER_COLUMNS = (
    "id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, "
    "user_data_64, user_data_32, timeout, book, code, flags, timestamp"
)


def account_from_row(r: Sequence[object]) -> Account:
    """The account of a row of `ACCOUNT_COLUMNS`."""
    (id_, book, code, flags, u128, u64, u32, dpe, dpo, cpe, cpo, at) = r
    return Account(
        id=int.from_bytes(id_, "big"),  # type: ignore[arg-type]
        book=book,  # type: ignore[arg-type]
        code=code,  # type: ignore[arg-type]
        flags=flags,  # type: ignore[arg-type]
        user_data_128=int.from_bytes(u128, "big"),  # type: ignore[arg-type]
        user_data_64=int.from_bytes(u64, "big"),  # type: ignore[arg-type]
        user_data_32=u32,  # type: ignore[arg-type]
        debits_pending=dpe,  # type: ignore[arg-type]
        debits_posted=dpo,  # type: ignore[arg-type]
        credits_pending=cpe,  # type: ignore[arg-type]
        credits_posted=cpo,  # type: ignore[arg-type]
        timestamp=at,  # type: ignore[arg-type]
    )


def account_row(a: Account) -> tuple[object, ...]:
    """An account as the values of `ACCOUNT_COLUMNS`."""
    return (
        id_bytes(a.id), a.book, a.code, a.flags, id_bytes(a.user_data_128),
        a.user_data_64.to_bytes(8, "big"), a.user_data_32, a.debits_pending, a.debits_posted,
        a.credits_pending, a.credits_posted, a.timestamp,
    )  # fmt: skip


def _transfer(r: Sequence[object]) -> Transfer:
    (id_, debit, credit, amount, pending, u128, u64, u32, timeout, book, code, flags, at) = r
    return Transfer(
        id=int.from_bytes(id_, "big"),  # type: ignore[arg-type]
        debit_account_id=int.from_bytes(debit, "big"),  # type: ignore[arg-type]
        credit_account_id=int.from_bytes(credit, "big"),  # type: ignore[arg-type]
        amount=amount,  # type: ignore[arg-type]
        pending_id=int.from_bytes(pending, "big"),  # type: ignore[arg-type]
        user_data_128=int.from_bytes(u128, "big"),  # type: ignore[arg-type]
        user_data_64=int.from_bytes(u64, "big"),  # type: ignore[arg-type]
        user_data_32=u32,  # type: ignore[arg-type]
        timeout=timeout,  # type: ignore[arg-type]
        book=book,  # type: ignore[arg-type]
        code=code,  # type: ignore[arg-type]
        flags=flags,  # type: ignore[arg-type]
        timestamp=at,  # type: ignore[arg-type]
    )


class SqlLedgerReader:
    """Reads accounts and transfers for the ledger's working set, many ids a statement.

    Args:
        writing: whether it reads inside one transaction of the writing connection, so that
            nobody makes entries beside it.
    """

    def __init__(self, connection: Connection, *, writing: bool = False) -> None:
        self.connection = connection
        self._entries: JournalReader | None = None
        self._writing = writing
        self._only_rows = False

    def _by_ids(self, head: str, ids: Sequence[int]) -> Iterator[tuple[object, ...]]:
        for start in range(0, len(ids), _CHUNK):
            part = [id_bytes(i) for i in ids[start : start + _CHUNK]]
            yield from self.connection.execute(f"{head} ({', '.join('?' * len(part))})", part)

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist."""
        sql = f"SELECT {ACCOUNT_COLUMNS} FROM ledger_account WHERE id IN"  # noqa: S608
        return [account_from_row(r) for r in self._by_ids(sql, ids)]

    def journal(self) -> JournalReader | None:
        """Reads entries that bulk calls made; None where there are no such."""
        if self._only_rows:
            return None
        if self._entries is None and has_bulk_entries(self.connection):
            # Compiled code is loaded only where there is something for it.
            from tallystick.store.journal_reader import JournalReader

            self._entries = JournalReader(self.connection)
        self._only_rows = self._writing and self._entries is None
        return self._entries

    def warm_up(self) -> None:
        """Make what look-ups of bulk entries need, which takes seconds where there are millions."""
        if journal := self.journal():
            journal.warm_up()

    def transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers among these ids that exist."""
        sql = f"SELECT {_TRANSFER_COLUMNS} FROM ledger_transfer WHERE id IN"  # noqa: S608
        found = [_transfer(r) for r in self._by_ids(sql, ids)]
        if len(found) < len(ids) and (journal := self.journal()):
            there = {t.id for t in found}
            found += journal.transfers([i for i in dict.fromkeys(ids) if i not in there])
        return found

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""
        sql = "SELECT transfer_id, state FROM ledger_pending WHERE transfer_id IN"
        return {
            int.from_bytes(r[0], "big"): PendingState(r[1])  # type: ignore[arg-type]
            for r in self._by_ids(sql, ids)
        }

    def failed(self, ids: Sequence[int]) -> set[int]:
        """The ids among these that failed for a reason which later state could change."""
        sql = "SELECT transfer_id FROM ledger_failed WHERE transfer_id IN"
        return {int.from_bytes(r[0], "big") for r in self._by_ids(sql, ids)}  # type: ignore[arg-type]

    def transfers_where(self, tail: str, parameters: Sequence[object]) -> list[Transfer]:
        """Rows of transfers with a written tail, which is code and never input."""
        sql = f"SELECT {_TRANSFER_COLUMNS} FROM ledger_transfer {tail}"  # noqa: S608
        return [_transfer(r) for r in self.connection.execute(sql, parameters)]

    def transfers_with_reference(self, reference: int) -> list[Transfer]:
        """Every transfer whose `user_data_128` is this number, oldest first."""
        if journal := self.journal():
            return journal.with_reference(reference)
        return self.transfers_where(
            "WHERE user_data_128 = ? ORDER BY timestamp", (id_bytes(reference),)
        )

    def transfers_at(self, timestamps: Sequence[int]) -> list[Transfer]:
        """The transfers with these timestamps, oldest first."""
        if journal := self.journal():
            return journal.transfers_at(timestamps)
        found: list[Transfer] = []
        for start in range(0, len(timestamps), _CHUNK):
            part = timestamps[start : start + _CHUNK]
            marks = ", ".join("?" * len(part))
            found += self.transfers_where(f"WHERE timestamp IN ({marks})", part)
        return sorted(found, key=lambda t: t.timestamp)

    def transfers_of_account(
        self, account_id: int, *, after: int = 0, before: int = 2**63 - 1, limit: int = 100_000
    ) -> list[Transfer]:
        """An account's transfers with `after < timestamp < before`, oldest first."""
        if journal := self.journal():
            return journal.oldest_of_account(account_id, after, before, limit)
        key = id_bytes(account_id)
        return self.transfers_where(
            "WHERE timestamp IN ("
            "SELECT timestamp FROM ledger_transfer"
            " WHERE debit_account_id = ? AND timestamp > ? AND timestamp < ?"
            " UNION SELECT timestamp FROM ledger_transfer"
            " WHERE credit_account_id = ? AND timestamp > ? AND timestamp < ?"
            ") ORDER BY timestamp LIMIT ?",
            (key, after, before, key, after, before, limit),
        )

    def newest_postings(
        self, account_id: int, *, before: int = 2**63 - 1, not_before: int = 0, limit: int
    ) -> list[Transfer]:
        """An account's newest transfers that moved money, newest first.

        Args:
            before, not_before: their timestamps' span, in nanoseconds.
        """
        if journal := self.journal():
            return journal.newest_of_account(
                account_id, before, not_before, limit, skip=_MOVES_NOTHING
            )
        return self._postings(account_id, before, not_before, limit, "DESC")[::-1][:limit]

    def oldest_postings(
        self, account_id: int, *, before: int = 2**63 - 1, not_before: int = 0, limit: int
    ) -> list[Transfer]:
        """An account's oldest transfers of a span that moved money, oldest first."""
        if journal := self.journal():
            return journal.oldest_of_account(
                account_id, not_before - 1, before, limit, skip=_MOVES_NOTHING
            )
        return self._postings(account_id, before, not_before, limit, "ASC")[:limit]

    def _postings(
        self, account_id: int, before: int, not_before: int, limit: int, order: str
    ) -> list[Transfer]:
        """At most so many of each side from one end of a span, oldest first."""
        found: list[Transfer] = []
        for side in ("debit_account_id", "credit_account_id"):
            found += self.transfers_where(
                f"WHERE {side} = ? AND timestamp < ? AND timestamp >= ? "
                f"AND (flags & ?) = 0 ORDER BY timestamp {order} LIMIT ?",
                (id_bytes(account_id), before, not_before, _MOVES_NOTHING, limit),
            )
        return sorted(found, key=lambda t: t.timestamp)

    def posted_before(self, account: Account, timestamp: int) -> Account:
        """The account with the posted totals that it had just before a timestamp.

        Args:
            account: as it is now, read in the same snapshot.
            timestamp: nanoseconds since 1970.
        """
        if journal := self.journal():
            debits, credits = journal.posted_before(account.id, timestamp)
        else:
            since = [
                int(self.connection.execute(
                    "SELECT COALESCE(SUM(amount), 0) FROM ledger_transfer "  # noqa: S608
                    f"WHERE {side} = ? AND timestamp >= ? AND (flags & ?) = 0",
                    (id_bytes(account.id), timestamp, _MOVES_NOTHING),
                ).fetchone()[0])
                for side in ("debit_account_id", "credit_account_id")
            ]  # fmt: skip
            debits, credits = account.debits_posted - since[0], account.credits_posted - since[1]
        return replace(account, debits_posted=debits, credits_posted=credits)

    def transfers_after(self, timestamp: int, limit: int) -> list[Transfer]:
        """The rows of transfers after a timestamp, oldest first; bulk entries have none."""
        return self.transfers_where(
            "WHERE timestamp > ? ORDER BY timestamp LIMIT ?", (timestamp, limit)
        )

    def expired_and_failed(self) -> tuple[list[int], list[int]]:
        """The ids of all holds that expired, and all ids that a failure has used up."""
        expired = self.connection.execute(
            "SELECT transfer_id FROM ledger_pending WHERE state = ? ORDER BY transfer_id",
            (int(PendingState.EXPIRED),),
        )
        failed = self.connection.execute("SELECT transfer_id FROM ledger_failed")
        number = int.from_bytes
        return [number(r[0], "big") for r in expired], [number(r[0], "big") for r in failed]

    def accounts_where(
        self,
        *,
        book: int | None = None,
        code: int | None = None,
        after_id: int = 0,
        limit: int = 1_000_000,
    ) -> list[Account]:
        """Accounts of a book and a chart code (None: of all), in id order."""
        wanted: list[tuple[str, object]] = [("id > ?", id_bytes(after_id))]
        if book is not None:
            wanted.append(("book = ?", book))
        if code is not None:
            wanted.append(("code = ?", code))
        sql = (
            f"SELECT {ACCOUNT_COLUMNS} FROM ledger_account "  # noqa: S608
            f"WHERE {' AND '.join(w for w, _ in wanted)} ORDER BY id LIMIT ?"
        )
        return [
            account_from_row(r)
            for r in self.connection.execute(sql, (*(v for _, v in wanted), limit))
        ]

    def last_timestamp(self) -> int:
        """The latest ledger timestamp in the store, 0 when there is none."""
        sql = (
            "SELECT (SELECT COALESCE(MAX(timestamp), 0) FROM ledger_transfer), "
            "(SELECT COALESCE(MAX(timestamp), 0) FROM ledger_account)"
        )
        in_rows = self.connection.execute(sql).fetchone()
        return max(int(in_rows[0]), int(in_rows[1]), journal_head(self.connection).last_timestamp)


def _write_many(connection: Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        connection.executemany(sql, rows)


def write_accounts(connection: Connection, accounts: Sequence[Account]) -> None:
    """Write new accounts."""
    _write_many(
        connection,
        f"INSERT INTO ledger_account ({ACCOUNT_COLUMNS}) "  # noqa: S608
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [account_row(a) for a in accounts],
    )


def write_totals(
    connection: Connection, rows: Sequence[tuple[int, int, int, int, int, bytes]]
) -> None:
    """Write accounts' flags, debits pending and posted, credits pending and posted, by id."""
    _write_many(
        connection,
        "UPDATE ledger_account SET flags = ?, debits_pending = ?, debits_posted = ?, "
        "credits_pending = ?, credits_posted = ? WHERE id = ?",
        rows,
    )


def write_states(connection: Connection, states: Sequence[tuple[bytes, int]]) -> None:
    """Write what has become of pending transfers: (id, `PendingState`)."""
    _write_many(
        connection,
        "INSERT INTO ledger_pending (transfer_id, state) VALUES (?, ?) "
        "ON CONFLICT (transfer_id) DO UPDATE SET state = excluded.state",
        states,
    )


def write_failed(connection: Connection, ids: Sequence[bytes]) -> None:
    """Write ids that may not be used again."""
    _write_many(
        connection,
        "INSERT INTO ledger_failed (transfer_id) VALUES (?) ON CONFLICT DO NOTHING",
        [(i,) for i in ids],
    )


def write_changes(connection: Connection, changes: Changes) -> None:
    """Write what a batch changed in the ledger, inside the caller's transaction.

    The rows say how the ledger is now; the journal says what was done, in order.
    """
    batch = batch_of_changes(journal_head(connection), changes)
    if batch is not None:
        append_batch(connection, batch)
    b: Callable[[int], bytes] = id_bytes
    write_accounts(connection, changes.new_accounts)
    write_totals(
        connection,
        [
            (a.flags, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted,
             b(a.id))
            for a in changes.changed_accounts
        ],
    )  # fmt: skip
    _write_many(
        connection,
        f"INSERT INTO ledger_transfer ({_TRANSFER_COLUMNS}) "  # noqa: S608
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (b(t.id), b(t.debit_account_id), b(t.credit_account_id), t.amount, b(t.pending_id),
             b(t.user_data_128), t.user_data_64.to_bytes(8, "big"), t.user_data_32, t.timeout,
             t.book, t.code, t.flags, t.timestamp)
            for t in changes.new_transfers
        ],
    )  # fmt: skip
    write_states(connection, [(b(i), int(s)) for i, s in changes.pending_states.items()])
    write_failed(connection, [b(i) for i in changes.failed_ids])
