"""Trade commands at work: load what a decision needs, decide, record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.parties.model import Party
from tallystick.parties.views import active_party, known_party, take_payment_code
from tallystick.partners.model import App
from tallystick.payments.accounts import platform_book, trade_escrow
from tallystick.payments.callers import acting_app, sells_through, usable_app
from tallystick.payments.holds.service import capture_hold
from tallystick.payments.trades import decide
from tallystick.payments.trades.model import (
    CancelTrade,
    CloseTrade,
    ConfirmReceipt,
    CreateTrade,
    FinishTrade,
    OpenDispute,
    PayTrade,
    Refund,
    Refunded,
    RefundTrade,
    RelateReceivers,
    RelationsDone,
    ResolveDispute,
    RoyaltyRelation,
    Settlement,
    ShipTrade,
    Split,
    SplitDone,
    SplitTrade,
    Trade,
    TradeCommand,
    TradeDone,
    TradeEvent,
    UnrelateReceivers,
)
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Posting, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["Payer", "pay_trade_by", "register"]


def _app(context: Context, app_id: str) -> App:
    """The app, if it is in use and the caller may act for it."""
    return usable_app(context.uow, acting_app(context, app_id))


def _trade(context: Context, command: TradeCommand) -> Trade:
    """The trade that a command names, if the caller's app has it."""
    uow = context.uow
    app_id = acting_app(context, command.app_id)
    trade: Trade | None = None
    if command.trade_no:
        trade = uow.get(Trade, command.trade_no)
    elif command.out_trade_no and app_id:
        trade = uow.find(Trade, app_id=app_id, out_trade_no=command.out_trade_no)
    if trade is None or (app_id and trade.app_id != app_id):
        raise Refused("TRADE_NOT_EXIST")
    if command.out_trade_no and trade.out_trade_no != command.out_trade_no:
        raise Refused("TRADE_NOT_EXIST", "The two order numbers name different trades.")
    return trade


def _only(context: Context, *party_ids: str) -> None:
    """A signed-in person acts on what is theirs."""
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id not in party_ids:
        raise Refused("NOT_PERMITTED", "This trade belongs to somebody else.")


def _receivers(uow: UnitOfWork, splits: Iterable[Split]) -> dict[str, Party]:
    found = {s.receiver_id: uow.get(Party, s.receiver_id) for s in splits}
    return {party_id: party for party_id, party in found.items() if party is not None}


def _state(
    context: Context, trade: Trade, splits: tuple[Split, ...] = (), *, stored: bool = True
) -> decide.TradeState:
    """Everything that decisions about a trade look at (`stored` false: it is just opened)."""
    uow = context.uow
    splits = splits or decide.planned_splits(trade.split_plan)
    receivers = _receivers(uow, splits)
    bound = {r for r in receivers if uow.get(RoyaltyRelation, trade.app_id, r) is not None}
    account = uow.books.account(trade_escrow(trade.trade_no, trade.currency).id) if stored else None
    return decide.TradeState(
        trade=trade,
        seller=known_party(uow, trade.seller_id),
        buyer=known_party(uow, trade.buyer_id) if trade.paid_ms else None,
        refunds=_select(uow, Refund, trade, trade.paid_ms > 0),
        settlements=_select(uow, Settlement, trade, trade.settled_ms > 0),
        held=0 if account is None else account.credits_posted - account.debits_posted,
        steps=len(_select(uow, TradeEvent, trade, stored)),
        caller=f"{context.caller.kind}:{context.caller.id}",
        receivers=receivers,
        bound=frozenset(bound),
    )


def _select(uow: UnitOfWork, row: type, trade: Trade, may_exist: bool) -> tuple:  # type: ignore[type-arg]
    return tuple(uow.select(row, trade_no=trade.trade_no)) if may_exist else ()


def _seller_id(context: Context, app: App, wanted: str) -> str:
    seller_id = wanted or app.merchant_id
    uow = context.uow
    if not sells_through(uow, app, seller_id):
        raise Refused("SELLER_NOT_EXIST")
    active_party(uow, seller_id)
    return seller_id


def _terms(app: App) -> decide.Terms:
    return decide.Terms(
        app.settlement, app.fee_rate, app.notify_url, app.confirm_within_ms, app.refund_within_ms
    )


