"""Bills of pay-later products: those that were issued, and paying what is billed."""

from __future__ import annotations

from typing import Final

from tallystick.credit.loans.model import PaidFrom
from tallystick.credit.pay_later.model import Bill, BillDone, PayBill
from tallystick.credit.pay_later.views import bills_of
from tallystick.gateway.rest.fields import (
    AmountText,
    BankId,
    Body,
    Ms,
    PartyId,
    Query,
    Shape,
    amount_of,
    moment,
    text_of,
)
from tallystick.gateway.rest.loan_shapes import Day, ProductId
from tallystick.gateway.rest.loans import currency_of
from tallystick.gateway.rest.operation import Call, Operation, change, look

__all__ = ["BILL_OPERATIONS"]

_TAG: Final = "Credit"
_WHOSE: Final = {"borrower_id": PartyId, "product_id": ProductId}


class BillQuery(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class BillPayment(Body, frozen=True, kw_only=True):
    """A payment of what is billed; without an amount all of it."""

    amount: AmountText | None = None
    bank_id: BankId | None = None


class BillShape(Shape, frozen=True, kw_only=True):
    """A bill as it was issued, and the late fee that it came to cost."""

    bill_day: Day
    due_day: Day
    total: AmountText
    minimum: AmountText
    late_fee: AmountText
    issued_ms: Ms
    checked_ms: Ms | None


class BillsShape(Shape, frozen=True, kw_only=True):
    """A person's bills, newest first."""

    borrower_id: PartyId
    product_id: ProductId
    bills: list[BillShape]


class BillPaid(Shape, frozen=True, kw_only=True):
    """What was paid now, and what is billed and left.

    `returned` is what was offered and not taken, or given to the wallet.
    """

    borrower_id: PartyId
    product_id: ProductId
    paid: AmountText
    left: AmountText
    returned: AmountText


def _shown(bill: Bill) -> BillShape:
    def text(amount: int) -> str:
        return text_of(amount, bill.currency)

    return BillShape(
        bill_day=bill.bill_day,
        due_day=bill.due_day,
        total=text(bill.total),
        minimum=text(bill.minimum),
        late_fee=text(bill.late_fee),
        issued_ms=bill.issued_ms,
        checked_ms=moment(bill.checked_ms),
    )


def bills(call: Call, query: BillQuery) -> BillsShape:
    """A person's bills of a product."""
    borrower_id, product_id = call.path["borrower_id"], call.path["product_id"]
    currency_of(call, product_id)
    found = bills_of(call.platform.rows, borrower_id, product_id)
    return BillsShape(
        borrower_id=borrower_id, product_id=product_id, bills=[_shown(bill) for bill in found]
    )


def pay(call: Call, body: BillPayment) -> PayBill:
    """The command that pays what is billed."""
    product_id = call.path["product_id"]
    currency = currency_of(call, product_id)
    return PayBill(
        borrower_id=call.path["borrower_id"],
        product_id=product_id,
        amount=0 if body.amount is None else amount_of(body.amount, currency),
        source=PaidFrom(body.bank_id or ""),
    )


def _paid(call: Call, done: BillDone) -> BillPaid:
    currency = currency_of(call, done.product_id)
    return BillPaid(
        borrower_id=done.borrower_id,
        product_id=done.product_id,
        paid=text_of(done.paid, currency),
        left=text_of(done.left, currency),
        returned=text_of(done.returned, currency),
    )


_PATH: Final = "/v1/credit/bills/{borrower_id}/{product_id}"

BILL_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        _PATH, "bills", tag=_TAG, scope="credit:read", for_apps=False,
        summary="A person's bills", query=BillQuery, find=bills, answer=BillsShape,
        parameters=_WHOSE, refusals=("CREDIT_PRODUCT_NOT_EXIST",),
    ),
    change(
        f"{_PATH}/payments", "pay_bill", tag=_TAG, scope="credit:write", for_apps=False,
        summary="Pay what is billed", body=BillPayment, command=pay, show=_paid,
        shows_call=True, answer=BillPaid, parameters=_WHOSE,
        refusals=(
            "CREDIT_PRODUCT_NOT_EXIST", "LOAN_NOTHING_TO_PAY", "INVALID_AMOUNT",
            "BORROWER_BALANCE_NOT_ENOUGH", "BANK_NOT_EXIST",
        ),
    ),
)  # fmt: skip
