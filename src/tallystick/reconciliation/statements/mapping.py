"""How a CSV file is to be read: which column is what, how days, amounts and signs are written."""

from __future__ import annotations

import tomllib
from typing import Any, Final, Literal

import msgspec

from tallystick.decoding import convert
from tallystick.reconciliation.statements.model import StatementError

__all__ = ["LEDGER_FILE", "Columns", "Mapping", "Sign", "read_mapping"]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The names of columns in the file's head; empty for what the file does not have.

    Args:
        amount: one signed column, or unsigned beside `indicator`.
        debit, credit: two columns in place of `amount`: what went out, what came in.
        indicator: says which way an amount goes.
        balance: after the movement; then each line's arithmetic is checked.
        id: names the line; only in files of ledger entries.
    """

    day: str
    amount: str = ""
    debit: str = ""
    credit: str = ""
    indicator: str = ""
    currency: str = ""
    reference: str = ""
    bank_reference: str = ""
    counterparty: str = ""
    text: str = ""
    balance: str = ""
    account: str = ""
    id: str = ""


class Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which way an amount goes: by its own sign, by a column's word, or by which column it is in.

    Args:
        out, into: the indicator's words for money that went out and that came in.
        inverted: turns every sign around: the file is written from the bank's side.
    """

    rule: Literal["signed", "indicator", "two_columns"] = "signed"
    out: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
    inverted: bool = False


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping file.

    Args:
        skip_lines: lines before the head.
        comment: lines that begin with this are passed over.
        day_format: as `strptime` writes it.
        currency, account: for files without such columns.
    """

    columns: Columns
    sign: Sign = Sign()
    encoding: str = "utf-8"
    delimiter: str = ","
    skip_lines: int = 0
    comment: str = ""
    day_format: str = "%Y-%m-%d"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    currency: str = ""
    account: str = ""


LEDGER_FILE: Final = Mapping(
    columns=Columns(
        day="day", amount="amount", currency="currency", reference="reference",
        bank_reference="bank_reference", counterparty="counterparty", text="text", id="id",
    )
)  # fmt: skip
"""How a file of ledger entries is written unless another mapping says so."""


def _require_sense(mapping: Mapping) -> None:
    """Guard against mappings that cannot be meant.

    Raises:
        StatementError: the columns do not fit the rule of signs, or the same mark has two uses.
    """
    columns, sign = mapping.columns, mapping.sign
    two = sign.rule == "two_columns"
    if two != bool(columns.debit and columns.credit) or two == bool(columns.amount):
        raise StatementError(0, "Name the column amount, or with two_columns debit and credit.")
    if (sign.rule == "indicator") != bool(columns.indicator and sign.out and sign.into):
        raise StatementError(0, "The rule indicator needs its column and the words out and into.")
    if not (columns.currency or mapping.currency):
        raise StatementError(0, "Name a currency, or the column with it.")
    if mapping.decimal == mapping.thousands or len(mapping.delimiter) != 1:
        raise StatementError(0, "decimal, thousands and delimiter must differ.")


def read_mapping(text: str) -> Mapping:
    """The mapping in a TOML file.

    Raises:
        StatementError: it is not TOML, or a field is missing or not known.
    """
    try:
        found: Any = tomllib.loads(text)
        mapping = convert(found, Mapping)
    except tomllib.TOMLDecodeError as error:
        raise StatementError(0, f"The mapping is not TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise StatementError(0, f"The mapping is not valid: {error}.") from error
    _require_sense(mapping)
    return mapping
