"""Making a day's files: from one moment of the books to CSV, Parquet and signed manifests.

What the files say of an institution must be what its own book says, or nothing is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import polars as pl

from tallystick.credit.joint.files.layout import (
    AMOUNTS,
    BALANCES,
    DRAWDOWNS,
    KINDS,
    LOANS,
    PAYMENTS,
    TEXTS,
    FileEntry,
    Manifest,
    Standing,
    digest_of,
    file_name,
    manifest_name,
)
from tallystick.credit.joint.files.snapshot import (
    Snapshot,
    drawn_in_parts,
    positions,
    read_flows,
    read_loans,
    read_snapshot,
)
from tallystick.credit.joint.model import Institution, PartnerDay
from tallystick.decoding import decode_json
from tallystick.ledger.chart import (
    INSTITUTION_SETTLEMENT,
    LOAN_PRINCIPAL,
    SHARE_CASH,
    SHARE_PRINCIPAL,
    SHARE_RECEIVABLE,
    ChartEntry,
    Side,
    account_id,
    book_id,
)
from tallystick.ledger.encoding import id_bytes
from tallystick.money.share import apportion
from tallystick.payments.accounts import platform_book
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef
from tallystick.proofs.keys import SigningKey
from tallystick.store.connection import Connection
from tallystick.transparency.notes import write_note

__all__ = ["BooksDiffer", "Day", "Made", "make_day"]

_OWED: Final = ("principal", "interest", "fee", "penalty")
_CHARGED: Final = ("charged_interest", "charged_fee", "charged_penalty")
_KEY: Final = ("institution_id", "programme_id", "loan_id")
_NOTE_MOVES_NOTHING: Final = 2 | 8


class BooksDiffer(Exception):
    """What the files would say of an institution is not what its own book says."""


class Day(NamedTuple):
    """What a day's files are made of.

    Args:
        before: the last day's rows by institution; none for an institution's first.
        cut_ns: the ledger's last moment that is in the day.
    """

    day: str
    currency: str
    institutions: Sequence[Institution]
    before: Mapping[str, PartnerDay]
    cut_ns: int


class Made(NamedTuple):
    """The files of one institution: its manifest, and that with its signature."""

    manifest: Manifest
    note: str


def _sum_flows(connection: Connection, tail: str, values: Sequence[object] = ()) -> pl.DataFrame:
    """Flows of all time added up by share."""
    rows = connection.execute(
        "SELECT institution_id, programme_id, loan_id, SUM(principal), SUM(interest), SUM(fee), "  # noqa: S608
        f"SUM(penalty) FROM share_flow WHERE {tail} "
        "GROUP BY institution_id, programme_id, loan_id",
        tuple(values),
    ).fetchall()
    schema = {
        **dict.fromkeys(_KEY, pl.String), **{f"sum_{name}": pl.Int64 for name in _OWED}
    }  # fmt: skip
    return pl.DataFrame([(*r[:3], *map(int, r[3:])) for r in rows], schema=schema, orient="row")


def _balances(connection: Connection, snapshot: Snapshot, flows: pl.DataFrame) -> pl.DataFrame:
    """What each institution is owed of each loan at the end of the day."""
    held = _since_taken_over(connection, positions(snapshot))
    moved = flows.select(_KEY).unique()
    gone = moved.join(held.select(_KEY), on=_KEY, how="anti")
    kept = held.join(moved.with_columns(moved=pl.lit(True)), on=_KEY, how="left").filter(
        (pl.sum_horizontal(*_OWED) != 0) | pl.col("moved").fill_null(False)
    )
    columns = [*_KEY, "share_ppm", *_OWED, *_CHARGED]
    return pl.concat([kept.select(columns), _ended(connection, gone).select(columns)])


def _since_taken_over(connection: Connection, held: pl.DataFrame) -> pl.DataFrame:
    """Positions with what was charged to their holder: without what was taken back.

    A guarantor that took a share over was charged what is owed now beyond all that its flows
    brought and took.
    """
    back = _sum_flows(connection, "kind = 'reversed'")
    own = _sum_flows(
        connection,
        "kind NOT IN ('premium', 'claim') AND institution_id IN "
        "(SELECT DISTINCT institution_id FROM share_flow WHERE kind = 'taken_over')",
    ).rename({f"sum_{name}": f"own_{name}" for name in _OWED})
    joined = held.join(back, on=_KEY, how="left").join(own, on=_KEY, how="left")
    return joined.with_columns(
        pl.when(pl.col("taken_over"))
        .then(pl.col(name) - pl.col(f"own_{name}").fill_null(0))
        .otherwise(pl.col(f"charged_{name}") - pl.col(f"sum_{name}").fill_null(0))
        .alias(f"charged_{name}")
        for name in ("interest", "fee", "penalty")
    )


def _ended(connection: Connection, gone: pl.DataFrame) -> pl.DataFrame:
    """Shares that were bought back in these days: nothing is owed, so all charged has gone."""
    found = [_sum_flows(connection, "1 = 0")]
    loan_ids = gone["loan_id"].unique().to_list()
    for first in range(0, len(loan_ids), 400):
        part = loan_ids[first : first + 400]
        marks = ", ".join("?" * len(part))
        found.append(
            _sum_flows(connection, f"loan_id IN ({marks}) AND kind NOT IN ('premium', 'claim')",
                       part)
        )  # fmt: skip
    return pl.concat(found).join(gone, on=_KEY, how="semi").with_columns(
        pl.lit(0, pl.Int64).alias("share_ppm"),
        *(pl.lit(0, pl.Int64).alias(name) for name in _OWED),
        *((-pl.col(f"sum_{name}")).alias(f"charged_{name}")
          for name in ("interest", "fee", "penalty")),
    )  # fmt: skip


def _wholes(
    connection: Connection, currency: str, drawn: pl.DataFrame
) -> dict[tuple[str, int], int]:
    """What had been charged to the principal of loans that were drawn in parts, at each drawing.

    Shares are of that running total, so that neither a part alone nor what was agreed at first
    tells of them.
    """
    found = {}
    parts = drawn_in_parts(connection, drawn["loan_id"].unique().to_list())
    for loan_id, at_ns in drawn.select("loan_id", "at_ns").unique().iter_rows():
        if loan_id in parts:
            account = account_id(platform_book(currency), LOAN_PRINCIPAL, loan_id)
            row = connection.execute(
                "SELECT COALESCE(SUM(amount), 0) FROM ledger_transfer "
                "WHERE debit_account_id = ? AND timestamp <= ? AND (flags & ?) = 0",
                (id_bytes(account), at_ns, _NOTE_MOVES_NOTHING),
            ).fetchone()
            found[loan_id, at_ns] = int(row[0])
    return found


def _loans(
    connection: Connection, snapshot: Snapshot, currency: str, drawn: pl.DataFrame
) -> pl.DataFrame:
    """The loans that came to be funded, with all shares, so that each can be checked.

    One that is drawn further stands there again, with all that was charged to its principal so
    far and the institution's part of that.
    """
    loan_ids = drawn["loan_id"].unique().to_list()
    contracts, wholes = read_loans(connection, loan_ids), _wholes(connection, currency, drawn)
    at = {loan_id: n for n, loan_id in enumerate(snapshot.loan_ids)}
    rows = []
    for flow in drawn.iter_rows(named=True):
        product_id, contract = contracts[flow["loan_id"]]
        plan = snapshot.plans[int(snapshot.which[at[flow["loan_id"]]])]
        place = next(
            n for n, p in enumerate(plan.participants) if p.programme_id == flow["programme_id"]
        )
        whole, part = contract.principal, flow["principal"]
        if (loan := (flow["loan_id"], flow["at_ns"])) in wholes:
            whole = wholes[loan]
            part = apportion(whole, plan.shares)[place]
        rows.append(
            (
                flow["institution_id"], flow["loan_id"], flow["programme_id"], product_id,
                flow["day"], contract.count, str(contract.product.annual_rate),
                whole, part, plan.participants[place].share_ppm,
                " ".join(str(share) for share in plan.shares), place,
            )
        )  # fmt: skip
    names = ("institution_id", *LOANS)
    schema = {
        name: pl.String if name in TEXTS or name == "institution_id" else pl.Int64 for name in names
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _sides(connection: Connection, ref: AccountRef) -> tuple[int, int]:
    row = connection.execute(
        "SELECT debits_posted, credits_posted FROM ledger_account WHERE id = ?",
        (id_bytes(ref.id),),
    ).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def _balance(connection: Connection, ref: AccountRef) -> int:
    debits, credits = _sides(connection, ref)
    return credits - debits if ref.entry.side is Side.CREDIT else debits - credits


def _sum_of(connection: Connection, book: int, entry: ChartEntry) -> int:
    row = connection.execute(
        "SELECT COALESCE(SUM(debits_posted - credits_posted), 0) FROM ledger_account "
        "WHERE book = ? AND code = ?",
        (book, entry.code),
    ).fetchone()
    return int(row[0])


def _settled(connection: Connection, ref: AccountRef, after_ns: int, until_ns: int) -> int:
    """What the bank moved: in for the platform, less than 0 out to the institution."""
    sums = []
    for side, movement in (("credit", Movement.TOP_UP), ("debit", Movement.WITHDRAW)):
        row = connection.execute(
            "SELECT COALESCE(SUM(amount), 0) FROM ledger_transfer "  # noqa: S608
            f"WHERE {side}_account_id = ? AND timestamp > ? AND timestamp <= ? AND code = ? "
            "AND (flags & ?) = 0",
            (id_bytes(ref.id), after_ns, until_ns, int(movement), _NOTE_MOVES_NOTHING),
        ).fetchone()
        sums.append(int(row[0]))
    return sums[0] - sums[1]


class _Frames(NamedTuple):
    """The rows of all institutions, by kind of file."""

    frames: Mapping[str, pl.DataFrame]

    def of(self, institution_id: str) -> dict[str, pl.DataFrame]:
        """One institution's rows, in the files' columns and order."""
        return {
            kind: frame.filter(pl.col("institution_id") == institution_id)
            .select(KINDS[kind])
            .sort(*(c for c in ("loan_id", "programme_id", "flow_no") if c in KINDS[kind]))
            for kind, frame in self.frames.items()
        }


def _write(frame: pl.DataFrame, path: Path, form: str) -> None:
    new = path.with_name(f"{path.name}.new")
    if form == "csv":
        frame.write_csv(new)
    else:
        frame.write_parquet(new, compression="zstd", statistics=True)
    new.replace(path)


def _entry(frame: pl.DataFrame, kind: str, path: Path) -> FileEntry:
    totals = {c: int(frame[c].sum()) for c in frame.columns if c in AMOUNTS}
    return FileEntry(
        name=path.name, kind=kind, rows=frame.height, sha256=digest_of(path), totals=totals
    )


def _closing(connection: Connection, institution: Institution, currency: str,
             balances: pl.DataFrame) -> Standing:  # fmt: skip
    """What an institution is owed, by the files and by its own book.

    Raises:
        BooksDiffer: they do not agree.
    """
    ref = AccountRef(INSTITUTION_SETTLEMENT, institution.institution_id, platform_book(currency))
    owed = {name: int(balances[name].sum()) for name in _OWED}
    standing = Standing(**owed, settlement=_balance(connection, ref))
    own = book_id(institution.entity, currency)
    cash = _balance(connection, AccountRef(SHARE_CASH, institution.institution_id, own))
    income = standing.interest + standing.fee + standing.penalty
    by_book = (
        _sum_of(connection, own, SHARE_PRINCIPAL), _sum_of(connection, own, SHARE_RECEIVABLE)
    )  # fmt: skip
    if by_book != (standing.principal, income):
        raise BooksDiffer(
            f"{institution.institution_id} {currency}: the files have {standing.principal} and "
            f"{income} minor units, its book {by_book[0]} and {by_book[1]}."
        )
    if cash != standing.settlement:
        raise BooksDiffer(f"{institution.institution_id} {currency}: settlement and its book.")
    return standing


def _one(
    connection: Connection, folder: Path, day: Day, institution: Institution,
    frames: Mapping[str, pl.DataFrame], key: SigningKey,
) -> Made:  # fmt: skip
    """One institution's files and their manifest."""
    who, currency = institution.institution_id, day.currency
    before = day.before.get(who)
    last = decode_json(_text_of(before), Manifest) if before is not None else None
    ref = AccountRef(INSTITUTION_SETTLEMENT, who, platform_book(currency))
    manifest = Manifest(
        institution_id=who, name=institution.name, currency=currency, day=day.day,
        since=before.day if before is not None else "",
        previous=hashlib.sha256(before.manifest.encode()).hexdigest() if before else "",
        cut_ns=day.cut_ns, opening=last.closing if last is not None else Standing(),
        closing=_closing(connection, institution, currency, frames["balances"]),
        settled=_settled(connection, ref, before.cut_ns if before else 0, day.cut_ns), files=(),
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for kind, frame in frames.items():
        for form in ("csv", "parquet"):
            path = folder / file_name(manifest, kind, form)
            _write(frame, path, form)
            entries.append(_entry(frame, kind, path))
    manifest = msgspec.structs.replace(manifest, files=tuple(entries))
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1).decode() + "\n"
    note = write_note(text, key.signer.signature(text))
    path = folder / manifest_name(who, currency, day.day)
    path.write_text(note, "utf-8")
    return Made(manifest, note)


