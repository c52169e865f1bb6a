"""A seller's register of invoices, offers for them, signing the assignment; the debtor's side."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from markupsafe import Markup

from tallystick.console.charts import Point, stacked_chart
from tallystick.console.display import money_short, money_text
from tallystick.console.figures import CURRENCY
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import failed_text, prove_payment_password
from tallystick.console.requests import Form, amount_in, form_request, need_party, read_form
from tallystick.console.step_up import asks_for_proof
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.receivables.model import (
    OPEN,
    AnswerNotice,
    FinanceReceivable,
    PayReceivable,
    Receivable,
    ReceivableDone,
    ReceivableEventKind,
    ReceivableKind,
    ReceivableStatus,
    ReduceReceivable,
    RegisterInvoice,
    RepayReceivable,
    terms_of_receivable,
)
from tallystick.credit.receivables.views import (
    FinancingOption,
    ReceivableStory,
    financing_options,
    receivable_story,
    receivables_of,
)
from tallystick.parties.model import Party
from tallystick.parties.views import masked_login, party_by_login
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refusal, Refused

__all__ = ["INVOICES"]

_HERE: Final = "/wallet/invoices"
_MONTHS_MAX: Final = 12
_REASON_MAX: Final = 200
_ACTS: Final = ("finance", "repay", "reduce", "pay")
S = ReceivableStatus
K = ReceivableEventKind
_WAITING: Final = frozenset({S.REGISTERED, S.ACKNOWLEDGED})
_SELLERS_OWN: Final = frozenset({K.ADVANCE, K.REPAID, K.LOST})
"""What is between seller and lender; the debtor is not told."""


def _party(visitor: Visitor) -> Party:
    party = need_party(visitor).party
    assert party is not None
    return party


# The register.


def _due_chart(sold: list[ReceivableStory], language: Language) -> Markup:
    """What the debtors of one's invoices pay in each month, assigned or not."""
    free: Counter[str] = Counter()
    assigned: Counter[str] = Counter()
    for story in sold:
        if story.row.currency == CURRENCY and story.row.status in _WAITING | OPEN:
            side = assigned if story.row.status in OPEN else free
            side[story.row.due_day[:7]] += story.standing.face_left
    months = sorted(free | assigned)[:_MONTHS_MAX]
    points = [
        Point(
            month[2:], free[month],
            text(
                "invoices.says_month", language, month=month,
                free=money_text(free[month], CURRENCY),
                assigned=money_text(assigned[month], CURRENCY),
            ),
        )
        for month in months
    ]  # fmt: skip
    return stacked_chart(
        points, [assigned[month] for month in months], name="invoices",
        title=text("invoices.chart", language), description=text("invoices.chart_lead", language),
        axis_text=lambda value: money_short(value, CURRENCY), language=language,
    )  # fmt: skip


def _register_page(
    front: Frontend, visitor: Visitor, form: Form, refusal: RefusalText | None = None
) -> Response[str]:
    platform, party = front.platform, _party(visitor)
    sold = receivables_of(platform.rows, seller_id=party.party_id)
    owed = receivables_of(platform.rows, debtor_id=party.party_id)
    return front.page(
        visitor, "wallet/invoices.html", status=refusal.status if refusal else 200, here="loans",
        sold=sold, owed=[s for s in owed if s.row.kind is ReceivableKind.INVOICE],
        chart=_due_chart(sold, visitor.language), form=form, refusal=refusal, currency=CURRENCY,
        today=loan_day(platform.clock_ms()).isoformat(),
    )  # fmt: skip


@get(_HERE)
async def show_register(front: Front, visitor: Asking) -> Response[str]:
    """One's invoices, and those that one owes."""
    return _register_page(front, visitor, {})


async def _ask(
    front: Frontend, visitor: Visitor, form: Form, command: Command, what: str
) -> ReceivableDone | Refusal:
    """Run what a form asks for; sent twice it is done once."""
    answer = await front.submit(visitor.caller, command, form_request(form, what))
    if answer.refusal is not None:
        return answer.refusal
    assert isinstance(answer.reply, ReceivableDone)
    return answer.reply


