"""What can be seen of receivables: one's whole story, offers for it, what falls due, whose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.credit.receivables.decide import (
    Exposure,
    Standing,
    priced,
    require_financeable,
    require_within,
    standing_of,
)
from tallystick.credit.receivables.model import (
    OPEN,
    Receivable,
    ReceivableEvent,
    ReceivableProduct,
    ReceivableStatus,
    ReceivableTerms,
    terms_of_receivable,
)
from tallystick.ledger.chart import FINANCED_RECEIVABLE
from tallystick.ledger.model import Account
from tallystick.ledger.statements import balance_of
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.refusals import Refusal, Refused
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "DUE_BUCKETS", "DueBucket", "FinancingOption", "ReceivableStory", "advanced_on",
    "due_buckets", "exposure_around", "financing_options", "receivable_story", "receivables_of",
]  # fmt: skip

_MOST: Final = 200
Accounts = Callable[[list[int]], Iterable[Account]]
"""Gives those accounts of the ledger that there are."""


class ReceivableStory(NamedTuple):
    """A receivable, what happened, and what is owed."""

    row: Receivable
    events: tuple[ReceivableEvent, ...]
    standing: Standing


def receivable_story(rows: ReadSession, row: Receivable) -> ReceivableStory:
    """All that is known of a receivable."""
    events = tuple(rows.select(ReceivableEvent, receivable_id=row.receivable_id))
    return ReceivableStory(row, events, standing_of(row, events))


def receivables_of(
    rows: ReadSession, *, seller_id: str = "", debtor_id: str = "",
    status: ReceivableStatus | None = None,
) -> list[ReceivableStory]:  # fmt: skip
    """Receivables of a seller, of a debtor or of all, newest first; 200 at most."""
    wanted = {"seller_id": seller_id, "debtor_id": debtor_id, "status": status or ""}
    given = {name: value for name, value in wanted.items() if value}
    where = " AND ".join(f"{name} = ?" for name in given)
    tail = f"{f'WHERE {where} ' if where else ''}ORDER BY receivable_id DESC LIMIT ?"
    found = rows.query(Receivable, tail, (*given.values(), _MOST))
    return [receivable_story(rows, row) for row in found]


# What is advanced, from the ledger.


def _account_id(row: Receivable) -> int:
    return AccountRef(FINANCED_RECEIVABLE, row.receivable_id, platform_book(row.currency)).id


def advanced_on(found: Iterable[Receivable], accounts: Accounts, currency: str) -> int:
    """What the ledger says is advanced on receivables, in minor units of a currency."""
    ids = [_account_id(row) for row in found if row.status in OPEN and row.currency == currency]
    return sum(balance_of(account) for account in accounts(ids))


def exposure_around(rows: Rows, accounts: Accounts, row: Receivable) -> Exposure:
    """What is advanced already on the receivables of its seller, and of its debtor."""
    return Exposure(
        advanced_on(rows.select(Receivable, seller_id=row.seller_id), accounts, row.currency),
        advanced_on(rows.select(Receivable, debtor_id=row.debtor_id), accounts, row.currency),
    )


class FinancingOption(NamedTuple):
    """What a receivable would be financed for today; amounts in minor units.

    Args:
        all_in: the yearly rate if the debtor pays on the due day; None where there is none.
        refused: why it may not be assigned by these terms now; with an advance of 0 these terms
            have no price for it.
    """

    product_id: str
    terms: ReceivableTerms
    advance: int
    fee: int
    all_in: Decimal | None
    refused: Refusal | None


def _option(
    product: ReceivableProduct, row: Receivable, exposure: Exposure, day: date
) -> FinancingOption:
    terms = terms_of_receivable(product)
    advance, fee, rate, why_not = 0, 0, None, None
    try:
        advance, fee, rate = priced(terms, row.face, day, date.fromisoformat(row.due_day))
        require_financeable(row, terms)
        require_within(terms, exposure, advance)
    except Refused as refused:
        why_not = refused.refusal
    return FinancingOption(product.product_id, terms, advance, fee, rate, why_not)


def financing_options(
    rows: Rows, accounts: Accounts, row: Receivable, day: date
) -> list[FinancingOption]:
    """By which terms a receivable that is not assigned may be, and for how much."""
    exposure = exposure_around(rows, accounts, row)
    products = rows.select(ReceivableProduct)
    options = [_option(product, row, exposure, day) for product in products]
    return [option for option in options if option.terms.currency == row.currency]


# What falls due.

DUE_BUCKETS: Final = (("overdue", 0), ("30", 30), ("60", 60), ("90", 90), ("later", 10**6))
"""Names of spans until the due day, and how many days away it is at most."""


class DueBucket(NamedTuple):
    """Receivables whose due day is as far away: how many, and what is advanced on them."""

    name: str
    receivables: int
    advanced: int


def _bucket(row: Receivable, day: date) -> str:
    days = (date.fromisoformat(row.due_day) - day).days
    return next(name for name, most in DUE_BUCKETS if days <= most)


def due_buckets(rows: ReadSession, accounts: Accounts, currency: str, day: date) -> list[DueBucket]:
    """What is advanced in a currency, by when it falls due."""
    tail = "WHERE currency = ? AND status IN (?, ?)"
    found = rows.query(Receivable, tail, (currency, *sorted(status.value for status in OPEN)))
    by_name: dict[str, list[Receivable]] = {name: [] for name, _most in DUE_BUCKETS}
    for row in found:
        by_name[_bucket(row, day)].append(row)
    return [
        DueBucket(name, len(taken), advanced_on(taken, accounts, currency))
        for name, taken in by_name.items()
    ]
