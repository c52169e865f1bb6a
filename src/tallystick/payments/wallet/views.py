"""What can be seen of wallets: the balance, the statement a page at a time, bank orders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from tallystick.ledger.model import Account, TransferFlags
from tallystick.ledger.statements import StatementLine, available_of, balance_of, statement
from tallystick.parties.model import Party
from tallystick.payments.accounts import wallet
from tallystick.payments.movement_names import MovementName, movement_name
from tallystick.payments.wallet.model import BankOrder, BankOrderStatus
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "StatementEntry", "WalletBalance", "WalletStatement", "balance_before", "open_bank_orders",
    "snapshot", "wallet_balance", "wallet_statement",
]  # fmt: skip

NEWEST = 2**63 - 1
"""The cursor of a statement's first page."""

_UNPOSTED = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class WalletBalance(msgspec.Struct, frozen=True):
    """A wallet in minor units: `available` can be paid, `frozen` is held for something."""

    party_id: str
    currency: str
    available: int
    frozen: int


class StatementEntry(msgspec.Struct, frozen=True):
    """One posted movement of a wallet.

    Args:
        timestamp: the ledger's, in nanoseconds; unique, so it serves as a cursor.
        change: minor units, negative when money left.
        balance: minor units after it, what is frozen included.
        reference: the number of the trade, transfer, bank order or hold.
        counterparty_id: the owner of the account on the other side: a party, trade or bank.
    """

    timestamp: int
    at_ms: int
    movement: int
    name: MovementName
    change: int
    balance: int
    reference: str
    counterparty_id: str


class WalletStatement(msgspec.Struct, frozen=True):
    """A page of entries, newest first; `after` is the next page's `before`, or None."""

    entries: list[StatementEntry]
    after: int | None


@contextmanager
def snapshot(ledger: SqlLedgerReader) -> Iterator[None]:
    """Several reads of one moment (inside a transaction they are that already)."""
    connection = ledger.connection
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _account(rows: Rows, ledger: SqlLedgerReader, party_id: str, currency: str) -> Account | None:
    """The ledger account behind a wallet; None while nothing has touched it."""
    party = rows.get(Party, party_id)
    if party is None:
        raise Refused("PARTY_NOT_EXIST")
    found = ledger.accounts([wallet(party, currency).id])
    return found[0] if found else None


def wallet_balance(
    rows: Rows, ledger: SqlLedgerReader, party_id: str, currency: str = "CNY"
) -> WalletBalance:
    """What a party has and can pay.

    Raises:
        Refused: PARTY_NOT_EXIST, or INVALID_PARAMETER for an unknown currency.
    """
    account = _account(rows, ledger, party_id, currency)
    if account is None:
        return WalletBalance(party_id, currency, 0, 0)
    return WalletBalance(party_id, currency, available_of(account), account.debits_pending)


def balance_before(ledger: SqlLedgerReader, account: Account, timestamp: int) -> int:
    """A wallet's posted balance just before a ledger timestamp, in minor units."""
    return balance_of(ledger.posted_before(account, timestamp))


def _entries(ledger: SqlLedgerReader, lines: list[StatementLine]) -> list[StatementEntry]:
    others = ledger.accounts(sorted({line.other_account_id for line in lines}))
    owners = {account.id: str(account.user_data_128) for account in others}
    return [
        StatementEntry(
            timestamp=line.transfer.timestamp,
            at_ms=line.transfer.timestamp // 1_000_000,
            movement=line.transfer.code,
            name=movement_name(line.transfer.code),
            change=line.change,
            balance=line.balance,
            reference=str(line.transfer.user_data_128),
            counterparty_id=owners[line.other_account_id],
        )
        for line in lines
    ]


def wallet_statement(
    rows: Rows,
    ledger: SqlLedgerReader,
    party_id: str,
    currency: str = "CNY",
    *,
    before: int = NEWEST,
    from_ms: int = 0,
    limit: int = 50,
) -> WalletStatement:
    """A page of a wallet's posted movements with the balance after each, newest first.

    Args:
        before: the cursor: entries with an earlier ledger timestamp.
        from_ms: no entries before this moment.
        limit: at most so many entries, greater than 0.

    Raises:
        Refused: PARTY_NOT_EXIST, or INVALID_PARAMETER for an unknown currency.
    """
    assert limit > 0, limit
    with snapshot(ledger):
        account = _account(rows, ledger, party_id, currency)
        if account is None:
            return WalletStatement([], None)
        found = ledger.newest_postings(
            account.id, before=before, not_before=from_ms * 1_000_000, limit=limit + 1
        )
        shown = found[:limit][::-1]
        if not shown:
            return WalletStatement([], None)
        opening = balance_before(ledger, account, shown[0].timestamp)
        lines = list(statement(account, shown, opening=opening))
        entries = _entries(ledger, lines)[::-1]
    return WalletStatement(entries, shown[0].timestamp if len(found) > limit else None)


def open_bank_orders(rows: ReadSession, *, party_id: str = "", limit: int = 100) -> list[BankOrder]:
    """Bank orders that wait for the bank, oldest first; of one party or of all."""
    clause, values = "status IN (?, ?)", [BankOrderStatus.NEW.value, BankOrderStatus.SENT.value]
    if party_id:
        clause, values = f"{clause} AND party_id = ?", [*values, party_id]
    return rows.query(
        BankOrder, f"WHERE {clause} ORDER BY created_ms, order_id LIMIT ?", (*values, limit)
    )
