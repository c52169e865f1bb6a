"""Transfers to blocked accounts, by payer, beside all transfers.

They are few among many, and one of the simple reads asks for just these of thousands of payers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.adjacency import Adjacency, AdjacencyView, Block, Ints, Rows

__all__ = ["BlockedPayees"]


class BlockedPayees:
    """A copy of the transfers whose payee is blocked, or was once: who reads it looks at whether
    it still is. No state of it can be held."""

    def __init__(self) -> None:
        self._transfers = Adjacency(valued=False)
        self._watched: NDArray[np.bool_] = np.zeros(0, np.bool_)

    @property
    def memory_bytes(self) -> int:
        """What its columns take."""
        return self._transfers.memory_bytes + self._watched.nbytes

    def view(self) -> AdjacencyView:
        """The transfers, by payer."""
        return self._transfers.view()

    def reserve(self, accounts: int) -> None:
        """Make room for accounts up to this row."""
        self._transfers.reserve(accounts)
        if accounts > len(self._watched):
            wider = np.zeros(accounts + accounts // 4, np.bool_)
            wider[: len(self._watched)] = self._watched
            self._watched = wider

    def build(self, transfers: dict[str, NDArray[Any]], blocked: NDArray[np.bool_]) -> None:
        """Take all transfers at once; there must be none yet.

        Args:
            transfers: their columns by payer, as `Adjacency.packed` gives them.
        """
        self._watched[: len(blocked)] |= blocked
        chosen = np.flatnonzero(blocked[transfers["neighbours"]])
        ends = np.cumsum(transfers["lengths"], dtype=np.int64)
        payers = ends.searchsorted(chosen, side="right").astype(np.int32)
        payees, times = (transfers[name][chosen] for name in ("neighbours", "times"))
        self._transfers.build(payers, payees, times, np.zeros(0))

    def append(self, payer: int, payee: int, time_ms: int) -> None:
        """Take a transfer that was made."""
        if self._watched[payee]:
            self._transfers.append(payer, payee, time_ms, 0.0)

    def append_many(self, payers: Rows, payees: Rows, times: Ints) -> None:
        """Take thousands at once, in their order."""
        chosen = self._watched[payees]
        if chosen.any():
            new = payers[chosen], payees[chosen], times[chosen]
            self._transfers.append_many(*new, np.zeros(0))

    def take_back(self, payer: int, payee: int, time_ms: int) -> None:
        """Undo the newest such transfer."""
        if self._watched[payee]:
            self._transfers.remove_last(payer, payee, time_ms)

    def watch(self, payee: int, received: Block) -> None:
        """An account is blocked.

        Args:
            received: the transfers to it.
        """
        if not self._watched[payee]:
            self._watched[payee] = True
            payees = np.full(len(received.times), payee, np.int32)
            self.append_many(received.neighbours, payees, received.times)

    def forget(self, account: int, payers: Rows) -> None:
        """An account is removed, which these have paid."""
        self._transfers.clear(account)
        if self._watched[account]:
            for payer in payers.tolist():
                self._transfers.remove_neighbour(payer, account)
