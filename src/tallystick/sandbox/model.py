"""What a run's answers amount to: a sequential model of each trade and hold.

It is written from the documented states, apart from the platform's own decisions, and knows of
nothing but what clients asked and were told. Amounts are minor units.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.money.amount import format_amount
from tallystick.money.rate import Rounding, apply_rate
from tallystick.sandbox.answers import BALANCE_CODES
from tallystick.sandbox.history import Call

__all__ = ["TRADE_CALLS", "HoldModel", "Move", "TradeModel", "moves_by_party", "yuan"]

_MAY: Final = {
    "create": {"", "wait_buyer_pay"},
    "pay": {"", "wait_buyer_pay"},
    "ship": {"held"},
    "confirm": {"held", "shipped"},
    "refund": {"held", "shipped", "settled"},
    "dispute": {"held", "shipped"},
    "resolve": {"disputed"},
    "split": {"settled"},
    "close": {"wait_buyer_pay"},
    "cancel": {"wait_buyer_pay", "held", "closed"},
}
"""In which states of a trade a command is accepted; "" is before the order is opened."""

TRADE_CALLS: Final = tuple(_MAY)


class Move(NamedTuple):
    """Money that a wallet gained (or lost, when negative), by a call."""

    party_id: str
    change: int
    reference: str
    call: Call
    at_once: bool = True
    """Whether it had happened when the call was answered; a bank's answer comes later."""


def yuan(amount: int) -> str:
    """Minor units of CNY as answers show them."""
    return format_amount(amount, "CNY")


@dataclass
class TradeModel:
    """A trade as its clients' answers have it.

    Args:
        out_trade_no: the client's number.
        fee_rate: the platform's fee on what is settled.
    """

    out_trade_no: str
    fee_rate: Decimal
    trade_no: str = ""
    status: str = ""
    seller_id: str = ""
    buyer_id: str = ""
    amount: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    split_numbers: dict[str, int] = field(default_factory=dict)
    confirmed_as: str = ""
    given_away: int = 0
    moves: list[Move] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    notices: int = 0
    """Notifications that the shop is owed."""
    events: list[str] = field(default_factory=list)
    """The transitions that the trade went through, each once."""
    pay_by_ms: int = 0

    @property
    def refunded(self) -> int:
        """What went back to the buyer."""
        return sum(self.refunds.values())

    @property
    def held(self) -> int:
        """What is in escrow."""
        open_states = ("held", "shipped", "disputed")
        return self.amount - self.refunded if self.status in open_states else 0

    def fee(self, amount: int) -> int:
        """The platform's fee on a settled amount."""
        return apply_rate(amount, self.fee_rate, Rounding.HALF_UP)

    def follow(self, calls: Iterable[Call]) -> TradeModel:
        """Take the trade through its calls, in order."""
        for call in calls:
            if call.accepted is None:
                self.differences.append(f"{call}: nobody was told what became of it")
            elif call.accepted:
                self._accepted(call)
            else:
                self._refused(call)
        return self

    def _wrong(self, call: Call, what: str) -> None:
        self.differences.append(f"{call}: {what}")

    def _is_repeat(self, call: Call) -> bool:
        """Whether the call asks for what was done before, under its number."""
        number = call.facts.get("request_no", "")
        if call.what == "refund":
            return self.refunds.get(number, 0) == int(call.facts["amount"])
        if call.what == "split":
            return self.split_numbers.get(number, 0) == int(call.facts["amount"])
        return call.what == "confirm" and bool(number) and self.confirmed_as == number

    def _exceeds(self, call: Call) -> bool:
        left = self.amount - self.refunded
        if call.what == "refund":
            return bool(call.facts["amount"] > left)
        if call.what == "split":
            return bool(call.facts["amount"] > left - self.fee(left) - self.given_away)
        if call.what == "resolve":
            return bool(call.facts["to_buyer"] + call.facts["to_seller"] != left)
        return False

    def _refused(self, call: Call) -> None:
        if call.code in BALANCE_CODES:
            return
        may = self.status in _MAY[call.what] and not self._exceeds(call)
        if self._is_repeat(call) or (may and not call.facts.get("late")):
            self._wrong(call, f"refused with {call.code} though the trade is {self.status!r}")

    def _accepted(self, call: Call) -> None:
        if self._is_repeat(call):
            return
        if self.status not in _MAY[call.what] or self._exceeds(call):
            self._wrong(call, f"accepted though the trade is {self.status!r}")
        trade_no = call.told.get("trade_no", "")
        if self.trade_no and trade_no not in ("", self.trade_no):
            self._wrong(call, f"the trade was {self.trade_no} before and now is {trade_no}")
        self.trade_no = self.trade_no or trade_no
        if call.what == "pay" and not self.status:
            self._create(call)
        if call.what != "create" and self.status != "closed":
            self.events.append(f"trade.{call.what}")
        _STEPS[call.what](self, call)
        told = call.told.get("status")
        if call.what not in ("split", "confirm") and told in _STATES and told != self.status:
            self._wrong(call, f"the client was told {told}, not {self.status}")

    def _told(self, call: Call, name: str, amount: int) -> None:
        if name in call.told and call.told[name] != yuan(amount):
            self._wrong(call, f"told {name} {call.told[name]}, which should be {yuan(amount)}")

    def _move(self, call: Call, party_id: str, change: int) -> None:
        if change:
            self.moves.append(Move(party_id, change, self.trade_no, call))

    def let_time_pass(self, now_ms: int) -> None:
        """An order whose time to pay is over closes itself."""
        if self.status == "wait_buyer_pay" and 0 < self.pay_by_ms <= now_ms:
            self.status = "closed"
            self.events.append("trade.close")
            self.notices += 1

    # What each command does.

    def _create(self, call: Call) -> None:
        if not self.status:
            self.events.append("trade.create")
        self.status = "wait_buyer_pay"
        self.pay_by_ms = call.facts.get("pay_by_ms", 0)
        self.amount, self.seller_id = call.facts["amount"], call.facts["seller_id"]

    def _pay(self, call: Call) -> None:
        self._told(call, "total_amount", self.amount)
        self.status, self.buyer_id = "held", call.facts["buyer_id"]
        self.notices += 1
        self._move(call, self.buyer_id, -self.amount)

    def _ship(self, call: Call) -> None:
        self.status = "shipped"

    def _settle(self, call: Call, amount: int) -> None:
        self.status = "settled"
        self._move(call, self.seller_id, amount - self.fee(amount))

    def _confirm(self, call: Call) -> None:
        self._told(call, "settle_amount", self.held)
        self._settle(call, self.held)
        self.confirmed_as = call.facts["request_no"]

    def _refund(self, call: Call) -> None:
        self._give_back(call, call.facts["request_no"], call.facts["amount"])
        self._told(call, "refund_fee", self.refunded)
        self._told(call, "send_back_fee", call.facts["amount"])

    def _give_back(self, call: Call, number: str, amount: int) -> None:
        kept = self.amount - self.refunded
        if self.status == "settled":
            self._move(call, self.seller_id, self.fee(kept) - self.fee(kept - amount))
            self._move(call, self.seller_id, -amount)
        self._move(call, self.buyer_id, amount)
        self.refunds[number] = amount
        self.notices += 1
        if amount == kept:
            self.status = "closed"

    def _dispute(self, call: Call) -> None:
        self.status = "disputed"

    def _resolve(self, call: Call) -> None:
        to_buyer, to_seller = call.facts["to_buyer"], call.facts["to_seller"]
        if to_buyer:
            self._give_back(call, "dispute", to_buyer)
        if to_seller:
            self._settle(call, to_seller)

    def _split(self, call: Call) -> None:
        amount = call.facts["amount"]
        self._move(call, self.seller_id, -amount)
        self._move(call, call.facts["receiver_id"], amount)
        self.split_numbers[call.facts["request_no"]] = amount
        self.given_away += amount

    def _close(self, call: Call) -> None:
        self.status = "closed"
        self.notices += 1

    def _cancel(self, call: Call) -> None:
        if self.status == "wait_buyer_pay":
            self._close(call)
        elif self.status == "held":
            self._give_back(call, "cancel", self.held)


