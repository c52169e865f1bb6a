"""Commands of reconciliation at work: load what a decision needs, decide, record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tallystick.ledger.chart import transfer_id
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.payments.accounts import bank_reserve
from tallystick.payments.banks.directory import BANKS
from tallystick.payments.wallet.model import BankOrder
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.reconciliation import decide
from tallystick.reconciliation.days import day_begins_ns, day_of_ms
from tallystick.reconciliation.gaps import gap_break, gap_id, gap_of, looked_at_again
from tallystick.reconciliation.matching.entry import Entry
from tallystick.reconciliation.matching.rules import Rules
from tallystick.reconciliation.model import (
    LINES_MAX,
    AcceptProposal,
    AssignBreak,
    BreakDone,
    BreakNote,
    BreakSide,
    BreakStatus,
    GroupDone,
    GroupStatus,
    ImportedStatement,
    ImportStatement,
    ReconciledEntry,
    ReconciliationBreak,
    ReconciliationGroup,
    RejectProposal,
    ResolveBreak,
    StatementDraft,
    StatementImported,
    StatementLine,
    WriteBreakNote,
)

if TYPE_CHECKING:
    from tallystick.reconciliation.matching.outcome import Outcome

__all__ = ["register"]

_NS_PER_MS: Final = 1_000_000
_MOVES_NOTHING: Final = int(TransferFlags.PENDING | TransferFlags.VOID_PENDING)
_ENTRIES_MAX: Final = 200_000
_WORDS_MAX: Final = 500


def _who(context: Context) -> str:
    return f"{context.caller.kind.value}:{context.caller.id}"


def _booking(context: Context, salt: str) -> decide.Booking:
    number = transfer_id(context.request_key + salt.encode(), 0)
    return decide.Booking(number, day_of_ms(context.now_ms), context.now_ms, _who(context))


# Importing.


def _require_new(command: ImportStatement, context: Context) -> None:
    if command.bank_id not in BANKS:
        raise Refused("BANK_NOT_EXIST")
    lines = sum(len(s.lines) for s in command.statements)
    if not command.statements or lines > LINES_MAX:
        raise Refused("TOO_LARGE", f"A file has 1 to {LINES_MAX} lines; match larger ones offline.")
    if context.uow.select(
        ImportedStatement, bank_id=command.bank_id, file_digest=command.file_digest
    ):
        raise Refused("STATEMENT_IMPORTED_BEFORE")


def _statement(
    draft: StatementDraft, command: ImportStatement, context: Context, at: int
) -> tuple[ImportedStatement, list[StatementLine]]:
    """A statement's row and its lines'."""
    number = dated_number(context.now_ms, context.request_key, f"statement {at}")
    days = [line.day for line in draft.lines] or [draft.day or day_of_ms(context.now_ms)]
    row = ImportedStatement(
        number, command.bank_id, draft.account, draft.number, draft.currency, draft.has_balances,
        draft.opening, draft.closing, min(days), max(days), len(draft.lines), command.file_digest,
        _who(context), context.now_ms,
    )  # fmt: skip
    lines = [
        StatementLine(
            f"{number}-{n:05d}", number, command.bank_id, draft.currency, line.day, line.amount,
            line.reference, line.bank_reference, line.counterparty, line.text, "",
        )
        for n, line in enumerate(draft.lines, 1)
    ]  # fmt: skip
    return row, lines


def _entry(context: Context, transfer: Transfer, reserve_id: int) -> Entry:
    """A movement of the reserve as the engine takes it, with what the bank called it."""
    reference = str(transfer.user_data_128)
    order = context.uow.get(BankOrder, reference)
    grew = transfer.debit_account_id == reserve_id
    return Entry(
        f"{transfer.id:032x}",
        day_of_ms(transfer.timestamp // _NS_PER_MS),
        transfer.amount if grew else -transfer.amount,
        "",
        reference,
        order.bank_reference if order is not None else "",
    )


def _entries(
    context: Context, bank_id: str, currency: str, first: int, last: int
) -> dict[str, Entry]:
    """The reserve's movements of some days that are in no group."""
    reserve_id = bank_reserve(bank_id, currency).id
    found = context.uow.ledger.transfers_of_account(
        reserve_id, after=day_begins_ns(first) - 1, before=day_begins_ns(last + 1),
        limit=_ENTRIES_MAX + 1,
    )  # fmt: skip
    if len(found) > _ENTRIES_MAX:
        raise Refused("TOO_LARGE", "There are too many entries in these days; match them offline.")
    entries = {}
    for transfer in found:
        entry_id = f"{transfer.id:032x}"
        grouped = context.uow.get(ReconciledEntry, entry_id) is not None
        if not (transfer.flags & _MOVES_NOTHING or grouped):
            entries[entry_id] = _entry(context, transfer, reserve_id)._replace(currency=currency)
    return entries


