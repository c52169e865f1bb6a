"""What the working set asks its reader, and what it hands over."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.ledger.books import Books, Changes
from tallystick.ledger.memory import InMemoryReader
from tallystick.ledger.model import Account, PendingState, Transfer, TransferFlags, TransferResult

PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING)


class RecordingReader(InMemoryReader):
    """The committed ledger, and every question it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, list[int]]] = []

    def accounts(self, ids: Sequence[int]) -> list[Account]:
        self.asked.append(("accounts", sorted(ids)))
        return super().accounts(ids)

    def transfers(self, ids: Sequence[int]) -> list[Transfer]:
        self.asked.append(("transfers", sorted(ids)))
        return super().transfers(ids)

    def pending_states(self, ids: Sequence[int]) -> dict[int, PendingState]:
        self.asked.append(("pending_states", sorted(ids)))
        return super().pending_states(ids)

    def failed(self, ids: Sequence[int]) -> set[int]:
        self.asked.append(("failed", sorted(ids)))
        return super().failed(ids)


def committed() -> RecordingReader:
    reader = RecordingReader()
    books = Books(reader)
    books.create_accounts([Account(id=i, book=1, code=1) for i in (1, 2, 3)], 1)
    books.create_transfers([move(10, flags=PENDING), move(11)], 10)
    reader.keep(books.drain())
    reader.asked.clear()
    return reader


def move(id_: int, debit: int = 1, credit: int = 2, flags: int = 0) -> Transfer:
    return Transfer(
        id=id_,
        debit_account_id=debit,
        credit_account_id=credit,
        amount=5,
        book=1,
        code=1,
        flags=flags,
    )


def test_one_call_asks_each_question_once_and_no_id_twice() -> None:
    reader = committed()
    books = Books(reader, last_timestamp=11)
    calls = [[move(20), move(21, 2, 3), move(11)], [move(22), move(20), move(23, 1, 9)]]
    for call in calls:
        books.create_transfers(call, 20)
    assert reader.asked == [
        ("transfers", [11, 20, 21]),
        ("failed", [20, 21]),
        ("accounts", [1, 2, 3]),
        ("transfers", [22, 23]),
        ("failed", [22, 23]),
        ("accounts", [9]),
    ]


def test_settling_a_committed_hold_reads_its_accounts_and_state() -> None:
    reader = committed()
    books = Books(reader, last_timestamp=11)
    post = Transfer(id=20, pending_id=10, amount=3, flags=POST)
    assert books.create_transfers([post], 20) == [TransferResult.CREATED]
    assert ("pending_states", [10]) in reader.asked
    account = books.account(1)
    assert account is not None
    assert (account.debits_pending, account.debits_posted) == (0, 5 + 3)


def test_ids_loaded_ahead_are_not_asked_for_again() -> None:
    reader = committed()
    books = Books(reader, last_timestamp=11)
    books.load([1, 2, 2], [20, 11])
    reader.asked.clear()
    books.create_transfers([move(20)], 20)
    assert reader.asked == []


def test_a_drain_hands_over_each_change_once_with_its_present_value() -> None:
    reader = committed()
    books = Books(reader, last_timestamp=11)
    books.create_accounts([Account(id=4, book=1, code=1)], 20)
    post = Transfer(id=21, pending_id=10, amount=5, flags=POST)
    calls = [[move(20, 1, 4)], [post, move(22, 1, 4, PENDING)], [move(23, 1, 99)]]
    for call in calls:
        books.create_transfers(call, 30)
    changes = books.drain()
    assert [(a.id, a.credits_posted, a.credits_pending) for a in changes.new_accounts] == [
        (4, 5, 5)
    ]
    assert {a.id: a.debits_posted for a in changes.changed_accounts} == {1: 15, 2: 0}
    assert [t.id for t in changes.new_transfers] == [20, 21, 22]
    assert changes.pending_states == {10: PendingState.POSTED, 22: PendingState.PENDING}
    assert changes.failed_ids == [23]
    assert books.drain() == Changes([], [], [], {}, [])


def test_what_failed_in_a_command_that_is_undone_may_be_tried_again() -> None:
    books = Books(committed(), last_timestamp=11)
    mark = books.mark()
    assert books.create_transfers([move(20, 1, 9)], 20)[0] == "credit_account_not_found"
    books.rollback(mark)
    books.create_accounts([Account(id=9, book=1, code=1)], 20)
    assert books.create_transfers([move(20, 1, 9)], 20)[0] == "created"
    assert books.drain().failed_ids == []


def test_commands_of_a_batch_are_undone_one_by_one() -> None:
    books = Books(committed(), last_timestamp=11)
    outer = books.mark()
    books.create_transfers([move(20)], 20)
    inner = books.mark()
    books.create_transfers([move(21)], 20)
    books.rollback(inner)
    assert books.transfer(20) is not None
    assert books.transfer(21) is None
    books.rollback(outer)
    assert not any(books.drain())


def test_an_empty_call_has_no_answers() -> None:
    reader = committed()
    books = Books(reader, last_timestamp=11)
    assert books.create_transfers([], 20) == []
    assert books.create_accounts([], 20) == []
    assert reader.asked == []
    assert books.last_timestamp == 11
