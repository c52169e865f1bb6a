"""Joint lending: institutions, programmes, funding decisions; terms, rows, commands and replies."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tallystick.credit.participation.model import BuyBackBy, LossSharing
from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "ENTITY_MIN", "FUNDING_VALID_MS", "BuyBackShares", "CancelFunding", "Concentration",
    "DecideFunding", "DefineProgramme", "DrawFunded", "ExpireFunding", "FundingClass",
    "FundingDecided", "FundingDecision", "FundingStatus", "Institution", "InstitutionDone",
    "InstitutionKind", "PartnerDay", "PartnerDayDone", "Programme", "ProgrammeDay",
    "ProgrammeDone", "ProgrammeTerms", "Reason", "RecordPartnerDay", "RegisterInstitution",
    "ShareOffered", "SharesBought",
]  # fmt: skip

ENTITY_MIN: Final = 2001
"""Institutions' legal entities, and with them their books, are numbered from here."""

FUNDING_VALID_MS: Final = 24 * 3_600_000
"""How long quota is reserved unless a decision says otherwise."""


class InstitutionKind(StrEnum):
    """What an institution does."""

    FUNDER = "funder"
    GUARANTOR = "guarantor"


class Institution(Row, frozen=True):
    """A bank or guarantor, a party with a settlement account and a book of its own.

    `bank_id` is where it is settled with.
    """

    institution_id: str
    entity: int
    kind: InstitutionKind
    name: str
    bank_id: str
    created_ms: int


class Concentration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of a programme may go to loans of one kind.

    Args:
        fact: of the application: loans with the same value are of one kind.
        share: of the programme's `total_max`, as a fraction of 1.
    """

    fact: str
    share: Decimal


class ProgrammeTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an institution funds; amounts in minor units, 0 for no limit; fractions of 1.

    Args:
        products: which it funds; empty for all of its currency.
        share: of each loan that it takes part in; None: as much as it may, by preference.
        preference: lower ones are asked first; of equal ones the cheaper.
        share_min, share_max: of a loan, where `share` is None.
        loan_min, loan_max: its part of one loan.
        borrower_max: what one borrower may owe it; `day_max`: what it may fund in a day;
            `total_max`: what all may owe it, reservations included.
        eligible: a condition on the application in CEL; empty for all.
        keeps: of the income of its share; the rest is the guarantor's and the platform's.
        price: the yearly rate that it must earn at least.
        guarantor_id, guarantee: who guarantees, and its fee out of the income.
        losses, cap: who bears losses first, and up to how much in all.
        buy_back_days: days past due at which its share is bought back; 0 for never.
        buy_back_by: who buys it, the platform or the guarantor.
    """

    currency: str = "CNY"
    products: tuple[str, ...] = ()
    share: Decimal | None = None
    preference: int = 100
    share_min: Decimal = Decimal(0)
    share_max: Decimal = Decimal(1)
    loan_min: int = 0
    loan_max: int = 0
    borrower_max: int = 0
    day_max: int = 0
    total_max: int = 0
    concentration: Concentration | None = None
    eligible: str = ""
    keeps: Decimal = Decimal(1)
    price: Decimal = Decimal(0)
    guarantor_id: str = ""
    guarantee: Decimal = Decimal(0)
    losses: LossSharing = LossSharing.PARI_PASSU
    cap: int = 0
    buy_back_days: int = 0
    buy_back_by: BuyBackBy = BuyBackBy.PLATFORM


class Programme(Row, frozen=True):
    """A funding programme; `institution_id` is empty for the platform's own money.

    `number` owns its accounts; `terms` is JSON of `ProgrammeTerms`.
    """

    programme_id: str
    institution_id: str
    number: int
    terms: str
    is_open: bool
    changed_ms: int


class FundingClass(Row, frozen=True):
    """A kind of loan that a programme counts by itself."""

    programme_id: str
    value: str
    class_no: int


class ProgrammeDay(Row, frozen=True):
    """What of a programme's daily ceiling is reserved or taken, in minor units."""

    programme_id: str
    day: str
    used: int


class FundingStatus(StrEnum):
    """What has become of a funding decision."""

    RESERVED = "reserved"
    DECLINED = "declined"
    DRAWN = "drawn"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class FundingDecision(Row, frozen=True):
    """An application and what was decided; `facts` and `reasons` are JSON.

    `day` is the day in China on whose ceilings it counts; `rule` is what left no plan.
    """

    decision_id: str
    borrower_id: str
    product_id: str
    currency: str
    amount: int
    count: int
    annual_rate: str
    facts: str
    status: FundingStatus
    plan_id: str
    rule: str
    reasons: str
    loan_id: str
    day: str
    decided_ms: int
    expires_ms: int


