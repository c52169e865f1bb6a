"""A ledger for tests of decisions: balances by account, with the limits of the chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tallystick.ledger.chart import ChartEntry, Side
from tallystick.ledger.model import AccountFlags
from tallystick.pipeline.decisions import Posting

__all__ = ["ToyLedger"]


class ToyLedger:
    """Applies postings in their order; a limit that is broken fails the test."""

    def __init__(self) -> None:
        self.debits: dict[tuple[ChartEntry, str], int] = defaultdict(int)

    def apply(self, postings: Iterable[Posting]) -> int:
        """Post; returns how many moved anything."""
        moved = 0
        for posting in postings:
            assert posting.amount >= 0, posting
            if posting.amount:
                moved += 1
                self._move(posting)
        return moved

    def _move(self, posting: Posting) -> None:
        for side, sign in ((posting.debit, 1), (posting.credit, -1)):
            self.debits[(side.entry, side.owner)] += sign * posting.amount
        for side in (posting.debit, posting.credit):
            balance = self.debits[(side.entry, side.owner)]
            if side.entry.flags & AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS:
                assert balance >= 0, (posting, balance)
            if side.entry.flags & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS:
                assert balance <= 0, (posting, balance)

    def balance(self, entry: ChartEntry, owner: str = "0") -> int:
        """What an account holds, on the side on which it grows."""
        debits = self.debits[(entry, owner)]
        return debits if entry.side is Side.DEBIT else -debits
