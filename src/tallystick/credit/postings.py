"""Every event of a loan as postings: the one table of which accounts it moves money between.

`docs/credit.md` shows this table; nothing in this room posts but through it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from tallystick.ledger.chart import (
    ASSIGNED_PROCEEDS,
    CREDIT_FEE_INCOME,
    FINANCED_RECEIVABLE,
    IMPAIRMENT_LOSS,
    INTEREST_INCOME,
    LOAN_ADVANCE,
    LOAN_ALLOWANCE,
    LOAN_CLEARING,
    LOAN_FEE,
    LOAN_INTEREST,
    LOAN_PENALTY,
    LOAN_PRINCIPAL,
    PENALTY_INCOME,
    RECOVERY_INCOME,
    SALE_GAIN,
    SALE_LOSS,
    SALES_SHARE,
    ChartEntry,
)
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef, Posting

__all__ = ["INCOME", "RECEIVABLES", "TABLE", "Bucket", "LoanBooks", "Rule", "Side", "posting_lines",
           "sides_of"]  # fmt: skip


class Bucket(StrEnum):
    """What a borrower can owe."""

    PENALTY = "penalty"
    FEE = "fee"
    INTEREST = "interest"
    PRINCIPAL = "principal"


RECEIVABLES: Final[dict[Bucket, ChartEntry]] = {
    Bucket.PRINCIPAL: LOAN_PRINCIPAL,
    Bucket.INTEREST: LOAN_INTEREST,
    Bucket.FEE: LOAN_FEE,
    Bucket.PENALTY: LOAN_PENALTY,
}
INCOME: Final[dict[Bucket, ChartEntry]] = {
    Bucket.INTEREST: INTEREST_INCOME,
    Bucket.FEE: CREDIT_FEE_INCOME,
    Bucket.PENALTY: PENALTY_INCOME,
}


class Side(StrEnum):
    """What a rule's side stands for when a bucket or an account outside of the loan decides."""

    RECEIVABLE = "loan receivable"
    INCOME = "income"
    SOURCE = "wallet or bank"
    PAYEE = "wallet or escrow"


class Rule(NamedTuple):
    """One event: which side is debited, which credited, and why the money moves."""

    debit: ChartEntry | Side
    credit: ChartEntry | Side
    movement: Movement
    meaning: str


TABLE: Final[dict[str, Rule]] = {
    "drawdown": Rule(
        LOAN_PRINCIPAL, Side.PAYEE, Movement.LOAN_DRAWDOWN,
        "The borrower draws, or a purchase is paid.",
    ),
    "upfront_fee": Rule(
        Side.SOURCE, CREDIT_FEE_INCOME, Movement.LOAN_FEE, "A fee that is paid at once.",
    ),
    "accrual": Rule(
        Side.RECEIVABLE, Side.INCOME, Movement.LOAN_ACCRUAL,
        "Interest each day; fees as they fall due; late fees and penalties.",
    ),
    "payment": Rule(
        Side.SOURCE, Side.RECEIVABLE, Movement.LOAN_PAYMENT, "A payment, part by part.",
    ),
    "advance": Rule(
        Side.SOURCE, LOAN_ADVANCE, Movement.LOAN_PAYMENT,
        "The part of a payment that waits for the next due date.",
    ),
    "advance_used": Rule(
        LOAN_ADVANCE, Side.RECEIVABLE, Movement.LOAN_PAYMENT, "What waited is used.",
    ),
    "returned": Rule(
        Side.SOURCE, Side.PAYEE, Movement.LOAN_PAYMENT,
        "What came by a bank and was too much goes to the wallet.",
    ),
    "waiver": Rule(Side.INCOME, Side.RECEIVABLE, Movement.LOAN_WAIVER, "Forgiven."),
    "reversal": Rule(
        Side.RECEIVABLE, Side.SOURCE, Movement.LOAN_REVERSAL, "A payment is taken back.",
    ),
    "advance_reversal": Rule(
        LOAN_ADVANCE, Side.SOURCE, Movement.LOAN_REVERSAL,
        "A payment is taken back that still waited.",
    ),
    "reallocated_from": Rule(
        Side.RECEIVABLE, LOAN_CLEARING, Movement.LOAN_REALLOCATION,
        "What a later payment no longer pays after an earlier one is taken back.",
    ),
    "reallocated_to": Rule(
        LOAN_CLEARING, Side.RECEIVABLE, Movement.LOAN_REALLOCATION, "What it pays in its place.",
    ),
    "advance_reallocated_from": Rule(
        LOAN_ADVANCE, LOAN_CLEARING, Movement.LOAN_REALLOCATION, "It no longer waits.",
    ),
    "advance_reallocated_to": Rule(
        LOAN_CLEARING, LOAN_ADVANCE, Movement.LOAN_REALLOCATION, "It waits in its place.",
    ),
    "provision": Rule(
        IMPAIRMENT_LOSS, LOAN_ALLOWANCE, Movement.LOAN_PROVISION, "More loss is expected.",
    ),
    "provision_release": Rule(
        LOAN_ALLOWANCE, IMPAIRMENT_LOSS, Movement.LOAN_PROVISION, "Less loss is expected.",
    ),
    "charge_off": Rule(
        LOAN_ALLOWANCE, Side.RECEIVABLE, Movement.LOAN_CHARGE_OFF, "Written off.",
    ),
    "recovery": Rule(
        Side.SOURCE, RECOVERY_INCOME, Movement.LOAN_RECOVERY, "Paid after it was written off.",
    ),
    "capitalised": Rule(
        LOAN_PRINCIPAL, Side.RECEIVABLE, Movement.LOAN_CAPITALISED,
        "Rescheduled or re-aged: what is owed besides principal is made principal.",
    ),
    "sale": Rule(
        LOAN_CLEARING, Side.RECEIVABLE, Movement.LOAN_SALE,
        "Sold: what is owed leaves the books.",
    ),
    "sale_price": Rule(
        Side.SOURCE, LOAN_CLEARING, Movement.LOAN_SALE, "The new owner pays the price.",
    ),
    "sale_loss": Rule(
        SALE_LOSS, LOAN_CLEARING, Movement.LOAN_SALE, "Sold for less than what was owed.",
    ),
    "sale_gain": Rule(
        LOAN_CLEARING, SALE_GAIN, Movement.LOAN_SALE, "Sold for more than what was owed.",
    ),
    "sales_share": Rule(
        Side.SOURCE, SALES_SHARE, Movement.SALES_SHARE,
        "A merchant's settlement: its share pays the loan at the end of the day.",
    ),
    "receivable_advance": Rule(
        FINANCED_RECEIVABLE, Side.PAYEE, Movement.RECEIVABLE_ADVANCE,
        "A receivable is assigned: the seller gets the advance.",
    ),
    "receivable_proceeds": Rule(
        Side.SOURCE, ASSIGNED_PROCEEDS, Movement.RECEIVABLE_PROCEEDS,
        "The debtor pays an assigned receivable, or the escrow of the assigned trade does.",
    ),
    "receivable_collected": Rule(
        Side.SOURCE, FINANCED_RECEIVABLE, Movement.RECEIVABLE_COLLECTED,
        "Out of the proceeds, or by the seller (recourse, dilution): the advance.",
    ),
    "receivable_fee": Rule(
        Side.SOURCE, CREDIT_FEE_INCOME, Movement.RECEIVABLE_COLLECTED,
        "The discount fee, before the advance.",
    ),
    "receivable_rest": Rule(
        Side.SOURCE, Side.PAYEE, Movement.RECEIVABLE_REST,
        "What is left of the proceeds goes to the seller.",
    ),
    "receivable_loss": Rule(
        IMPAIRMENT_LOSS, FINANCED_RECEIVABLE, Movement.RECEIVABLE_LOSS,
        "Neither the debtor nor, with recourse, the seller has paid.",
    ),
    "receivable_recovery": Rule(
        Side.SOURCE, RECOVERY_INCOME, Movement.RECEIVABLE_COLLECTED,
        "What still comes after the loss.",
    ),
}  # fmt: skip
"""Events by name, in the order of a loan's life; then those of merchants' credit."""

