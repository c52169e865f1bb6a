"""Reconciliation: import a bank's statement, decide proposals, look after breaks."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any, Final

from tallystick.gateway.rest.fields import (
    NoFields,
    OrderNo,
    Query,
    moment,
    text_of,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.gateway.rest.reconciliation_shapes import (
    AgeQuery,
    Ages,
    AgeShape,
    BankStatementQuery,
    BankStatementShape,
    BreakAssignment,
    BreakId,
    BreakQuery,
    BreakResolution,
    BreakShape,
    BreakState,
    BreakStoryShape,
    BreakText,
    DecidedGroup,
    GroupShape,
    ImportShape,
    NoteShape,
    ProposalAcceptance,
    ProposalQuery,
    SideRow,
    StatementFile,
)
from tallystick.pipeline.refusals import Refused
from tallystick.reconciliation.days import day_of, day_of_ms
from tallystick.reconciliation.importing import import_command
from tallystick.reconciliation.matching.rules import RULE_NAMES
from tallystick.reconciliation.model import (
    AcceptProposal,
    AssignBreak,
    BreakDone,
    GroupDone,
    ImportedStatement,
    ImportStatement,
    ReconciledEntry,
    ReconciliationBreak,
    ReconciliationGroup,
    RejectProposal,
    ResolveBreak,
    StatementImported,
    StatementLine,
    WriteBreakNote,
)
from tallystick.reconciliation.statements.mapping import read_mapping
from tallystick.reconciliation.statements.model import StatementError
from tallystick.reconciliation.views import both_sides, break_story, breaks_by_age

__all__ = ["RECONCILIATION_OPERATIONS"]

_TAG: Final = "Reconciliation"
_FILE_BYTES_MAX: Final = 8 * 1024 * 1024
_REASONS: Final = {name.code: name for name in RULE_NAMES.values()}


async def import_file(call: Call, body: StatementFile) -> ImportStatement:
    """The command that imports a file; reading it may take long."""

    def read() -> ImportStatement:
        try:
            data = base64.b64decode(body.content_base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused("INVALID_PARAMETER", "content_base64 is not base64.") from error
        try:
            mapping = read_mapping(body.mapping) if body.mapping else None
            return import_command(body.bank_id, data, mapping)
        except StatementError as error:
            raise Refused("STATEMENT_MALFORMED", str(error)) from error

    return await asyncio.to_thread(read)


def _imported(done: StatementImported) -> ImportShape:
    return ImportShape(
        statement_ids=list(done.statement_ids), lines=done.lines, matched=done.matched,
        proposed=done.proposed, only_at_bank=done.only_at_bank, only_in_ledger=done.only_in_ledger,
        gaps=done.gaps,
    )  # fmt: skip


def accept(call: Call, body: ProposalAcceptance) -> AcceptProposal:
    """The command that accepts a proposal."""
    return AcceptProposal(
        group_id=call.path["group_id"], difference_account=body.difference_account or ""
    )


def reject(call: Call, body: NoFields) -> RejectProposal:
    """The command that rejects a proposal."""
    return RejectProposal(group_id=call.path["group_id"])


def _decided(done: GroupDone) -> DecidedGroup:
    return DecidedGroup(
        group_id=done.group_id, status=done.status,
        difference=text_of(done.difference, done.currency),
        difference_account=done.difference_account,
    )  # fmt: skip


def assign(call: Call, body: BreakAssignment) -> AssignBreak:
    """The command that assigns a break."""
    return AssignBreak(break_id=call.path["break_id"], assignee=body.assignee)


def resolve(call: Call, body: BreakResolution) -> ResolveBreak:
    """The command that books a break."""
    return ResolveBreak(break_id=call.path["break_id"], account=body.account, note=body.note)


def write_note(call: Call, body: BreakText) -> WriteBreakNote:
    """The command that writes a note."""
    return WriteBreakNote(break_id=call.path["break_id"], text=body.text)


def _break_state(done: BreakDone) -> BreakState:
    return BreakState(
        break_id=done.break_id, status=done.status, assignee=done.assignee, account=done.account,
        notes=done.notes,
    )  # fmt: skip


def _day(number: int) -> str:
    return day_of(number).isoformat()


def _statement(row: ImportedStatement) -> BankStatementShape:
    def balance(amount: int) -> str | None:
        return text_of(amount, row.currency) if row.has_balances else None

    return BankStatementShape(
        statement_id=row.statement_id, bank_id=row.bank_id, account=row.account,
        number=row.number, currency=row.currency, opening=balance(row.opening),
        closing=balance(row.closing), first_day=_day(row.first_day), last_day=_day(row.last_day),
        lines=row.lines, imported_by=row.imported_by, imported_ms=row.imported_ms,
    )  # fmt: skip


def _side_row(row: StatementLine | ReconciledEntry) -> SideRow:
    return SideRow(
        id=row.line_id if isinstance(row, StatementLine) else row.entry_id,
        day=_day(row.day), amount=text_of(row.amount, row.currency), reference=row.reference,
    )  # fmt: skip


def _group(call: Call, row: ReconciliationGroup) -> GroupShape:
    sides = both_sides(call.platform.rows, row)
    reason = _REASONS[row.rule]
    return GroupShape(
        group_id=row.group_id, bank_id=row.bank_id, currency=row.currency, status=row.status,
        rule=row.rule, reason=reason.english, reason_zh=reason.chinese,
        difference=text_of(row.difference, row.currency), tolerance=row.tolerance,
        difference_account=row.difference_account, others_that_fit=row.choices,
        bank=[_side_row(line) for line in sides.lines],
        ledger=[_side_row(entry) for entry in sides.entries], decided_by=row.decided_by,
        created_ms=row.created_ms, decided_ms=moment(row.decided_ms),
    )  # fmt: skip


def _break(row: ReconciliationBreak, today: int) -> BreakShape:
    return BreakShape(
        break_id=row.break_id, bank_id=row.bank_id, currency=row.currency, side=row.side,
        day=_day(row.day), age_days=max(0, today - row.day),
        amount=text_of(row.amount, row.currency), reference=row.reference, status=row.status,
        assignee=row.assignee, account=row.account, closed_by=row.closed_by,
        opened_ms=row.opened_ms, closed_ms=moment(row.closed_ms),
    )  # fmt: skip


def _today(call: Call) -> int:
    return day_of_ms(call.platform.clock_ms())


_STATEMENTS: Final = Listing(ImportedStatement, "imported_ms", "statement_id")
_GROUPS: Final = Listing(ReconciliationGroup, "created_ms", "group_id")
_BREAKS: Final = Listing(ReconciliationBreak, "opened_ms", "break_id")


def list_statements(call: Call, query: BankStatementQuery) -> Page[BankStatementShape]:
    """Statements, newest first."""
    return page_of(call, _STATEMENTS, _statement, limit=query.limit, cursor=query.cursor,
                   bank_id=query.bank_id or "")  # fmt: skip


def list_proposals(call: Call, query: ProposalQuery) -> Page[GroupShape]:
    """Groups of a status with both sides, newest first."""
    return page_of(call, _GROUPS, lambda row: _group(call, row), limit=query.limit,
                   cursor=query.cursor, bank_id=query.bank_id or "",
                   status=query.status.value)  # fmt: skip


def list_breaks(call: Call, query: BreakQuery) -> Page[BreakShape]:
    """Breaks of a status, newest first."""
    today = _today(call)
    return page_of(call, _BREAKS, lambda row: _break(row, today), limit=query.limit,
                   cursor=query.cursor, bank_id=query.bank_id or "",
                   status=query.status.value)  # fmt: skip


def get_break(call: Call, query: Query) -> BreakStoryShape:
    """A break with its notes."""
    story = break_story(call.platform.rows, call.path["break_id"])
    if story is None:
        raise Refused("BREAK_NOT_EXIST")
    return BreakStoryShape(
        found=_break(story.found, _today(call)),
        counterparty=story.line.counterparty if story.line is not None else "",
        text=story.line.text if story.line is not None else "",
        notes=[NoteShape(note_no=n.note_no, author=n.author, text=n.text, at_ms=n.at_ms)
               for n in story.notes],
    )  # fmt: skip


def ages(call: Call, query: AgeQuery) -> Ages:
    """Open breaks by age."""
    found = breaks_by_age(call.platform.rows, _today(call), query.bank_id or "")
    return Ages(
        buckets=[
            AgeShape(currency=b.currency, days_min=b.days_min, days_max=b.days_max, count=b.breaks,
                     amount=text_of(b.amount, b.currency))
            for b in found
        ]
    )  # fmt: skip


_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "reconciliation:read", "for_apps": False}
_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "reconciliation:write", "for_apps": False}
_ONE_GROUP: Final = {"group_id": OrderNo}
_ONE_BREAK: Final = {"break_id": BreakId}
_BASE: Final = "/v1/reconciliation"

RECONCILIATION_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        f"{_BASE}/statements", "importStatement", status=201, summary="Import a bank's statement",
        description=(
            "MT940, camt.053, an Alipay bill, or CSV with a mapping. What it brings is matched at "
            "once with what stands alone; the rest becomes breaks."
        ),
        body=StatementFile, command=import_file, show=_imported, answer=ImportShape,
        body_bytes_max=_FILE_BYTES_MAX, example={"bank_id": "1", "content_base64": "OjIwOlNU"},
        refusals=("BANK_NOT_EXIST", "STATEMENT_MALFORMED", "STATEMENT_IMPORTED_BEFORE",
                  "INVALID_AMOUNT", "INVALID_PARAMETER"),
        **_WRITE,
    ),
    look(
        f"{_BASE}/statements", "listStatements", summary="List statements",
        query=BankStatementQuery, find=list_statements, answer=Page[BankStatementShape], **_READ,
    ),
    look(
        f"{_BASE}/proposals", "listProposals", summary="List proposals, or matches",
        description="With both sides, newest first.", query=ProposalQuery, find=list_proposals,
        answer=Page[GroupShape], **_READ,
    ),
    change(
        f"{_BASE}/proposals/{{group_id}}/accept", "acceptProposal", summary="Accept a proposal",
        body=ProposalAcceptance, command=accept, show=_decided, answer=DecidedGroup,
        parameters=_ONE_GROUP, example={"difference_account": "5001"},
        refusals=("PROPOSAL_NOT_EXIST", "PROPOSAL_DECIDED", "DIFFERENCE_ACCOUNT_NEEDED"),
        **_WRITE,
    ),
    change(
        f"{_BASE}/proposals/{{group_id}}/reject", "rejectProposal", summary="Reject a proposal",
        command=reject, show=_decided, answer=DecidedGroup, parameters=_ONE_GROUP,
        refusals=("PROPOSAL_NOT_EXIST", "PROPOSAL_DECIDED"), **_WRITE,
    ),
    look(
        f"{_BASE}/breaks", "listBreaks", summary="List breaks", query=BreakQuery,
        find=list_breaks, answer=Page[BreakShape], **_READ,
    ),
    look(
        f"{_BASE}/ages", "breakAges", summary="Open breaks by age", query=AgeQuery, find=ages,
        answer=Ages, **_READ,
    ),
    look(
        f"{_BASE}/breaks/{{break_id}}", "getBreak", summary="See a break with its notes",
        query=Query, find=get_break, answer=BreakStoryShape, parameters=_ONE_BREAK,
        refusals=("BREAK_NOT_EXIST",), **_READ,
    ),
    change(
        f"{_BASE}/breaks/{{break_id}}/assign", "assignBreak", summary="Assign a break",
        body=BreakAssignment, command=assign, show=_break_state, answer=BreakState,
        parameters=_ONE_BREAK, example={"assignee": "li.wei"},
        refusals=("BREAK_NOT_EXIST", "BREAK_CLOSED"), **_WRITE,
    ),
    change(
        f"{_BASE}/breaks/{{break_id}}/resolve", "resolveBreak", summary="Book a break",
        description="To suspense, or to what the bank costs.", body=BreakResolution,
        command=resolve, show=_break_state, answer=BreakState, parameters=_ONE_BREAK,
        example={"account": "2901", "note": "The bank confirms."},
        refusals=("BREAK_NOT_EXIST", "BREAK_CLOSED", "DIFFERENCE_ACCOUNT_NEEDED",
                  "INVALID_PARAMETER"),
        **_WRITE,
    ),
    change(
        f"{_BASE}/breaks/{{break_id}}/notes", "writeBreakNote", summary="Write about a break",
        body=BreakText, command=write_note, show=_break_state, answer=BreakState,
        parameters=_ONE_BREAK, example={"text": "Asked the bank."},
        refusals=("BREAK_NOT_EXIST", "INVALID_PARAMETER"), **_WRITE,
    ),
)  # fmt: skip