_STATES: Final = frozenset(state for states in _MAY.values() for state in states if state)
_STEPS: Final[dict[str, Callable[[TradeModel, Call], None]]] = {
    "create": TradeModel._create,
    "pay": TradeModel._pay,
    "ship": TradeModel._ship,
    "confirm": TradeModel._confirm,
    "refund": TradeModel._refund,
    "dispute": TradeModel._dispute,
    "resolve": TradeModel._resolve,
    "split": TradeModel._split,
    "close": TradeModel._close,
    "cancel": TradeModel._cancel,
}


@dataclass
class HoldModel:
    """A hold as its clients' answers have it."""

    out_order_no: str
    hold_id: str = ""
    payer_id: str = ""
    frozen: int = 0
    requests: set[str] = field(default_factory=set)
    differences: list[str] = field(default_factory=list)

    def follow(self, calls: Iterable[Call]) -> HoldModel:
        """Take the hold through its calls, in order."""
        for call in calls:
            amount, number = call.facts["amount"], call.facts["request_no"]
            if call.accepted is None:
                self.differences.append(f"{call}: nobody was told what became of it")
            elif call.accepted and number not in self.requests:
                self.requests.add(number)
                self._accepted(call, amount)
            elif not call.accepted and call.code not in BALANCE_CODES and (
                call.what == "freeze" or amount <= self.frozen
            ):  # fmt: skip
                self.differences.append(f"{call}: refused with {call.code}, frozen {self.frozen}")
        return self

    def _accepted(self, call: Call, amount: int) -> None:
        if call.what == "freeze":
            self.hold_id, self.payer_id = call.told["auth_no"], call.facts["buyer_id"]
            self.frozen += amount
            return
        self.frozen -= amount
        if self.frozen < 0:
            self.differences.append(f"{call}: accepted though too little was frozen")


def moves_by_party(moves: Iterable[Move]) -> dict[str, list[Move]]:
    """The moves of each wallet, in the order in which their calls were sent."""
    found: dict[str, list[Move]] = defaultdict(list)
    for move in sorted(moves, key=lambda m: m.call.number):
        found[move.party_id].append(move)
    return found
