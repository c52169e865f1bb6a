"""Reconciliation on the platform: statements in, matches by rule, decisions by people, breaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from tests.platform_parts import Clock, Parts, opened

from tallystick.ledger.chart import BANK_RESERVE, CHANNEL_COST, SUSPENSE
from tallystick.ledger.model import Account
from tallystick.ledger.statements import balance_of
from tallystick.observe.books import check_books
from tallystick.parties import service as parties
from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.payments.accounts import platform_book
from tallystick.payments.banks.day_statement import day_statement, orders_until
from tallystick.payments.wallet import service as wallets
from tallystick.payments.wallet.model import BankAnswered, StartTopUp, StartWithdrawal
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.pipeline.decisions import AccountRef
from tallystick.reconciliation import service as reconciliation
from tallystick.reconciliation.days import day_of, day_of_ms
from tallystick.reconciliation.importing import import_command
from tallystick.reconciliation.model import (
    AcceptProposal,
    AssignBreak,
    BreakNote,
    BreakSide,
    BreakStatus,
    GroupStatus,
    ImportedStatement,
    ImportStatement,
    LineDraft,
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
from tallystick.reconciliation.statements.mapping import Columns, Mapping
from tallystick.reconciliation.views import breaks_by_age
from tallystick.store.ledger_rows import SqlLedgerReader

PARTY = "2088000000000777"
OPERATOR = Caller(CallerKind.OPERATOR, "li.wei", frozenset({"reconciliation:write"}))
DAY_MS = 86_400_000
MAPPING = Mapping(
    columns=Columns(day="day", amount="amount", reference="reference"), currency="CNY"
)
START_MS = 1_800_000_000_000 // DAY_MS * DAY_MS + 3 * 3_600_000


class Bank:
    """A bank with a customer of ours, and the statement that it sends."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.parts.accept(
            RegisterParty(
                party_id=PARTY, kind=PartyKind.PERSON, login_index=b"i" * 16, login_sealed=b"s",
                name_sealed=b"n", login_hash="h", payment_hash="h",
            )
        )  # fmt: skip

    def order(self, amount: int) -> str:
        """A top-up, or a withdrawal when negative, that the bank accepts; its number."""
        kind = StartTopUp if amount > 0 else StartWithdrawal
        done = self.parts.accept(kind(party_id=PARTY, amount=abs(amount), bank_id="1"))
        order_id = str(done.order_id)
        self.parts.accept(
            BankAnswered(order_id=order_id, accepted=True, bank_reference=f"SB1{order_id}")
        )
        return order_id

    @property
    def today(self) -> int:
        return day_of_ms(self.parts.clock.now_ms)

    def take_in(self, *lines: tuple[int, str], day: int = 0) -> StatementImported:
        """Import a statement of today with these amounts and references."""
        text = "day,amount,reference\n" + "".join(
            f"{day_of(day or self.today)},{amount / 100:.2f},{reference}\n"
            for amount, reference in lines
        )
        return self._import(text.encode())

    def _import(self, data: bytes) -> StatementImported:
        reply = self.parts.accept(import_command("1", data, MAPPING), OPERATOR)
        assert isinstance(reply, StatementImported)
        return reply

    def balance(self, entry: object, owner: str = "1") -> int:
        """An account's balance on its normal side, in fen."""
        ref = AccountRef(entry, owner, platform_book("CNY"))  # type: ignore[arg-type]
        found: list[Account] = SqlLedgerReader(self.parts.rows.connection).accounts([ref.id])
        return balance_of(found[0]) if found else 0

    def groups(self, status: GroupStatus) -> list[ReconciliationGroup]:
        return self.parts.rows.select(ReconciliationGroup, status=status.value)

    def breaks(self, status: BreakStatus = BreakStatus.OPEN) -> list[ReconciliationBreak]:
        return self.parts.rows.select(ReconciliationBreak, status=status.value)

    def agrees(self) -> bool:
        """Whether the reserve is what the bank's lines add up to, and all of them are grouped."""
        lines = self.parts.rows.query(StatementLine, "")
        alone = [line for line in lines if not line.group_id]
        return not alone and sum(x.amount for x in lines) == self.balance(BANK_RESERVE)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    products = (parties.register, wallets.register, reconciliation.register)
    with opened(tmp_path, *products, clock=Clock(START_MS)) as parts:
        yield Bank(parts)


def test_what_agrees_is_matched_by_rule_and_nothing_is_booked(bank: Bank) -> None:
    first, second = bank.order(10_000), bank.order(-2_500)
    done = bank.take_in((10_000, first), (-2_500, f"SB1{second}"))
    assert (done.lines, done.matched, done.proposed) == (2, 2, 0)
    assert (done.only_at_bank, done.only_in_ledger) == (0, 0)
    assert bank.agrees()
    assert bank.balance(SUSPENSE) == bank.balance(CHANNEL_COST) == 0


