"""Receivables at work: load what a decision needs, decide, record; assigned trades are followed."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import partial
from typing import Final

import msgspec

from tallystick.credit.loans.timing import loan_day
from tallystick.credit.receivables import decide
from tallystick.credit.receivables.model import (
    OPEN,
    AnswerNotice,
    CheckReceivable,
    DefineReceivableTerms,
    FinanceReceivable,
    PayReceivable,
    Receivable,
    ReceivableDone,
    ReceivableEvent,
    ReceivableEventKind,
    ReceivableKind,
    ReceivableProduct,
    ReceivableStatus,
    ReceivableTermsDone,
    ReduceReceivable,
    RegisterInvoice,
    RepayReceivable,
    terms_of_receivable,
)
from tallystick.credit.receivables.views import exposure_around
from tallystick.ledger.chart import ASSIGNED_PROCEEDS
from tallystick.ledger.model import Account
from tallystick.ledger.statements import available_of
from tallystick.parties.model import Party
from tallystick.parties.views import active_party, known_party
from tallystick.payments.accounts import bank_reserve, platform_book, trade_escrow, wallet
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.trades.assigning import assign_proceeds, seller_proceeds
from tallystick.payments.trades.model import Trade, TradeStatus
from tallystick.pipeline.commands import SYSTEM, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["register"]

_FOLLOWED: Final = frozenset(
    {"trade.settled", "trade.closed", "trade.refunded", "trade.resolved"}
)  # fmt: skip
_NUMBER_MAX: Final = 64


def _state(context: Context, row: Receivable, *, is_new: bool = False) -> decide.ReceivableState:
    """A receivable with the wallets around it."""
    uow = context.uow
    purse = wallet(known_party(uow, row.seller_id), row.currency)
    held = uow.books.account(purse.id)
    events = () if is_new else tuple(uow.select(ReceivableEvent, receivable_id=row.receivable_id))
    return decide.ReceivableState(
        row=row, events=events, day=loan_day(context.now_ms), now_ms=context.now_ms,
        caller=f"{context.caller.kind}:{context.caller.id}", book=platform_book(row.currency),
        seller=purse, available=0 if held is None else available_of(held),
    )  # fmt: skip


def _stored(context: Context, receivable_id: str) -> decide.ReceivableState:
    row = context.uow.get(Receivable, receivable_id)
    if row is None:
        raise Refused("RECEIVABLE_NOT_EXIST")
    return _state(context, row)


def _only(context: Context, party_id: str) -> None:
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != party_id:
        raise Refused("NOT_PERMITTED", "This receivable belongs to somebody else.")


def define_terms(command: DefineReceivableTerms, context: Context) -> Reply:
    """Keep terms of financing."""
    if not command.product_id:
        raise Refused("INVALID_PARAMETER", "Terms need a name.")
    platform_book(command.terms.currency)
    decide.require_terms(command.terms)
    text = msgspec.json.encode(command.terms).decode()
    context.uow.put(ReceivableProduct(command.product_id, text, context.now_ms))
    return ReceivableTermsDone(product_id=command.product_id)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", "due_day: this is not a day.") from error


def register_invoice(command: RegisterInvoice, context: Context) -> Reply:
    """Register an invoice; the same number of the same seller only once."""
    uow = context.uow
    _only(context, command.seller_id)
    if not 0 < len(command.number) <= _NUMBER_MAX:
        raise Refused("INVALID_PARAMETER", f"number: 1 to {_NUMBER_MAX} characters.")
    platform_book(command.currency)
    wallet(active_party(uow, command.seller_id), command.currency)
    wallet(active_party(uow, command.debtor_id), command.currency)
    if command.seller_id == command.debtor_id:
        raise Refused("INVALID_PARAMETER", "Nobody owes an invoice to themselves.")
    kind, number = ReceivableKind.INVOICE, command.number
    if uow.find(Receivable, seller_id=command.seller_id, kind=kind, number=number) is not None:
        raise Refused("RECEIVABLE_ALREADY_REGISTERED")
    row = Receivable(
        dated_number(context.now_ms, context.request_key, "receivable"), kind,
        command.seller_id, command.debtor_id, number, command.currency, command.amount,
        _day(command.due_day), ReceivableStatus.REGISTERED, "", 0, 0, 0, context.now_ms, 0, 0,
    )  # fmt: skip
    return record(context, decide.register(_state(context, row, is_new=True)))


def answer_notice(command: AnswerNotice, context: Context) -> Reply:
    """The debtor's answer."""
    state = _stored(context, command.receivable_id)
    _only(context, state.row.debtor_id)
    return record(context, decide.answer(state, command.accepted, command.reason))


