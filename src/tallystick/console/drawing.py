"""Drawing a loan that was signed: alone, or by the plan of the institutions that fund it."""

from __future__ import annotations

from typing import Final, NamedTuple

from tallystick.console.frontend import Frontend
from tallystick.console.requests import Form, form_request
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Visitor
from tallystick.credit.joint.known import funded_jointly, known_facts
from tallystick.credit.joint.model import (
    CancelFunding,
    DecideFunding,
    DrawFunded,
    FundingDecided,
    FundingStatus,
)
from tallystick.credit.loans.model import DrawLoan
from tallystick.credit.merchant.model import DrawMerchantLoan
from tallystick.parties.model import Party
from tallystick.pipeline.commands import Command, Reply
from tallystick.pipeline.refusals import Refusal

__all__ = ["Signed", "draw", "is_joint", "unfunded_text"]

_HELD_MS: Final = 10 * 60_000
"""Signing draws at once; quota is held no longer should that fail halfway."""


class Signed(NamedTuple):
    """What is drawn; `amount` in minor units."""

    product_id: str
    currency: str
    amount: int
    payments: int
    on_sales: bool


def is_joint(front: Frontend, product_id: str, currency: str) -> bool:
    """Whether institutions fund a product."""
    return funded_jointly(front.platform.rows, product_id, currency)


def unfunded_text(refusal: Refusal, language: Language) -> str:
    """Which rule left no plan, in the visitor's language."""
    if refusal.code != "FUNDING_DECLINED":
        return ""
    return text(f"fund.left_none.{refusal.detail}", language)


async def draw(
    front: Frontend, visitor: Visitor, party: Party, signed: Signed, form: Form
) -> Reply | Refusal:
    """Draw what was signed with a form; sent twice it is done once.

    Returns:
        `LoanDone`, or why not: FUNDING_DECLINED has the rule that left no plan.
    """
    if not is_joint(front, signed.product_id, signed.currency):
        return await _submit(front, visitor, _alone(party, signed), form_request(form, "sign"))
    application = _application(front, party, signed)
    decided = await _submit(front, visitor, application, form_request(form, "fund"))
    if isinstance(decided, Refusal):
        return decided
    assert isinstance(decided, FundingDecided)
    if decided.status is FundingStatus.DECLINED:
        return Refusal("FUNDING_DECLINED", decided.rule)
    command = DrawFunded(decision_id=decided.decision_id)
    done = await _submit(front, visitor, command, form_request(form, "sign"))
    if isinstance(done, Refusal):
        await _submit(front, visitor, CancelFunding(decision_id=decided.decision_id), "")
    return done


def _alone(party: Party, signed: Signed) -> Command:
    if signed.on_sales:
        return DrawMerchantLoan(
            merchant_id=party.party_id, product_id=signed.product_id, amount=signed.amount,
            count=signed.payments,
        )  # fmt: skip
    return DrawLoan(
        borrower_id=party.party_id, product_id=signed.product_id, amount=signed.amount,
        count=signed.payments,
    )  # fmt: skip


def _application(front: Frontend, party: Party, signed: Signed) -> DecideFunding:
    platform = front.platform
    facts = known_facts(platform.rows, platform.ledger.accounts, party, signed.currency)
    return DecideFunding(
        borrower_id=party.party_id, product_id=signed.product_id, amount=signed.amount,
        count=signed.payments, facts=facts, valid_ms=_HELD_MS,
    )  # fmt: skip


async def _submit(
    front: Frontend, visitor: Visitor, command: Command, request_id: str
) -> Reply | Refusal:
    answer = await front.submit(visitor.caller, command, request_id)
    if answer.refusal is not None:
        return answer.refusal
    assert answer.reply is not None
    return answer.reply
