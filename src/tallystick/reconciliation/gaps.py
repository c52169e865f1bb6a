"""Gaps between statements: one opens with another balance than the one before it closed with."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tallystick.reconciliation.model import (
    BreakSide,
    BreakStatus,
    ImportedStatement,
    ReconciliationBreak,
)

__all__ = ["gap_break", "gap_id", "gap_of", "looked_at_again"]


def gap_id(statement_id: str) -> str:
    """The id of the break of a statement that opens with a gap: that of a line before its first."""
    return f"{statement_id}-00000"


def gap_of(statement: ImportedStatement, known: Sequence[ImportedStatement]) -> int:
    """What a statement opens with above the closing balance before it, in minor units; 0: no gap.

    The one before is the latest that ended by its first day. Where a day has several statements,
    it is enough that one of them, or of the day before, closed with the opening balance.

    Args:
        known: the account's statements in the same currency.
    """
    before = [
        s for s in known
        if s.has_balances
        and s.statement_id != statement.statement_id
        and s.last_day <= statement.first_day
    ]  # fmt: skip
    if not (statement.has_balances and before):
        return 0
    earlier = max((s.last_day for s in before if s.last_day < statement.first_day), default=None)
    near = [s for s in before if s.last_day in (statement.first_day, earlier)]
    if any(s.closing == statement.opening for s in near):
        return 0
    if earlier is None and any(s.opening == statement.closing for s in near):
        return 0  # It is the first of its day, and of all.
    latest = max(near, key=lambda s: (s.last_day, s.imported_ms, s.statement_id))
    return statement.opening - latest.closing


def gap_break(statement: ImportedStatement, gap: int) -> ReconciliationBreak:
    """The break that says so."""
    return ReconciliationBreak(
        break_id=gap_id(statement.statement_id), bank_id=statement.bank_id,
        currency=statement.currency, side=BreakSide.GAP, day=statement.first_day, amount=gap,
        reference=statement.number, status=BreakStatus.OPEN, assignee="", account="",
        closed_by="", opened_ms=statement.imported_ms, closed_ms=0,
    )  # fmt: skip


def looked_at_again(
    held: ReconciliationBreak, statement: ImportedStatement, known: Sequence[ImportedStatement],
    now_ms: int,
) -> ReconciliationBreak:  # fmt: skip
    """An open gap once further statements came: closed, smaller, or as it was."""
    gap = gap_of(statement, known)
    if gap:
        return replace(held, amount=gap)
    return replace(held, status=BreakStatus.MATCHED, closed_ms=now_ms)
