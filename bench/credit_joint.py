"""Joint lending: a day of a million loans that fifty institutions fund, shared and in files.

The loans are laid into a database as they stand before a day; measured are the sharing of what
accrues (columns of 20,000 loans a transaction, postings durable), then the files of the day (CSV
and Parquet, signed) with one loan in 28 paid and one in 100 drawn.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from bench.report import Figure, say
from tallystick.credit.joint.files.layout import Manifest
from tallystick.credit.joint.files.make import Day, make_day
from tallystick.credit.joint.files.snapshot import FLOW_COLUMNS
from tallystick.credit.joint.model import Institution, InstitutionKind
from tallystick.credit.loans.model import LOANS, Contract, Loan, LoanStatus, ProductTerms
from tallystick.credit.participation.bulk import Accruals, share_accruals
from tallystick.credit.participation.columns import apportion_rows
from tallystick.credit.participation.model import Participant, Plan, plan_row
from tallystick.credit.participation.service import record_shared
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.ledger.chart import (
    INSTITUTION_SETTLEMENT,
    PARTICIPATION_INCOME,
    PARTICIPATION_PRINCIPAL,
    SHARE_CASH,
    SHARE_PRINCIPAL,
    SHARE_RECEIVABLE,
    ChartEntry,
    account_id,
    book_id,
    open_account,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Account
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.commands import SYSTEM, Context
from tallystick.proofs.keys import SigningKey
from tallystick.store.engine import connect, migrate
from tallystick.store.ledger_rows import SqlLedgerReader, account_row, write_accounts
from tallystick.store.unit_of_work import UnitOfWork
from tallystick.transparency.notes import NoteSigner

__all__ = ["joint_figures"]

_INSTITUTIONS: Final = 50
_AT_ONCE: Final = 20_000
_DAY: Final = date(2027, 3, 1)
_NOW_MS: Final = 1_803_830_400_000
_PAID_EVERY: Final = 28
_DRAWN_EVERY: Final = 100
I64 = npt.NDArray[np.int64]


class Spent(NamedTuple):
    """Seconds by the clock, and of a processor."""

    wall: float
    cpu: float


def _timed(work: Callable[[], object]) -> Spent:
    begun, worked = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - begun, time.process_time() - worked)


def _institutions() -> list[Institution]:
    return [
        Institution(f"20880000000{8000 + n:05d}", 2001 + n, InstitutionKind.FUNDER, f"Bank {n}",
                    "1", 1)
        for n in range(_INSTITUTIONS)
    ]  # fmt: skip


def _participant(who: Institution, share: int) -> Participant:
    account = str(who.entity * 1000 + 1)
    return Participant(
        institution_id=who.institution_id, programme_id=f"p{who.entity}", account=account,
        class_account=f"{account}000000", entity=who.entity, share_ppm=share, keeps_ppm=700_000,
    )  # fmt: skip


def _plans(banks: Sequence[Institution]) -> list[Plan]:
    """Two to five banks a loan, and the platform with the rest."""
    draw = np.random.default_rng(7)
    plans = []
    for at in range(200):
        count = 2 + at % 4
        chosen = draw.choice(len(banks), count, replace=False)
        shares = [900_000 // count - 1000 * n for n in range(count)]
        own = Participant(programme_id="own", share_ppm=1_000_000 - sum(shares))
        parts = [_participant(banks[b], s) for b, s in zip(chosen, shares, strict=True)]
        plans.append(Plan((*parts, own)))
    return plans


class Loans:
    """A database of jointly funded loans as they stand before the day."""

    def __init__(self, folder: Path, count: int) -> None:
        self.count, self.folder, self.book = count, folder, platform_book("CNY")
        self.banks = _institutions()
        self.plans = _plans(self.banks)
        self.ids = [f"2027020100000000{n:012d}" for n in range(count)]
        self.which = np.arange(count, dtype=np.int64) % len(self.plans)
        numbers = np.arange(count, dtype=np.int64)
        self.principal = 1_200_000 + numbers
        self.interest = 5_000 + numbers % 997
        self.accrued = 360 + numbers % 7
        width = max(len(p.participants) for p in self.plans)
        table = np.zeros((len(self.plans), width), np.int64)
        for at, plan in enumerate(self.plans):
            table[at, : len(plan.participants)] = plan.shares
        self.weights = table[self.which]
        self.paid = np.flatnonzero(numbers % _PAID_EVERY == 0)
        self.drawn = np.flatnonzero(numbers % _DRAWN_EVERY == 50)
        self.writer = connect(folder / "joint.db")
        migrate(self.writer)
        self._lay()

    def _lay(self) -> None:
        writer = self.writer
        writer.execute("BEGIN")
        rows = [plan_row(plan) for plan in self.plans]
        writer.executemany("INSERT INTO funding_plan VALUES (?, ?) ON CONFLICT DO NOTHING",
                           [(r.plan_id, r.plan) for r in rows])  # fmt: skip
        self.plan_ids = [r.plan_id for r in rows]
        writer.executemany(
            "INSERT INTO joint_loan VALUES (?, ?, '1', 'CNY', 1, 0, '[]', 0)",
            [(i, self.plan_ids[w]) for i, w in zip(self.ids, self.which.tolist(), strict=True)],
        )
        for bucket, totals in ((Bucket.PRINCIPAL, self.principal), (Bucket.INTEREST,
                                                                   self.interest)):  # fmt: skip
            self._accounts(RECEIVABLES[bucket], totals)
        self._loan_rows()
        writer.execute("COMMIT")
        writer.execute("BEGIN")
        self._shares()
        writer.execute("COMMIT")

    def _accounts(self, entry: ChartEntry, totals: I64) -> None:
        for first in range(0, self.count, _AT_ONCE):
            part = self.ids[first : first + _AT_ONCE]
            opened = [open_account(self.book, entry, loan_id) for loan_id in part]
            rows = [
                msgspec.structs.replace(a, debits_posted=t, timestamp=1 + first)
                for a, t in zip(opened, totals[first : first + _AT_ONCE].tolist(), strict=True)
            ]
            write_accounts(self.writer, rows)

    def _loan_rows(self) -> None:
        terms = ProductTerms(annual_rate=Decimal("0.1095"), counts=(12,))
        rows = []
        for n in self.drawn.tolist():
            contract = Contract(
                principal=int(self.principal[n]), start=_DAY, count=12, product=terms
            )
            text = msgspec.json.encode(contract).decode()
            rows.append(
                LOANS.values(Loan(self.ids[n], "cash", "1", "CNY", LoanStatus.ACTIVE, text, "",
                                  _DAY.isoformat(), 0, 1, 0))
            )  # fmt: skip
        self.writer.executemany(LOANS.upsert_sql, rows)

    def _shares(self) -> None:
        """The day's flows, and the institutions' accounts that go with everything."""
        principal = apportion_rows(self.principal, self.weights)
        sums: dict[int, list[int]] = {}
        flows = []
        interest = apportion_rows(self.interest, self.weights)
        for n in range(self.count):
            plan = self.plans[int(self.which[n])]
            for place, p in enumerate(plan.participants):
                if p.is_outside:
                    held = sums.setdefault(p.entity, [0, 0, 0])
                    held[0] += int(principal[n, place])
                    held[1] += int(interest[n, place])
        for kind, some in (("drawn", self.drawn), ("paid", self.paid)):
            for n in some.tolist():
                for place, p in enumerate(self.plans[int(self.which[n])].participants):
                    if not p.is_outside:
                        continue
                    part = int(principal[n, place]) if kind == "drawn" else 0
                    net = -part
                    sums[p.entity][2] += net
                    flows.append(
                        (self.ids[n], 10 * (kind == "paid") + place, p.institution_id,
                         p.programme_id, kind, _DAY.isoformat(), part, 0, 0, 0, 0, 0,
                         int(kind == "paid"), net, 2)
                    )  # fmt: skip
        columns = ", ".join(FLOW_COLUMNS)
        self.writer.executemany(
            f"INSERT INTO share_flow ({columns}, currency) "
            f"VALUES ({', '.join('?' * len(FLOW_COLUMNS))}, 'CNY')",
            flows,
        )
        for who in self.banks:
            self._books(who, *sums.get(who.entity, [0, 0, 0]))

    def _books(self, who: Institution, principal: int, income: int, net: int) -> None:
        number, own = str(who.entity * 1000 + 1), book_id(who.entity, "CNY")
        rows: list[Account] = []
        for book, entry, owner, debits, credits in (
            (self.book, PARTICIPATION_PRINCIPAL, number, 0, principal),
            (self.book, PARTICIPATION_INCOME, number, 0, income),
            (self.book, INSTITUTION_SETTLEMENT, who.institution_id, -net, 0),
            (own, SHARE_PRINCIPAL, f"{number}000000", principal, 0),
            (own, SHARE_RECEIVABLE, number, income, 0),
            (own, SHARE_CASH, who.institution_id, 0, -net),
        ):
            opened = open_account(book, entry, owner)
            rows.append(
                msgspec.structs.replace(
                    opened, debits_posted=debits, credits_posted=credits, timestamp=1
                )
            )
        write_accounts(self.writer, rows)
        assert account_row(rows[0])

    def share_day(self) -> None:
        """Share what accrued on the day, some loans a transaction."""
        last = SqlLedgerReader(self.writer).last_timestamp()
        for first in range(0, self.count, _AT_ONCE):
            some = slice(first, min(first + _AT_ONCE, self.count))
            self.writer.execute("BEGIN IMMEDIATE")
            uow = UnitOfWork(self.writer, _NOW_MS, last)
            context = Context(uow, SYSTEM, secrets.token_bytes(16), _NOW_MS)
            accruals = Accruals(
                [self.plan_ids[w] for w in self.which[some].tolist()], "CNY", Bucket.INTEREST,
                self.accrued[some], self.interest[some] + self.accrued[some],
            )  # fmt: skip
            record_shared(context, share_accruals(context, accruals))
            uow.flush()
            self.writer.execute("COMMIT")
            last = uow.books.last_timestamp

    def accrue(self) -> None:
        """What the loans' own end of day does to their accounts; not measured here."""
        self.writer.execute("BEGIN")
        rows = [
            (a, id_bytes(account_id(self.book, RECEIVABLES[Bucket.INTEREST], i)))
            for i, a in zip(self.ids, self.accrued.tolist(), strict=True)
        ]
        self.writer.executemany(
            "UPDATE ledger_account SET debits_posted = debits_posted + ? WHERE id = ?", rows
        )
        self.writer.execute("COMMIT")

    def make_files(self, key: SigningKey) -> list[Manifest]:
        """The day's files of all institutions."""
        reader = connect(self.folder / "joint.db", readonly=True)
        cut = SqlLedgerReader(reader).last_timestamp()
        day = Day(_DAY.isoformat(), "CNY", self.banks, {}, cut)
        made = [m.manifest for m in make_day(reader, self.folder / "files", day, key)]
        reader.close()
        return made

    def close(self) -> None:
        """Let go of the database."""
        self.writer.close()


def joint_figures(count: int) -> dict[str, Figure]:
    """A day of so many loans."""
    seed = secrets.token_bytes(32)
    key = SigningKey("bench", NoteSigner("tallystick/bench", seed))
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        say(f"joint: laying {count:,} loans")
        loans = Loans(Path(folder), count)
        say("joint: sharing a day")
        shared = _timed(loans.share_day)
        loans.accrue()
        say("joint: files")
        made: list[Manifest] = []
        written = _timed(lambda: made.extend(loans.make_files(key)))
        rows = sum(f.rows for m in made for f in m.files if f.name.endswith(".csv"))
        loans.close()
    name = f"credit.joint.{count}"
    for part, spent, meaning in (
        ("share", shared, "what accrued on a day, shared among 50 institutions, durable"),
        ("files", written, f"the day's files of 50 institutions, {rows:,} rows, CSV and Parquet"),
    ):
        figures[f"{name}.{part}_s"] = Figure(spent.wall, "s", meaning)
        figures[f"{name}.{part}_cpu_s"] = Figure(spent.cpu, "s", "the same in processor time")
    return figures
