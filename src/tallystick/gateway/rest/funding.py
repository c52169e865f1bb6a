"""Joint lending for operators: institutions, programmes, funding decisions, the simulator."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from tallystick.credit.joint.decide import require_terms
from tallystick.credit.joint.model import (
    CancelFunding,
    Concentration,
    DecideFunding,
    DefineProgramme,
    DrawFunded,
    FundingDecided,
    InstitutionDone,
    ProgrammeDone,
    ProgrammeTerms,
    RegisterInstitution,
)
from tallystick.credit.joint.simulate import Changes, Simulated, compare
from tallystick.credit.joint.views import Quota, quotas
from tallystick.credit.loans.model import LoanDone
from tallystick.credit.loans.timing import loan_day
from tallystick.gateway.rest.fields import NoFields, OrderNo, Query, amount_of, moment, text_of
from tallystick.gateway.rest.funding_shapes import (
    FundingApplication,
    FundingDecisionShape,
    FundingReason,
    FundingShare,
    FundingTerms,
    InstitutionState,
    NewInstitution,
    NewProgramme,
    ProgrammeShape,
    ProgrammeState,
    QuotaShape,
    QuotasShape,
    RulesChange,
    SimulatedShape,
    SimulatedUse,
    Simulation,
)
from tallystick.gateway.rest.loan_shapes import LoanState
from tallystick.gateway.rest.loans import currency_of, loan_state_shape
from tallystick.gateway.rest.operation import Call, Operation, change, look, question

__all__ = ["FUNDING_OPERATIONS", "quota_shape"]

_TAG: Final = "Joint lending"
_DAY_MS: Final = 86_400_000
_AMOUNTS: Final = ("loan_min", "loan_max", "borrower_max", "day_max", "total_max", "cap")
_SAME: Final = (
    "currency", "products", "share", "preference", "share_min", "share_max", "eligible", "keeps",
    "price", "guarantee", "losses", "buy_back_days", "buy_back_by",
)  # fmt: skip


def terms_of_body(body: FundingTerms) -> ProgrammeTerms:
    """A programme's terms from a request."""
    amounts: dict[str, Any] = {
        name: amount_of(getattr(body, name), body.currency, allow_zero=True) for name in _AMOUNTS
    }
    limit = body.concentration
    plain: dict[str, Any] = {name: getattr(body, name) for name in _SAME}
    return ProgrammeTerms(
        **plain, **amounts, guarantor_id=body.guarantor_id or "",
        concentration=Concentration(fact=limit.fact, share=limit.share) if limit else None,
    )  # fmt: skip


def register_institution(call: Call, body: NewInstitution) -> RegisterInstitution:
    """The command that makes a party an institution."""
    return RegisterInstitution(
        institution_id=body.institution_id, kind=body.kind, name=body.name, bank_id=body.bank_id
    )


def define(call: Call, body: NewProgramme) -> DefineProgramme:
    """The command that defines a programme."""
    return DefineProgramme(
        programme_id=body.programme_id, institution_id=body.institution_id or "",
        terms=terms_of_body(body.terms), is_open=body.is_open,
    )  # fmt: skip


def apply(call: Call, body: FundingApplication) -> DecideFunding:
    """The command that looks for funds."""
    return DecideFunding(
        borrower_id=body.borrower_id, product_id=body.product_id,
        amount=amount_of(body.amount, currency_of(call, body.product_id)), count=body.count,
        facts=body.facts, valid_ms=body.valid_seconds * 1000,
    )  # fmt: skip


def draw(call: Call, body: NoFields) -> DrawFunded:
    """The command that draws what was decided."""
    return DrawFunded(decision_id=call.path["decision_id"])


def cancel(call: Call, body: NoFields) -> CancelFunding:
    """The command that gives the quota back."""
    return CancelFunding(decision_id=call.path["decision_id"])


def _decided(done: FundingDecided) -> FundingDecisionShape:
    return FundingDecisionShape(
        decision_id=done.decision_id,
        status=done.status,
        shares=[
            FundingShare(
                programme_id=s.programme_id, institution_id=s.institution_id,
                share_ppm=s.share_ppm, amount=text_of(s.amount, done.currency),
            )
            for s in done.shares
        ],
        rule=done.rule,
        reasons=[
            FundingReason(programme_id=r.programme_id, rule=r.rule, detail=r.detail)
            for r in done.reasons
        ],
        expires_ms=moment(done.expires_ms),
    )  # fmt: skip


def _drawn(done: LoanDone) -> LoanState:
    return loan_state_shape(done)


def _institution(done: InstitutionDone) -> InstitutionState:
    return InstitutionState(institution_id=done.institution_id, entity=done.entity)


def _programme(done: ProgrammeDone) -> ProgrammeState:
    return ProgrammeState(programme_id=done.programme_id, is_open=done.is_open)


def _fraction(fraction: Decimal | None) -> str | None:
    return None if fraction is None else f"{fraction.normalize():f}"


def quota_shape(quota: Quota) -> QuotaShape:
    """A programme with its quota as an answer shows it."""
    terms, programme = quota.terms, quota.programme

    def text(amount: int) -> str:
        return text_of(amount, terms.currency)

    return QuotaShape(
        programme=ProgrammeShape(
            programme_id=programme.programme_id, institution_id=programme.institution_id,
            name=quota.name, is_open=programme.is_open, share=_fraction(terms.share),
            preference=terms.preference, eligible=terms.eligible, losses=terms.losses,
        ),
        currency=terms.currency, used=text(quota.used), reserved=text(quota.reserved),
        total_max=text(terms.total_max), day_used=text(quota.day_used),
        day_max=text(terms.day_max), income_due=text(quota.income),
        classes={value: text(amount) for value, amount in quota.classes},
    )  # fmt: skip


