"""Commands of joint lending at work: load what a decision needs, decide, record."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from tallystick.credit.joint import covering, days, decide, quota, reports
from tallystick.credit.joint.days import look_for_buy_back
from tallystick.credit.joint.known import funded_jointly, known_facts
from tallystick.credit.joint.model import (
    ENTITY_MIN,
    CancelFunding,
    DecideFunding,
    DefineProgramme,
    DrawFunded,
    ExpireFunding,
    FundingClass,
    FundingDecided,
    FundingDecision,
    FundingStatus,
    Institution,
    InstitutionDone,
    Programme,
    ProgrammeDay,
    ProgrammeDone,
    ProgrammeTerms,
    RegisterInstitution,
)
from tallystick.credit.joint.quota import borrower_use, in_use, programme_use, stored_plan
from tallystick.credit.joint.routing import (
    Application,
    Candidate,
    FactValue,
    Routed,
    facts_of,
    route,
)
from tallystick.credit.loans.model import Contract, DrawLoan, Loan, LoanDone, ProductTerms
from tallystick.credit.loans.service import draw_loan, open_product, require_within_line
from tallystick.credit.merchant.model import DrawMerchantLoan, MerchantProduct
from tallystick.credit.merchant.service import draw_merchant_loan, require_offer
from tallystick.credit.participation.model import (
    PROGRAMMES_PER_ENTITY,
    JointLoan,
    Plan,
    plan_row,
)
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    SHARE_PRINCIPAL,
    book_id,
)
from tallystick.ledger.model import Account
from tallystick.money.china_time import china_time
from tallystick.parties.model import Party
from tallystick.parties.views import active_party
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import AccountRef, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["fund_purchase", "funded_loan", "register"]

_DAY_CHARS: Final = 10


# Institutions and programmes.


def register_institution(command: RegisterInstitution, context: Context) -> Reply:
    """Give an institution its book."""
    uow = context.uow
    entity = max((i.entity for i in uow.select(Institution)), default=ENTITY_MIN - 1) + 1
    return record(
        context,
        decide.register_institution(
            uow.get(Party, command.institution_id), uow.get(Institution, command.institution_id),
            entity, command, context.now_ms,
        ),
    )  # fmt: skip


def define_programme(command: DefineProgramme, context: Context) -> Reply:
    """Define a programme, or change it."""
    uow = context.uow
    owner = uow.get(Institution, command.institution_id)
    guarantor = uow.get(Institution, command.terms.guarantor_id)
    first = (owner.entity if owner is not None else 0) * PROGRAMMES_PER_ENTITY
    theirs = uow.select(Programme, institution_id=command.institution_id)
    number = max((p.number for p in theirs), default=first) + 1
    known = uow.get(Programme, command.programme_id)
    decision = decide.define_programme(known, owner, guarantor, number, command, context.now_ms)
    return record(context, decision)


# Routing.


def _class_of(
    uow: UnitOfWork, programme: Programme, terms: ProgrammeTerms, application: Application
) -> FundingClass | None:
    """The kind of loan that the programme counts this one as; made known when it is new."""
    if terms.concentration is None:
        return None
    value = facts_of(application).get(terms.concentration.fact)
    if value is None:
        return None
    held = uow.get(FundingClass, programme.programme_id, str(value))
    if held is not None:
        return held
    classes = len(uow.select(FundingClass, programme_id=programme.programme_id))
    return FundingClass(programme.programme_id, str(value), classes + 1)


class _Desk:
    """The programmes as they are for one application."""

    def __init__(self, context: Context, application: Application, borrower_id: str) -> None:
        self._uow = context.uow
        self._application = application
        self._day = china_time(context.now_ms)[:_DAY_CHARS]
        self.classes: dict[str, FundingClass] = {}
        self.programmes = {p.programme_id: p for p in self._uow.select(Programme)}
        self._borrower = borrower_use(self._uow, borrower_id)

    def candidates(self) -> list[Candidate]:
        """Every programme with what of it is in use."""
        return [self._candidate(programme) for programme in self.programmes.values()]

    def _candidate(self, programme: Programme) -> Candidate:
        terms = decode_json(programme.terms, ProgrammeTerms)
        plain = Candidate(
            programme.programme_id, programme.institution_id, terms, programme.is_open
        )
        if not programme.institution_id:
            return plain
        day = self._uow.get(ProgrammeDay, programme.programme_id, self._day)
        return plain._replace(
            used=programme_use(self._uow, programme, terms.currency)[0],
            borrower_used=self._borrower.get(programme.programme_id, 0),
            day_used=day.used if day is not None else 0,
            class_used=self._class_used(programme, terms),
        )

    def _class_used(self, programme: Programme, terms: ProgrammeTerms) -> int:
        kind = _class_of(self._uow, programme, terms, self._application)
        owner = self._uow.get(Institution, programme.institution_id)
        if kind is None or owner is None:
            return 0
        self.classes[programme.programme_id] = kind
        number = f"{programme.number}{kind.class_no:06d}"
        book = book_id(owner.entity, terms.currency)
        return in_use(self._uow, AccountRef(SHARE_PRINCIPAL, number, book))[0]

    def places(self, routed: Routed) -> dict[str, decide.Places]:
        """Where the shares of those who take part are booked."""
        found = {}
        for candidate, _ in routed.shares:
            kind = self.classes.get(candidate.programme_id)
            found[candidate.programme_id] = decide.Places(
                self.programmes[candidate.programme_id],
                self._uow.get(Institution, candidate.institution_id),
                self._uow.get(Institution, candidate.terms.guarantor_id),
                kind.class_no if kind is not None else 0,
            )
        return found


# Funding a loan.


def _only_borrower(context: Context, borrower_id: str) -> None:
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != borrower_id:
        raise Refused("NOT_PERMITTED", "This belongs to somebody else.")


def _application(command: DecideFunding, terms: ProductTerms) -> Application:
    """What looks for funds.

    Raises:
        Refused: CREDIT_TERMS_INVALID, INVALID_AMOUNT, INVALID_PARAMETER.
    """
    decide.require_facts(command)
    if terms.pay_later is not None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST", "This product pays purchases only.")
    if command.count not in terms.counts:
        raise Refused("CREDIT_TERMS_INVALID", f"count: one of {terms.counts}.")
    if not max(1, terms.amount_min) <= command.amount <= terms.amount_max:
        raise Refused("INVALID_AMOUNT")
    return Application(
        command.product_id, terms.currency, command.amount, command.count, terms.annual_rate,
        command.facts,
    )  # fmt: skip


def _is_on_sales(uow: UnitOfWork, product_id: str) -> bool:
    """Whether merchants draw a product on their sales."""
    return uow.get(MerchantProduct, product_id) is not None


def _sales_facts(context: Context, command: DecideFunding) -> Mapping[str, FactValue]:
    """What the platform itself knows of a merchant, whatever the application says.

    Raises:
        Refused: as `require_offer`.
    """
    found = require_offer(context, command.borrower_id, command.product_id, command.amount)
    with_sales = sum(1 for month in found.months if month.trades)
    return {
        "is_merchant": True, "sales": found.average, "debt": found.exposure,
        "months_known": with_sales,
    }  # fmt: skip


def decide_funding(command: DecideFunding, context: Context) -> Reply:
    """Route an application, and reserve the quota of the plan that is found."""
    uow = context.uow
    _only_borrower(context, command.borrower_id)
    product, terms = open_product(uow, command.product_id)
    application = _application(command, terms)
    active_party(uow, command.borrower_id)
    if _is_on_sales(uow, product.product_id):
        known = _sales_facts(context, command)
        application = application._replace(facts={**application.facts, **known})
    else:
        book = platform_book(terms.currency)
        require_within_line(uow, command.borrower_id, product.product_id, command.amount, book)
    desk = _Desk(context, application, command.borrower_id)
    routed = route(desk.candidates(), application)
    row = _decision(context, application, command.borrower_id, routed)
    if not routed.shares:
        return record(context, decide.declined(row))
    expires_ms = context.now_ms + command.valid_ms
    row = msgspec.structs.replace(row, status=FundingStatus.RESERVED, expires_ms=expires_ms)
    return record(context, decide.decided(_planned(context, desk, routed, row)))


def _decision(
    context: Context, application: Application, borrower_id: str, routed: Routed
) -> FundingDecision:
    """What routing came to, as a row: declined, or to be planned."""
    return FundingDecision(
        decision_id=dated_number(context.now_ms, context.request_key, "funding"),
        borrower_id=borrower_id,
        product_id=application.product_id,
        currency=application.currency,
        amount=application.amount,
        count=application.payments,
        annual_rate=str(application.annual_rate),
        facts=msgspec.json.encode(application.facts).decode(),
        status=FundingStatus.DECLINED,
        plan_id="",
        rule=routed.rule,
        reasons=msgspec.json.encode(routed.reasons).decode(),
        loan_id="",
        day=china_time(context.now_ms)[:_DAY_CHARS],
        decided_ms=context.now_ms,
        expires_ms=0,
    )


def _planned(
    context: Context, desk: _Desk, routed: Routed, row: FundingDecision
) -> decide.Reserved:
    """The plan of those who take part; kinds of loans that they count are made known."""
    plan = decide.participants(routed, desk.places(routed))
    row = msgspec.structs.replace(row, plan_id=plan_row(plan).plan_id)
    for candidate, _ in routed.shares:
        if kind := desk.classes.get(candidate.programme_id):
            context.uow.put(kind)
    return _with_days(context, row, plan)


def fund_purchase(context: Context, loan: Loan, contract: Contract, buyer: Party) -> bool:
    """Have a purchase that is paid later funded where institutions fund its product.

    It is decided in the transaction that draws it, so nothing is reserved: the caller shares the
    postings of the drawdown. Institutions fund purchases by programmes that name the product.

    Returns:
        Whether several fund it.

    Raises:
        Refused: FUNDING_DECLINED, with the rule that left no plan. The decision is kept, so that
            it can be looked at and replayed under other rules.
    """
    uow = context.uow
    if not funded_jointly(uow, loan.product_id, loan.currency, named=True):
        return False

    def accounts(ids: list[int]) -> list[Account]:
        return [account for one in ids if (account := uow.books.account(one)) is not None]

    application = Application(
        loan.product_id, loan.currency, contract.principal, contract.count,
        decide.purchase_rate(contract), known_facts(uow, accounts, buyer, loan.currency),
        is_purchase=True,
    )  # fmt: skip
    desk = _Desk(context, application, loan.borrower_id)
    routed = route(desk.candidates(), application)
    row = _decision(context, application, loan.borrower_id, routed)
    if not routed.shares:
        raise Refused("FUNDING_DECLINED", routed.rule, record=(row,))
    row = msgspec.structs.replace(row, status=FundingStatus.DRAWN, loan_id=loan.loan_id)
    planned = _planned(context, desk, routed, row)
    own = context._replace(request_key=context.request_key + b"funding")
    record(own, decide.drawn_at_once(planned))
    uow.put(funded_loan(loan, planned.plan))
    return True


def _with_days(context: Context, row: FundingDecision, plan: Plan) -> decide.Reserved:
    found = (
        context.uow.get(ProgrammeDay, p.programme_id, row.day)
        for p in plan.participants
        if p.institution_id
    )
    return decide.Reserved(row, plan, tuple(d for d in found if d is not None))


def _reserved(context: Context, decision_id: str) -> decide.Reserved:
    row = context.uow.get(FundingDecision, decision_id)
    if row is None:
        raise Refused("FUNDING_NOT_EXIST")
    _only_borrower(context, row.borrower_id)
    if not row.plan_id:
        raise Refused("FUNDING_STATE_REFUSED", f"It is {row.status.value}.")
    return _with_days(context, row, stored_plan(context.uow, row.plan_id))


def funded_loan(loan: Loan, plan: Plan) -> JointLoan:
    """A new loan's row of who funds it."""
    days = [p.buy_back_days for p in plan.participants if p.is_outside and p.buy_back_days]
    return JointLoan(
        loan_id=loan.loan_id,
        plan_id=plan_row(plan).plan_id,
        borrower_id=loan.borrower_id,
        currency=loan.currency,
        flows=0,
        buy_back_days=min(days, default=0),
        bore="[]",
        recovered=0,
        allowance_shared=True,
    )


