"""What requests and answers about the ledger look like.

A book is called `ledger` here, as in the written histories of the ledger. Numbers of more than
53 bits are read as JSON numbers or as decimal texts, and always shown as decimal texts, because
many readers of JSON lose their last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from tallystick.accounting.model import BATCH_MAX, AccountDraft, TransferDraft
from tallystick.accounting.views import AccountStatement
from tallystick.gateway.rest.accounting_fields import read_day
from tallystick.gateway.rest.fields import MS_MAX, Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.problem import BadRequest
from tallystick.ledger.model import (
    AMOUNT_MAX,
    ID_MAX,
    Account,
    PendingState,
    Transfer,
    expires_at_ms,
)
from tallystick.ledger.statements import (
    StatementLine,
    TrialBalance,
    TrialLine,
    available_of,
    balance_of,
    normal_side,
)
from tallystick.payments.movement_names import movement_name
from tallystick.store.ledger_rows import id_bytes

__all__ = [
    "AccountQuery", "AccountShape", "AccountsBody", "IdText", "LedgerId", "LedgerStatementQuery",
    "LineShape", "Metadata", "MetadataName", "NewLedgerTransfer", "SignedUnits", "StatementShape",
    "TransferQuery", "TransferShape", "TransfersBody", "TrialBalanceShape", "TrialQuery", "Units",
    "WideText", "account_drafts", "account_shape", "dated_books", "effective_day",
    "given_transfers", "number_of", "statement_shape", "transfer_drafts", "transfer_metadata",
    "transfer_shape", "trial_shape",
]  # fmt: skip

_WIDE_MAX: Final = 2**64 - 1
_NS_PER_MS: Final = 1_000_000

_DECIMAL: Final = r"^(0|[1-9][0-9]{0,38})\Z"
_DECIMAL_OR_MAX: Final = r"^(0|[1-9][0-9]{0,38}|max)\Z"


def _whole(most: int) -> Any:
    """A whole number in JSON, from 0 to what fits."""
    return Meta(ge=0, extra_json_schema={"maximum": most})


Id = (
    Annotated[int, _whole(ID_MAX)]
    | Annotated[
        str, Meta(pattern=_DECIMAL_OR_MAX, description="Decimal; `max` is the largest, 2^128-1.")
    ]
)
Reference = (
    Annotated[int, _whole(ID_MAX)]
    | Annotated[str, Meta(pattern=_DECIMAL, description="Decimal, at most 2^128-1.")]
)
Wide = (
    Annotated[int, _whole(_WIDE_MAX)]
    | Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,19})\Z", description="At most 2^64-1.")]
)
Amount = (
    Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
    | Annotated[
        str,
        Meta(
            pattern=r"^(0|[1-9][0-9]{0,18}|max)\Z",
            description="Decimal minor units; `max` is the largest, 2^63-1.",
        ),
    ]
)
Small = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Short = Annotated[int, Meta(ge=0, le=2**16 - 1)]

LedgerId = Annotated[
    str, Meta(pattern=_DECIMAL, description="A 128-bit number, decimal.", examples=["1001"])
]
IdText = Annotated[str, Meta(pattern=_DECIMAL, description="128 bits.", examples=["1001"])]
WideText = Annotated[str, Meta(pattern=_DECIMAL, description="64 bits.", examples=["7"])]
Units = Annotated[str, Meta(pattern=_DECIMAL, description="Minor units.", examples=["1230"])]
SignedUnits = Annotated[
    str,
    Meta(pattern=r"^-?(0|[1-9][0-9]{0,38})\Z", description="Minor units.", examples=["-1230"]),
]
Side = Literal["debit", "credit"]
PendingName = Literal["pending", "posted", "voided", "expired"]


MetadataName = Annotated[
    str,
    Meta(pattern=r"^[a-z][a-z0-9_-]{1,63}\Z", description="A name.", examples=["invoice"]),
]
MetadataValue = Annotated[
    str, Meta(max_length=500, description="Printable; empty takes the name away.")
]
Metadata = Annotated[
    dict[MetadataName, MetadataValue], Meta(max_length=32, examples=[{"invoice": "2026-17"}])
]


class NewLedgerAccount(Body, frozen=True, kw_only=True):
    """An account to create; what is left out is 0."""

    id: Id
    ledger: Small = 0
    code: Short = 0
    flags: Short = 0
    user_data_128: Reference = 0
    user_data_64: Wide = 0
    user_data_32: Small = 0


class NewLedgerTransfer(Body, frozen=True, kw_only=True):
    """A transfer to create; what is left out is 0. `timeout` is in seconds."""

    id: Id
    debit_account_id: Id = 0
    credit_account_id: Id = 0
    amount: Amount = 0
    pending_id: Id = 0
    user_data_128: Reference = 0
    user_data_64: Wide = 0
    user_data_32: Small = 0
    timeout: Small = 0
    ledger: Small = 0
    code: Short = 0
    flags: Short = 0
    metadata: Metadata | None = None
    effective_date: Annotated[
        str,
        Meta(
            pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z",
            description="In a value-dated book: the day, up to today, on which it takes effect. "
            "It is kept in `user_data_32`, which is left out then.",
            examples=["2026-11-24"],
        ),
    ] = ""


_SIZE: Final = Meta(min_length=1, max_length=BATCH_MAX)


class NamedAccounts(Body, frozen=True, kw_only=True):
    """The accounts under their name."""

    accounts: Annotated[tuple[NewLedgerAccount, ...], _SIZE]


class NamedTransfers(Body, frozen=True, kw_only=True):
    """The transfers under their name."""

    transfers: Annotated[tuple[NewLedgerTransfer, ...], _SIZE]


AccountsBody = Annotated[tuple[NewLedgerAccount, ...], _SIZE] | NamedAccounts
TransfersBody = Annotated[tuple[NewLedgerTransfer, ...], _SIZE] | NamedTransfers


class AccountQuery(Query, frozen=True, kw_only=True):
    """Which accounts; what is left out does not filter."""

    ledger: Small | None = None
    code: Short | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class TransferQuery(Query, frozen=True, kw_only=True):
    """How many, and from where on."""

    limit: Limit = 20
    cursor: Cursor = ""


class TrialQuery(Query, frozen=True, kw_only=True):
    """Which book; all when it is left out."""

    ledger: Small | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class LedgerStatementQuery(Query, frozen=True, kw_only=True):
    """The period, from `from_ms` to just before `before_ms`, and how many lines of it."""

    from_ms: Ms = 0
    before_ms: Ms = MS_MAX
    limit: Limit = 20
    cursor: Cursor = ""


class AccountShape(Shape, frozen=True, kw_only=True):
    """An account. `balance` is on its normal side, `available` less what holds have taken."""

    id: IdText
    ledger: int
    code: int
    flags: int
    user_data_128: IdText
    user_data_64: WideText
    user_data_32: int
    debits_pending: Units
    debits_posted: Units
    credits_pending: Units
    credits_posted: Units
    normal_side: Side
    balance: SignedUnits
    available: SignedUnits
    timestamp: Annotated[
        str, Meta(description="Nanoseconds since 1970 UTC.", examples=["1795516800000000001"])
    ]
    created_ms: Ms


class TransferShape(Shape, frozen=True, kw_only=True):
    """A transfer as the ledger has it; `amount` is what was really moved or held."""

    id: IdText
    debit_account_id: IdText
    credit_account_id: IdText
    amount: Units
    pending_id: IdText
    user_data_128: IdText
    user_data_64: WideText
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: int
    timestamp: Annotated[
        str, Meta(description="Nanoseconds since 1970 UTC.", examples=["1795516800000000001"])
    ]
    posted_ms: Ms
    pending_state: PendingName | None
    expires_ms: int | None


class LineShape(Shape, frozen=True, kw_only=True):
    """One movement: `change` is positive where the account grew, `balance` is after it."""

    transfer_id: IdText
    at_ms: Ms
    code: int
    movement: Annotated[str, Meta(examples=["Payment"])]
    other_account_id: IdText
    user_data_128: IdText
    change: SignedUnits
    balance: SignedUnits


class StatementShape(Shape, frozen=True, kw_only=True):
    """An account's statement. `opening` and `closing` are the period's, not the page's."""

    account_id: IdText
    ledger: int
    normal_side: Side
    from_ms: Ms
    before_ms: Ms
    opening: SignedUnits
    closing: SignedUnits
    items: list[LineShape]
    next_cursor: str | None