def _text_of(row: PartnerDay) -> bytes:
    return row.manifest.rpartition("\n\n")[0].encode()


def make_day(connection: Connection, folder: Path, day: Day, key: SigningKey) -> Iterable[Made]:
    """Write the files of a day, institution by institution, and give their manifests.

    Args:
        connection: reads one moment, whose last ledger timestamp is the day's `cut_ns`.
        folder: gets a folder for each institution.

    Raises:
        BooksDiffer: an institution's files would not say what its book says.
    """
    since = min((row.cut_ns for row in day.before.values()), default=0)
    if len(day.before) < len(day.institutions):
        since = 0
    snapshot = read_snapshot(connection, day.currency, platform_book(day.currency))
    flows = read_flows(connection, day.currency, since, day.cut_ns)
    # An institution that is new has all of its flows in its first day's files.
    starts = pl.DataFrame(
        {"institution_id": [i.institution_id for i in day.institutions],
         "cut": [day.before[i.institution_id].cut_ns if i.institution_id in day.before else 0
                 for i in day.institutions]},
        schema={"institution_id": pl.String, "cut": pl.Int64},
    )  # fmt: skip
    flows = flows.join(starts, on="institution_id").filter(pl.col("at_ns") > pl.col("cut"))
    of_loans = flows.filter(~pl.col("kind").is_in(["premium", "claim"]))
    drawn = flows.filter(pl.col("kind") == "drawn")
    guarantors = [i.institution_id for i in day.institutions if i.kind.value == "guarantor"]
    owes = pl.any_horizontal(pl.col(name) != 0 for name in _OWED)
    moved = of_loans.filter(~pl.col("institution_id").is_in(guarantors) | owes)
    frames = _Frames(
        {
            "loans": _loans(connection, snapshot, day.currency, drawn),
            "drawdowns": drawn.select("institution_id", *DRAWDOWNS),
            "payments": flows.filter(pl.col("kind") != "drawn").select("institution_id", *PAYMENTS),
            "balances": _balances(connection, snapshot, moved).select("institution_id", *BALANCES),
        }
    )  # fmt: skip
    for institution in day.institutions:
        own = frames.of(institution.institution_id)
        yield _one(
            connection, folder / institution.institution_id, day, institution, own, key
        )  # fmt: skip
