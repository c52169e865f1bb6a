"""Reading what is known of a person: factors, level, challenges, limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.risk.blacklist.keeping import SealedIdentifier
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind
from tallystick.risk.person.decide import Person
from tallystick.risk.person.model import (
    Factor,
    FactorKind,
    FactorStatus,
    LevelLimit,
    PersonDocument,
    PersonLevel,
    Recovery,
)
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "DOCUMENT_PURPOSE", "FACTOR_PURPOSE", "known_by", "level_limits", "person_of", "recovery_of",
]  # fmt: skip

FACTOR_PURPOSE: Final = "person.factor"
DOCUMENT_PURPOSE: Final = "person.document"
"""For what a phone's number or a generator's secret, and a document's number, are sealed."""


def person_of(rows: Rows, party_id: str) -> Person:
    """Factors that were not removed, the oldest first; document and level."""
    factors = [f for f in rows.select(Factor, party_id=party_id)
               if f.status is not FactorStatus.REMOVED]  # fmt: skip
    factors.sort(key=lambda f: (f.added_ms, f.factor_id))
    return Person(
        party_id, tuple(factors), rows.get(PersonDocument, party_id),
        rows.get(PersonLevel, party_id),
    )  # fmt: skip


def known_by(rows: Rows, party_id: str) -> Iterator[SealedIdentifier]:
    """What was proved to be a party's: the document's number, and phones that answered a code."""
    document = rows.get(PersonDocument, party_id)
    if document is not None:
        kind = IdentifierKind.NATIONAL_ID
        yield SealedIdentifier(kind, DOCUMENT_PURPOSE, document.number_sealed)
    for factor in rows.select(Factor, party_id=party_id):
        if factor.kind is FactorKind.PHONE and factor.status is FactorStatus.ACTIVE:
            yield SealedIdentifier(IdentifierKind.PHONE, FACTOR_PURPOSE, factor.secret_sealed)


def recovery_of(rows: Rows, party_id: str) -> Recovery | None:
    """The recovery that waits, if one does."""
    found = rows.get(Recovery, party_id)
    return found if found is not None and found.status == "waiting" else None


def level_limits(rows: ReadSession) -> list[LevelLimit]:
    """All limits, by level and currency."""
    return rows.query(LevelLimit, "ORDER BY level, currency", ())
