"""Rows to train on, out of our own books: people's facts as of a past day, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.credit.scoring.facts import COLUMNS, came_bad, facts_of
from tallystick.credit.scoring.reading import read_past
from tallystick.parties.model import Party
from tallystick.store.rows import ReadSession

__all__ = ["HEADINGS", "IDENTIFIER", "OUTCOME", "training_rows"]

IDENTIFIER: Final = "party_id"
OUTCOME: Final = "bad"
HEADINGS: Final = (IDENTIFIER, *COLUMNS, OUTCOME)

_PEOPLE: Final = """
WHERE created_ms <= ? AND EXISTS (
    SELECT 1 FROM loan WHERE loan.borrower_id = party.party_id AND loan.currency = ?
    AND loan.drawn_ms <= ? AND (loan.closed_ms = 0 OR loan.closed_ms > ?)
) ORDER BY party_id
"""


def training_rows(
    rows: ReadSession, currency: str, at_ms: int, *, months: int, days: int, now_ms: int
) -> Iterator[tuple[str, ...]]:
    """A row for each person who owed something then, as `HEADINGS`.

    Facts are as they were at the moment; bad is 1 when a payment was `days` past due at the end of
    one of the `months` after it, or a loan was written off.

    Args:
        now_ms: what has happened up to now is known; the months must be over by then.
    """
    for party in rows.query(Party, _PEOPLE, (at_ms, currency, at_ms, at_ms)):
        facts = facts_of(read_past(rows, rows.connection, party, currency, at_ms), at_ms)
        later = read_past(rows, rows.connection, party, currency, now_ms)
        bad = came_bad(later, at_ms, months, days)
        yield (party.party_id, *facts.values(), str(int(bad)))
