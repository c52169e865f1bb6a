"""The shapes of reconciliation: statements, proposals with both sides, breaks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    BankId,
    Body,
    Currency,
    Cursor,
    Limit,
    Ms,
    OrderNo,
    Query,
    Shape,
    SignedAmountText,
)
from tallystick.reconciliation.model import BreakSide, BreakStatus, GroupStatus

__all__ = [
    "AgeQuery", "AgeShape", "Ages", "BankStatementQuery", "BankStatementShape",
    "BreakAssignment", "BreakId", "BreakQuery", "BreakResolution", "BreakShape", "BreakState",
    "BreakStoryShape", "BreakText", "DecidedGroup", "GroupShape", "ImportShape", "NoteShape",
    "ProposalAcceptance", "ProposalQuery", "SideRow", "StatementFile",
]  # fmt: skip

BreakId = Annotated[
    str,
    Meta(pattern=r"^([0-9a-f]{32}|[0-9]{28}-[0-9]{5})\Z", description="A break's number.",
         examples=["2026112412345678901234567890-00001"]),
]  # fmt: skip
Account = Literal["5001", "2901"]
Words = Annotated[str, Meta(min_length=1, max_length=500, examples=["Asked the bank."])]
Day = Annotated[str, Meta(description="A day, `yyyy-mm-dd`.", examples=["2026-11-24"])]


class StatementFile(Body, frozen=True, kw_only=True):
    """A file as it came from the bank, in base64; `mapping` is the TOML that explains a CSV."""

    bank_id: BankId
    content_base64: Annotated[str, Meta(min_length=1, examples=["OjIwOlNU…"])]
    mapping: Annotated[str, Meta(max_length=10_000, examples=[""])] = ""


class ProposalAcceptance(Body, frozen=True, kw_only=True):
    """Where a difference goes: channel cost or suspense; only where there is one."""

    difference_account: Account | None = None


class BreakAssignment(Body, frozen=True, kw_only=True):
    """Who looks after a break; empty for nobody."""

    assignee: Annotated[str, Meta(max_length=64, examples=["li.wei"])]


class BreakResolution(Body, frozen=True, kw_only=True):
    """Where what stands alone is booked."""

    account: Account = "2901"
    note: Annotated[str, Meta(max_length=500, examples=["The bank confirms."])] = ""


class BreakText(Body, frozen=True, kw_only=True):
    """What is written about a break."""

    text: Words


class BankStatementQuery(Query, frozen=True, kw_only=True):
    """Which statements; what is left out does not filter."""

    bank_id: BankId | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class ProposalQuery(Query, frozen=True, kw_only=True):
    """Which groups; without a status the proposals."""

    bank_id: BankId | None = None
    status: GroupStatus = GroupStatus.PROPOSED
    limit: Limit = 20
    cursor: Cursor = ""


class BreakQuery(Query, frozen=True, kw_only=True):
    """Which breaks; without a status the open ones."""

    bank_id: BankId | None = None
    status: BreakStatus = BreakStatus.OPEN
    limit: Limit = 20
    cursor: Cursor = ""


class AgeQuery(Query, frozen=True, kw_only=True):
    """Of which bank; of all without one."""

    bank_id: BankId | None = None


class ImportShape(Shape, frozen=True, kw_only=True):
    """What an import brought; the counts are of groups and of new breaks."""

    statement_ids: list[OrderNo]
    lines: int
    matched: int
    proposed: int
    only_at_bank: int
    only_in_ledger: int
    gaps: int


class BankStatementShape(Shape, frozen=True, kw_only=True):
    """A statement; its balances are null where its form carries none."""

    statement_id: OrderNo
    bank_id: BankId
    account: str
    number: str
    currency: Currency
    opening: SignedAmountText | None
    closing: SignedAmountText | None
    first_day: Day
    last_day: Day
    lines: int
    imported_by: str
    imported_ms: Ms


class SideRow(Shape, frozen=True, kw_only=True):
    """A bank line, or an entry of the ledger: its id and what it moved."""

    id: str
    day: Day
    amount: SignedAmountText
    reference: str


class GroupShape(Shape, frozen=True, kw_only=True):
    """Lines and entries that belong together, or may: both sides, the rule and its reason."""

    group_id: OrderNo
    bank_id: BankId
    currency: Currency
    status: GroupStatus
    rule: str
    reason: str
    reason_zh: str
    difference: SignedAmountText
    tolerance: str
    difference_account: str
    others_that_fit: int
    bank: list[SideRow]
    ledger: list[SideRow]
    decided_by: str
    created_ms: Ms
    decided_ms: Ms | None


class DecidedGroup(Shape, frozen=True, kw_only=True):
    """A group after a decision."""

    group_id: OrderNo
    status: GroupStatus
    difference: SignedAmountText
    difference_account: str


class BreakShape(Shape, frozen=True, kw_only=True):
    """What stands alone, on which side, and how old it is.

    `gap`: on no side; a statement opens with so much more than the one before it closed with.
    """

    break_id: BreakId
    bank_id: BankId
    currency: Currency
    side: BreakSide
    day: Day
    age_days: int
    amount: SignedAmountText
    reference: str
    status: BreakStatus
    assignee: str
    account: str
    closed_by: str
    opened_ms: Ms
    closed_ms: Ms | None


class NoteShape(Shape, frozen=True, kw_only=True):
    """A note about a break."""

    note_no: int
    author: str
    text: str
    at_ms: Ms


class BreakStoryShape(Shape, frozen=True, kw_only=True):
    """A break with its bank line's text and everything that was written about it."""

    found: BreakShape
    counterparty: str
    text: str
    notes: list[NoteShape]


class BreakState(Shape, frozen=True, kw_only=True):
    """A break after a change."""

    break_id: BreakId
    status: BreakStatus
    assignee: str
    account: str
    notes: int


class AgeShape(Shape, frozen=True, kw_only=True):
    """Open breaks of some ages; `days_max` is null for the oldest, amounts are without signs."""

    currency: Currency
    days_min: int
    days_max: int | None
    count: int
    amount: SignedAmountText


class Ages(Shape, frozen=True, kw_only=True):
    """Open breaks by currency and age."""

    buckets: list[AgeShape]
