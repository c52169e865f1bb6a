"""Merchant credit at work: offers on sales, drawing, the share of each settlement, the floor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.credit.loans import decide as loan_decide
from tallystick.credit.loans.model import (
    CreditLine,
    DrawLoan,
    Loan,
    LoanDone,
    LoanProduct,
    LoanStatus,
    PaymentMode,
    ProductTerms,
)
from tallystick.credit.loans.service import draw_loan, loan_state
from tallystick.credit.loans.state import LoanState, loan_done, position_of
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.merchant.decide import (
    floor_day,
    paid_between,
    require_policy,
    share_wanted,
)
from tallystick.credit.merchant.model import (
    Assessment,
    CheckMonthlyFloor,
    DrawMerchantLoan,
    MerchantLoan,
    MerchantProduct,
    PolicyDone,
    SalesShare,
    SetMerchantPolicy,
    ShareDone,
    SweepShares,
    policy_of,
)
from tallystick.credit.merchant.sharing import Sharing
from tallystick.credit.merchant.views import merchant_assessment, merchant_product
from tallystick.credit.participation.service import record
from tallystick.credit.postings import LoanBooks
from tallystick.credit.schedules.terms import Effect
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_PRINCIPAL, SALES_SHARE
from tallystick.ledger.model import Account
from tallystick.money.amount import format_amount
from tallystick.parties.model import PartyKind
from tallystick.parties.views import active_party
from tallystick.payments.trades.model import Settlement, SettlementKind, Trade
from tallystick.payments.trades.state import planned_splits
from tallystick.pipeline.commands import SYSTEM, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event
from tallystick.pipeline.decisions import record as record_plainly
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["draw_merchant_loan", "register", "require_offer"]

_SWEEP_HOURS: Final = 22
_FLOOR_HOURS: Final = 10
_SETTLING: Final = frozenset({"trade.paid", "trade.settled", "trade.resolved"})


def set_policy(command: SetMerchantPolicy, context: Context) -> Reply:
    """Keep a product's policy, once its terms allow it."""
    uow = context.uow
    product = uow.get(LoanProduct, command.product_id)
    if product is None:
        raise Refused("CREDIT_PRODUCT_NOT_EXIST")
    require_policy(command.policy, decode_json(product.terms, ProductTerms))
    text = msgspec.json.encode(command.policy).decode()
    uow.put(MerchantProduct(command.product_id, text, context.now_ms))
    return PolicyDone(product_id=command.product_id)


# Drawing.


def _accounts(uow: UnitOfWork, ids: list[int]) -> list[Account]:
    found = (uow.books.account(account_id) for account_id in ids)
    return [account for account in found if account is not None]


def _require_free(context: Context, merchant_id: str, currency: str) -> None:
    """See that sales of a currency repay nothing yet."""
    for row in context.uow.select(MerchantLoan, merchant_id=merchant_id, is_open=True):
        loan = context.uow.get(Loan, row.loan_id)
        if row.currency == currency and loan is not None and loan.status is LoanStatus.ACTIVE:
            raise Refused("MERCHANT_LOAN_OPEN")


def require_offer(context: Context, merchant_id: str, product_id: str, amount: int) -> Assessment:
    """See that a merchant's sales allow an amount (minor units), and what says so.

    Raises:
        Refused: NOT_PERMITTED, CREDIT_PRODUCT_NOT_EXIST, MERCHANT_LOAN_OPEN,
            MERCHANT_OFFER_EXCEEDED; as `assess`.
    """
    uow, caller = context.uow, context.caller
    if caller.kind is CallerKind.PARTY and caller.id != merchant_id:
        raise Refused("NOT_PERMITTED", "A merchant draws on its own sales.")
    if active_party(uow, merchant_id).kind is not PartyKind.MERCHANT:
        raise Refused("NOT_PERMITTED", "This is for merchants.")
    terms, _ = merchant_product(uow, product_id)
    _require_free(context, merchant_id, terms.currency)
    assessed = merchant_assessment(
        uow, uow.connection, lambda ids: _accounts(uow, ids), merchant_id, product_id,
        context.now_ms,
    )  # fmt: skip
    if amount > assessed.amount:
        most = format_amount(assessed.amount, terms.currency)
        raise Refused("MERCHANT_OFFER_EXCEEDED", f"At most {most}.")
    return assessed


