"""A person's applications for a line: asking, what was decided, and why."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.requests import Form, amount_in, form_request, need_party, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.inquiries.exposure import policy_in_force
from tallystick.credit.inquiries.model import IncomeStated, StateIncome
from tallystick.credit.loans.model import LoanProduct, ProductTerms
from tallystick.credit.merchant.model import MerchantProduct
from tallystick.credit.scoring.model import Application, ApplicationDone, ApplyForLine
from tallystick.credit.scoring.views import applications_of, causes_of, serving_of
from tallystick.decoding import decode_json
from tallystick.money.amount import format_amount
from tallystick.pipeline.commands import Command, Reply
from tallystick.pipeline.refusals import Refused

__all__ = ["APPLYING"]

_HERE: Final = "/wallet/loans/apply"
_SHOWN: Final = 20


def _products(front: Frontend, currency: str) -> list[LoanProduct]:
    """What may be applied for: open, in the policy's currency, and not drawn on sales."""
    rows = front.platform.rows
    return [one for one in rows.select(LoanProduct)
            if one.is_open and rows.get(MerchantProduct, one.product_id) is None
            and decode_json(one.terms, ProductTerms).currency == currency]  # fmt: skip


def _page(front: Frontend, visitor: Visitor, refusal: RefusalText | None = None) -> Response[str]:
    rows, party_id = front.platform.rows, need_party(visitor).party_id
    policy = policy_in_force(rows)
    currency = policy.currency if policy else "CNY"
    income = rows.get(IncomeStated, party_id, currency)
    return front.page(
        visitor, "wallet/apply.html", status=refusal.status if refusal else 200, here="loans",
        refusal=refusal, products=_products(front, currency), currency=currency, income=income,
        is_open=policy is not None and serving_of(rows) is not None,
        written=format_amount(income.monthly, currency) if income else "",
        applications=applications_of(rows, party_id, _SHOWN),
    )  # fmt: skip


@get(_HERE)
async def show_apply(front: Front, visitor: Asking) -> Response[str]:
    """Where a line is applied for, and what was decided before."""
    return _page(front, visitor)


async def _do(front: Frontend, visitor: Visitor, form: Form, command: Command, what: str) -> Reply:
    answer = await front.submit(visitor.caller, command, form_request(form, what))
    if answer.refusal is not None:
        raise Refused(*answer.refusal)
    assert answer.reply is not None
    return answer.reply


async def _apply(front: Frontend, visitor: Visitor, form: Form) -> ApplicationDone:
    """State the income, where one is said, and apply.

    Raises:
        Refused: INVALID_AMOUNT, or what the pipeline refused.
    """
    rows, party_id = front.platform.rows, need_party(visitor).party_id
    policy = policy_in_force(rows)
    if policy is None or serving_of(rows) is None:
        raise Refused("SCORE_NOT_IN_SERVICE")
    known = rows.get(IncomeStated, party_id, policy.currency)
    if form.get("income") and not (known and known.is_verified):
        monthly = amount_in(form, "income", policy.currency, allow_zero=True)
        stated = StateIncome(party_id=party_id, currency=policy.currency, monthly=monthly)
        await _do(front, visitor, form, stated, "income")
    command = ApplyForLine(borrower_id=party_id, product_id=form.get("product", "")[:64])
    done = await _do(front, visitor, form, command, "apply")
    assert isinstance(done, ApplicationDone)
    return done


@post(_HERE)
async def apply(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Apply; a form that is sent twice is done once."""
    form = await read_form(request)
    try:
        done = await _apply(front, visitor, form)
    except Refused as refused:
        return _page(front, visitor, refusal_text(refused.refusal, visitor.language))
    return front.redirect(f"{_HERE}/{done.application_id}")


@get(_HERE + "/{application_id:str}")
async def show_application(
    application_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """What was decided, by which model, and what to do about it."""
    row = front.platform.rows.get(Application, application_id)
    if row is None or row.party_id != need_party(visitor).party_id:
        raise Refused("CREDIT_APPLICATION_NOT_EXIST")
    abouts = list(dict.fromkeys(one.about for one in causes_of(row)))
    return front.page(
        visitor, "wallet/application.html", here="loans", row=row, abouts=abouts
    )  # fmt: skip


APPLYING: Final = (show_apply, apply, show_application)
