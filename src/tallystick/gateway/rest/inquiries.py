"""Scores, incomes, limits, and who may ask about a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta

from tallystick.credit.inquiries.limits import Band, LimitPolicy
from tallystick.credit.inquiries.model import (
    AskCredit,
    Consent,
    ConsentDone,
    GrantConsent,
    Inquired,
    Outcome,
    Purpose,
    RecordedCredit,
    RecordScore,
    RevokeConsent,
    SetLimitPolicy,
    StateIncome,
)
from tallystick.credit.inquiries.views import consents_of, inquiries_about, standing_of
from tallystick.credit.schedules.quote import Rate
from tallystick.gateway.rest.fields import (
    AmountText,
    AppId,
    Body,
    Currency,
    Ms,
    NoFields,
    OrderNo,
    PartyId,
    Query,
    Shape,
    amount_of,
    moment,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.pipeline.refusals import Refused

__all__ = ["INQUIRY_OPERATIONS"]

_TAG: Final = "Credit"
_SCORE = Annotated[int, Meta(ge=350, le=950, examples=[655])]
_DAYS = Annotated[int, Meta(ge=1, le=365, examples=[30])]
_WORDS = Annotated[str, Meta(max_length=200)]
_MONTHS = Annotated[
    Decimal,
    Meta(
        description="Months of income.", examples=["3"],
        extra_json_schema={"pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?$"},
    ),
]  # fmt: skip
_TRANSACTION = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_]{1,64}\Z", examples=["20151210093658804"])
]


class ScoreBand(Body, frozen=True, kw_only=True):
    """What people with a score from so many points on may owe."""

    score_from: _SCORE
    months: _MONTHS
    amount_max: AmountText
    deposit_max: AmountText = "0"


class NewLimitPolicy(Body, frozen=True, kw_only=True):
    """How limits are set, over all products of one currency."""

    bands: Annotated[list[ScoreBand], Meta(min_length=1, max_length=50)]
    currency: Currency = "CNY"
    declared_share: Rate = Decimal("0.5")
    unknown_income: AmountText = "0"
    exposure_max: AmountText = "200000.00"
    score_valid_days: Annotated[int, Meta(ge=1, le=3650)] = 90


class NewScore(Body, frozen=True, kw_only=True):
    """A line of `credit score apply`, with the number of its model."""

    party_id: PartyId
    score: _SCORE
    model: Annotated[str, Meta(min_length=1, max_length=64, examples=["1f0c2a9d7be43a55"])]
    probability_of_default: Annotated[str, Meta(pattern=r"^[0-9.e-]{1,32}\Z")] = "0"
    reasons: Annotated[tuple[_WORDS, ...], Meta(max_length=3)] = ()


class NewIncome(Body, frozen=True, kw_only=True):
    """A monthly income; with a source it is verified."""

    party_id: PartyId
    monthly: AmountText
    currency: Currency = "CNY"
    source: _WORDS = ""


class NewConsent(Body, frozen=True, kw_only=True):
    """A person lets an app ask, for one purpose and so many days."""

    party_id: PartyId
    app_id: AppId
    purpose: Purpose
    days: _DAYS = 30


class NewInquiry(Body, frozen=True, kw_only=True):
    """A question about a person; with `minimum` only whether the score reaches it."""

    party_id: PartyId
    purpose: Purpose
    transaction_id: _TRANSACTION
    app_id: AppId | None = None
    minimum: Annotated[int, Meta(ge=0, le=950)] = 0


class CreditQuery(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class CreditKept(Shape, frozen=True, kw_only=True):
    """It was kept."""

    kept: bool = True


class ConsentShape(Shape, frozen=True, kw_only=True):
    """A consent; its number is the `auth_token` of the partner protocol."""

    consent_id: OrderNo
    until_ms: Ms
    revoked_ms: Ms | None
    app_id: str = ""
    purpose: str = ""


class InquiryShape(Shape, frozen=True, kw_only=True):
    """What an asker was told; `score` only where it was asked for."""

    inquiry_id: OrderNo
    score: int | None
    is_admitted: bool
    matches: list[str]


class InquiryLine(Shape, frozen=True, kw_only=True):
    """Who asked, for what, when, and whether it was answered."""

    inquiry_id: OrderNo
    app_id: str
    purpose: Purpose
    outcome: Outcome
    at_ms: Ms


class CreditStanding(Shape, frozen=True, kw_only=True):
    """A person's score, consents, and who asked."""

    party_id: PartyId
    score: int | None
    model: str
    consents: list[ConsentShape]
    inquiries: list[InquiryLine]


def set_policy(call: Call, body: NewLimitPolicy) -> SetLimitPolicy:
    """The command that sets the policy."""

    def amount(text: str) -> int:
        return amount_of(text, body.currency, allow_zero=True)

    bands = tuple(
        Band(
            score_from=band.score_from, months=band.months, amount_max=amount(band.amount_max),
            deposit_max=amount(band.deposit_max),
        )
        for band in body.bands
    )  # fmt: skip
    return SetLimitPolicy(
        terms=LimitPolicy(
            currency=body.currency, bands=bands, declared_share=body.declared_share,
            unknown_income=amount(body.unknown_income), exposure_max=amount(body.exposure_max),
            score_valid_days=body.score_valid_days,
        )
    )  # fmt: skip


def record_score(call: Call, body: NewScore) -> RecordScore:
    """The command that keeps a score."""
    return RecordScore(
        party_id=body.party_id, score=body.score, probability=body.probability_of_default,
        model=body.model, reasons=body.reasons,
    )  # fmt: skip


def state_income(call: Call, body: NewIncome) -> StateIncome:
    """The command that keeps an income."""
    monthly = amount_of(body.monthly, body.currency, allow_zero=True)
    return StateIncome(
        party_id=body.party_id, currency=body.currency, monthly=monthly, source=body.source
    )


