"""The proof of a bill: its sums beside what the ledger moved in the same period."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.parties.model import Party
from tallystick.payments.accounts import trade_escrow, wallet
from tallystick.payments.bills.archive import bill_account
from tallystick.payments.bills.period import BillPeriod, bill_period
from tallystick.payments.bills.trade_lines import BILL_CURRENCY, TradeTotals, trade_lines
from tallystick.payments.bills.wallet_lines import WalletTotals, wallet_lines
from tallystick.payments.movements import Movement
from tallystick.payments.trades.model import Trade
from tallystick.payments.wallet.views import snapshot
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["BillProof", "Sums", "bill_proof"]

_NS: Final = 1_000_000
_UNPOSTED: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class Sums(NamedTuple):
    """What a period moved, in minor units: in, out (not positive), and both together."""

    income: int
    expense: int
    net: int


class BillProof(NamedTuple):
    """A bill's sums and the ledger's; the bill is right when they are equal."""

    bill: Sums
    ledger: Sums

    @property
    def holds(self) -> bool:
        """Whether the bill adds up to the ledger."""
        return self.bill == self.ledger


def bill_proof(
    rows: ReadSession, ledger: SqlLedgerReader, app_id: str, bill_type: str, day: str
) -> BillProof:
    """Add up a bill and, by itself, the ledger.

    For `trade` the bill's side comes from trades, refunds and settlements; the ledger's from
    the transfers of the period that touch an escrow or a seller's wallet for one of the app's
    trades. For `signcustomer` the bill's side is its lines, the ledger's what was posted to
    either side of the merchant's wallet.

    Raises:
        Refused: APP_NOT_EXIST, INVALID_PARAMETER.
    """
    period = bill_period(day)
    with snapshot(ledger):
        if bill_type == "trade":
            return BillProof(
                _of_trades(_bill_of_trades(rows, app_id, period)),
                _of_trades(_ledger_of_trades(rows, ledger, app_id, period)),
            )
        if bill_type == "signcustomer":
            return _wallet_proof(rows, ledger, app_id, period)
    raise Refused("INVALID_PARAMETER", "bill_type is trade or signcustomer.")


def _bill_of_trades(rows: ReadSession, app_id: str, period: BillPeriod) -> TradeTotals:
    """The sums of a trade bill's lines."""
    totals = TradeTotals()
    for line in trade_lines(rows, app_id, period):
        totals = totals.plus(line)
    return totals


def _of_trades(totals: TradeTotals) -> Sums:
    return Sums(totals.paid, totals.net - totals.paid, totals.net)


def _transfers(ledger: SqlLedgerReader, app_id: str, period: BillPeriod) -> Iterator[Transfer]:
    """The posted transfers of a period that belong to one of an app's trades."""
    found = ledger.connection.execute(
        "SELECT trade_no FROM trade WHERE app_id = ? AND currency = ? AND paid_ms > 0",
        (app_id, BILL_CURRENCY),
    )
    for (trade_no,) in found:
        for transfer in ledger.transfers_with_reference(int(trade_no)):
            in_period = period.start_ms * _NS <= transfer.timestamp < period.end_ms * _NS
            if in_period and not transfer.flags & _UNPOSTED:
                yield transfer


def _ledger_of_trades(
    rows: ReadSession, ledger: SqlLedgerReader, app_id: str, period: BillPeriod
) -> TradeTotals:
    """What went into and out of the merchants' side: escrow accounts and sellers' wallets."""
    paid = refunded = fee = share = 0
    sides: dict[int, tuple[int, int]] = {}
    for transfer in _transfers(ledger, app_id, period):
        side = sides.get(transfer.user_data_128)
        if side is None:
            side = sides[transfer.user_data_128] = _merchant_side(rows, transfer)
        inward = transfer.credit_account_id in side
        outward = transfer.debit_account_id in side
        change = transfer.amount * (inward - outward)
        if transfer.code in (Movement.TRADE_PAY, Movement.HOLD_CAPTURE):
            paid += change
        elif transfer.code == Movement.TRADE_REFUND:
            refunded += change
        elif transfer.code in (Movement.TRADE_FEE, Movement.FEE_RETURN):
            fee += change
        else:
            share += change
    return TradeTotals(0, paid, 0, refunded, fee, share)


def _merchant_side(rows: ReadSession, transfer: Transfer) -> tuple[int, int]:
    trade = rows.get(Trade, str(transfer.user_data_128))
    assert trade is not None, transfer.user_data_128
    seller = rows.get(Party, trade.seller_id)
    assert seller is not None, trade.trade_no
    return trade_escrow(trade.trade_no, trade.currency).id, wallet(seller, trade.currency).id


def _wallet_proof(
    rows: ReadSession, ledger: SqlLedgerReader, app_id: str, period: BillPeriod
) -> BillProof:
    merchant = bill_account(rows, app_id)
    found = ledger.accounts([wallet(merchant, BILL_CURRENCY).id])
    if not found:
        return BillProof(Sums(0, 0, 0), Sums(0, 0, 0))
    account, totals = found[0], WalletTotals()
    for line in wallet_lines(rows, ledger, account, period):
        totals = totals.plus(line.change)
    begin, end = (
        ledger.posted_before(account, ms * _NS) for ms in (period.start_ms, period.end_ms)
    )
    income = end.credits_posted - begin.credits_posted
    spent = end.debits_posted - begin.debits_posted
    return BillProof(
        Sums(totals.income, totals.expense, totals.net), Sums(income, -spent, income - spent)
    )