def test_a_fee_within_the_tolerance_is_booked_to_channel_cost(bank: Bank) -> None:
    order = bank.order(10_000)
    done = bank.take_in((9_950, order))
    assert (done.matched, done.only_in_ledger) == (1, 0)
    (group,) = bank.groups(GroupStatus.MATCHED)
    assert (group.tolerance, group.difference, group.difference_account) == (
        "bank fee", -50, "5001",
    )  # fmt: skip
    assert (bank.balance(CHANNEL_COST), bank.balance(BANK_RESERVE)) == (50, 9_950)
    assert bank.agrees()
    assert len(bank.parts.rows.select(ReconciledEntry, group_id=group.group_id)) == 2


def test_a_difference_beyond_it_waits_for_a_person_who_names_an_account(bank: Bank) -> None:
    order = bank.order(10_000)
    assert bank.take_in((9_000, order)).proposed == 1
    (group,) = bank.groups(GroupStatus.PROPOSED)
    assert bank.balance(BANK_RESERVE) == 10_000
    parts, accept = bank.parts, AcceptProposal(group_id=group.group_id)
    assert parts.refuse(accept, OPERATOR) == "DIFFERENCE_ACCOUNT_NEEDED"
    named = AcceptProposal(group_id=group.group_id, difference_account="2901")
    assert parts.accept(named, OPERATOR).status is GroupStatus.MATCHED
    assert (bank.balance(SUSPENSE), bank.balance(BANK_RESERVE)) == (-1_000, 9_000)
    assert bank.agrees()
    assert parts.refuse(named, OPERATOR) == "PROPOSAL_DECIDED"
    (decided,) = bank.groups(GroupStatus.MATCHED)
    assert decided.decided_by == "operator:li.wei"


def test_a_rejected_proposal_becomes_breaks_and_is_not_made_again(bank: Bank) -> None:
    order = bank.order(10_000)
    bank.take_in((9_000, order))
    (group,) = bank.groups(GroupStatus.PROPOSED)
    bank.parts.accept(RejectProposal(group_id=group.group_id), OPERATOR)
    assert sorted(b.side.value for b in bank.breaks()) == ["bank", "ledger"]
    assert bank.parts.rows.query(ReconciledEntry, "") == []
    again = bank.take_in((1, ""))
    assert (again.proposed, again.matched) == (0, 0)
    assert len(bank.breaks()) == 3


def test_what_a_rejected_proposal_held_can_be_proposed_with_others(bank: Bank) -> None:
    """It is found anew at each import, and must not keep its members from what comes later."""
    order = bank.order(10_000)
    bank.take_in((9_000, order))
    (wrong,) = bank.groups(GroupStatus.PROPOSED)
    bank.parts.accept(RejectProposal(group_id=wrong.group_id), OPERATOR)
    assert bank.take_in((10_000, "")).proposed == 1  # The same amount as the order's.
    (group,) = bank.groups(GroupStatus.PROPOSED)
    assert (group.rule, group.difference) == ("amount_day", 0)
    bank.parts.accept(AcceptProposal(group_id=group.group_id), OPERATOR)
    assert [(b.side, b.amount) for b in bank.breaks()] == [(BreakSide.BANK, 9_000)]


def test_each_choice_of_an_ambiguous_proposal_can_be_found(bank: Bank) -> None:
    orders = {bank.order(500), bank.order(500)}
    bank.take_in((500, ""))
    seen = set()
    for _ in orders:
        (group,) = bank.groups(GroupStatus.PROPOSED)
        (entry,) = bank.parts.rows.select(ReconciledEntry, group_id=group.group_id)
        seen.add(entry.reference)
        bank.parts.accept(RejectProposal(group_id=group.group_id), OPERATOR)
        bank.take_in((1, f"{len(seen)}"))
    assert seen == orders
    assert bank.groups(GroupStatus.PROPOSED) == []


def test_what_the_bank_alone_has_is_resolved_to_suspense(bank: Bank) -> None:
    assert bank.take_in((700, "nobody-knows")).only_at_bank == 1
    (alone,) = bank.breaks()
    parts = bank.parts
    parts.accept(AssignBreak(break_id=alone.break_id, assignee="li.wei"), OPERATOR)
    parts.accept(WriteBreakNote(break_id=alone.break_id, text="Asked the bank."), OPERATOR)
    done = parts.accept(ResolveBreak(break_id=alone.break_id, note="Theirs."), OPERATOR)
    assert (done.status, done.assignee, done.notes) == (BreakStatus.RESOLVED, "li.wei", 2)
    assert (bank.balance(SUSPENSE), bank.balance(BANK_RESERVE)) == (700, 700)
    assert bank.agrees()
    notes = parts.rows.select(BreakNote, break_id=alone.break_id)
    assert [(n.author, n.text) for n in notes] == [
        ("operator:li.wei", "Asked the bank."), ("operator:li.wei", "Theirs."),
    ]  # fmt: skip
    assert parts.refuse(ResolveBreak(break_id=alone.break_id), OPERATOR) == "BREAK_CLOSED"