def _order(context: Context, command: CreateTrade) -> tuple[Trade, bool]:
    """The trade of an order, and whether it is new."""
    app = _app(context, command.app_id)
    platform_book(command.currency)
    if not command.out_trade_no or not command.subject:
        raise Refused("INVALID_PARAMETER", "An order needs out_trade_no and subject.")
    seller_id = _seller_id(context, app, command.seller_id)
    known = context.uow.find(Trade, app_id=app.app_id, out_trade_no=command.out_trade_no)
    if known is not None:
        if not decide.same_order(known, command, seller_id):
            raise Refused("TRADE_MISMATCH")
        return known, False
    if command.buyer_id:
        active_party(context.uow, command.buyer_id)
    number = dated_number(context.now_ms, context.request_key, "trade")
    order = replace(command, app_id=app.app_id)
    return decide.new_trade(order, _terms(app), seller_id, number, context.now_ms), True


def create_trade(command: CreateTrade, context: Context) -> Reply:
    """Open an order, or find the same one."""
    _only(context)
    trade, is_new = _order(context, command)
    if not is_new:
        decide.require_payable(trade)
        if command.code_index and not trade.code_index:
            # The order was opened without a code to scan and is now asked for one.
            context.uow.put(replace(trade, code_index=command.code_index))
        return decide.done(trade)
    return record(context, decide.create(_state(context, trade, stored=False), context.now_ms))


def _to_pay(command: PayTrade, context: Context) -> tuple[Trade, bool]:
    if command.order is not None:
        return _order(context, command.order)
    named = CloseTrade(app_id=command.app_id, trade_no=command.trade_no)
    return _trade(context, named), False


class Payer(NamedTuple):
    """Who pays an order, out of what, and the rows that are kept with it.

    Args:
        postings: what brings the order's amount into its escrow; none take it from the wallet.
    """

    buyer: Party
    postings: tuple[Posting, ...] = ()
    rows: tuple[Row, ...] = ()


def _payer(command: PayTrade, context: Context, trade: Trade) -> Payer:
    uow = context.uow
    if command.hold_id:
        escrow = trade_escrow(trade.trade_no, trade.currency)
        payer_id, postings, rows = capture_hold(
            context, command.hold_id, trade.app_id, escrow, trade.amount, trade.trade_no
        )
        return Payer(active_party(uow, payer_id), postings, rows)
    if command.payment_code_index:
        buyer, code = take_payment_code(
            uow, command.payment_code_index, context.now_ms, trade.trade_no
        )
        return Payer(buyer, rows=(code,))
    _only(context, command.buyer_id)
    if context.caller.kind is not CallerKind.PARTY:
        raise Refused("NOT_PERMITTED", "A buyer pays as a signed-in person or by code.")
    return Payer(active_party(uow, command.buyer_id))


def pay_trade(command: PayTrade, context: Context) -> Reply:
    """Pay an order with a buyer's code, from a hold, or as the signed-in buyer."""
    return pay_trade_by(command, context, lambda _, payer: payer)


def pay_trade_by(
    command: PayTrade, context: Context, fund: Callable[[Trade, Payer], Payer],
    who: Callable[[PayTrade, Context, Trade], Payer] = _payer,
) -> Reply:  # fmt: skip
    """Pay an order with money, or by an authorisation, that another product brings.

    Args:
        fund: given the order and who pays it, says what brings the money into its escrow.
        who: says who pays it.
    """
    trade, is_new = _to_pay(command, context)
    state = _state(context, trade, stored=not is_new)
    decide.require_payable(trade)
    payer = fund(trade, who(command, context, trade))
    decision = decide.pay(
        state, payer.buyer, context.now_ms, opened_now=is_new, from_hold=payer.postings,
        settle_no=dated_number(context.now_ms, context.request_key, "settle"),
    )  # fmt: skip
    return record(context, decision._replace(rows=(*decision.rows, *payer.rows)))


def close_trade(command: CloseTrade, context: Context) -> Reply:
    """Close an unpaid order."""
    _only(context)
    trade = _trade(context, command)
    return record(context, decide.close(_state(context, trade), command, context.now_ms))


def cancel_trade(command: CancelTrade, context: Context) -> Reply:
    """Undo an order, paid or not."""
    _only(context)
    trade = _trade(context, command)
    return record(context, decide.cancel(_state(context, trade), context.now_ms))


