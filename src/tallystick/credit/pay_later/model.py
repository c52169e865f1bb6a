"""Pay later: bills, and the commands that buy, bill and pay.

Each purchase is a loan of one payment, or of the instalments that were chosen; a bill is what
falls due on one day of all the loans that a person has of a product.
"""

from __future__ import annotations

from typing import Final

from tallystick.credit.loans.model import PaidFrom
from tallystick.payments.trades.model import PayTrade
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "BILLS", "CYCLES", "PAY_LATER", "Bill", "BillCycle", "BillDone", "BillsClosed", "CheckBill",
    "CloseBills", "IssueBill", "PayBill", "PayTradeLater",
]  # fmt: skip


PAY_LATER: Final = "pay-later"
"""The product by which the partner gateway's pay-later channel pays."""


class Bill(Row, frozen=True):
    """A bill as it was issued; amounts in minor units. What is left of it is in the ledger.

    `late_fee` is what was charged because less than `minimum` was paid in time. `notice_day` is
    when the borrower is reminded of it, empty when they have been or never are.
    """

    borrower_id: str
    product_id: str
    due_day: str
    bill_day: str
    currency: str
    total: int
    minimum: int
    late_fee: int
    issued_ms: int
    checked_ms: int
    notice_day: str = ""


BILLS = Table("pay_later_bill", Bill, ("borrower_id", "product_id", "due_day"))


class BillCycle(Row, frozen=True):
    """When who owes something of a product gets the next bill; gone when nothing is owed."""

    borrower_id: str
    product_id: str
    bill_day: str


CYCLES = Table("pay_later_cycle", BillCycle, ("borrower_id", "product_id"))


class PayTradeLater(Command, frozen=True, kw_only=True, tag="pay_later.pay_trade"):
    """Pay an order with a product's credit, on the next bill or in instalments.

    Args:
        payment: which order, and how the buyer is known; as for `trade.pay`.
        count: 1 for the next bill, or one of the numbers of instalments that the product has.
        seller_pays: whether the seller pays the instalments' fee in the buyer's place.
    """

    payment: PayTrade
    product_id: str
    count: int = 1
    seller_pays: bool = False


class CloseBills(Command, frozen=True, kw_only=True, tag="pay_later.close_bills"):
    """Check, remind of and issue the bills whose day has come (follows the end of a day).

    Args:
        size: how many of each at most in one transaction; it goes on by itself with the others.
    """

    size: int = 2_000


class BillsClosed(Reply, frozen=True, kw_only=True):
    """How many bills of a day were checked, reminded of and looked at to be issued."""

    day: str
    checked: int
    reminded: int
    issued: int


class IssueBill(Command, frozen=True, kw_only=True, tag="pay_later.issue_bill"):
    """A borrower's bill day has come: asked for by timers that earlier versions set."""

    borrower_id: str
    product_id: str
    bill_day: str


class CheckBill(Command, frozen=True, kw_only=True, tag="pay_later.check_bill"):
    """A bill's due day is over: asked for by timers that earlier versions set."""

    borrower_id: str
    product_id: str
    due_day: str


class PayBill(Command, frozen=True, kw_only=True, tag="pay_later.pay_bill"):
    """Pay what is billed and not paid, the oldest first; 0 pays all of it."""

    borrower_id: str
    product_id: str
    amount: int = 0
    source: PaidFrom = PaidFrom()


class BillDone(Reply, frozen=True, kw_only=True):
    """A person's bill: what was paid now, and what is billed and left. Minor units.

    `returned` is what was offered and not taken, or given to the wallet.
    """

    borrower_id: str
    product_id: str
    due_day: str
    total: int
    minimum: int
    paid: int
    left: int
    late_fee: int
    returned: int = 0
