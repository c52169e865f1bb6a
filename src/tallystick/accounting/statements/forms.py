"""The forms in which a statement can be had, and writing one in whichever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple

from tallystick.accounting.statements.camt053 import write_camt053
from tallystick.accounting.statements.document import StatementDocument
from tallystick.accounting.statements.mt940 import write_mt940
from tallystick.accounting.statements.text_files import write_csv, write_json

__all__ = ["FORMS", "Form", "file_name", "write_statement"]

Writer = Callable[[StatementDocument, BinaryIO, str], None]


class Form(NamedTuple):
    """A form: the media type of its files, and the ending of their names."""

    media_type: str
    ending: str
    writer: Writer


def _write_pdf(document: StatementDocument, out: BinaryIO, language: str) -> None:
    # Loaded when somebody asks for one.
    from tallystick.accounting.statements.pdf import write_pdf

    write_pdf(document, out, language)


FORMS: Final[dict[str, Form]] = {
    "json": Form("application/json", "json", write_json),
    "csv": Form("text/csv; charset=utf-8", "csv", write_csv),
    "pdf": Form("application/pdf", "pdf", _write_pdf),
    "camt053": Form("application/xml", "xml", write_camt053),
    "mt940": Form("text/plain; charset=us-ascii", "sta", write_mt940),
}


def file_name(document: StatementDocument, form: str) -> str:
    """What a statement's file is called."""
    subject = "".join(c if c.isascii() and c.isalnum() else "-" for c in document.subject)
    return (
        f"statement-{subject}-{document.period.first}-{document.period.last}.{FORMS[form].ending}"
    )


def write_statement(
    document: StatementDocument, out: BinaryIO, form: str, language: str = "en"
) -> None:
    """Write a statement in one of `FORMS`.

    Raises:
        Refused: STATEMENT_TOO_LONG or STATEMENT_FORM_TOO_NARROW, where the form has no room.
        RuntimeError: the entries do not lead from the opening to the closing balance.
    """
    FORMS[form].writer(document, out, language)