def ship_trade(command: ShipTrade, context: Context) -> Reply:
    """The seller has sent the goods."""
    trade = _trade(context, command)
    _only(context, trade.seller_id)
    return record(context, decide.ship(_state(context, trade), command, context.now_ms))


def confirm_receipt(command: ConfirmReceipt, context: Context) -> Reply:
    """The goods arrived: pay the seller."""
    trade = _trade(context, command)
    _only(context, trade.buyer_id)
    settle_no = dated_number(context.now_ms, context.request_key, "settle")
    state = _state(context, trade, command.splits)
    return record(context, decide.confirm(state, command, settle_no, context.now_ms))


def split_trade(command: SplitTrade, context: Context) -> Reply:
    """Give parts of a settled trade to receivers."""
    _only(context)
    trade = _trade(context, command)
    settle_no = dated_number(context.now_ms, context.request_key, "settle")
    state = _state(context, trade, command.splits)
    return record(context, decide.split(state, command, settle_no, context.now_ms))


def refund_trade(command: RefundTrade, context: Context) -> Reply:
    """Give the buyer back a part or all."""
    trade = _trade(context, command)
    _only(context, trade.seller_id)
    state = _state(context, trade, command.clawbacks)
    return record(context, decide.refund(state, command, context.now_ms))


def open_dispute(command: OpenDispute, context: Context) -> Reply:
    """The buyer contests."""
    trade = _trade(context, command)
    _only(context, trade.buyer_id)
    if not command.reason.strip():
        raise Refused("INVALID_PARAMETER", "A dispute needs a reason.")
    return record(context, decide.dispute(_state(context, trade), command.reason, context.now_ms))


def resolve_dispute(command: ResolveDispute, context: Context) -> Reply:
    """Decide a dispute for either side, or a part to each."""
    trade = _trade(context, command)
    settle_no = dated_number(context.now_ms, context.request_key, "settle")
    state = _state(context, trade)
    return record(context, decide.resolve(state, command, settle_no, context.now_ms))


def finish_trade(command: FinishTrade, context: Context) -> Reply:
    """No refund is possible any more."""
    trade = _trade(context, command)
    return record(context, decide.finish(_state(context, trade), context.now_ms))


def relate_receivers(command: RelateReceivers, context: Context) -> Reply:
    """Allow splits to receivers."""
    _only(context)
    app, uow = _app(context, command.app_id), context.uow
    for receiver_id, memo in command.receivers.items():
        active_party(uow, receiver_id)
        if uow.get(RoyaltyRelation, app.app_id, receiver_id) is None:
            uow.put(RoyaltyRelation(app.app_id, receiver_id, memo, context.now_ms))
    return RelationsDone(count=len(uow.select(RoyaltyRelation, app_id=app.app_id)))


def unrelate_receivers(command: UnrelateReceivers, context: Context) -> Reply:
    """Allow splits to receivers no more; one that was not bound is no error."""
    _only(context)
    app, uow = _app(context, command.app_id), context.uow
    for receiver_id in command.receivers:
        row = uow.get(RoyaltyRelation, app.app_id, receiver_id)
        if row is not None:
            uow.delete(row)
    return RelationsDone(count=len(uow.select(RoyaltyRelation, app_id=app.app_id)))


def register(registry: Registry) -> None:
    """Declare the trade commands."""
    write = "payments:write"
    registry.add(CreateTrade, create_trade, reply=TradeDone, scope=write)
    registry.add(PayTrade, pay_trade, reply=TradeDone, scope=write)
    registry.add(CloseTrade, close_trade, reply=TradeDone, scope=write)
    registry.add(CancelTrade, cancel_trade, reply=TradeDone, scope=write)
    registry.add(ShipTrade, ship_trade, reply=TradeDone, scope=write)
    registry.add(ConfirmReceipt, confirm_receipt, reply=TradeDone, scope=write)
    registry.add(SplitTrade, split_trade, reply=SplitDone, scope=write)
    registry.add(RefundTrade, refund_trade, reply=Refunded, scope=write)
    registry.add(OpenDispute, open_dispute, reply=TradeDone, scope=write)
    registry.add(ResolveDispute, resolve_dispute, reply=TradeDone, scope="disputes:resolve")
    registry.add(FinishTrade, finish_trade, reply=TradeDone, scope="system")
    registry.add(RelateReceivers, relate_receivers, reply=RelationsDone, scope=write)
    registry.add(UnrelateReceivers, unrelate_receivers, reply=RelationsDone, scope=write)
