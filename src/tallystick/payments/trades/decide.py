"""What each trade command does: pure functions from state and command to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.money.rate import Rounding, apply_rate
from tallystick.money.share import share_out
from tallystick.parties.model import Party
from tallystick.payments.accounts import fee_income, trade_escrow, wallet
from tallystick.payments.movements import Movement
from tallystick.payments.trades.announce import trade_happened
from tallystick.payments.trades.model import (
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    FinishTrade,
    Refund,
    Refunded,
    RefundTrade,
    ResolveDispute,
    Settlement,
    SettlementKind,
    ShipTrade,
    Split,
    SplitDone,
    SplitTrade,
    Trade,
    TradeDone,
    TradeEvent,
    TradeStatus,
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

AMOUNT_MAX = 2**63 - 1


class TradeState(NamedTuple):
    """All that decisions look at: the trade, its parties, its history and its held money.

    `held` is the balance of the trade's escrow account; `receivers` the parties that a split
    in question names; `bound` the receivers that the app may split to.
    """

    trade: Trade
    seller: Party
    buyer: Party | None
    refunds: tuple[Refund, ...]
    settlements: tuple[Settlement, ...]
    held: int
    steps: int
    caller: str
    receivers: dict[str, Party] = {}  # noqa: RUF012 - never changed
    bound: frozenset[str] = frozenset()

    @property
    def refunded_total(self) -> int:
        """What has gone back to the buyer so far."""
        return sum(r.amount for r in self.refunds)

    @property
    def reference(self) -> int:
        """The trade's number as the ledger's reference."""
        return int(self.trade.trade_no)


def settlement_fee(amount: int, fee_rate: str) -> int:
    """The platform's fee on a settled amount, rounded half up to the minor unit."""
    return apply_rate(amount, Decimal(fee_rate), Rounding.HALF_UP)


def _positive(amount: int) -> None:
    if not 0 < amount <= AMOUNT_MAX:
        raise Refused("INVALID_AMOUNT", "The amount must be greater than nothing.")


def _step(state: TradeState, command: str, after: TradeStatus, now_ms: int) -> TradeEvent:
    """The transition as a row; refused when the table does not have it."""
    require(command, state.trade.status, after)
    return TradeEvent(
        state.trade.trade_no,
        state.steps + 1,
        command,
        state.trade.status.value,
        after.value,
        state.caller,
        now_ms,
    )


def done(trade: Trade, *, settle_no: str = "", action: str = "") -> TradeDone:
    """The trade as a reply."""
    return TradeDone(
        trade_no=trade.trade_no,
        out_trade_no=trade.out_trade_no,
        status=trade.status,
        currency=trade.currency,
        amount=trade.amount,
        buyer_id=trade.buyer_id,
        seller_id=trade.seller_id,
        paid_ms=trade.paid_ms,
        closed_ms=trade.closed_ms,
        settled_ms=trade.settled_ms,
        settle_no=settle_no,
        action=action,
    )


def _plan(splits: Sequence[Split]) -> str:
    return msgspec.json.encode(splits).decode() if splits else ""


def planned_splits(text: str) -> tuple[Split, ...]:
    """The splits that a row keeps as JSON."""
    return msgspec.json.decode(text, type=tuple[Split, ...]) if text else ()


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
    _positive(command.amount)
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
        split_plan=_plan(command.splits),
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
        and _plan(command.splits) in ("", trade.split_plan)
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


def _require_plan(state: TradeState) -> None:
    """A split plan that could never be carried out is refused with the order."""
    trade, splits = state.trade, planned_splits(state.trade.split_plan)
    for part in splits:
        _positive(part.amount)
        _receiver(state, part)
    given = sum(part.amount for part in splits)
    if given > trade.amount - settlement_fee(trade.amount, trade.fee_rate):
        raise Refused("SPLIT_EXCEEDS_AMOUNT")


