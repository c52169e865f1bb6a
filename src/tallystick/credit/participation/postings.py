"""Every event of an institution's share as postings, in the platform's book and its own.

`docs/joint-lending.md` shows this table; nothing else moves money between institutions, platform
and guarantors.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from tallystick.credit.participation.model import Participant
from tallystick.credit.postings import INCOME, Bucket
from tallystick.ledger.chart import (
    COMPENSATION_INCOME,
    CREDIT_FEE_INCOME,
    FIRST_LOSS_COST,
    FIRST_LOSS_PROVISION,
    GUARANTEE_CLAIMS,
    GUARANTEE_IMPAIRMENT,
    GUARANTEE_INCOME,
    GUARANTEE_PROVISION,
    IMPAIRMENT_LOSS,
    INSTITUTION_SETTLEMENT,
    PARTICIPATION_ALLOWANCE,
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    RECOVERY_INCOME,
    SERVICING_FEE_INCOME,
    SHARE_ALLOWANCE,
    SHARE_BANK,
    SHARE_CASH,
    SHARE_COVER,
    SHARE_GUARANTEE_FEE,
    SHARE_IMPAIRMENT,
    SHARE_INCOME,
    SHARE_LOSS,
    SHARE_PRINCIPAL,
    SHARE_RECEIVABLE,
    SHARE_SERVICING_FEE,
    ChartEntry,
    book_id,
)
from tallystick.payments.accounts import platform_book
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef, Posting

__all__ = ["TABLE", "Holder", "ShareBooks", "ShareRule", "settlement_posting",
           "sharing_lines"]  # fmt: skip


class Holder(StrEnum):
    """A side that depends on the participant."""

    OWED = "settlement with the institution"
    GUARANTOR = "settlement with the guarantor"
    INCOME = "income"


class ShareRule(NamedTuple):
    """One event in one book: `book` is `platform`, `institution` or `guarantor`."""

    book: str
    debit: ChartEntry | Holder
    credit: ChartEntry | Holder
    movement: Movement


_P, _I, _G = "platform", "institution", "guarantor"

TABLE: Final[dict[str, tuple[ShareRule, ...]]] = {
    "reserved": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_PRINCIPAL, Movement.SHARE_RESERVATION),
        ShareRule(_I, SHARE_PRINCIPAL, SHARE_CASH, Movement.SHARE_RESERVATION),
    ),
    "drawn": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_PRINCIPAL, Movement.SHARE_DRAWDOWN),
        ShareRule(_I, SHARE_PRINCIPAL, SHARE_CASH, Movement.SHARE_DRAWDOWN),
    ),
    "accrued": (
        ShareRule(_P, Holder.INCOME, PARTICIPATION_INCOME, Movement.SHARE_ACCRUAL),
        ShareRule(_I, SHARE_RECEIVABLE, SHARE_INCOME, Movement.SHARE_ACCRUAL),
    ),
    "principal_paid": (
        ShareRule(_P, PARTICIPATION_PRINCIPAL, Holder.OWED, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_CASH, SHARE_PRINCIPAL, Movement.SHARE_PAYMENT),
    ),
    "income_paid": (
        ShareRule(_P, PARTICIPATION_INCOME, Holder.OWED, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_CASH, SHARE_RECEIVABLE, Movement.SHARE_PAYMENT),
    ),
    "servicing_paid": (
        ShareRule(_P, PARTICIPATION_INCOME, SERVICING_FEE_INCOME, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_SERVICING_FEE, SHARE_RECEIVABLE, Movement.SHARE_PAYMENT),
    ),
    "guarantee_paid": (
        ShareRule(_P, PARTICIPATION_INCOME, Holder.GUARANTOR, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_GUARANTEE_FEE, SHARE_RECEIVABLE, Movement.SHARE_PAYMENT),
        ShareRule(_G, SHARE_CASH, GUARANTEE_INCOME, Movement.SHARE_PAYMENT),
    ),
    "principal_reversed": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_PRINCIPAL, Movement.SHARE_REVERSAL),
        ShareRule(_I, SHARE_PRINCIPAL, SHARE_CASH, Movement.SHARE_REVERSAL),
    ),
    "income_reversed": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_INCOME, Movement.SHARE_REVERSAL),
        ShareRule(_I, SHARE_RECEIVABLE, SHARE_CASH, Movement.SHARE_REVERSAL),
    ),
    "servicing_reversed": (
        ShareRule(_P, SERVICING_FEE_INCOME, PARTICIPATION_INCOME, Movement.SHARE_REVERSAL),
        ShareRule(_I, SHARE_RECEIVABLE, SHARE_SERVICING_FEE, Movement.SHARE_REVERSAL),
    ),
    "guarantee_reversed": (
        ShareRule(_P, Holder.GUARANTOR, PARTICIPATION_INCOME, Movement.SHARE_REVERSAL),
        ShareRule(_I, SHARE_RECEIVABLE, SHARE_GUARANTEE_FEE, Movement.SHARE_REVERSAL),
        ShareRule(_G, GUARANTEE_INCOME, SHARE_CASH, Movement.SHARE_REVERSAL),
    ),
    "fee_paid": (
        ShareRule(_P, CREDIT_FEE_INCOME, Holder.OWED, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_CASH, SHARE_INCOME, Movement.SHARE_PAYMENT),
    ),
    "fee_servicing": (
        ShareRule(_P, CREDIT_FEE_INCOME, SERVICING_FEE_INCOME, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_SERVICING_FEE, SHARE_INCOME, Movement.SHARE_PAYMENT),
    ),
    "fee_guarantee": (
        ShareRule(_P, CREDIT_FEE_INCOME, Holder.GUARANTOR, Movement.SHARE_PAYMENT),
        ShareRule(_I, SHARE_GUARANTEE_FEE, SHARE_INCOME, Movement.SHARE_PAYMENT),
        ShareRule(_G, SHARE_CASH, GUARANTEE_INCOME, Movement.SHARE_PAYMENT),
    ),
    "waived": (
        ShareRule(_P, PARTICIPATION_INCOME, Holder.INCOME, Movement.SHARE_WAIVER),
        ShareRule(_I, SHARE_INCOME, SHARE_RECEIVABLE, Movement.SHARE_WAIVER),
    ),
    "principal_lost": (
        ShareRule(_P, PARTICIPATION_PRINCIPAL, IMPAIRMENT_LOSS, Movement.SHARE_LOSS),
        ShareRule(_I, SHARE_LOSS, SHARE_PRINCIPAL, Movement.SHARE_LOSS),
    ),
    "income_lost": (
        ShareRule(_P, PARTICIPATION_INCOME, IMPAIRMENT_LOSS, Movement.SHARE_LOSS),
        ShareRule(_I, SHARE_LOSS, SHARE_RECEIVABLE, Movement.SHARE_LOSS),
    ),
    "compensated_by_platform": (
        ShareRule(_P, FIRST_LOSS_COST, Holder.OWED, Movement.SHARE_COMPENSATION),
        ShareRule(_I, SHARE_CASH, COMPENSATION_INCOME, Movement.SHARE_COMPENSATION),
    ),
    "compensated_by_guarantor": (
        ShareRule(_P, Holder.GUARANTOR, Holder.OWED, Movement.SHARE_COMPENSATION),
        ShareRule(_I, SHARE_CASH, COMPENSATION_INCOME, Movement.SHARE_COMPENSATION),
        ShareRule(_G, GUARANTEE_CLAIMS, SHARE_CASH, Movement.SHARE_COMPENSATION),
    ),
    "recovered": (
        ShareRule(_P, RECOVERY_INCOME, Holder.OWED, Movement.SHARE_RECOVERY),
        ShareRule(_I, SHARE_CASH, SHARE_LOSS, Movement.SHARE_RECOVERY),
    ),
    "recovered_by_platform": (
        ShareRule(_P, RECOVERY_INCOME, FIRST_LOSS_COST, Movement.SHARE_RECOVERY),
    ),
    "recovered_by_guarantor": (
        ShareRule(_P, RECOVERY_INCOME, Holder.GUARANTOR, Movement.SHARE_RECOVERY),
        ShareRule(_G, SHARE_CASH, GUARANTEE_CLAIMS, Movement.SHARE_RECOVERY),
    ),
    "principal_bought_back": (
        ShareRule(_P, PARTICIPATION_PRINCIPAL, Holder.OWED, Movement.SHARE_BUY_BACK),
        ShareRule(_I, SHARE_CASH, SHARE_PRINCIPAL, Movement.SHARE_BUY_BACK),
    ),
    "income_bought_back": (
        ShareRule(_P, PARTICIPATION_INCOME, Holder.OWED, Movement.SHARE_BUY_BACK),
        ShareRule(_I, SHARE_CASH, SHARE_RECEIVABLE, Movement.SHARE_BUY_BACK),
    ),
    "principal_taken_over": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_PRINCIPAL, Movement.SHARE_BUY_BACK),
        ShareRule(_I, SHARE_PRINCIPAL, SHARE_CASH, Movement.SHARE_BUY_BACK),
    ),
    "income_taken_over": (
        ShareRule(_P, Holder.OWED, PARTICIPATION_INCOME, Movement.SHARE_BUY_BACK),
        ShareRule(_I, SHARE_RECEIVABLE, SHARE_CASH, Movement.SHARE_BUY_BACK),
    ),
    "provided": (
        ShareRule(_P, PARTICIPATION_ALLOWANCE, IMPAIRMENT_LOSS, Movement.SHARE_PROVISION),
        ShareRule(_I, SHARE_IMPAIRMENT, SHARE_ALLOWANCE, Movement.SHARE_PROVISION),
    ),
    "provision_released": (
        ShareRule(_P, IMPAIRMENT_LOSS, PARTICIPATION_ALLOWANCE, Movement.SHARE_PROVISION),
        ShareRule(_I, SHARE_ALLOWANCE, SHARE_IMPAIRMENT, Movement.SHARE_PROVISION),
    ),
    "cover_by_platform": (
        ShareRule(_P, FIRST_LOSS_COST, FIRST_LOSS_PROVISION, Movement.SHARE_PROVISION),
        ShareRule(_I, SHARE_COVER, SHARE_IMPAIRMENT, Movement.SHARE_PROVISION),
    ),
    "cover_by_platform_released": (
        ShareRule(_P, FIRST_LOSS_PROVISION, FIRST_LOSS_COST, Movement.SHARE_PROVISION),
        ShareRule(_I, SHARE_IMPAIRMENT, SHARE_COVER, Movement.SHARE_PROVISION),
    ),
    "cover_by_guarantor": (
        ShareRule(_I, SHARE_COVER, SHARE_IMPAIRMENT, Movement.SHARE_PROVISION),
        ShareRule(_G, GUARANTEE_IMPAIRMENT, GUARANTEE_PROVISION, Movement.SHARE_PROVISION),
    ),
    "cover_by_guarantor_released": (
        ShareRule(_I, SHARE_IMPAIRMENT, SHARE_COVER, Movement.SHARE_PROVISION),
        ShareRule(_G, GUARANTEE_PROVISION, GUARANTEE_IMPAIRMENT, Movement.SHARE_PROVISION),
    ),
    "settled_out": (ShareRule(_I, SHARE_BANK, SHARE_CASH, Movement.WITHDRAW),),
    "settled_in": (ShareRule(_I, SHARE_CASH, SHARE_BANK, Movement.TOP_UP),),
}
"""Events by name, each in every book that it touches."""


class ShareBooks(NamedTuple):
    """The accounts of one participant in a currency, and how its events are posted.

    Args:
        reference: what the transfers belong to: the loan's number, or 0 for many loans.
    """

    participant: Participant
    currency: str
    reference: int

    def _owner(self, entry: ChartEntry, book: str) -> str:
        p = self.participant
        if entry is SHARE_PRINCIPAL:
            return p.class_account
        if entry.owner == "programme":
            return p.account
        if entry.owner == "institution":
            return p.guarantor_id if book == _G else p.institution_id
        return "0"

    def _book(self, book: str) -> int:
        p = self.participant
        if book == _P:
            return platform_book(self.currency)
        return book_id(p.entity if book == _I else p.guarantor_entity, self.currency)

    def account(
        self, side: ChartEntry | Holder, book: str = _P, bucket: Bucket | None = None
    ) -> AccountRef:
        """A side of a rule as an account."""
        number = self._book(book)
        if side is Holder.INCOME:
            assert bucket is not None
            return AccountRef(INCOME[bucket], "0", number)
        if side is Holder.OWED:
            return AccountRef(INSTITUTION_SETTLEMENT, self.participant.institution_id, number)
        if side is Holder.GUARANTOR:
            return AccountRef(INSTITUTION_SETTLEMENT, self.participant.guarantor_id, number)
        assert isinstance(side, ChartEntry)
        return AccountRef(side, self._owner(side, book), number)

    def postings(self, event: str, amount: int, bucket: Bucket | None = None) -> list[Posting]:
        """An event of the table as postings of an amount in minor units."""
        if not amount:
            return []
        sides = _sides(self.participant, self.currency, event, bucket)
        return [
            Posting(debit, credit, amount, movement, self.reference)
            for debit, credit, movement in sides
        ]


@lru_cache(maxsize=8192)
def _sides(
    participant: Participant, currency: str, event: str, bucket: Bucket | None
) -> tuple[tuple[AccountRef, AccountRef, Movement], ...]:
    """The accounts of an event in each book; many loans have the same."""
    books = ShareBooks(participant, currency, 0)
    return tuple(
        (
            books.account(rule.debit, rule.book, bucket),
            books.account(rule.credit, rule.book, bucket),
            rule.movement,
        )
        for rule in TABLE[event]
    )


def settlement_posting(
    event: str, institution_id: str, book: int, amount: int, reference: int
) -> Posting:
    """A day's net settlement in an institution's own book, in minor units: in or out."""
    (rule,) = TABLE[event]
    assert isinstance(rule.debit, ChartEntry), event
    assert isinstance(rule.credit, ChartEntry), event
    debit, credit = (AccountRef(side, institution_id, book) for side in (rule.debit, rule.credit))
    return Posting(debit, credit, amount, rule.movement, reference)


def sharing_lines() -> list[str]:
    """The table as `docs/joint-lending.md` shows it."""

    def shown(side: ChartEntry | Holder) -> str:
        return f"`{side.code}` {side.name}" if isinstance(side, ChartEntry) else side.value

    return [
        f"| {name} | {rule.book} | {shown(rule.debit)} | {shown(rule.credit)} "
        f"| `{int(rule.movement)}` |"
        for name, rules in TABLE.items()
        for rule in rules
    ]
