"""The ledger's laws, over generated histories."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.histories import (
    ACCOUNT_IDS,
    START_NS,
    TRANSFER_IDS,
    accounts,
    calls,
    comparable,
    opened,
    state_of,
    transfers,
)
from tests.ledger.naive_ledger import NaiveLedger

from tallystick.ledger.books import Books
from tallystick.ledger.model import Account, PendingState, Transfer, TransferResult

Calls = list[tuple[int, list[Transfer]]]


def played(books: Books, history: Calls, now_ns: int = START_NS) -> list[list[TransferResult]]:
    answers = []
    for passed_ns, call in history:
        now_ns = max(now_ns, books.last_timestamp) + passed_ns
        answers.append(books.create_transfers(call, now_ns))
    return answers


def present(books: Books) -> list[Account]:
    return [a for i in ACCOUNT_IDS if (a := books.account(i)) is not None]


@given(accounts, calls, st.lists(st.booleans(), min_size=6, max_size=6))
def test_answers_and_state_are_those_of_the_naive_ledger(
    given_accounts: list[Account], history: Calls, committed: list[bool]
) -> None:
    books, reader, created = opened(given_accounts)
    naive = NaiveLedger(created)
    now_ns = START_NS
    for (passed_ns, call), commit in zip(history, committed, strict=False):
        now_ns = max(now_ns, books.last_timestamp + 1) + passed_ns
        for transfer_id in TRANSFER_IDS:
            assert books.expire(transfer_id, now_ns) == naive.expire(transfer_id, now_ns)
        assert books.create_transfers(call, now_ns) == naive.call(call, now_ns)
        assert {a.id: a for a in present(books)} == naive.accounts
        if commit:
            reader.keep(books.drain())
            books = Books(reader, last_timestamp=books.last_timestamp)
    assert {i: t for i in TRANSFER_IDS if (t := books.transfer(i))} == naive.transfers
    assert {i: s for i in TRANSFER_IDS if (s := books.pending_state(i))} == naive.states


@given(accounts, calls)
def test_every_book_balances_and_pending_totals_are_the_open_holds(
    given_accounts: list[Account], history: Calls
) -> None:
    books, _, _ = opened(given_accounts)
    played(books, history)
    debits: dict[int, int] = defaultdict(int)
    credits: dict[int, int] = defaultdict(int)
    for transfer_id in TRANSFER_IDS:
        if books.pending_state(transfer_id) is PendingState.PENDING:
            hold = books.transfer(transfer_id)
            assert hold is not None
            debits[hold.debit_account_id] += hold.amount
            credits[hold.credit_account_id] += hold.amount
    by_book: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for a in present(books):
        assert (a.debits_pending, a.credits_pending) == (debits[a.id], credits[a.id])
        by_book[a.book][0] += a.debits_posted - a.credits_posted
        by_book[a.book][1] += a.debits_pending - a.credits_pending
    assert all(difference == [0, 0] for difference in by_book.values())


@given(accounts, calls)
def test_limits_and_widths_are_never_violated(
    given_accounts: list[Account], history: Calls
) -> None:
    books, _, _ = opened(given_accounts)
    for call in history:
        played(books, [call])
        for a in present(books):
            debits, credits = a.debits_pending + a.debits_posted, a.credits_pending
            credits += a.credits_posted
            assert 0 <= debits < 2**63
            assert 0 <= credits < 2**63
            assert min(a.debits_pending, a.debits_posted, a.credits_pending) >= 0
            assert not a.flags & 2 or debits <= a.credits_posted
            assert not a.flags & 4 or credits <= a.debits_posted


@given(accounts, calls)
def test_a_created_transfer_sent_again_exists_and_changes_nothing(
    given_accounts: list[Account], history: Calls
) -> None:
    books, _, _ = opened(given_accounts)
    answers = played(books, history)
    before = state_of(books)[:3]
    for (_, call), results in zip(history, answers, strict=True):
        for transfer, result in zip(call, results, strict=True):
            if result is TransferResult.CREATED and not transfer.flags & 1:
                again = books.create_transfers([transfer], books.last_timestamp)
                assert again == [TransferResult.EXISTS]
    assert state_of(books)[:3] == before


@given(accounts, calls)
def test_a_linked_chain_is_created_whole_or_not_at_all(
    given_accounts: list[Account], history: Calls
) -> None:
    books, _, _ = opened(given_accounts)
    for (_, call), results in zip(history, played(books, history), strict=True):
        chain: list[TransferResult] = []
        for transfer, result in zip(call, results, strict=True):
            chain.append(result)
            if not transfer.flags & 1:
                own = [r for r in chain if r is not TransferResult.LINKED_EVENT_FAILED]
                assert len(own) == (len(chain) if own[0] is TransferResult.CREATED else 1)
                assert len(set(own)) == 1
                chain = []
        assert TransferResult.CREATED not in chain


@given(accounts, calls, calls, calls)
def test_rollback_restores_exactly(
    given_accounts: list[Account], first: Calls, undone: Calls, then: Calls
) -> None:
    books, _, _ = opened(given_accounts)
    straight, _, _ = opened(given_accounts)
    assert played(books, first) == played(straight, first)
    mark = books.mark()
    played(books, undone)
    books.create_accounts([Account(id=99, book=1, code=1)], START_NS)
    for transfer_id in TRANSFER_IDS:
        books.expire(transfer_id, books.last_timestamp + 3 * 10**9)
    books.rollback(mark)
    assert books.account(99) is None
    assert state_of(books) == state_of(straight)
    assert played(books, then) == played(straight, then)
    assert comparable(books.drain()) == comparable(straight.drain())


@given(accounts, transfers(linked=False), st.integers(0, 10))
def test_unlinked_transfers_may_be_split_over_calls(
    given_accounts: list[Account], call: list[Transfer], at: int
) -> None:
    whole, _, _ = opened(given_accounts)
    parted, _, _ = opened(given_accounts)
    singly, _, _ = opened(given_accounts)
    answer = played(whole, [(0, call)])[0]
    parts = [part for part in (call[:at], call[at:]) if part]
    assert [r for p in parts for r in parted.create_transfers(p, START_NS)] == answer
    assert [r for t in call for r in singly.create_transfers([t], START_NS)] == answer
    assert state_of(whole) == state_of(parted) == state_of(singly)
    changes = comparable(whole.drain())
    assert changes == comparable(parted.drain())
    assert changes == comparable(singly.drain())


@given(accounts, calls)
def test_changes_written_and_read_again_are_the_same_ledger(
    given_accounts: list[Account], history: Calls
) -> None:
    kept, _, _ = opened(given_accounts)
    answers = played(kept, history)
    books, reader, _ = opened(given_accounts)
    for call, answer in zip(history, answers, strict=True):
        assert played(books, [call]) == [answer]
        reader.keep(books.drain())
        books = Books(reader, last_timestamp=books.last_timestamp)
    assert state_of(books) == state_of(kept)
