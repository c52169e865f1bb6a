"""Accounts and entries as JSON lines, CSV, Parquet or Arrow: what `ledger apply` takes in again.

Entries stand in the order of the journal, with every field but their time, which a ledger gives
anew. Holds that expired moved nothing and are left out; chains are those of the past, so `linked`
is not set; an account that a hold has closed is closed by that hold again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from tallystick.accounting.plaintext.writing import TEXT_FORMS, entries_in_order, write_text
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Account, AccountFlags, Transfer, TransferFlags
from tallystick.pipeline.refusals import Refused
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

__all__ = ["EXPORT_ENDINGS", "export_ledger"]

EXPORT_ENDINGS: Final = {
    ".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet", ".arrow": "arrow",
    ".beancount": "beancount", ".bean": "beancount", ".journal": "hledger", ".hledger": "hledger",
}  # fmt: skip
"""The form of an exported file by the ending of its name."""

_OF_ACCOUNTS: Final = (
    "id", "book", "code", "flags", "user_data_128", "user_data_64", "user_data_32",
)  # fmt: skip
_OF_TRANSFERS: Final = (
    "id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128",
    "user_data_64", "user_data_32", "timeout", "book", "code", "flags",
)  # fmt: skip
_WIDE: Final = frozenset({"id", "debit_account_id", "credit_account_id", "pending_id",
                          "user_data_128"})  # fmt: skip
_NOT_KEPT: Final = int(AccountFlags.LINKED | AccountFlags.CLOSED)
_LINKED: Final = int(TransferFlags.LINKED)
_PAGE: Final = 5000

Record = Account | Transfer


def _accounts(rows: ReadSession, book: int | None) -> Iterator[Account]:
    ledger, after = SqlLedgerReader(rows.connection), 0
    while page := ledger.accounts_where(book=book, after_id=after, limit=_PAGE):
        for account in page:
            yield msgspec.structs.replace(account, flags=account.flags & ~_NOT_KEPT)
        after = page[-1].id


def _transfers(rows: ReadSession, book: int | None) -> Iterator[Transfer]:
    expired = set(SqlLedgerReader(rows.connection).expired_and_failed()[0])
    for entries in entries_in_order(rows, book):
        for transfer in entries:
            if transfer.id not in expired:
                yield msgspec.structs.replace(transfer, flags=transfer.flags & ~_LINKED)


def _values(record: Record, fields: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: f"{value:032x}" if name in _WIDE else value
        for name in fields
        if (value := getattr(record, name)) or name == "id"
    }


def _write_jsonl(records: Iterator[Record], fields: tuple[str, ...], out: BinaryIO) -> None:
    for record in records:
        values = _values(record, fields)
        if fields is _OF_TRANSFERS:
            # A row with a field that only transfers have is a transfer.
            values.setdefault("amount", 0)
        out.write(msgspec.json.encode(values) + b"\n")


def _write_csv(records: Iterator[Record], fields: tuple[str, ...], out: BinaryIO) -> None:
    text = io.TextIOWrapper(out, "utf-8", newline="", write_through=True)
    writer = csv.DictWriter(text, fields, restval="")
    writer.writeheader()
    for record in records:
        writer.writerow(_values(record, fields))
    text.detach()


def _write_columns(
    records: Iterator[Record], fields: tuple[str, ...], out: BinaryIO, form: str
) -> None:
    """All rows are held in memory as columns, about 130 bytes an entry."""
    import polars as pl

    kinds: dict[str, Any] = {"amount": pl.Int64, "user_data_64": pl.UInt64, "code": pl.UInt16,
                             "flags": pl.UInt16}  # fmt: skip
    schema = {n: pl.Binary if n in _WIDE else kinds.get(n, pl.UInt32) for n in fields}

    def column(part: list[Record], name: str) -> list[Any]:
        values = (getattr(record, name) for record in part)
        return [id_bytes(v) for v in values] if name in _WIDE else list(values)

    frames = [pl.DataFrame(schema=schema)]
    part: list[Record] = []
    for record in records:
        part.append(record)
        if len(part) == _PAGE * 10:
            frames.append(pl.DataFrame({n: column(part, n) for n in fields}, schema=schema))
            part = []
    frames.append(pl.DataFrame({n: column(part, n) for n in fields}, schema=schema))
    frame = pl.concat(frames)
    if form == "parquet":
        frame.write_parquet(out)
    else:
        frame.write_ipc(out, compression="uncompressed")


def export_ledger(
    rows: ReadSession, path: Path, out: BinaryIO, *, what: str = "", book: int | None = None
) -> None:
    """Write accounts and entries in the form that a file's ending names, as of one moment.

    Args:
        what: `accounts` or `transfers`; empty for both, which CSV, Parquet and Arrow cannot hold.

    Raises:
        Refused: INVALID_PARAMETER, for an ending that is not known or both in a form of one.
    """
    form = EXPORT_ENDINGS.get(path.suffix.lower())
    if form is None:
        raise Refused("INVALID_PARAMETER", f"A file ends in {', '.join(EXPORT_ENDINGS)}.")
    if form in TEXT_FORMS:
        if what:
            raise Refused("INVALID_PARAMETER", "Books as text have both accounts and entries.")
        write_text(rows, out, form, book)
        return
    if not what and form != "jsonl":
        raise Refused("INVALID_PARAMETER", "Say accounts or transfers: a table has one kind.")
    rows.connection.execute("BEGIN")
    try:
        for kind, records, fields in (
            ("accounts", _accounts(rows, book), _OF_ACCOUNTS),
            ("transfers", _transfers(rows, book), _OF_TRANSFERS),
        ):
            if what in ("", kind):
                _write(records, fields, out, form)
    finally:
        rows.connection.execute("ROLLBACK")


def _write(records: Iterator[Any], fields: tuple[str, ...], out: BinaryIO, form: str) -> None:
    if form == "jsonl":
        _write_jsonl(records, fields, out)
    elif form == "csv":
        _write_csv(records, fields, out)
    else:
        _write_columns(records, fields, out, form)
