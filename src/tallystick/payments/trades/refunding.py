"""How money goes back to the buyer: from escrow, or from the seller and the receivers."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.parties.model import Party
from tallystick.payments.accounts import fee_income, trade_escrow, wallet
from tallystick.payments.amounts import require_amount
from tallystick.payments.movements import Movement
from tallystick.payments.trades.announce import trade_happened
from tallystick.payments.trades.model import Refund, Refunded, RefundTrade, TradeStatus
from tallystick.payments.trades.state import (
    TradeState,
    given_to_receivers,
    plan_text,
    settlement_fee,
    step_to,
)
from tallystick.payments.trades.transitions import require
from tallystick.pipeline.decisions import Decision, Posting
from tallystick.pipeline.refusals import Refused

__all__ = ["from_escrow", "refund_part", "refund_reply"]


def from_escrow(state: TradeState, buyer: Party, amount: int) -> Posting:
    """Held money back to the buyer."""
    currency = state.trade.currency
    return Posting(
        trade_escrow(state.trade.trade_no, currency), wallet(buyer, currency), amount,
        Movement.TRADE_REFUND, state.reference, "REFUND_AMOUNT_EXCEEDED",
    )  # fmt: skip


def _refund_from_seller(
    state: TradeState, buyer: Party, command: RefundTrade
) -> tuple[tuple[Posting, ...], int]:
    """Receivers give back what is asked, the fee on the refunded part returns, seller pays."""
    trade, currency = state.trade, state.trade.currency
    seller = wallet(state.seller, currency)
    given = given_to_receivers(state)
    for part in command.clawbacks:
        require_amount(part.amount)
        given[part.receiver_id] = given.get(part.receiver_id, 0) - part.amount
        if given[part.receiver_id] < 0:
            raise Refused("SPLIT_EXCEEDS_AMOUNT", "A receiver cannot give back more than it got.")
    kept = trade.amount - state.refunded_total
    fee_returned = settlement_fee(kept, trade.fee_rate) - settlement_fee(
        kept - command.amount, trade.fee_rate
    )
    ref = state.reference
    postings = (
        *(
            Posting(wallet(state.receivers[part.receiver_id], currency), seller, part.amount,
                    Movement.SPLIT_RETURN, ref, "SELLER_BALANCE_NOT_ENOUGH")
            for part in command.clawbacks
        ),
        Posting(fee_income(currency), seller, fee_returned, Movement.FEE_RETURN, ref),
        Posting(seller, wallet(buyer, currency), command.amount, Movement.TRADE_REFUND, ref,
                "SELLER_BALANCE_NOT_ENOUGH"),
    )  # fmt: skip
    return postings, fee_returned


def refund_reply(state: TradeState, row: Refund, total: int, *, changed: bool) -> Refunded:
    """A refund as a reply; `total` is what has gone back with it."""
    trade = state.trade
    return Refunded(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        out_request_no=row.out_request_no,
        buyer_id=trade.buyer_id,
        currency=trade.currency,
        amount=row.amount,
        refunded_total=total,
        refunded_ms=row.refunded_ms,
        changed=changed,
    )


def refund_part(state: TradeState, command: RefundTrade, as_command: str, now_ms: int) -> Decision:
    """Give back `command.amount`; the last part closes the trade.

    Raises:
        Refused: the state's code, INVALID_AMOUNT, REFUND_AMOUNT_EXCEEDED, TRADE_NOT_SETTLED,
            SPLIT_EXCEEDS_AMOUNT.
    """
    trade = state.trade
    require(as_command, trade.status)
    require_amount(command.amount)
    total = state.refunded_total + command.amount
    if total > trade.amount:
        raise Refused("REFUND_AMOUNT_EXCEEDED")
    assert state.buyer is not None, trade.trade_no
    whole = total == trade.amount
    after = TradeStatus.CLOSED if whole else trade.status
    step = step_to(state, as_command, after, now_ms)
    if trade.status is TradeStatus.SETTLED:
        postings, fee_returned = _refund_from_seller(state, state.buyer, command)
    else:
        if command.clawbacks:
            raise Refused("TRADE_NOT_SETTLED", "Nothing was split yet, so nothing comes back.")
        postings, fee_returned = (from_escrow(state, state.buyer, command.amount),), 0
    row = Refund(
        trade.trade_no, command.out_request_no, command.amount, fee_returned, command.reason,
        plan_text(command.clawbacks), now_ms,
    )  # fmt: skip
    changed = replace(trade, status=after, closed_ms=now_ms if whole else trade.closed_ms)
    happened = trade_happened(
        "closed" if whole else "refunded", changed, refunded_total=total, refund=command.amount,
        out_biz_no=command.out_request_no, refunded_ms=now_ms,
    )  # fmt: skip
    over = ("trade.confirm", "trade.finish") if whole else ()
    return Decision(
        reply=refund_reply(state._replace(trade=changed), row, total, changed=True),
        rows=(changed, row, step),
        postings=postings,
        cancelled_timers=tuple(f"{name}:{trade.trade_no}" for name in over),
        events=(happened,),
    )
