"""`tallystick ledger export`: the books into a file, also while a server runs."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal

from tallystick.accounting.exporting import export_ledger
from tallystick.accounting.made_file import make_file
from tallystick.admin.commands import HERE, Place
from tallystick.admin.ledger_statement import deliver, reading

__all__ = ["export"]


def export(
    file: Path,
    *,
    what: Literal["accounts", "transfers", ""] = "",
    book: int | None = None,
    place: Place = HERE,
) -> None:
    """Write accounts and entries into a file that `ledger apply` takes in again.

    Args:
        file: .jsonl, .csv, .parquet, .arrow, .beancount or .journal (hledger).
        what: accounts or transfers; CSV, Parquet and Arrow hold one of them.
        book: one book only.
    """
    with reading(place.settings) as rows:

        def write(out: BinaryIO) -> tuple[str, str]:
            export_ledger(rows, file, out, what=what, book=book)
            return file.name, ""

        made = make_file(write)
    deliver(made, file)
