"""What the commands of reconciliation do: pure functions from state and command to a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.ledger.chart import CHANNEL_COST, SUSPENSE
from tallystick.payments.accounts import bank_reserve
from tallystick.payments.movements import Movement
from tallystick.pipeline.decisions import AccountRef, Decision, Posting, event
from tallystick.pipeline.refusals import Refused
from tallystick.reconciliation.matching.entry import Entry
from tallystick.reconciliation.matching.rules import RULE_NAMES, Rule, Tolerance
from tallystick.reconciliation.model import (
    DIFFERENCE_ACCOUNTS,
    BreakDone,
    BreakNote,
    BreakSide,
    BreakStatus,
    GroupDone,
    GroupStatus,
    ReconciledEntry,
    ReconciliationBreak,
    ReconciliationGroup,
    StatementLine,
)
from tallystick.store.table import Row

if TYPE_CHECKING:
    from tallystick.reconciliation.matching.outcome import Group, Outcome

__all__ = [
    "Booking", "Found", "GroupState", "accept", "assign", "explain", "group_members",
    "groups_in", "matching", "reject", "resolve", "write_note",
]  # fmt: skip


_AGAIN_MAX: Final = 10
"""So many rejected proposals are looked round at one import."""


class Booking(NamedTuple):
    """What a difference is booked with: the transfer's number, and the moment's day.

    Args:
        who: who decides, `operator:…` or `key:…`; empty for a rule.
    """

    transfer_id: int
    day: int
    now_ms: int
    who: str = ""


class Found(NamedTuple):
    """What matching is decided on.

    Args:
        lines, entries: by id; the open ones of a bank and currency.
        breaks: those of these lines and entries, by their id.
        rejected: members of groups that somebody rejected.
        since, until: the days in which an entry without a line is a break.
        ids: a number for each new group, and a transfer's number for its difference.
    """

    bank_id: str
    currency: str
    lines: dict[str, StatementLine]
    entries: dict[str, Entry]
    breaks: dict[str, ReconciliationBreak]
    rejected: frozenset[str]
    since: int
    until: int
    ids: Sequence[tuple[str, int]]
    booking: Booking


class GroupState(NamedTuple):
    """A group with its lines, its entries, and their breaks."""

    group: ReconciliationGroup
    lines: tuple[StatementLine, ...]
    entries: tuple[ReconciledEntry, ...]
    breaks: tuple[ReconciliationBreak, ...]


def group_members(bank: Iterable[str], ledger: Iterable[str]) -> str:
    """The members of a group as one text, the same for the same members."""
    return msgspec.json.encode([sorted(bank), sorted(ledger)]).decode()


def _difference(
    bank_id: str, currency: str, amount: int, account: str, group_id: str, transfer_id: int
) -> Posting:
    """What brings the bank's reserve to what the bank says: `amount` more, or less if negative."""
    reserve = bank_reserve(bank_id, currency)
    entry = {"5001": CHANNEL_COST, "2901": SUSPENSE}[account]
    other = AccountRef(entry, bank_id, reserve.book)
    debit, credit = (reserve, other) if amount > 0 else (other, reserve)
    return Posting(
        debit, credit, abs(amount), Movement.BANK_DIFFERENCE, int(group_id), id=transfer_id
    )  # fmt: skip


def _booked(group: ReconciliationGroup, amount: int, booking: Booking) -> ReconciledEntry:
    """The entry that a difference makes, as a member of its group."""
    return ReconciledEntry(
        f"{booking.transfer_id:032x}", group.group_id, group.bank_id, group.currency, booking.day,
        amount, group.group_id,
    )  # fmt: skip


def _new_group(
    found: Found, group: Group, group_id: str, account: str, now_ms: int
) -> ReconciliationGroup:
    return ReconciliationGroup(
        group_id=group_id,
        bank_id=found.bank_id,
        currency=found.currency,
        status=GroupStatus.MATCHED if group.matched else GroupStatus.PROPOSED,
        rule=RULE_NAMES[group.rule].code,
        difference=group.difference,
        tolerance=group.tolerance,
        difference_account=account,
        choices=group.choices,
        members=group_members(group.bank, group.ledger),
        decided_by="",
        created_ms=now_ms,
        decided_ms=now_ms if group.matched else 0,
    )


def _grouped(
    found: Found, group: Group, row: ReconciliationGroup, booking: Booking
) -> tuple[list[Row], list[Posting]]:
    """A new group with its members; a match that names a tolerance books the difference."""
    rows: list[Row] = [row]
    rows += [replace(found.lines[i], group_id=row.group_id) for i in group.bank]
    for entry_id in group.ledger:
        e = found.entries[entry_id]
        rows.append(ReconciledEntry(entry_id, row.group_id, row.bank_id, row.currency, e.day,
                                    e.amount, e.reference))  # fmt: skip
    status = BreakStatus.MATCHED if group.matched else BreakStatus.PROPOSED
    closed_ms = booking.now_ms if group.matched else 0
    rows += [
        replace(found.breaks[i], status=status, closed_ms=closed_ms)
        for i in (*group.bank, *group.ledger)
        if i in found.breaks
    ]
    if not (group.matched and group.difference):
        return rows, []
    rows.append(_booked(row, group.difference, booking))
    posting = _difference(row.bank_id, row.currency, group.difference, row.difference_account,
                          row.group_id, booking.transfer_id)  # fmt: skip
    return rows, [posting]


