"""What happens to receivables: pure functions from a receivable and a command to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.postings import LoanBooks
from tallystick.credit.receivables.model import (
    OPEN,
    TRANSITIONS,
    CheckReceivable,
    Receivable,
    ReceivableDone,
    ReceivableEvent,
    ReceivableEventKind,
    ReceivableStatus,
    ReceivableTerms,
    terms_of_receivable,
)
from tallystick.credit.schedules.all_in_rate import CashFlow, all_in_rate
from tallystick.credit.schedules.amortise import whole
from tallystick.credit.schedules.check import require_rate
from tallystick.credit.schedules.offer import require_below_ceiling
from tallystick.credit.schedules.quote import Ceiling
from tallystick.ledger.chart import ASSIGNED_PROCEEDS
from tallystick.money.rate import Rounding
from tallystick.pipeline.decisions import AccountRef, Decision, Posting, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event

__all__ = [
    "Exposure", "ReceivableState", "Standing", "all_in", "answer", "check", "collect", "finance",
    "offered", "priced", "reduce", "register", "repay", "require_financeable", "require_terms",
    "require_within", "standing_of",
]  # fmt: skip

_FEE_YEAR_DAYS: Final = 360
_CHECK_HOURS: Final = 10
_ALLOWED: Final = frozenset((t.command, t.before, t.after) for t in TRANSITIONS)
_STARTS: Final = frozenset((t.command, t.before) for t in TRANSITIONS)
K = ReceivableEventKind
S = ReceivableStatus


class Standing(NamedTuple):
    """What is owed, from a receivable and its events; minor units.

    Args:
        face_left: by the debtor.
        fee, advance: to the lender.
        lost: of what was lost, what has not been recovered.
    """

    face_left: int
    fee: int = 0
    advance: int = 0
    lost: int = 0

    @property
    def owed(self) -> int:
        """All that the lender is owed."""
        return self.fee + self.advance

    def less(self, amount: int) -> Standing:
        """After so much came to the lender: the fee first, then the advance, or of the loss."""
        fee = min(amount, self.fee)
        advance = min(amount - fee, self.advance)
        lost = min(amount - fee - advance, self.lost)
        return self._replace(
            fee=self.fee - fee, advance=self.advance - advance, lost=self.lost - lost
        )


def standing_of(row: Receivable, events: Sequence[ReceivableEvent]) -> Standing:
    """What is owed after all that has happened."""
    at = Standing(row.face)
    for happened in events:
        amount = happened.amount
        if happened.kind is K.ADVANCE:
            at = at._replace(fee=row.fee, advance=row.advance)
        elif happened.kind is K.REDUCED:
            at = at._replace(face_left=at.face_left - amount)
        elif happened.kind is K.COLLECTED:
            at = at._replace(face_left=at.face_left - amount).less(amount)
        elif happened.kind is K.REPAID:
            at = at.less(amount)
        elif happened.kind is K.LOST:
            at = at._replace(fee=0, advance=0, lost=at.owed)
    return at


class ReceivableState(NamedTuple):
    """All that decisions look at: the receivable, what happened, and the wallets around it.

    Args:
        available: what the seller's wallet can pay.
        source: where the debtor's money comes from; None where it lies in the proceeds already.
    """

    row: Receivable
    events: tuple[ReceivableEvent, ...]
    day: date
    now_ms: int
    caller: str
    book: int
    seller: AccountRef
    available: int = 0
    source: AccountRef | None = None

    @property
    def standing(self) -> Standing:
        """What is owed."""
        return standing_of(self.row, self.events)

    @property
    def books(self) -> LoanBooks:
        """The receivable's accounts."""
        return LoanBooks(self.row.receivable_id, self.book)

    def after(self, kind: ReceivableEventKind, amount: int, detail: str = "") -> ReceivableState:
        """The same after an event."""
        step = self.row.steps + 1
        happened = ReceivableEvent(
            self.row.receivable_id, step, kind, self.day.isoformat(), amount, detail, self.caller,
            self.now_ms,
        )  # fmt: skip
        return self._replace(row=replace(self.row, steps=step), events=(*self.events, happened))


def _require(command: str, before: ReceivableStatus | None, after: S | None = None) -> None:
    known = (command, before) in _STARTS if after is None else (command, before, after) in _ALLOWED
    if not known:
        raise Refused("RECEIVABLE_STATE_REFUSED", f"The receivable is {before or 'new'}.")


def _done(state: ReceivableState, amount: int) -> ReceivableDone:
    row, at = state.row, state.standing
    return ReceivableDone(
        receivable_id=row.receivable_id, currency=row.currency, status=row.status, amount=amount,
        advance=row.advance, fee=row.fee, owed=at.owed, face_left=at.face_left,
    )  # fmt: skip


