"""The laws of money, checked on what is committed: nothing here knows what was asked for."""

from __future__ import annotations

from collections import defaultdict

from tests.payments.market import OWN_MONEY, Market

from tallystick.ledger.model import Account, Transfer, TransferFlags
from tallystick.parties.model import Party
from tallystick.payments.accounts import wallet
from tallystick.payments.movements import Movement
from tallystick.payments.trades.model import Refund, Trade, TradeStatus
from tallystick.store.ledger_rows import id_bytes

__all__ = ["LawKeeper"]

BANK_RESERVE, CUSTOMER, MERCHANT, ESCROW, FEES = 1001, 2001, 2002, 2101, 4001
UNPOSTED = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
TERMINAL = frozenset({TradeStatus.CLOSED, TradeStatus.FINISHED})


def _credit(account: Account) -> int:
    return account.credits_posted - account.debits_posted


class LawKeeper:
    """Checks a market whenever it is asked to, and remembers which trades were over."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._over: dict[str, TradeStatus] = {}

    def held(self, trade_no: str) -> int:
        """What a trade's escrow account holds."""
        found = [
            a for a in self._accounts() if a.code == ESCROW and a.user_data_128 == int(trade_no)
        ]
        return sum(_credit(a) for a in found)

    def refunded(self, trade_no: str) -> int:
        """What has gone back to a trade's buyer, by its refunds."""
        return sum(r.amount for r in self.market.rows.select(Refund, trade_no=trade_no))

    def escrow_total(self) -> int:
        """What is held for all trades together, by the code of the chart."""
        return self.market.sum_of(ESCROW)

    def _accounts(self) -> list[Account]:
        return self.market.ledger.accounts_where(limit=100_000)

    def check(self) -> None:
        """All laws at once.

        Raises:
            AssertionError: one is broken.
        """
        accounts = self._accounts()
        self._every_book_balances(accounts)
        self._nobody_owes(accounts)
        self._customers_money_lies_at_the_bank(accounts)
        self._totals_are_the_sums_of_transfers(accounts)
        for trade in self.market.rows.query(Trade, ""):
            self._a_trade_pays_out_what_it_took(trade)
            self._what_is_over_stays_over(trade)

    @staticmethod
    def _every_book_balances(accounts: list[Account]) -> None:
        sides: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for a in accounts:
            sides[a.book][0] += a.debits_posted - a.credits_posted
            sides[a.book][1] += a.debits_pending - a.credits_pending
        assert all(side == [0, 0] for side in sides.values()), dict(sides)

    @staticmethod
    def _nobody_owes(accounts: list[Account]) -> None:
        for a in accounts:
            if a.code in (CUSTOMER, MERCHANT, ESCROW):
                assert a.credits_posted >= a.debits_posted + a.debits_pending, a
            assert min(a.debits_pending, a.credits_pending) >= 0, a

    @staticmethod
    def _customers_money_lies_at_the_bank(accounts: list[Account]) -> None:
        owed = sum(_credit(a) for a in accounts if a.code in (CUSTOMER, MERCHANT, ESCROW, FEES))
        reserve = -sum(_credit(a) for a in accounts if a.code == BANK_RESERVE)
        assert owed == reserve
        assert OWN_MONEY > 0

    def _totals_are_the_sums_of_transfers(self, accounts: list[Account]) -> None:
        sums: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
        for side, column in enumerate(("debit_account_id", "credit_account_id")):
            found = self.market.rows.connection.execute(
                f"SELECT {column}, SUM(amount) FROM ledger_transfer "
                f"WHERE flags & ? = 0 GROUP BY {column}",
                (UNPOSTED,),
            )
            for account_id, total in found:
                sums[account_id][side] = total
        for a in accounts:
            assert sums[id_bytes(a.id)] == [a.debits_posted, a.credits_posted], a

    def _a_trade_pays_out_what_it_took(self, trade: Trade) -> None:
        moved = [
            t
            for t in self.market.ledger.transfers_with_reference(int(trade.trade_no))
            if not t.flags & UNPOSTED
        ]
        taken = _sum(moved, Movement.TRADE_PAY, Movement.HOLD_CAPTURE)
        assert taken == (trade.amount if trade.paid_ms else 0)
        back = _sum(moved, Movement.TRADE_REFUND)
        assert back == self.refunded(trade.trade_no) <= taken
        fee = _sum(moved, Movement.TRADE_FEE) - _sum(moved, Movement.FEE_RETURN)
        shared = _sum(moved, Movement.TRADE_SPLIT) - _sum(moved, Movement.SPLIT_RETURN)
        held = self.held(trade.trade_no)
        assert 0 <= fee <= taken - back or taken == 0
        seller = self._change_of_seller(trade, moved)
        assert taken == back + fee + shared + seller + held
        if trade.status in TERMINAL or trade.status is TradeStatus.SETTLED:
            assert held == 0

    def _change_of_seller(self, trade: Trade, moved: list[Transfer]) -> int:
        party = self.market.rows.get(Party, trade.seller_id)
        assert party is not None
        mine = wallet(party, trade.currency).id
        return sum(
            t.amount * ((t.credit_account_id == mine) - (t.debit_account_id == mine)) for t in moved
        )

    def _what_is_over_stays_over(self, trade: Trade) -> None:
        before = self._over.get(trade.trade_no)
        assert before in (None, trade.status), (trade.trade_no, before, trade.status)
        if trade.status in TERMINAL:
            self._over[trade.trade_no] = trade.status


def _sum(transfers: list[Transfer], *codes: int) -> int:
    return sum(t.amount for t in transfers if t.code in codes)
