"""The open loans of many bills: in columns, or one by one where their numbers may not fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.credit.loans.days.close import Closed, close
from tallystick.credit.loans.days.columns import I64, Rules
from tallystick.credit.loans.days.reading import Parties, product_terms, read_those, with_details
from tallystick.credit.loans.days.shard import Shard, far_overdue, loans_at
from tallystick.credit.loans.life import live
from tallystick.credit.loans.loading import loan_state
from tallystick.credit.loans.model import (
    Loan,
    LoanEvent,
    LoanStatus,
    PayLaterTerms,
    ProductTerms,
    contract_of,
)
from tallystick.credit.loans.standing import NEVER
from tallystick.credit.loans.timing import collect_ms
from tallystick.credit.pay_later import decide
from tallystick.credit.pay_later.columns import minimum_fits
from tallystick.pipeline.commands import Context
from tallystick.store.connection import Connection

if TYPE_CHECKING:
    from tallystick.ledger.index import JournalIndex

__all__ = ["Billed", "Loaded", "Pair", "billings_of", "billings_on", "load",
           "open_loans"]  # fmt: skip

_CHUNK: Final = 400

Pair = tuple[str, str]
"""Whose bill of what: borrower and product."""


class Billed(NamedTuple):
    """A bill that can be worked on in columns.

    Args:
        terms: those of the newest of its loans.
    """

    pair: Pair
    terms: PayLaterTerms
    currency: str


class Loaded(NamedTuple):
    """The loans of bills, brought to a day.

    Args:
        bills: those of `bill`, in their order.
        bill: by loan the place of its bill.
        at_once, rates: see `columns.written_bills`.
        by_one: whose bills have to be worked on one by one; the rest has no open loans.
    """

    bills: list[Billed]
    shard: Shard
    parties: dict[str, Parties]
    closed: Closed
    rules: Rules
    bill: I64
    at_once: npt.NDArray[np.bool_]
    rates: list[Decimal]
    terms: dict[str, ProductTerms]
    by_one: list[Pair]


def billings_of(context: Context, borrower_id: str, product_id: str) -> list[decide.Billing]:
    """A person's open loans of a product, as they stand today."""
    loans = context.uow.select(Loan, borrower_id=borrower_id, product_id=product_id)
    found = []
    for loan in loans:
        if loan.status is LoanStatus.ACTIVE:
            state = loan_state(context, loan.loan_id)
            position = live(state.contract, state.events, state.day)
            found.append(decide.Billing(loan, contract_of(loan), position))
    return found


def billings_on(
    context: Context, pair: Pair, day: date, *, collected: bool = False
) -> list[decide.Billing]:
    """A person's loans of a product that were open when a day began, as they stood then.

    Args:
        collected: whether what was paid automatically since counts, too.
    """
    begins_ms = collect_ms(day, 0)
    borrower_id, product_id = pair
    found = []
    for loan in context.uow.select(Loan, borrower_id=borrower_id, product_id=product_id):
        if loan.drawn_ms < begins_ms and (loan.closed_ms >= begins_ms or not loan.closed_ms):
            events = context.uow.select(LoanEvent, loan_id=loan.loan_id)
            contract = contract_of(loan)
            counted = decide.counted(events, day, collected=collected)
            found.append(decide.Billing(loan, contract, live(contract, counted, day)))
    return found


class _Open(NamedTuple):
    """An open loan; what comes from its standing is empty without one.

    Args:
        happened_day: the day of what happened on it last.
        booked_day: the ordinal of the day up to which it is booked.
    """

    loan_id: str
    borrower_id: str
    product_id: str
    status: str
    happened_day: str
    payments: int | None
    exact: int | None
    booked_day: int | None

    @property
    def pair(self) -> Pair:
        """Whose it is of what."""
        return self.borrower_id, self.product_id

    def stands_at(self, day: date) -> bool:
        """Whether its standing says how it stood when a day began."""
        open_still = self.status == LoanStatus.ACTIVE.value
        booked = self.booked_day or 0
        return open_still and self.happened_day < day.isoformat() and booked <= day.toordinal()