def _happened(what: str, state: ReceivableState, amount: int) -> Event:
    row = state.row
    return event(
        f"receivable.{what}",
        row.receivable_id,
        {
            "seller_id": row.seller_id, "debtor_id": row.debtor_id, "number": row.number,
            "kind": row.kind, "status": row.status, "currency": row.currency, "amount": amount,
            "due_day": row.due_day, "owed": state.standing.owed,
        },
    )  # fmt: skip


def _decided(
    before: ReceivableState, state: ReceivableState, command: str, status: ReceivableStatus,
    amount: int, what: str, postings: Sequence[Posting] = (), timers: tuple[Timer, ...] = (),
) -> Decision:  # fmt: skip
    """The decision that brings a receivable into a status, if the table has it."""
    came_from = None if before.row.steps == 0 else before.row.status
    _require(command, came_from, status)
    over = status in (S.SETTLED, S.LOST)
    row = replace(
        state.row, status=status,
        closed_ms=(state.row.closed_ms or state.now_ms) if over else 0,
    )  # fmt: skip
    now = state._replace(row=row)
    new = state.events[len(before.events) :]
    cancelled = (f"receivable.check:{row.receivable_id}",) if over else ()
    return Decision(
        _done(now, amount), (row, *new), tuple(postings), timers, cancelled,
        (_happened(what, now, amount),),
    )  # fmt: skip


# Before it is financed.


def require_terms(terms: ReceivableTerms) -> None:
    """See that terms can be offered.

    Raises:
        Refused: CREDIT_TERMS_INVALID; the detail names the field.
    """
    for name in ("advance_rate", "discount_rate", "ceiling"):
        rate = getattr(terms, name)
        if rate is not None:
            require_rate(name, rate)
    wrong = {
        "advance_rate: above 0, at most 1": not 0 < terms.advance_rate <= 1,
        "discount_rate: 0 to 1": not 0 <= terms.discount_rate <= 1,
        "grace_days: 0 to 180": not 0 <= terms.grace_days <= 180,
        "tenor_days_max: 1 to 720": not 1 <= terms.tenor_days_max <= 720,
        "retry_days: from 0, each later than the one before": not terms.retry_days
        or terms.retry_days[0] < 0
        or any(a >= b for a, b in zip(terms.retry_days, terms.retry_days[1:], strict=False)),
        "seller_max, debtor_max: not negative": min(terms.seller_max, terms.debtor_max) < 0,
        "ceiling: 0 to 10": terms.ceiling is not None and not 0 <= terms.ceiling <= 10,
    }
    for detail, is_wrong in wrong.items():
        if is_wrong:
            raise Refused("CREDIT_TERMS_INVALID", f"{detail}.")


def register(state: ReceivableState) -> Decision:
    """An invoice is registered; its debtor is given notice."""
    row = state.row
    if row.face <= 0:
        raise Refused("INVALID_AMOUNT")
    if date.fromisoformat(row.due_day) <= state.day:
        raise Refused("RECEIVABLE_DUE_DAY")
    noticed = state.after(K.NOTICE, row.face)
    return _decided(state, noticed, "register", S.REGISTERED, row.face, "notice")


def answer(state: ReceivableState, accepted: bool, reason: str) -> Decision:
    """The debtor's answer to the notice."""
    kind, status = (K.ACKNOWLEDGED, S.ACKNOWLEDGED) if accepted else (K.CONTESTED, S.CONTESTED)
    if not accepted and not reason.strip():
        raise Refused("INVALID_PARAMETER", "What is contested needs a reason.")
    command = "acknowledge" if accepted else "contest"
    told = state.after(kind, state.row.face, reason)
    return _decided(state, told, command, status, state.row.face, status.value)


class Exposure(NamedTuple):
    """What is owed already, in minor units: of the seller's receivables, and by the debtor."""

    seller: int
    debtor: int


def offered(terms: ReceivableTerms, face: int, day: date, due: date) -> tuple[int, int]:
    """The advance and the fee on a face value, in minor units.

    Raises:
        Refused: RECEIVABLE_DUE_DAY, INVALID_AMOUNT.
    """
    days = (due - day).days
    if not 0 < days <= terms.tenor_days_max:
        raise Refused("RECEIVABLE_DUE_DAY", f"1 to {terms.tenor_days_max} days ahead.")
    advance = whole(face * Fraction(terms.advance_rate), Rounding.DOWN)
    exact = advance * Fraction(terms.discount_rate) * days / _FEE_YEAR_DAYS
    fee = whole(exact, Rounding.HALF_UP)
    if advance <= 0 or advance + fee > face:
        raise Refused("INVALID_AMOUNT", "The receivable does not cover advance and fee.")
    return advance, fee


