"""Two sides to be matched: a bank's day as it is, and what each contender does with it."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from tallystick.reconciliation.matching.engine import match
from tallystick.reconciliation.matching.rules import Rules, Tolerance

__all__ = ["join", "make_sides", "match_sides"]

_FEE = 100
_NETTED = 20
_DAYS = 30
_FIRST_DAY = 20_000
_RULES = Rules(tolerances=(Tolerance(name="bank fee", account="5001", minor_units_max=_FEE),))


def _entries(rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """The ledger's side: payments in and out over a month, each with a reference."""
    amount = rng.integers(1_000, 5_000_000, rows) * rng.choice([1, -1], rows)
    day = _FIRST_DAY + rng.integers(0, _DAYS, rows)
    payee = pl.Series(rng.integers(10**8, 10**8 + 5_000, rows))
    return pl.DataFrame({"day": day, "amount": amount}).select(
        pl.format("e{}", pl.int_range(pl.len())).alias("id"), "day", "amount",
        pl.lit("CNY").alias("currency"),
        pl.format("20261124{}", pl.int_range(pl.len()) + 10**19).alias("reference"),
        pl.lit("").alias("bank_reference"),
        pl.format("62{}", payee).alias("counterparty"),
    )  # fmt: skip


def make_sides(folder: Path, rows: int) -> None:
    """Write both sides: of each hundred lines 80 carry the reference, 10 only amount and day, 5
    are netted, 2 are less a fee, 1 is doubled; 2 entries never come, and 2 lines nobody knows.
    """
    rng = np.random.default_rng(11)
    ledger = _entries(rows, rng)
    kind = rng.integers(0, 100, rows)
    late = ledger.with_columns(pl.col("day") + pl.Series(rng.integers(0, 2, rows)))
    plain = late.filter(pl.Series(kind < 80))
    bare = late.filter(pl.Series((kind >= 80) & (kind < 90))).with_columns(reference=pl.lit(""))
    less = late.filter(pl.Series((kind >= 95) & (kind < 97))).with_columns(
        pl.col("amount") - pl.Series(rng.integers(1, _FEE, int(((kind >= 95) & (kind < 97)).sum())))
    )
    netted = ledger.filter(pl.Series((kind >= 90) & (kind < 95))).with_columns(
        pl.int_range(pl.len()).floordiv(_NETTED).alias("batch")
    )
    # A batch is what one payee got on one day, so the ledger's entries are moved there.
    batch = netted.group_by("batch", maintain_order=True).agg(pl.first("day", "counterparty"))
    moved = netted.select("id", "batch").join(batch, on="batch").select(
        "id", (pl.col("day")).alias("day_new"),
        pl.format("63{}", pl.col("batch")).alias("who_new"),
    )  # fmt: skip
    ledger = ledger.join(moved, on="id", how="left", maintain_order="left").select(
        "id", pl.coalesce("day_new", "day").alias("day"), "amount", "currency", "reference",
        "bank_reference", pl.coalesce("who_new", "counterparty").alias("counterparty"),
    )  # fmt: skip
    sums = netted.group_by("batch", maintain_order=True).agg(
        pl.first("day", "currency"), pl.col("amount").sum()
    ).select(
        pl.lit("").alias("id"), "day", "amount", "currency", pl.lit("").alias("reference"),
        pl.lit("").alias("bank_reference"),
        pl.format("63{}", pl.col("batch")).alias("counterparty"),
    )  # fmt: skip
    doubled = plain.sample(rows // 100, seed=5)
    unknown = _entries(rows // 50, rng).with_columns(
        reference=pl.format("x{}", pl.int_range(pl.len()))
    )
    bank = pl.concat([plain, bare, less, sums, doubled, unknown]).sample(
        fraction=1.0, shuffle=True, seed=3
    )
    bank = bank.with_columns(id=pl.format("b{}", pl.int_range(pl.len())))
    missing = rows - bank.height
    if missing > 0:
        more = _entries(missing, rng).with_columns(
            id=pl.format("m{}", pl.int_range(pl.len())),
            reference=pl.format("y{}", pl.int_range(pl.len())),
        )
        bank = pl.concat([bank, more])
    bank.write_parquet(folder / "bank.parquet")
    ledger.write_parquet(folder / "ledger.parquet")


def match_sides(folder: Path) -> dict[str, float]:
    """Read both files and match them by every rule."""
    started = time.perf_counter()
    outcome = match(
        pl.read_parquet(folder / "bank.parquet"), pl.read_parquet(folder / "ledger.parquet"), _RULES
    )
    seconds = time.perf_counter() - started
    group = outcome.bank_group[outcome.bank_group >= 0]
    matched = int(outcome.matched[group].sum())
    return {"seconds": seconds, "lines": matched, "proposed": len(group) - matched}


def join(folder: Path) -> dict[str, float]:
    """The join that anybody would write, its result kept in memory."""
    started = time.perf_counter()
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE found AS SELECT b.id AS line, l.id AS entry "
        f"FROM '{folder}/bank.parquet' b JOIN '{folder}/ledger.parquet' l "
        "ON b.currency = l.currency AND b.reference = l.reference AND b.amount = l.amount "
        "WHERE b.reference <> ''"
    )
    found = connection.execute("SELECT COUNT(DISTINCT line) FROM found").fetchone()
    assert found is not None
    return {"seconds": time.perf_counter() - started, "lines": int(found[0])}


if __name__ == "__main__":
    figures = {"match": match_sides, "join": join}[sys.argv[1]](Path(sys.argv[2]))
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**figures, "rss_mb": peak_kb / 1024}))
