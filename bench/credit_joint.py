"""Joint lending: a day of a million loans that fifty institutions fund, shared and in files.

The loans and their institutions' books are laid in bulk. Measured is a whole day through the
pipeline with durable postings: automatic payments (one loan in 28 is due), interest, what falls
due, and all of it shared; then the day's files (CSV and Parquet, signed), one loan in 100 drawn.
"""

from __future__ import annotations

import resource
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from bench.credit_days import START, Days, Spent, timed
from bench.report import Figure, say
from tallystick.credit.joint.files.layout import Manifest
from tallystick.credit.joint.files.make import Day, make_day
from tallystick.credit.joint.files.snapshot import FLOW_COLUMNS
from tallystick.credit.joint.model import Institution, InstitutionKind
from tallystick.credit.loans.days import writing
from tallystick.credit.participation.bulk import share_events
from tallystick.credit.participation.columns import apportion_rows
from tallystick.credit.participation.model import Participant, Plan, plan_row
from tallystick.credit.participation.postings import ShareBooks
from tallystick.credit.participation.service import record_shared
from tallystick.pipeline.commands import SYSTEM, Context
from tallystick.proofs.keys import SigningKey
from tallystick.store.engine import connect
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork
from tallystick.transparency.notes import NoteSigner

__all__ = ["joint_figures"]

_INSTITUTIONS: Final = 50
_AT_ONCE: Final = 50_000
_DRAWN_EVERY: Final = 100
_SECONDS_MAX: Final = 120
I64 = npt.NDArray[np.int64]


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


class JointDays(Days):
    """Loans that institutions fund, with their books as they stand before the first day."""

    def _fill(self, writer: sqlite3.Connection, count: int) -> None:
        super()._fill(writer, count)
        self.banks, self.plans = _institutions(), _plans(_institutions())
        width = max(len(p.participants) for p in self.plans)
        self._shares = np.zeros((len(self.plans), width), np.int64)
        for at, plan in enumerate(self.plans):
            self._shares[at, : len(plan.participants)] = plan.shares
        writer.execute("BEGIN")
        rows = [plan_row(plan) for plan in self.plans]
        writer.executemany("INSERT INTO funding_plan VALUES (?, ?) ON CONFLICT DO NOTHING",
                           [(r.plan_id, r.plan) for r in rows])  # fmt: skip
        plan_ids = [r.plan_id for r in rows]
        held: dict[Participant, int] = {}
        for first in range(0, count, _AT_ONCE):
            numbers = np.arange(first, min(first + _AT_ONCE, count))
            self._lay(writer, numbers, plan_ids, held)
        writer.execute("COMMIT")
        self._draw(writer, held)

    def _lay(
        self, writer: sqlite3.Connection, numbers: I64, plan_ids: list[str],
        held: dict[Participant, int],
    ) -> None:  # fmt: skip
        """Some loans with their plans, what each institution holds of them, and drawdowns."""
        which = numbers % len(self.plans)
        ids = [self.loan_id(n) for n in numbers.tolist()]
        writer.executemany(
            "INSERT INTO joint_loan (loan_id, plan_id, borrower_id, currency, flows, "
            "buy_back_days, bore, recovered) VALUES (?, ?, '1', 'CNY', 100, 0, '[]', 0)",
            [(i, plan_ids[w]) for i, w in zip(ids, which.tolist(), strict=True)],
        )
        parts = apportion_rows(self.principal(numbers), self._shares[which])
        sums = np.zeros_like(self._shares)
        np.add.at(sums, which, parts)
        for plan, row in zip(self.plans, sums.tolist(), strict=True):
            for p, amount in zip(plan.participants, row, strict=False):
                if p.is_outside:
                    whose = replace(p, share_ppm=1)
                    held[whose] = held.get(whose, 0) + amount
        flows = []
        for at in np.flatnonzero(numbers % _DRAWN_EVERY == 0).tolist():
            for place, p in enumerate(self.plans[int(which[at])].participants):
                part = int(parts[at, place])
                if p.is_outside:
                    flows.append(
                        (ids[at], 1 + place, p.institution_id, p.programme_id, "drawn",
                         START.isoformat(), part, 0, 0, 0, 0, 0, 0, -part, 1)
                    )  # fmt: skip
        writer.executemany(
            f"INSERT INTO share_flow ({', '.join(FLOW_COLUMNS)}, currency) "
            f"VALUES ({', '.join('?' * len(FLOW_COLUMNS))}, 'CNY')",
            flows,
        )

    def _draw(self, writer: sqlite3.Connection, held: dict[Participant, int]) -> None:
        """What institutions hold, in all books."""
        writer.execute("BEGIN IMMEDIATE")
        uow = UnitOfWork(writer, self.now_ms, SqlLedgerReader(writer).last_timestamp())
        context = Context(uow, SYSTEM, secrets.token_bytes(16), self.now_ms)
        postings = [
            posting
            for p, amount in held.items()
            for posting in ShareBooks(p, "CNY", 0).postings("drawn", amount)
        ]
        record_shared(context, postings)
        uow.flush()
        writer.execute("COMMIT")

    def make_files(self, folder: Path, key: SigningKey) -> list[Manifest]:
        """The day's files of all institutions."""
        reader = connect(folder / "credit.db", readonly=True)
        cut = SqlLedgerReader(reader).last_timestamp()
        day = Day(START.isoformat(), "CNY", self.banks, {}, cut)
        made = [m.manifest for m in make_day(reader, folder / "files", day, key)]
        reader.close()
        return made