def all_in(advance: int, fee: int, day: date, due: date) -> Decimal | None:
    """The yearly rate of an advance with its fee, as if the debtor paid on the due day."""
    return all_in_rate([CashFlow(day, advance), CashFlow(due, -(advance + fee))])


def require_financeable(row: Receivable, terms: ReceivableTerms) -> None:
    """See that a receivable may be assigned in its state.

    Raises:
        Refused: RECEIVABLE_STATE_REFUSED, RECEIVABLE_NOT_ACKNOWLEDGED.
    """
    before = None if row.steps == 0 else row.status
    _require("finance", before)
    if before is S.REGISTERED and terms.acknowledged:
        raise Refused("RECEIVABLE_NOT_ACKNOWLEDGED")


def require_within(terms: ReceivableTerms, exposure: Exposure, advance: int) -> None:
    """See that seller and debtor stay within the terms' limits.

    Raises:
        Refused: RECEIVABLE_LIMIT_EXCEEDED.
    """
    if exposure.seller + advance > terms.seller_max or (
        exposure.debtor + advance > terms.debtor_max
    ):
        raise Refused("RECEIVABLE_LIMIT_EXCEEDED")


def priced(
    terms: ReceivableTerms, face: int, day: date, due: date
) -> tuple[int, int, Decimal | None]:
    """The advance and the fee in minor units, and the all-in yearly rate.

    Raises:
        Refused: as `offered`; CREDIT_RATE_ABOVE_CEILING.
    """
    advance, fee = offered(terms, face, day, due)
    rate = all_in(advance, fee, day, due)
    if terms.ceiling is not None:
        source = terms.ceiling_source
        require_below_ceiling(rate, Ceiling(annual_rate=terms.ceiling, source=source))
    return advance, fee, rate


def finance(state: ReceivableState, terms: ReceivableTerms, exposure: Exposure) -> Decision:
    """Assign the receivable: the seller gets the advance."""
    row = state.row
    require_financeable(row, terms)
    due = date.fromisoformat(row.due_day)
    advance, fee, _rate = priced(terms, row.face, state.day, due)
    require_within(terms, exposure, advance)
    text = msgspec.json.encode(terms).decode()
    agreed = replace(row, terms=text, advance=advance, fee=fee, financed_ms=state.now_ms)
    assigned = state._replace(row=agreed).after(K.ADVANCE, advance)
    posting = state.books.posting("receivable_advance", advance, payee=state.seller)
    timer = _next_check(row.receivable_id, due, terms, 0)
    return _decided(
        state, assigned, "finance", S.ASSIGNED, advance, "assigned", (posting,), (timer,)
    )


def _next_check(receivable_id: str, due: date, terms: ReceivableTerms, attempt: int) -> Timer:
    days = terms.grace_days + 1 + terms.retry_days[attempt]
    at = collect_ms(due, 24 * days + _CHECK_HOURS)
    return Timer(
        f"receivable.check:{receivable_id}", at,
        CheckReceivable(receivable_id=receivable_id, attempt=attempt),
    )  # fmt: skip


# Money comes.


def _to_lender(
    state: ReceivableState, amount: int, source: AccountRef, refused_as: str = "LEDGER_REFUSED"
) -> list[Posting]:
    """Money for the lender as postings: the fee, the advance, what was lost."""
    at, books = state.standing, state.books
    after = at.less(amount)
    parts = {
        "receivable_fee": at.fee - after.fee,
        "receivable_collected": at.advance - after.advance,
        "receivable_recovery": at.lost - after.lost,
    }
    return [
        books.posting(name, part, source=source, refused_as=refused_as)
        for name, part in parts.items()
    ]


def _claim(standing: Standing) -> int:
    return standing.owed + standing.lost


def collect(
    state: ReceivableState, amount: int, detail: str = "", *, final: bool = False
) -> Decision:
    """The debtor's money: the lender first, the rest to the seller.

    Args:
        amount: minor units; 0 is all.
        final: nothing more will come of it, so the seller answers for the rest.
    """
    at = state.standing
    _require("pay", state.row.status)
    if not final and (amount < 0 or amount > at.face_left):
        raise Refused("INVALID_AMOUNT", f"{at.face_left} is left.")
    amount = amount if amount or final else at.face_left
    if amount == 0 and not final:
        raise Refused("LOAN_NOTHING_TO_PAY")
    proceeds = state.books.account(ASSIGNED_PROCEEDS)
    postings = []
    if state.source is not None:
        postings.append(
            state.books.posting(
                "receivable_proceeds", amount, source=state.source,
                refused_as="DEBTOR_BALANCE_NOT_ENOUGH",
            )
        )  # fmt: skip
    lenders = min(amount, _claim(at))
    postings += _to_lender(state, lenders, proceeds)
    postings.append(
        state.books.posting(
            "receivable_rest", amount - lenders, source=proceeds, payee=state.seller
        )
    )
    after = state.after(K.COLLECTED, amount, detail)
    if final and after.standing.owed:
        return _answered_by_seller(state, after, "pay", amount, postings, after.standing.owed)
    return _decided(state, after, "pay", _status(after), amount, "collected", postings)


