"""What keeps entries out of closed days: asked before each transfer that names a day.

An entry without an effective day takes effect on the day on which it is made, and no day can be
closed before it is over; so only what names a day is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable

from tallystick.accounting.books.model import LedgerBook
from tallystick.accounting.days import day_of_ms
from tallystick.accounting.periods.decide import require_day_open
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["require_days_open", "require_open_days"]

_POSTS = int(TransferFlags.POST_PENDING)
_MOVES_NOTHING = int(TransferFlags.VOID_PENDING)


def _days(uow: UnitOfWork, transfers: Iterable[Transfer]) -> Iterable[tuple[int, int]]:
    """Book and effective day of each; what a posting leaves out is its hold's."""
    for t in transfers:
        if t.flags & _MOVES_NOTHING:
            continue
        book, day = t.book, t.user_data_32
        if t.flags & _POSTS:
            held = uow.books.transfer(t.pending_id)
            if held is not None:
                book, day = held.book, day or held.user_data_32
        if day:
            yield book, day


def require_open_days(uow: UnitOfWork, transfers: Iterable[Transfer]) -> None:
    """See that no transfer takes effect in a closed day, or in one to come.

    Raises:
        Refused: PERIOD_CLOSED, EFFECTIVE_DATE_INVALID.
    """
    require_days_open(uow, set(_days(uow, transfers)))


def require_days_open(uow: UnitOfWork, days: Iterable[tuple[int, int]]) -> None:
    """The same for books with the days that entries name.

    Raises:
        Refused: PERIOD_CLOSED, EFFECTIVE_DATE_INVALID.
    """
    today = day_of_ms(uow.now_ms)
    for book, day in days:
        require_day_open(uow.get(LedgerBook, book), day, today)