class TotalsShape(Shape, frozen=True, kw_only=True):
    """The four totals of the accounts of a code."""

    code: int
    accounts: int
    debits_pending: Units
    debits_posted: Units
    credits_pending: Units
    credits_posted: Units


class TrialBalanceShape(Shape, frozen=True, kw_only=True):
    """A book by code. `balanced`: debits equal credits, posted and pending."""

    ledger: int
    balanced: bool
    debits_pending: Units
    debits_posted: Units
    credits_pending: Units
    credits_posted: Units
    lines: list[TotalsShape]


def number_of(given: int | str, most: int, field: str) -> int:
    """What a number or text in a request stands for.

    Raises:
        BadRequest: it is larger than its field.
    """
    if given == "max":
        return most
    number = int(given)
    if number > most:
        raise BadRequest(f"{number} is more than {most}.", field)
    return number


def effective_day(t: NewLedgerTransfer, where: str) -> int:
    """The number that is kept in `user_data_32`: the effective day, where one is given."""
    if not t.effective_date:
        return t.user_data_32
    if t.user_data_32:
        raise BadRequest("The effective date takes this field's place.", f"{where}.user_data_32")
    return read_day(t.effective_date, f"{where}.effective_date")


def given_transfers(
    body: Sequence[NewLedgerTransfer] | NamedTransfers,
) -> tuple[str, Sequence[NewLedgerTransfer]]:
    """A call's transfers, and where in the request they are."""
    return ("$.transfers", body.transfers) if isinstance(body, NamedTransfers) else ("$", body)


