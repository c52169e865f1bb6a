"""The wallet's page of bills: what is to be paid of purchases that were paid later."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post

from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import failed_text, prove_payment_password
from tallystick.console.requests import need_party, read_form
from tallystick.console.step_up import asks_for_proof
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.pay_later.model import PAY_LATER, PayBill
from tallystick.credit.pay_later.views import bills_of, later_line, left_to_pay

__all__ = ["LATER_BILLS"]

_HERE: Final = "/wallet/bills"


def _page(front: Frontend, visitor: Visitor, refusal: RefusalText | None = None) -> Response[str]:
    platform, party_id = front.platform, need_party(visitor).party_id
    line = later_line(platform.rows, platform.ledger, party_id, PAY_LATER)
    today = loan_day(platform.clock_ms())
    return front.page(
        visitor, "wallet/bills.html", status=refusal.status if refusal else 200, here="bills",
        line=line, left=left_to_pay(platform.rows, party_id, PAY_LATER, today) if line else 0,
        bills=bills_of(platform.rows, party_id, PAY_LATER), refusal=refusal,
    )  # fmt: skip


@get(_HERE)
async def show_bills(front: Front, visitor: Asking) -> Response[str]:
    """What is to be paid, and the bills so far."""
    return _page(front, visitor)


@post(f"{_HERE}/pay")
async def pay_bills(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Pay all that is billed, from the wallet."""
    party = need_party(visitor).party
    assert party is not None
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _page(front, visitor, failed_text(failed, visitor.language))
    command = PayBill(borrower_id=party.party_id, product_id=PAY_LATER)
    answer = await front.submit(visitor.caller, command)
    proof = await asks_for_proof(front, visitor, answer.refusal, _HERE)
    if proof is not None:
        return proof
    if answer.refusal is not None:
        return _page(front, visitor, refusal_text(answer.refusal, visitor.language))
    return front.redirect(_HERE, done="bill_paid")


LATER_BILLS: Final = (show_bills, pay_bills)
