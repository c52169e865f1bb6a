"""What a posting of a loan means for those who fund it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import CREDIT_FEE_INCOME, LOAN_ALLOWANCE, RECOVERY_INCOME
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef, Posting
from tallystick.pipeline.refusals import Refused

__all__ = ["Move", "MoveKind", "moves_of", "touches_loans"]


class MoveKind(StrEnum):
    """What happened to what borrowers owe."""

    DRAWN = "drawn"
    ACCRUED = "accrued"
    PAID = "paid"
    REVERSED = "reversed"
    WAIVED = "waived"
    LOST = "lost"
    FEE = "fee"
    RECOVERED = "recovered"
    PROVIDED = "provided"
    """More loss is expected."""
    RELEASED = "released"
    """Less is, or the allowance is used up."""


_BUCKETS: Final = {entry.code: bucket for bucket, entry in RECEIVABLES.items()}
_ON_DEBIT: Final = {
    Movement.LOAN_DRAWDOWN: MoveKind.DRAWN,
    Movement.LOAN_ACCRUAL: MoveKind.ACCRUED,
    Movement.LOAN_REVERSAL: MoveKind.REVERSED,
    Movement.LOAN_REALLOCATION: MoveKind.REVERSED,
}
_ON_CREDIT: Final = {
    Movement.LOAN_PAYMENT: MoveKind.PAID,
    Movement.LOAN_REALLOCATION: MoveKind.PAID,
    Movement.LOAN_WAIVER: MoveKind.WAIVED,
    Movement.LOAN_CHARGE_OFF: MoveKind.LOST,
}


class Move(NamedTuple):
    """A part of a posting that is shared.

    Args:
        account: the loan's receivable or allowance that it changes; None for income at once.
        on_debit: whether it adds to the account's debits, else to its credits.
    """

    loan_id: str
    kind: MoveKind
    bucket: Bucket
    amount: int
    account: AccountRef | None
    on_debit: bool


def _of_side(posting: Posting, side: AccountRef, *, on_debit: bool) -> Move | None:
    if side.entry is LOAN_ALLOWANCE:
        kind = MoveKind.RELEASED if on_debit else MoveKind.PROVIDED
        return Move(side.owner, kind, Bucket.PRINCIPAL, posting.amount, side, on_debit)
    bucket = _BUCKETS.get(side.entry.code)
    if bucket is None:
        return None
    kinds = _ON_DEBIT if on_debit else _ON_CREDIT
    known = kinds.get(Movement(posting.movement))
    if known is None:
        raise Refused("LOAN_STATE_REFUSED", "A loan that several fund does not take part in this.")
    return Move(side.owner, known, bucket, posting.amount, side, on_debit)


def touches_loans(postings: Iterable[Posting]) -> list[str]:
    """The loans that postings belong to, each once."""
    return list(dict.fromkeys(f"{p.reference:028d}" for p in postings if p.amount))


def moves_of(postings: Iterable[Posting]) -> list[Move]:
    """The moves in postings of jointly funded loans, in their order.

    Raises:
        Refused: LOAN_STATE_REFUSED for a movement of which nobody has said how it is shared.
    """
    moves: list[Move] = []
    for posting in postings:
        if posting.amount <= 0:
            continue
        loan_id = f"{posting.reference:028d}"
        for side, on_debit in ((posting.debit, True), (posting.credit, False)):
            if move := _of_side(posting, side, on_debit=on_debit):
                moves.append(move)
        if posting.credit.entry is RECOVERY_INCOME:
            moves.append(
                Move(loan_id, MoveKind.RECOVERED, Bucket.PRINCIPAL, posting.amount, None, False)
            )
        elif posting.credit.entry is CREDIT_FEE_INCOME and posting.movement == Movement.LOAN_FEE:
            moves.append(Move(loan_id, MoveKind.FEE, Bucket.FEE, posting.amount, None, False))
    return moves
