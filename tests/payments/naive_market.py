"""A naive model of trades, wallets, holds and bank orders: plain numbers in dictionaries.

It is written from the documentation, shares nothing with the product but the names of its
commands, and says of every command whether it is accepted, or with which code it is refused.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

__all__ = ["NaiveHold", "NaiveMarket", "NaiveTrade", "Shares"]

Shares = tuple[tuple[str, int], ...]
"""Receivers and amounts."""

OVER = {"closed": "TRADE_CLOSED", "finished": "TRADE_FINISHED"}


@dataclass
class NaiveTrade:
    """What is known of a trade."""

    seller: str
    amount: int
    instant: bool
    plan: Shares
    pay_by: int
    status: str = "wait"
    buyer: str = ""
    held: int = 0
    refunds: dict[str, tuple[int, Shares]] = field(default_factory=dict)
    splits: dict[str, Shares] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    settle_no: str = ""
    confirm_by: int | None = None
    finish_by: int | None = None

    @property
    def refunded(self) -> int:
        return sum(amount for amount, _ in self.refunds.values())


@dataclass
class NaiveHold:
    """Frozen money."""

    payer: str
    payee: str
    amount: int
    left: int
    expires: int | None
    open: bool = True
    operations: dict[str, tuple[str, int]] = field(default_factory=dict)


class NaiveMarket:
    """All of it. Every method is a command and gives "" or the code of its refusal."""

    def __init__(
        self, now: int, wallets: dict[str, int], app: tuple[str, ...], fee_percent: int,
        confirm_within: int, refund_within: int,
    ) -> None:  # fmt: skip
        self.now = now
        self.available: dict[str, int] = defaultdict(int, wallets)
        self.frozen: dict[str, int] = defaultdict(int)
        self.reserve = sum(wallets.values())
        self.fees = 0
        self.trades: dict[str, NaiveTrade] = {}
        self.holds: dict[str, NaiveHold] = {}
        self.transfers: dict[tuple[str, str], tuple[str, str, int]] = {}
        self.bank: dict[str, tuple[str, str, int, str]] = {}
        self.sellers = app
        self.fee_percent = fee_percent
        self.confirm_within, self.refund_within = confirm_within, refund_within

    def fee(self, amount: int) -> int:
        """The fee, half a unit upwards."""
        return (amount * self.fee_percent * 2 + 100) // 200

    # Wallets.

    def transfer(self, payer: str, payee: str, amount: int, number: str) -> str:
        known = self.transfers.get((payer, number))
        if known is not None:
            return "" if known == (payer, payee, amount) else "TRANSFER_MISMATCH"
        if amount <= 0:
            return "INVALID_AMOUNT"
        if payer == payee:
            return "PAYER_IS_PAYEE"
        if self.available[payer] < amount:
            return "BALANCE_NOT_ENOUGH"
        self.available[payer] -= amount
        self.available[payee] += amount
        self.transfers[payer, number] = (payer, payee, amount)
        return ""

    def order_bank(self, name: str, kind: str, party: str, amount: int) -> str:
        if amount <= 0:
            return "INVALID_AMOUNT"
        if kind == "withdrawal":
            if self.available[party] < amount:
                return "BALANCE_NOT_ENOUGH"
            self.available[party] -= amount
            self.frozen[party] += amount
        self.bank[name] = (kind, party, amount, "")
        return ""

    def bank_answers(self, name: str, answer: str) -> str:
        if name not in self.bank:
            return "BANK_ORDER_NOT_EXIST"
        kind, party, amount, before = self.bank[name]
        if before:
            return "" if before == answer else "BANK_ANSWER_CONFLICT"
        self.bank[name] = (kind, party, amount, answer)
        accepted = answer.startswith("yes")
        if kind == "top_up" and accepted:
            self.available[party] += amount
            self.reserve += amount
        if kind == "withdrawal":
            self.frozen[party] -= amount
            if accepted:
                self.reserve -= amount
            else:
                self.available[party] += amount
        return ""

    # Holds.

    def freeze(
        self, number: str, payer: str, payee: str, amount: int, request: str, within: int
    ) -> str:
        known = self.holds.get(number)
        if known is not None:
            if known.payer != payer:
                return "NOT_PERMITTED"
            same = (known.payee, known.amount) == (payee, amount)
            same = same and known.operations.get(request, ("", 0))[0] == "freeze"
            return "" if same else "HOLD_MISMATCH"
        if amount <= 0:
            return "INVALID_AMOUNT"
        if self.available[payer] < amount:
            return "BALANCE_NOT_ENOUGH"
        self.available[payer] -= amount
        self.frozen[payer] += amount
        expires = self.now + within if within else None
        hold = NaiveHold(payer, payee, amount, amount, expires)
        hold.operations[request] = ("freeze", amount)
        self.holds[number] = hold
        return ""

    def _release(self, hold: NaiveHold, amount: int) -> None:
        hold.left -= amount
        self.frozen[hold.payer] -= amount
        self.available[hold.payer] += amount
        hold.open = hold.left > 0

    def _cannot_take(self, hold: NaiveHold, amount: int) -> str:
        if not hold.open or (hold.expires is not None and self.now >= hold.expires):
            return "HOLD_CLOSED"
        if amount <= 0:
            return "INVALID_AMOUNT"
        return "HOLD_AMOUNT_EXCEEDED" if amount > hold.left else ""

    def unfreeze(self, number: str, amount: int, request: str) -> str:
        hold = self.holds.get(number)
        if hold is None:
            return "HOLD_NOT_EXIST"
        known = hold.operations.get(request)
        if known is not None:
            return "" if known == ("unfreeze", amount) else "HOLD_MISMATCH"
        if refused := self._cannot_take(hold, amount):
            return refused
        hold.operations[request] = ("unfreeze", amount)
        self._release(hold, amount)
        return ""

    # Trades.

    def create(
        self, number: str, seller: str, amount: int, plan: Shares, *, instant: bool, within: int
    ) -> str:
        known = self.trades.get(number)
        if known is not None:
            same = (known.seller, known.amount, known.instant) == (seller, amount, instant)
            if not same or plan not in ((), known.plan):
                return "TRADE_MISMATCH"
            return "" if known.status == "wait" else self._not_payable(known)
        refused = self._cannot_open(seller, amount, plan)
        if not refused:
            self.trades[number] = NaiveTrade(seller, amount, instant, plan, self.now + within)
        return refused

    def _cannot_open(self, seller: str, amount: int, plan: Shares) -> str:
        if amount <= 0:
            return "INVALID_AMOUNT"
        if any(part <= 0 for _, part in plan):
            return "INVALID_AMOUNT"
        if sum(part for _, part in plan) + self.fee(amount) > amount:
            return "SPLIT_EXCEEDS_AMOUNT"
        return ""

    @staticmethod
    def _not_payable(trade: NaiveTrade) -> str:
        return OVER.get(trade.status, "TRADE_ALREADY_PAID")

    def pay(self, number: str, buyer: str, hold_number: str = "") -> str:
        trade = self.trades.get(number)
        if trade is None:
            return "TRADE_NOT_EXIST"
        if trade.status != "wait":
            return self._not_payable(trade)
        hold: NaiveHold | None = None
        if hold_number:
            hold = self.holds.get(hold_number)
            if hold is None:
                return "HOLD_NOT_EXIST"
            if refused := self._cannot_take(hold, trade.amount):
                return refused
            buyer = hold.payer
        if self.now >= trade.pay_by:
            return "TRADE_EXPIRED"
        if buyer == trade.seller:
            return "BUYER_IS_SELLER"
        if hold is not None:
            hold.operations[f"pay:{number}"] = ("pay", trade.amount)
            self._release(hold, trade.amount)
        if self.available[buyer] < trade.amount:
            return "BUYER_BALANCE_NOT_ENOUGH"
        self.available[buyer] -= trade.amount
        trade.buyer, trade.held, trade.status = buyer, trade.amount, "held"
        if trade.instant:
            self._settle(trade, trade.plan, trade.held, "settle")
        return ""

    def _settle(self, trade: NaiveTrade, splits: Shares, amount: int, settle_no: str) -> None:
        trade.settle_no, trade.splits["#settled"] = settle_no, splits
        fee = self.fee(amount)
        self.fees += fee
        for receiver, part in splits:
            self.available[receiver] += part
            trade.given[receiver] += part
        self.available[trade.seller] += amount - fee - sum(part for _, part in splits)
        trade.held -= amount
        trade.status = "settled"
        trade.confirm_by = None
        trade.finish_by = self.now + self.refund_within

    @staticmethod
    def _in(trade: NaiveTrade, allowed: str, others: dict[str, str], rest: str) -> str:
        """What is said when the trade is in none of the allowed states."""
        if trade.status in allowed.split():
            return ""
        common = {"wait": "TRADE_NOT_PAID", "disputed": "TRADE_DISPUTED"} | OVER
        return (common | others).get(trade.status, rest)

    def close(self, number: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if not (refused := self._in(trade, "wait", {}, "TRADE_STATE_REFUSED")):
            trade.status = "closed"
        return refused

    def cancel(self, number: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if trade.status == "settled" and not trade.instant:
            return "TRADE_STATE_REFUSED"
        if refused := self._in(trade, "wait held settled closed", {}, "TRADE_STATE_REFUSED"):
            return refused
        if trade.status == "wait":
            trade.status = "closed"
        elif trade.status != "closed":
            name = "cancel"
            while name in trade.refunds:
                name += "+"
            return self._refund(trade, trade.amount - trade.refunded, name, ())
        return ""

    def ship(self, number: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        others = {"shipped": "TRADE_STATE_REFUSED"}
        if not (refused := self._in(trade, "held", others, "TRADE_NOT_HELD")):
            trade.status, trade.confirm_by = "shipped", self.now + self.confirm_within
        return refused

    def confirm(self, number: str, splits: Shares, settle_no: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if settle_no and settle_no == trade.settle_no:
            same = not splits or splits == trade.splits["#settled"]
            return "" if same else "SETTLE_MISMATCH"
        if refused := self._in(trade, "held shipped", {}, "TRADE_NOT_HELD"):
            return refused
        splits = splits or self._plan_for_held(trade)
        if any(part <= 0 for _, part in splits):
            return "INVALID_AMOUNT"
        if sum(part for _, part in splits) + self.fee(trade.held) > trade.held:
            return "SPLIT_EXCEEDS_AMOUNT"
        self._settle(trade, splits, trade.held, settle_no or "settle")
        return ""

    def _plan_for_held(self, trade: NaiveTrade) -> Shares:
        """The plan, less in proportion to what has gone back; the odd units by remainder."""
        planned = sum(part for _, part in trade.plan)
        if not planned or trade.held == trade.amount:
            return trade.plan
        total = min(planned * trade.held // trade.amount, trade.held - self.fee(trade.held))
        exact = [divmod(total * part, planned) for _, part in trade.plan]
        odd = total - sum(whole for whole, _ in exact)
        first = sorted(range(len(exact)), key=lambda i: (-exact[i][1], i))[:odd]
        shares = [whole + (i in first) for i, (whole, _) in enumerate(exact)]
        named = [receiver for receiver, _ in trade.plan]
        return tuple((r, s) for r, s in zip(named, shares, strict=True) if s)

    def split(self, number: str, splits: Shares, request: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if request in trade.splits:
            return "" if trade.splits[request] == splits else "SETTLE_MISMATCH"
        if refused := self._in(trade, "settled", {"disputed": "TRADE_NOT_SETTLED"},
                               "TRADE_NOT_SETTLED"):  # fmt: skip
            return refused
        if any(part <= 0 for _, part in splits):
            return "INVALID_AMOUNT"
        total, kept = sum(part for _, part in splits), trade.amount - trade.refunded
        if total > kept - self.fee(kept) - sum(trade.given.values()):
            return "SPLIT_EXCEEDS_AMOUNT"
        if self.available[trade.seller] < total:
            return "SELLER_BALANCE_NOT_ENOUGH"
        self.available[trade.seller] -= total
        for receiver, part in splits:
            self.available[receiver] += part
            trade.given[receiver] += part
        trade.splits[request] = splits
        return ""

    def refund(self, number: str, amount: int, request: str, clawbacks: Shares) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        request = request or number
        if request in trade.refunds:
            same = trade.refunds[request] == (amount, clawbacks)
            return "" if same else "REFUND_MISMATCH"
        if refused := self._in(trade, "held shipped settled", {}, ""):
            return refused
        return self._refund(trade, amount, request, clawbacks)

    def _refund(self, trade: NaiveTrade, amount: int, request: str, clawbacks: Shares) -> str:
        if amount <= 0:
            return "INVALID_AMOUNT"
        if trade.refunded + amount > trade.amount:
            return "REFUND_AMOUNT_EXCEEDED"
        if trade.status != "settled":
            if clawbacks:
                return "TRADE_NOT_SETTLED"
            trade.held -= amount
        elif refused := self._from_seller(trade, amount, clawbacks):
            return refused
        self.available[trade.buyer] += amount
        trade.refunds[request] = (amount, clawbacks)
        if trade.refunded == trade.amount:
            trade.status, trade.confirm_by, trade.finish_by = "closed", None, None
        return ""

    def _from_seller(self, trade: NaiveTrade, amount: int, clawbacks: Shares) -> str:
        back: dict[str, int] = defaultdict(int)
        for receiver, part in clawbacks:
            if part <= 0:
                return "INVALID_AMOUNT"
            back[receiver] += part
            if back[receiver] > trade.given[receiver]:
                return "SPLIT_EXCEEDS_AMOUNT"
        if any(self.available[receiver] < part for receiver, part in back.items()):
            return "SELLER_BALANCE_NOT_ENOUGH"
        kept = trade.amount - trade.refunded
        fee_back = self.fee(kept) - self.fee(kept - amount)
        if self.available[trade.seller] + sum(back.values()) + fee_back < amount:
            return "SELLER_BALANCE_NOT_ENOUGH"
        for receiver, part in back.items():
            self.available[receiver] -= part
            trade.given[receiver] -= part
        self.available[trade.seller] += sum(back.values()) + fee_back - amount
        self.fees -= fee_back
        return ""

    def dispute(self, number: str) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if not (refused := self._in(trade, "held shipped", {}, "TRADE_NOT_HELD")):
            trade.status, trade.confirm_by = "disputed", None
        return refused

    def resolve(self, number: str, to_buyer: int, to_seller: int) -> str:
        if (trade := self.trades.get(number)) is None:
            return "TRADE_NOT_EXIST"
        if refused := self._in(trade, "disputed", {}, "DISPUTE_NOT_OPEN"):
            return refused
        if min(to_buyer, to_seller) < 0 or to_buyer + to_seller != trade.held:
            return "DISPUTE_SUM_WRONG"
        if to_buyer:
            name = "dispute"
            while name in trade.refunds:
                name += "+"
            trade.refunds[name] = (to_buyer, ())
            trade.held -= to_buyer
            self.available[trade.buyer] += to_buyer
        if to_seller:
            self._settle(trade, (), to_seller, "dispute")
        else:
            trade.status = "closed"
        return ""

    # Time.

    def pass_time(self, span: int) -> None:
        """Let time pass and everything happen that is due."""
        self.now += span
        for trade in self.trades.values():
            if trade.status == "wait" and self.now >= trade.pay_by:
                trade.status = "closed"
            if trade.confirm_by is not None and self.now >= trade.confirm_by:
                self._settle(trade, self._plan_for_held(trade), trade.held, "settle")
            if trade.finish_by is not None and self.now >= trade.finish_by:
                trade.status, trade.finish_by = "finished", None
        for hold in self.holds.values():
            if hold.open and hold.expires is not None and self.now >= hold.expires:
                self._release(hold, hold.left)