@post(_HERE)
async def register_invoice(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """Register an invoice: its debtor is given notice."""
    party, form, platform = _party(visitor), await read_form(request), front.platform
    try:
        debtor = party_by_login(platform.rows, platform.sealer, form.get("debtor", ""))
        if debtor is None:
            raise Refused("PARTY_NOT_EXIST")
        command = RegisterInvoice(
            seller_id=party.party_id, debtor_id=debtor.party_id, number=form.get("number", ""),
            amount=amount_in(form, "amount", CURRENCY), due_day=form.get("due_day", ""),
        )  # fmt: skip
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _register_page(front, visitor, form, said)
    done = await _ask(front, visitor, form, command, "invoice")
    if isinstance(done, Refusal):
        return _register_page(front, visitor, form, refusal_text(done, visitor.language))
    return front.redirect(f"{_HERE}/{done.receivable_id}", done="invoice_registered")


# One invoice.


def _own(front: Frontend, visitor: Visitor, receivable_id: str) -> Receivable:
    row = front.platform.rows.get(Receivable, receivable_id)
    if row is None or _party(visitor).party_id not in (row.seller_id, row.debtor_id):
        raise Refused("RECEIVABLE_NOT_EXIST")
    return row


def _percent(rate: Any) -> str:
    return "" if rate is None else f"{rate * 100:.4f} %"


def _offers(
    front: Frontend, row: Receivable, language: Language
) -> list[tuple[FinancingOption, RefusalText | None]]:
    """By which terms the invoice may be assigned; why not is said beside it."""
    platform = front.platform
    if row.status not in _WAITING:
        return []
    day = loan_day(platform.clock_ms())
    found = financing_options(platform.rows, platform.ledger.accounts, row, day)
    return [(o, refusal_text(o.refused, language) if o.refused else None) for o in found]


def _invoice_page(
    front: Frontend, visitor: Visitor, row: Receivable, form: Form,
    refusal: RefusalText | None = None,
) -> Response[str]:  # fmt: skip
    platform, party = front.platform, _party(visitor)
    story = receivable_story(platform.rows, row)
    sells = row.seller_id == party.party_id
    other = masked_login(
        platform.rows, platform.sealer, row.debtor_id if sells else row.seller_id
    )  # fmt: skip
    return front.page(
        visitor, "wallet/invoice.html", status=refusal.status if refusal else 200, here="loans",
        row=row, at=story.standing,
        events=[e for e in story.events if sells or e.kind not in _SELLERS_OWN],
        sells=sells, other=other, form=form, refusal=refusal, percent=_percent,
        is_open=row.status in OPEN, plain=money_text,
        is_invoice=row.kind is ReceivableKind.INVOICE,
        terms=terms_of_receivable(row) if row.terms else None,
        offers=_offers(front, row, visitor.language) if sells else [],
    )  # fmt: skip


@get(_HERE + "/{receivable_id:str}")
async def show_invoice(
    receivable_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """One invoice: what happened, what is owed, and what may be done."""
    return _invoice_page(front, visitor, _own(front, visitor, receivable_id), {})


def _optional(form: Form, currency: str) -> int:
    """An amount, or 0 for all of it."""
    return amount_in(form, "amount", currency) if form.get("amount") else 0


def _asked(what: str, row: Receivable, form: Form) -> Command:
    """The command of a form that is signed with the payment password."""
    number, currency = row.receivable_id, row.currency
    if what == "finance":
        return FinanceReceivable(product_id=form.get("product_id", ""), receivable_id=number)
    if what == "repay":
        return RepayReceivable(receivable_id=number, amount=_optional(form, currency))
    if what == "pay":
        return PayReceivable(receivable_id=number, amount=_optional(form, currency))
    amount = amount_in(form, "amount", currency)
    reason = form.get("reason", "")[:_REASON_MAX]
    return ReduceReceivable(receivable_id=number, amount=amount, reason=reason)


@post(_HERE + "/{receivable_id:str}/answer")
async def answer(
    receivable_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """The debtor acknowledges the invoice, or contests it."""
    row, form = _own(front, visitor, receivable_id), await read_form(request)
    command = AnswerNotice(
        receivable_id=receivable_id, accepted=form.get("answer") == "yes",
        reason=form.get("reason", "")[:_REASON_MAX],
    )  # fmt: skip
    done = await _ask(front, visitor, form, command, "notice")
    if isinstance(done, Refusal):
        return _invoice_page(front, visitor, row, form, refusal_text(done, visitor.language))
    return front.redirect(f"{_HERE}/{receivable_id}", done="notice_answered")


@post(_HERE + "/{receivable_id:str}/{what:str}")
async def act(
    receivable_id: FromPath[str], what: FromPath[str], request: WebRequest, front: Front,
    visitor: Asking,
) -> Response[Any]:  # fmt: skip
    """Sign the assignment, pay, repay, or make the invoice smaller."""
    row, party, form = (
        _own(front, visitor, receivable_id),
        _party(visitor),
        await read_form(request),
    )
    if what not in _ACTS:
        raise Refused("NOT_FOUND")
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        said = failed_text(failed, visitor.language)
        return _invoice_page(front, visitor, row, form, said)
    try:
        command = _asked(what, row, form)
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _invoice_page(front, visitor, row, form, said)
    done = await _ask(front, visitor, form, command, f"invoice-{what}")
    here = f"{_HERE}/{receivable_id}"
    if not isinstance(done, Refusal):
        return front.redirect(here, done=f"invoice_{what}")
    proof = await asks_for_proof(front, visitor, done, here)
    return proof or _invoice_page(
        front, visitor, row, form, refusal_text(done, visitor.language)
    )  # fmt: skip


INVOICES: Final = (show_register, register_invoice, show_invoice, answer, act)
