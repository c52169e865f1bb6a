"""The ledger: accounts and transfers in bulk, in books of the caller's own; and looking at all.

Books that the platform keeps can be seen with `ledger:read`, and are never written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from tallystick.accounting import views
from tallystick.accounting.books.views import known_book
from tallystick.accounting.corrections.views import corrections_of
from tallystick.accounting.model import (
    BULK_MIN,
    CreateLedgerAccounts,
    CreateLedgerRecords,
    CreateLedgerTransfers,
    LedgerResults,
)
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.fields import Query
from tallystick.gateway.rest.ledger_links import LinkedTransferShape, linked_transfer_shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.ledger.model import ID_MAX, AccountResult, TransferResult
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import ReadSession

__all__ = ["BULK_BYTES_MAX", "LEDGER_OPERATIONS", "beside", "number_in_path"]

BULK_BYTES_MAX: Final = 8 * 1024 * 1024
"""The largest body of a bulk call: as many transfers as it may have, written at full length."""

_TAG: Final = "Ledger"
_WRITE: Final = "ledger:write"
_READ: Final = "ledger:read"
_ACCOUNT: Final = {"account_id": shapes.LedgerId}
_NS_PER_MS: Final = 1_000_000

T = TypeVar("T")


def create_accounts(call: Call, body: Any) -> CreateLedgerAccounts:
    """The command that creates accounts."""
    return CreateLedgerAccounts(accounts=shapes.account_drafts(body))


async def create_transfers(call: Call, body: Any) -> CreateLedgerTransfers | CreateLedgerRecords:
    """The command that creates transfers; of many, as records for the ledger's bulk call.

    Raises:
        Refused: EFFECTIVE_DATE_INVALID for a date in a book that is not value-dated.
    """
    for book in shapes.dated_books(body):
        known = known_book(call.platform.rows, book)
        if known is None or not known.value_dated:
            raise Refused("EFFECTIVE_DATE_INVALID", f"Book {book} is not value-dated.")
    metadata = shapes.transfer_metadata(body)
    root, given = shapes.given_transfers(body)
    if len(given) < BULK_MIN:
        return CreateLedgerTransfers(transfers=shapes.transfer_drafts(body), metadata=metadata)

    def packed() -> bytes:
        # Compiled code and the journal's index are loaded here, where they hold up no command.
        from tallystick.gateway.rest.ledger_records import packed_transfers
        from tallystick.store.bulk_ready import ready_for_bulk

        with call.platform.reader() as rows:
            ready_for_bulk(rows.connection)
        return packed_transfers(root, given)

    return CreateLedgerRecords(records=await asyncio.to_thread(packed), metadata=metadata)


def _results(done: LedgerResults) -> tuple[str, ...]:
    return done.results


async def beside(call: Call, read: Callable[[ReadSession], T]) -> T:
    """What a long read finds, on a thread and in a session of its own."""

    def run() -> T:
        with call.platform.reader() as rows:
            return read(rows)

    return await asyncio.to_thread(run)


def number_in_path(call: Call, name: str, code: str) -> int:
    """The id in the path; one that is too large is nobody's."""
    number = int(call.path[name])
    if number > ID_MAX:
        raise Refused(code)
    return number


def get_account(call: Call, query: Query) -> shapes.AccountShape:
    """An account with its totals."""
    account_id = number_in_path(call, "account_id", "ACCOUNT_NOT_EXIST")
    found = views.account(call.platform.ledger, account_id)
    if found is None:
        raise Refused("ACCOUNT_NOT_EXIST")
    return shapes.account_shape(found)


def list_accounts(call: Call, query: shapes.AccountQuery) -> Page[shapes.AccountShape]:
    """Accounts in the order of their ids."""
    scope = f"ledger accounts?{query.ledger},{query.code}"
    place = call.read_cursor(scope, query.cursor)
    found = views.accounts_page(
        call.platform.ledger,
        book=query.ledger,
        code=query.code,
        after=0 if place is None else int(place[0]),
        limit=query.limit,
    )
    after = None if found.after is None else (str(found.after),)
    return Page(
        items=[shapes.account_shape(a) for a in found.accounts],
        next_cursor=call.write_cursor(scope, after),
    )


def get_transfer(call: Call, query: Query) -> LinkedTransferShape:
    """A transfer as the ledger has it, with the links of reversals."""
    transfer_id = number_in_path(call, "transfer_id", "TRANSFER_NOT_EXIST")
    found = views.transfer(call.platform.ledger, transfer_id)
    if found is None:
        raise Refused("TRANSFER_NOT_EXIST")
    links = corrections_of(call.platform.rows, transfer_id)
    return linked_transfer_shape(*found, links)


def list_transfers(call: Call, query: shapes.TransferQuery) -> Page[shapes.TransferShape]:
    """An account's transfers, oldest first."""
    account_id, ledger = int(get_account(call, query).id), call.platform.ledger
    scope = f"ledger transfers?{account_id}"
    place = call.read_cursor(scope, query.cursor)
    after = 0 if place is None else int(place[0])
    found = views.transfers_page(ledger, account_id, after=after, limit=query.limit)
    states = ledger.pending_states([t.id for t in found.transfers])
    return Page(
        items=[shapes.transfer_shape(t, states.get(t.id)) for t in found.transfers],
        next_cursor=call.write_cursor(scope, None if found.after is None else (found.after,)),
    )


