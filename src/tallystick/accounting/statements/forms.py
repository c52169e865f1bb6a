"""The forms in which a statement can be had, and writing one in whichever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final, NamedTuple

from tallystick.accounting.statements.camt053 import write_camt053
from tallystick.accounting.statements.document import StatementDocument
from tallystick.accounting.statements.mt940 import write_mt940
from tallystick.accounting.statements.text_files import write_csv, write_json
from tallystick.pipeline.refusals import Refused

__all__ = ["FORMS", "Form", "file_name", "offered_language", "write_statement"]

Writer = Callable[[StatementDocument, BinaryIO, str], None]


class Form(NamedTuple):
    """A form: the media type of its files, the ending of their names, its languages."""

    media_type: str
    ending: str
    writer: Writer
    languages: tuple[str, ...] = ("en", "zh")


def _write_pdf(document: StatementDocument, out: BinaryIO, language: str) -> None:
    # Loaded when somebody asks for one.
    from tallystick.accounting.statements.pdf import write_pdf

    write_pdf(document, out, language)


FORMS: Final[dict[str, Form]] = {
    "json": Form("application/json", "json", write_json),
    "csv": Form("text/csv; charset=utf-8", "csv", write_csv),
    "pdf": Form("application/pdf", "pdf", _write_pdf),
    "camt053": Form("application/xml", "xml", write_camt053),
    "mt940": Form("text/plain; charset=us-ascii", "sta", write_mt940, ("en",)),
}


def file_name(document: StatementDocument, form: str) -> str:
    """What a statement's file is called."""
    subject = "".join(c if c.isascii() and c.isalnum() else "-" for c in document.subject)
    return (
        f"statement-{subject}-{document.period.first}-{document.period.last}.{FORMS[form].ending}"
    )


def offered_language(form: str, language: str) -> str:
    """A language, or English where a form has not that one."""
    return language if language in FORMS[form].languages else "en"


def write_statement(
    document: StatementDocument, out: BinaryIO, form: str, language: str = "en"
) -> None:
    """Write a statement in one of `FORMS`.

    Raises:
        Refused: STATEMENT_TOO_LONG or STATEMENT_FORM_TOO_NARROW, where the form has no room;
            INVALID_PARAMETER for a language that the form has not.
        RuntimeError: the entries do not lead from the opening to the closing balance.
    """
    if language not in FORMS[form].languages:
        raise Refused(
            "INVALID_PARAMETER",
            "lang: MT940 is in English only; its characters are SWIFT's, which are Latin.",
        )
    FORMS[form].writer(document, out, language)