def list_quotas(call: Call, query: Query) -> QuotasShape:
    """Programmes with their quotas, as they are now."""
    found = quotas(call.platform.rows, loan_day(call.platform.clock_ms()))
    return QuotasShape(items=[quota_shape(quota) for quota in found])


def _simulated(found: Simulated, currency: str) -> SimulatedShape:
    def text(amount: int) -> str:
        return text_of(amount, currency)

    return SimulatedShape(
        applications=found.applications, funded=found.funded, asked=text(found.asked),
        granted=text(found.granted), cost=f"{found.cost:f}", declined=found.declined,
        use=[
            SimulatedUse(
                programme_id=u.programme_id, institution_id=u.institution_id, loans=u.loans,
                amount=text(u.amount), total_ppm=u.total_ppm, busiest_day=text(u.busiest_day),
                busiest_day_ppm=u.busiest_day_ppm,
            )
            for u in found.use
        ],
    )  # fmt: skip


def simulate_rules(call: Call, body: Simulation) -> RulesChange:
    """The last days' applications under the rules of now and changed ones."""
    until = call.platform.clock_ms() + 1
    changes = Changes(
        terms={p.programme_id: terms_of_body(p.terms) for p in body.programmes},
        closed=tuple(p.programme_id for p in body.programmes if not p.is_open),
    )
    for terms in changes.terms.values():
        require_terms(terms)
    with call.platform.reader() as rows:
        found = compare(rows, until - body.days * _DAY_MS, until, changes)
    return RulesChange(
        now=_simulated(found["now"], "CNY"), changed=_simulated(found["changed"], "CNY")
    )


_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "credit:read", "for_apps": False}
_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "credit:write", "for_apps": False}
_ONE: Final = {"decision_id": OrderNo}
_BASE: Final = "/v1/credit"
_TERMS: Final = {"share": "0.3", "total_max": "1000000.00", "eligible": "score >= 600"}

FUNDING_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        f"{_BASE}/institutions", "registerInstitution", summary="Make a party an institution",
        description="It gets a book of its own, and is settled with by its bank once a day.",
        body=NewInstitution, command=register_institution, show=_institution,
        answer=InstitutionState, refusals=("PARTY_NOT_EXIST", "BANK_NOT_EXIST",
                                           "INVALID_PARAMETER"),
        example={"institution_id": "2088000000000801", "name": "East Bank", "bank_id": "1"},
        **_WRITE,
    ),
    change(
        f"{_BASE}/programmes", "defineProgramme", summary="Define a funding programme",
        description="Its condition is typed before it is kept. Without an institution it is the "
        "platform's own money.",
        body=NewProgramme, command=define, show=_programme, answer=ProgrammeState,
        refusals=("FUNDING_TERMS_INVALID", "INSTITUTION_NOT_EXIST", "INVALID_AMOUNT",
                  "INVALID_PARAMETER"),
        example={"programme_id": "east", "institution_id": "2088000000000801", "terms": _TERMS},
        **_WRITE,
    ),
    look(
        f"{_BASE}/programmes", "listProgrammes", summary="Programmes with their quotas, live",
        query=Query, find=list_quotas, answer=QuotasShape, **_READ,
    ),
    change(
        f"{_BASE}/funding", "decideFunding", summary="Find who funds a loan, and reserve quota",
        description="Declined applications are kept, too, with the rule that left no plan.",
        body=FundingApplication, command=apply, show=_decided, answer=FundingDecisionShape,
        refusals=("CREDIT_PRODUCT_NOT_EXIST", "CREDIT_TERMS_INVALID", "CREDIT_LINE_EXCEEDED",
                  "INVALID_AMOUNT", "INVALID_PARAMETER", "PARTY_BLOCKED", "PARTY_NOT_EXIST"),
        example={"borrower_id": "2088000000000101", "product_id": "cash", "amount": "1000.00",
                 "count": 3, "facts": {"score": 640, "region": "east"}},
        **_WRITE,
    ),
    question(
        f"{_BASE}/funding/simulate", "simulateFunding",
        summary="Replay past applications under changed programmes",
        description="Approval, cost and use of quota, beside those of the rules of now.",
        body=Simulation, find=simulate_rules, answer=RulesChange,
        refusals=("FUNDING_TERMS_INVALID", "INVALID_AMOUNT", "INVALID_PARAMETER"),
        example={"days": 30, "programmes": [{"programme_id": "east", "terms": _TERMS}]}, **_READ,
    ),
    change(
        f"{_BASE}/funding/{{decision_id}}/draw", "drawFunded", summary="Draw a funded loan",
        command=draw, show=_drawn, answer=LoanState, parameters=_ONE,
        refusals=("FUNDING_NOT_EXIST", "FUNDING_STATE_REFUSED", "FUNDING_EXPIRED",
                  "CREDIT_LINE_EXCEEDED", "BORROWER_BALANCE_NOT_ENOUGH"),
        **_WRITE,
    ),
    change(
        f"{_BASE}/funding/{{decision_id}}/cancel", "cancelFunding", summary="Give quota back",
        command=cancel, show=_decided, answer=FundingDecisionShape, parameters=_ONE,
        refusals=("FUNDING_NOT_EXIST", "FUNDING_STATE_REFUSED", "FUNDING_EXPIRED"), **_WRITE,
    ),
)  # fmt: skip