def create(state: TradeState, now_ms: int) -> Decision:
    """Open the order; unpaid in time, it closes itself."""
    trade = state.trade
    _require_plan(state)
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
        _require_plan(state)
    opening = (_opened(state, now_ms),) if opened_now else ()
    step = _step(state._replace(steps=state.steps + len(opening)), "trade.pay", after, now_ms)
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
    settled = _settle(paid_state, planned_splits(trade.split_plan), trade.amount, "", settle_no,
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


class _Settled(NamedTuple):
    trade: Trade
    rows: tuple[Row, ...]
    postings: tuple[Posting, ...]
    timers: tuple[Timer, ...]


def _receiver(state: TradeState, split: Split) -> Party:
    party = state.receivers.get(split.receiver_id)
    if party is None or split.receiver_id not in state.bound:
        raise Refused("ROYALTY_RELATION_MISSING", split.receiver_id)
    return party


def _settle(
    state: TradeState,
    splits: tuple[Split, ...],
    amount: int,
    out_request_no: str,
    settle_no: str,
    now_ms: int,
) -> _Settled:
    """Empty `amount` of escrow: fee, receivers, and the rest to the seller."""
    trade = state.trade
    fee = settlement_fee(amount, trade.fee_rate)
    for split in splits:
        _positive(split.amount)
    rest = amount - fee - sum(s.amount for s in splits)
    if rest < 0:
        raise Refused("SPLIT_EXCEEDS_AMOUNT")
    escrow = trade_escrow(trade.trade_no, trade.currency)
    ref = state.reference
    postings = (
        Posting(escrow, fee_income(trade.currency), fee, Movement.TRADE_FEE, ref),
        *(
            Posting(escrow, wallet(_receiver(state, s), trade.currency), s.amount,
                    Movement.TRADE_SPLIT, ref)
            for s in splits
        ),
        Posting(escrow, wallet(state.seller, trade.currency), rest, Movement.TRADE_SETTLE, ref),
    )  # fmt: skip
    settled = replace(trade, status=TradeStatus.SETTLED, settled_ms=now_ms)
    row = Settlement(
        trade.trade_no, out_request_no or "settle", SettlementKind.SETTLE, settle_no, amount, fee,
        _plan(splits), now_ms,
    )  # fmt: skip
    timer = Timer(
        f"trade.finish:{trade.trade_no}",
        now_ms + trade.refund_within_ms,
        FinishTrade(app_id=trade.app_id, trade_no=trade.trade_no),
    )
    return _Settled(settled, (row,), postings, (timer,))


def close(state: TradeState, command: CloseTrade, now_ms: int) -> Decision:
    """Close an unpaid order."""
    step = _step(state, "trade.close", TradeStatus.CLOSED, now_ms)
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
        step = _step(state, "trade.cancel", TradeStatus.CLOSED, now_ms)
        closed, _ = closing.rows
        assert isinstance(closed, Trade)
        return closing._replace(rows=(closed, step), reply=done(closed, action="close"))
    if trade.status is TradeStatus.SETTLED and trade.settlement == "escrow":
        raise Refused("TRADE_STATE_REFUSED", "The receipt is confirmed; use a refund.")
    left = trade.amount - state.refunded_total
    command = RefundTrade(
        app_id=trade.app_id, trade_no=trade.trade_no, amount=left,
        out_request_no=_free_number(state, "cancel"), reason="cancelled",
    )  # fmt: skip
    undone = _refund(state, command, "trade.cancel", now_ms)
    final = undone.rows[0]
    assert isinstance(final, Trade)
    return undone._replace(reply=done(final, action="refund"))


def ship(state: TradeState, command: ShipTrade, now_ms: int) -> Decision:
    """The goods are on their way; without a word from the buyer, receipt confirms itself."""
    trade = state.trade
    step = _step(state, "trade.ship", TradeStatus.SHIPPED, now_ms)
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


def _same_settlement(state: TradeState, command: ConfirmReceipt) -> Settlement | None:
    """The settlement that this request number made before, when it asks for the same."""
    if not command.out_request_no:
        return None
    for row in state.settlements:
        if row.kind is SettlementKind.SETTLE and row.out_request_no == command.out_request_no:
            if command.splits and row.splits != _plan(command.splits):
                raise Refused("SETTLE_MISMATCH")
            return row
    return None


def _plan_for_held(state: TradeState, *, automatic: bool) -> tuple[Split, ...]:
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


def confirm(state: TradeState, command: ConfirmReceipt, settle_no: str, now_ms: int) -> Decision:
    """The goods arrived: what is held goes to the fee, the receivers and the seller."""
    if earlier := _same_settlement(state, command):
        return Decision(reply=done(state.trade, settle_no=earlier.settle_no))
    step = _step(state, "trade.confirm", TradeStatus.SETTLED, now_ms)
    splits = command.splits or _plan_for_held(state, automatic=command.automatic)
    settled = _settle(state, splits, state.held, command.out_request_no, settle_no, now_ms)
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
            if row.splits != _plan(command.splits):
                raise Refused("SETTLE_MISMATCH")
            return Decision(reply=SplitDone(trade_no=trade.trade_no, settle_no=row.settle_no))
    step = _step(state, "trade.split", TradeStatus.SETTLED, now_ms)
    if not command.splits:
        raise Refused("INVALID_PARAMETER", "A split names at least one receiver.")
    for part in command.splits:
        _positive(part.amount)
    total = sum(part.amount for part in command.splits)
    if total > _seller_share(state):
        raise Refused("SPLIT_EXCEEDS_AMOUNT")
    seller = wallet(state.seller, trade.currency)
    postings = tuple(
        Posting(seller, wallet(_receiver(state, part), trade.currency), part.amount,
                Movement.TRADE_SPLIT, state.reference, "SELLER_BALANCE_NOT_ENOUGH")
        for part in command.splits
    )  # fmt: skip
    row = Settlement(
        trade.trade_no, command.out_request_no, SettlementKind.SPLIT, settle_no, total, 0,
        _plan(command.splits), now_ms,
    )  # fmt: skip
    return Decision(
        reply=SplitDone(trade_no=trade.trade_no, settle_no=settle_no),
        rows=(row, step),
        postings=postings,
        events=(trade_happened("split", trade),),
    )


def _free_number(state: TradeState, name: str) -> str:
    """A number for a refund that no partner asked for; one may have used the name before."""
    taken = {row.out_request_no for row in state.refunds}
    while name in taken:
        name += "+"
    return name


def _given_to_receivers(state: TradeState) -> dict[str, int]:
    """What each receiver still has of this trade: splits less what came back."""
    given: dict[str, int] = {}
    for row in state.settlements:
        for part in planned_splits(row.splits):
            given[part.receiver_id] = given.get(part.receiver_id, 0) + part.amount
    for back in state.refunds:
        for part in planned_splits(back.clawbacks):
            given[part.receiver_id] = given.get(part.receiver_id, 0) - part.amount
    return given


def _seller_share(state: TradeState) -> int:
    """What the seller still has of this trade, so far as the trade's own rows tell."""
    kept = state.trade.amount - state.refunded_total
    fee = settlement_fee(kept, state.trade.fee_rate)
    return kept - fee - sum(_given_to_receivers(state).values())


def refund(state: TradeState, command: RefundTrade, now_ms: int) -> Decision:
    """Give the buyer back a part or all, from escrow or from the seller."""
    trade = state.trade
    number = command.out_request_no or trade.out_trade_no
    for row in state.refunds:
        if row.out_request_no == number:
            if row.amount != command.amount or row.clawbacks != _plan(command.clawbacks):
                raise Refused("REFUND_MISMATCH")
            return Decision(reply=_refunded(state, row, state.refunded_total, changed=False))
    return _refund(state, msgspec.structs.replace(command, out_request_no=number),
                   "trade.refund", now_ms)  # fmt: skip


def _refund(state: TradeState, command: RefundTrade, as_command: str, now_ms: int) -> Decision:
    trade = state.trade
    require(as_command, trade.status)
    _positive(command.amount)
    total = state.refunded_total + command.amount
    if total > trade.amount:
        raise Refused("REFUND_AMOUNT_EXCEEDED")
    assert state.buyer is not None, trade.trade_no
    whole = total == trade.amount
    after = TradeStatus.CLOSED if whole else trade.status
    step = _step(state, as_command, after, now_ms)
    if trade.status is TradeStatus.SETTLED:
        postings, fee_returned = _refund_from_seller(state, state.buyer, command)
    else:
        if command.clawbacks:
            raise Refused("TRADE_NOT_SETTLED", "Nothing was split yet, so nothing comes back.")
        postings, fee_returned = (_from_escrow(state, state.buyer, command.amount),), 0
    row = Refund(
        trade.trade_no, command.out_request_no, command.amount, fee_returned, command.reason,
        _plan(command.clawbacks), now_ms,
    )  # fmt: skip
    changed = replace(trade, status=after, closed_ms=now_ms if whole else trade.closed_ms)
    happened = trade_happened(
        "closed" if whole else "refunded", changed, refunded_total=total,
        out_biz_no=command.out_request_no, refunded_ms=now_ms,
    )  # fmt: skip
    over = ("trade.confirm", "trade.finish") if whole else ()
    return Decision(
        reply=_refunded(state._replace(trade=changed), row, total, changed=True),
        rows=(changed, row, step),
        postings=postings,
        cancelled_timers=tuple(f"{name}:{trade.trade_no}" for name in over),
        events=(happened,),
    )


def _from_escrow(state: TradeState, buyer: Party, amount: int) -> Posting:
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
    given = _given_to_receivers(state)
    for part in command.clawbacks:
        _positive(part.amount)
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


def _refunded(state: TradeState, row: Refund, total: int, *, changed: bool) -> Refunded:
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


def dispute(state: TradeState, reason: str, now_ms: int) -> Decision:
    """The buyer contests: the money stays held, and time no longer confirms."""
    step = _step(state, "trade.dispute", TradeStatus.DISPUTED, now_ms)
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
    step = _step(state, "trade.resolve", after, now_ms)
    rows: list[Row] = [step]
    postings: list[Posting] = []
    total = state.refunded_total + command.to_buyer
    number = _free_number(state, "dispute")
    if command.to_buyer:
        rows.append(
            Refund(trade.trade_no, number, command.to_buyer, 0, "dispute resolved", "", now_ms)
        )
        postings.append(_from_escrow(state, state.buyer, command.to_buyer))
    final, timers = replace(trade, status=after, closed_ms=now_ms), ()
    if command.to_seller:
        settled = _settle(state, (), command.to_seller, "dispute", settle_no, now_ms)
        final, timers = settled.trade, settled.timers  # type: ignore[assignment]
        rows.extend(settled.rows)
        postings.extend(settled.postings)
    happened = trade_happened(
        "refunded" if command.to_buyer and command.to_seller else "closed"
        if command.to_buyer else "settled",
        final, refunded_total=total, out_biz_no=number, refunded_ms=now_ms,
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
    step = _step(state, "trade.finish", TradeStatus.FINISHED, now_ms)
    finished = replace(state.trade, status=TradeStatus.FINISHED)
    return Decision(
        reply=done(finished),
        rows=(finished, step),
        cancelled_timers=(f"trade.finish:{finished.trade_no}",),
        events=(trade_happened("finished", finished),),
    )