def test_what_the_ledger_alone_has_is_taken_out_of_the_reserve(bank: Bank) -> None:
    kept, lost = bank.order(10_000), bank.order(3_000)
    assert bank.take_in((10_000, kept)).only_in_ledger == 1
    (alone,) = bank.breaks()
    assert (alone.reference, alone.amount) == (lost, 3_000)
    bank.parts.accept(ResolveBreak(break_id=alone.break_id, account="2901"), OPERATOR)
    assert (bank.balance(SUSPENSE), bank.balance(BANK_RESERVE)) == (-3_000, 10_000)
    assert bank.agrees()
    assert check_books(bank.parts.rows, 0).balanced


def test_a_break_is_matched_when_the_bank_s_line_comes_late(bank: Bank) -> None:
    early, late = bank.order(10_000), bank.order(3_000)
    bank.take_in((10_000, early))
    assert len(bank.breaks()) == 1
    bank.parts.clock.pass_ms(20 * DAY_MS)
    done = bank.take_in((3_000, late))
    assert (done.matched, done.only_in_ledger) == (1, 0)
    assert (bank.breaks(), len(bank.breaks(BreakStatus.MATCHED))) == ([], 1)


def test_a_day_s_netted_payouts_are_one_match(bank: Bank) -> None:
    top_up = bank.order(10_000)
    for amount in (-1_000, -700, -300):
        bank.order(amount)
    assert bank.take_in((10_000, top_up), (-2_000, "")).matched == 2
    assert {g.rule for g in bank.groups(GroupStatus.MATCHED)} == {"reference", "total_day"}


def test_entries_of_days_without_a_statement_are_left_until_it_comes(bank: Bank) -> None:
    bank.order(500)
    bank.parts.clock.pass_ms(2 * DAY_MS)
    order = bank.order(10_000)
    assert bank.take_in((10_000, order)).only_in_ledger == 0


def test_the_same_file_is_taken_once(bank: Bank) -> None:
    bank.take_in((700, "x"))
    text = f"day,amount,reference\n{day_of(bank.today)},7.00,x\n".encode()
    again = import_command("1", text, MAPPING)
    assert bank.parts.refuse(again, OPERATOR) == "STATEMENT_IMPORTED_BEFORE"
    elsewhere = import_command("99", text, MAPPING)
    assert bank.parts.refuse(elsewhere, OPERATOR) == "BANK_NOT_EXIST"
    nobody = Caller(CallerKind.KEY, "k", frozenset({"reconciliation:read"}))
    assert bank.parts.refuse(import_command("2", text, MAPPING), nobody) == "NOT_PERMITTED"


def test_breaks_are_counted_by_their_age(bank: Bank) -> None:
    bank.take_in((700, "x"), day=bank.today - 3)
    bank.take_in((900, "y"), day=bank.today - 40)
    buckets = {b.days_min: (b.breaks, b.amount) for b in breaks_by_age(bank.parts.rows, bank.today)}
    assert buckets == {0: (0, 0), 2: (1, 700), 6: (0, 0), 11: (0, 0), 31: (1, 900)}


def test_the_sandbox_bank_s_statement_goes_round_with_all_its_errors(bank: Bank) -> None:
    orders = [bank.order(amount) for amount in range(5_000, 25_000, 500)]
    orders += [bank.order(-amount) for amount in range(1_000, 9_000, 200)]
    start_ms = START_MS // DAY_MS * DAY_MS - 8 * 3_600_000
    found = orders_until(bank.parts.rows, "1", "CNY", start_ms + DAY_MS)
    assert {o.order_id for o in found} == set(orders)
    for errors in (False, True):
        text = day_statement(found, "1", "CNY", start_ms, errors=errors)
        command = import_command("1", text.encode())
        if not errors:
            lines = command.statements[0].lines
            assert {line.reference for line in lines} == set(orders)
            continue
        done = bank.parts.accept(command, OPERATOR)
        assert done.matched > 40
        for group in bank.groups(GroupStatus.PROPOSED):
            account = "5001" if group.difference else ""
            bank.parts.accept(
                AcceptProposal(group_id=group.group_id, difference_account=account), OPERATOR
            )
        for alone in bank.breaks():
            bank.parts.accept(ResolveBreak(break_id=alone.break_id), OPERATOR)
        assert bank.agrees()
        assert check_books(bank.parts.rows, 0).balanced


# Statements that follow each other.


