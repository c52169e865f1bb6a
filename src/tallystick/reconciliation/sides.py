"""Statements and files of ledger entries as the two sides that the engine takes."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from msgspec.structs import replace

from tallystick.reconciliation.days import day_number
from tallystick.reconciliation.matching.columns import frame_of
from tallystick.reconciliation.matching.entry import Entry
from tallystick.reconciliation.statements.mapped_csv import decoded, mapped_lines
from tallystick.reconciliation.statements.mapping import LEDGER_FILE, Columns, Mapping
from tallystick.reconciliation.statements.model import BankLine, BankStatement, StatementError

__all__ = ["bank_side", "ledger_side", "lines_of"]


def lines_of(statements: Sequence[BankStatement]) -> list[BankLine]:
    """All lines of a file's statements, in its order."""
    return [line for statement in statements for line in statement.lines]


def _entry(entry_id: str, line: BankLine) -> Entry:
    return Entry(
        entry_id, day_number(line.day), line.amount, line.currency, line.reference,
        line.bank_reference, line.counterparty,
    )  # fmt: skip


def bank_side(lines: Sequence[BankLine]) -> pl.DataFrame:
    """Bank lines as a side; a line's id is its place among them, from 1, in ten digits."""
    return frame_of(_entry(f"{at:010d}", line) for at, line in enumerate(lines, 1))


def _present(data: bytes) -> Mapping:
    """The usual mapping of ledger files with the columns that this file has."""
    head = decoded(data[:10_000].partition(b"\n")[0], "utf-8").strip().split(",")
    named = LEDGER_FILE.columns
    absent = {f: "" for f in named.__struct_fields__ if getattr(named, f) not in head}
    needed = [name for name in ("day", "amount", "currency") if name in absent]
    if needed:
        raise StatementError(1, f"The file of entries has no column {', '.join(needed)}.")
    columns: Columns = replace(named, **absent)
    return replace(LEDGER_FILE, columns=columns)


def ledger_side(data: bytes, mapping: Mapping | None = None) -> pl.DataFrame:
    """A CSV file of ledger entries as a side; without an `id` column an entry's is its place.

    Args:
        mapping: how it is written; without one the columns are named as in `LEDGER_FILE`.

    Raises:
        StatementError: the file is not so, or an id occurs twice.
    """
    entries, seen = [], set[str]()
    for at, mapped in enumerate(mapped_lines(data, mapping or _present(data)), 1):
        entry_id = mapped.id or f"{at:010d}"
        if entry_id in seen:
            raise StatementError(mapped.movement.line, f"The id {entry_id[:60]!r} occurs twice.")
        seen.add(entry_id)
        entries.append(_entry(entry_id, mapped.movement))
    return frame_of(entries)
