"""Rules that the conformance histories do not reach: time, overflow, widths, reserved bits."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger.books import Books
from tallystick.ledger.memory import InMemoryReader, memory_books
from tallystick.ledger.model import (
    AMOUNT_MAX,
    ID_MAX,
    Account,
    AccountFlags,
    AccountResult,
    PendingState,
    Transfer,
    TransferFlags,
    expires_at_ms,
    expires_at_ns,
)

START_NS = 1_700_000_000_000_000_000
SECOND_NS = 10**9
PENDING = int(TransferFlags.PENDING)
POST = int(TransferFlags.POST_PENDING)
VOID = int(TransferFlags.VOID_PENDING)


@pytest.fixture
def books() -> Books:
    opened = memory_books()
    accounts = [Account(id=i, book=1, code=1) for i in (1, 2, 3)]
    opened.create_accounts(accounts, START_NS - 3)
    return opened


def move(id_: int, amount: int, **more: int) -> Transfer:
    fields = {"debit_account_id": 1, "credit_account_id": 2, "book": 1, "code": 1} | more
    return Transfer(id=id_, amount=amount, **fields)


def settle(id_: int, pending_id: int, flags: int, amount: int = 0) -> Transfer:
    return Transfer(id=id_, pending_id=pending_id, amount=amount, flags=flags)


def answers(books: Books, *transfers: Transfer, now_ns: int = START_NS) -> list[str]:
    return [r.value for r in books.create_transfers(transfers, now_ns)]


def totals(books: Books, account_id: int) -> tuple[int, int, int, int]:
    a = books.account(account_id)
    assert a is not None
    return a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted


def test_a_hold_expires_at_its_time_and_is_released_once(books: Books) -> None:
    answers(books, move(10, 5, flags=PENDING, timeout=2))
    hold = books.transfer(10)
    assert hold is not None
    assert expires_at_ns(hold) == START_NS + 2 * SECOND_NS
    due_ns = START_NS + 2 * SECOND_NS
    assert not books.expire(10, due_ns - 1)
    assert totals(books, 1) == (5, 0, 0, 0)
    assert books.expire(10, due_ns)
    assert not books.expire(10, due_ns)
    assert totals(books, 1) == totals(books, 2) == (0, 0, 0, 0)
    assert books.pending_state(10) is PendingState.EXPIRED
    assert answers(books, settle(11, 10, POST), now_ns=due_ns) == ["pending_transfer_expired"]


@pytest.mark.parametrize("flags", [POST, VOID])
def test_a_hold_past_its_time_can_no_longer_be_settled_before_its_release(
    books: Books, flags: int
) -> None:
    answers(books, move(10, 5, flags=PENDING, timeout=2), move(11, 6, flags=PENDING, timeout=2))
    late_ns = START_NS + 2 * SECOND_NS
    everything = AMOUNT_MAX if flags == POST else 0
    early = answers(books, settle(12, 11, flags, everything), now_ns=late_ns)
    assert early == ["created"], "the second hold began one nanosecond later"
    late = answers(books, settle(13, 10, flags, everything), now_ns=late_ns)
    assert late == ["pending_transfer_expired"]
    assert totals(books, 1)[0] == 5
    assert books.expire(10, late_ns)
    assert totals(books, 1)[0] == 0
    assert not books.expire(11, late_ns + SECOND_NS)


def test_a_timer_at_the_due_millisecond_finds_the_hold_expired(books: Books) -> None:
    answers(books, move(10, 5), move(11, 5, flags=PENDING, timeout=1))
    hold = books.transfer(11)
    assert hold is not None
    due_ms = expires_at_ms(hold)
    assert due_ms == START_NS // 10**6 + 1001
    assert not books.expire(11, (due_ms - 1) * 10**6)
    assert books.expire(11, due_ms * 10**6)


def test_a_hold_without_timeout_never_expires(books: Books) -> None:
    answers(books, move(10, 5, flags=PENDING), move(11, 5))
    assert not books.expire(10, 2**63 - 1)
    assert not books.expire(11, 2**63 - 1), "no hold at all"
    assert not books.expire(999, 2**63 - 1), "no such transfer"


def test_an_expired_closing_hold_opens_the_account_again(books: Books) -> None:
    closing = int(TransferFlags.PENDING | TransferFlags.CLOSING_DEBIT)
    assert answers(
        books, move(10, 0, flags=closing, timeout=1), move(11, 1), move(12, 1, debit_account_id=3)
    ) == ["created", "debit_account_already_closed", "created"]
    account = books.account(1)
    assert account is not None
    assert account.closed
    assert books.expire(10, START_NS + SECOND_NS)
    account = books.account(1)
    assert account is not None
    assert not account.closed
    assert answers(books, move(13, 1)) == ["created"]


@pytest.mark.parametrize(
    ("before", "last", "answer"),
    [
        ([], move(20, AMOUNT_MAX), "created"),
        ([move(10, AMOUNT_MAX)], move(20, 1), "overflows_debits_posted"),
        (
            [move(10, AMOUNT_MAX, debit_account_id=3)],
            move(20, 1),
            "overflows_credits_posted",
        ),
        ([move(10, AMOUNT_MAX, flags=PENDING)], move(20, 1), "overflows_debits"),
        (
            [move(10, AMOUNT_MAX, flags=PENDING)],
            move(20, 1, flags=PENDING),
            "overflows_debits_pending",
        ),
        (
            [move(10, AMOUNT_MAX, flags=PENDING, debit_account_id=3)],
            move(20, 1, flags=PENDING),
            "overflows_credits_pending",
        ),
        (
            [move(10, AMOUNT_MAX, flags=PENDING, debit_account_id=3)],
            move(20, 1),
            "overflows_credits",
        ),
        ([move(10, AMOUNT_MAX - 1)], move(20, 1), "created"),
    ],
)
def test_an_overflow_is_an_answer_and_changes_nothing(
    books: Books, before: list[Transfer], last: Transfer, answer: str
) -> None:
    assert set(answers(books, *before)) <= {"created"}
    held = [totals(books, i) for i in (1, 2, 3)]
    assert answers(books, last) == [answer]
    assert (held == [totals(books, i) for i in (1, 2, 3)]) == (answer != "created")
    # An overflow may be answered otherwise later, but its id is not used up.
    again = "exists" if answer == "created" else answer
    assert answers(books, last) == [again]


def test_a_timeout_beyond_the_last_nanosecond_overflows(books: Books) -> None:
    late = 2**63 - 1 - SECOND_NS
    hold = move(10, 1, flags=PENDING, timeout=2)
    assert answers(books, hold, now_ns=late) == ["overflows_timeout"]
    assert answers(books, replace(hold, timeout=1), now_ns=late) == ["overflows_timeout"]
    assert answers(books, replace(hold, timeout=0), now_ns=late) == ["created"]


@pytest.mark.parametrize("flags", [256, 512, 1 << 15])
def test_reserved_bits_are_refused(books: Books, flags: int) -> None:
    assert answers(books, move(10, 1, flags=flags)) == ["reserved_flag"]


@pytest.mark.parametrize("flags", [16, 64, 1 << 15])
def test_reserved_account_bits_are_refused(flags: int) -> None:
    answer = memory_books().create_accounts([Account(id=1, book=1, code=1, flags=flags)], 1)
    assert answer == [AccountResult.RESERVED_FLAG]


@pytest.mark.parametrize(
    ("account", "answer"),
    [
        (Account(id=0, book=1, code=1), "id_must_not_be_zero"),
        (Account(id=ID_MAX, book=1, code=1), "id_must_not_be_int_max"),
        (Account(id=1, book=1, code=1, timestamp=5), "timestamp_must_be_zero"),
        (Account(id=1, book=1, code=1, debits_pending=5), "debits_pending_must_be_zero"),
        (Account(id=1, book=1, code=1, debits_posted=5), "debits_posted_must_be_zero"),
        (Account(id=1, book=1, code=1, credits_pending=5), "credits_pending_must_be_zero"),
        (Account(id=1, book=1, code=1, credits_posted=5), "credits_posted_must_be_zero"),
        (Account(id=1, book=1, code=1, flags=1), "linked_event_chain_open"),
        (Account(id=9, book=1, code=1, user_data_128=1), "exists_with_different_user_data_128"),
        (Account(id=9, book=1, code=1, user_data_32=1), "exists_with_different_user_data_32"),
    ],
)
def test_account_answers_beyond_the_histories(account: Account, answer: str) -> None:
    books = memory_books()
    books.create_accounts([Account(id=9, book=1, code=1)], 1)
    assert books.create_accounts([account], 2) == [AccountResult(answer)]


def test_linked_accounts_are_opened_together_or_not_at_all() -> None:
    books = memory_books()
    linked = int(AccountFlags.LINKED)
    chain = [Account(id=1, book=1, code=1, flags=linked), Account(id=2, book=1, code=0)]
    after = [Account(id=3, book=1, code=1)]
    assert [r.value for r in books.create_accounts(chain + after, 1)] == [
        "linked_event_failed",
        "code_must_not_be_zero",
        "created",
    ]
    assert books.account(1) is None
    assert books.account(3) is not None


@pytest.mark.parametrize(
    ("transfer", "answer"),
    [
        (move(10, 1, timestamp=5), "timestamp_must_be_zero"),
        (move(10, 1, timeout=5), "timeout_reserved_for_pending_transfer"),
        (settle(10, 0, POST), "pending_id_must_not_be_zero"),
        (settle(10, ID_MAX, POST), "pending_id_must_not_be_int_max"),
        (settle(10, 10, POST), "pending_id_must_be_different"),
        (move(10, 1, credit_account_id=ID_MAX), "credit_account_id_must_not_be_int_max"),
    ],
)
def test_malformed_transfers_beyond_the_histories(
    books: Books, transfer: Transfer, answer: str
) -> None:
    assert answers(books, transfer) == [answer]


def test_other_user_data_and_timeout_of_a_settled_hold_are_told_apart(books: Books) -> None:
    hold = move(10, 9, flags=PENDING, user_data_128=2**127, timeout=60)
    post = replace(settle(11, 10, POST, 4), user_data_64=3)
    assert answers(books, hold, post) == ["created", "created"]
    assert answers(books, replace(hold, timeout=61)) == ["exists_with_different_timeout"]
    same = replace(post, user_data_128=2**127, debit_account_id=1, book=1)
    assert answers(books, post, same) == ["exists", "exists"]
    for name, value in (
        ("user_data_128", 1),
        ("user_data_64", 0),
        ("user_data_32", 8),
        ("debit_account_id", 2),
        ("credit_account_id", 1),
        ("amount", 5),
        ("code", 2),
    ):
        answer = answers(books, replace(post, **{name: value}))
        assert answer == [f"exists_with_different_{name}"]
    assert answers(books, replace(post, book=2)) == ["exists_with_different_ledger"]


def test_a_posted_hold_inherits_what_the_post_leaves_out(books: Books) -> None:
    hold = move(10, 9, flags=PENDING, user_data_128=2**127, user_data_64=5, user_data_32=6)
    answers(books, hold, replace(settle(11, 10, POST, 4), user_data_64=3))
    posted = books.transfer(11)
    assert posted == Transfer(
        id=11,
        debit_account_id=1,
        credit_account_id=2,
        amount=4,
        pending_id=10,
        user_data_128=2**127,
        user_data_64=3,
        user_data_32=6,
        book=1,
        code=1,
        flags=POST,
        timestamp=START_NS + 1,
    )
    assert totals(books, 1) == (0, 4, 0, 0)
    assert totals(books, 2) == (0, 0, 0, 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", -1),
        ("amount", 2**63),
        ("id", 2**128),
        ("debit_account_id", -5),
        ("user_data_128", 2**128),
        ("user_data_64", 2**64),
        ("user_data_32", 2**32),
        ("timeout", 2**32),
        ("book", 2**32),
        ("code", 2**16),
        ("flags", -1),
    ],
)
def test_a_number_wider_than_its_field_is_a_callers_error(
    books: Books, field: str, value: int
) -> None:
    wide = replace(move(10, 1), **{field: value})
    before = books.drain()
    with pytest.raises(ValueError, match=rf"^{field} "):
        books.create_transfers([move(11, 1), wide], START_NS)
    assert before.new_accounts
    assert books.transfer(11) is None
    assert not any(books.drain())


def test_an_account_number_wider_than_its_field_is_a_callers_error() -> None:
    with pytest.raises(ValueError, match="^code "):
        memory_books().create_accounts([Account(id=1, book=1, code=2**16)], 1)


def test_timestamps_are_unique_and_increase_whatever_the_clock_does(books: Books) -> None:
    answers(books, move(10, 1), move(11, 1), now_ns=START_NS)
    answers(books, move(12, 1), now_ns=START_NS - SECOND_NS)
    answers(books, move(13, 1), now_ns=START_NS + 10)
    stamps = [t.timestamp for i in (10, 11, 12, 13) if (t := books.transfer(i))]
    assert stamps == [START_NS, START_NS + 1, START_NS + 2, START_NS + 10]
    assert books.last_timestamp == START_NS + 10


def test_an_id_that_failed_by_circumstance_is_used_up_across_units_of_work() -> None:
    reader = InMemoryReader()
    first = Books(reader)
    limited = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    accounts = [Account(id=1, book=1, code=1, flags=limited), Account(id=2, book=1, code=1)]
    first.create_accounts(accounts, 1)
    assert answers(first, move(10, 1)) == ["exceeds_credits"]
    reader.keep(first.drain())
    second = Books(reader, last_timestamp=first.last_timestamp)
    paid_in = move(11, 5, debit_account_id=2, credit_account_id=1)
    assert answers(second, paid_in, move(10, 1)) == ["created", "id_already_failed"]


def test_flags_may_be_given_as_flags_and_are_kept_as_numbers() -> None:
    books = memory_books()
    limited = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.HISTORY
    accounts = [Account(id=1, book=1, code=1, flags=limited), Account(id=2, book=1, code=1)]
    assert set(books.create_accounts(accounts, 1)) == {AccountResult.CREATED}
    chain = TransferFlags.PENDING | TransferFlags.LINKED
    back = {"debit_account_id": 2, "credit_account_id": 1}
    hold, last = move(10, 1, flags=chain, **back), move(11, 1, **back)
    assert answers(books, hold, last) == ["created", "created"]
    kept = books.transfer(10)
    account = books.account(1)
    assert kept is not None
    assert account is not None
    assert (type(kept.flags), type(account.flags)) == (int, int)