class _Sharing:
    """What is spent on sharing, while it is done inside the day."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        self._share = share_events

    def __call__(self, *args: Any) -> None:
        begun, worked = time.perf_counter(), time.thread_time()
        self._share(*args)
        self.wall += time.perf_counter() - begun
        self.cpu += time.thread_time() - worked

    def __enter__(self) -> _Sharing:
        setattr(writing, "share_events", self)  # noqa: B010 - it is measured where it is called
        return self

    def __exit__(self, *_: object) -> None:
        setattr(writing, "share_events", self._share)  # noqa: B010


def joint_figures(count: int) -> dict[str, Figure]:
    """A day of so many loans."""
    key = SigningKey("bench", NoteSigner("tallystick/bench", secrets.token_bytes(32)))
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        say(f"joint: laying {count:,} loans")
        begun = time.perf_counter()
        days = JointDays(Path(folder), count, stand=True)
        say(f"joint: laid in {time.perf_counter() - begun:.0f} s; the first day")
        try:
            days.close(START)
            say("joint: payments and the end of a day")
            with _Sharing() as shared:
                paid = days.collect(START + timedelta(days=1))
                closed = days.close(START + timedelta(days=1))
        finally:
            days.executor.stop()
        say("joint: files")
        made: list[Manifest] = []
        written = timed(lambda: made.extend(days.make_files(Path(folder), key)))
    rows = sum(f.rows for m in made for f in m.files if f.name.endswith(".csv"))
    whole = paid.wall + closed.wall + written.wall
    name, figures = f"credit.joint.{count}", dict[str, Figure]()
    for part, spent, meaning in (
        ("payments", paid, f"what is due of one loan in 28, {_INSTITUTIONS} institutions"),
        ("day", closed, "the end of the day with its shares, postings durable"),
        ("share", Spent(shared.wall, shared.cpu), "sharing alone, inside these two"),
        ("files", written, f"the day's files of all, {rows:,} rows, CSV and Parquet"),
    ):
        figures[f"{name}.{part}_s"] = Figure(spent.wall, "s", meaning)
        figures[f"{name}.{part}_cpu_s"] = Figure(spent.cpu, "s", "the same in processor time")
    split = shared.wall + written.wall
    figures[f"{name}.split_and_files_s"] = Figure(
        split, "s", f"{split / _SECONDS_MAX:.2f} of two minutes"
    )
    figures[f"{name}.whole_s"] = Figure(
        whole, "s", f"payments, end of day and files: {whole / _SECONDS_MAX:.2f} of two minutes"
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures[f"{name}.rss_mb"] = Figure(memory, "MB", "most memory so far")
    return figures