async def get_statement(call: Call, query: shapes.LedgerStatementQuery) -> shapes.StatementShape:
    """An account's lines in a period, oldest first."""
    account_id = number_in_path(call, "account_id", "ACCOUNT_NOT_EXIST")
    scope = f"ledger statement?{account_id},{query.from_ms},{query.before_ms}"
    place = call.read_cursor(scope, query.cursor)
    found = await beside(
        call,
        lambda rows: views.account_statement(
            rows,
            account_id,
            from_ns=query.from_ms * _NS_PER_MS,
            before_ns=query.before_ms * _NS_PER_MS,
            after=-1 if place is None else int(place[0]),
            limit=query.limit,
        ),
    )
    if found is None:
        raise Refused("ACCOUNT_NOT_EXIST")
    after = None if found.after is None else (found.after,)
    return shapes.statement_shape(found, query, call.write_cursor(scope, after))


async def get_trial_balance(call: Call, query: shapes.TrialQuery) -> Page[shapes.TrialBalanceShape]:
    """Books by code, in the order of their numbers."""
    scope = f"ledger trial balance?{query.ledger}"
    place = call.read_cursor(scope, query.cursor)
    found = await beside(
        call,
        lambda rows: views.trial_balance_page(
            rows,
            book=query.ledger,
            after=-1 if place is None else int(place[0]),
            limit=query.limit,
        ),
    )
    after = None if found.after is None else (found.after,)
    return Page(
        items=[shapes.trial_shape(b) for b in found.books],
        next_cursor=call.write_cursor(scope, after),
    )


_BULK: Final = (
    "An array, or an object with the array under its name; the answer is an array with one "
    "result for each, in order. One that is refused stops no other, but linked ones go together."
)

LEDGER_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/ledger/accounts", "createLedgerAccounts", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Create accounts", description=_BULK, body=shapes.AccountsBody,  # type: ignore[arg-type]
        command=create_accounts, show=_results, answer=list[AccountResult],
        refusals=("BOOK_RESERVED",), body_bytes_max=BULK_BYTES_MAX,
        example=[{"id": 1001, "ledger": 1, "code": 10}, {"id": 1002, "ledger": 1, "code": 10}],
    ),
    look(
        "/v1/ledger/accounts", "listLedgerAccounts", tag=_TAG, scope=_READ, for_apps=False,
        summary="List accounts", description="In the order of their ids.",
        query=shapes.AccountQuery, find=list_accounts, answer=Page[shapes.AccountShape],
    ),
    look(
        "/v1/ledger/accounts/{account_id}", "getLedgerAccount", tag=_TAG, scope=_READ,
        for_apps=False, summary="See an account", parameters=_ACCOUNT, query=Query,
        find=get_account, answer=shapes.AccountShape, refusals=("ACCOUNT_NOT_EXIST",),
    ),
    look(
        "/v1/ledger/accounts/{account_id}/transfers", "listLedgerTransfers", tag=_TAG,
        scope=_READ, for_apps=False, summary="List an account's transfers",
        description="Oldest first; holds and what became of them are among them.",
        parameters=_ACCOUNT, query=shapes.TransferQuery, find=list_transfers,
        answer=Page[shapes.TransferShape], refusals=("ACCOUNT_NOT_EXIST",),
    ),
    look(
        "/v1/ledger/accounts/{account_id}/statement", "getLedgerStatement", tag=_TAG,
        scope=_READ, for_apps=False, summary="See an account's statement",
        description="What moved in the period, oldest first, with the balance after each. Holds "
        "move nothing and make no line.",
        parameters=_ACCOUNT, query=shapes.LedgerStatementQuery, find=get_statement,
        answer=shapes.StatementShape, refusals=("ACCOUNT_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/transfers", "createLedgerTransfers", tag=_TAG, scope=_WRITE, for_apps=False,
        summary="Create transfers", description=_BULK, body=shapes.TransfersBody,  # type: ignore[arg-type]
        command=create_transfers, show=_results, answer=list[TransferResult],
        refusals=("BOOK_RESERVED", "PERIOD_CLOSED", "EFFECTIVE_DATE_INVALID", "INVALID_PARAMETER"),
        body_bytes_max=BULK_BYTES_MAX,
        example=[{"id": 1, "debit_account_id": 1001, "credit_account_id": 1002, "amount": 1230,
                  "ledger": 1, "code": 1}],
    ),
    look(
        "/v1/ledger/transfers/{transfer_id}", "getLedgerTransfer", tag=_TAG, scope=_READ,
        for_apps=False, summary="See a transfer", parameters={"transfer_id": shapes.LedgerId},
        query=Query, find=get_transfer, answer=LinkedTransferShape,
        refusals=("TRANSFER_NOT_EXIST",),
    ),
    look(
        "/v1/ledger/trial-balance", "getTrialBalance", tag=_TAG, scope=_READ, for_apps=False,
        summary="See the trial balance", description="Of one book or all, in their order.",
        query=shapes.TrialQuery, find=get_trial_balance, answer=Page[shapes.TrialBalanceShape],
    ),
)  # fmt: skip