def grant(call: Call, body: NewConsent) -> GrantConsent:
    """The command that consents."""
    return GrantConsent(
        party_id=body.party_id, asker_id=body.app_id, purpose=body.purpose, days=body.days
    )


def revoke(call: Call, body: NoFields) -> RevokeConsent:
    """The command that takes a consent back."""
    return RevokeConsent(consent_id=call.path["consent_id"])


def ask(call: Call, body: NewInquiry) -> AskCredit:
    """The command that asks."""
    return AskCredit(
        app_id=call.identity.app(body.app_id or ""), purpose=body.purpose,
        transaction_id=body.transaction_id, party_id=body.party_id, minimum=body.minimum,
    )  # fmt: skip


def _kept(done: RecordedCredit) -> CreditKept:
    return CreditKept()


def _consent(done: ConsentDone) -> ConsentShape:
    return ConsentShape(
        consent_id=done.consent_id, until_ms=done.until_ms, revoked_ms=moment(done.revoked_ms),
        app_id=done.asker_id, purpose=done.purpose,
    )  # fmt: skip


def _granted(one: Consent) -> ConsentShape:
    return ConsentShape(
        consent_id=one.consent_id, until_ms=one.until_ms, revoked_ms=moment(one.revoked_ms),
        app_id=one.asker_id, purpose=one.purpose.value,
    )  # fmt: skip


def _inquired(done: Inquired) -> InquiryShape:
    """The answer; an inquiry without consent was recorded, and is refused."""
    if done.outcome is Outcome.NO_CONSENT:
        raise Refused("CREDIT_CONSENT_MISSING")
    if done.outcome is Outcome.NO_SCORE:
        raise Refused("CREDIT_SCORE_MISSING")
    return InquiryShape(
        inquiry_id=done.inquiry_id, score=done.score or None, is_admitted=done.is_admitted,
        matches=[kind for kind, _ in done.matches],
    )  # fmt: skip


def standing(call: Call, query: CreditQuery) -> CreditStanding:
    """What is kept of a person, and who asked."""
    rows, party_id = call.platform.rows, call.path["party_id"]
    score = standing_of(rows, party_id)
    return CreditStanding(
        party_id=party_id,
        score=score.score if score else None,
        model=score.model if score else "",
        consents=[_granted(one) for one in consents_of(rows, party_id)],
        inquiries=[
            InquiryLine(
                inquiry_id=one.inquiry_id, app_id=one.asker_id, purpose=one.purpose,
                outcome=one.outcome, at_ms=one.at_ms,
            )
            for one in inquiries_about(rows, party_id)
        ],
    )  # fmt: skip


_WRITE: Final = "credit:write"
_PARTY: Final = ("PARTY_NOT_EXIST", "PARTY_BLOCKED", "INVALID_PARAMETER", "INVALID_AMOUNT")
_PERSON: Final = "2088000000000101"

INQUIRY_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/credit/limit-policy", "set_limit_policy", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Say what people may owe", body=NewLimitPolicy, command=set_policy, show=_kept,
        answer=CreditKept,
        example={"bands": [{"score_from": 600, "months": "3", "amount_max": "50000.00",
                            "deposit_max": "1000.00"}]},
        refusals=("CREDIT_TERMS_INVALID", "INVALID_AMOUNT", "INVALID_PARAMETER"),
    ),
    change(
        "/v1/credit/scores", "record_score", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Keep a person's score", body=NewScore, command=record_score, show=_kept,
        answer=CreditKept,
        example={"party_id": _PERSON, "score": 655, "model": "1f0c2a9d7be43a55"},
        refusals=_PARTY,
    ),
    change(
        "/v1/credit/incomes", "state_income", tag=_TAG, scope="wallet:write", for_apps=False,
        summary="Keep a person's income", body=NewIncome, command=state_income, show=_kept,
        answer=CreditKept,
        example={"party_id": _PERSON, "monthly": "9000.00", "source": "payslip"},
        refusals=_PARTY,
    ),
    change(
        "/v1/credit/consents", "grant_consent", tag=_TAG, scope="wallet:write", for_apps=False,
        summary="Consent for a person", body=NewConsent, command=grant, show=_consent,
        answer=ConsentShape,
        example={"party_id": _PERSON, "app_id": "2026000000000001", "purpose": "score"},
        refusals=("APP_NOT_EXIST", "INVALID_PARAMETER"),
    ),
    change(
        "/v1/credit/consents/{consent_id}/revocation", "revoke_consent", tag=_TAG,
        scope="wallet:write", for_apps=False, summary="Take a consent back", command=revoke,
        show=_consent, answer=ConsentShape, parameters={"consent_id": OrderNo},
        refusals=("CREDIT_CONSENT_NOT_EXIST",),
    ),
    change(
        "/v1/credit/inquiries", "ask_credit", tag=_TAG, scope="payments:write",
        summary="Ask about a person who consented", body=NewInquiry, command=ask, show=_inquired,
        answer=InquiryShape,
        example={"party_id": _PERSON, "purpose": "score", "transaction_id": "T1", "minimum": 600,
                 "app_id": "2026000000000001"},
        refusals=("CREDIT_CONSENT_MISSING", "CREDIT_SCORE_MISSING", "CREDIT_INQUIRY_REPEATED",
                  "APP_NOT_EXIST", "APP_DISABLED", *_PARTY),
    ),
    look(
        "/v1/credit/people/{party_id}", "credit_standing", tag=_TAG, scope="credit:read",
        for_apps=False, summary="A person's score, consents, and who asked", query=CreditQuery,
        find=standing, answer=CreditStanding, parameters={"party_id": PartyId},
    ),
)  # fmt: skip