def draw_merchant_loan(
    command: DrawMerchantLoan, context: Context, fund: Callable[[Loan], None] | None = None
) -> Reply:
    """Draw what sales allow; from then on a share of each settlement repays it.

    Args:
        fund: says, before its money moves, who funds it with the platform.
    """
    uow = context.uow
    _, policy = merchant_product(uow, command.product_id)
    require_offer(context, command.merchant_id, command.product_id, command.amount)
    _grant(context, command)
    done = draw_loan(
        DrawLoan(
            borrower_id=command.merchant_id, product_id=command.product_id,
            amount=command.amount, count=command.count,
        ),
        context,
        fund,
    )  # fmt: skip
    assert isinstance(done, LoanDone)
    row = MerchantLoan(
        done.loan_id, command.merchant_id, done.currency,
        msgspec.json.encode(policy).decode(), int(policy.floor_rate * command.amount), 0, 0, True,
    )  # fmt: skip
    uow.put(row)
    _look_at_floor(context, row, 1)
    uow.emit(event("merchant_loan.drawn", done.loan_id, {"merchant_id": command.merchant_id}))
    return done


def _grant(context: Context, command: DrawMerchantLoan) -> None:
    """The line of such a product is what is drawn of it: sales say how much that may be."""
    uow, used = context.uow, 0
    for loan in uow.select(Loan, borrower_id=command.merchant_id, product_id=command.product_id):
        state = loan_state(context, loan.loan_id)
        account = uow.books.account(state.books.account(LOAN_PRINCIPAL).id)
        used += 0 if account is None else account.debits_posted - account.credits_posted
    uow.put(
        CreditLine(
            command.merchant_id, command.product_id, used + command.amount, context.now_ms
        )
    )  # fmt: skip


def _look_at_floor(context: Context, row: MerchantLoan, month: int) -> None:
    if not row.floor:
        return
    loan = context.uow.get(Loan, row.loan_id)
    assert loan is not None, row.loan_id
    at = collect_ms(floor_day(loan_day(loan.drawn_ms), month), _FLOOR_HOURS)
    command = CheckMonthlyFloor(loan_id=row.loan_id, month=month)
    set_timer(context.uow, f"merchant.floor:{row.loan_id}", at, command)


# Sharing.


def _reached_seller(uow: UnitOfWork, trade: Trade) -> int:
    """What of a trade's settlement reached its seller."""
    return sum(
        row.amount - row.fee - sum(part.amount for part in planned_splits(row.splits))
        for row in uow.select(Settlement, trade_no=trade.trade_no)
        if row.kind is SettlementKind.SETTLE
    )


def _collected(uow: UnitOfWork, books: LoanBooks) -> int:
    account = uow.books.account(books.account(SALES_SHARE).id)
    return 0 if account is None else account.credits_posted - account.debits_posted


def _room(state: LoanState, collected: int) -> int:
    """What may still be taken for a loan: never more than would end it."""
    if state.loan.status is not LoanStatus.ACTIVE:
        return 0
    return max(0, position_of(state).payoff - collected)


def take_share(uow: UnitOfWork, happened: Event, sharing: Sharing) -> None:
    """A settlement of a merchant whose sales repay a loan: its share is taken with it."""
    if happened.topic not in _SETTLING or not sharing.anybody(uow):
        return
    trade = uow.get(Trade, happened.subject)
    if trade is None or not trade.settled_ms or not sharing.has(trade.seller_id):
        return
    for row in uow.select(MerchantLoan, merchant_id=trade.seller_id, is_open=True):
        if row.currency == trade.currency and uow.get(SalesShare, trade.trade_no) is None:
            _take(uow, row, trade)


def _take(uow: UnitOfWork, row: MerchantLoan, trade: Trade) -> None:
    key = hashlib.blake2b(f"share\0{trade.trade_no}".encode(), digest_size=16).digest()
    context = Context(uow, SYSTEM, key, uow.now_ms)
    state = loan_state(context, row.loan_id)
    reached = _reached_seller(uow, trade) - trade.assigned_amount
    settled = row.settled + max(0, reached)
    wanted = share_wanted(policy_of(row).share_rate, settled, row.taken)
    taken = min(wanted, _room(state, _collected(uow, state.books)), state.available)
    share = SalesShare(trade.trade_no, row.loan_id, max(0, reached), taken, uow.now_ms)
    after = replace(row, settled=settled, taken=row.taken + taken)
    posting = state.books.posting("sales_share", taken, source=state.wallet)
    record_plainly(context, Decision(Reply(), (share, after), (posting,)))
    timer_id = f"merchant.sweep:{row.loan_id}"
    if taken and not uow.timer_is_set(timer_id):
        at = max(collect_ms(loan_day(uow.now_ms), _SWEEP_HOURS), uow.now_ms)
        set_timer(uow, timer_id, at, SweepShares(loan_id=row.loan_id))


