"""What can be seen of receivables: one's whole story, those of a seller, those of a debtor."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.credit.receivables.decide import Standing, standing_of
from tallystick.credit.receivables.model import Receivable, ReceivableEvent, ReceivableStatus
from tallystick.store.rows import ReadSession

__all__ = ["ReceivableStory", "receivable_story", "receivables_of"]

_MOST = 200


class ReceivableStory(NamedTuple):
    """A receivable, what happened, and what is owed."""

    row: Receivable
    events: tuple[ReceivableEvent, ...]
    standing: Standing


def receivable_story(rows: ReadSession, row: Receivable) -> ReceivableStory:
    """All that is known of a receivable."""
    events = tuple(rows.select(ReceivableEvent, receivable_id=row.receivable_id))
    return ReceivableStory(row, events, standing_of(row, events))


def receivables_of(
    rows: ReadSession, *, seller_id: str = "", debtor_id: str = "",
    status: ReceivableStatus | None = None,
) -> list[ReceivableStory]:  # fmt: skip
    """Receivables of a seller, of a debtor or of all, newest first; 200 at most."""
    wanted = {"seller_id": seller_id, "debtor_id": debtor_id, "status": status or ""}
    given = {name: value for name, value in wanted.items() if value}
    where = " AND ".join(f"{name} = ?" for name in given)
    tail = f"{f'WHERE {where} ' if where else ''}ORDER BY receivable_id DESC LIMIT ?"
    found = rows.query(Receivable, tail, (*given.values(), _MOST))
    return [receivable_story(rows, row) for row in found]
