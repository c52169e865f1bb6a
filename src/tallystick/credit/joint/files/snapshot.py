"""Everything that the files of a day are made of, read in one moment, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from tallystick.credit.loans.model import Contract, LoanEventKind
from tallystick.credit.participation.columns import apportion_rows
from tallystick.credit.participation.model import FundingPlan, Plan, plan_of
from tallystick.credit.postings import RECEIVABLES, Bucket
from tallystick.decoding import decode_json
from tallystick.ledger.encoding import id_bytes
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = [
    "FLOW_COLUMNS",
    "Snapshot",
    "drawn_in_parts",
    "positions",
    "read_flows",
    "read_loans",
    "read_snapshot",
]

I64 = npt.NDArray[np.int64]

_BUCKETS: Final = (Bucket.PRINCIPAL, Bucket.INTEREST, Bucket.FEE, Bucket.PENALTY)
FLOW_COLUMNS: Final = (
    "loan_id", "flow_no", "institution_id", "programme_id", "kind", "day", "principal",
    "interest", "fee", "penalty", "servicing", "guarantee", "other", "net", "at_ns",
)  # fmt: skip


class Snapshot(NamedTuple):
    """Jointly funded loans of a currency with what was ever debited and credited to each.

    Args:
        debits, credits: (n, 4) by principal, interest, fee, penalty.
        which: the place of each loan's plan in `plans`.
    """

    loan_ids: list[str]
    which: I64
    plans: list[Plan]
    debits: I64
    credits: I64


def _plans(connection: Connection) -> dict[str, Plan]:
    return {row.plan_id: plan_of(row) for row in ReadSession(connection).select(FundingPlan)}


def read_snapshot(connection: Connection, currency: str, book: int) -> Snapshot:
    """All jointly funded loans of a currency as they are in this moment."""
    plans = _plans(connection)
    numbers = {plan_id: n for n, plan_id in enumerate(plans)}
    rows = connection.execute(
        "SELECT loan_id, plan_id FROM joint_loan WHERE currency = ?", (currency,)
    ).fetchall()
    loan_ids = [row[0] for row in rows]
    which = np.array([numbers[row[1]] for row in rows], np.int64)
    keys = pl.DataFrame({"key": [id_bytes(int(loan_id)) for loan_id in loan_ids]},
                        schema={"key": pl.Binary})  # fmt: skip
    debits = np.zeros((len(rows), len(_BUCKETS)), np.int64)
    credits = np.zeros((len(rows), len(_BUCKETS)), np.int64)
    for at, bucket in enumerate(_BUCKETS):
        totals = _totals(connection, book, RECEIVABLES[bucket].code)
        joined = keys.join(totals, on="key", how="left", maintain_order="left").fill_null(0)
        debits[:, at] = joined["debits"].to_numpy()
        credits[:, at] = joined["credits"].to_numpy()
    return Snapshot(loan_ids, which, list(plans.values()), debits, credits)


def _totals(connection: Connection, book: int, code: int) -> pl.DataFrame:
    """What was ever debited and credited to each loan's account of a code."""
    rows = connection.execute(
        "SELECT user_data_128, debits_posted, credits_posted FROM ledger_account "
        "WHERE book = ? AND code = ?",
        (book, code),
    ).fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else ((), (), ())
    return pl.DataFrame(
        {
            "key": pl.Series([bytes(k) for k in columns[0]], dtype=pl.Binary),
            "debits": np.array(columns[1], np.int64),
            "credits": np.array(columns[2], np.int64),
        }
    )


