"""Periods that close: nothing takes effect in a closed day, and a close proves what it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.accounting.own_books import (
    ANN,
    BEN,
    BOOK,
    account,
    accounts,
    money,
    name,
    transfer,
)
from tests.platform_parts import START_MS, Parts, opened

from tallystick.accounting import service
from tallystick.accounting.apply import apply_file
from tallystick.accounting.books import service as books
from tallystick.accounting.books.model import LedgerBook, NameBook
from tallystick.accounting.days import DAY_MS, date_of, day_begins_ms, day_of_ms, given_day
from tallystick.accounting.files import CALL_ROWS, BadRow
from tallystick.accounting.model import CreateLedgerTransfers
from tallystick.accounting.periods import service as periods
from tallystick.accounting.periods.balances import totals_through
from tallystick.accounting.periods.model import (
    ApproveReopening,
    AskReopening,
    CloseDone,
    ClosePeriod,
    RejectReopening,
)
from tallystick.accounting.periods.views import close_story, proof_of_close
from tallystick.accounting.statements.document import DayPeriod, account_document
from tallystick.ledger.model import TransferFlags
from tallystick.partners import service as partners
from tallystick.partners.model import CreateApiKey
from tallystick.pipeline.commands import SYSTEM, Caller, CallerKind, Request
from tallystick.store.ledger_rows import SqlLedgerReader

TODAY = day_of_ms(START_MS)
CODES = {1: 10, 2: 20, 3: 20, 4: 30}


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    registers = service.register, books.register, periods.register, partners.register
    with opened(tmp_path, *registers) as made:
        accounts(made, *(account(id_, code=code) for id_, code in CODES.items()))
        name(made)
        yield made


def closed(parts: Parts, day: int) -> CloseDone:
    done: CloseDone = parts.accept(ClosePeriod(book=BOOK, through_day=day), ANN)
    return done


def test_days_are_those_of_china() -> None:
    for day in (TODAY, TODAY + 1):
        assert day_of_ms(day_begins_ms(day)) == day
        assert day_of_ms(day_begins_ms(day) - 1) == day - 1


def test_nothing_takes_effect_in_a_closed_day_and_the_call_changes_nothing(parts: Parts) -> None:
    assert money(parts, transfer(100, 1, 2, 5, day=TODAY - 1)) == ["created"]
    closed(parts, TODAY - 1)
    moves = (transfer(101, 1, 2, 5), transfer(102, 1, 2, 5, day=TODAY - 1))
    assert parts.refuse(CreateLedgerTransfers(transfers=moves)) == "PERIOD_CLOSED"
    assert money(parts, transfer(103, 1, 2, 5), transfer(104, 1, 2, 5, day=TODAY)) == [
        "created", "created",
    ]  # fmt: skip
    ahead = (transfer(105, 1, 2, 5, day=TODAY + 1),)
    assert parts.refuse(CreateLedgerTransfers(transfers=ahead)) == "EFFECTIVE_DATE_INVALID"


def test_a_hold_of_a_closed_day_is_posted_only_with_an_open_day_of_its_own(parts: Parts) -> None:
    held = transfer(110, 1, 2, 5, day=TODAY - 1, flags=int(TransferFlags.PENDING))
    assert money(parts, held) == ["created"]
    closed(parts, TODAY - 1)
    post = int(TransferFlags.POST_PENDING)
    late = transfer(111, 0, 0, 2**63 - 1, pending_id=110, flags=post, book=0, code=0)
    assert parts.refuse(CreateLedgerTransfers(transfers=(late,))) == "PERIOD_CLOSED"
    fine = transfer(112, 0, 0, 2**63 - 1, pending_id=110, flags=post, book=0, code=0, day=TODAY)
    assert money(parts, fine) == ["created"]


def test_only_a_day_that_is_over_and_open_is_closed(parts: Parts) -> None:
    assert parts.refuse(ClosePeriod(book=BOOK, through_day=TODAY)) == "PERIOD_NOT_OVER"
    closed(parts, TODAY - 2)
    assert parts.refuse(ClosePeriod(book=BOOK, through_day=TODAY - 2)) == "PERIOD_CLOSED"
    assert parts.refuse(ClosePeriod(book=99, through_day=TODAY - 1)) == "BOOK_NOT_EXIST"
    parts.clock.pass_ms(DAY_MS)
    assert closed(parts, TODAY).first_day == TODAY - 1


def test_a_close_is_opened_again_by_a_second_person_only(parts: Parts) -> None:
    first, second = closed(parts, TODAY - 3), closed(parts, TODAY - 1)
    ask = AskReopening(close_id=second.close_id, reason="late invoice")
    assert parts.refuse(ApproveReopening(close_id=second.close_id), BEN) == "PERIOD_STATE"
    older = AskReopening(close_id=first.close_id, reason="x")
    assert parts.refuse(older, ANN) == "PERIOD_NOT_LATEST"
    no_reason = AskReopening(close_id=second.close_id, reason=" ")
    assert parts.refuse(no_reason, ANN) == "INVALID_PARAMETER"
    parts.accept(ask, ANN)
    late = CreateLedgerTransfers(transfers=(transfer(120, 1, 2, 5, day=TODAY - 2),))
    assert parts.refuse(late) == "PERIOD_CLOSED"
    key = CreateApiKey(key_id="anns", name="k", secret_hash=b"a" * 32, scopes="ledger:close")
    parts.accept(key, ANN._replace(scopes=frozenset({"*"})))
    for same in (ANN, Caller(CallerKind.KEY, "anns", ANN.scopes)):
        agreed = ApproveReopening(close_id=second.close_id)
        assert parts.refuse(agreed, same) == "PERIOD_SAME_PERSON"
    parts.accept(RejectReopening(close_id=second.close_id), BEN)
    parts.accept(ask, ANN)
    done = parts.accept(ApproveReopening(close_id=second.close_id), BEN)
    assert done.closed_through == TODAY - 3
    parts.accept(late)
    story = close_story(parts.rows, second.close_id)
    assert story is not None
    assert [(n.action, n.done_by) for n in story.notes] == [
        ("closed", "operator:ann"), ("asked", "operator:ann"), ("kept closed", "operator:ben"),
        ("asked", "operator:ann"), ("reopened", "operator:ben"),
    ]  # fmt: skip
    assert closed(parts, TODAY - 1).first_day == TODAY - 2


def test_a_snapshot_is_hashed_and_carries_the_hash_of_the_one_before(parts: Parts) -> None:
    money(parts, transfer(130, 1, 2, 700, day=TODAY - 5))
    first = closed(parts, TODAY - 4)
    second = closed(parts, TODAY - 1)
    story = close_story(parts.rows, second.close_id)
    assert story is not None
    assert story.snapshot.previous == first.digest.hex()
    assert hashlib.sha256(story.close.snapshot).digest() == second.digest
    proof = proof_of_close(parts.rows, story.close)
    assert (proof.digest_fits, proof.totals_fit) == (True, True)
    parts.writer.execute("UPDATE ledger_account SET debits_posted = 701 WHERE debits_posted = 700")
    assert not proof_of_close(parts.rows, story.close).totals_fit


Move = tuple[int, int, int, int, int, bool]
moves = st.lists(
    st.tuples(
        st.sampled_from(sorted(CODES)), st.sampled_from(sorted(CODES)), st.integers(1, 10**12),
        st.integers(0, 3), st.integers(0, 4), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(moves=moves, through=st.integers(0, 5))
def test_totals_through_a_day_are_what_took_effect_by_then(
    tmp_path_factory: pytest.TempPathFactory, moves: list[Move], through: int
) -> None:
    expected: Counter[tuple[int, int]] = Counter()
    with opened(tmp_path_factory.mktemp("p"), service.register, books.register) as parts:
        accounts(parts, *(account(id_, code=code) for id_, code in CODES.items()))
        name(parts)
        day = TODAY + through
        for number, (debit, credit, amount, pause, back, held) in enumerate(moves, 200):
            parts.clock.pass_ms(pause * DAY_MS // 2)
            if debit == credit:
                continue
            today = day_of_ms(parts.clock.now_ms)
            effect = today - back
            flags = int(TransferFlags.PENDING) if held else 0
            moved = transfer(number, debit, credit, amount, day=effect if back else 0, flags=flags)
            assert money(parts, moved) == ["created"]
            if not held and effect <= day:
                expected[CODES[debit], 0] += amount
                expected[CODES[credit], 1] += amount
        found = totals_through(parts.rows.connection, BOOK, day, value_dated=True, code_of={})
        for line in found:
            assert line.debits_posted == expected[line.code, 0]
            assert line.credits_posted == expected[line.code, 1]
        assert sum(x.debits_posted for x in found) == sum(x.credits_posted for x in found)


def test_entries_of_bulk_calls_are_counted_and_kept_out_alike(parts: Parts, tmp_path: Path) -> None:
    file = tmp_path / "late.csv"
    head = "id,debit_account_id,credit_account_id,amount,ledger,code,user_data_32\n"
    file.write_text(f"{head}300,1,2,50,{BOOK},1,{TODAY - 1}\n301,2,4,20,{BOOK},1,0\n")
    applied = apply_file(parts.writer, file, clock_ns=lambda: START_MS * 1_000_000)
    assert applied.answers == {"created": 2}
    done = closed(parts, TODAY - 1)
    story = close_story(parts.rows, done.close_id)
    assert story is not None
    assert story.snapshot.debits_posted == "50"
    again = tmp_path / "again.csv"
    fine = "".join(f"{i},1,2,50,{BOOK},1,0\n" for i in range(1000, 1000 + CALL_ROWS))
    again.write_text(f"{head}{fine}302,1,2,50,{BOOK},1,{TODAY - 1}\n")
    with pytest.raises(BadRow, match="closed through") as refused:
        apply_file(parts.writer, again, clock_ns=lambda: START_MS * 1_000_000)
    assert refused.value.line == CALL_ROWS + 2
    assert SqlLedgerReader(parts.writer).transfers([1000]) == []
    assert proof_of_close(parts.rows, story.close).totals_fit


def test_a_close_counts_what_its_own_batch_posted_before_it(parts: Parts) -> None:
    requests = [
        Request.once(SYSTEM, CreateLedgerTransfers(transfers=(moved,)))
        for moved in (transfer(400, 1, 2, 9, day=TODAY - 1), transfer(401, 1, 2, 4))
    ]
    close = Request.once(ANN, ClosePeriod(book=BOOK, through_day=TODAY - 1))
    answers = parts.together([*requests, close])
    assert all(a.refusal is None for a in answers)
    done = answers[-1].reply
    assert isinstance(done, CloseDone)
    story = close_story(parts.rows, done.close_id)
    assert story is not None
    assert story.snapshot.debits_posted == "9"


def test_a_number_that_is_no_day_is_none_where_nothing_moved(parts: Parts) -> None:
    """A book may become value-dated after entries that moved nothing, whatever they carry."""
    accounts(parts, account(21, book=8), account(22, book=8))
    assert money(parts, transfer(501, 21, 22, 0, book=8, day=2**32 - 1)) == ["created"]
    name(parts, 8)
    today = date_of(TODAY)
    document = account_document(parts.rows, 21, DayPeriod.of(today, today))
    assert [entry.value_day for entry in document.entries()] == [today]
    assert [given_day(n) for n in (0, 1, 2**32 - 1)] == [None, date(1970, 1, 2), None]


def test_what_a_books_entries_mean_is_settled_by_its_first_money(parts: Parts) -> None:
    money(parts, transfer(500, 1, 2, 1))
    plain = NameBook(book=BOOK, name="Main", currency="CNY", value_dated=False)
    assert parts.refuse(plain) == "BOOK_IN_USE"
    parts.accept(NameBook(book=BOOK, name="Other", currency="CNY", value_dated=True))
    kept = parts.rows.get(LedgerBook, BOOK)
    assert kept is not None
    assert kept.name == "Other"
    reserved = NameBook(book=1_000_156, name="x", currency="CNY")
    assert parts.refuse(reserved) == "BOOK_RESERVED"
    unknown = NameBook(book=9, name="x", currency="ZZZ")
    assert parts.refuse(unknown) == "INVALID_PARAMETER"
