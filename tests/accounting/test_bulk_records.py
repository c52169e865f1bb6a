"""A call of many transfers, posted as records, is answered as one by one, and does the same."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.accounting.own_books import account, accounts, name
from tests.platform_parts import Parts, opened

from tallystick.accounting import products
from tallystick.accounting.days import day_of_ms
from tallystick.accounting.model import CreateLedgerRecords, CreateLedgerTransfers
from tallystick.decoding import convert
from tallystick.gateway.rest import ledger_shapes as shapes
from tallystick.gateway.rest.ledger_records import packed_transfers
from tallystick.gateway.rest.problem import BadRequest
from tallystick.ledger.model import Account
from tallystick.store.ledger_rows import SqlLedgerReader

BOOK, PLATFORM_BOOK = 7, 1_000_156
LINKED, PENDING, POST, VOID, BALANCING = 1, 2, 4, 8, 16
ROOM = 1000
_rooms = itertools.count(1)


class Both(NamedTuple):
    """Two platforms that are asked the same, one by one and in bulk."""

    singly: Parts
    in_bulk: Parts


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folders = tmp_path_factory.mktemp("singly"), tmp_path_factory.mktemp("in-bulk")
    with (
        opened(folders[0], products.register) as one,
        opened(folders[1], products.register) as many,
    ):
        for parts in (one, many):
            name(parts, BOOK, value_dated=True)
        yield Both(one, many)


IDS, HELD = st.integers(4, 14), st.integers(1, 4)
USER_DATA = {
    "user_data_128": st.sampled_from((0, 5, 2**100, str(2**127))),
    "user_data_64": st.sampled_from((0, 2**64 - 1, "18446744073709551615")),
    "user_data_32": st.sampled_from((0, 1, 20_000)),
    "metadata": st.just({"invoice": "1"}),
}
PLAIN = st.fixed_dictionaries(
    {
        "id": IDS, "debit_account_id": st.sampled_from((2, 4, 1)),
        "credit_account_id": st.sampled_from((1, 3, 3, 9)),
        "amount": st.one_of(st.integers(0, 60), st.just("7")), "ledger": st.just(BOOK),
        "code": st.just(1), "flags": st.sampled_from((0, 0, 0, LINKED, BALANCING)),
    },
    optional=USER_DATA,
)  # fmt: skip
HOLD = st.fixed_dictionaries(
    {
        "id": HELD, "debit_account_id": st.just(2), "credit_account_id": st.just(1),
        "amount": st.integers(1, 60), "ledger": st.just(BOOK), "code": st.just(1),
        "flags": st.sampled_from((PENDING, PENDING, PENDING | LINKED)),
    },
    optional={"timeout": st.integers(1, 4), "user_data_32": st.sampled_from((1, 20_000))},
)  # fmt: skip
SETTLED = st.fixed_dictionaries(
    {"id": IDS, "pending_id": HELD, "flags": st.sampled_from((POST, POST, VOID))},
    optional={"amount": st.sampled_from((5, "max")), "user_data_32": st.sampled_from((2, 20_001))},
)
WILD = st.fixed_dictionaries(
    {
        "id": st.integers(0, 14), "debit_account_id": st.integers(0, 5),
        "credit_account_id": st.integers(0, 5), "amount": st.sampled_from((0, 3, "max")),
        "ledger": st.sampled_from((0, BOOK, 8)), "code": st.sampled_from((0, 1)),
        "flags": st.sampled_from((0, LINKED, PENDING, POST | VOID, 512)),
        "pending_id": st.sampled_from((0, 0, 3)), "timeout": st.sampled_from((0, 0, 2)),
    },
)  # fmt: skip
MOVES = st.lists(st.one_of(PLAIN, PLAIN, HOLD, SETTLED, WILD), min_size=1, max_size=14)
"""Transfers as callers write them: good ones, refused ones, the same again, chains, holds."""


def _in_room(move: dict[str, Any], room: int) -> dict[str, Any]:
    """The same with ids of its own, so that examples do not meet."""
    base = room * ROOM
    named = ("id", "debit_account_id", "credit_account_id", "pending_id")
    return {k: v + base if k in named and v else v for k, v in move.items()}


def _commands(moves: list[dict[str, Any]]) -> tuple[CreateLedgerTransfers, CreateLedgerRecords]:
    body = convert(moves, tuple[shapes.NewLedgerTransfer, ...])
    metadata = shapes.transfer_metadata(body)
    return (
        CreateLedgerTransfers(transfers=shapes.transfer_drafts(body), metadata=metadata),
        CreateLedgerRecords(records=packed_transfers("$", body), metadata=metadata),
    )


def _answer(parts: Parts, command: CreateLedgerTransfers | CreateLedgerRecords) -> Any:
    answer = parts.submit(command)
    return answer.refusal or answer.reply


def _state(parts: Parts, room: int) -> Any:
    """Accounts, transfers, holds and timers of a room, without the moments of the ledger."""
    reader = SqlLedgerReader(parts.rows.connection)
    ids = range(room * ROOM, room * ROOM + 20)
    there = sorted(reader.accounts(ids), key=lambda a: a.id)
    made = sorted(reader.transfers(ids), key=lambda t: t.id)
    sql = "SELECT timer_id, due_ms FROM timer WHERE timer_id LIKE ? ORDER BY timer_id"
    carried = "SELECT object_id, name, value FROM ledger_metadata ORDER BY object_id, name"
    found = parts.rows.connection.execute
    within = [f"ledger.expire:{i:032x}" for i in ids]
    return (
        [msgspec.structs.replace(a, timestamp=0) for a in there],
        [msgspec.structs.replace(t, timestamp=0) for t in made],
        reader.pending_states(ids),
        reader.failed(ids),
        [row for row in found(sql, ("ledger.expire:%",)) if row[0] in within],
        list(found(carried)),
    )


@settings(max_examples=80)
@given(first=MOVES, second=MOVES)
def test_both_ways_give_the_same_answers_and_books(
    both: Both, first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    room = next(_rooms)
    limited = Account(0, 0, 0, 2).flags
    for parts in both:
        drafts = (account(room * ROOM + n, flags=limited * (n % 2)) for n in range(1, 5))
        accounts(parts, *drafts)
    for moves in (first, second):
        singly, in_bulk = _commands([_in_room(m, room) for m in moves])
        assert _answer(both.singly, singly) == _answer(both.in_bulk, in_bulk)
    assert _state(both.singly, room) == _state(both.in_bulk, room)


def _plain(room: int, **more: Any) -> dict[str, Any]:
    return {"id": room * ROOM + 100, "debit_account_id": room * ROOM + 1, "amount": 5,
            "credit_account_id": room * ROOM + 2, "ledger": BOOK, "code": 1, **more}  # fmt: skip


def test_what_refuses_a_call_refuses_it_both_ways_and_changes_nothing(both: Both) -> None:
    room = next(_rooms)
    for parts in both:
        accounts(parts, account(room * ROOM + 1), account(room * ROOM + 2))
    tomorrow = day_of_ms(both.singly.clock()) + 2
    for wrong, code in (
        ({"ledger": PLATFORM_BOOK}, "BOOK_RESERVED"),
        ({"user_data_32": tomorrow}, "EFFECTIVE_DATE_INVALID"),
        ({"metadata": {"Invoice": "1"}}, "INVALID_PARAMETER"),
    ):
        moves = [_plain(room), _plain(room, id=room * ROOM + 101)]
        body = convert(moves, tuple[shapes.NewLedgerTransfer, ...])
        body = (body[0], msgspec.structs.replace(body[1], **wrong))
        metadata = shapes.transfer_metadata(body)
        singly = CreateLedgerTransfers(transfers=shapes.transfer_drafts(body), metadata=metadata)
        in_bulk = CreateLedgerRecords(records=packed_transfers("$", body), metadata=metadata)
        assert both.singly.refuse(singly) == both.in_bulk.refuse(in_bulk) == code
    assert _state(both.singly, room) == _state(both.in_bulk, room)
    assert _state(both.in_bulk, room)[1] == []


def test_a_hold_that_times_out_is_let_go_after_a_bulk_call(both: Both) -> None:
    room = next(_rooms)
    parts = both.in_bulk
    accounts(parts, account(room * ROOM + 1), account(room * ROOM + 2))
    hold = _plain(room, flags=PENDING, timeout=60)
    parts.accept(_commands([hold])[1])
    reader = SqlLedgerReader(parts.rows.connection)
    assert reader.accounts([room * ROOM + 1])[0].debits_pending == 5
    for made in both:
        made.clock.pass_ms(60_001)
        made.run_timers()
    assert reader.accounts([room * ROOM + 1])[0].debits_pending == 0


@pytest.mark.parametrize("records", [b"", b"x" * 119, bytes(120 * 8193)])
def test_records_of_another_size_are_refused(both: Both, records: bytes) -> None:
    assert both.in_bulk.refuse(CreateLedgerRecords(records=records)) == "INVALID_PARAMETER"


def test_a_number_that_is_too_large_is_refused_with_its_place() -> None:
    body = convert(
        [_plain(1), _plain(1, user_data_64="99999999999999999999")],
        tuple[shapes.NewLedgerTransfer, ...],
    )
    with pytest.raises(BadRequest) as refused:
        packed_transfers("$.transfers", body)
    assert refused.value.field == "$.transfers[1].user_data_64"
    assert np.frombuffer(packed_transfers("$", body[:1]), ">u8")[1] == 1100
