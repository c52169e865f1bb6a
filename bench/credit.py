"""Credit: schedules a second, and the end of a day for many loans through the pipeline.

Parts: `schedules`, `days` (10 k and 100 k loans), `joint` (100 k loans that fifty institutions
fund), `million` (a million loans, with 100 k beside them) and `joint-million`; these only when
asked.
"""

from __future__ import annotations

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyxirr

from bench.credit_joint import joint_figures
from bench.report import Figure, Options, Report, say
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.life import Position, live
from tallystick.credit.loans.model import (
    LOAN_PLANS,
    LOAN_STANDINGS,
    LOAN_TERMS,
    LOANS,
    CloseCreditDay,
    Contract,
    CreditDayClosed,
    Loan,
    LoanStatus,
    ProductTerms,
    terms_of,
)
from tallystick.credit.loans.standing import plan_of, standing_of, terms_row
from tallystick.credit.loans.state import first_try
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.schedules.all_in_rate import all_in_rate, cash_flows
from tallystick.credit.schedules.walk import schedule_of
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

__all__ = ["START", "Days", "run"]

START = date(2027, 3, 1)
_BORROWER = "2088000000000901"
_AT_ONCE = 8_000
_PRINCIPAL = 1_200_000
_MILLION = [100_000, 1_000_000]
_SECONDS_MAX = 120
_MB_MAX = 3 * 1024
_PRODUCT = ProductTerms(annual_rate=Decimal("0.1095"), counts=(12,))


class Spent(NamedTuple):
    """Seconds by the clock, and of a processor."""

    wall: float
    cpu: float


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
            ids = [f"2027030100000000{n:012d}" for n in numbers]
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

    def _write_rows(
        self, writer: sqlite3.Connection, numbers: range, ids: list[str], wallet: tuple[int, int]
    ) -> None:
        loans, standings, plans = [], [], []
        for number, loan_id in zip(numbers, ids, strict=True):
            start = START - timedelta(days=number % 28)
            contract = Contract(
                principal=_PRINCIPAL + number % 1000, start=start, count=12, product=_PRODUCT
            )
            loan = Loan(
                loan_id, "cash", _BORROWER, "CNY", LoanStatus.ACTIVE,
                msgspec.json.encode(contract).decode(), "", start.isoformat(), 0, 1, 0,
            )  # fmt: skip
            loans.append(LOANS.values(loan))
            if self._stand:
                position = _position(contract)
                standing = standing_of(
                    loan, contract, position, wallet, first_try(position), 0, provided=False
                )
                standings.append(LOAN_STANDINGS.values(standing))
                plans.append(LOAN_PLANS.values(plan_of(loan, position)))
        writer.executemany(LOANS.upsert_sql, loans)
        writer.executemany(LOAN_STANDINGS.upsert_sql, standings)
        writer.executemany(LOAN_PLANS.upsert_sql, plans)
        writer.execute(LOAN_TERMS.upsert_sql, LOAN_TERMS.values(terms_row(_PRODUCT)))

    def close(self, day: date) -> Spent:
        """Close a day for all loans."""
        self.now_ms = collect_ms(day + timedelta(days=1), 1)
        begun, worked, done, after = time.perf_counter(), time.process_time(), 0, ""
        while True:
            command = CloseCreditDay(day=day.isoformat(), after_loan_id=after)
            answer = self.executor.submit_and_wait(Request.once(SYSTEM, command))
            assert isinstance(answer.reply, CreditDayClosed), answer
            done, after = done + answer.reply.loans, answer.reply.after_loan_id
            if not after:
                assert done == self.count, done
                return Spent(time.perf_counter() - begun, time.process_time() - worked)


@cache
def _position(contract: Contract) -> Position:
    """A loan that has just been drawn; many of these have the same terms."""
    return live(contract, (), contract.start)


def _last(writer: sqlite3.Connection) -> int:
    row = writer.execute("SELECT MAX(timestamp) FROM ledger_transfer").fetchone()
    return int(row[0] or 0)


