"""Loading a case: its rules, its strategy, the borrower's loans and contacts."""

from __future__ import annotations

from tallystick.credit.collections.decide import CaseState
from tallystick.credit.collections.model import (
    CONTACTS,
    RULES_ID,
    CaseEntry,
    CollectionCase,
    CollectionRules,
    CollectionSplit,
    CollectionStatus,
    CollectionStrategy,
    CollectionText,
)
from tallystick.credit.collections.overdue import Borrowed, borrowed
from tallystick.credit.collections.split import CHALLENGER, CHAMPION, arm_of
from tallystick.credit.collections.terms import ContactRules, StrategyTerms
from tallystick.credit.loans.timing import loan_day
from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Context
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import Rows

__all__ = [
    "case_state", "current_split", "newest_strategy", "newest_text", "open_case",
    "rules_in_force", "terms_of",
]  # fmt: skip


def rules_in_force(rows: Rows) -> ContactRules:
    """The contact rules; China's where nothing was said."""
    kept = rows.get(CollectionRules, RULES_ID)
    return ContactRules() if kept is None else decode_json(kept.terms, ContactRules)


def newest_text(rows: Rows, text_id: str) -> CollectionText | None:
    """The newest version of a text."""
    found = rows.select(CollectionText, text_id=text_id)
    return found[-1] if found else None


def newest_strategy(rows: Rows, strategy_id: str) -> CollectionStrategy | None:
    """The newest version of a strategy."""
    found = rows.select(CollectionStrategy, strategy_id=strategy_id)
    return found[-1] if found else None


def terms_of(strategy: CollectionStrategy) -> StrategyTerms:
    """What a strategy says."""
    return decode_json(strategy.terms, StrategyTerms)


def current_split(rows: Rows) -> CollectionSplit | None:
    """Which strategies are in force; None before the first split."""
    found = rows.select(CollectionSplit, ended_ms=0)
    return found[-1] if found else None


def open_case(context: Context, borrower_id: str, currency: str, loans: Borrowed) -> CaseState:
    """A new case, in the arm that the lot gives."""
    split = current_split(context.uow)
    arm, strategy_id, split_id = CHAMPION, "", ""
    if split is not None:
        split_id = split.split_id
        arm = arm_of(split_id, borrower_id, split.challenger_permille)
        strategy_id = split.challenger_id if arm == CHALLENGER else split.champion_id
    case = CollectionCase(
        case_id=dated_number(context.now_ms, context.request_key, "case"),
        borrower_id=borrower_id, currency=currency, status=CollectionStatus.OPEN, split_id=split_id,
        arm=arm, strategy_id=strategy_id, bucket=0, overdue=0, days_past_due=0, next_ms=0,
        next_step="", next_channel="", quiet_until_ms=0, entries=0, contacts=0, cost=0,
        collected=0, opened_day=loan_day(context.now_ms).isoformat(), opened_ms=context.now_ms,
        looked_ms=context.now_ms, ended_ms=0,
    )  # fmt: skip
    return _state(context, case, loans)


def case_state(context: Context, case_id: str) -> CaseState:
    """A case with all that decisions about it look at.

    Raises:
        Refused: COLLECTION_CASE_NOT_EXIST.
    """
    case = context.uow.get(CollectionCase, case_id)
    if case is None:
        raise Refused("COLLECTION_CASE_NOT_EXIST")
    day = loan_day(context.now_ms)
    loans = borrowed(context.uow, case.borrower_id, case.currency, day, case.opened_ms)
    return _state(context, case, loans)


def _state(context: Context, case: CollectionCase, loans: Borrowed) -> CaseState:
    uow = context.uow
    strategy = newest_strategy(uow, case.strategy_id) if case.strategy_id else None
    entries = uow.select(CaseEntry, borrower_id=case.borrower_id)
    made = [entry for entry in entries if entry.kind in CONTACTS]
    last = {e.step: loan_day(e.at_ms) for e in made if e.case_id == case.case_id and e.step}
    cases = uow.select(CollectionCase, borrower_id=case.borrower_id)
    return CaseState(
        case=case,
        borrowed=loans,
        rules=rules_in_force(uow),
        terms=terms_of(strategy) if strategy else None,
        contacts=tuple(entry.at_ms for entry in made),
        another_stopped=any(
            c.status is CollectionStatus.STOPPED for c in cases if c.case_id != case.case_id
        ),
        last=last,
        today=loan_day(context.now_ms),
        now_ms=context.now_ms,
        caller=f"{context.caller.kind}:{context.caller.id}",
        number=dated_number(context.now_ms, context.request_key, "collections"),
    )  # fmt: skip
