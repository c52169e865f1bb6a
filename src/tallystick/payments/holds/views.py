"""What can be seen of holds: what is frozen, and one hold's whole story."""

from __future__ import annotations

import msgspec

from tallystick.ledger.model import PendingState
from tallystick.payments.holds.model import FundHold, HoldOperation
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import Rows

__all__ = ["HoldStory", "find_hold", "frozen_amount", "hold_story"]


class HoldStory(msgspec.Struct, frozen=True):
    """A hold with what was done to it, oldest first, and what is frozen now."""

    hold: FundHold
    operations: list[HoldOperation]
    frozen: int


def frozen_amount(rows: Rows, ledger: SqlLedgerReader, hold: FundHold) -> int:
    """What is still frozen under a hold: its pending transfer, in minor units."""
    pending_id = int.from_bytes(hold.pending_transfer_id, "big")
    if not pending_id:
        return 0
    state = ledger.pending_states([pending_id]).get(pending_id)
    if state is not PendingState.PENDING:
        return 0
    return sum(transfer.amount for transfer in ledger.transfers([pending_id]))


def find_hold(
    rows: Rows, app_id: str, *, hold_id: str = "", out_order_no: str = ""
) -> FundHold | None:
    """An app's hold by either number."""
    hold = (
        rows.get(FundHold, hold_id)
        if hold_id
        else rows.find(FundHold, app_id=app_id, out_order_no=out_order_no)
    )
    return hold if hold is not None and hold.app_id == app_id else None


def hold_story(rows: Rows, ledger: SqlLedgerReader, hold: FundHold) -> HoldStory:
    """Everything that is known of a hold."""
    operations = sorted(
        rows.select(HoldOperation, hold_id=hold.hold_id), key=lambda o: (o.at_ms, o.operation_id)
    )
    return HoldStory(hold, operations, frozen_amount(rows, ledger, hold))
