"""Collections at work: load what a decision needs, decide, record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.credit.collections import decide
from tallystick.credit.collections.commands import (
    AskHardship,
    CaseDone,
    CheckPromise,
    ContactBorrower,
    ContactMade,
    DecideHardship,
    MakeOffer,
    MakePromise,
    OverdueReviewed,
    RecordCall,
    RecordDelivery,
    ResumeCase,
    ReviewOverdue,
    Saved,
    SaveStrategy,
    SaveText,
    SetContactRules,
    StartSplit,
    StopCase,
    TakeOffer,
)
from tallystick.credit.collections.loading import (
    case_state,
    current_split,
    newest_strategy,
    newest_text,
    open_case,
)
from tallystick.credit.collections.model import (
    RULES_ID,
    CaseOffer,
    CasePromise,
    CollectionCase,
    CollectionRules,
    CollectionSplit,
    CollectionStatus,
    CollectionStrategy,
    CollectionText,
    Hardship,
    OfferStatus,
    PromiseStatus,
)
from tallystick.credit.collections.overdue import borrowed, overdue_loans
from tallystick.credit.collections.terms import (
    Offered,
    OfferKind,
    require_rules,
    require_strategy,
)
from tallystick.credit.loans import service as loan_service
from tallystick.credit.loans.life import live
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import LoanDone, NewDates, PayLoan, ReAgeLoan, WaiveLoan
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.postings import Bucket
from tallystick.decoding import decode_json
from tallystick.money.rate import Rounding, apply_rate
from tallystick.pipeline.commands import SYSTEM, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer

__all__ = ["register"]

_REVIEW: Final = "collections.review"
_REVIEW_HOURS: Final = 7
_TEXT_MAX: Final = 1000
_ONE_DAY: Final = timedelta(days=1)
_CHARGES: Final = (Bucket.PENALTY, Bucket.FEE)
_PERMILLE: Final = 1000


def _caller(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


# What is data.


def set_rules(command: SetContactRules, context: Context) -> Reply:
    """Keep the contact rules; they hold for the next contact of every case."""
    require_rules(command.terms)
    text = msgspec.json.encode(command.terms).decode()
    context.uow.put(CollectionRules(RULES_ID, text, _caller(context), context.now_ms))
    return Saved(name=RULES_ID, version=1)


def save_text(command: SaveText, context: Context) -> Reply:
    """Keep a new version of a text."""
    english, chinese = command.english.strip(), command.chinese.strip()
    if not command.text_id or not (english and chinese):
        raise Refused("INVALID_PARAMETER", "A text has a name and both languages.")
    if max(len(english), len(chinese)) > _TEXT_MAX:
        raise Refused("INVALID_PARAMETER", f"At most {_TEXT_MAX} characters.")
    known = newest_text(context.uow, command.text_id)
    version = 1 + (known.version if known else 0)
    context.uow.put(
        CollectionText(command.text_id, version, english, chinese, _caller(context), context.now_ms)
    )
    return Saved(name=command.text_id, version=version)


def save_strategy(command: SaveStrategy, context: Context) -> Reply:
    """Keep a new version of a strategy, once each step's text is there."""
    require_strategy(command.terms)
    if not command.strategy_id or not command.name:
        raise Refused("INVALID_PARAMETER", "A strategy has a number and a name.")
    for step in command.terms.steps:
        if newest_text(context.uow, step.text) is None:
            raise Refused("COLLECTION_TEXT_NOT_EXIST", f"step {step.name}: {step.text}.")
    known = newest_strategy(context.uow, command.strategy_id)
    version = 1 + (known.version if known else 0)
    terms = msgspec.json.encode(command.terms).decode()
    context.uow.put(
        CollectionStrategy(
            command.strategy_id, version, command.name, terms, _caller(context), context.now_ms
        )
    )
    return Saved(name=command.strategy_id, version=version)


def start_split(command: StartSplit, context: Context) -> Reply:
    """Use these strategies for the cases that are opened from now on."""
    uow = context.uow
    share = command.challenger_permille
    if not 0 <= share <= _PERMILLE or bool(command.challenger_id) != bool(share):
        raise Refused("COLLECTION_TERMS_INVALID", "A challenger has 1 to 1000 of a thousand.")
    if not 1 <= command.cured_within_days <= 365:
        raise Refused("COLLECTION_TERMS_INVALID", "cured_within_days: 1 to 365.")
    for strategy_id in (command.champion_id, command.challenger_id):
        if strategy_id and newest_strategy(uow, strategy_id) is None:
            raise Refused("COLLECTION_STRATEGY_NOT_EXIST", strategy_id)
    if not command.champion_id:
        raise Refused("COLLECTION_STRATEGY_NOT_EXIST", "A champion is needed.")
    before = current_split(uow)
    if before is not None:
        uow.put(replace(before, ended_ms=context.now_ms))
    split_id = dated_number(context.now_ms, context.request_key, "split")
    uow.put(
        CollectionSplit(
            split_id, command.champion_id, command.challenger_id, share,
            command.cured_within_days, context.now_ms, 0,
        )
    )  # fmt: skip
    if not uow.timer_is_set(_REVIEW):
        set_timer(uow, _REVIEW, context.now_ms, ReviewOverdue())
    return Saved(name=split_id, version=1)


