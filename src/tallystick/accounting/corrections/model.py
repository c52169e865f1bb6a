"""Reversals: rows and commands. Ids are 16 bytes, as in `accounting.model`."""

from __future__ import annotations

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = ["Reversal", "ReverseTransfer", "TransferReversed"]


class Reversal(Row, frozen=True):
    """A transfer that takes another back, whole or in part."""

    reversal_id: bytes
    transfer_id: bytes
    amount: int
    reason: str
    reversed_by: str
    at_ms: int


REVERSALS = Table("ledger_reversal", Reversal, ("reversal_id",))


class ReverseTransfer(Command, frozen=True, kw_only=True, tag="ledger.reverse"):
    """Take a posted transfer back: `amount` of it, or all that is left when that is 0.

    `effective_day` is for value-dated books; 0 is today.
    """

    transfer_id: bytes
    reversal_id: bytes
    amount: int = 0
    reason: str
    effective_day: int = 0


class TransferReversed(Reply, frozen=True, kw_only=True):
    """What was taken back, and what is left that could be."""

    reversal_id: bytes
    transfer_id: bytes
    amount: int
    left: int
