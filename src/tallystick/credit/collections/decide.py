"""What each command about a case does: pure functions from state and command to a decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.collections.commands import CaseDone, CheckPromise, ContactMade
from tallystick.credit.collections.model import (
    CONTACTS,
    CaseEntry,
    CaseOffer,
    CasePromise,
    CollectionCase,
    CollectionStatus,
    CollectionText,
    EntryKind,
    Hardship,
    HardshipStatus,
    OfferStatus,
    PromiseStatus,
)
from tallystick.credit.collections.overdue import Borrowed
from tallystick.credit.collections.permission import ContactHistory, PermittedMoment, why_not
from tallystick.credit.collections.planning import (
    Overdue,
    days_past_due,
    next_contact,
    overdue_total,
    step_named,
)
from tallystick.credit.collections.terms import (
    Channel,
    ContactRules,
    Offered,
    OfferKind,
    Step,
    StrategyTerms,
    bucket_of,
)
from tallystick.credit.loans.timing import collect_ms
from tallystick.money.amount import format_amount
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row

__all__ = [
    "CaseState", "ask_hardship", "call", "check_promise", "contact", "decide_hardship",
    "delivered", "looked_at", "make_offer", "next_step_of", "offer_taken", "opened", "promise",
    "resume", "stop",
]  # fmt: skip

_PROMISE_DAYS_MAX: Final = 31
_PAUSE_DAYS_MAX: Final = 366
_ONE_DAY: Final = timedelta(days=1)
_DAY_MS: Final = 86_400_000
_TEXT_MAX: Final = 500
_OVER: Final = (CollectionStatus.CURED, CollectionStatus.CLOSED)


class CaseState(NamedTuple):
    """All that decisions look at.

    Args:
        borrowed: the borrower's loans in the case's currency.
        contacts: the moments of all contacts with the borrower, of all their cases.
        another_stopped: whether another case of the borrower's is stopped.
        last: the day on which each step was taken last in this case.
        number: stands for the request, for what is made.
    """

    case: CollectionCase
    borrowed: Borrowed
    rules: ContactRules
    terms: StrategyTerms | None
    contacts: tuple[int, ...]
    another_stopped: bool
    last: Mapping[str, date]
    today: date
    now_ms: int
    caller: str
    number: str = ""

    @property
    def history(self) -> ContactHistory:
        """What the next contact depends on."""
        is_stopped = self.another_stopped or self.case.status is CollectionStatus.STOPPED
        return ContactHistory(self.contacts, is_stopped, self.case.quiet_until_ms)


def _line(state: CaseState, kind: EntryKind, **fields: Any) -> CaseEntry:
    """A line of the record; its number is given when it is written."""
    blank: dict[str, Any] = dict.fromkeys(
        ("step", "channel", "recipient", "text_id", "language", "result", "contents"), ""
    ) | dict.fromkeys(("text_version", "amount", "cost", "answers"), 0)
    return CaseEntry(
        case_id=state.case.case_id, entry_no=0, borrower_id=state.case.borrower_id, kind=kind,
        at_ms=state.now_ms, caller=state.caller, **(blank | fields),
    )  # fmt: skip


def _counted(state: CaseState, lines: tuple[CaseEntry, ...]) -> CaseState:
    """The state after these lines."""
    made = [line for line in lines if line.kind in CONTACTS]
    case = replace(
        state.case,
        contacts=state.case.contacts + len(made),
        cost=state.case.cost + sum(line.cost for line in made),
    )
    last = dict(state.last) | {line.step: state.today for line in made if line.step}
    contacts = (*state.contacts, *(line.at_ms for line in made))
    return state._replace(case=case, contacts=contacts, last=last)


def _where_it_stands(state: CaseState) -> tuple[CaseState, tuple[CaseEntry, ...]]:
    """The case as its loans are now: how much, how late, and whether it is over."""
    case, loans = state.case, state.borrowed.overdue
    case = replace(
        case, overdue=overdue_total(loans), days_past_due=days_past_due(loans),
        bucket=bucket_of(state.rules, days_past_due(loans)), looked_ms=state.now_ms,
        collected=state.borrowed.paid(case.opened_ms, state.now_ms + 1),
    )  # fmt: skip
    if loans or case.status is not CollectionStatus.OPEN:
        return state._replace(case=case), ()
    is_gone = state.borrowed.is_gone
    status = CollectionStatus.CLOSED if is_gone else CollectionStatus.CURED
    case = replace(case, status=status, ended_ms=state.now_ms)
    kind = EntryKind.CLOSED if is_gone else EntryKind.CURED
    return state._replace(case=case), (_line(state, kind, amount=case.collected),)


def _planned(state: CaseState) -> CollectionCase:
    """The case with its next contact."""
    case = state.case
    planned = None
    if case.status is CollectionStatus.OPEN and state.terms is not None:
        planned = next_contact(
            state.terms, state.rules, state.history, state.borrowed.overdue, state.last,
            state.today, state.now_ms,
        )  # fmt: skip
    if planned is None:
        return replace(case, next_ms=0, next_step="", next_channel="")
    return replace(
        case, next_ms=planned.moment.at_ms, next_step=planned.step.name,
        next_channel=planned.step.channel.value,
    )  # fmt: skip


def looked_at(
    state: CaseState, *lines: CaseEntry, rows: tuple[Row, ...] = (), made_id: str = "",
    timers: tuple[Timer, ...] = (),
) -> Decision:  # fmt: skip
    """Write lines, see where the case stands, and plan what is next."""
    counted, ended = _where_it_stands(_counted(state, lines))
    everything = (*lines, *ended)
    case = replace(_planned(counted), entries=state.case.entries + len(everything))
    numbered = tuple(
        replace(line, entry_no=state.case.entries + at) for at, line in enumerate(everything, 1)
    )
    reply = CaseDone(
        case_id=case.case_id, status=case.status.value, overdue=case.overdue,
        days_past_due=case.days_past_due, next_ms=case.next_ms, next_step=case.next_step,
        made_id=made_id,
    )  # fmt: skip
    told = tuple(
        event(
            f"collection.{line.kind.value}", case.case_id,
            {"borrower_id": case.borrower_id, "entry_no": line.entry_no, "bucket": case.bucket},
        )
        for line in numbered
    )  # fmt: skip
    return Decision(reply, (case, *numbered, *rows), (), timers, events=told)


def opened(state: CaseState) -> CaseEntry:
    """The first line of a case."""
    loans = state.borrowed.overdue
    said = f"{state.case.arm}:{state.case.strategy_id}"
    return _line(state, EntryKind.OPENED, amount=overdue_total(loans), result=said)


def next_step_of(state: CaseState) -> Step | None:
    """The step that is planned."""
    return None if state.terms is None else step_named(state.terms, state.case.next_step)


def _require_going(state: CaseState, *allowed: CollectionStatus) -> None:
    if state.case.status not in (allowed or (CollectionStatus.OPEN,)):
        raise Refused("COLLECTION_STATE_REFUSED", f"The case is {state.case.status.value}.")


# Contacts.


def _filled(text: str, state: CaseState, until_ms: int) -> str:
    loans = state.borrowed.overdue
    amount = f"{format_amount(overdue_total(loans), state.case.currency)} {state.case.currency}"
    until = date.fromordinal(state.today.toordinal() + max(0, until_ms - state.now_ms) // _DAY_MS)
    filled = text.replace("{due}", amount).replace("{days}", str(days_past_due(loans)))
    return filled.replace("{until}", until.isoformat() if until_ms else "")


def contact(state: CaseState, due_ms: int, text: CollectionText | None) -> Decision:
    """Record a contact that is sent now; where none is allowed any more, plan anew.

    Args:
        due_ms: for which moment it was planned.
        text: the newest version of the step's text.
    """
    case, terms = state.case, state.terms
    step = step_named(terms, case.next_step) if terms is not None else None
    is_due = case.status is CollectionStatus.OPEN and case.next_ms == due_ms <= state.now_ms
    if not is_due or step is None or text is None or step.channel is Channel.CALL:
        return _nothing_sent(state)
    if not state.borrowed.overdue or why_not(state.rules, state.history, state.now_ms):
        return _nothing_sent(state)
    moment = PermittedMoment(state.rules, state.history, state.now_ms)
    made = _offer(state, step)
    until_ms = made[0].until_ms if made else 0
    chosen = text.chinese if state.rules.language == "zh" else text.english
    contents = _filled(chosen, state, until_ms)
    line = _line(
        state, EntryKind.CONTACT, step=step.name, channel=step.channel.value,
        text_id=text.text_id, text_version=text.version, language=state.rules.language,
        cost=step.cost, contents=contents,
    )  # fmt: skip
    line = replace(line, at_ms=moment.at_ms)
    offers = tuple(_offer_line(state, offer) for offer in made)
    decision = looked_at(state, line, *offers, rows=tuple(made))
    reply = ContactMade(
        case_id=case.case_id, borrower_id=case.borrower_id, entry_no=case.entries + 1,
        channel=line.channel, contents=contents,
    )  # fmt: skip
    return decision._replace(reply=reply)


def _nothing_sent(state: CaseState) -> Decision:
    reply = ContactMade(
        case_id=state.case.case_id, borrower_id=state.case.borrower_id, entry_no=0, channel="",
        contents="",
    )  # fmt: skip
    return looked_at(state)._replace(reply=reply)


def delivered(state: CaseState, entry_no: int, recipient: str, result: str) -> Decision:
    """What became of a message is a line of its own."""
    if not 1 <= entry_no <= state.case.entries:
        raise Refused("INVALID_PARAMETER", "There is no such entry.")
    fields = {"recipient": recipient, "result": result, "answers": entry_no}
    return looked_at(state, _line(state, EntryKind.DELIVERY, **fields))


def call(state: CaseState, result: str, note: str) -> Decision:
    """A call that is made now."""
    _require_going(state, CollectionStatus.OPEN, CollectionStatus.STOPPED)
    reason = why_not(state.rules, state.history, state.now_ms)
    if reason:
        raise Refused("COLLECTION_CONTACT_NOT_ALLOWED", f"{reason}.")
    moment = PermittedMoment(state.rules, state.history, state.now_ms)
    step = step_named(state.terms, state.case.next_step) if state.terms else None
    is_step = step is not None and step.channel is Channel.CALL
    line = _line(
        state, EntryKind.CALL, step=step.name if step and is_step else "",
        channel=Channel.CALL.value, result=result, contents=note[:_TEXT_MAX],
        cost=step.cost if step and is_step else 0,
    )  # fmt: skip
    return looked_at(state, replace(line, at_ms=moment.at_ms))


# Promises.


def promise(
    state: CaseState, amount: int, due: date, open_now: tuple[CasePromise, ...]
) -> Decision:
    """A promise; nobody asks until its day is over."""
    _require_going(state)
    if not 0 < amount <= overdue_total(state.borrowed.overdue):
        raise Refused("INVALID_AMOUNT", "Up to what is overdue.")
    if not state.today <= due <= state.today + timedelta(days=_PROMISE_DAYS_MAX):
        raise Refused("COLLECTION_PROMISE_INVALID", f"From today, {_PROMISE_DAYS_MAX} days on.")
    if open_now:
        raise Refused("COLLECTION_PROMISE_INVALID", "A promise is open already.")
    case = state.case
    made = CasePromise(
        state.number, case.case_id, case.borrower_id, case.currency, amount, due.isoformat(),
        PromiseStatus.OPEN, 0, state.now_ms, 0,
    )  # fmt: skip
    over_ms = collect_ms(due + _ONE_DAY, 0)
    quiet = replace(case, quiet_until_ms=max(case.quiet_until_ms, over_ms))
    line = _line(state, EntryKind.PROMISE, amount=amount, contents=due.isoformat())
    check = Timer(f"collections.promise:{made.promise_id}", over_ms,
                  CheckPromise(promise_id=made.promise_id))  # fmt: skip
    return looked_at(
        state._replace(case=quiet), line, rows=(made,), made_id=made.promise_id, timers=(check,)
    )


def check_promise(state: CaseState, made: CasePromise) -> Decision:
    """Kept when so much was paid between the promise and the end of its day."""
    over_ms = collect_ms(date.fromisoformat(made.due_day) + _ONE_DAY, 0)
    if made.status is not PromiseStatus.OPEN or state.now_ms < over_ms:
        raise Refused("COLLECTION_PROMISE_INVALID", "It is decided, or its day is not over.")
    paid = state.borrowed.paid(made.made_ms, over_ms)
    is_kept = paid >= made.amount
    decided = replace(
        made, status=PromiseStatus.KEPT if is_kept else PromiseStatus.BROKEN, paid=paid,
        decided_ms=state.now_ms,
    )  # fmt: skip
    kind = EntryKind.PROMISE_KEPT if is_kept else EntryKind.PROMISE_BROKEN
    return looked_at(state, _line(state, kind, amount=paid), rows=(decided,))


# Offers.


def _offer(state: CaseState, step: Step) -> tuple[CaseOffer, ...]:
    """What a step offers, for the loan that is latest; new dates are not for purchases."""
    offered = step.offer
    if offered is None:
        return ()
    loans = [
        loan for loan in state.borrowed.overdue
        if not (loan.is_purchase and offered.kind is OfferKind.RE_AGE)
    ]  # fmt: skip
    if not loans:
        return ()
    latest = max(loans, key=lambda loan: (loan.days_past_due, loan.loan_id))
    return (_new_offer(state, latest, offered),)


def _new_offer(state: CaseState, loan: Overdue, offered: Offered) -> CaseOffer:
    return CaseOffer(
        state.number, state.case.case_id, state.case.borrower_id, loan.loan_id,
        msgspec.json.encode(offered).decode(), OfferStatus.OPEN,
        state.now_ms + offered.valid_days * _DAY_MS, state.now_ms,
    )  # fmt: skip


def _offer_line(state: CaseState, offer: CaseOffer) -> CaseEntry:
    return _line(state, EntryKind.OFFER, contents=offer.terms, result=offer.offer_id)


def make_offer(state: CaseState, loan_id: str, offered: Offered) -> Decision:
    """An offer that a person makes."""
    _require_going(state, CollectionStatus.OPEN, CollectionStatus.STOPPED)
    loan = next((one for one in state.borrowed.overdue if one.loan_id == loan_id), None)
    if loan is None:
        raise Refused("COLLECTION_OFFER_INVALID", "Nothing of that loan is overdue.")
    if loan.is_purchase and offered.kind is OfferKind.RE_AGE:
        raise Refused("COLLECTION_OFFER_INVALID", "Purchases are repaid as they were agreed.")
    if not (0 <= offered.share <= 1 and 1 <= offered.count <= 600):
        raise Refused("COLLECTION_OFFER_INVALID", "share up to 1, count up to 600.")
    if not 1 <= offered.valid_days <= 365:
        raise Refused("COLLECTION_OFFER_INVALID", "valid_days: 1 to 365.")
    made = _new_offer(state, loan, offered)
    return looked_at(state, _offer_line(state, made), rows=(made,), made_id=made.offer_id)


def offer_taken(state: CaseState, offer: CaseOffer) -> Decision:
    """The offer's loan was changed; the case is looked at again."""
    taken = replace(offer, status=OfferStatus.TAKEN)
    line = _line(state, EntryKind.OFFER_TAKEN, contents=offer.terms, result=offer.offer_id)
    return looked_at(state, line, rows=(taken,), made_id=offer.offer_id)


