"""Scores, incomes, consents, inquiries and deposit-free holds; commands and replies."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.credit.inquiries.limits import LimitPolicy
from tallystick.payments.trades.model import PayTrade
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "POLICY_ID", "AskCredit", "CaptureDeposit", "Consent", "ConsentDone", "CreditScore",
    "DepositDone", "DepositFree", "DepositOperation", "ExpireDeposit", "FreezeByScore",
    "GrantConsent", "IncomeStated", "Inquired", "Inquiry", "Outcome", "Purpose", "RecordScore",
    "RecordedCredit", "ReleaseDeposit", "RevokeConsent", "SetLimitPolicy", "StateIncome",
    "StoredPolicy",
]  # fmt: skip

POLICY_ID: Final = "limits"


class Purpose(StrEnum):
    """What somebody wants to know something for; each needs a consent of its own."""

    SCORE = "score"
    WATCH_LIST = "watch_list"
    DEPOSIT_FREE = "deposit_free"


class Outcome(StrEnum):
    """What came of an inquiry."""

    ANSWERED = "answered"
    NO_CONSENT = "no_consent"
    NO_SCORE = "no_score"
    SCORE_LOW = "score_low"


class StoredPolicy(Row, frozen=True):
    """The policy of limits; `terms` is JSON of `LimitPolicy`. Without one there is no limit."""

    policy_id: str
    terms: str
    changed_by: str
    changed_ms: int


class CreditScore(Row, frozen=True):
    """A person's score by a model, as `credit score apply` gives it; the newest one holds."""

    party_id: str
    scored_ms: int
    score: int
    probability: str
    model: str
    reasons: str
    scored_by: str


class IncomeStated(Row, frozen=True):
    """What a person earns a month, minor units; `source` says by which proof it was verified."""

    party_id: str
    currency: str
    monthly: int
    is_verified: bool
    source: str
    stated_by: str
    stated_ms: int


class Consent(Row, frozen=True):
    """A person lets an app ask for one purpose until a moment; `revoked_ms` 0 while it holds."""

    consent_id: str
    party_id: str
    asker_id: str
    purpose: Purpose
    granted_ms: int
    until_ms: int
    revoked_ms: int


class Inquiry(Row, frozen=True):
    """One inquiry, answered or not. Lines are only added; the person sees them all.

    `answer` is what was told, as the asker got it.
    """

    inquiry_id: str
    party_id: str
    asker_id: str
    purpose: Purpose
    transaction_id: str
    consent_id: str
    outcome: Outcome
    minimum: int
    answer: str
    at_ms: int


class DepositFree(Row, frozen=True):
    """A deposit that need not be paid because of a score: no money is frozen.

    `open_amount` is what still stands, in minor units; it counts as exposure. At `expires_ms`
    what still stands is released by itself; 0 for never.
    """

    hold_id: str
    app_id: str
    out_order_no: str
    payer_id: str
    payee_id: str
    currency: str
    amount: int
    open_amount: int
    title: str
    inquiry_id: str
    created_ms: int
    expires_ms: int = 0


class DepositOperation(Row, frozen=True):
    """One operation of such a deposit; `kind` is FREEZE, UNFREEZE or PAY."""

    hold_id: str
    out_request_no: str
    operation_id: str
    kind: str
    amount: int
    remark: str
    at_ms: int


Table("credit_limit_policy", StoredPolicy, ("policy_id",))
Table("credit_score", CreditScore, ("party_id", "scored_ms"))
Table("credit_income", IncomeStated, ("party_id", "currency"))
Table("credit_consent", Consent, ("consent_id",))
Table("credit_inquiry", Inquiry, ("inquiry_id",))
Table("deposit_free", DepositFree, ("hold_id",), unique=(("app_id", "out_order_no"),))
Table("deposit_free_operation", DepositOperation, ("hold_id", "out_request_no"))


class SetLimitPolicy(Command, frozen=True, kw_only=True, tag="credit.set_limit_policy"):
    """Say what people may owe."""

    terms: LimitPolicy


class RecordScore(Command, frozen=True, kw_only=True, tag="credit.record_score"):
    """Keep a score with the number of the model that gave it."""

    party_id: str
    score: int
    probability: str
    model: str
    reasons: tuple[str, ...] = ()


class StateIncome(Command, frozen=True, kw_only=True, tag="credit.state_income"):
    """Say what a person earns; what a person says of themselves is not verified."""

    party_id: str
    currency: str
    monthly: int
    source: str = ""


class GrantConsent(Command, frozen=True, kw_only=True, tag="credit.grant_consent"):
    """Let an app ask about oneself, for a purpose and so many days."""

    party_id: str
    asker_id: str
    purpose: Purpose
    days: int = 30


class RevokeConsent(Command, frozen=True, kw_only=True, tag="credit.revoke_consent"):
    """Take a consent back."""

    consent_id: str


class AskCredit(Command, frozen=True, kw_only=True, tag="credit.inquire"):
    """Ask about a person. It is recorded whatever comes of it.

    Args:
        minimum: what a score is to reach, to say only whether it does; 0 asks for the score.
        consent_id: the person's consent, where the asker names no person.
    """

    app_id: str
    purpose: Purpose
    transaction_id: str
    party_id: str = ""
    consent_id: str = ""
    minimum: int = 0


class FreezeByScore(Command, frozen=True, kw_only=True, tag="credit.freeze_by_score"):
    """Let a deposit be left out for whom the score speaks; no money is frozen.

    Args:
        expires_within_ms: until it ends by itself; 0 for the longest time that there is.
    """

    app_id: str
    out_order_no: str
    out_request_no: str
    amount: int
    title: str
    payment_code_index: bytes
    currency: str = "CNY"
    payee_id: str = ""
    expires_within_ms: int = 0


class CaptureDeposit(Command, frozen=True, kw_only=True, tag="credit.capture_deposit"):
    """Pay an order that the deposit stands for, from the wallet of who need not deposit.

    `payment` names the order; nobody shows a code for it.
    """

    hold_id: str
    payment: PayTrade


class ExpireDeposit(Command, frozen=True, kw_only=True, tag="credit.expire_deposit"):
    """The deposit's time is over (asked for by a timer)."""

    hold_id: str


class ReleaseDeposit(Command, frozen=True, kw_only=True, tag="credit.release_deposit"):
    """What was rented is back: the deposit, or a part of it, stands no more."""

    app_id: str
    hold_id: str
    out_request_no: str
    amount: int
    remark: str = ""


class RecordedCredit(Reply, frozen=True, kw_only=True):
    """Of whom something was kept; empty for the policy."""

    party_id: str


class ConsentDone(Reply, frozen=True, kw_only=True):
    """A consent as it is now."""

    consent_id: str
    until_ms: int
    revoked_ms: int
    asker_id: str = ""
    purpose: str = ""


class Inquired(Reply, frozen=True, kw_only=True):
    """What an asker is told.

    Args:
        score: only where the score itself was asked for.
        is_admitted: whether it reaches the minimum.
        matches: what the watch list holds, as (kind, since when in ms).
    """

    inquiry_id: str
    outcome: Outcome
    score: int = 0
    is_admitted: bool = False
    matches: tuple[tuple[str, int], ...] = ()


class DepositDone(Reply, frozen=True, kw_only=True):
    """A deposit-free hold after a command; without a hold, `outcome` says why."""

    outcome: Outcome
    hold_id: str = ""
    out_order_no: str = ""
    operation_id: str = ""
    out_request_no: str = ""
    payer_id: str = ""
    amount: int = 0
    open_amount: int = 0
    at_ms: int = 0