def draw_funded(command: DrawFunded, context: Context) -> Reply:
    """Draw a loan that was decided: its reservation ends, and the loan takes its place."""
    reserved = _reserved(context, command.decision_id)
    row = reserved.row

    def fund(loan: Loan) -> None:
        own = context._replace(request_key=context.request_key + b"funding")
        record(own, decide.drawn(reserved, loan.loan_id, context.now_ms))
        context.uow.put(plan_row(reserved.plan))
        context.uow.put(funded_loan(loan, reserved.plan))

    about: dict[str, Any] = {
        "product_id": row.product_id, "amount": row.amount, "count": row.count,
    }  # fmt: skip
    product, terms = open_product(context.uow, row.product_id)
    if terms.annual_rate != Decimal(row.annual_rate) or terms.currency != row.currency:
        raise Refused("FUNDING_STATE_REFUSED", f"{product.product_id} has changed since then.")
    if _is_on_sales(context.uow, product.product_id):
        on_sales = DrawMerchantLoan(merchant_id=row.borrower_id, **about)
        reply = draw_merchant_loan(on_sales, context, fund)
    else:
        reply = draw_loan(DrawLoan(borrower_id=row.borrower_id, **about), context, fund)
    assert isinstance(reply, LoanDone)
    look_for_buy_back(context, reply.loan_id)
    return reply


def give_back(command: CancelFunding | ExpireFunding, context: Context) -> Reply:
    """Give the quota of a decision back."""
    reserved = _reserved(context, command.decision_id)
    return record(context, decide.given_back(reserved, command, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the commands of joint lending."""
    write = "credit:write"
    registry.add(RegisterInstitution, register_institution, reply=InstitutionDone, scope=write)
    registry.add(DefineProgramme, define_programme, reply=ProgrammeDone, scope=write)
    registry.add(DecideFunding, decide_funding, reply=FundingDecided, scope="wallet:write")
    registry.add(DrawFunded, draw_funded, reply=LoanDone, scope="wallet:write")
    registry.add(CancelFunding, give_back, reply=FundingDecided, scope="wallet:write")
    registry.add(ExpireFunding, give_back, reply=FundingDecided, scope="system")
    covering.register(registry)
    quota.register(registry)
    days.register(registry)
    reports.register(registry)
