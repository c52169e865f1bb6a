"""A ledger in memory, for replaying histories and for tests."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.ledger.books import Books, Changes
from tallystick.ledger.model import Account, PendingState, Transfer

__all__ = ["InMemoryReader", "memory_books"]


class InMemoryReader:
    """A committed ledger in memory: empty, or what `keep` has taken over from drains."""

    def __init__(self) -> None:
        self._accounts: dict[int, Account] = {}
        self._transfers: dict[int, Transfer] = {}
        self._states: dict[int, PendingState] = {}
        self._failed: set[int] = set()

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        """The accounts among these ids that exist."""
        return [self._accounts[i] for i in ids if i in self._accounts]

    def transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """The transfers among these ids that exist."""
        return [self._transfers[i] for i in ids if i in self._transfers]

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        """What became of the pending transfers among these ids."""
        return {i: self._states[i] for i in ids if i in self._states}

    def failed(self, ids: Sequence[int]) -> set[int]:
        """The ids among these that are used up by a failure."""
        return self._failed.intersection(ids)

    def keep(self, changes: Changes) -> None:
        """Commit what a working set changed."""
        for account in changes.new_accounts + changes.changed_accounts:
            self._accounts[account.id] = account
        self._transfers.update({t.id: t for t in changes.new_transfers})
        self._states.update(changes.pending_states)
        self._failed.update(changes.failed_ids)


def memory_books(last_timestamp: int = 0) -> Books:
    """A fresh ledger in memory, with nothing behind it."""
    return Books(InMemoryReader(), last_timestamp=last_timestamp)