# Financing.


def _of_trade(context: Context, trade_no: str) -> Receivable:
    """A paid trade that is not settled as a receivable."""
    trade = context.uow.get(Trade, trade_no)
    if trade is None:
        raise Refused("TRADE_NOT_EXIST")
    _only(context, trade.seller_id)
    if trade.assigned_to:
        raise Refused("RECEIVABLE_ALREADY_ASSIGNED")
    if trade.status not in (TradeStatus.HELD, TradeStatus.SHIPPED):
        raise Refused("TRADE_STATE_REFUSED", f"The trade is {trade.status.value}.")
    held = context.uow.books.account(trade_escrow(trade_no, trade.currency).id)
    assert held is not None, trade_no
    face = seller_proceeds(trade, held.credits_posted - held.debits_posted)
    ends_ms = trade.confirm_by_ms or context.now_ms + trade.confirm_within_ms
    due = loan_day(max(ends_ms, context.now_ms)) + timedelta(days=1)
    return Receivable(
        dated_number(context.now_ms, context.request_key, "receivable"), ReceivableKind.TRADE,
        trade.seller_id, trade.buyer_id, trade_no, trade.currency, face, due.isoformat(),
        ReceivableStatus.REGISTERED, "", 0, 0, 0, context.now_ms, 0, 0,
    )  # fmt: skip


def _accounts(uow: UnitOfWork, ids: list[int]) -> list[Account]:
    found = (uow.books.account(account_id) for account_id in ids)
    return [account for account in found if account is not None]


def finance_receivable(command: FinanceReceivable, context: Context) -> Reply:
    """Assign a receivable, and pay the advance."""
    uow = context.uow
    product = uow.get(ReceivableProduct, command.product_id)
    if product is None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    if bool(command.receivable_id) == bool(command.trade_no):
        raise Refused("INVALID_PARAMETER", "Name a receivable or a trade.")
    if command.trade_no:
        state = _state(context, _of_trade(context, command.trade_no), is_new=True)
    else:
        state = _stored(context, command.receivable_id)
    row, terms = state.row, terms_of_receivable(product)
    _only(context, row.seller_id)
    active_party(uow, row.seller_id)
    if row.status in OPEN:
        raise Refused("RECEIVABLE_ALREADY_ASSIGNED")
    if row.currency != terms.currency:
        raise Refused("INVALID_PARAMETER", f"These terms are for {terms.currency}.")
    exposure = exposure_around(uow, partial(_accounts, uow), row)
    reply = record(context, decide.finance(state, terms, exposure))
    assert isinstance(reply, ReceivableDone)
    if command.trade_no:
        assign_proceeds(uow, command.trade_no, row.receivable_id, reply.advance + reply.fee)
    return reply


# Money comes.


def pay_receivable(command: PayReceivable, context: Context) -> Reply:
    """The debtor pays an invoice, from its wallet or by a bank."""
    state = _stored(context, command.receivable_id)
    row, bank_id = state.row, command.source.bank_id
    _only(context, row.debtor_id)
    if row.kind is ReceivableKind.TRADE:
        raise Refused("RECEIVABLE_STATE_REFUSED", "A trade's escrow pays by itself.")
    if bank_id and context.caller.kind is CallerKind.PARTY:
        raise Refused("NOT_PERMITTED", "That a bank has paid is told by the bank.")
    if bank_id and bank_id not in BANKS:
        raise Refused("BANK_NOT_EXIST")
    debtor = context.uow.get(Party, row.debtor_id)
    assert debtor is not None, row.debtor_id
    source = bank_reserve(bank_id, row.currency) if bank_id else wallet(debtor, row.currency)
    return record(
        context, decide.collect(state._replace(source=source), command.amount, bank_id)
    )  # fmt: skip


