"""What can be seen of reconciliation: statements, groups with both sides, breaks by age."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from tallystick.reconciliation.model import (
    BreakNote,
    BreakStatus,
    GroupStatus,
    ReconciledEntry,
    ReconciliationBreak,
    ReconciliationGroup,
    StatementLine,
)
from tallystick.store.rows import ReadSession

__all__ = [
    "AGE_BUCKETS", "AgeBucket", "BothSides", "BreakStory", "age_bucket", "breaks_by_age",
    "both_sides", "break_story", "groups_of",
]  # fmt: skip

AGE_BUCKETS: Final = ((0, 1), (2, 5), (6, 10), (11, 30), (31, None))
"""Ages of breaks in days: from, to; the last has no end."""


class AgeBucket(NamedTuple):
    """Open breaks of some ages in one currency; amounts added up without their signs."""

    currency: str
    days_min: int
    days_max: int | None
    breaks: int
    amount: int


class BothSides(NamedTuple):
    """A group with its lines and its entries."""

    group: ReconciliationGroup
    lines: list[StatementLine]
    entries: list[ReconciledEntry]


class BreakStory(NamedTuple):
    """A break with everything that was written about it, oldest first."""

    found: ReconciliationBreak
    line: StatementLine | None
    notes: list[BreakNote]


def age_bucket(day: int, today: int) -> tuple[int, int | None]:
    """The bucket of a break of some day."""
    age = max(0, today - day)
    return next(b for b in AGE_BUCKETS if b[1] is None or age <= b[1])


def breaks_by_age(rows: ReadSession, today: int, bank_id: str = "") -> list[AgeBucket]:
    """The open breaks of a bank, or of all, by currency and age; every bucket is there."""
    sql = "SELECT currency, day, amount FROM reconciliation_break WHERE status = ?"
    values = [BreakStatus.OPEN.value]
    if bank_id:
        sql += " AND bank_id = ?"
        values.append(bank_id)
    counts: Counter[tuple[str, int]] = Counter()
    amounts: Counter[tuple[str, int]] = Counter()
    for currency, day, amount in rows.connection.execute(sql, values):
        key = (str(currency), age_bucket(int(day), today)[0])
        counts[key] += 1
        amounts[key] += abs(int(amount))
    return [
        AgeBucket(currency, low, high, counts[currency, low], amounts[currency, low])
        for currency in sorted({c for c, _ in counts})
        for low, high in AGE_BUCKETS
    ]


def both_sides(rows: ReadSession, group: ReconciliationGroup) -> BothSides:
    """A group with its members; a rejected one has none any more."""
    return BothSides(
        group,
        rows.select(StatementLine, group_id=group.group_id),
        rows.select(ReconciledEntry, group_id=group.group_id),
    )


def groups_of(
    rows: ReadSession, status: GroupStatus, *, bank_id: str = "", limit: int
) -> list[BothSides]:
    """The newest groups of a status with both sides."""
    where, values = "WHERE status = ?", [status.value]
    if bank_id:
        where += " AND bank_id = ?"
        values.append(bank_id)
    tail = f"{where} ORDER BY created_ms DESC, group_id DESC LIMIT ?"
    return [
        both_sides(rows, group) for group in rows.query(ReconciliationGroup, tail, (*values, limit))
    ]


def break_story(rows: ReadSession, break_id: str) -> BreakStory | None:
    """A break with its notes, or None."""
    found = rows.get(ReconciliationBreak, break_id)
    if found is None:
        return None
    return BreakStory(
        found, rows.get(StatementLine, break_id), rows.select(BreakNote, break_id=break_id)
    )
