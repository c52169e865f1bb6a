"""Naming books: load what is known, decide, record."""

from __future__ import annotations

from tallystick.accounting.books import decide
from tallystick.accounting.books.model import BookNamed, LedgerBook, NameBook
from tallystick.accounting.posting import who
from tallystick.ledger.model import Transfer
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]


def _in_use(uow: UnitOfWork, book: int) -> bool:
    """Whether something was posted or is held in a book, as the batch sees it."""
    pending: list[Transfer] = uow.books.changes().new_transfers
    if any(t.book == book for t in pending):
        return True
    sql = (
        "SELECT 1 FROM ledger_account WHERE book = ? AND "
        "(debits_posted > 0 OR credits_posted > 0 OR debits_pending > 0 OR credits_pending > 0) "
        "LIMIT 1"
    )
    return uow.connection.execute(sql, (book,)).fetchone() is not None


def name_book(command: NameBook, context: Context) -> Reply:
    """Give a book its name."""
    uow = context.uow
    known = uow.get(LedgerBook, command.book)
    in_use = _in_use(uow, command.book)
    return record(context, decide.name_book(known, command, in_use, who(context), context.now_ms))


def register(registry: Registry) -> None:
    """Declare the command."""
    registry.add(NameBook, name_book, reply=BookNamed, scope="ledger:write")
