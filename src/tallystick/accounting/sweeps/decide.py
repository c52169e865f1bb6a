"""What a sweep moves: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.accounting.sweeps.model import Sweep, SweepMode
from tallystick.ledger.chart import Side, transfer_id
from tallystick.ledger.model import Account, AccountFlags, Transfer, TransferFlags
from tallystick.ledger.statements import available_of, normal_side

__all__ = ["plan"]

_DEBITS_LIMITED = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_LIMITED = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)


def _move(giver: Account, taker: Account, side: Side, limited: bool) -> tuple[int, int, int]:
    """Debit account, credit account and flags, so that the giver shrinks on the swept side."""
    if side is Side.CREDIT:
        flags = int(TransferFlags.BALANCING_DEBIT) if limited else 0
        return giver.id, taker.id, flags
    return taker.id, giver.id, int(TransferFlags.BALANCING_CREDIT) if limited else 0


def _one(sweep: Sweep, swept: Account, header: Account, key: bytes, leg: int) -> Transfer | None:
    excess = available_of(swept) - sweep.target
    if abs(excess) < sweep.amount_min or (excess < 0 and sweep.mode is SweepMode.EXCESS):
        return None
    side = normal_side(swept)
    if excess > 0:
        # Never more than is there, whatever the target is.
        ends = _move(swept, header, side, True)
    else:
        limit = _DEBITS_LIMITED if side is Side.CREDIT else _CREDITS_LIMITED
        ends = _move(header, swept, side, bool(header.flags & limit))
    debit, credit, flags = ends
    return Transfer(
        transfer_id(key, leg), debit, credit, abs(excess), user_data_128=int(sweep.sweep_id),
        book=sweep.book, code=sweep.code, flags=flags,
    )  # fmt: skip


def plan(sweep: Sweep, accounts: Sequence[Account], header: Account, key: bytes) -> list[Transfer]:
    """The transfers that bring accounts to the target, in the order of the accounts.

    An account's available balance counts: what is held stays. What a limited header has not,
    it does not give: those transfers balance.

    Args:
        key: from which the transfers' ids derive.
    """
    moves = [_one(sweep, account, header, key, leg) for leg, account in enumerate(accounts)]
    return [move for move in moves if move is not None and move.amount > 0]
