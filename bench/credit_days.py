"""Loans whose days are closed through the pipeline, laid into a database in bulk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from tallystick.credit.loans import service as loans
from tallystick.credit.loans.life import live
from tallystick.credit.loans.model import (
    LOAN_PLANS,
    LOAN_STANDINGS,
    LOAN_TERMS,
    LOANS,
    CloseCreditDay,
    CollectDue,
    Contract,
    CreditDayClosed,
    DueCollected,
    Loan,
    LoanPlan,
    LoanStanding,
    LoanStatus,
    ProductTerms,
)
from tallystick.credit.loans.standing import plan_of, standing_of, terms_row
from tallystick.credit.loans.state import first_try
from tallystick.credit.loans.timing import collect_ms
from tallystick.ledger.books import Books
from tallystick.ledger.chart import (
    CUSTOMER_WALLET,
    LOAN_INTEREST,
    LOAN_PRINCIPAL,
    open_account,
)
from tallystick.ledger.model import Transfer
from tallystick.parties import service as parties
from tallystick.parties.model import PARTIES, Party, PartyKind, PartyStatus
from tallystick.payments.accounts import platform_book
from tallystick.payments.movements import Movement
from tallystick.pipeline.commands import SYSTEM, Registry, Request
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.executor import Executor
from tallystick.store.engine import connect, migrate
from tallystick.store.ledger_rows import SqlLedgerReader, write_changes

__all__ = ["PRODUCT", "START", "Days", "Spent", "timed"]

I64 = npt.NDArray[np.int64]

START: Final = date(2027, 3, 1)
PRODUCT: Final = ProductTerms(annual_rate=Decimal("0.1095"), counts=(12,))
_BORROWER: Final = "2088000000000901"
_AT_ONCE: Final = 8_000
_PRINCIPAL: Final = 1_200_000


class Spent(NamedTuple):
    """Seconds by the clock, and of a processor."""

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Spent:
    """Do something, and say what was spent."""
    begun, worked = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - begun, time.process_time() - worked)


class Days:
    """A platform of loans whose day is closed as the timer does it.

    Args:
        count: how many loans, drawn on the 28 days before the start in equal parts.
        stand: whether they have their standings; without them the fold closes each.
    """

    def __init__(self, folder: Path, count: int, *, stand: bool) -> None:
        self.now_ms = collect_ms(START, 1)
        self._book = platform_book("CNY")
        writer = self.writer = connect(folder / "credit.db")
        migrate(writer)
        self.count, self._stand = count, stand
        self._fill(writer, count)
        registry = Registry()
        for product in (parties, loans):
            product.register(registry)
        self.executor = Executor(writer, registry, clock_ms=lambda: self.now_ms)
        self.executor.start()

    def _fill(self, writer: sqlite3.Connection, count: int) -> None:
        party = Party(
            _BORROWER, PartyKind.PERSON, PartyStatus.ACTIVE, b"1", b"", b"", "$", 0, 0, "$", 0, 0, 1
        )
        writer.execute(PARTIES.upsert_sql, PARTIES.values(party))
        purse = open_account(self._book, CUSTOMER_WALLET, _BORROWER)
        for first in range(0, count, _AT_ONCE):
            writer.execute("BEGIN")
            numbers = range(first, min(first + _AT_ONCE, count))
            books = Books(SqlLedgerReader(writer), last_timestamp=_last(writer))
            now_ns = self.now_ms * 1_000_000
            ids = [self.loan_id(n) for n in numbers]
            accounts = [
                open_account(self._book, entry, loan_id)
                for loan_id in ids
                for entry in (LOAN_PRINCIPAL, LOAN_INTEREST)
            ]
            books.create_accounts([purse, *accounts] if not first else accounts, now_ns)
            books.create_transfers(
                [
                    Transfer(
                        id=int(loan_id), debit_account_id=AccountRef(
                            LOAN_PRINCIPAL, loan_id, self._book).id,
                        credit_account_id=purse.id, amount=_PRINCIPAL + number % 1000,
                        user_data_128=int(loan_id),
                        book=self._book, code=Movement.LOAN_DRAWDOWN,
                    )
                    for number, loan_id in zip(numbers, ids, strict=True)
                ],
                now_ns,
            )  # fmt: skip
            write_changes(writer, books.drain())
            self._write_rows(writer, numbers, ids, (self._book, purse.id))
            writer.execute("COMMIT")

    def loan_id(self, number: int) -> str:
        """The number of a loan, by its place."""
        return f"2027030100000000{number:012d}"

    def principal(self, numbers: I64) -> I64:
        """What was drawn of each, in minor units."""
        return _PRINCIPAL + numbers % 1000

    def _write_rows(
        self, writer: sqlite3.Connection, numbers: range, ids: list[str], wallet: tuple[int, int]
    ) -> None:
        loans, standings, plans = [], [], []
        for number, loan_id in zip(numbers, ids, strict=True):
            row = _rows(number % 1000, number % 28, wallet)
            loans.append(LOANS.values(replace(row.loan, loan_id=loan_id)))
            if self._stand:
                standings.append(LOAN_STANDINGS.values(replace(row.standing, loan_id=loan_id)))
                plans.append(LOAN_PLANS.values(replace(row.plan, loan_id=loan_id)))
        writer.executemany(LOANS.upsert_sql, loans)
        writer.executemany(LOAN_STANDINGS.upsert_sql, standings)
        writer.executemany(LOAN_PLANS.upsert_sql, plans)
        writer.execute(LOAN_TERMS.upsert_sql, LOAN_TERMS.values(terms_row(PRODUCT)))

    def close(self, day: date) -> Spent:
        """Close a day for all loans."""
        self.now_ms = collect_ms(day + timedelta(days=1), 1)
        return timed(lambda: self._close(day))

    def _close(self, day: date) -> None:
        done, after = 0, ""
        while True:
            command = CloseCreditDay(day=day.isoformat(), after_loan_id=after)
            answer = self.executor.submit_and_wait(Request.once(SYSTEM, command))
            assert isinstance(answer.reply, CreditDayClosed), answer
            done, after = done + answer.reply.loans, answer.reply.after_loan_id
            if not after:
                assert done == self.count, done
                return

    def collect(self, day: date) -> Spent:
        """Try all automatic payments of a day."""
        self.now_ms = collect_ms(day, 12)
        return timed(self._collect)

    def _collect(self) -> None:
        while True:
            command = CollectDue()
            answer = self.executor.submit_and_wait(Request.once(SYSTEM, command))
            assert isinstance(answer.reply, DueCollected), answer
            if answer.reply.loans < command.size:
                return


class _LoanRows(NamedTuple):
    loan: Loan
    standing: LoanStanding
    plan: LoanPlan


@cache
def _rows(cents: int, days_ago: int, wallet: tuple[int, int]) -> _LoanRows:
    """A loan that has just been drawn; many of these have the same terms."""
    start = START - timedelta(days=days_ago)
    contract = Contract(principal=_PRINCIPAL + cents, start=start, count=12, product=PRODUCT)
    loan = Loan(
        "", "cash", _BORROWER, "CNY", LoanStatus.ACTIVE, msgspec.json.encode(contract).decode(),
        "", start.isoformat(), 0, 1, 0,
    )  # fmt: skip
    position = live(contract, (), start)
    standing = standing_of(
        loan, contract, position, wallet, first_try(position), 0, provided=False
    )  # fmt: skip
    return _LoanRows(loan, standing, plan_of(loan, position))


def _last(writer: sqlite3.Connection) -> int:
    row = writer.execute("SELECT MAX(timestamp) FROM ledger_transfer").fetchone()
    return int(row[0] or 0)