# Hardship, stops.


def ask_hardship(state: CaseState, reason: str, known: tuple[Hardship, ...]) -> Decision:
    """An application; an operator decides it."""
    _require_going(state, CollectionStatus.OPEN, CollectionStatus.STOPPED)
    if not reason.strip():
        raise Refused("INVALID_PARAMETER", "reason: say why.")
    if any(one.status is HardshipStatus.ASKED for one in known):
        raise Refused("COLLECTION_STATE_REFUSED", "An application waits already.")
    case = state.case
    asked = Hardship(
        state.number, case.case_id, case.borrower_id, reason.strip()[:_TEXT_MAX],
        HardshipStatus.ASKED, "", 0, state.now_ms, 0, "",
    )  # fmt: skip
    line = _line(state, EntryKind.HARDSHIP, contents=asked.reason)
    return looked_at(state, line, rows=(asked,), made_id=asked.hardship_id)


def decide_hardship(
    state: CaseState, asked: Hardship, granted: bool, pause_until: date | None, waived: int
) -> Decision:
    """Granted, nobody asks until a day; what was waived is in the loans already."""
    if asked.status is not HardshipStatus.ASKED:
        raise Refused("COLLECTION_STATE_REFUSED", "The application is decided.")
    case, until = state.case, ""
    if granted:
        last = state.today + timedelta(days=_PAUSE_DAYS_MAX)
        if pause_until is None or not state.today < pause_until <= last:
            raise Refused("INVALID_PARAMETER", "pause_until_day: a day within a year from now.")
        until = pause_until.isoformat()
        quiet_ms = max(case.quiet_until_ms, collect_ms(pause_until, 0))
        case = replace(case, quiet_until_ms=quiet_ms)
    decided = replace(
        asked, status=HardshipStatus.GRANTED if granted else HardshipStatus.DECLINED,
        pause_until_day=until, waived=waived, decided_ms=state.now_ms, decided_by=state.caller,
    )  # fmt: skip
    kind = EntryKind.HARDSHIP_GRANTED if granted else EntryKind.HARDSHIP_DECLINED
    line = _line(state, kind, amount=waived, contents=until)
    return looked_at(state._replace(case=case), line, rows=(decided,))


def stop(state: CaseState, reason: str, note: str) -> Decision:
    """No contact any more, of any case of the borrower's."""
    _require_going(state)
    case = replace(state.case, status=CollectionStatus.STOPPED)
    line = _line(state, EntryKind.STOPPED, result=reason, contents=note[:_TEXT_MAX])
    return looked_at(state._replace(case=case), line)


def resume(state: CaseState, note: str) -> Decision:
    """The case goes on."""
    _require_going(state, CollectionStatus.STOPPED)
    if not note.strip():
        raise Refused("INVALID_PARAMETER", "note: say how it was settled.")
    case = replace(state.case, status=CollectionStatus.OPEN)
    line = _line(state, EntryKind.RESUMED, contents=note[:_TEXT_MAX])
    return looked_at(state._replace(case=case), line)
