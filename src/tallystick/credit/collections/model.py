"""Collections: rules, texts, strategies, splits, and cases with all that happened in them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.store.table import Row, Table

__all__ = [
    "CONTACTS", "RULES_ID", "CaseEntry", "CaseOffer", "CasePromise", "CollectionStatus",
    "CollectionCase", "CollectionRules", "CollectionSplit", "CollectionStrategy", "CollectionText",
    "EntryKind", "Hardship", "HardshipStatus", "OfferStatus", "PromiseStatus",
]  # fmt: skip

RULES_ID: Final = "rules"


class CollectionStatus(StrEnum):
    """Where a case stands. A stopped one is contacted no more until somebody looked into it."""

    OPEN = "open"
    STOPPED = "stopped"
    CURED = "cured"
    CLOSED = "closed"
    """The loan was written off or sold; what is still owed is not asked for here."""


class EntryKind(StrEnum):
    """What may stand in the record of a case."""

    OPENED = "opened"
    CONTACT = "contact"
    CALL = "call"
    DELIVERY = "delivery"
    PROMISE = "promise"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"
    OFFER = "offer"
    OFFER_TAKEN = "offer_taken"
    HARDSHIP = "hardship"
    HARDSHIP_GRANTED = "hardship_granted"
    HARDSHIP_DECLINED = "hardship_declined"
    STOPPED = "stopped"
    RESUMED = "resumed"
    CURED = "cured"
    CLOSED = "closed"


CONTACTS: Final = (EntryKind.CONTACT, EntryKind.CALL)
"""What counts as a contact, whatever came of it."""


class CollectionRules(Row, frozen=True):
    """The contact rules; `terms` is JSON of `ContactRules`."""

    rules_id: str
    terms: str
    changed_by: str
    changed_ms: int


class CollectionText(Row, frozen=True):
    """One version of a text, which never changes. `{due}`, `{days}` and `{until}` are filled."""

    text_id: str
    version: int
    english: str
    chinese: str
    changed_by: str
    changed_ms: int


class CollectionStrategy(Row, frozen=True):
    """One version of a strategy; `terms` is JSON of `StrategyTerms`. A version never changes."""

    strategy_id: str
    version: int
    name: str
    terms: str
    changed_by: str
    changed_ms: int


class CollectionSplit(Row, frozen=True):
    """Which strategies are used, and for how many of a thousand borrowers the challenger.

    `ended_ms` is 0 for the one that is in force. Nobody changes the arm while it is.
    """

    split_id: str
    champion_id: str
    challenger_id: str
    challenger_permille: int
    cured_within_days: int
    started_ms: int
    ended_ms: int


class CollectionCase(Row, frozen=True):
    """A borrower who is overdue in a currency; amounts in minor units.

    Args:
        overdue, days_past_due, bucket: as they were when the case was last looked at.
        next_ms, next_step, next_channel: the next contact; 0 and empty for none.
        quiet_until_ms: nothing is said before (a promise, or hardship).
        collected: what was paid since it was opened.
        opened_day: the day from which the loans are looked at.
    """

    case_id: str
    borrower_id: str
    currency: str
    status: CollectionStatus
    split_id: str
    arm: str
    strategy_id: str
    bucket: int
    overdue: int
    days_past_due: int
    next_ms: int
    next_step: str
    next_channel: str
    quiet_until_ms: int
    entries: int
    contacts: int
    cost: int
    collected: int
    opened_day: str
    opened_ms: int
    looked_ms: int
    ended_ms: int


class CaseEntry(Row, frozen=True):
    """A line of the record: what, when, to whom, which version of which text, and what came of it.

    Lines are only added. `answers` is the entry that a delivery is about; `recipient` is masked;
    `contents` is the text as it was sent, or what was said.
    """

    case_id: str
    entry_no: int
    borrower_id: str
    kind: EntryKind
    at_ms: int
    step: str
    channel: str
    recipient: str
    text_id: str
    text_version: int
    language: str
    result: str
    amount: int
    cost: int
    answers: int
    contents: str
    caller: str


class PromiseStatus(StrEnum):
    """What became of a promise; repayments decide it."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class CasePromise(Row, frozen=True):
    """A borrower's promise to pay by a day. `paid` is what was paid of it in time."""

    promise_id: str
    case_id: str
    borrower_id: str
    currency: str
    amount: int
    due_day: str
    status: PromiseStatus
    paid: int
    made_ms: int
    decided_ms: int


class OfferStatus(StrEnum):
    """Whether an offer was taken."""

    OPEN = "open"
    TAKEN = "taken"


class CaseOffer(Row, frozen=True):
    """An offer to a borrower; `terms` is JSON of `Offered`."""

    offer_id: str
    case_id: str
    borrower_id: str
    loan_id: str
    terms: str
    status: OfferStatus
    until_ms: int
    made_ms: int


class HardshipStatus(StrEnum):
    """What became of an application."""

    ASKED = "asked"
    GRANTED = "granted"
    DECLINED = "declined"


class Hardship(Row, frozen=True):
    """A borrower's application for a pause and for forgiven penalties."""

    hardship_id: str
    case_id: str
    borrower_id: str
    reason: str
    status: HardshipStatus
    pause_until_day: str
    waived: int
    asked_ms: int
    decided_ms: int
    decided_by: str


Table("collection_rules", CollectionRules, ("rules_id",))
Table("collection_text", CollectionText, ("text_id", "version"))
Table("collection_strategy", CollectionStrategy, ("strategy_id", "version"))
Table("collection_split", CollectionSplit, ("split_id",))
Table("collection_case", CollectionCase, ("case_id",))
Table("collection_entry", CaseEntry, ("case_id", "entry_no"))
Table("collection_promise", CasePromise, ("promise_id",))
Table("collection_offer", CaseOffer, ("offer_id",))
Table("collection_hardship", Hardship, ("hardship_id",))
