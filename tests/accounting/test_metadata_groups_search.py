"""Metadata, groups of accounts, and the search over entries, on one book of moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.accounting.moves import DAY_NS, START_NS, Move, book_moves, histories
from tests.platform_parts import Parts, opened

from tallystick.accounting import service
from tallystick.accounting.groups import service as groups
from tallystick.accounting.groups import views
from tallystick.accounting.groups.model import (
    AccountGroup,
    DeleteGroup,
    GroupDefinition,
    GroupRule,
    SaveGroup,
)
from tallystick.accounting.metadata import service as metadata
from tallystick.accounting.metadata.model import MetadataKind, SetMetadata
from tallystick.accounting.metadata.views import metadata_of
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.accounting.search import Wanted, find_entries
from tallystick.accounting.statements.document import DayPeriod, day_of
from tallystick.accounting.statements.forms import write_statement
from tallystick.decoding import convert
from tallystick.ledger.encoding import id_bytes
from tallystick.ledger.model import Transfer
from tallystick.store import entry_search
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.rows import ReadSession

FIRST = day_of(START_NS)
ZERO = id_bytes(0)


def transfer(number: int, amount: int, debit: int = 1, credit: int = 2) -> TransferDraft:
    return TransferDraft(
        id_bytes(number), id_bytes(debit), id_bytes(credit), amount, ZERO, ZERO, 0, 0, 0, 7, 1, 0
    )


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, service.register, groups.register, metadata.register) as made:
        drafts = tuple(
            AccountDraft(id_bytes(n), 7, code, 0, ZERO, 0, 0)
            for n, code in ((1, 1001), (2, 2001), (3, 2002))
        )
        made.accept(CreateLedgerAccounts(accounts=drafts))
        yield made


def test_metadata_is_made_with_its_transfer_changed_and_taken_away(parts: Parts) -> None:
    made = CreateLedgerTransfers(
        transfers=(transfer(10, 5), transfer(11, 6)), metadata={1: {"invoice": "17", "by": "ann"}}
    )
    parts.accept(made)
    kind = MetadataKind.TRANSFER
    found = metadata_of(parts.rows.connection, kind, [10, 11])
    assert found == {11: {"by": "ann", "invoice": "17"}}
    changed = parts.accept(
        SetMetadata(kind=kind, object_id=id_bytes(11), values={"by": "", "on": "十一月"})
    )
    assert changed.metadata == {"invoice": "17", "on": "十一月"}
    assert metadata_of(parts.rows.connection, kind, [11]) == {11: changed.metadata}
    (entry,) = find_entries(parts.rows, Wanted(metadata=("invoice", "17")), limit=9).entries
    assert (entry.transfer.id, entry.metadata["on"]) == (11, "十一月")


@pytest.mark.parametrize(
    ("values", "kind", "number", "code"),
    [
        ({"Invoice": "1"}, "transfer", 10, "INVALID_PARAMETER"),
        ({"code": "1"}, "transfer", 10, "INVALID_PARAMETER"),
        ({"invoice": "a\nb"}, "transfer", 10, "INVALID_PARAMETER"),
        ({f"n{n}": "1" for n in range(33)}, "transfer", 10, "INVALID_PARAMETER"),
        ({"invoice": "1"}, "transfer", 99, "TRANSFER_NOT_EXIST"),
        ({"invoice": "1"}, "account", 99, "ACCOUNT_NOT_EXIST"),
    ],
)
def test_metadata_that_cannot_be_is_refused(
    parts: Parts, values: dict[str, str], kind: str, number: int, code: str
) -> None:
    parts.accept(CreateLedgerTransfers(transfers=(transfer(10, 5),)))
    command = SetMetadata(kind=MetadataKind(kind), object_id=id_bytes(number), values=values)
    assert parts.refuse(command) == code
    assert metadata_of(parts.rows.connection, MetadataKind(kind), [number]) == {}


def test_transfers_with_metadata_of_a_wrong_form_are_not_made(parts: Parts) -> None:
    command = CreateLedgerTransfers(transfers=(transfer(10, 5),), metadata={0: {"X": "1"}})
    assert parts.refuse(command) == "INVALID_PARAMETER"
    assert SqlLedgerReader(parts.rows.connection).transfers([10]) == []


def save(parts: Parts, group_id: str, **members: object) -> None:
    definition = convert(members, GroupDefinition)
    parts.accept(SaveGroup(group_id=group_id, name=group_id, members=definition))


def belonging(parts: Parts, group_id: str) -> list[int]:
    group = views.known_group(parts.rows, group_id)
    return [a.id for a in views.accounts_of_group(parts.rows, group)]


def test_a_group_is_listed_nested_or_by_rule(parts: Parts) -> None:
    parts.accept(
        SetMetadata(kind=MetadataKind.ACCOUNT, object_id=id_bytes(3), values={"region": "south"})
    )
    save(parts, "one", accounts=[f"{1:032x}"])
    save(parts, "wallets", rules=[{"book": 7, "code_from": 2001, "code_to": 2099}])
    save(parts, "south", rules=[{"metadata_name": "region", "metadata_value": "south"}])
    save(parts, "all", groups=["one", "wallets", "south"])
    assert belonging(parts, "one") == [1]
    assert belonging(parts, "wallets") == [2, 3]
    assert belonging(parts, "south") == [3]
    assert belonging(parts, "all") == [1, 2, 3]
    parts.accept(CreateLedgerTransfers(transfers=(transfer(10, 5), transfer(11, 2, 2, 3))))
    (balance,) = views.group_balances(parts.rows, "wallets", 2**62)
    assert (balance.balance, balance.accounts) == (5, 2)
    with pytest.raises(Exception, match="ACCOUNT_GROUP_TOO_LARGE"):
        views.accounts_of_group(parts.rows, views.known_group(parts.rows, "all"), 2)


def test_a_group_that_cannot_be_is_refused_and_nothing_changes(parts: Parts) -> None:
    save(parts, "inner", accounts=[f"{1:032x}"])
    save(parts, "outer", groups=["inner"])
    for group_id, members, code in (
        ("inner", GroupDefinition(groups=("outer",)), "ACCOUNT_GROUP_CYCLE"),
        ("inner", GroupDefinition(groups=("inner",)), "ACCOUNT_GROUP_CYCLE"),
        ("new", GroupDefinition(groups=("nobody",)), "ACCOUNT_GROUP_NOT_EXIST"),
        ("new", GroupDefinition(accounts=(f"{9:032x}",)), "ACCOUNT_NOT_EXIST"),
        ("new", GroupDefinition(accounts=("9",)), "INVALID_PARAMETER"),
        ("new", GroupDefinition(), "INVALID_PARAMETER"),
        ("New", GroupDefinition(groups=("inner",)), "INVALID_PARAMETER"),
        ("new", GroupDefinition(rules=(GroupRule(),)), "INVALID_PARAMETER"),
        ("new", GroupDefinition(rules=(GroupRule(metadata_name="a1"),)), "INVALID_PARAMETER"),
        ("new", GroupDefinition(rules=(GroupRule(code_from=9, code_to=8),)), "INVALID_PARAMETER"),
    ):
        assert parts.refuse(SaveGroup(group_id=group_id, name="x", members=members)) == code
    assert parts.refuse(DeleteGroup(group_id="inner")) == "ACCOUNT_GROUP_IN_USE"
    assert parts.refuse(DeleteGroup(group_id="nobody")) == "ACCOUNT_GROUP_NOT_EXIST"
    assert [g.group_id for g in parts.rows.select(AccountGroup)] == ["inner", "outer"]
    parts.accept(DeleteGroup(group_id="outer"))
    parts.accept(DeleteGroup(group_id="inner"))
    assert parts.rows.select(AccountGroup) == []


@settings(max_examples=25)
@given(moves=histories, days=st.tuples(st.integers(-1, 5), st.integers(0, 20)))
def test_a_groups_statement_adds_up_and_leaves_out_what_moves_inside(
    moves: list[Move], days: tuple[int, int]
) -> None:
    rows = ReadSession(book_moves(moves))
    members = GroupDefinition(accounts=(f"{1:032x}", f"{2:032x}"))
    rows.connection.execute(
        "INSERT INTO account_group VALUES ('g', 'G', ?, '', 0)",
        (msgspec.json.encode(members).decode(),),
    )
    first = FIRST + timedelta(days[0])
    period = DayPeriod.of(first, first + timedelta(days[1]))
    document = views.group_document(rows, "g", 7, period)
    entries = list(document.entries())
    assert document.opening + sum(e.change for e in entries) == document.closing
    assert all(3 in (e.transfer.debit_account_id, e.transfer.credit_account_id) for e in entries)
    (balance,) = views.group_balances(rows, "g", period.before_ns)
    assert balance.balance == document.closing
    for form in ("json", "csv", "camt053", "mt940"):
        write_statement(document, BytesIO(), form)
    rows.connection.close()


wanted = st.builds(
    Wanted,
    reference=st.sampled_from([0, 0, 10**37, 2 * 10**37]), account_id=st.sampled_from([0, 0, 1, 9]),
    book=st.sampled_from([None, 7, 8]), code=st.sampled_from([None, None, 7, 8]),
    least=st.sampled_from([0, 1, 99]), most=st.sampled_from([98, 1230, 2**63 - 1]),
    from_ns=st.sampled_from([0, START_NS + DAY_NS]),
    before_ns=st.sampled_from([START_NS + 3 * DAY_NS, 2**63 - 1]), metadata=st.none(),
)  # fmt: skip


@settings(max_examples=60)
@given(moves=histories, looked_for=wanted, limit=st.integers(1, 5))
def test_a_search_finds_what_a_look_at_every_entry_finds(
    moves: list[Move], looked_for: Wanted, limit: int
) -> None:
    rows = ReadSession(book_moves(moves))
    reader = SqlLedgerReader(rows.connection)
    every = {t.id: t for n in (1, 2, 3) for t in reader.transfers_of_account(n)}.values()
    truth = sorted((t for t in every if looked_for.fits(t)), key=lambda t: -t.timestamp)
    found: list[Transfer] = []
    before = None
    for _ in range(50):
        page = find_entries(rows, looked_for, before=before, limit=limit)
        found += [entry.transfer for entry in page.entries]
        before = page.before
        if before is None:
            break
    assert found == truth
    rows.connection.close()


@pytest.mark.parametrize("bulk", [False, True])
def test_a_search_over_all_looks_at_so_many_and_says_where_to_go_on(
    monkeypatch: pytest.MonkeyPatch, bulk: bool
) -> None:
    monkeypatch.setattr(entry_search, "WINDOW_ENTRIES", 2)
    monkeypatch.setattr(entry_search, "WINDOW_ROWS", 2)
    monkeypatch.setattr("tallystick.accounting.search._CHUNKS_MAX", 3)
    moves = [Move(1, 1, 2, 1000 - n, bulk, direct=True) for n in range(40)]
    rows = ReadSession(book_moves(moves))
    looked_for, before, pages, found = Wanted(least=1000), None, 0, 0
    while pages == 0 or before is not None:
        page = find_entries(rows, looked_for, before=before, limit=5)
        before, pages, found = page.before, pages + 1, found + len(page.entries)
    assert found == 1
    assert pages >= 5
    rows.connection.close()