def statement(
    bank: Bank, day: int, opening: int, closing: int, account: str = "A"
) -> StatementDraft:
    """A statement of one day, a movement of what it differs by."""
    lines = (LineDraft(bank.today + day, closing - opening, f"{account}{day}", "", "", ""),)
    return StatementDraft(
        account=account, number=str(day), currency="CNY", has_balances=True, opening=opening,
        closing=closing, lines=lines if closing != opening else (),
    )  # fmt: skip


def taken_in(bank: Bank, *statements: StatementDraft) -> StatementImported:
    digest = hashlib.blake2b(repr(statements).encode(), digest_size=16).digest()
    command = ImportStatement(bank_id="1", file_digest=digest, statements=statements)
    reply = bank.parts.accept(command, OPERATOR)
    assert isinstance(reply, StatementImported)
    return reply


def gaps(bank: Bank, status: BreakStatus = BreakStatus.OPEN) -> list[ReconciliationBreak]:
    return [b for b in bank.breaks(status) if b.side is BreakSide.GAP]


def test_statements_that_follow_each_other_have_no_gap(bank: Bank) -> None:
    assert taken_in(bank, statement(bank, 1, 500, 700)).gaps == 0
    assert taken_in(bank, statement(bank, 2, 700, 300), statement(bank, 3, 300, 900)).gaps == 0
    assert taken_in(bank, statement(bank, 3, 5, 6, account="B")).gaps == 0
    assert gaps(bank) == []


def test_a_missing_statement_is_a_gap_until_it_comes(bank: Bank) -> None:
    taken_in(bank, statement(bank, 1, 500, 700))
    assert taken_in(bank, statement(bank, 4, 1000, 900)).gaps == 1
    (gap,) = gaps(bank)
    assert (gap.amount, gap.day, gap.reference) == (300, bank.today + 4, "4")
    assert taken_in(bank, statement(bank, 2, 700, 750)).gaps == 0
    assert [b.amount for b in gaps(bank)] == [250]
    assert taken_in(bank, statement(bank, 3, 750, 1000)).gaps == 0
    assert gaps(bank) == []
    assert [b.break_id for b in gaps(bank, BreakStatus.MATCHED)] == [gap.break_id]


def test_several_statements_of_a_day_follow_in_any_order(bank: Bank) -> None:
    later, sooner = statement(bank, 1, 700, 900), statement(bank, 1, 500, 700)
    assert taken_in(bank, later).gaps == 0
    assert taken_in(bank, sooner).gaps == 0
    assert taken_in(bank, statement(bank, 2, 900, 950)).gaps == 0
    assert gaps(bank) == []


def quiet_mt940(day: date) -> bytes:
    at = f"C{day:%y%m%d}CNY7,00"
    return f":20:QUIET\n:25:A\n:28C:1\n:60F:{at}\n:62F:{at}\n-\n".encode()


def quiet_camt053(day: date) -> bytes:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy='CNY'>7.00</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        for kind in ("OPBD", "CLBD")
    )
    return (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt><Stmt>"
        f"<Id>1</Id><Acct><Id><Othr><Id>A</Id></Othr></Id></Acct>{balances}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


@pytest.mark.parametrize("form", [quiet_mt940, quiet_camt053])
def test_a_statement_in_which_nothing_moved_is_of_its_own_day(
    bank: Bank, form: Callable[[date], bytes]
) -> None:
    taken_in(bank, statement(bank, -4, 500, 700))
    taken_in(bank, statement(bank, -1, 700, 1000))
    bank.order(10_000)  # Today, which neither statement covers.
    done = bank.parts.accept(import_command("1", form(day_of(bank.today - 3))), OPERATOR)
    assert (done.gaps, done.only_in_ledger) == (0, 0)
    (row,) = [s for s in bank.parts.rows.query(ImportedStatement, "") if not s.lines]
    assert (row.first_day, row.last_day) == (bank.today - 3, bank.today - 3)


def test_a_gap_is_closed_by_a_note_and_books_nothing(bank: Bank) -> None:
    taken_in(bank, statement(bank, 1, 500, 700))
    taken_in(bank, statement(bank, 2, 1000, 900))
    (gap,) = gaps(bank)
    reserve = bank.balance(BANK_RESERVE)
    assert bank.parts.refuse(ResolveBreak(break_id=gap.break_id), OPERATOR) == "INVALID_PARAMETER"
    done = bank.parts.accept(ResolveBreak(break_id=gap.break_id, note="Merged accounts."), OPERATOR)
    assert (done.status, done.account, done.notes) == (BreakStatus.RESOLVED, "", 1)
    assert bank.balance(BANK_RESERVE) == reserve
    assert taken_in(bank, statement(bank, 3, 900, 950)).gaps == 0
    assert bank.parts.refuse(AssignBreak(break_id=gap.break_id, assignee="x"), OPERATOR) == (
        "BREAK_CLOSED"
    )