_OF_LOAN: Final = frozenset({"loan", "receivable"})


class LoanBooks(NamedTuple):
    """The accounts of one loan, and how its events are posted.

    Args:
        loan_id: digits; the owner of the loan's accounts and the reference of its transfers.
    """

    loan_id: str
    book: int

    def account(self, entry: ChartEntry) -> AccountRef:
        """The loan's own account of an entry, or the platform's."""
        return AccountRef(entry, self.loan_id if entry.owner in _OF_LOAN else "0", self.book)

    def _side(
        self,
        side: ChartEntry | Side,
        bucket: Bucket | None,
        source: AccountRef | None,
        payee: AccountRef | None,
    ) -> AccountRef:
        if isinstance(side, ChartEntry):
            return self.account(side)
        outside = {Side.SOURCE: source, Side.PAYEE: payee}.get(side)
        if outside is not None:
            return outside
        assert bucket is not None, side
        return self.account((RECEIVABLES if side is Side.RECEIVABLE else INCOME)[bucket])

    def posting(
        self,
        event: str,
        amount: int,
        *,
        bucket: Bucket | None = None,
        source: AccountRef | None = None,
        payee: AccountRef | None = None,
        refused_as: str = "LEDGER_REFUSED",
    ) -> Posting:
        """An event of the table as a posting of an amount in minor units.

        Args:
            bucket: what is owed, where the table says receivable or income.
            source, payee: the account outside of the loan that money comes from or goes to.
        """
        rule = TABLE[event]
        return Posting(
            self._side(rule.debit, bucket, source, payee),
            self._side(rule.credit, bucket, source, payee),
            amount,
            rule.movement,
            int(self.loan_id),
            refused_as,
        )


def sides_of(event: str, bucket: Bucket | None) -> tuple[ChartEntry | Side, ChartEntry | Side]:
    """The entries that an event debits and credits; a side outside of the loan by its name."""
    of_bucket: dict[ChartEntry | Side, ChartEntry] = {}
    if bucket is not None:
        of_bucket[Side.RECEIVABLE] = RECEIVABLES[bucket]
        if bucket in INCOME:
            of_bucket[Side.INCOME] = INCOME[bucket]
    rule = TABLE[event]
    return of_bucket.get(rule.debit, rule.debit), of_bucket.get(rule.credit, rule.credit)


def posting_lines() -> list[str]:
    """The table as `docs/credit.md` shows it."""

    def shown(side: ChartEntry | Side) -> str:
        return f"`{side.code}` {side.name}" if isinstance(side, ChartEntry) else side.value

    return [
        f"| {name} | {shown(rule.debit)} | {shown(rule.credit)} | `{int(rule.movement)}` "
        f"| {rule.meaning} |"
        for name, rule in TABLE.items()
    ]
