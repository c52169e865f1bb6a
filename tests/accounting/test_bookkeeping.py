"""Bookkeeping for others: what its commands may touch, and statements that always add up."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platform_parts import START_MS, Parts, opened

from tallystick.accounting import service, views
from tallystick.accounting.model import (
    BATCH_MAX,
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.ledger.model import Transfer, TransferFlags
from tallystick.store.ledger_rows import SqlLedgerReader, id_bytes
from tallystick.store.rows import ReadSession

BOOK = 7
HERE, THERE = 1, 2
MOVES, STEP_MS = 40, 10
NS = 1_000_000
ZERO = id_bytes(0)


def account(id_: int, book: int = BOOK) -> AccountDraft:
    return AccountDraft(id_bytes(id_), book, 10, 0, ZERO, 0, 0)


def transfer(
    id_: int, amount: int, *, debit: int = HERE, credit: int = THERE, pending_id: int = 0,
    flags: int = 0, timeout: int = 0, book: int = BOOK,
) -> TransferDraft:  # fmt: skip
    return TransferDraft(
        id_bytes(id_), id_bytes(debit), id_bytes(credit), amount, id_bytes(pending_id), ZERO, 0, 0,
        timeout, book, 1, flags,
    )  # fmt: skip


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, service.register) as made:
        made.accept(CreateLedgerAccounts(accounts=(account(HERE), account(THERE))))
        yield made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """Books with transfers both ways, holds, postings and voids, some at the same moment."""
    chance = random.Random(1)
    with opened(tmp_path_factory.mktemp("kept"), service.register) as made:
        made.accept(CreateLedgerAccounts(accounts=(account(HERE), account(THERE))))
        holds: list[int] = []
        for number in range(10, 10 + MOVES):
            made.clock.pass_ms(STEP_MS * chance.randrange(2))
            made.accept(CreateLedgerTransfers(transfers=(_any(chance, number, holds),)))
        yield made


def _any(chance: random.Random, number: int, holds: list[int]) -> TransferDraft:
    way = chance.randrange(4)
    if way == 0:
        holds.append(number)
        return transfer(number, chance.randrange(1, 100), flags=int(TransferFlags.PENDING))
    if way == 1 and holds:
        flag = chance.choice((TransferFlags.POST_PENDING, TransferFlags.VOID_PENDING))
        amount = 0 if flag is TransferFlags.VOID_PENDING else 2**63 - 1
        return transfer(number, amount, debit=0, credit=0, pending_id=holds.pop(), flags=int(flag))
    ends = (HERE, THERE) if chance.randrange(2) else (THERE, HERE)
    return transfer(number, chance.randrange(1, 100), debit=ends[0], credit=ends[1])


def moved(t: Transfer, account_id: int) -> int:
    """What a transfer gave to an account that grows with credits, in minor units."""
    if t.flags & (TransferFlags.PENDING | TransferFlags.VOID_PENDING):
        return 0
    return t.amount if t.credit_account_id == account_id else -t.amount


def pages(
    rows: ReadSession, account_id: int, from_ns: int, before_ns: int, limit: int
) -> Iterator[views.AccountStatement]:
    after = -1
    while True:
        page = views.account_statement(
            rows, account_id, from_ns=from_ns, before_ns=before_ns, after=after, limit=limit
        )
        assert page is not None
        yield page
        if page.after is None:
            return
        after = page.after


@given(
    from_ms=st.integers(-5, MOVES * STEP_MS),
    length_ms=st.integers(0, MOVES * STEP_MS),
    limit=st.integers(1, 9),
    account_id=st.sampled_from((HERE, THERE)),
)
def test_a_statement_of_any_period_and_page_adds_up(
    kept: Parts, from_ms: int, length_ms: int, limit: int, account_id: int
) -> None:
    from_ns = (START_MS + from_ms) * NS
    before_ns = from_ns + length_ms * NS
    every = SqlLedgerReader(kept.rows.connection).transfers_of_account(account_id)
    opening = sum(moved(t, account_id) for t in every if t.timestamp < from_ns)
    within = [t for t in every if from_ns <= t.timestamp < before_ns and moved(t, account_id)]
    found = list(pages(kept.rows, account_id, from_ns, before_ns, limit))
    assert {(p.opening, p.closing) for p in found} == {
        (opening, opening + sum(moved(t, account_id) for t in within))
    }
    lines = [line for page in found for line in page.lines]
    assert [line.transfer.id for line in lines] == [t.id for t in within]
    balance = opening
    for line in lines:
        balance += line.change
        assert line.balance == balance
    assert balance == found[-1].closing


def test_a_call_is_whole_or_nothing_where_a_book_is_the_platforms(parts: Parts) -> None:
    mixed = (account(5), account(6, book=1_000_156))
    assert parts.refuse(CreateLedgerAccounts(accounts=mixed)) == "BOOK_RESERVED"
    assert views.account(SqlLedgerReader(parts.rows.connection), 5) is None
    moves = (transfer(50, 1), transfer(51, 1, book=1_000_156))
    assert parts.refuse(CreateLedgerTransfers(transfers=moves)) == "BOOK_RESERVED"
    assert views.transfer(SqlLedgerReader(parts.rows.connection), 50) is None


@pytest.mark.parametrize("size", [0, BATCH_MAX + 1])
def test_a_call_has_a_size(parts: Parts, size: int) -> None:
    moves = tuple(transfer(100 + n, 1) for n in range(size))
    assert parts.refuse(CreateLedgerTransfers(transfers=moves)) == "INVALID_PARAMETER"


def test_a_number_that_does_not_fit_is_refused(parts: Parts) -> None:
    wide = AccountDraft(b"short", BOOK, 10, 0, ZERO, 0, 0)
    assert parts.refuse(CreateLedgerAccounts(accounts=(wide,))) == "INVALID_PARAMETER"
    assert parts.refuse(CreateLedgerTransfers(transfers=(transfer(9, -1),))) == "INVALID_PARAMETER"
    large = account(9, book=-1)
    assert parts.refuse(CreateLedgerAccounts(accounts=(large,))) == "INVALID_PARAMETER"


def test_a_hold_is_let_go_when_its_time_is_over_and_not_before(parts: Parts) -> None:
    pending = int(TransferFlags.PENDING)
    holds = (transfer(20, 5, flags=pending, timeout=60), transfer(21, 7, flags=pending, timeout=60))
    parts.accept(CreateLedgerTransfers(transfers=holds))
    post = transfer(22, 7, pending_id=21, flags=int(TransferFlags.POST_PENDING))
    parts.accept(CreateLedgerTransfers(transfers=(post,)))
    ledger = SqlLedgerReader(parts.rows.connection)
    parts.clock.pass_ms(59_999)
    parts.run_timers()
    assert ledger.accounts([HERE])[0].debits_pending == 5
    parts.clock.pass_ms(2)
    parts.run_timers()
    here = ledger.accounts([HERE])[0]
    assert (here.debits_pending, here.debits_posted) == (0, 7)
    assert parts.next_timer_ms() is None


def test_a_trial_balance_is_given_book_by_book(parts: Parts) -> None:
    more = tuple(account(100 + book, book=book) for book in (3, 9, 12))
    parts.accept(CreateLedgerAccounts(accounts=more))
    parts.accept(CreateLedgerTransfers(transfers=(transfer(30, 8),)))
    seen, after = [], -1
    while True:
        page = views.trial_balance_page(parts.rows, book=None, after=after, limit=2)
        seen += page.books
        if page.after is None:
            break
        after = page.after
    assert [book.book for book in seen] == [3, BOOK, 9, 12]
    assert all(book.balanced for book in seen)
    assert seen[1].debits_posted == 8
    assert views.trial_balance_page(parts.rows, book=4, after=-1, limit=2).books == []
