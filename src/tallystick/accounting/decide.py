"""What raw bookkeeping may touch, and the drafts as the ledger takes them: pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tallystick.accounting.model import BATCH_MAX, AccountDraft, TransferDraft
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.ledger.model import Account, Transfer
from tallystick.ledger.ranges import check_account, check_transfer
from tallystick.pipeline.refusals import Refused

__all__ = ["ID_BYTES", "accounts_of", "require_own_books", "transfers_of"]

ID_BYTES = 16


def _number(text: bytes) -> int:
    if len(text) != ID_BYTES:
        raise Refused("INVALID_PARAMETER", "A 128-bit number must be 16 bytes.")
    return int.from_bytes(text, "big")


def _require_size(drafts: Sequence[object]) -> None:
    if not 1 <= len(drafts) <= BATCH_MAX:
        raise Refused("INVALID_PARAMETER", f"A call takes 1 to {BATCH_MAX} entries.")


def require_own_books(books: Iterable[int]) -> None:
    """See that no book is one that the platform's products keep.

    Raises:
        Refused: BOOK_RESERVED, for the whole call.
    """
    for book in books:
        if book >= PLATFORM_BOOK_MIN:
            raise Refused("BOOK_RESERVED", f"Book {book} is kept by the platform.")


def _account(d: AccountDraft) -> Account:
    return Account(
        id=_number(d.id),
        book=d.book,
        code=d.code,
        flags=d.flags,
        user_data_128=_number(d.user_data_128),
        user_data_64=d.user_data_64,
        user_data_32=d.user_data_32,
    )


def accounts_of(drafts: Sequence[AccountDraft]) -> list[Account]:
    """The accounts to create.

    Raises:
        Refused: INVALID_PARAMETER for none, too many, or a number that does not fit its width.
    """
    _require_size(drafts)
    accounts = [_account(d) for d in drafts]
    try:
        for account in accounts:
            check_account(account)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", str(error)) from error
    return accounts


def _transfer(d: TransferDraft) -> Transfer:
    return Transfer(
        _number(d.id),
        _number(d.debit_account_id),
        _number(d.credit_account_id),
        d.amount,
        _number(d.pending_id),
        _number(d.user_data_128),
        d.user_data_64,
        d.user_data_32,
        d.timeout,
        d.book,
        d.code,
        d.flags,
    )


def transfers_of(drafts: Sequence[TransferDraft]) -> list[Transfer]:
    """The transfers to create.

    Raises:
        Refused: INVALID_PARAMETER for none, too many, or a number that does not fit its width.
    """
    _require_size(drafts)
    transfers = [_transfer(d) for d in drafts]
    try:
        for transfer in transfers:
            check_transfer(transfer)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", str(error)) from error
    return transfers
