"""What a score means for an application: a pure decision."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tallystick.credit.inquiries.limits import Limit
from tallystick.credit.inquiries.model import CreditScore
from tallystick.credit.loans.model import CreditLine, ProductTerms
from tallystick.credit.scoring.model import Application, ApplicationDone, ApplyForLine
from tallystick.credit.scoring.serving import Scored
from tallystick.pipeline.decisions import Decision, event

__all__ = ["Applied", "answer", "kept_score"]


class Applied(NamedTuple):
    """An application with all that is looked at.

    Args:
        used: what is owed of the product already, minor units.
        granted: the line that there is.
        model: the number of the one that gave the score.
        facts: what the score was worked out from.
    """

    application_id: str
    terms: ProductTerms
    scored: Scored
    limit: Limit
    used: int
    granted: int
    model: str
    facts: dict[str, str]
    now_ms: int


def kept_score(party_id: str, scored: Scored, model: str, by: str, now_ms: int) -> CreditScore:
    """A score as it is kept."""
    reasons = [f"{one.attribute} (-{one.points} points)" for one in scored.causes]
    return CreditScore(
        party_id, now_ms, scored.score, scored.probability, model,
        msgspec.json.encode(reasons).decode(), by,
    )  # fmt: skip


def answer(command: ApplyForLine, applied: Applied, by: str) -> Decision:
    """Grant what the limit leaves, or say what held it down.

    A line is never made smaller by asking: the limit over all products holds at each drawing.
    """
    limit, terms, scored = applied.limit, applied.terms, applied.scored
    is_approved = limit.available >= terms.amount_min
    amount = max(applied.used + limit.available, applied.granted) if is_approved else 0
    row = Application(
        applied.application_id, command.borrower_id, command.product_id, terms.currency,
        is_approved, amount, limit.total, limit.exposure.total, limit.reason, scored.score,
        scored.probability, applied.model, msgspec.json.encode(scored.causes).decode(),
        msgspec.json.encode(applied.facts).decode(), applied.now_ms,
    )  # fmt: skip
    score = kept_score(command.borrower_id, scored, applied.model, by, applied.now_ms)
    line = CreditLine(command.borrower_id, command.product_id, amount, applied.now_ms)
    told = {
        "application_id": row.application_id, "is_approved": is_approved, "amount": amount,
        "currency": row.currency, "model": row.model,
    }  # fmt: skip
    return Decision(
        ApplicationDone(
            application_id=row.application_id, is_approved=is_approved, amount=amount,
            currency=row.currency,
        ),
        (row, score, *((line,) if is_approved else ())),
        events=(event("credit.application_decided", command.borrower_id, told),),
    )  # fmt: skip