def sweep(command: SweepShares, context: Context) -> Reply:
    """Pay the loan with what was collected; what it does not owe goes back to the merchant."""
    uow = context.uow
    row = uow.get(MerchantLoan, command.loan_id)
    if row is None:
        raise Refused("LOAN_NOT_EXIST")
    state = loan_state(context, row.loan_id)
    collected = _collected(uow, state.books)
    effect = policy_of(row).effect
    reserve = state._replace(bank=state.books.account(SALES_SHARE))
    reply = _pay(context, reserve, collected, effect)
    if reply is None:
        back = state.books.posting("returned", collected, source=reserve.bank, payee=state.wallet)
        record_plainly(context, Decision(Reply(), (), (back,)))
        reply = loan_done(state, state.loan, position_of(state))
    return _told(context, row, reply, 0)


def _pay(context: Context, state: LoanState, amount: int, effect: Effect) -> LoanDone | None:
    """Pay early with an amount; None when the loan takes nothing more."""
    if not amount or state.loan.status in (LoanStatus.SOLD, LoanStatus.CLOSED):
        return None
    try:
        decision = loan_decide.pay(state, amount, PaymentMode.EARLY, effect)
    except Refused as refused:
        if refused.refusal.code != "LOAN_NOTHING_TO_PAY":
            raise
        return None
    reply = record(context, decision)
    assert isinstance(reply, LoanDone)
    return reply


def _told(context: Context, row: MerchantLoan, done: LoanDone, missing: int) -> ShareDone:
    """The answer; a loan that is over takes no share any more."""
    if done.status is not LoanStatus.ACTIVE:
        context.uow.put(replace(row, is_open=False))
        context.uow.cancel_timer(f"merchant.floor:{row.loan_id}")
        over = {"merchant_id": row.merchant_id}
        context.uow.emit(event("merchant_loan.over", row.loan_id, over))
    return ShareDone(**msgspec.structs.asdict(done), missing=missing)


def check_floor(command: CheckMonthlyFloor, context: Context) -> Reply:
    """Take from the wallet what a month's sales and payments fell short of the floor."""
    uow = context.uow
    row = uow.get(MerchantLoan, command.loan_id)
    if row is None:
        raise Refused("LOAN_NOT_EXIST")
    state = loan_state(context, row.loan_id)
    drawn = loan_day(state.loan.drawn_ms)
    begin = drawn if command.month == 1 else floor_day(drawn, command.month - 1)
    end = floor_day(drawn, command.month)
    collected = _collected(uow, state.books)
    short = row.floor - paid_between(state.events, begin, end) - collected
    wanted = max(0, min(short, _room(state, collected)))
    amount = min(wanted, state.available)
    reply = _pay(context, state, amount, policy_of(row).effect)
    done = reply or loan_done(state, state.loan, position_of(state))
    told = _told(context, row, done, wanted - amount)
    if told.status is LoanStatus.ACTIVE:
        _look_at_floor(context, row, command.month + 1)
        if told.missing:
            payload = {"merchant_id": row.merchant_id, "missing": told.missing,
                       "currency": row.currency}  # fmt: skip
            uow.emit(event("merchant_loan.floor_missed", row.loan_id, payload))
    return told


def register(registry: Registry) -> None:
    """Declare the commands of merchant credit, and take shares of what merchants sell."""
    sharing = Sharing()
    write = "credit:write"
    registry.add(SetMerchantPolicy, set_policy, reply=PolicyDone, scope=write)
    registry.add(DrawMerchantLoan, draw_merchant_loan, reply=LoanDone, scope="wallet:write")
    registry.add(SweepShares, sweep, reply=ShareDone, scope="system")
    registry.add(CheckMonthlyFloor, check_floor, reply=ShareDone, scope="system")
    registry.subscribe("merchant_loan.drawn", sharing.drawn)
    registry.follow("merchant_loan.", sharing.follow)
    registry.subscribe("trade.", lambda uow, happened: take_share(uow, happened, sharing))