def open_loans(connection: Connection, pairs: Iterable[Pair], at_ms: int = NEVER) -> list[_Open]:
    """The loans of pairs that were open at a moment, now by itself, in order of their numbers."""
    by_product: dict[str, list[str]] = defaultdict(list)
    for borrower_id, product_id in dict.fromkeys(pairs):
        by_product[product_id].append(borrower_id)
    found: list[_Open] = []
    for product_id, borrowers in by_product.items():
        for start in range(0, len(borrowers), _CHUNK):
            part = borrowers[start : start + _CHUNK]
            rows = connection.execute(
                "SELECT l.loan_id, l.borrower_id, l.product_id, l.status, l.accrued_day, "  # noqa: S608
                "s.payments, s.exact, s.accrued_day FROM loan l "
                "LEFT JOIN loan_standing s ON s.loan_id = l.loan_id "
                "WHERE (l.status = ? OR l.closed_ms >= ?) AND l.drawn_ms < ? AND "
                f"l.product_id = ? AND l.borrower_id IN ({', '.join('?' * len(part))})",
                (LoanStatus.ACTIVE.value, at_ms, at_ms, product_id, *part),
            )
            found += [_Open(*row) for row in rows.fetchall()]
    return sorted(found)


def load(
    context: Context, index: JournalIndex, pairs: Sequence[Pair], day: date, *, as_it_began: bool
) -> Loaded:
    """Load the open loans of bills and bring them to a day; nothing is written.

    Args:
        as_it_began: as they stood when the day began, whatever happened since. What the standings
            do not tell of that is worked out one by one.
    """
    connection = context.uow.connection
    found = open_loans(connection, pairs, collect_ms(day, 0) if as_it_began else NEVER)
    slow = {
        loan.pair for loan in found
        if not loan.exact or (as_it_began and not loan.stands_at(day))
    }  # fmt: skip
    kept = [loan for loan in found if loan.pair not in slow]
    while True:
        loaded = _in_columns(connection, index, kept, day)
        wide = _wide(loaded, kept, day)
        if not wide:
            return loaded._replace(by_one=sorted(slow))
        slow |= wide
        kept = [loan for loan in kept if loan.pair not in slow]


def _wide(loaded: Loaded, kept: Sequence[_Open], today: date) -> set[Pair]:
    """Bills with loans whose numbers may not fit 64 bits."""
    far = far_overdue(loaded.closed.loans, today.toordinal())
    fits = [minimum_fits(rate) for rate in loaded.rates]
    known = {billed.pair for billed in loaded.bills}
    return {
        loan.pair for at, loan in enumerate(kept)
        if far[at] or not fits[at] or loan.pair not in known
    }  # fmt: skip


def _in_columns(
    connection: Connection, index: JournalIndex, kept: Sequence[_Open], today: date
) -> Loaded:
    shard = read_those(connection, [loan.loan_id for loan in kept])
    everything = list(range(len(kept)))
    shard, parties = with_details(connection, index, shard, everything)
    terms = product_terms(connection, shard.terms_id)
    late = {terms_id: product.late for terms_id, product in terms.items()}
    loans, rules = loans_at(shard, np.arange(len(kept)), late)
    closed = close(loans, rules, today.toordinal())
    newest = {loan.pair: at for at, loan in enumerate(kept)}
    bills = [
        Billed(pair, later, parties[kept[at].loan_id].currency)
        for pair, at in newest.items()
        if (later := terms[shard.terms_id[at]].pay_later) is not None
    ]
    places = {billed.pair: place for place, billed in enumerate(bills)}
    own = [terms[terms_id].pay_later for terms_id in shard.terms_id]
    return Loaded(
        bills, shard, parties, closed, rules,
        np.array([places.get(loan.pair, 0) for loan in kept], np.int64),
        np.array([loan.payments == 1 and later is not None
                  for loan, later in zip(kept, own, strict=True)], np.bool_),
        [later.minimum_rate if later else Decimal(0) for later in own],
        terms, [],
    )  # fmt: skip
