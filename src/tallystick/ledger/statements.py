"""Reading the books: balances, trial balances and statements, as pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tallystick.ledger.chart import CHART, Side
from tallystick.ledger.model import Account, Transfer, TransferFlags

__all__ = [
    "StatementLine",
    "TrialBalance",
    "TrialLine",
    "available_of",
    "balance_of",
    "normal_side",
    "statement",
    "trial_balances",
]

_MOVES_NOTHING = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)


class TrialLine(NamedTuple):
    """The totals of all accounts of one code in a book, in minor units."""

    code: int
    accounts: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int


class TrialBalance(NamedTuple):
    """One book by code, and its totals; `balanced` says that debits equal credits."""

    book: int
    lines: tuple[TrialLine, ...]
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits, posted and pending."""
        return (
            self.debits_posted == self.credits_posted
            and self.debits_pending == self.credits_pending
        )


class StatementLine(NamedTuple):
    """A transfer that moved money of an account.

    Args:
        change: minor units, positive where the account grew on its normal side.
        balance: minor units after it, on the normal side.
        other_account_id: the account on the transfer's other side.
    """

    transfer: Transfer
    change: int
    balance: int
    other_account_id: int


def normal_side(account: Account) -> Side:
    """The side on which the account grows: the chart's, and credit for codes it does not list."""
    entry = CHART.get(account.code)
    return Side.CREDIT if entry is None else entry.side


def balance_of(account: Account) -> int:
    """The posted balance in minor units, on the account's normal side."""
    credit_balance = account.credits_posted - account.debits_posted
    return credit_balance if normal_side(account) is Side.CREDIT else -credit_balance


def available_of(account: Account) -> int:
    """What of the balance no hold has taken: pending amounts against it are off, others not on."""
    credit_side = normal_side(account) is Side.CREDIT
    return balance_of(account) - (
        account.debits_pending if credit_side else account.credits_pending
    )


def _totals(accounts: list[Account]) -> tuple[int, int, int, int]:
    return (
        sum(a.debits_pending for a in accounts),
        sum(a.debits_posted for a in accounts),
        sum(a.credits_pending for a in accounts),
        sum(a.credits_posted for a in accounts),
    )


def trial_balances(accounts: Iterable[Account]) -> list[TrialBalance]:
    """The trial balance of every book among these accounts, in book order, codes in order."""
    books: dict[int, dict[int, list[Account]]] = {}
    for account in accounts:
        books.setdefault(account.book, {}).setdefault(account.code, []).append(account)
    return [
        TrialBalance(
            book,
            tuple(TrialLine(code, len(of), *_totals(of)) for code, of in sorted(codes.items())),
            *_totals([a for of in codes.values() for a in of]),
        )
        for book, codes in sorted(books.items())
    ]


def statement(
    account: Account, transfers: Iterable[Transfer], *, opening: int = 0
) -> Iterator[StatementLine]:
    """An account's lines with the running balance, in the order of the transfers.

    Holds and their release move nothing and make no line; a posted hold does.

    Args:
        transfers: the account's transfers, oldest first.
        opening: the balance before the first of them, in minor units on the normal side.

    Raises:
        ValueError: a transfer that is not of this account.
    """
    balance = opening
    grows_with_credits = normal_side(account) is Side.CREDIT
    for t in transfers:
        if account.id not in (t.debit_account_id, t.credit_account_id):
            raise ValueError(f"transfer {t.id} is not of account {account.id}")
        if t.flags & _MOVES_NOTHING:
            continue
        credited = t.credit_account_id == account.id
        change = t.amount if credited == grows_with_credits else -t.amount
        balance += change
        other = t.debit_account_id if credited else t.credit_account_id
        yield StatementLine(t, change, balance, other)
