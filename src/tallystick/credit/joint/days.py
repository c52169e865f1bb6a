"""What the days bring: shares that are bought back, files that are kept, and net settlement."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import msgspec

from tallystick.credit.joint.model import (
    BuyBackShares,
    Institution,
    PartnerDay,
    PartnerDayDone,
    RecordPartnerDay,
    SharesBought,
)
from tallystick.credit.loans.life import Position
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import LoanStatus
from tallystick.credit.loans.state import caught_up_to_day, kept, loan_done
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.participation.model import FlowKind, JointLoan, plan_row
from tallystick.credit.participation.postings import settlement_posting
from tallystick.credit.participation.service import funded_of, record, record_shared
from tallystick.credit.participation.share import Parts, buy_back, owed_parts
from tallystick.credit.postings import RECEIVABLES
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_ALLOWANCE, book_id
from tallystick.ledger.chart import transfer_id as transfer_number
from tallystick.parties.model import Party
from tallystick.payments.accounts import platform_book
from tallystick.payments.wallet import decide as bank_orders
from tallystick.payments.wallet.model import (
    BankOrder,
    BankOrderDone,
    BankOrderKind,
    BankOrderStatus,
    StartTopUp,
    StartWithdrawal,
)
from tallystick.pipeline import decisions
from tallystick.pipeline.commands import SYSTEM, Context, Registry, Reply
from tallystick.pipeline.decisions import AccountRef, Decision, event
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.timers import set_timer
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["look_for_buy_back", "register"]

_LOOK_HOUR: Final = 2
_OPEN: Final = (BankOrderStatus.NEW, BankOrderStatus.SENT)


# Buying back.


def _next_look(position: Position, days: int) -> timedelta | None:
    """In how many days a share can be due to be bought back, at the earliest."""
    if position.days_past_due:
        return timedelta(max(1, days - position.days_past_due))
    if position.next_due is None:
        return None
    return position.next_due - position.day + timedelta(days)


def look_for_buy_back(context: Context, loan_id: str, position: Position | None = None) -> None:
    """Have a loan looked at on the first day on which a share of it may be bought back."""
    joint = context.uow.get(JointLoan, loan_id)
    if joint is None or not joint.buy_back_days:
        return
    if position is None:
        position = caught_up_to_day(loan_state(context, loan_id)).position
    span = _next_look(position, joint.buy_back_days)
    if span is None or position.status is not LoanStatus.ACTIVE:
        return
    due_ms = collect_ms(position.day + span, _LOOK_HOUR)
    set_timer(
        context.uow, f"joint.buy_back:{loan_id}", due_ms, BuyBackShares(loan_id=loan_id)
    )  # fmt: skip


def _owed(context: Context, joint: JointLoan, shares: list[int]) -> list[Parts]:
    """What each participant is owed of each bucket."""
    book = platform_book(joint.currency)
    owed: list[Parts] = [{} for _ in shares]
    for bucket, entry in RECEIVABLES.items():
        account = context.uow.books.account(AccountRef(entry, joint.loan_id, book).id)
        totals = (account.debits_posted, account.credits_posted) if account else (0, 0)
        for place, part in enumerate(owed_parts(*totals, shares)):
            owed[place][bucket] = part
    return owed


def _allowance(context: Context, joint: JointLoan) -> int:
    """The balance of a loan's allowance."""
    ref = AccountRef(LOAN_ALLOWANCE, joint.loan_id, platform_book(joint.currency))
    account = context.uow.books.account(ref.id)
    return 0 if account is None else account.credits_posted - account.debits_posted


def buy_back_shares(command: BuyBackShares, context: Context) -> Reply:
    """The timer's command: a loan is brought up to the day, and shares are bought if it is late."""
    loan_id, nothing = command.loan_id, SharesBought(loan_id=command.loan_id, shares=0, amount=0)
    state = loan_state(context, loan_id)
    caught_up = caught_up_to_day(state)
    position = caught_up.position
    record(
        context,
        kept(state, position).decision(loan_done(state, state.loan, position), caught_up.postings),
    )
    joint = context.uow.get(JointLoan, loan_id)
    if joint is None or position.status is not LoanStatus.ACTIVE:
        return nothing
    funded = funded_of(context, joint)
    owed = _owed(context, joint, funded.plan.shares)
    found = buy_back(funded, owed, position.days_past_due, _allowance(context, joint))
    reply = nothing
    if found is not None:
        shared, plan = found
        row = plan_row(plan)
        bought = [flow.net for flow in shared.flows if flow.kind is FlowKind.BOUGHT_BACK]
        amount = sum(bought)
        reply = SharesBought(loan_id=loan_id, shares=len(bought), amount=amount)
        context.uow.put(row)
        for flow in shared.flows:
            context.uow.put(flow)
        context.uow.put(msgspec.structs.replace(shared.joint, plan_id=row.plan_id))
        record_shared(context, shared.postings, b"buy back")
        context.uow.emit(event("joint.bought_back", loan_id, {"amount": amount}))
    look_for_buy_back(context, loan_id, position)
    return reply


