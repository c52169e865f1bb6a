"""Signed heads on both stores: over what is durable, each continuing the last, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.platform_parts import Clock
from tests.proofs.proved import HERE, THERE, Proved, proved

from tallystick.ledger.model import TransferFlags
from tallystick.ledger.records import empty_records
from tallystick.pipeline.refusals import Refused
from tallystick.proofs import tree, views
from tallystick.proofs.service import HeadSigner
from tallystick.proofs.tree import LedgerTree
from tallystick.store.bulk_store import BulkSession
from tallystick.verify import read_head, verify

NS = 10**6


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Proved]:
    with proved(tmp_path) as made:
        yield made


def in_bulk(parts: Proved, first: int, count: int) -> None:
    """As a bulk session posts, beside an executor that waits."""
    session = BulkSession.on(parts.writer)
    transfers = empty_records(count)
    transfers["id"][:, 1] = range(first, first + count)
    transfers["debit_account_id"][:, 1], transfers["credit_account_id"][:, 1] = HERE, THERE
    transfers["amount"] = transfers["book"] = transfers["code"] = 7
    with session.transaction() as ledger:
        assert not ledger.create_transfers(transfers, parts.clock() * NS).any()
    session.close()
    parts.clock.pass_ms(1)  # The executor does not know of it.


def test_entries_of_commands_and_of_bulk_calls_are_proved_alike(parts: Proved) -> None:
    parts.move(10, 11)
    in_bulk(parts, 1000, 700)
    parts.move(12)
    head = parts.sign()
    assert head.size == 703
    for transfer_id in (10, 11, 1000, 1255, 1256, 1699, 12):
        document = views.inclusion_document(parts.rows, parts.tree, transfer_id)
        assert f"of the {head.size}" in verify(document, parts.key)


def test_every_head_continues_every_earlier_one(parts: Proved) -> None:
    sizes = []
    for round_ in range(5):
        in_bulk(parts, 1000 * (round_ + 1), 150)
        parts.move(10 + round_)
        sizes.append(parts.sign().size)
    for first in sizes:
        for second in sizes[sizes.index(first) :]:
            document = views.consistency_document(parts.rows, parts.tree, first, second)
            assert f"head of {second}" in verify(document, parts.key)


def test_where_nothing_came_the_head_stays(parts: Proved) -> None:
    parts.move(10)
    first = parts.sign()
    assert parts.sign() == first
    parts.clock.pass_ms(1000)
    assert not parts.heads.prepare()
    parts.move(11)
    assert parts.sign().number == first.number + 1


def test_what_came_after_the_last_head_is_not_proved_yet(parts: Proved) -> None:
    parts.move(10)
    with pytest.raises(Refused, match="PROOF_NOT_YET"):
        views.inclusion_document(parts.rows, parts.tree, 10)
    parts.sign()
    parts.move(11)
    assert views.inclusion_document(parts.rows, parts.tree, 10)["index"] == 0
    with pytest.raises(Refused, match="PROOF_NOT_YET"):
        views.inclusion_document(parts.rows, parts.tree, 11)


def test_another_process_goes_on_from_what_is_stored(parts: Proved) -> None:
    in_bulk(parts, 1000, 600)
    parts.sign()
    in_bulk(parts, 2000, 300)
    other = LedgerTree()
    fresh = HeadSigner(other, parts.sealer, parts.reader)
    assert fresh.prepare()
    parts.heads.prepare()
    assert fresh.prepared == parts.heads.prepared
    head = parts.sign()
    document = views.inclusion_document(parts.rows, other, 2299)
    assert verify(document, parts.key)
    assert parts.rows.connection.execute("SELECT COUNT(*) FROM ledger_page").fetchone()[0] == (
        head.size // 256
    )


def test_hashed_gently_it_is_the_same_head_and_others_ask_the_tree_meanwhile(
    parts: Proved, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bulk(parts, 1000, 600)
    parts.sign()
    in_bulk(parts, 2000, 2500)
    seen: list[int] = []

    def rest(_: float) -> None:
        # Whoever asks for a proof while the other rests does not wait for it.
        assert views.inclusion_document(parts.rows, parts.tree, 1599)["index"] == 599
        seen.append(len(parts.tree.pages(0, parts.tree._tree.pages)))

    monkeypatch.setattr(tree, "sleep", rest)
    assert parts.heads.prepare(gently=True)
    assert seen == [6, 10, 12]
    fresh = HeadSigner(LedgerTree(), parts.sealer, parts.reader)
    assert fresh.prepare()
    assert fresh.prepared == parts.heads.prepared


def test_a_head_names_the_journals_end_and_the_time(parts: Proved) -> None:
    parts.move(10)
    head = read_head(parts.sign().note)
    row = parts.rows.connection.execute(
        "SELECT number, hash FROM ledger_journal ORDER BY number DESC LIMIT 1"
    ).fetchone()
    assert (head.journal, head.journal_hash) == (row[0], bytes(row[1]))
    assert head.time_ms == parts.clock()
    assert head.origin == parts.key.name


def test_the_private_key_is_stored_sealed(parts: Proved) -> None:
    sealed = bytes(
        parts.rows.connection.execute("SELECT private_sealed FROM ledger_key").fetchone()[0]
    )
    seed = parts.sealer.open("ledger_key.private", sealed)
    assert len(bytes.fromhex(seed)) == 32
    assert bytes.fromhex(seed) not in sealed


def test_a_statement_carries_proofs_page_by_page(parts: Proved) -> None:
    for number in range(7):
        parts.clock.pass_ms(10)
        parts.move(10 + number, flags=int(TransferFlags.PENDING) if number == 3 else 0)
    parts.sign()
    after, balance, lines = -1, "0", 0
    while True:
        found = views.statement_document(
            parts.rows, parts.tree, THERE, from_ms=0, before_ms=2 * Clock().now_ms, after=after,
            limit=4,
        )  # fmt: skip
        assert verify(found.document, parts.key)
        assert found.document["opening"] == balance
        balance = found.document["closing"]
        lines += len(found.document["lines"])
        if found.after is None:
            break
        after = found.after
    assert (lines, balance) == (6, "30")


def test_a_period_without_lines_has_a_statement_too(parts: Proved) -> None:
    parts.move(10)
    parts.sign()
    end = parts.clock() - 1000
    found = views.statement_document(
        parts.rows, parts.tree, HERE, from_ms=0, before_ms=end, limit=9
    )
    assert "All 0 lines" in verify(found.document, parts.key)
