"""How held money leaves escrow: the fee, the receivers, and the rest to the seller."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.ledger.chart import ASSIGNED_PROCEEDS
from tallystick.money.share import share_out
from tallystick.parties.model import Party
from tallystick.payments.accounts import fee_income, platform_book, trade_escrow, wallet
from tallystick.payments.amounts import require_amount
from tallystick.payments.movements import Movement
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    FinishTrade,
    Settlement,
    SettlementKind,
    Split,
    Trade,
    TradeStatus,
)
from tallystick.payments.trades.state import (
    TradeState,
    plan_text,
    planned_splits,
    settlement_fee,
)
from tallystick.pipeline.decisions import AccountRef, Posting, Timer
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row

__all__ = [
    "Settled", "bound_receiver", "plan_for_held", "require_plan", "same_settlement", "settle",
]  # fmt: skip


def bound_receiver(state: TradeState, split: Split) -> Party:
    """The receiver of a split, if the app may split to it (ROYALTY_RELATION_MISSING else)."""
    party = state.receivers.get(split.receiver_id)
    if party is None or split.receiver_id not in state.bound:
        raise Refused("ROYALTY_RELATION_MISSING", split.receiver_id)
    return party


def require_plan(state: TradeState) -> None:
    """A split plan that could never be carried out is refused with the order."""
    trade, splits = state.trade, planned_splits(state.trade.split_plan)
    for part in splits:
        require_amount(part.amount)
        bound_receiver(state, part)
    given = sum(part.amount for part in splits)
    if given > trade.amount - settlement_fee(trade.amount, trade.fee_rate):
        raise Refused("SPLIT_EXCEEDS_AMOUNT")


def plan_for_held(state: TradeState, *, automatic: bool) -> tuple[Split, ...]:
    """The order's split plan for what is held.

    After a partial refund each part is less in proportion, and never more than the fee leaves.
    A deadline has nobody to ask: a receiver that is bound no more leaves its part to the seller.
    """
    trade, plan = state.trade, planned_splits(state.trade.split_plan)
    if plan and state.held < trade.amount:
        given = sum(part.amount for part in plan)
        most = state.held - settlement_fee(state.held, trade.fee_rate)
        shares = share_out(min(given * state.held // trade.amount, most),
                           [part.amount for part in plan])  # fmt: skip
        plan = tuple(
            msgspec.structs.replace(part, amount=share)
            for part, share in zip(plan, shares, strict=True)
            if share
        )
    return tuple(p for p in plan if not automatic or p.receiver_id in state.bound)


def same_settlement(state: TradeState, command: ConfirmReceipt) -> Settlement | None:
    """The settlement that this request number made before, when it asks for the same."""
    if not command.out_request_no:
        return None
    for row in state.settlements:
        if row.kind is SettlementKind.SETTLE and row.out_request_no == command.out_request_no:
            if command.splits and row.splits != plan_text(command.splits):
                raise Refused("SETTLE_MISMATCH")
            return row
    return None


class Settled(NamedTuple):
    """What emptying an escrow changes."""

    trade: Trade
    rows: tuple[Row, ...]
    postings: tuple[Posting, ...]
    timers: tuple[Timer, ...]


def _given(splits: tuple[Split, ...]) -> int:
    return sum(split.amount for split in splits)


def _to_assignee(
    trade: Trade, escrow: AccountRef, amount: int, reference: int
) -> tuple[Posting, ...]:
    """What an assignment takes of a settlement before the seller."""
    if not amount:
        return ()
    proceeds = AccountRef(ASSIGNED_PROCEEDS, trade.assigned_to, platform_book(trade.currency))
    return (Posting(escrow, proceeds, amount, Movement.RECEIVABLE_PROCEEDS, reference),)


def settle(
    state: TradeState,
    splits: tuple[Split, ...],
    amount: int,
    out_request_no: str,
    settle_no: str,
    now_ms: int,
) -> Settled:
    """Empty `amount` of escrow: fee, receivers, and the rest to the seller."""
    trade = state.trade
    fee = settlement_fee(amount, trade.fee_rate)
    for split in splits:
        require_amount(split.amount)
    rest = amount - fee - _given(splits)
    if rest < 0:
        raise Refused("SPLIT_EXCEEDS_AMOUNT")
    assigned = min(trade.assigned_amount, rest)
    if assigned < trade.assigned_amount and _given(splits) > _given(
        plan_for_held(state, automatic=False)
    ):
        raise Refused("SPLIT_EXCEEDS_AMOUNT", "What is left does not cover the assigned part.")
    escrow = trade_escrow(trade.trade_no, trade.currency)
    ref = state.reference
    postings = (
        Posting(escrow, fee_income(trade.currency), fee, Movement.TRADE_FEE, ref),
        *(
            Posting(escrow, wallet(bound_receiver(state, s), trade.currency), s.amount,
                    Movement.TRADE_SPLIT, ref)
            for s in splits
        ),
        *_to_assignee(trade, escrow, assigned, ref),
        Posting(escrow, wallet(state.seller, trade.currency), rest - assigned,
                Movement.TRADE_SETTLE, ref),
    )  # fmt: skip
    settled = replace(trade, status=TradeStatus.SETTLED, settled_ms=now_ms)
    row = Settlement(
        trade.trade_no, out_request_no or "settle", SettlementKind.SETTLE, settle_no, amount, fee,
        plan_text(splits), now_ms,
    )  # fmt: skip
    timer = Timer(
        f"trade.finish:{trade.trade_no}",
        now_ms + trade.refund_within_ms,
        FinishTrade(app_id=trade.app_id, trade_no=trade.trade_no),
    )
    return Settled(settled, (row,), postings, (timer,))
