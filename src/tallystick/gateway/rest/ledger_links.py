"""A transfer with the links of reversals: what it takes back, and what takes it back."""

from __future__ import annotations

import msgspec

from tallystick.accounting.corrections.views import Corrections
from tallystick.gateway.rest.ledger_shapes import IdText, TransferShape, Units, transfer_shape
from tallystick.ledger.model import PendingState, Transfer

__all__ = ["LinkedTransferShape", "linked_transfer_shape"]


class LinkedTransferShape(TransferShape, frozen=True, kw_only=True):
    """A transfer with the links of reversals, both ways.

    `reverses` is what it takes back (null for none), `reversals` what takes it back, oldest
    first, and `reversed` how much of it that is.
    """

    reverses: IdText | None
    reversals: list[IdText]
    reversed: Units


def linked_transfer_shape(
    transfer: Transfer, state: PendingState | None, links: Corrections
) -> LinkedTransferShape:
    """A transfer as it is shown by itself."""
    reverses = None if links.reverses is None else _id_text(links.reverses.transfer_id)
    return LinkedTransferShape(
        **msgspec.structs.asdict(transfer_shape(transfer, state)),
        reverses=reverses,
        reversals=[_id_text(r.reversal_id) for r in links.reversals],
        reversed=str(links.reversed),
    )


def _id_text(data: bytes) -> str:
    return str(int.from_bytes(data, "big"))