def _schedules(quick: bool) -> dict[str, Figure]:
    seconds = 0.2 if quick else 2.0
    figures = {}
    for count in (12, 360):
        contract = Contract(principal=10_000_000, start=START, count=count, product=_PRODUCT)
        terms = terms_of(contract)
        flows = cash_flows(schedule_of(terms))
        days, amounts = [f.day for f in flows], [float(f.amount) for f in flows]
        made = _per_s(partial(schedule_of.__wrapped__, terms), seconds)
        rated = _per_s(partial(all_in_rate, flows), seconds)
        beside = _per_s(partial(pyxirr.xirr, days, amounts), seconds)
        name = f"credit.{count}"
        figures[f"{name}.schedules_per_s"] = Figure(made, "/s", f"exact, {count} payments")
        figures[f"{name}.rates_per_s"] = Figure(
            rated, "/s", f"34 digits; {rated / beside:.3f} of pyxirr's floats"
        )
    return figures


def _per_s(act: Callable[[], object], seconds: float) -> float:
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        act()
        done += 1
    return done / (time.perf_counter() - begun)


def _days(count: int, *, stand: bool = True) -> Spent:
    """What is spent for a day of so many loans, the second one; without standings the first one."""
    say(f"{count:,} loans: filling")
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        days = Days(Path(folder), count, stand=stand)
        try:
            for day in (START, START + timedelta(days=1))[: 2 if stand else 1]:
                spent = days.close(day)
                say(f"{count:,} loans: {day} took {spent.wall:.1f} s, {spent.cpu:.1f} s of work")
        finally:
            days.executor.stop()
    return spent


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _million(figures: dict[str, Figure], each: dict[int, float]) -> dict[str, Figure]:
    """What is said of a million loans, beside what may be spent."""
    few, many = _MILLION
    seconds, memory = (figures[f"credit.days.{many}.{name}"].value for name in ("s", "rss_mb"))
    return {
        "credit.million_s": Figure(seconds, "s", f"{seconds / _SECONDS_MAX:.2f} of two minutes"),
        "credit.million_rss_mb": Figure(memory, "MB", f"{memory / _MB_MAX:.2f} of 3 GB"),
        "credit.million_flatness": Figure(
            each[many] / each[few], "",
            f"{each[many] * 1e6:.1f} us of work a loan against {each[few] * 1e6:.1f} of {few:,}",
        ),
    }  # fmt: skip


def run(options: Options) -> Report:
    """Measure what was asked for."""
    only = options.only or frozenset({"schedules", "days", "joint"})
    figures: dict[str, Figure] = {}
    if "schedules" in only:
        figures |= _schedules(options.quick)
    sizes = [2_000] if options.quick else [10_000, 100_000]
    each: dict[int, float] = {}
    if "days" in only:
        by_fold = _days(sizes[0], stand=False)
        figures["credit.fold_us"] = Figure(
            by_fold.cpu / sizes[0] * 1e6, "us", "work for a loan that is closed by the fold"
        )
    counts = (sizes if "days" in only else []) + (_MILLION if "million" in only else [])
    for count in dict.fromkeys(counts):
        spent = _days(count)
        each[count] = spent.cpu / count
        name = f"credit.days.{count}"
        figures[f"{name}.s"] = Figure(spent.wall, "s", "a day, postings durable; 1 in 28 due")
        figures[f"{name}.cpu_s"] = Figure(spent.cpu, "s", "the same in processor time")
        figures[f"{name}.rss_mb"] = Figure(_rss_mb(), "MB", "most memory so far")
    if len(each) > 1:
        most, fewest = max(each), min(each)
        figures["credit.days.flat_ratio"] = Figure(
            each[most] / each[fewest], "", f"work for a loan of {most:,} against one of {fewest:,}"
        )
    if "million" in only:
        figures |= _million(figures, each)
    if "joint" in only:
        figures |= joint_figures(2_000 if options.quick else 100_000)
    if "joint-million" in only:
        figures |= joint_figures(_MILLION[-1])
    return figures
