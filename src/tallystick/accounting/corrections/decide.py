"""What a reversal does, and which transfers cannot be reversed: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tallystick.accounting.corrections.model import Reversal, ReverseTransfer, TransferReversed
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.pipeline.decisions import Decision, event
from tallystick.pipeline.refusals import Refused

__all__ = ["Reversing", "reverse"]

_MOVES_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_REASON_MAX = 500


class Reversing(NamedTuple):
    """The transfer that takes back, and what is recorded with it."""

    transfer: Transfer
    decision: Decision


def _require_reversible(original: Transfer, is_reversal: bool, is_leg: bool) -> None:
    if original.book >= PLATFORM_BOOK_MIN:
        raise Refused(
            "REVERSAL_OF_PRODUCT",
            f"Book {original.book} is kept by the platform; its product's own command takes "
            f"movement {original.code} back.",
        )
    if original.flags & _MOVES_NOTHING:
        raise Refused("REVERSAL_NOT_POSTED")
    if is_reversal:
        raise Refused("REVERSAL_OF_REVERSAL")
    if is_leg:
        raise Refused("REVERSAL_OF_EXCHANGE")


def reverse(
    command: ReverseTransfer, original: Transfer, earlier: Sequence[Reversal], *,
    is_reversal: bool, is_leg: bool, by: str, now_ms: int,
) -> Reversing:  # fmt: skip
    """The transfer the other way, with a link to what it corrects.

    It carries the original's id in `user_data_128`, its code and its `user_data_64`.

    Args:
        earlier: what was reversed of it before.
        is_reversal, is_leg: whether the original is itself a reversal, or a leg of an exchange.

    Raises:
        Refused: REVERSAL_OF_PRODUCT, REVERSAL_NOT_POSTED, REVERSAL_OF_REVERSAL,
            REVERSAL_OF_EXCHANGE, REVERSAL_EXCEEDS, INVALID_PARAMETER.
    """
    _require_reversible(original, is_reversal, is_leg)
    reason = command.reason.strip()
    if not 1 <= len(reason) <= _REASON_MAX:
        raise Refused("INVALID_PARAMETER", "A reason is needed, of at most 500 characters.")
    left = original.amount - sum(r.amount for r in earlier)
    amount = command.amount or left
    if not 0 < amount <= left:
        raise Refused("REVERSAL_EXCEEDS", f"{left} of it can still be reversed.")
    transfer = Transfer(
        id=int.from_bytes(command.reversal_id, "big"),
        debit_account_id=original.credit_account_id,
        credit_account_id=original.debit_account_id,
        amount=amount,
        user_data_128=original.id,
        user_data_64=original.user_data_64,
        user_data_32=command.effective_day,
        book=original.book,
        code=original.code,
    )
    row = Reversal(command.reversal_id, id_bytes(original.id), amount, reason, by, now_ms)
    done = TransferReversed(
        reversal_id=row.reversal_id, transfer_id=row.transfer_id, amount=amount, left=left - amount
    )
    told = {
        "reversal_id": str(transfer.id), "transfer_id": str(original.id), "amount": str(amount),
        "reason": reason,
    }  # fmt: skip
    happened = event("ledger.reversed", str(original.id), told)
    return Reversing(transfer, Decision(done, rows=(row,), events=(happened,)))
