"""Models and applications at work: load what a decision needs, decide, record.

The scorecard serves. People are scored when they apply, and every so often by a timer, a few at a
time, so that no payment waits for it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from tallystick.credit.inquiries.exposure import (
    exposure_of,
    newest_score,
    policy_in_force,
)
from tallystick.credit.inquiries.limits import Income, LimitPolicy, limit_of
from tallystick.credit.inquiries.model import IncomeStated
from tallystick.credit.loans.model import CreditLine, Loan
from tallystick.credit.loans.service import open_product
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.merchant.model import MerchantProduct
from tallystick.credit.scoring import decide
from tallystick.credit.scoring.facts import facts_of
from tallystick.credit.scoring.model import (
    SCORING_TIMER,
    ApplicationDone,
    ApplyForLine,
    PeopleScored,
    PutScoreModel,
    ScoreModel,
    ScoreModelDone,
    ScorePeople,
    ServeScoreModel,
)
from tallystick.credit.scoring.reading import read_past
from tallystick.credit.scoring.serving import Scored, checked_model, model_text, score_facts
from tallystick.ledger.chart import LOAN_PRINCIPAL
from tallystick.parties.model import Party, PartyStatus
from tallystick.parties.views import active_party
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import AccountRef, Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register", "serving_model"]

_AT_ONCE: Final = 10
_DAY_MS: Final = 86_400_000
_HOURS: Final = 4
_PARTS: Final = 3
"""A score is made anew when a third of the time that it holds is over."""

_BORROWERS: Final = """
SELECT borrower_id FROM credit_line WHERE amount > 0 AND borrower_id > ?
UNION SELECT borrower_id FROM loan WHERE status = 'active' AND borrower_id > ?
ORDER BY 1 LIMIT ?
"""


def _caller(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


def serving_model(uow: UnitOfWork) -> ScoreModel:
    """The model that serves.

    Raises:
        Refused: SCORE_NOT_IN_SERVICE.
    """
    found = uow.select(ScoreModel, is_serving=True)
    if not found:
        raise Refused("SCORE_NOT_IN_SERVICE")
    return found[0]


def put_model(command: PutScoreModel, context: Context) -> Reply:
    """Let a model serve; the one that did is kept, and can serve again."""
    number = checked_model(command.manifest, command.model, command.card)
    return _serve(ScoreModel(number, command.model, command.card, True, "", 0), context)


def serve_again(command: ServeScoreModel, context: Context) -> Reply:
    """Let an earlier model serve."""
    kept = context.uow.get(ScoreModel, command.model_id)
    if kept is None:
        raise Refused("SCORE_MODEL_INVALID", "No model of this number was put to service.")
    return _serve(kept, context)


def _serve(model: ScoreModel, context: Context) -> Reply:
    """Everybody is scored anew by it, soon."""
    uow, number = context.uow, model.model_id
    before = [replace(one, is_serving=False) for one in uow.select(ScoreModel, is_serving=True)
              if one.model_id != number]  # fmt: skip
    by = _caller(context)
    row = replace(model, is_serving=True, put_by=by, put_ms=context.now_ms)
    set_timer(uow, SCORING_TIMER, context.now_ms, ScorePeople())
    told = event("credit.score_model_put", number, {"by": by})
    return record(
        context, Decision(ScoreModelDone(model_id=number), (*before, row), events=(told,))
    )


def _policy(uow: UnitOfWork) -> LimitPolicy:
    policy = policy_in_force(uow)
    if policy is None:
        raise Refused("SCORE_NOT_IN_SERVICE", "No limit policy is in force.")
    return policy


def _scored(
    uow: UnitOfWork, model: ScoreModel, party: Party, currency: str, now_ms: int
) -> tuple[Scored, dict[str, str]]:
    past = read_past(uow, uow.connection, party, currency, now_ms)
    facts = facts_of(past, now_ms)
    return score_facts(model_text(model.terms), facts), facts


def _used(uow: UnitOfWork, borrower_id: str, product_id: str, currency: str) -> int:
    book, used = platform_book(currency), 0
    for loan in uow.select(Loan, borrower_id=borrower_id, product_id=product_id):
        account = uow.books.account(AccountRef(LOAN_PRINCIPAL, loan.loan_id, book).id)
        used += 0 if account is None else account.debits_posted - account.credits_posted
    return used


def apply_for_line(command: ApplyForLine, context: Context) -> Reply:
    """Score the applicant, and grant or refuse."""
    uow, now_ms = context.uow, context.now_ms
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != command.borrower_id:
        raise Refused("NOT_PERMITTED", "A person applies for themselves.")
    party = active_party(uow, command.borrower_id)
    _, terms = open_product(uow, command.product_id)
    if uow.get(MerchantProduct, command.product_id) is not None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST", "This product is drawn on sales.")
    model, policy = serving_model(uow), _policy(uow)
    if terms.currency != policy.currency:
        raise Refused("SCORE_NOT_IN_SERVICE", f"The limit policy is for {policy.currency}.")
    scored, facts = _scored(uow, model, party, policy.currency, now_ms)
    stated = uow.get(IncomeStated, party.party_id, policy.currency)
    income = None if stated is None else Income(stated.monthly, stated.is_verified)
    exposure = exposure_of(uow, party.party_id, policy.currency)
    line = uow.get(CreditLine, party.party_id, command.product_id)
    applied = decide.Applied(
        application_id=dated_number(now_ms, context.request_key, "application"),
        terms=terms,
        scored=scored,
        limit=limit_of(policy, scored.score, 0, income, exposure),
        used=_used(uow, party.party_id, command.product_id, policy.currency),
        granted=0 if line is None else line.amount,
        model=model.model_id,
        facts=facts,
        now_ms=now_ms,
    )
    return record(context, decide.answer(command, applied, _caller(context)))


# By themselves.


def score_people(command: ScorePeople, context: Context) -> Reply:
    """Score the next few people whose score is old or of another model, and see to the rest.

    Without a model or a policy nothing is scored; putting a model begins it again.
    """
    uow, now_ms = context.uow, context.now_ms
    serving = uow.select(ScoreModel, is_serving=True)
    policy = policy_in_force(uow)
    if not serving:
        return PeopleScored(looked_at=0, scored=0)
    after = command.after_party_id
    asked = (after, after, _AT_ONCE)
    found = [row[0] for row in uow.connection.execute(_BORROWERS, asked).fetchall()]
    scored = sum(_score_anew(context, serving[0], policy, one) for one in found) if policy else 0
    if len(found) == _AT_ONCE:
        set_timer(uow, SCORING_TIMER, now_ms, ScorePeople(after_party_id=found[-1]))
    else:
        tomorrow = collect_ms(loan_day(now_ms) + timedelta(days=1), _HOURS)
        set_timer(uow, SCORING_TIMER, tomorrow, ScorePeople())
    return PeopleScored(looked_at=len(found), scored=scored)


def _score_anew(context: Context, model: ScoreModel, policy: LimitPolicy, party_id: str) -> bool:
    uow, now_ms = context.uow, context.now_ms
    party, known = uow.get(Party, party_id), newest_score(uow, party_id)
    holds_ms = policy.score_valid_days * _DAY_MS // _PARTS
    fresh = known is not None and now_ms - known.scored_ms < holds_ms
    if party is None or party.status is not PartyStatus.ACTIVE:
        return False
    if known is not None and fresh and known.model == model.model_id:
        return False
    scored, _ = _scored(uow, model, party, policy.currency, now_ms)
    row = decide.kept_score(party_id, scored, model.model_id, _caller(context), now_ms)
    uow.put(row)
    told = {"score": scored.score, "model": model.model_id}
    uow.emit(event("credit.scored", party_id, told))
    return True


def register(registry: Registry) -> None:
    """Declare the commands of models and applications."""
    write = "credit:write"
    registry.add(PutScoreModel, put_model, reply=ScoreModelDone, scope=write)
    registry.add(ServeScoreModel, serve_again, reply=ScoreModelDone, scope=write)
    registry.add(ApplyForLine, apply_for_line, reply=ApplicationDone, scope="wallet:write")
    registry.add(ScorePeople, score_people, reply=PeopleScored, scope="system")
