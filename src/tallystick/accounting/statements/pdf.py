"""Statements and reports as PDF, in English and Chinese.

Chinese is set in STSong-Light, one of Adobe's standard fonts for Simplified Chinese: readers have
it or a like one of their own, so the file carries no font. A document is put together in memory, so
it has a largest number of lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from tallystick.accounting.statements.document import StatementDocument, StatementEntry
from tallystick.accounting.statements.words import kind_of_account, movement_of, word
from tallystick.money.china_time import china_time
from tallystick.pipeline.refusals import Refused

__all__ = ["PDF_LINES_MAX", "Column", "Sheet", "write_pdf"]

PDF_LINES_MAX: Final = 20_000
"""Movements in one PDF; a longer statement is asked for in parts, or in another form."""

_CHINESE: Final = "STSong-Light"
_LATIN: Final = "Helvetica"
_SIZE, _LEADING, _MARGIN = 8, 12, 36


class Column(NamedTuple):
    """A column of a table: its heading, its left edge or, for numbers, its right edge."""

    title: str
    x: float
    is_number: bool = False


class Sheet:
    """Pages with a heading, a table's columns on each, and numbers at the foot."""

    def __init__(self, out: BinaryIO, title: str, columns: Sequence[Column], language: str) -> None:
        pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
        self._width, self._height = landscape(A4)
        # The same contents are the same bytes.
        self._canvas: Any = Canvas(out, pagesize=(self._width, self._height), invariant=1)
        self._canvas.setTitle(title)
        self._canvas.setCreator("Tallystick")
        self._columns, self._language = columns, language
        self._page = 0
        self._y = 0.0
        self._begin_page()
        self.line([(title, _MARGIN)], size=14)

    def _begin_page(self) -> None:
        self._page += 1
        self._y = self._height - _MARGIN
        foot = f"{word('page', self._language)} {self._page}"
        self._draw(foot, self._width - _MARGIN, _MARGIN / 2, _SIZE, right=True)

    def _draw(self, text: str, x: float, y: float, size: float, *, right: bool = False) -> None:
        self._canvas.setFont(_LATIN if text.isascii() else _CHINESE, size)
        (self._canvas.drawRightString if right else self._canvas.drawString)(x, y, text)

    def line(self, texts: Sequence[tuple[str, float]], *, size: float = _SIZE) -> None:
        """Texts at their places on the next line."""
        self._room()
        for text, x in texts:
            self._draw(text, x, self._y, size)
        self._y -= size + 4

    def _room(self) -> bool:
        """See that there is a line left; whether a page had to be begun for it."""
        if self._y > _MARGIN + _LEADING:
            return False
        self._canvas.showPage()
        self._begin_page()
        return True

    def heading(self) -> None:
        """The table's columns."""
        for column in self._columns:
            self._draw(column.title, column.x, self._y, _SIZE, right=column.is_number)
        self._canvas.line(_MARGIN, self._y - 3, self._width - _MARGIN, self._y - 3)
        self._y -= _LEADING + 2

    def row(self, cells: Sequence[str]) -> None:
        """A row of the table; on a new page the columns are said again."""
        if self._room():
            self.heading()
        for column, cell in zip(self._columns, cells, strict=True):
            if cell:
                self._draw(cell, column.x, self._y, _SIZE, right=column.is_number)
        self._y -= _LEADING

    def save(self) -> None:
        """Write the document."""
        self._canvas.showPage()
        self._canvas.save()


def _columns(language: str) -> list[Column]:
    places = (
        ("time", 36, False), ("movement", 132, False), ("other_account", 252, False),
        ("reference", 402, False), ("debit", 640, True), ("credit", 722, True),
        ("balance", 806, True),
    )  # fmt: skip
    return [Column(word(name, language), x, number) for name, x, number in places]


def _facts(document: StatementDocument, language: str) -> Iterator[str]:
    yield f"{word('account', language)}: {document.subject}"
    if document.code:
        yield f"{word('kind', language)}: {document.code} " + kind_of_account(
            document.code, document.book, language
        )
    if document.owner:
        yield f"{word('owner', language)}: {document.owner}"
    currency = document.currency or word("units", language)
    yield f"{word('book', language)}: {document.book}    {word('currency', language)}: {currency}"
    yield f"{word('period', language)}: {document.period.first} - {document.period.last}"
    yield word(f"grows_{document.side.value}", language)
    yield word("times", language)


def _row(document: StatementDocument, entry: StatementEntry, language: str) -> list[str]:
    t = entry.transfer
    credited = document.on_credit_side(entry.change)
    on_debit = credited < 0 or (credited == 0 and t.debit_account_id == entry.account_id)
    amount = document.text(abs(credited))
    return [
        china_time(t.timestamp // 1_000_000), movement_of(t.code, t.book, language),
        f"{entry.other_account_id:032x}", str(t.user_data_128 or ""),
        amount if on_debit else "", "" if on_debit else amount, document.text(entry.balance),
    ]  # fmt: skip


def write_pdf(document: StatementDocument, out: BinaryIO, language: str) -> None:
    """The statement on A4 pages.

    Raises:
        Refused: STATEMENT_TOO_LONG, for more than `PDF_LINES_MAX` movements.
    """
    sheet = Sheet(out, word("statement", language), _columns(language), language)
    for fact in _facts(document, language):
        sheet.line([(fact, _MARGIN)])
    sheet.heading()

    def balance(kind: str, day: object, amount: int) -> None:
        label = f"{word(kind, language)}"
        sheet.row([str(day), label, "", "", "", "", document.text(amount)])

    balance("opening", document.period.first, document.opening)
    count = 0
    for day in document.days():
        last = day.opening
        balance("opening", day.day, day.opening)
        for entry in day.entries:
            count += 1
            if count > PDF_LINES_MAX:
                raise Refused("STATEMENT_TOO_LONG", f"A PDF has at most {PDF_LINES_MAX} movements.")
            last = entry.balance
            sheet.row(_row(document, entry, language))
        balance("closing", day.day, last)
    if not count:
        sheet.row(["", word("nothing", language), "", "", "", "", ""])
    balance("closing", document.period.last, document.closing)
    sheet.save()