class PartnerDay(Row, frozen=True):
    """A day's files of an institution in a currency.

    Args:
        cut_ns: the moment of the ledger at which the day ends.
        manifest: the signed note.
        settlement: minor units that are settled with the bank for it: more than 0 goes to the
            institution; `order_id` is the bank order, empty for none.
    """

    institution_id: str
    currency: str
    day: str
    cut_ns: int
    manifest: str
    settlement: int
    order_id: str
    made_ms: int


INSTITUTIONS = Table("institution", Institution, ("institution_id",))
PROGRAMMES = Table("funding_programme", Programme, ("programme_id",))
CLASSES = Table("funding_class", FundingClass, ("programme_id", "value"))
DAYS = Table("programme_day", ProgrammeDay, ("programme_id", "day"))
DECISIONS = Table("funding_decision", FundingDecision, ("decision_id",))

PARTNER_DAYS = Table("partner_day", PartnerDay, ("institution_id", "currency", "day"))

FactValue = int | str | bool


class Reason(msgspec.Struct, frozen=True, array_like=True):
    """Why a programme does not fund a loan: the rule, and with which figures."""

    programme_id: str
    rule: str
    detail: str


class ShareOffered(msgspec.Struct, frozen=True):
    """Who funds how much of a loan: millionths and minor units."""

    programme_id: str
    institution_id: str
    share_ppm: int
    amount: int


class RegisterInstitution(Command, frozen=True, kw_only=True, tag="joint.register_institution"):
    """Make a party of the kind institution a funder or guarantor, with a book of its own."""

    institution_id: str
    kind: InstitutionKind
    name: str
    bank_id: str


class DefineProgramme(Command, frozen=True, kw_only=True, tag="joint.define_programme"):
    """Define a programme, or change it for loans that are decided from now on."""

    programme_id: str
    institution_id: str = ""
    terms: ProgrammeTerms
    is_open: bool = True


class DecideFunding(Command, frozen=True, kw_only=True, tag="joint.decide"):
    """Find who funds a loan, and reserve their quota until it is drawn or the time is over.

    Args:
        amount: minor units.
        facts: what is known of the application, for conditions and concentrations.
    """

    borrower_id: str
    product_id: str
    amount: int
    count: int
    facts: dict[str, FactValue] = {}  # noqa: RUF012 - never changed
    valid_ms: int = FUNDING_VALID_MS


class DrawFunded(Command, frozen=True, kw_only=True, tag="joint.draw"):
    """Draw the loan that was decided; its quota is taken."""

    decision_id: str


class CancelFunding(Command, frozen=True, kw_only=True, tag="joint.cancel"):
    """Give the quota of a decision back: the loan is not wanted, or was refused."""

    decision_id: str


class ExpireFunding(Command, frozen=True, kw_only=True, tag="joint.expire"):
    """Give the quota back of a decision whose time is over (asked for by a timer)."""

    decision_id: str


class BuyBackShares(Command, frozen=True, kw_only=True, tag="joint.buy_back"):
    """Buy shares of a loan back whose day has come, else look again when it may (by a timer)."""

    loan_id: str


class RecordPartnerDay(Command, frozen=True, kw_only=True, tag="joint.record_day"):
    """Keep the manifest of a day's files that were made, and settle with the institution."""

    institution_id: str
    currency: str
    day: str
    cut_ns: int
    closing: int
    manifest: str


class SharesBought(Reply, frozen=True, kw_only=True):
    """How many shares were bought back, and for how much in minor units."""

    loan_id: str
    shares: int
    amount: int


class PartnerDayDone(Reply, frozen=True, kw_only=True):
    """The day, and what is settled for it: more than 0 goes to the institution."""

    institution_id: str
    day: str
    settlement: int
    order_id: str


class InstitutionDone(Reply, frozen=True, kw_only=True):
    """The institution as it is now."""

    institution_id: str
    entity: int


class ProgrammeDone(Reply, frozen=True, kw_only=True):
    """The programme as it is now."""

    programme_id: str
    number: int
    is_open: bool


class FundingDecided(Reply, frozen=True, kw_only=True):
    """The decision as it is now; declined, with the rule that left no plan and the reasons."""

    decision_id: str
    status: FundingStatus
    currency: str
    shares: tuple[ShareOffered, ...]
    rule: str
    reasons: tuple[Reason, ...]
    expires_ms: int
