"""Reconciliation on the platform: statements, groups, breaks; terms, rows, commands.

Days are counted from 1970-01-01. An entry of the ledger is named by its transfer's id in 32 hex
digits; amounts are signed minor units, positive for money that came to the bank.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from tallystick.pipeline.commands import Command, Reply
from tallystick.reconciliation.matching.rules import Rules, Tolerance
from tallystick.store.table import Row, Table

__all__ = [
    "DIFFERENCE_ACCOUNTS", "LINES_MAX", "PLATFORM_RULES", "AcceptProposal", "AssignBreak",
    "BreakDone", "BreakNote", "BreakSide", "BreakStatus", "GroupDone", "GroupStatus",
    "ImportStatement", "ImportedStatement", "LineDraft", "ReconciledEntry", "ReconciliationBreak",
    "ReconciliationGroup", "RejectProposal", "ResolveBreak", "StatementDraft", "StatementImported",
    "StatementLine", "WriteBreakNote",
]  # fmt: skip

LINES_MAX: Final = 20_000
"""The most lines that are imported at once; larger files are matched offline."""

DIFFERENCE_ACCOUNTS: Final = ("5001", "2901")
"""Where a difference can go: the chart's channel cost and suspense."""

PLATFORM_RULES: Final = Rules(
    tolerances=(Tolerance(name="bank fee", account="5001", minor_units_max=2000, rate_max="0.01"),)
)
"""What matching does unless an import says otherwise."""


class GroupStatus(StrEnum):
    """What has become of lines and entries that may belong together."""

    MATCHED = "matched"
    PROPOSED = "proposed"
    REJECTED = "rejected"


class BreakSide(StrEnum):
    """Where something stands alone."""

    BANK = "bank"
    LEDGER = "ledger"
    GAP = "gap"
    """On neither: a statement opens with another balance than the one before it closed with."""


class BreakStatus(StrEnum):
    """Whether something still stands alone."""

    OPEN = "open"
    PROPOSED = "proposed"
    """It is part of a proposal; rejected, it is open again."""
    MATCHED = "matched"
    RESOLVED = "resolved"
    """Somebody booked it."""


class ImportedStatement(Row, frozen=True):
    """A statement of one account in one currency."""

    statement_id: str
    bank_id: str
    account: str
    number: str
    currency: str
    has_balances: bool
    opening: int
    closing: int
    first_day: int
    last_day: int
    lines: int
    file_digest: bytes
    imported_by: str
    imported_ms: int


class StatementLine(Row, frozen=True):
    """A line of a statement; `group_id` is empty while it stands alone."""

    line_id: str
    statement_id: str
    bank_id: str
    currency: str
    day: int
    amount: int
    reference: str
    bank_reference: str
    counterparty: str
    text: str
    group_id: str


class ReconciledEntry(Row, frozen=True):
    """An entry of the ledger that is in a group."""

    entry_id: str
    group_id: str
    bank_id: str
    currency: str
    day: int
    amount: int
    reference: str


class ReconciliationGroup(Row, frozen=True):
    """Lines and entries that belong together, or are proposed to.

    `members` names what was put together, so that a rejected proposal is not made again.
    """

    group_id: str
    bank_id: str
    currency: str
    status: GroupStatus
    rule: str
    difference: int
    tolerance: str
    difference_account: str
    choices: int
    members: str
    decided_by: str
    created_ms: int
    decided_ms: int


class ReconciliationBreak(Row, frozen=True):
    """A line or an entry that stands alone, or a gap between statements.

    Its id is the line's, the entry's, or line 00000 of the statement that opens with the gap.
    """

    break_id: str
    bank_id: str
    currency: str
    side: BreakSide
    day: int
    amount: int
    reference: str
    status: BreakStatus
    assignee: str
    account: str
    closed_by: str
    opened_ms: int
    closed_ms: int


class BreakNote(Row, frozen=True):
    """What somebody wrote about a break."""

    break_id: str
    note_no: int
    author: str
    text: str
    at_ms: int


STATEMENTS = Table("bank_statement", ImportedStatement, ("statement_id",))
LINES = Table("statement_line", StatementLine, ("line_id",))
ENTRIES = Table("reconciled_entry", ReconciledEntry, ("entry_id",))
GROUPS = Table("reconciliation_group", ReconciliationGroup, ("group_id",))
BREAKS = Table("reconciliation_break", ReconciliationBreak, ("break_id",))
NOTES = Table("break_note", BreakNote, ("break_id", "note_no"))


class LineDraft(msgspec.Struct, frozen=True, array_like=True):
    """A line to import."""

    day: int
    amount: int
    reference: str
    bank_reference: str
    counterparty: str
    text: str


class StatementDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A statement to import, in one currency; it was checked when it was read.

    `day` is the closing balance's where there are no lines, counted from 1970-01-01; else 0.
    """

    account: str
    number: str
    currency: str
    has_balances: bool
    opening: int
    closing: int
    lines: tuple[LineDraft, ...]
    day: int = 0


class ImportStatement(Command, frozen=True, kw_only=True, tag="reconciliation.import"):
    """Take in a file of statements, match what it brings, and open breaks for the rest."""

    bank_id: str
    file_digest: bytes
    statements: tuple[StatementDraft, ...]
    rules: Rules = PLATFORM_RULES


class AcceptProposal(Command, frozen=True, kw_only=True, tag="reconciliation.accept"):
    """Say that a proposal is right; a difference needs an account to go to."""

    group_id: str
    difference_account: str = ""


class RejectProposal(Command, frozen=True, kw_only=True, tag="reconciliation.reject"):
    """Say that a proposal is wrong; its lines and entries stand alone again."""

    group_id: str


class AssignBreak(Command, frozen=True, kw_only=True, tag="reconciliation.assign"):
    """Say who looks after a break; empty for nobody."""

    break_id: str
    assignee: str


class ResolveBreak(Command, frozen=True, kw_only=True, tag="reconciliation.resolve"):
    """Book what stands alone: to suspense, or to what the bank costs.

    A gap is closed by its note alone; nothing is booked for it.
    """

    break_id: str
    account: str = "2901"
    note: str = ""


class WriteBreakNote(Command, frozen=True, kw_only=True, tag="reconciliation.note"):
    """Write something about a break."""

    break_id: str
    text: str


class StatementImported(Reply, frozen=True, kw_only=True):
    """What an import brought: lines, groups by their status, breaks and gaps that it opened."""

    statement_ids: tuple[str, ...]
    lines: int
    matched: int
    proposed: int
    only_at_bank: int
    only_in_ledger: int
    gaps: int = 0


class GroupDone(Reply, frozen=True, kw_only=True):
    """The group after a decision."""

    group_id: str
    status: GroupStatus
    currency: str
    difference: int
    difference_account: str


class BreakDone(Reply, frozen=True, kw_only=True):
    """The break after a command; `notes` is how many it has."""

    break_id: str
    status: BreakStatus
    assignee: str
    account: str
    notes: int