def _since(context: Context, bank_id: str, currency: str, first: int) -> int:
    """The first day that no earlier statement covers: entries before it are settled or breaks."""
    earlier = [
        s.last_day
        for s in context.uow.select(ImportedStatement, bank_id=bank_id, currency=currency)
        if s.last_day < first
    ]
    return max(earlier) + 1 if earlier else first


def _found(
    context: Context, bank_id: str, currency: str, days: tuple[int, int], window: int
) -> decide.Found:
    """Everything that stands alone at a bank and in its reserve."""
    uow, (first, last) = context.uow, days
    since = _since(context, bank_id, currency, first)
    entries = _entries(context, bank_id, currency, since - window, last + window)
    held = uow.select(
        ReconciliationBreak, bank_id=bank_id, currency=currency, status=BreakStatus.OPEN.value
    )
    for alone in held:
        if alone.side is BreakSide.LEDGER and alone.break_id not in entries:
            transfers = uow.ledger.transfers([int(alone.break_id, 16)])
            reserve_id = bank_reserve(bank_id, currency).id
            entry = _entry(context, transfers[0], reserve_id)
            entries[alone.break_id] = entry._replace(currency=currency)
    lines = uow.select(StatementLine, bank_id=bank_id, currency=currency, group_id="")
    rejected = uow.select(
        ReconciliationGroup, bank_id=bank_id, currency=currency,
        status=GroupStatus.REJECTED.value,
    )  # fmt: skip
    size = len(lines) + len(entries)
    key, salt = context.request_key, f"{currency} group"
    ids = [
        (dated_number(context.now_ms, key, f"{salt} {n}"), transfer_id(key + salt.encode(), n))
        for n in range(size)
    ]
    return decide.Found(
        bank_id, currency, {line.line_id: line for line in lines}, entries,
        {alone.break_id: alone for alone in held}, frozenset(g.members for g in rejected),
        since, last, ids, _booking(context, "import"),
    )  # fmt: skip


def _match(
    context: Context, bank_id: str, currency: str, days: tuple[int, int], rules: Rules
) -> decide.Matching:
    # Columns are loaded only where there is something for them.
    from tallystick.reconciliation.matching.columns import frame_of
    from tallystick.reconciliation.matching.engine import match

    found = _found(context, bank_id, currency, days, rules.window_days)
    lines = [
        Entry(line.line_id, line.day, line.amount, line.currency, line.reference,
              line.bank_reference, line.counterparty)
        for line in found.lines.values()
    ]  # fmt: skip

    def matched(without: Set[str], sums: bool) -> Outcome:
        bank, ledger = (
            frame_of(e for e in side if e.id not in without)
            for side in (lines, found.entries.values())
        )
        return match(bank, ledger, rules if sums else replace(rules, subset_steps_max=0))

    try:
        groups = decide.groups_in(found, matched)
    except ValueError as error:
        raise Refused("INVALID_AMOUNT", f"{error}.") from error
    return decide.matching(found, groups, rules.tolerances)


def _gaps(
    context: Context, bank_id: str, numbers: list[str]
) -> tuple[list[ReconciliationBreak], list[ReconciliationBreak]]:
    """What new statements do to open gaps, and the gaps that they open."""
    uow = context.uow
    new = [row for row in (uow.get(ImportedStatement, n) for n in numbers) if row is not None]
    changed: list[ReconciliationBreak] = []
    opened: list[ReconciliationBreak] = []
    for account, currency in sorted({(row.account, row.currency) for row in new}):
        found = uow.select(ImportedStatement, bank_id=bank_id, currency=currency)
        known = {s.statement_id: s for s in found if s.account == account}
        of_account = list(known.values())
        for statement_id, statement in known.items():
            held = uow.get(ReconciliationBreak, gap_id(statement_id))
            if held is not None and held.status is BreakStatus.OPEN:
                changed.append(looked_at_again(held, statement, of_account, context.now_ms))
            elif statement_id in numbers and (gap := gap_of(statement, of_account)):
                opened.append(gap_break(statement, gap))
    return changed, opened