# The day's files and settlement.


def _open_orders(uow: UnitOfWork, institution_id: str, currency: str) -> int:
    """What open orders will still bring to the platform (less than 0: take from it)."""
    signs = {BankOrderKind.TOP_UP: 1, BankOrderKind.WITHDRAWAL: -1}
    return sum(
        signs[order.kind] * order.amount
        for order in uow.select(BankOrder, party_id=institution_id)
        if order.status in _OPEN and order.currency == currency
    )


def _order(context: Context, institution: Institution, currency: str, net: int) -> Decision:
    """The bank order that settles an amount: out to the institution, or in from it."""
    order_id = dated_number(context.now_ms, context.request_key, "settlement")
    about: dict[str, Any] = {
        "party_id": institution.institution_id, "amount": abs(net),
        "bank_id": institution.bank_id, "currency": currency,
    }  # fmt: skip
    if net < 0:
        return bank_orders.top_up(StartTopUp(**about), order_id, context.now_ms)
    party = context.uow.get(Party, institution.institution_id)
    assert party is not None, institution
    held = transfer_number(context.request_key + b"settlement", 0)
    return bank_orders.withdraw(
        StartWithdrawal(**about), order_id, party, held, context.now_ms
    )  # fmt: skip


def record_day(command: RecordPartnerDay, context: Context) -> Reply:
    """Keep a day's manifest once, and order the bank to settle what the day ended with."""
    uow = context.uow
    institution = uow.get(Institution, command.institution_id)
    assert institution is not None, command
    key = (command.institution_id, command.currency, command.day)
    known = uow.get(PartnerDay, *key)
    if known is not None:
        return PartnerDayDone(
            institution_id=known.institution_id, day=known.day, settlement=known.settlement,
            order_id=known.order_id,
        )  # fmt: skip
    net = command.closing + _open_orders(uow, command.institution_id, command.currency)
    order_id = ""
    if net:
        done = decisions.record(context, _order(context, institution, command.currency, net))
        assert isinstance(done, BankOrderDone)
        order_id = done.order_id
    uow.put(PartnerDay(*key, command.cut_ns, command.manifest, net, order_id, context.now_ms))
    uow.emit(
        event("joint.files_made", command.institution_id, {"day": command.day, "settlement": net})
    )
    return PartnerDayDone(
        institution_id=command.institution_id, day=command.day, settlement=net, order_id=order_id
    )


class _Answered(msgspec.Struct):
    kind: BankOrderKind
    party_id: str
    currency: str
    amount: int
    status: BankOrderStatus


def settled_by_bank(uow: UnitOfWork, happened: Event) -> None:
    """What the bank has moved for an institution is booked in its own book, too."""
    answered = decode_json(happened.payload, _Answered)
    institution = uow.get(Institution, answered.party_id)
    if institution is None or answered.status is not BankOrderStatus.ACCEPTED:
        return
    book = book_id(institution.entity, answered.currency)
    kind = "settled_out" if answered.kind is BankOrderKind.WITHDRAWAL else "settled_in"
    key = hashlib.blake2b(f"settled:{happened.subject}".encode(), digest_size=16).digest()
    posting = settlement_posting(
        kind, institution.institution_id, book, answered.amount, int(happened.subject)
    )
    context = Context(uow, SYSTEM, key, uow.now_ms)
    decisions.record(context, Decision(Reply(), postings=(posting,)))


def register(registry: Registry) -> None:
    """Declare the commands of days, and follow what banks answer."""
    registry.add(BuyBackShares, buy_back_shares, reply=SharesBought, scope="system")
    registry.add(RecordPartnerDay, record_day, reply=PartnerDayDone, scope="system")
    registry.subscribe("bank.answered", settled_by_bank)
