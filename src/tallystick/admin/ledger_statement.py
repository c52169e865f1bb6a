"""`tallystick ledger statement`: an account's statement as a file, also while a server runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, cast

from cyclopts import Parameter

from tallystick.accounting.made_file import MadeFile, make_file
from tallystick.accounting.statements.document import DayPeriod, account_document
from tallystick.accounting.statements.forms import FORMS, file_name, write_statement
from tallystick.admin.commands import HERE, Place, UsageError
from tallystick.settings import Settings
from tallystick.store.engine import DATABASE_NAME, StoreError, database_of
from tallystick.store.rows import ReadSession

__all__ = ["account_number", "day_asked", "deliver", "reading", "statement"]

_HEX_DIGITS = 32
_PIECE_BYTES = 1 << 20

FormName = Literal["json", "csv", "pdf", "camt053", "mt940"]
Language = Literal["en", "zh"]


@contextmanager
def reading(settings: Settings) -> Iterator[ReadSession]:
    """A reading session on the platform's database; a server may run meanwhile."""
    if not settings.database and not (settings.data / DATABASE_NAME).exists():
        raise StoreError(f"The data folder {settings.data} has no database.")
    database = database_of(settings.database, settings.data)
    with closing(database.connect(readonly=True)) as connection:
        yield ReadSession(connection)


def account_number(text: str) -> int:
    """An account's id as people write it: 32 hexadecimal digits, or a decimal number."""
    try:
        if len(text) == _HEX_DIGITS:
            return int.from_bytes(bytes.fromhex(text), "big")
        if text.isascii() and text.isdigit():
            return int(text) % (1 << 128)
    except ValueError:
        pass
    raise UsageError(f"{text!r} is no account's id.")


def day_asked(text: str) -> date:
    """A day as people write it.

    Raises:
        UsageError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day yyyy-mm-dd.") from error


def deliver(made: MadeFile, to: Path | None) -> None:
    """Write a made file where it was asked for, or to standard output."""
    with made.file as file:
        out = cast(BinaryIO, sys.stdout.buffer) if to is None else to.open("wb")
        try:
            while piece := file.read(_PIECE_BYTES):
                out.write(piece)
            out.flush()
        finally:
            if to is not None:
                out.close()


def statement(
    account: str,
    *,
    first: Annotated[str, Parameter(name="--from")],
    last: Annotated[str, Parameter(name="--to")],
    form: Annotated[FormName, Parameter(name="--format")] = "json",
    lang: Language = "en",
    currency: str = "",
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    place: Place = HERE,
) -> None:
    """Write an account's statement, day by day; a server may run meanwhile.

    Args:
        account: its id: 32 hexadecimal digits, or a decimal number.
        first: the first day, yyyy-mm-dd in China time.
        last: the last day.
        form: pdf, csv, camt053, mt940 or json.
        lang: en or zh.
        currency: what a book of your own counts.
        output: a file; standard output without one.
    """
    account_id = account_number(account)
    period = DayPeriod.of(day_asked(first), day_asked(last))
    with reading(place.settings) as rows:

        def write(out: BinaryIO) -> tuple[str, str]:
            document = account_document(rows, account_id, period, currency)
            write_statement(document, out, form, lang)
            return file_name(document, form), FORMS[form].media_type

        made = make_file(write)
    deliver(made, output)
