"""A borrower's pages: offers with their all-in rate, signing, the loan, paying and paying early."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.display import money_text, share_text
from tallystick.console.drawing import Signed, draw, is_joint, unfunded_text
from tallystick.console.frontend import Front, Frontend, RefusalText, refusal_text
from tallystick.console.identity import failed_text, prove_payment_password
from tallystick.console.loan_charts import paid_chart, sales_chart, schedule_chart
from tallystick.console.requests import Form, amount_in, form_request, need_party, read_form
from tallystick.console.step_up import asks_for_proof
from tallystick.console.texts import TEXTS, text
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.credit.joint.views import lenders_of
from tallystick.credit.loans.model import (
    Loan,
    LoanDone,
    LoanProduct,
    LoanStatus,
    PayLoan,
    PaymentMode,
    ProductTerms,
    contract_of,
)
from tallystick.credit.loans.prepaying import Prepaid, prepaid
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.loans.views import LoanStory, loan_story
from tallystick.credit.merchant.model import Assessment, MerchantProduct
from tallystick.credit.merchant.views import Option, merchant_assessment, options_of
from tallystick.credit.pay_later.views import later_line
from tallystick.credit.receivables.model import AnswerNotice, Receivable, ReceivableStatus
from tallystick.credit.receivables.views import receivables_of
from tallystick.credit.schedules.terms import Effect
from tallystick.decoding import decode_json
from tallystick.money.amount import format_amount
from tallystick.parties.model import Party, PartyKind
from tallystick.payments.wallet.views import wallet_balance
from tallystick.pipeline.commands import Command, Reply
from tallystick.pipeline.refusals import Refusal, Refused

__all__ = ["BORROWING"]

_HERE: Final = "/wallet/loans"
_SHOWN_MAX: Final = 50


class Offer(NamedTuple):
    """A product that a borrower may draw now; amounts in minor units.

    Args:
        assessed: what sales say, for products that merchants draw on them.
        why_not: the refusal when nothing may be drawn of it.
    """

    product: LoanProduct
    terms: ProductTerms
    most: int
    assessed: Assessment | None = None
    why_not: RefusalText | None = None


def _party(visitor: Visitor) -> Party:
    party = need_party(visitor).party
    assert party is not None
    return party


def _offer(front: Frontend, visitor: Visitor, party: Party, product: LoanProduct) -> Offer | None:
    """What a party may draw of a product; None when it is not for them."""
    platform = front.platform
    terms = decode_json(product.terms, ProductTerms)
    if terms.pay_later is not None or not product.is_open:
        return None
    if platform.rows.get(MerchantProduct, product.product_id) is not None:
        if party.kind is not PartyKind.MERCHANT:
            return None
        try:
            assessed = merchant_assessment(
                platform.rows, platform.rows.connection, platform.ledger.accounts,
                party.party_id, product.product_id, platform.clock_ms(),
            )  # fmt: skip
        except Refused as refused:
            said = refusal_text(refused.refusal, visitor.language)
            return Offer(product, terms, 0, None, said)
        return Offer(product, terms, assessed.amount, assessed)
    line = later_line(platform.rows, platform.ledger, party.party_id, product.product_id)
    if line is None:
        return None
    return Offer(product, terms, min(line.left, terms.amount_max))


def _offers(front: Frontend, visitor: Visitor, party: Party) -> list[Offer]:
    products = front.platform.rows.select(LoanProduct)
    found = (_offer(front, visitor, party, product) for product in products)
    return [offer for offer in found if offer is not None]


def _stories(front: Frontend, party: Party) -> list[LoanStory]:
    """The party's loans that are not a purchase's, newest first."""
    rows, day = front.platform.rows, loan_day(front.platform.clock_ms())
    loans = rows.query(
        Loan, "WHERE borrower_id = ? AND trade_no = '' ORDER BY loan_id DESC LIMIT ?",
        (party.party_id, _SHOWN_MAX),
    )  # fmt: skip
    return [loan_story(rows, loan, day) for loan in loans]


@get(_HERE)
async def show_loans(front: Front, visitor: Asking) -> Response[str]:
    """What may be drawn, and what was."""
    party = _party(visitor)
    rows, day = front.platform.rows, loan_day(front.platform.clock_ms())
    offers = _offers(front, visitor, party)
    notices = [
        story
        for story in receivables_of(rows, debtor_id=party.party_id)
        if story.row.status is ReceivableStatus.REGISTERED
    ]
    return front.page(
        visitor, "wallet/loans.html", here="loans", offers=offers,
        stories=_stories(front, party), notices=notices, plain=money_text,
        sold=receivables_of(rows, seller_id=party.party_id), percent=_percent,
        is_merchant=party.kind is PartyKind.MERCHANT,
        all_in={
            offer.product.product_id: _percent(options_of(offer.terms, offer.most, day)[-1].all_in)
            for offer in offers
            if offer.most >= offer.terms.amount_min
        },
        sales={
            offer.product.product_id: sales_chart(
                offer.assessed.months, offer.terms.currency, visitor.language
            )
            for offer in offers
            if offer.assessed is not None
        },
    )  # fmt: skip


# An offer, and signing it.


def _percent(rate: Any) -> str:
    return "" if rate is None else f"{rate * 100:.4f} %"


def _one_offer(front: Frontend, visitor: Visitor, product_id: str) -> Offer:
    product = front.platform.rows.get(LoanProduct, product_id)
    offer = product and _offer(front, visitor, _party(visitor), product)
    if not offer:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    return offer


def _choice(offer: Offer, form: Form) -> tuple[int, int]:
    """The amount and number of payments that were asked for, else all and the longest.

    Raises:
        Refused: INVALID_AMOUNT, CREDIT_TERMS_INVALID.
    """
    amount = amount_in(form, "amount", offer.terms.currency) if form.get("amount") else offer.most
    count = form.get("count", "") or str(max(offer.terms.counts))
    if count not in map(str, offer.terms.counts):
        raise Refused("CREDIT_TERMS_INVALID", "count")
    if not offer.terms.amount_min <= amount <= offer.most:
        raise Refused("CREDIT_LINE_EXCEEDED" if amount > offer.most else "INVALID_AMOUNT")
    return amount, int(count)


def _offer_page(
    front: Frontend, visitor: Visitor, offer: Offer, form: Form,
    refusal: RefusalText | None = None,
) -> Response[str]:  # fmt: skip
    option: Option | None = None
    amount, count = 0, 0
    try:
        amount, count = _choice(offer, form)
        day = loan_day(front.platform.clock_ms())
        known = options_of(offer.terms, amount, day)
        option = next(one for one in known if one.payments == count)
    except Refused as refused:
        refusal = refusal or refusal_text(refused.refusal, visitor.language)
    currency = offer.terms.currency
    chart = option and schedule_chart(option.schedule.rows, currency, visitor.language)
    return front.page(
        visitor, "wallet/loan_offer.html", status=refusal.status if refusal else 200,
        here="loans", offer=offer, option=option, amount=amount, count=count, chart=chart,
        percent=_percent, form=form, refusal=refusal, currency=currency,
        written=format_amount(amount, currency) if amount else "",
        joint=is_joint(front, offer.product.product_id, currency),
    )  # fmt: skip


@get(_HERE + "/offers/{product_id:str}")
async def show_offer(
    product_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[str]:
    """One offer: every payment, what it costs, and where it is signed."""
    offer = _one_offer(front, visitor, product_id)
    asked = {name: request.query_params.get(name, "") for name in ("amount", "count")}
    return _offer_page(front, visitor, offer, asked)


async def _done(
    front: Frontend, visitor: Visitor, form: Form, command: Command, what: str
) -> Reply | Refusal:
    """Run what a form asks for; sent twice it is done once."""
    answer = await front.submit(visitor.caller, command, form_request(form, what))
    if answer.refusal is not None:
        return answer.refusal
    assert answer.reply is not None
    return answer.reply


@post(_HERE + "/offers/{product_id:str}/sign")
async def sign(
    product_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Sign with the payment password: the loan is paid out."""
    party, offer = _party(visitor), _one_offer(front, visitor, product_id)
    form = await read_form(request)
    try:
        amount, count = _choice(offer, form)
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _offer_page(front, visitor, offer, form, said)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _offer_page(front, visitor, offer, form, failed_text(failed, visitor.language))
    signed = Signed(product_id, offer.terms.currency, amount, count, offer.assessed is not None)
    done = await draw(front, visitor, party, signed, form)
    if isinstance(done, LoanDone):
        return front.redirect(f"{_HERE}/{done.loan_id}", done="loan_signed")
    assert isinstance(done, Refusal)
    proof = await asks_for_proof(front, visitor, done, f"{_HERE}/offers/{product_id}")
    lines = (_held_by(done, visitor), unfunded_text(done, visitor.language))
    said = refusal_text(done, visitor.language, *lines)
    return proof or _offer_page(front, visitor, offer, form, said)