# The queue.


def review(command: ReviewOverdue, context: Context) -> Reply:
    """Open cases for who is overdue; then look at each case that is not over."""
    today, after, count = loan_day(context.now_ms), "", 0
    if command.of == "loans":
        found, after = overdue_loans(context.uow.connection, command.after, command.size, today)
        for borrower_id, currency in found:
            count += _see_case(context, borrower_id, currency, today)
    else:
        count, after = _look_at_cases(context, command)
    _go_on(context, command, after)
    return OverdueReviewed(cases=count, after=after)


def _go_on(context: Context, command: ReviewOverdue, after: str) -> None:
    uow, now_ms = context.uow, context.now_ms
    if after:
        set_timer(uow, _REVIEW, now_ms, replace(command, after=after))
    elif command.of == "loans":
        set_timer(uow, _REVIEW, now_ms, ReviewOverdue(of="cases", size=command.size))
    else:
        due_ms = collect_ms(loan_day(now_ms), _REVIEW_HOURS)
        if due_ms <= now_ms:
            due_ms = collect_ms(loan_day(now_ms) + _ONE_DAY, _REVIEW_HOURS)
        set_timer(uow, _REVIEW, due_ms, ReviewOverdue(size=command.size))


def _see_case(context: Context, borrower_id: str, currency: str, today: date) -> int:
    """Open a case unless there is one; 1 when it is new."""
    uow = context.uow
    known = uow.select(CollectionCase, borrower_id=borrower_id, currency=currency)
    if any(case.status in (CollectionStatus.OPEN, CollectionStatus.STOPPED) for case in known):
        return 0
    loans = borrowed(uow, borrower_id, currency, today)
    if not loans.overdue:
        return 0
    one = _as(context, f"{borrower_id}{currency}")
    state = open_case(one, borrower_id, currency, loans)
    record(one, decide.looked_at(state, decide.opened(state)))
    return 1


def _look_at_cases(context: Context, command: ReviewOverdue) -> tuple[int, str]:
    found = context.uow.connection.execute(
        "SELECT case_id FROM collection_case WHERE status IN ('open', 'stopped') "
        "AND case_id > ? ORDER BY case_id LIMIT ?",
        (command.after, command.size),
    ).fetchall()
    for (case_id,) in found:
        one = _as(context, case_id)
        record(one, decide.looked_at(case_state(one, case_id)))
    return len(found), str(found[-1][0]) if len(found) == command.size else ""


def _as(context: Context, purpose: str) -> Context:
    """The same context for a further decision, whose numbers are its own."""
    text = context.request_key + purpose.encode()
    return context._replace(request_key=hashlib.blake2b(text, digest_size=16).digest())


def _own_case(context: Context, case_id: str) -> decide.CaseState:
    """A case that the caller may speak for: a person for themselves."""
    state = case_state(context, case_id)
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != state.case.borrower_id:
        raise Refused("COLLECTION_CASE_NOT_EXIST")
    return state


# Contacts.


def contact(command: ContactBorrower, context: Context) -> Reply:
    """Record the contact whose time has come, before it is sent."""
    state = case_state(context, command.case_id)
    step = decide.next_step_of(state)
    text = None if step is None else newest_text(context.uow, step.text)
    return record(context, decide.contact(state, command.due_ms, text))


def deliver(command: RecordDelivery, context: Context) -> Reply:
    """What the provider said."""
    state = case_state(context, command.case_id)
    decision = decide.delivered(state, command.entry_no, command.recipient, command.result)
    return record(context, decision)


def call(command: RecordCall, context: Context) -> Reply:
    """A call of an operator's."""
    state = case_state(context, command.case_id)
    return record(context, decide.call(state, command.result, command.note))


# What borrowers do.


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", f"{text!r} is not a day.") from error


def promise(command: MakePromise, context: Context) -> Reply:
    """A promise to pay."""
    state = _own_case(context, command.case_id)
    known = context.uow.select(CasePromise, case_id=command.case_id)
    still = tuple(one for one in known if one.status is PromiseStatus.OPEN)
    return record(context, decide.promise(state, command.amount, _day(command.due_day), still))


def check_promise(command: CheckPromise, context: Context) -> Reply:
    """The timer's command: was it kept?"""
    made = context.uow.get(CasePromise, command.promise_id)
    if made is None:
        raise Refused("COLLECTION_PROMISE_INVALID")
    return record(context, decide.check_promise(case_state(context, made.case_id), made))


def make_offer(command: MakeOffer, context: Context) -> Reply:
    """An offer of an operator's."""
    state = case_state(context, command.case_id)
    return record(context, decide.make_offer(state, command.loan_id, command.terms))