def import_statement(command: ImportStatement, context: Context) -> Reply:
    """Keep a file's statements, then match each currency's open lines and entries."""
    _require_new(command, context)
    days: dict[str, list[int]] = defaultdict(list)
    numbers, count = [], 0
    for at, draft in enumerate(command.statements):
        row, lines = _statement(draft, command, context, at)
        numbers.append(row.statement_id)
        count += len(lines)
        days[row.currency] += [row.first_day, row.last_day]
        for kept in (row, *lines):
            context.uow.put(kept)
    changed, opened = _gaps(context, command.bank_id, numbers)
    done = [
        _match(context, command.bank_id, currency, (min(found), max(found)), command.rules)
        for currency, found in sorted(days.items())
    ]
    reply = StatementImported(
        statement_ids=tuple(numbers),
        lines=count,
        matched=sum(m.matched for m in done),
        proposed=sum(m.proposed for m in done),
        only_at_bank=sum(m.only_at_bank for m in done),
        only_in_ledger=sum(m.only_in_ledger for m in done),
        gaps=len(opened),
    )
    return record(
        context,
        Decision(
            reply,
            (*changed, *opened, *(row for m in done for row in m.rows)),
            tuple(posting for m in done for posting in m.postings),
            events=(event("reconciliation.imported", numbers[0], reply),),
        ),
    )


# Deciding.


def _group(context: Context, group_id: str) -> decide.GroupState:
    uow = context.uow
    group = uow.get(ReconciliationGroup, group_id)
    if group is None:
        raise Refused("PROPOSAL_NOT_EXIST")
    lines = tuple(uow.select(StatementLine, group_id=group_id))
    entries = tuple(uow.select(ReconciledEntry, group_id=group_id))
    members = [*(x.line_id for x in lines), *(x.entry_id for x in entries)]
    held = (uow.get(ReconciliationBreak, subject) for subject in members)
    return decide.GroupState(group, lines, entries, tuple(b for b in held if b is not None))


def accept_proposal(command: AcceptProposal, context: Context) -> Reply:
    """A person says yes."""
    state = _group(context, command.group_id)
    return record(
        context, decide.accept(state, command.difference_account, _booking(context, "accept"))
    )


def reject_proposal(command: RejectProposal, context: Context) -> Reply:
    """A person says no."""
    state = _group(context, command.group_id)
    reply = record(context, decide.reject(state, _booking(context, "reject")))
    for entry in state.entries:
        context.uow.delete(entry)
    return reply


# Breaks.


def _break(context: Context, break_id: str) -> tuple[ReconciliationBreak, int]:
    """A break, and how many notes it has."""
    held = context.uow.get(ReconciliationBreak, break_id)
    if held is None:
        raise Refused("BREAK_NOT_EXIST")
    return held, len(context.uow.select(BreakNote, break_id=break_id))


def _words(text: str) -> str:
    if not text.strip() or len(text) > _WORDS_MAX:
        raise Refused("INVALID_PARAMETER", f"A note has 1 to {_WORDS_MAX} characters.")
    return text.strip()


def assign_break(command: AssignBreak, context: Context) -> Reply:
    """Somebody takes a break."""
    held, notes = _break(context, command.break_id)
    if len(command.assignee) > 64:
        raise Refused("INVALID_PARAMETER", "An assignee has at most 64 characters.")
    return record(context, decide.assign(held, command.assignee.strip(), notes))


def resolve_break(command: ResolveBreak, context: Context) -> Reply:
    """A person books a break."""
    held, notes = _break(context, command.break_id)
    if command.note:
        text = _words(command.note)
        record(context, decide.write_note(held, text, _who(context), notes, context.now_ms))
        notes += 1
    if held.side is BreakSide.GAP:
        if not command.note:
            raise Refused("INVALID_PARAMETER", "A gap is closed by a note that explains it.")
        return record(context, decide.explain(held, notes, _who(context), context.now_ms))
    line = context.uow.get(StatementLine, held.break_id) if held.side is BreakSide.BANK else None
    group_id = dated_number(context.now_ms, context.request_key, "resolve")
    booking = _booking(context, "resolve")
    return record(context, decide.resolve(held, line, command.account, group_id, booking, notes))


def write_note(command: WriteBreakNote, context: Context) -> Reply:
    """A person writes about a break."""
    held, notes = _break(context, command.break_id)
    text = _words(command.text)
    return record(context, decide.write_note(held, text, _who(context), notes, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the commands of reconciliation."""
    write = "reconciliation:write"
    registry.add(ImportStatement, import_statement, reply=StatementImported, scope=write)
    registry.add(AcceptProposal, accept_proposal, reply=GroupDone, scope=write)
    registry.add(RejectProposal, reject_proposal, reply=GroupDone, scope=write)
    registry.add(AssignBreak, assign_break, reply=BreakDone, scope=write)
    registry.add(ResolveBreak, resolve_break, reply=BreakDone, scope=write)
    registry.add(WriteBreakNote, write_note, reply=BreakDone, scope=write)
