"""Calls of arrays are answered as calls of objects are: the 300 histories, and generated ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.ledger.bulk_parts import Bulk
from tests.ledger.histories import ACCOUNT_IDS, START_NS, TRANSFER_IDS, accounts, calls, opened
from tests.ledger.written import account_of, transfer_of

from tallystick.ledger.model import Account, Transfer

HISTORIES = Path(__file__).parents[1] / "data" / "ledger" / "conformance.jsonl.gz"

Calls = list[tuple[int, list[Transfer]]]


def test_all_300_histories_are_answered_exactly_by_bulk_calls() -> None:
    answered = 0
    for line in gzip.decompress(HISTORIES.read_bytes()).splitlines():
        history = json.loads(line)
        bulk = Bulk()
        opening = [account_of(a, 0) for a in history["accounts"]]
        assert bulk.open(opening, 1) == history["account_results"], history["name"]
        for batch, expected in zip(history["batches"], history["results"], strict=True):
            answers = bulk.call([transfer_of(t) for t in batch], 1)
            assert [a.value for a in answers] == expected, history["name"]
        for balance in history["balances"]:
            account = bulk.account(balance["id"])
            assert account is not None
            assert balance == {name: getattr(account, name) for name in balance}
        answered += 1
    assert answered == 300


@given(accounts, calls, st.lists(st.booleans(), min_size=6, max_size=6), st.booleans())
def test_generated_calls_have_the_answers_and_the_state_of_the_working_set(
    given_accounts: list[Account], history: Calls, restarts: list[bool], exact: bool
) -> None:
    books, _, _ = opened(given_accounts)
    bulk = Bulk(exact=exact)
    bulk.open(given_accounts, START_NS + 1)
    now_ns = START_NS
    for (passed_ns, call), restart in zip(history, restarts, strict=False):
        now_ns = max(now_ns, books.last_timestamp + 1) + passed_ns
        assert bulk.call(call, now_ns) == books.create_transfers(call, now_ns)
        if restart:
            bulk = bulk.again()
    bulk.session.close()
    assert [bulk.account(i) for i in ACCOUNT_IDS] == [books.account(i) for i in ACCOUNT_IDS]
    assert [bulk.transfer(i) for i in TRANSFER_IDS] == [books.transfer(i) for i in TRANSFER_IDS]
    assert [bulk.pending_state(i) for i in TRANSFER_IDS] == [
        books.pending_state(i) for i in TRANSFER_IDS
    ]