def take_offer(command: TakeOffer, context: Context) -> Reply:
    """Change the loan as it was offered; then look at the case again."""
    offer = context.uow.get(CaseOffer, command.offer_id)
    caller = context.caller
    if offer is None or (caller.kind is CallerKind.PARTY and caller.id != offer.borrower_id):
        raise Refused("COLLECTION_OFFER_INVALID", "There is no such offer.")
    if offer.status is not OfferStatus.OPEN or context.now_ms > offer.until_ms:
        raise Refused("COLLECTION_OFFER_INVALID", "It was taken, or its time is over.")
    terms = decode_json(offer.terms, Offered)
    if terms.kind is OfferKind.RE_AGE:
        dates = NewDates(count=terms.count)
        loan_service.re_age(ReAgeLoan(loan_id=offer.loan_id, dates=dates), _as(context, "re-age"))
    else:
        _pay_with_waiver(context, offer.loan_id, terms)
    return record(context, decide.offer_taken(case_state(context, offer.case_id), offer))


def _pay_with_waiver(context: Context, loan_id: str, terms: Offered) -> None:
    """Forgive the share of penalties and fees, and take the rest that is due from the wallet.

    Raises:
        Refused: BORROWER_BALANCE_NOT_ENOUGH, and nothing is forgiven.
    """
    _waive(context, loan_id, lambda due: apply_rate(due, terms.share, Rounding.DOWN))
    one = _as(context, "pay")
    paid = loan_service.pay_loan(PayLoan(loan_id=loan_id), one._replace(caller=SYSTEM))
    if not isinstance(paid, LoanDone) or paid.due:
        raise Refused("BORROWER_BALANCE_NOT_ENOUGH")


def _waive(context: Context, loan_id: str, part: Callable[[int], int]) -> int:
    """Forgive a part of the penalties and fees that are due; what was forgiven."""
    forgiven = 0
    for bucket in _CHARGES:
        state = loan_state(context, loan_id)
        amount = part(live(state.contract, state.events, state.day).due[bucket])
        if amount > 0:
            command = WaiveLoan(loan_id=loan_id, bucket=bucket, amount=amount)
            loan_service.waive_loan(command, _as(context, f"waive{loan_id}{bucket}"))
            forgiven += amount
    return forgiven


def ask_hardship(command: AskHardship, context: Context) -> Reply:
    """An application for a pause."""
    state = _own_case(context, command.case_id)
    known = tuple(context.uow.select(Hardship, case_id=command.case_id))
    return record(context, decide.ask_hardship(state, command.reason, known))


def decide_hardship(command: DecideHardship, context: Context) -> Reply:
    """Grant or decline; penalties are forgiven in the loans themselves."""
    asked = context.uow.get(Hardship, command.hardship_id)
    if asked is None:
        raise Refused("NOT_FOUND")
    state = case_state(context, asked.case_id)
    waived = 0
    if command.granted and command.waives:
        for loan in state.borrowed.overdue:
            waived += _waive(context, loan.loan_id, lambda due: due)
        state = case_state(context, asked.case_id)
    pause = _day(command.pause_until_day) if command.granted else None
    return record(context, decide.decide_hardship(state, asked, command.granted, pause, waived))


def stop(command: StopCase, context: Context) -> Reply:
    """Nobody asks any more."""
    state = _own_case(context, command.case_id)
    return record(context, decide.stop(state, command.reason, command.note))


def resume(command: ResumeCase, context: Context) -> Reply:
    """It is settled."""
    return record(context, decide.resume(case_state(context, command.case_id), command.note))


def register(registry: Registry) -> None:
    """Declare the commands of collections."""
    write, own = "credit:write", "wallet:write"
    registry.add(SetContactRules, set_rules, reply=Saved, scope=write)
    registry.add(SaveText, save_text, reply=Saved, scope=write)
    registry.add(SaveStrategy, save_strategy, reply=Saved, scope=write)
    registry.add(StartSplit, start_split, reply=Saved, scope=write)
    registry.add(ReviewOverdue, review, reply=OverdueReviewed, scope="system")
    registry.add(ContactBorrower, contact, reply=ContactMade, scope="system")
    registry.add(RecordDelivery, deliver, reply=CaseDone, scope="system")
    registry.add(CheckPromise, check_promise, reply=CaseDone, scope="system")
    registry.add(RecordCall, call, reply=CaseDone, scope=write)
    registry.add(MakePromise, promise, reply=CaseDone, scope=own)
    registry.add(MakeOffer, make_offer, reply=CaseDone, scope=write)
    registry.add(TakeOffer, take_offer, reply=CaseDone, scope=own)
    registry.add(AskHardship, ask_hardship, reply=CaseDone, scope=own)
    registry.add(DecideHardship, decide_hardship, reply=CaseDone, scope=write)
    registry.add(StopCase, stop, reply=CaseDone, scope=own)
    registry.add(ResumeCase, resume, reply=CaseDone, scope=write)
