"""Periods at work: load what a decision needs, decide, record."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.accounting.books.decide import NOTHING_CLOSED
from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.periods import decide
from tallystick.accounting.periods.balances import totals_through
from tallystick.accounting.periods.model import (
    ApproveReopening,
    AskReopening,
    CloseDone,
    ClosePeriod,
    CloseStatus,
    PeriodClose,
    PeriodNote,
    RejectReopening,
)
from tallystick.accounting.posting import who
from tallystick.ledger.chart import PLATFORM_BOOK_MIN, book_currency
from tallystick.partners.views import person_of
from tallystick.pipeline.commands import Caller, CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.journal_rows import journal_head
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]


def _book(uow: UnitOfWork, number: int) -> LedgerBook:
    """The book as it was named; one of the platform's has its name from its currency."""
    known = uow.get(LedgerBook, number)
    if known is not None:
        return known
    sql = "SELECT 1 FROM ledger_account WHERE book = ? LIMIT 1"
    if uow.connection.execute(sql, (number,)).fetchone() is None:
        raise Refused("BOOK_NOT_EXIST")
    currency = book_currency(number) if number >= PLATFORM_BOOK_MIN else ""
    return LedgerBook(number, "", currency, False, NOTHING_CLOSED, "", uow.now_ms)


def _last_close(uow: UnitOfWork, book: LedgerBook) -> PeriodClose | None:
    """The book's latest close that holds."""
    closes = [
        c for c in uow.select(PeriodClose, book=book.book)
        if c.status is not CloseStatus.REOPENED and c.last_day == book.closed_through
    ]  # fmt: skip
    return closes[-1] if closes else None


def close_period(command: ClosePeriod, context: Context) -> Reply:
    """Close a book through a day."""
    uow = context.uow
    book = _book(uow, command.book)
    decide.require_closable(book, command.through_day, context.now_ms)
    changes = uow.books.changes()
    lines = totals_through(
        uow.connection, book.book, command.through_day, value_dated=book.value_dated,
        code_of={a.id: a.code for a in changes.new_accounts}, unwritten=changes.new_transfers,
    )  # fmt: skip
    head = journal_head(uow.connection)
    return record(context, decide.close(
        book, command.through_day, dated_number(context.now_ms, context.request_key, "close"),
        previous=_last_close(uow, book), journal=(head.number, head.hash), lines=lines,
        by=who(context), now_ms=context.now_ms,
    ))  # fmt: skip


def _loaded(uow: UnitOfWork, close_id: str) -> tuple[LedgerBook, PeriodClose, int]:
    row = uow.get(PeriodClose, close_id)
    if row is None:
        raise Refused("PERIOD_NOT_EXIST")
    return _book(uow, row.book), row, len(uow.select(PeriodNote, close_id=close_id))


def ask_reopening(command: AskReopening, context: Context) -> Reply:
    """Ask that a close be opened again."""
    book, row, notes = _loaded(context.uow, command.close_id)
    return record(context, decide.ask_reopening(
        book, row, command.reason, notes, who(context), context.now_ms
    ))  # fmt: skip


Decided = Callable[[LedgerBook, PeriodClose, int, str, int], Decision]


def _answer(decided: Decided, close_id: str, context: Context) -> Reply:
    book, row, notes = _loaded(context.uow, close_id)
    return record(context, decided(book, row, notes, who(context), context.now_ms))


def _asked_by_same(context: Context, row: PeriodClose) -> bool:
    kind, _, asker = row.asked_by.partition(":")
    if not kind:
        return False
    person = person_of(context.uow, context.caller)
    return bool(person) and person == person_of(context.uow, Caller(CallerKind(kind), asker))


def approve_reopening(command: ApproveReopening, context: Context) -> Reply:
    """Open it again, as another person than who asked, also where a key stands for them."""
    row = context.uow.get(PeriodClose, command.close_id)
    if row is not None and _asked_by_same(context, row):
        raise Refused("PERIOD_SAME_PERSON")
    return _answer(decide.approve_reopening, command.close_id, context)


def reject_reopening(command: RejectReopening, context: Context) -> Reply:
    """Leave it closed."""
    return _answer(decide.reject_reopening, command.close_id, context)


def register(registry: Registry) -> None:
    """Declare the commands of periods."""
    scope = "ledger:close"
    registry.add(ClosePeriod, close_period, reply=CloseDone, scope=scope)
    registry.add(AskReopening, ask_reopening, reply=CloseDone, scope=scope)
    registry.add(ApproveReopening, approve_reopening, reply=CloseDone, scope=scope)
    registry.add(RejectReopening, reject_reopening, reply=CloseDone, scope=scope)
