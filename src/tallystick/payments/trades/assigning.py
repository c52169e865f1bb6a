"""Assigned proceeds: a part of what a trade's seller would get goes to somebody else first."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.payments.trades.model import Trade
from tallystick.payments.trades.state import planned_splits, settlement_fee
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["assign_proceeds", "seller_proceeds"]


def seller_proceeds(trade: Trade, held: int) -> int:
    """What the seller would get of what is held now: less the fee and the planned splits."""
    planned = sum(part.amount for part in planned_splits(trade.split_plan))
    given = planned * held // trade.amount if held < trade.amount else planned
    return max(0, held - settlement_fee(held, trade.fee_rate) - given)


def assign_proceeds(uow: UnitOfWork, trade_no: str, assigned_to: str, amount: int) -> None:
    """Have a trade's settlement pay so much to the proceeds account of a receivable first.

    Args:
        assigned_to: the receivable's number, the owner of the account `2203`.
        amount: minor units; what the seller gets is what is left.
    """
    trade = uow.get(Trade, trade_no)
    assert trade is not None, trade_no
    assert not trade.assigned_to, trade_no
    uow.put(replace(trade, assigned_to=assigned_to, assigned_amount=amount))
