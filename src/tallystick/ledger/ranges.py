"""The widths of the ledger's fields: a number that does not fit is a caller's mistake."""

from __future__ import annotations

from tallystick.ledger.model import Account, Transfer

__all__ = ["check_account", "check_transfer"]

_BITS = {
    "id": 128,
    "debit_account_id": 128,
    "credit_account_id": 128,
    "amount": 63,
    "pending_id": 128,
    "user_data_128": 128,
    "user_data_64": 64,
    "user_data_32": 32,
    "timeout": 32,
    "book": 32,
    "code": 16,
    "flags": 16,
    "timestamp": 63,
    "debits_pending": 63,
    "debits_posted": 63,
    "credits_pending": 63,
    "credits_posted": 63,
}


def _refuse(record: Account | Transfer) -> None:
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if not 0 <= value < 1 << _BITS[name]:
            raise ValueError(f"{name} {value} is not a whole number of {_BITS[name]} bits")


def check_account(a: Account) -> None:
    """See that every field fits its width.

    Raises:
        ValueError: naming the first field that does not.
    """
    # A negative number stays negative under | and >>, so one test covers both ends.
    if (
        (a.id | a.user_data_128) >> 128
        or a.user_data_64 >> 64
        or (a.book | a.user_data_32) >> 32
        or (a.code | int(a.flags)) >> 16
        or (a.debits_pending | a.debits_posted | a.credits_pending | a.credits_posted) >> 63
        or a.timestamp >> 63
    ):
        _refuse(a)


def check_transfer(t: Transfer) -> None:
    """See that every field fits its width.

    Raises:
        ValueError: naming the first field that does not.
    """
    if (
        (t.id | t.debit_account_id | t.credit_account_id | t.pending_id | t.user_data_128) >> 128
        or (t.amount | t.timestamp) >> 63
        or t.user_data_64 >> 64
        or (t.book | t.timeout | t.user_data_32) >> 32
        or (t.code | int(t.flags)) >> 16
    ):
        _refuse(t)