def _alone(found: Found, side: BreakSide, subject: str, at: Entry | StatementLine) -> Row | None:
    """The break of a line or an entry that stands alone; None when nothing is new."""
    held = found.breaks.get(subject)
    if held is not None:
        return None
    if side is BreakSide.LEDGER and not found.since <= at.day <= found.until:
        return None
    return ReconciliationBreak(
        break_id=subject, bank_id=found.bank_id, currency=found.currency, side=side, day=at.day,
        amount=at.amount, reference=at.reference, status=BreakStatus.OPEN, assignee="",
        account="", closed_by="", opened_ms=found.booking.now_ms, closed_ms=0,
    )  # fmt: skip


class Matching(NamedTuple):
    """What matching decided: everything to record, and how many of each."""

    rows: tuple[Row, ...]
    postings: tuple[Posting, ...]
    matched: int
    proposed: int
    only_at_bank: int
    only_in_ledger: int


def groups_in(found: Found, match: Callable[[Set[str], bool], Outcome]) -> list[Group]:
    """What belongs together or may; a proposal that was rejected is not made again.

    Its members are found together each time, and nothing else would be seen beside it. So each
    side of it is looked at once more without the other, and what is found then is a proposal.

    Args:
        match: matches what is not among these ids, searching for sums or not.
    """
    groups: list[Group] = []
    taken: set[str] = set()

    def take(withheld: Iterable[str], again: bool) -> list[Group]:
        refused = []
        for group in match(taken.union(withheld), not again).groups():
            made = group._replace(matched=group.matched and not again)
            if not made.matched and group_members(made.bank, made.ledger) in found.rejected:
                refused.append(made)
            else:
                groups.append(made)
                taken.update(made.bank, made.ledger)
        return refused

    for group in take((), False)[:_AGAIN_MAX]:
        take(group.bank, True)
        take(group.ledger, True)
    return groups


def matching(found: Found, groups: Sequence[Group], tolerances: Sequence[Tolerance]) -> Matching:
    """Groups for what belongs together or may, breaks for what stands alone."""
    rows: list[Row] = []
    postings: list[Posting] = []
    accounts = {t.name: t.account for t in tolerances}
    counted = {True: 0, False: 0}
    grouped = {member for group in groups for member in (*group.bank, *group.ledger)}
    bank, ledger = found.lines.keys() - grouped, found.entries.keys() - grouped
    for group, (group_id, transfer_id) in zip(groups, found.ids, strict=False):
        booking = found.booking._replace(transfer_id=transfer_id)
        account = accounts.get(group.tolerance, "")
        row = _new_group(found, group, group_id, account, booking.now_ms)
        more, posted = _grouped(found, group, row, booking)
        rows += more
        postings += posted
        counted[group.matched] += 1
    alone = [
        [b for i in sorted(ids) if (b := _alone(found, side, i, at[i])) is not None]
        for side, ids, at in (
            (BreakSide.BANK, bank, found.lines), (BreakSide.LEDGER, ledger, found.entries),
        )
    ]  # fmt: skip
    return Matching(
        (*rows, *alone[0], *alone[1]), tuple(postings), counted[True], counted[False],
        len(alone[0]), len(alone[1]),
    )  # fmt: skip


def _group_done(group: ReconciliationGroup) -> GroupDone:
    return GroupDone(
        group_id=group.group_id, status=group.status, currency=group.currency,
        difference=group.difference, difference_account=group.difference_account,
    )  # fmt: skip


def _require_account(account: str) -> None:
    if account not in DIFFERENCE_ACCOUNTS:
        raise Refused("DIFFERENCE_ACCOUNT_NEEDED")


def _require_proposed(group: ReconciliationGroup) -> None:
    if group.status is not GroupStatus.PROPOSED:
        raise Refused("PROPOSAL_DECIDED", f"It is {group.status.value}.")


def accept(state: GroupState, account: str, booking: Booking) -> Decision:
    """A person says that a proposal is right.

    Raises:
        Refused: PROPOSAL_DECIDED, or DIFFERENCE_ACCOUNT_NEEDED.
    """
    _require_proposed(state.group)
    if state.group.difference:
        _require_account(account)
    group = replace(
        state.group,
        status=GroupStatus.MATCHED,
        difference_account=account if state.group.difference else "",
        decided_by=booking.who,
        decided_ms=booking.now_ms,
    )
    rows: list[Row] = [group]
    rows += [
        replace(b, status=BreakStatus.MATCHED, closed_by=booking.who, closed_ms=booking.now_ms)
        for b in state.breaks
    ]
    postings: tuple[Posting, ...] = ()
    if group.difference:
        rows.append(_booked(group, group.difference, booking))
        postings = (
            _difference(group.bank_id, group.currency, group.difference, account, group.group_id,
                        booking.transfer_id),
        )  # fmt: skip
    happened = event("reconciliation.accepted", group.group_id, _group_done(group))
    return Decision(_group_done(group), tuple(rows), postings, events=(happened,))


