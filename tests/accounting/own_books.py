"""A book with accounts and money, for tests of bookkeeping's products."""

from __future__ import annotations

from tests.platform_parts import Parts

from tallystick.accounting.books.model import NameBook
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.ledger.model import Account
from tallystick.ledger.statements import balance_of
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.store.ledger_rows import SqlLedgerReader, id_bytes

__all__ = [
    "ANN",
    "BEN",
    "BOOK",
    "SOURCE",
    "account",
    "accounts",
    "balance",
    "money",
    "name",
    "totals",
    "transfer",
]

BOOK = 7
SOURCE = 1
"""Where money comes from: an account without limits."""
ZERO = id_bytes(0)
SCOPES = frozenset({"ledger:write", "ledger:close", "webhooks:write"})
ANN = Caller(CallerKind.OPERATOR, "ann", SCOPES)
BEN = Caller(CallerKind.OPERATOR, "ben", SCOPES)


def account(id_: int, book: int = BOOK, code: int = 10, flags: int = 0) -> AccountDraft:
    """An account to create."""
    return AccountDraft(id_bytes(id_), book, code, flags, ZERO, 0, 0)


def transfer(
    id_: int, debit: int, credit: int, amount: int, *, book: int = BOOK, day: int = 0,
    pending_id: int = 0, flags: int = 0, code: int = 1,
) -> TransferDraft:  # fmt: skip
    """A transfer to create; `day` is its effective day."""
    return TransferDraft(
        id_bytes(id_), id_bytes(debit), id_bytes(credit), amount, id_bytes(pending_id), ZERO, 0,
        day, 0, book, code, flags,
    )  # fmt: skip


def name(
    parts: Parts, book: int = BOOK, *, currency: str = "CNY", value_dated: bool = True
) -> None:
    """Name a book."""
    parts.accept(NameBook(book=book, name="Main", currency=currency, value_dated=value_dated))


def money(parts: Parts, *transfers: TransferDraft) -> list[str]:
    """Create transfers; the ledger's answers."""
    return list(parts.accept(CreateLedgerTransfers(transfers=transfers)).results)


def accounts(parts: Parts, *drafts: AccountDraft) -> None:
    """Create accounts, all of which must be new."""
    results = parts.accept(CreateLedgerAccounts(accounts=drafts)).results
    assert set(results) == {"created"}


def totals(parts: Parts, id_: int) -> Account:
    """An account as it is committed."""
    return SqlLedgerReader(parts.rows.connection).accounts([id_])[0]


def balance(parts: Parts, id_: int) -> int:
    """Its balance, in minor units."""
    return balance_of(totals(parts, id_))
