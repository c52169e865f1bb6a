"""What each trade command does: pure functions from state and command to a decision."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.parties.model import Party
from tallystick.payments.accounts import trade_escrow, wallet
from tallystick.payments.amounts import require_amount
from tallystick.payments.movements import Movement
from tallystick.payments.trades.announce import trade_happened
from tallystick.payments.trades.model import (
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    Refund,
    RefundTrade,
    ResolveDispute,
    Settlement,
    SettlementKind,
    ShipTrade,
    SplitDone,
    SplitTrade,
    Trade,
    TradeEvent,
    TradeStatus,
)
from tallystick.payments.trades.refunding import from_escrow, refund_part, refund_reply
from tallystick.payments.trades.settling import (
    bound_receiver,
    plan_for_held,
    require_plan,
    same_settlement,
    settle,
)
from tallystick.payments.trades.state import (
    TradeState,
    done,
    free_number,
    plan_text,
    planned_splits,
    seller_share,
    settlement_fee,
    step_to,
)
from tallystick.payments.trades.transitions import require
from tallystick.pipeline.decisions import Decision, Posting, Timer
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import DUE_MAX_MS
from tallystick.store.table import Row

__all__ = [
    "Terms", "TradeState", "cancel", "close", "confirm", "create", "dispute", "done", "finish",
    "new_trade", "pay", "planned_splits", "refund", "require_payable", "resolve", "same_order",
    "settlement_fee", "ship", "split",
]  # fmt: skip


class Terms(NamedTuple):
    """What the app agreed: how trades settle, what they cost, and the deadlines."""

    settlement: str
    fee_rate: str
    notify_url: str
    confirm_within_ms: int
    refund_within_ms: int


def new_trade(
    command: CreateTrade, terms: Terms, seller_id: str, trade_no: str, now_ms: int
) -> Trade:
    """The unpaid trade that an order opens."""
    require_amount(command.amount)
    pay_by_ms = command.pay_by_ms or now_ms + command.pay_within_ms
    if not now_ms < pay_by_ms < DUE_MAX_MS:
        raise Refused("INVALID_PARAMETER", "The time to pay must be greater than nothing.")
    if command.buyer_id == seller_id:
        raise Refused("BUYER_IS_SELLER")
    return Trade(
        trade_no=trade_no,
        app_id=command.app_id,
        out_trade_no=command.out_trade_no,
        seller_id=seller_id,
        buyer_id=command.buyer_id,
        status=TradeStatus.WAIT_BUYER_PAY,
        settlement=command.settlement or terms.settlement,
        product_code=command.product_code,
        subject=command.subject,
        body=command.body,
        currency=command.currency,
        amount=command.amount,
        fee_rate=terms.fee_rate,
        split_plan=plan_text(command.splits),
        code_index=command.code_index,
        notify_url=command.notify_url or terms.notify_url,
        return_url=command.return_url,
        passback_params=command.passback_params,
        shipment="",
        dispute_by="",
        dispute_reason="",
        created_ms=now_ms,
        pay_by_ms=pay_by_ms,
        paid_ms=0,
        shipped_ms=0,
        confirm_by_ms=0,
        disputed_ms=0,
        settled_ms=0,
        closed_ms=0,
        confirm_within_ms=terms.confirm_within_ms,
        refund_within_ms=terms.refund_within_ms,
    )


def same_order(trade: Trade, command: CreateTrade, seller_id: str) -> bool:
    """Whether an order repeats the one that opened this trade."""
    return (
        trade.amount == command.amount
        and trade.currency == command.currency
        and trade.seller_id == seller_id
        and trade.subject == command.subject
        and command.settlement in ("", trade.settlement)
        and command.buyer_id in ("", trade.buyer_id)
        and plan_text(command.splits) in ("", trade.split_plan)
    )


def require_payable(trade: Trade) -> None:
    """Pass while the order waits for its buyer.

    Raises:
        Refused: TRADE_ALREADY_PAID, TRADE_CLOSED, …: what became of it.
    """
    require("trade.pay", trade.status)


def _opened(state: TradeState, now_ms: int) -> TradeEvent:
    trade = state.trade
    return TradeEvent(
        trade.trade_no, 1, "trade.create", "", trade.status.value, state.caller, now_ms
    )


def create(state: TradeState, now_ms: int) -> Decision:
    """Open the order; unpaid in time, it closes itself."""
    trade = state.trade
    require_plan(state)
    timer = Timer(
        f"trade.close:{trade.trade_no}",
        trade.pay_by_ms,
        CloseTrade(app_id=trade.app_id, trade_no=trade.trade_no, expired=True),
    )
    return Decision(
        reply=done(trade),
        rows=(trade, _opened(state, now_ms)),
        timers=(timer,),
        events=(trade_happened("created", trade),),
    )


def pay(
    state: TradeState,
    buyer: Party,
    now_ms: int,
    *,
    opened_now: bool,
    settle_no: str,
    from_hold: tuple[Posting, ...] = (),
) -> Decision:
    """Take the buyer's money: into escrow, and on to the seller at once if instant.

    Args:
        opened_now: the same command opens the order, so its opening is recorded too.
        from_hold: postings that capture frozen money instead of taking it from the wallet.
    """
    trade = state.trade
    escrow = trade.settlement == "escrow"
    after = TradeStatus.HELD if escrow else TradeStatus.SETTLED
    require("trade.pay", trade.status, after)
    if now_ms >= trade.pay_by_ms:
        raise Refused("TRADE_EXPIRED")
    if trade.buyer_id and trade.buyer_id != buyer.party_id:
        raise Refused("BUYER_MISMATCH")
    if buyer.party_id == trade.seller_id:
        raise Refused("BUYER_IS_SELLER")
    if opened_now:
        require_plan(state)
    opening = (_opened(state, now_ms),) if opened_now else ()
    step = step_to(state._replace(steps=state.steps + len(opening)), "trade.pay", after, now_ms)
    paid = replace(trade, buyer_id=buyer.party_id, status=TradeStatus.HELD, paid_ms=now_ms)
    taken = from_hold or (
        Posting(
            wallet(buyer, trade.currency),
            trade_escrow(trade.trade_no, trade.currency),
            trade.amount,
            Movement.TRADE_PAY,
            state.reference,
            "BUYER_BALANCE_NOT_ENOUGH",
        ),
    )
    cancelled = () if opened_now else (f"trade.close:{trade.trade_no}",)
    opened_event = (trade_happened("created", trade),) if opened_now else ()
    if escrow:
        return Decision(
            reply=done(paid),
            rows=(paid, *opening, step),
            postings=taken,
            cancelled_timers=cancelled,
            events=(*opened_event, trade_happened("paid", paid)),
        )
    paid_state = state._replace(trade=paid, buyer=buyer, held=trade.amount)
    settled = settle(paid_state, planned_splits(trade.split_plan), trade.amount, "", settle_no,
                      now_ms)  # fmt: skip
    final = settled.trade
    return Decision(
        reply=done(final, settle_no=settle_no),
        rows=(final, *opening, step, *settled.rows),
        postings=(*taken, *settled.postings),
        timers=settled.timers,
        cancelled_timers=cancelled,
        events=(*opened_event, trade_happened("paid", final)),
    )


def close(state: TradeState, command: CloseTrade, now_ms: int) -> Decision:
    """Close an unpaid order."""
    step = step_to(state, "trade.close", TradeStatus.CLOSED, now_ms)
    closed = replace(state.trade, status=TradeStatus.CLOSED, closed_ms=now_ms)
    return Decision(
        reply=done(closed),
        rows=(closed, step),
        cancelled_timers=(f"trade.close:{closed.trade_no}",),
        events=(trade_happened("closed", closed),),
    )


def cancel(state: TradeState, now_ms: int) -> Decision:
    """Undo the order: close it unpaid, or give the buyer everything back."""
    trade = state.trade
    require("trade.cancel", trade.status)
    if trade.status is TradeStatus.CLOSED:
        return Decision(reply=done(trade))
    if trade.status is TradeStatus.WAIT_BUYER_PAY:
        closing = close(state, CloseTrade(app_id=trade.app_id, trade_no=trade.trade_no), now_ms)
        step = step_to(state, "trade.cancel", TradeStatus.CLOSED, now_ms)
        closed, _ = closing.rows
        assert isinstance(closed, Trade)
        return closing._replace(rows=(closed, step), reply=done(closed, action="close"))
    if trade.status is TradeStatus.SETTLED and trade.settlement == "escrow":
        raise Refused("TRADE_STATE_REFUSED", "The receipt is confirmed; use a refund.")
    left = trade.amount - state.refunded_total
    command = RefundTrade(
        app_id=trade.app_id, trade_no=trade.trade_no, amount=left,
        out_request_no=free_number(state, "cancel"), reason="cancelled",
    )  # fmt: skip
    undone = refund_part(state, command, "trade.cancel", now_ms)
    final = undone.rows[0]
    assert isinstance(final, Trade)
    return undone._replace(reply=done(final, action="refund"))


def ship(state: TradeState, command: ShipTrade, now_ms: int) -> Decision:
    """The goods are on their way; without a word from the buyer, receipt confirms itself."""
    trade = state.trade
    step = step_to(state, "trade.ship", TradeStatus.SHIPPED, now_ms)
    confirm_by_ms = now_ms + trade.confirm_within_ms
    shipment = msgspec.json.encode(
        {"carrier": command.carrier, "tracking_no": command.tracking_no}
    ).decode()
    shipped = replace(
        trade, status=TradeStatus.SHIPPED, shipped_ms=now_ms, confirm_by_ms=confirm_by_ms,
        shipment=shipment,
    )  # fmt: skip
    timer = Timer(
        f"trade.confirm:{trade.trade_no}",
        confirm_by_ms,
        ConfirmReceipt(app_id=trade.app_id, trade_no=trade.trade_no, automatic=True),
    )
    return Decision(
        reply=done(shipped),
        rows=(shipped, step),
        timers=(timer,),
        events=(trade_happened("shipped", shipped),),
    )


def confirm(state: TradeState, command: ConfirmReceipt, settle_no: str, now_ms: int) -> Decision:
    """The goods arrived: what is held goes to the fee, the receivers and the seller."""
    if earlier := same_settlement(state, command):
        return Decision(reply=done(state.trade, settle_no=earlier.settle_no))
    step = step_to(state, "trade.confirm", TradeStatus.SETTLED, now_ms)
    splits = command.splits or plan_for_held(state, automatic=command.automatic)
    settled = settle(state, splits, state.held, command.out_request_no, settle_no, now_ms)
    return Decision(
        reply=done(settled.trade, settle_no=settle_no),
        rows=(settled.trade, step, *settled.rows),
        postings=settled.postings,
        timers=settled.timers,
        cancelled_timers=(f"trade.confirm:{settled.trade.trade_no}",),
        events=(trade_happened("settled", settled.trade),),
    )


def split(state: TradeState, command: SplitTrade, settle_no: str, now_ms: int) -> Decision:
    """Give parts of a settled trade from the seller to receivers."""
    trade = state.trade
    for row in state.settlements:
        if row.kind is SettlementKind.SPLIT and row.out_request_no == command.out_request_no:
            if row.splits != plan_text(command.splits):
                raise Refused("SETTLE_MISMATCH")
            return Decision(reply=SplitDone(trade_no=trade.trade_no, settle_no=row.settle_no))
    step = step_to(state, "trade.split", TradeStatus.SETTLED, now_ms)
    if not command.splits:
        raise Refused("INVALID_PARAMETER", "A split names at least one receiver.")
    for part in command.splits:
        require_amount(part.amount)
    total = sum(part.amount for part in command.splits)
    if total > seller_share(state):
        raise Refused("SPLIT_EXCEEDS_AMOUNT")
    seller = wallet(state.seller, trade.currency)
    postings = tuple(
        Posting(seller, wallet(bound_receiver(state, part), trade.currency), part.amount,
                Movement.TRADE_SPLIT, state.reference, "SELLER_BALANCE_NOT_ENOUGH")
        for part in command.splits
    )  # fmt: skip
    row = Settlement(
        trade.trade_no, command.out_request_no, SettlementKind.SPLIT, settle_no, total, 0,
        plan_text(command.splits), now_ms,
    )  # fmt: skip
    return Decision(
        reply=SplitDone(trade_no=trade.trade_no, settle_no=settle_no),
        rows=(row, step),
        postings=postings,
        events=(trade_happened("split", trade),),
    )


def refund(state: TradeState, command: RefundTrade, now_ms: int) -> Decision:
    """Give the buyer back a part or all, from escrow or from the seller."""
    trade = state.trade
    number = command.out_request_no or trade.out_trade_no
    for row in state.refunds:
        if row.out_request_no == number:
            if row.amount != command.amount or row.clawbacks != plan_text(command.clawbacks):
                raise Refused("REFUND_MISMATCH")
            return Decision(reply=refund_reply(state, row, state.refunded_total, changed=False))
    return refund_part(state, msgspec.structs.replace(command, out_request_no=number),
                   "trade.refund", now_ms)  # fmt: skip


def dispute(state: TradeState, reason: str, now_ms: int) -> Decision:
    """The buyer contests: the money stays held, and time no longer confirms."""
    step = step_to(state, "trade.dispute", TradeStatus.DISPUTED, now_ms)
    disputed = replace(
        state.trade, status=TradeStatus.DISPUTED, dispute_by=state.caller, dispute_reason=reason,
        disputed_ms=now_ms,
    )  # fmt: skip
    return Decision(
        reply=done(disputed),
        rows=(disputed, step),
        cancelled_timers=(f"trade.confirm:{disputed.trade_no}",),
        events=(trade_happened("disputed", disputed),),
    )


def resolve(state: TradeState, command: ResolveDispute, settle_no: str, now_ms: int) -> Decision:
    """Give each side its part of what is held."""
    trade = state.trade
    require("trade.resolve", trade.status)
    if min(command.to_buyer, command.to_seller) < 0 or (
        command.to_buyer + command.to_seller != state.held
    ):
        raise Refused("DISPUTE_SUM_WRONG", f"Held: {state.held}.")
    assert state.buyer is not None, trade.trade_no
    after = TradeStatus.SETTLED if command.to_seller else TradeStatus.CLOSED
    step = step_to(state, "trade.resolve", after, now_ms)
    rows: list[Row] = [step]
    postings: list[Posting] = []
    total = state.refunded_total + command.to_buyer
    number = free_number(state, "dispute")
    if command.to_buyer:
        rows.append(
            Refund(trade.trade_no, number, command.to_buyer, 0, "dispute resolved", "", now_ms)
        )
        postings.append(from_escrow(state, state.buyer, command.to_buyer))
    final, timers = replace(trade, status=after, closed_ms=now_ms), ()
    if command.to_seller:
        settled = settle(state, (), command.to_seller, "dispute", settle_no, now_ms)
        final, timers = settled.trade, settled.timers  # type: ignore[assignment]
        rows.extend(settled.rows)
        postings.extend(settled.postings)
    happened = trade_happened(
        "refunded" if command.to_buyer and command.to_seller else "closed"
        if command.to_buyer else "settled",
        final, refunded_total=total, refund=command.to_buyer, out_biz_no=number,
        refunded_ms=now_ms,
    )  # fmt: skip
    return Decision(
        reply=done(final, settle_no=settle_no if command.to_seller else ""),
        rows=(final, *rows),
        postings=tuple(postings),
        timers=timers,
        events=(trade_happened("resolved", final), happened),
    )


def finish(state: TradeState, now_ms: int) -> Decision:
    """The time for refunds is over."""
    step = step_to(state, "trade.finish", TradeStatus.FINISHED, now_ms)
    finished = replace(state.trade, status=TradeStatus.FINISHED)
    return Decision(
        reply=done(finished),
        rows=(finished, step),
        cancelled_timers=(f"trade.finish:{finished.trade_no}",),
        events=(trade_happened("finished", finished),),
    )