def dated_books(body: Sequence[NewLedgerTransfer] | NamedTransfers) -> set[int]:
    """The books of transfers with an effective date."""
    return {t.ledger for t in given_transfers(body)[1] if t.effective_date}


def account_drafts(body: Sequence[NewLedgerAccount] | NamedAccounts) -> tuple[AccountDraft, ...]:
    """The accounts as the command takes them.

    Raises:
        BadRequest: a number that is larger than its field.
    """
    if isinstance(body, NamedAccounts):
        root, given = "$.accounts", body.accounts
    else:
        root, given = "$", tuple(body)
    return tuple(
        AccountDraft(
            id_bytes(number_of(a.id, ID_MAX, f"{root}[{at}].id")),
            a.ledger,
            a.code,
            a.flags,
            id_bytes(number_of(a.user_data_128, ID_MAX, f"{root}[{at}].user_data_128")),
            number_of(a.user_data_64, _WIDE_MAX, f"{root}[{at}].user_data_64"),
            a.user_data_32,
        )
        for at, a in enumerate(given)
    )


def transfer_metadata(
    body: Sequence[NewLedgerTransfer] | NamedTransfers,
) -> dict[int, dict[str, str]]:
    """What some of the transfers carry, by their place in the call."""
    given = given_transfers(body)[1]
    return {at: dict(t.metadata) for at, t in enumerate(given) if t.metadata}


def transfer_drafts(
    body: Sequence[NewLedgerTransfer] | NamedTransfers,
) -> tuple[TransferDraft, ...]:
    """The transfers as the command takes them.

    Raises:
        BadRequest: a number that is larger than its field.
    """
    root, given = given_transfers(body)
    return tuple(
        TransferDraft(
            id_bytes(number_of(t.id, ID_MAX, f"{root}[{at}].id")),
            id_bytes(number_of(t.debit_account_id, ID_MAX, f"{root}[{at}].debit_account_id")),
            id_bytes(number_of(t.credit_account_id, ID_MAX, f"{root}[{at}].credit_account_id")),
            number_of(t.amount, AMOUNT_MAX, f"{root}[{at}].amount"),
            id_bytes(number_of(t.pending_id, ID_MAX, f"{root}[{at}].pending_id")),
            id_bytes(number_of(t.user_data_128, ID_MAX, f"{root}[{at}].user_data_128")),
            number_of(t.user_data_64, _WIDE_MAX, f"{root}[{at}].user_data_64"),
            effective_day(t, f"{root}[{at}]"),
            t.timeout,
            t.ledger,
            t.code,
            t.flags,
        )
        for at, t in enumerate(given)
    )