def reduce_receivable(command: ReduceReceivable, context: Context) -> Reply:
    """An invoice is worth less."""
    state = _stored(context, command.receivable_id)
    _only(context, state.row.seller_id)
    if state.row.kind is ReceivableKind.TRADE:
        raise Refused("RECEIVABLE_STATE_REFUSED", "A trade is reduced by refunding it.")
    return record(context, decide.reduce(state, command.amount, command.reason))


def repay_receivable(command: RepayReceivable, context: Context) -> Reply:
    """The seller repays."""
    state = _stored(context, command.receivable_id)
    _only(context, state.row.seller_id)
    return record(context, decide.repay(state, command.amount))


def check_receivable(command: CheckReceivable, context: Context) -> Reply:
    """The timer's command: recourse or loss."""
    return record(context, decide.check(_stored(context, command.receivable_id), command.attempt))


# Following trades.


def follow_trade(uow: UnitOfWork, happened: Event) -> None:
    """What happens to an assigned trade happens to its receivable, in the same transaction."""
    if happened.topic not in _FOLLOWED:
        return
    trade = uow.get(Trade, happened.subject)
    if trade is None or not trade.assigned_to:
        return
    text = f"{happened.topic}\0{happened.subject}\0{uow.now_ms}\0receivable"
    key = hashlib.blake2b(text.encode(), digest_size=16).digest()
    context = Context(uow, SYSTEM, key, uow.now_ms)
    state = _stored(context, trade.assigned_to)
    if trade.settled_ms or trade.status is TradeStatus.CLOSED:
        _ended(context, state)
    else:
        _reduced(context, state, trade)


def _ended(context: Context, state: decide.ReceivableState) -> None:
    """The trade is over: what its escrow brought goes to the lender, the seller owes the rest."""
    if any(e.kind is ReceivableEventKind.COLLECTED for e in state.events):
        return
    proceeds = context.uow.books.account(state.books.account(ASSIGNED_PROCEEDS).id)
    brought = 0 if proceeds is None else proceeds.credits_posted - proceeds.debits_posted
    record(context, decide.collect(state, brought, final=True))


def _reduced(context: Context, state: decide.ReceivableState, trade: Trade) -> None:
    """A part went back to the buyer before the settlement: the claim is worth less."""
    held = context.uow.books.account(trade_escrow(trade.trade_no, trade.currency).id)
    assert held is not None, trade.trade_no
    worth = seller_proceeds(trade, held.credits_posted - held.debits_posted)
    less = state.standing.face_left - worth
    if less > 0:
        record(context, decide.reduce(state, less, "refund"))


def register(registry: Registry) -> None:
    """Declare the commands, and follow assigned trades."""
    write = "credit:write"
    done = ReceivableDone
    registry.add(DefineReceivableTerms, define_terms, reply=ReceivableTermsDone, scope=write)
    registry.add(RegisterInvoice, register_invoice, reply=done, scope="wallet:write")
    registry.add(AnswerNotice, answer_notice, reply=done, scope="wallet:write")
    registry.add(FinanceReceivable, finance_receivable, reply=done, scope="wallet:write")
    registry.add(PayReceivable, pay_receivable, reply=done, scope="wallet:write")
    registry.add(ReduceReceivable, reduce_receivable, reply=done, scope="wallet:write")
    registry.add(RepayReceivable, repay_receivable, reply=done, scope="wallet:write")
    registry.add(CheckReceivable, check_receivable, reply=done, scope="system")
    registry.subscribe("trade.", follow_trade)