def _held_by(refusal: Refusal, visitor: Visitor) -> str:
    """What held the limit over all products down, in the visitor's language."""
    key = f"apply.held.{refusal.detail.rstrip('.')}"
    if refusal.code != "CREDIT_LIMIT_EXCEEDED" or key not in TEXTS:
        return ""
    return text(key, visitor.language)


# A loan.


def _own_loan(front: Frontend, visitor: Visitor, loan_id: str) -> Loan:
    loan = front.platform.rows.get(Loan, loan_id)
    if loan is None or loan.borrower_id != _party(visitor).party_id:
        raise Refused("LOAN_NOT_EXIST")
    return loan


def _preview(story: LoanStory, form: Form) -> Prepaid | None:
    """What paying early would save, when it was asked for.

    Raises:
        Refused: INVALID_AMOUNT, CREDIT_PREPAYMENT_AMOUNT.
    """
    if "early" not in form or story.loan.status is not LoanStatus.ACTIVE:
        return None
    loan = story.loan
    amount = amount_in(form, "early", loan.currency) if form["early"] else 0
    return prepaid(contract_of(loan), story.events, story.position.day, amount, _effect(form))


def _effect(form: Form) -> Effect:
    return Effect.SHORTEN if form.get("effect") == Effect.SHORTEN else Effect.LOWER