def reject(state: GroupState, booking: Booking) -> Decision:
    """A person says that a proposal is wrong; the caller removes its entries from the group.

    Raises:
        Refused: PROPOSAL_DECIDED.
    """
    _require_proposed(state.group)
    group = replace(
        state.group, status=GroupStatus.REJECTED, decided_by=booking.who,
        decided_ms=booking.now_ms,
    )  # fmt: skip
    rows: list[Row] = [group]
    rows += [replace(line, group_id="") for line in state.lines]
    held = {b.break_id: b for b in state.breaks}
    members: list[tuple[BreakSide, str, StatementLine | ReconciledEntry]] = [
        *((BreakSide.BANK, line.line_id, line) for line in state.lines),
        *((BreakSide.LEDGER, entry.entry_id, entry) for entry in state.entries),
    ]
    for side, subject, at in members:
        opened = held.get(subject) or ReconciliationBreak(
            subject, group.bank_id, group.currency, side, at.day, at.amount, at.reference,
            BreakStatus.OPEN, "", "", "", booking.now_ms, 0,
        )  # fmt: skip
        rows.append(replace(opened, status=BreakStatus.OPEN, closed_ms=0))
    happened = event("reconciliation.rejected", group.group_id, _group_done(group))
    return Decision(_group_done(group), tuple(rows), events=(happened,))


def _break_done(held: ReconciliationBreak, notes: int) -> BreakDone:
    return BreakDone(
        break_id=held.break_id, status=held.status, assignee=held.assignee, account=held.account,
        notes=notes,
    )  # fmt: skip


def _require_open(held: ReconciliationBreak) -> None:
    if held.status is not BreakStatus.OPEN:
        raise Refused("BREAK_CLOSED", f"It is {held.status.value}.")


def assign(held: ReconciliationBreak, assignee: str, notes: int) -> Decision:
    """Somebody looks after a break, or nobody any more.

    Raises:
        Refused: BREAK_CLOSED.
    """
    _require_open(held)
    held = replace(held, assignee=assignee)
    return Decision(_break_done(held, notes), (held,))


def write_note(
    held: ReconciliationBreak, text: str, author: str, notes: int, now_ms: int
) -> Decision:
    """A note about a break, whatever has become of it."""
    note = BreakNote(held.break_id, notes + 1, author, text, now_ms)
    return Decision(_break_done(held, notes + 1), (note,))


def resolve(
    held: ReconciliationBreak, line: StatementLine | None, account: str, group_id: str,
    booking: Booking, notes: int,
) -> Decision:  # fmt: skip
    """Book what stands alone, so that the reserve is what the bank says.

    What only the bank has is added to the reserve; what only the ledger has is taken out of it.
    The entry that this makes closes the group.

    Raises:
        Refused: BREAK_CLOSED, or DIFFERENCE_ACCOUNT_NEEDED.
    """
    _require_open(held)
    _require_account(account)
    amount = held.amount if held.side is BreakSide.BANK else -held.amount
    on_bank, in_ledger = ([held.break_id], []) if line is not None else ([], [held.break_id])
    group = ReconciliationGroup(
        group_id, held.bank_id, held.currency, GroupStatus.MATCHED,
        RULE_NAMES[Rule.PERSON].code, amount, "", account, 0,
        group_members(on_bank, in_ledger), booking.who, booking.now_ms, booking.now_ms,
    )  # fmt: skip
    held = replace(
        held, status=BreakStatus.RESOLVED, account=account, closed_by=booking.who,
        closed_ms=booking.now_ms,
    )  # fmt: skip
    rows: list[Row] = [group, held, _booked(group, amount, booking)]
    if line is not None:
        rows.append(replace(line, group_id=group_id))
    else:
        rows.append(ReconciledEntry(held.break_id, group_id, held.bank_id, held.currency, held.day,
                                    held.amount, held.reference))  # fmt: skip
    posting = _difference(
        held.bank_id, held.currency, amount, account, group_id, booking.transfer_id
    )
    happened = event("reconciliation.resolved", held.break_id, _break_done(held, notes))
    return Decision(_break_done(held, notes), tuple(rows), (posting,), events=(happened,))


def explain(held: ReconciliationBreak, notes: int, who: str, now_ms: int) -> Decision:
    """A gap between statements that somebody has explained; it moves no money.

    Raises:
        Refused: BREAK_CLOSED.
    """
    _require_open(held)
    held = replace(held, status=BreakStatus.RESOLVED, closed_by=who, closed_ms=now_ms)
    done = _break_done(held, notes)
    happened = event("reconciliation.resolved", held.break_id, done)
    return Decision(done, (held,), events=(happened,))
