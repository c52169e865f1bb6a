"""Reading a person's past out of the books: the wallet's entries by month, and the loans."""

from __future__ import annotations

from typing import Final

from tallystick.credit.inquiries.model import IncomeStated
from tallystick.credit.loans.model import Loan, LoanEvent
from tallystick.credit.scoring.facts import MONTH_MS, MONTHS, LoanPast, Past
from tallystick.ledger.chart import (
    LOAN_ADVANCE,
    LOAN_CLEARING,
    LOAN_FEE,
    LOAN_INTEREST,
    LOAN_PENALTY,
    LOAN_PRINCIPAL,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import TransferFlags
from tallystick.parties.model import Party, PartyKind
from tallystick.payments.accounts import wallet
from tallystick.store.connection import Connection
from tallystick.store.rows import Rows

__all__ = ["read_past"]

_LOANS: Final = (
    LOAN_PRINCIPAL.code, LOAN_INTEREST.code, LOAN_FEE.code, LOAN_PENALTY.code, LOAN_ADVANCE.code,
    LOAN_CLEARING.code,
)  # fmt: skip
_NS_PER_MS: Final = 1_000_000
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)

_ENTRIES: Final = """
SELECT (? - t.timestamp) / ? AS month, SUM(t.amount) FROM ledger_transfer t
JOIN ledger_account other ON other.id = t.{other}_account_id
WHERE t.{side}_account_id = ? AND t.timestamp > ? AND t.timestamp <= ?
AND (t.flags & ?) = 0 AND other.code NOT IN (?, ?, ?, ?, ?, ?) GROUP BY 1
"""
_RECEIVED: Final = _ENTRIES.format(side="credit", other="debit")
_SPENT: Final = _ENTRIES.format(side="debit", other="credit")


def read_past(
    rows: Rows, connection: Connection, party: Party, currency: str, at_ms: int
) -> Past:  # fmt: skip
    """What the books hold of a person up to a moment, in one currency."""
    loans = tuple(
        LoanPast(loan, tuple(rows.select(LoanEvent, loan_id=loan.loan_id)))
        for loan in rows.select(Loan, borrower_id=party.party_id)
        if loan.currency == currency and loan.drawn_ms <= at_ms
    )
    income = rows.get(IncomeStated, party.party_id, currency)
    known = income is not None and income.stated_ms <= at_ms
    return Past(
        party.created_ms,
        _by_month(connection, _RECEIVED, party, currency, at_ms),
        _by_month(connection, _SPENT, party, currency, at_ms),
        loans,
        income.monthly if income is not None and known else None,
    )


def _by_month(
    connection: Connection, statement: str, party: Party, currency: str, at_ms: int
) -> tuple[int, ...]:
    if party.kind is PartyKind.INSTITUTION:
        return (0,) * MONTHS
    purse = id_bytes(wallet(party, currency).id)
    # Entries of the moment itself count: the ledger numbers them within its millisecond.
    end_ns = (at_ms + 1) * _NS_PER_MS - 1
    span_ns = MONTH_MS * _NS_PER_MS
    asked = (end_ns, span_ns, purse, end_ns - MONTHS * span_ns, end_ns, _MOVES_NOTHING, *_LOANS)
    found = dict(connection.execute(statement, asked).fetchall())
    return tuple(int(found.get(month, 0)) for month in range(MONTHS))