def _loan_page(
    front: Frontend, visitor: Visitor, loan: Loan, form: Form, refusal: RefusalText | None = None
) -> Response[str]:
    platform = front.platform
    story = loan_story(platform.rows, loan, loan_day(platform.clock_ms()))
    preview: Prepaid | None = None
    try:
        preview = _preview(story, form)
    except Refused as refused:
        refusal = refusal or refusal_text(refused.refusal, visitor.language)
    after = preview and preview.payments
    held = wallet_balance(platform.rows, platform.ledger, loan.borrower_id, loan.currency)
    return front.page(
        visitor, "wallet/loan.html", status=refusal.status if refusal else 200, here="loans",
        loan=loan, at=story.position, events=story.events, preview=preview, form=form,
        refusal=refusal, effect=_effect(form).value, position=held, plain=money_text,
        lenders=lenders_of(platform.rows, loan.loan_id), share=share_text,
        chart=paid_chart(story.position, loan.currency, visitor.language),
        after=schedule_chart(
            [r for r in preview.position.schedule.rows if r.day > story.position.day],
            loan.currency, visitor.language, "after",
        ) if preview and after else None,
    )  # fmt: skip


@get(_HERE + "/{loan_id:str}")
async def show_loan(
    loan_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[str]:
    """A loan: what is owed, every payment; with `early`, what paying that much would save."""
    asked = {
        name: request.query_params[name] for name in ("early", "effect")
        if name in request.query_params
    }  # fmt: skip
    return _loan_page(front, visitor, _own_loan(front, visitor, loan_id), asked)


@post(_HERE + "/{loan_id:str}/pay")
async def pay(
    loan_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Pay what is due, or early as it was shown."""
    loan, party = _own_loan(front, visitor, loan_id), _party(visitor)
    form = await read_form(request)
    failed = await prove_payment_password(front, party, form.get("payment_password", ""))
    if failed is not None:
        return _loan_page(front, visitor, loan, form, failed_text(failed, visitor.language))
    try:
        command = _payment(loan, form)
    except Refused as refused:
        said = refusal_text(refused.refusal, visitor.language)
        return _loan_page(front, visitor, loan, form, said)
    done = await _done(front, visitor, form, command, "pay-loan")
    if not isinstance(done, Refusal):
        return front.redirect(f"{_HERE}/{loan_id}", done="loan_paid")
    proof = await asks_for_proof(front, visitor, done, f"{_HERE}/{loan_id}")
    return proof or _loan_page(front, visitor, loan, form, refusal_text(done, visitor.language))


def _payment(loan: Loan, form: Form) -> PayLoan:
    if "early" not in form:
        return PayLoan(loan_id=loan.loan_id)
    if not form["early"]:
        return PayLoan(loan_id=loan.loan_id, mode=PaymentMode.ALL)
    return PayLoan(
        loan_id=loan.loan_id, amount=amount_in(form, "early", loan.currency),
        mode=PaymentMode.EARLY, effect=_effect(form),
    )  # fmt: skip


# Notices of assignment.


@post(_HERE + "/notices/{receivable_id:str}")
async def answer_notice(
    receivable_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """The debtor acknowledges an invoice and whom it will pay, or contests it."""
    row = front.platform.rows.get(Receivable, receivable_id)
    if row is None or row.debtor_id != _party(visitor).party_id:
        raise Refused("RECEIVABLE_NOT_EXIST")
    form = await read_form(request)
    accepted = form.get("answer") == "yes"
    command = AnswerNotice(
        receivable_id=receivable_id, accepted=accepted, reason=form.get("reason", "")[:200]
    )
    done = await _done(front, visitor, form, command, "notice")
    if isinstance(done, Refusal):
        raise Refused(*done)
    return front.redirect(_HERE, done="notice_answered")


BORROWING: Final = (show_loans, show_offer, sign, show_loan, pay, answer_notice)
