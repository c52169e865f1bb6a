"""Reading what is known of a person: factors, level, challenges, limits."""

from __future__ import annotations

from tallystick.risk.person.decide import Person
from tallystick.risk.person.model import (
    Factor,
    FactorStatus,
    LevelLimit,
    PersonDocument,
    PersonLevel,
    Recovery,
)
from tallystick.store.rows import ReadSession, Rows

__all__ = ["level_limits", "person_of", "recovery_of"]


def person_of(rows: Rows, party_id: str) -> Person:
    """Factors that were not removed, the oldest first; document and level."""
    factors = [f for f in rows.select(Factor, party_id=party_id)
               if f.status is not FactorStatus.REMOVED]  # fmt: skip
    factors.sort(key=lambda f: (f.added_ms, f.factor_id))
    return Person(
        party_id, tuple(factors), rows.get(PersonDocument, party_id),
        rows.get(PersonLevel, party_id),
    )  # fmt: skip


def recovery_of(rows: Rows, party_id: str) -> Recovery | None:
    """The recovery that waits, if one does."""
    found = rows.get(Recovery, party_id)
    return found if found is not None and found.status == "waiting" else None


def level_limits(rows: ReadSession) -> list[LevelLimit]:
    """All limits, by level and currency."""
    return rows.query(LevelLimit, "ORDER BY level, currency", ())
