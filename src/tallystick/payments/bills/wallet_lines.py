"""The lines of a merchant's account bill: every posted movement of its wallet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tallystick.ledger.model import Account
from tallystick.ledger.statements import StatementLine, statement
from tallystick.payments.bills.period import BillPeriod
from tallystick.payments.movement_names import movement_name
from tallystick.payments.trades.model import Trade
from tallystick.payments.wallet.model import WalletTransfer
from tallystick.payments.wallet.views import balance_before
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["WalletLine", "WalletTotals", "wallet_lines"]

_NS = 1_000_000
_AT_ONCE = 1_000


class WalletLine(NamedTuple):
    """One movement. `change` and `balance` (after it) are in minor units.

    Args:
        entry_no: the ledger's timestamp, which names the entry.
        reference: the number of the trade, transfer or bank order it belongs to.
    """

    entry_no: int
    at_ms: int
    kind: str
    reference: str
    out_no: str
    title: str
    counterparty_id: str
    change: int
    balance: int


class WalletTotals(NamedTuple):
    """Income and expense of a period; `expense` is not positive."""

    income_count: int = 0
    income: int = 0
    expense_count: int = 0
    expense: int = 0

    def plus(self, change: int) -> WalletTotals:
        """With one more movement."""
        if change >= 0:
            return self._replace(income_count=self.income_count + 1, income=self.income + change)
        return self._replace(expense_count=self.expense_count + 1, expense=self.expense + change)

    @property
    def net(self) -> int:
        """What the period added to the wallet."""
        return self.income + self.expense


def _about(rows: ReadSession, reference: str) -> tuple[str, str]:
    """The partner's own number and the title of what an entry belongs to."""
    trade = rows.get(Trade, reference)
    if trade is not None:
        return trade.out_trade_no, trade.subject
    transfer = rows.get(WalletTransfer, reference)
    return (transfer.out_biz_no, transfer.title) if transfer is not None else ("", "")


def _lines(
    ledger: SqlLedgerReader, account: Account, period: BillPeriod
) -> Iterator[StatementLine]:
    """The account's posted movements in a period, read some at a time."""
    after, before = period.start_ms * _NS - 1, period.end_ms * _NS
    balance = balance_before(ledger, account, period.start_ms * _NS)
    while True:
        page = ledger.transfers_of_account(account.id, after=after, before=before, limit=_AT_ONCE)
        for line in statement(account, page, opening=balance):
            balance = line.balance
            yield line
        if len(page) < _AT_ONCE:
            return
        after = page[-1].timestamp


def wallet_lines(
    rows: ReadSession, ledger: SqlLedgerReader, account: Account, period: BillPeriod
) -> Iterator[WalletLine]:
    """The movements of a wallet in a period, oldest first."""
    owners: dict[int, str] = {}
    for line in _lines(ledger, account, period):
        other_id = line.other_account_id
        if other_id not in owners:
            owners[other_id] = str(ledger.accounts([other_id])[0].user_data_128)
        reference = str(line.transfer.user_data_128)
        out_no, title = _about(rows, reference)
        yield WalletLine(
            entry_no=line.transfer.timestamp,
            at_ms=line.transfer.timestamp // _NS,
            kind=movement_name(line.transfer.code).chinese,
            reference=reference,
            out_no=out_no,
            title=title,
            counterparty_id=owners[other_id],
            change=line.change,
            balance=line.balance,
        )