def _status(state: ReceivableState) -> ReceivableStatus:
    """Where a receivable stands once money came."""
    if state.row.status in OPEN and not state.standing.owed:
        return S.SETTLED
    return state.row.status


def _answered_by_seller(
    before: ReceivableState, state: ReceivableState, command: str, amount: int,
    postings: Sequence[Posting], missing: int,
) -> Decision:  # fmt: skip
    """The seller's wallet pays what is missing, as far as it goes; the rest is recourse."""
    taken = min(missing, state.available)
    more = _to_lender(state, taken, state.seller)
    after = state.after(K.REPAID, taken, command) if taken else state
    status = S.SETTLED if not after.standing.owed else S.RECOURSE
    terms = terms_of_receivable(state.row)
    timers: tuple[Timer, ...] = ()
    if status is S.RECOURSE:
        # From today on the wallet is tried; what is missing was not the debtor's to pay.
        timers = (_next_check(state.row.receivable_id, state.day, terms, 0),)
    what = "recourse" if status is S.RECOURSE else "settled"
    return _decided(before, after, command, status, amount, what, [*postings, *more], timers)


def repay(state: ReceivableState, amount: int) -> Decision:
    """The seller repays from its wallet."""
    _require("repay", state.row.status)
    claim = _claim(state.standing)
    if not 0 <= amount <= claim:
        raise Refused("INVALID_AMOUNT", f"{claim} is owed.")
    amount = amount or claim
    if not amount:
        raise Refused("LOAN_NOTHING_TO_PAY")
    postings = _to_lender(state, amount, state.seller, "SELLER_BALANCE_NOT_ENOUGH")
    after = state.after(K.REPAID, amount)
    return _decided(state, after, "repay", _status(after), amount, "repaid", postings)


def reduce(state: ReceivableState, amount: int, reason: str) -> Decision:
    """It is worth less: the seller answers for what the debtor will not cover any more."""
    _require("reduce", state.row.status)
    at = state.standing
    if not 0 < amount <= at.face_left:
        raise Refused("INVALID_AMOUNT", f"{at.face_left} is left.")
    if not reason.strip():
        raise Refused("INVALID_PARAMETER", "A reduction needs a reason.")
    after = state.after(K.REDUCED, amount, reason)
    missing = at.owed - after.standing.face_left
    if state.row.status not in OPEN or missing <= 0:
        return _decided(state, after, "reduce", state.row.status, amount, "reduced")
    taken = min(missing, state.available)
    postings = _to_lender(after, taken, state.seller)
    paid = after.after(K.REPAID, taken, reason) if taken else after
    status = S.SETTLED if not paid.standing.owed else state.row.status
    timers: tuple[Timer, ...] = ()
    if taken < missing and status is not S.RECOURSE:
        status = S.RECOURSE
        terms = terms_of_receivable(state.row)
        timers = (_next_check(state.row.receivable_id, state.day, terms, 0),)
    return _decided(state, paid, "reduce", status, amount, "reduced", postings, timers)


def check(state: ReceivableState, attempt: int) -> Decision:
    """After the grace: the seller's wallet with recourse, else, or at last, a loss."""
    _require("check", state.row.status)
    terms = terms_of_receivable(state.row)
    owed = state.standing.owed
    # What a trade or a reduction fell short of is the seller's to answer for in either case.
    answers = terms.with_recourse or state.row.status is S.RECOURSE
    taken = min(owed, state.available) if answers else 0
    postings = _to_lender(state, taken, state.seller)
    after = state.after(K.REPAID, taken, "recourse") if taken else state
    left = after.standing
    if not left.owed:
        return _decided(state, after, "check", S.SETTLED, taken, "settled", postings)
    if answers and attempt + 1 < len(terms.retry_days):
        waits = terms.retry_days[attempt + 1] - terms.retry_days[attempt]
        at = collect_ms(state.day, 24 * waits + _CHECK_HOURS)
        again = CheckReceivable(receivable_id=state.row.receivable_id, attempt=attempt + 1)
        timer = Timer(f"receivable.check:{state.row.receivable_id}", at, again)
        return _decided(
            state, after, "check", S.RECOURSE, taken, "recourse", postings, (timer,)
        )  # fmt: skip
    # The fee was not earned yet: only the advance is lost.
    postings.append(state.books.posting("receivable_loss", left.advance))
    gone = after.after(K.LOST, left.owed)
    return _decided(state, gone, "check", S.LOST, left.owed, "lost", postings)
