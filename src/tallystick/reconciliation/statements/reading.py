"""One way in for every form of statement: the form is known by the file's first bytes."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.reconciliation.statements.alipay_bill import is_alipay_bill, read_alipay_bill
from tallystick.reconciliation.statements.mapped_csv import decoded, read_mapped_csv
from tallystick.reconciliation.statements.mapping import Mapping
from tallystick.reconciliation.statements.model import (
    BankStatement,
    StatementError,
    require_sums,
)

__all__ = ["StatementForm", "form_of", "read_statements"]

_HEAD_BYTES: Final = 4096


class StatementForm(StrEnum):
    """The forms of statements that are read."""

    MT940 = "mt940"
    CAMT053 = "camt053"
    CSV = "csv"
    ALIPAY = "alipay"


def form_of(data: bytes) -> StatementForm | None:
    """The form that a file's first bytes show; None for CSV, which only a mapping explains."""
    head = data[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if is_alipay_bill(data):
        return StatementForm.ALIPAY
    if head.startswith(b"<"):
        return StatementForm.CAMT053
    if head.startswith((b":20:", b"{1:")) or b"\n:20:" in head:
        return StatementForm.MT940
    return None


def _text(data: bytes) -> str:
    """MT940 is ASCII but in its texts, where older banks write an 8-bit set of their own."""
    try:
        return decoded(data, "utf-8")
    except StatementError:
        return data.decode("latin-1")


def _read(data: bytes, mapping: Mapping | None) -> list[BankStatement]:
    if mapping is not None:
        return read_mapped_csv(data, mapping)
    form = form_of(data)
    if form is StatementForm.ALIPAY:
        return read_alipay_bill(data)
    if form is StatementForm.CAMT053:
        # The parser is loaded only for who has such a file.
        from tallystick.reconciliation.statements.camt053 import read_camt053

        return read_camt053(data)
    if form is StatementForm.MT940:
        from tallystick.reconciliation.statements.mt940 import read_mt940

        return read_mt940(_text(data))
    raise StatementError(0, "The form is not known; a CSV file needs a mapping.")


def read_statements(data: bytes, mapping: Mapping | None = None) -> list[BankStatement]:
    """The statements of a file, each of which adds up.

    Args:
        mapping: explains a CSV file; without one the form is found from the file.

    Raises:
        StatementError: the file is refused as a whole, with the line and the reason.
    """
    statements = _read(data, mapping)
    for statement in statements:
        require_sums(statement)
    return statements
