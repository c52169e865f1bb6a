"""What can be seen of corrections: a transfer with what it takes back, or is taken back by."""

from __future__ import annotations

import msgspec

from tallystick.accounting.corrections.model import Reversal
from tallystick.ledger.encoding import id_bytes
from tallystick.store.rows import ReadSession

__all__ = ["Corrections", "corrections_of"]


class Corrections(msgspec.Struct, frozen=True):
    """Both links of a transfer.

    Args:
        reverses: what this transfer takes back; None for one that is no reversal.
        reversals: what takes this transfer back, oldest first.
    """

    reverses: Reversal | None
    reversals: list[Reversal]

    @property
    def reversed(self) -> int:
        """How much of it was taken back, in minor units."""
        return sum(r.amount for r in self.reversals)


def corrections_of(rows: ReadSession, transfer_id: int) -> Corrections:
    """The links of a transfer."""
    key = id_bytes(transfer_id)
    found = rows.query(Reversal, "WHERE transfer_id = ? ORDER BY at_ms, reversal_id", (key,))
    return Corrections(rows.get(Reversal, key), found)
