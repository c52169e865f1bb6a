"""The 300 histories that a real TigerBeetle answered, answered by this ledger."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.naive_ledger import NaiveLedger
from tests.ledger.written import account_of, transfer_of

from tallystick.ledger.replay import replay_file

HISTORIES = Path(__file__).parents[1] / "data" / "ledger" / "conformance.jsonl.gz"


def written() -> Iterator[dict[str, Any]]:
    with gzip.open(HISTORIES) as lines:
        yield from map(json.loads, lines)


def test_all_300_histories_are_answered_exactly() -> None:
    answered = 0
    for history, answer in zip(written(), replay_file(HISTORIES), strict=True):
        expected = {name: history[name] for name in answer}
        assert set(answer) == {"name", "account_results", "results", "balances"}
        assert answer == expected, history["name"]
        answered += 1
    assert answered == 300


def test_a_plain_file_is_answered_as_the_compressed_one(tmp_path: Path) -> None:
    plain = tmp_path / "histories.jsonl"
    plain.write_bytes(gzip.decompress(HISTORIES.read_bytes()))
    assert list(replay_file(plain)) == list(replay_file(str(HISTORIES)))


def test_the_naive_ledger_of_the_property_tests_answers_them_too() -> None:
    for history in written():
        accounts = [
            account_of(given, timestamp)
            for timestamp, (given, result) in enumerate(
                zip(history["accounts"], history["account_results"], strict=True), start=1
            )
            if result == "created"
        ]
        naive = NaiveLedger(accounts)
        now_ns = 100
        for batch, results in zip(history["batches"], history["results"], strict=True):
            assert naive.call([transfer_of(t) for t in batch], now_ns) == results, history["name"]
            now_ns += len(batch)
        for balance in history["balances"]:
            account = naive.accounts[balance["id"]]
            assert balance == {name: getattr(account, name) for name in balance}


@pytest.mark.parametrize("cut", [1000, 50_000])
def test_a_cut_compressed_file_is_a_clear_error_after_what_was_whole(
    tmp_path: Path, cut: int
) -> None:
    damaged = tmp_path / "cut.jsonl.gz"
    damaged.write_bytes(HISTORIES.read_bytes()[:cut])
    answers = replay_file(damaged)
    with pytest.raises(ValueError, match=r"line \d+: the compressed file is damaged"):
        for _ in answers:
            pass
