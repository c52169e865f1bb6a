"""The commands of collections, and what they answer."""

from __future__ import annotations

from typing import Literal

from tallystick.credit.collections.terms import ContactRules, Offered, StrategyTerms
from tallystick.pipeline.commands import Command, Reply

__all__ = [
    "AskHardship", "CaseDone", "CheckPromise", "ContactBorrower", "ContactMade", "DecideHardship",
    "MakeOffer", "MakePromise", "OverdueReviewed", "RecordCall", "RecordDelivery", "ResumeCase",
    "ReviewOverdue", "SaveStrategy", "SaveText", "Saved", "SetContactRules", "StartSplit",
    "StopCase", "TakeOffer",
]  # fmt: skip


class SetContactRules(Command, frozen=True, kw_only=True, tag="collections.set_rules"):
    """Say when borrowers may be contacted."""

    terms: ContactRules


class SaveText(Command, frozen=True, kw_only=True, tag="collections.save_text"):
    """Write a new version of a text, in both languages."""

    text_id: str
    english: str
    chinese: str


class SaveStrategy(Command, frozen=True, kw_only=True, tag="collections.save_strategy"):
    """Write a new version of a strategy; its texts must be there."""

    strategy_id: str
    name: str
    terms: StrategyTerms


class StartSplit(Command, frozen=True, kw_only=True, tag="collections.start_split"):
    """Use a champion, and for a part of the borrowers a challenger, from now on.

    Args:
        challenger_id: empty for none.
        challenger_permille: of the borrowers, by lot.
        cured_within_days: how long a case has to be cured, to count as such.
    """

    champion_id: str
    challenger_id: str = ""
    challenger_permille: int = 0
    cured_within_days: int = 30


class ReviewOverdue(Command, frozen=True, kw_only=True, tag="collections.review"):
    """Look at all loans of which something is overdue, then at all cases that are not over.

    Asked for by a timer, each morning; it sends itself on with the last one done.
    """

    of: Literal["loans", "cases"] = "loans"
    after: str = ""
    size: int = 500


class ContactBorrower(Command, frozen=True, kw_only=True, tag="collections.contact"):
    """The time of a case's next contact has come: record it before it is sent, or plan anew."""

    case_id: str
    due_ms: int


class RecordDelivery(Command, frozen=True, kw_only=True, tag="collections.record_delivery"):
    """What the provider said of a message; `recipient` is masked."""

    case_id: str
    entry_no: int
    recipient: str
    result: str


class RecordCall(Command, frozen=True, kw_only=True, tag="collections.record_call"):
    """An operator calls a borrower now; refused where no contact is allowed."""

    case_id: str
    result: Literal["reached", "not_reached", "refused", "wrong_number"]
    note: str = ""


class MakePromise(Command, frozen=True, kw_only=True, tag="collections.promise"):
    """Promise to pay so much by the end of a day; until then nobody asks."""

    case_id: str
    amount: int
    due_day: str


class CheckPromise(Command, frozen=True, kw_only=True, tag="collections.check_promise"):
    """The day of a promise is over: what was paid decides it (asked for by a timer)."""

    promise_id: str


class MakeOffer(Command, frozen=True, kw_only=True, tag="collections.offer"):
    """Offer a borrower something for one loan."""

    case_id: str
    loan_id: str
    terms: Offered


class TakeOffer(Command, frozen=True, kw_only=True, tag="collections.take_offer"):
    """Take an offer: penalties are forgiven and the rest is paid, or the loan gets new dates."""

    offer_id: str


class AskHardship(Command, frozen=True, kw_only=True, tag="collections.ask_hardship"):
    """Ask for a pause."""

    case_id: str
    reason: str


class DecideHardship(Command, frozen=True, kw_only=True, tag="collections.decide_hardship"):
    """Grant or decline it.

    Args:
        pause_until_day: nobody asks before.
        waives: whether penalties and late fees that are due are forgiven.
    """

    hardship_id: str
    granted: bool
    pause_until_day: str = ""
    waives: bool = False


class StopCase(Command, frozen=True, kw_only=True, tag="collections.stop"):
    """Stop all contacts with a borrower."""

    case_id: str
    reason: Literal["dispute", "complaint", "representative", "deceased"]
    note: str = ""


class ResumeCase(Command, frozen=True, kw_only=True, tag="collections.resume"):
    """What stopped the case is settled."""

    case_id: str
    note: str


class Saved(Reply, frozen=True, kw_only=True):
    """What was written, and its version."""

    name: str
    version: int


class OverdueReviewed(Reply, frozen=True, kw_only=True):
    """How many cases were looked at, and with which loan or case it goes on; empty: with none."""

    cases: int
    after: str


class CaseDone(Reply, frozen=True, kw_only=True):
    """A case after a command; amounts in minor units."""

    case_id: str
    status: str
    overdue: int
    days_past_due: int
    next_ms: int
    next_step: str
    made_id: str = ""
    """The number of the promise, offer or application that was made."""


class ContactMade(Reply, frozen=True, kw_only=True):
    """A contact that is recorded and is to be sent now; no entry when there is none."""

    case_id: str
    borrower_id: str
    entry_no: int
    channel: str
    contents: str
