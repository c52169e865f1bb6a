"""The same day on Spark and in process: the same postings, byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
from tests.credit.days.side_by_side import late_of, shard_of
from tests.credit.loan_life import START, LivingLoan

from tallystick.credit.loans import closing, decide
from tallystick.credit.loans.days.frames import closed_columns, frame_of, terms_text
from tallystick.credit.loans.days.shard import close_shard
from tallystick.credit.loans.model import Contract, LateTerms, LoanStatus, PaymentMode, ProductTerms
from tallystick.credit.schedules.day_count import DayCount
from tallystick.credit.schedules.terms import Effect

ROOT = Path(__file__).parents[3]
LOANS = 120
_DAYS = 75
_PATIENCE_S = 600


def _lived(number: int, chance: random.Random) -> LivingLoan:
    """A loan of a small portfolio: some pay, some pay ahead, some are late."""
    late = LateTerms(penalty_rate=Decimal("0.1642"), late_fee=500, grace_days=number % 3)
    product = ProductTerms(
        annual_rate=Decimal("0.1095"), day_count=list(DayCount)[number % 5], late=late
    )
    contract = Contract(principal=100_000 + number, start=START, count=6, product=product)
    living = LivingLoan(contract, f"20260131{number:020d}")
    while living.day < START + timedelta(days=_DAYS):
        living.pass_days(chance.randint(3, 25))
        if living.loan.status is LoanStatus.ACTIVE and chance.random() < 0.5:
            amount = max(1, living.position.payoff * chance.randint(1, 30) // 100)
            modes = (PaymentMode.DUE, PaymentMode.EARLY) if living.position.due_total else ()
            for mode in modes[: chance.randint(0, 2)]:
                living.act(decide.pay, amount, mode, Effect.LOWER)
        if chance.random() < 0.7:
            living.act(closing.close_day)
    return living


def test_two_spark_workers_post_what_one_process_posts(tmp_path: Path) -> None:
    chance = random.Random(20260131)
    lived = [_lived(number, chance) for number in range(LOANS)]
    loans = [living for living in lived if living.loan.status is LoanStatus.ACTIVE]
    until = max(living.day for living in loans) + timedelta(days=3)
    shard, terms = shard_of(loans), late_of(loans)
    source = frame_of(shard)
    source.write_parquet(tmp_path / "loans.parquet")
    (tmp_path / "terms.json").write_bytes(terms_text(terms))

    subprocess.run(
        [sys.executable, "-m", "tests.credit.days.spark_job", str(tmp_path / "loans.parquet"),
         str(tmp_path / "terms.json"), str(until.toordinal()), str(tmp_path / "closed.parquet")],
        check=True, timeout=_PATIENCE_S, cwd=ROOT, capture_output=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )  # fmt: skip

    on_spark = pl.read_parquet(tmp_path / "closed.parquet").sort("loan_id")
    here = closed_columns(source.to_dict(as_series=False), terms, until.toordinal())
    assert on_spark.equals(pl.DataFrame(here).sort("loan_id"))
    posted = close_shard(shard, terms, until.toordinal()).entries.records
    assert b"".join(on_spark["entries"].to_list()) == posted.tobytes()
    assert len(posted) > LOANS