def account_shape(a: Account) -> AccountShape:
    """An account as it is shown."""
    return AccountShape(
        id=str(a.id),
        ledger=a.book,
        code=a.code,
        flags=a.flags,
        user_data_128=str(a.user_data_128),
        user_data_64=str(a.user_data_64),
        user_data_32=a.user_data_32,
        debits_pending=str(a.debits_pending),
        debits_posted=str(a.debits_posted),
        credits_pending=str(a.credits_pending),
        credits_posted=str(a.credits_posted),
        normal_side=normal_side(a).value,
        balance=str(balance_of(a)),
        available=str(available_of(a)),
        timestamp=str(a.timestamp),
        created_ms=a.timestamp // _NS_PER_MS,
    )


def transfer_shape(t: Transfer, state: PendingState | None) -> TransferShape:
    """A transfer as it is shown, with what became of it when it was pending."""
    names: dict[PendingState, PendingName] = {
        PendingState.PENDING: "pending",
        PendingState.POSTED: "posted",
        PendingState.VOIDED: "voided",
        PendingState.EXPIRED: "expired",
    }
    return TransferShape(
        id=str(t.id),
        debit_account_id=str(t.debit_account_id),
        credit_account_id=str(t.credit_account_id),
        amount=str(t.amount),
        pending_id=str(t.pending_id),
        user_data_128=str(t.user_data_128),
        user_data_64=str(t.user_data_64),
        user_data_32=t.user_data_32,
        timeout=t.timeout,
        ledger=t.book,
        code=t.code,
        flags=t.flags,
        timestamp=str(t.timestamp),
        posted_ms=t.timestamp // _NS_PER_MS,
        pending_state=None if state is None else names[state],
        expires_ms=expires_at_ms(t),
    )


def _line(line: StatementLine) -> LineShape:
    t = line.transfer
    return LineShape(
        transfer_id=str(t.id),
        at_ms=t.timestamp // _NS_PER_MS,
        code=t.code,
        movement=movement_name(t.code).english,
        other_account_id=str(line.other_account_id),
        user_data_128=str(t.user_data_128),
        change=str(line.change),
        balance=str(line.balance),
    )


def statement_shape(
    found: AccountStatement, query: LedgerStatementQuery, next_cursor: str | None
) -> StatementShape:
    """A page of a statement as it is shown."""
    return StatementShape(
        account_id=str(found.account.id),
        ledger=found.account.book,
        normal_side=normal_side(found.account).value,
        from_ms=query.from_ms,
        before_ms=query.before_ms,
        opening=str(found.opening),
        closing=str(found.closing),
        items=[_line(line) for line in found.lines],
        next_cursor=next_cursor,
    )


def _totals(line: TrialLine) -> TotalsShape:
    return TotalsShape(
        code=line.code,
        accounts=line.accounts,
        debits_pending=str(line.debits_pending),
        debits_posted=str(line.debits_posted),
        credits_pending=str(line.credits_pending),
        credits_posted=str(line.credits_posted),
    )


def trial_shape(book: TrialBalance) -> TrialBalanceShape:
    """A book's trial balance as it is shown."""
    return TrialBalanceShape(
        ledger=book.book,
        balanced=book.balanced,
        debits_pending=str(book.debits_pending),
        debits_posted=str(book.debits_posted),
        credits_pending=str(book.credits_pending),
        credits_posted=str(book.credits_posted),
        lines=[_totals(line) for line in book.lines],
    )