def positions(snapshot: Snapshot) -> pl.DataFrame:
    """Every institution's share of every loan: what it is owed and what was ever charged to it.

    Columns: institution_id, programme_id, loan_id, share_ppm, taken_over (by a guarantor), then
    owed and charged by bucket; shares that the platform bought back are left out. What was
    reversed is still in `charged`.
    """
    width = max((len(p.participants) for p in snapshot.plans), default=1)
    table = np.zeros((max(1, len(snapshot.plans)), width), np.int64)
    for at, plan in enumerate(snapshot.plans):
        table[at, : len(plan.participants)] = plan.shares
    weights = table[snapshot.which]
    charged = [apportion_rows(snapshot.debits[:, b], weights) for b in range(len(_BUCKETS))]
    gone = [apportion_rows(snapshot.credits[:, b], weights) for b in range(len(_BUCKETS))]
    names = np.array(
        [[_named(plan, place) for place in range(width)] for plan in snapshot.plans] or [[""]],
        dtype=object,
    )
    taken = np.array(
        [[_is_taken(plan, place) for place in range(width)] for plan in snapshot.plans] or [[False]]
    )
    loan_ids = pl.Series("loan_id", snapshot.loan_ids, dtype=pl.String)
    parts = []
    for place in range(width):
        columns: dict[str, Any] = {
            "holder": pl.Series(names[snapshot.which, place].tolist(), dtype=pl.String),
            "loan_id": loan_ids,
            "share_ppm": weights[:, place],
            "taken_over": taken[snapshot.which, place],
        }
        for b, bucket in enumerate(_BUCKETS):
            columns[bucket.value] = charged[b][:, place] - gone[b][:, place]
            columns[f"charged_{bucket.value}"] = charged[b][:, place]
        parts.append(pl.DataFrame(columns).filter(pl.col("holder") != ""))
    whole = pl.concat(parts)
    holder = pl.col("holder").str.split_exact("/", 1)
    return whole.with_columns(
        holder.struct.field("field_0").alias("institution_id"),
        holder.struct.field("field_1").alias("programme_id"),
    ).drop("holder")


def _is_taken(plan: Plan, place: int) -> bool:
    return place < len(plan.participants) and bool(plan.participants[place].taken_from)


def _named(plan: Plan, place: int) -> str:
    if place >= len(plan.participants) or not plan.participants[place].is_outside:
        return ""
    p = plan.participants[place]
    return f"{p.institution_id}/{p.programme_id}"


def read_flows(connection: Connection, currency: str, after_ns: int, until_ns: int) -> pl.DataFrame:
    """What happened to shares after a moment and up to another, in order."""
    rows = connection.execute(
        f"SELECT {', '.join(FLOW_COLUMNS)} FROM share_flow "  # noqa: S608 - names are ours
        "WHERE currency = ? AND at_ns > ? AND at_ns <= ? ORDER BY loan_id, flow_no",
        (currency, after_ns, until_ns),
    ).fetchall()
    schema = {
        name: pl.String if at in (0, 2, 3, 4, 5) else pl.Int64
        for at, name in enumerate(FLOW_COLUMNS)
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_loans(connection: Connection, loan_ids: Sequence[str]) -> dict[str, tuple[str, Contract]]:
    """Product and contract of loans."""
    found = {}
    for first in range(0, len(loan_ids), 400):
        part = list(loan_ids[first : first + 400])
        for loan_id, product_id, contract in connection.execute(
            "SELECT loan_id, product_id, contract FROM loan "  # noqa: S608
            f"WHERE loan_id IN ({', '.join('?' * len(part))})",
            part,
        ):
            found[loan_id] = (product_id, decode_json(contract, Contract))
    return found


def drawn_in_parts(connection: Connection, loan_ids: Sequence[str]) -> set[str]:
    """Those of some loans that were drawn further after their start."""
    found: set[str] = set()
    for first in range(0, len(loan_ids), 400):
        part = list(loan_ids[first : first + 400])
        found |= {
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT loan_id FROM loan_event "  # noqa: S608
                f"WHERE loan_id IN ({', '.join('?' * len(part))}) AND kind = ?",
                (*part, LoanEventKind.DRAWDOWN.value),
            )
        }
    return found
