"""What proofs cost: bulk posting with and without the tree, a proof among many, the audit.

`proofs(folder, size)` posts to two ledgers in turns, one of which has its tree brought up and a
head signed after every `_HEAD_EVERY` batches, in the same thread, so that all of it is counted. It
gives `ledger.proof_cost` (the share of the time that the tree and its heads took, processor and
wall), `ledger.proof_ms` and `ledger.consistency_ms` (medians among `size.large` entries), and
`ledger.audit_s` with `ledger.audit_cpu_s` over the larger ledger. `bench.ledger` calls it with a
folder of its own and prints the figures.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from bench.ledger_bulk import Bulk
from bench.ledger_load import ACCOUNTS, BATCH, Sizes, batches
from bench.report import Figure, say
from tallystick.audit.run import audit
from tallystick.ledger.records import Records
from tallystick.platform import registry_of_products
from tallystick.proofs import views
from tallystick.proofs.decide import next_head, pages_of
from tallystick.proofs.keys import ensure_key, newest_key
from tallystick.proofs.model import TreeHead
from tallystick.proofs.service import HeadSigner
from tallystick.proofs.tree import LedgerTree, entry_at
from tallystick.store.engine import connect
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer
from tallystick.store.table import table_of

__all__ = ["proofs"]

_HEAD_EVERY = 25
_PROOFS = 300


class Proved(Bulk):
    """A bulk ledger whose tree grows with it."""

    def __init__(self, folder: Path, among: int) -> None:
        super().__init__(folder, among)
        sealer = Sealer(bytes(32))
        ensure_key(self.connection, sealer, 1)
        key = newest_key(self.connection, sealer)
        assert key is not None
        self.key = key
        self.tree = LedgerTree()
        self.signer = HeadSigner(self.tree, sealer, self.reader)
        self.last: TreeHead | None = None

    @contextmanager
    def reader(self) -> Iterator[ReadSession]:
        """A session of its own."""
        with closing(connect(self.path, readonly=True)) as connection:
            yield ReadSession(connection)

    def sign(self) -> None:
        """Bring the tree up and sign a head, as the server does it, durable."""
        started, cpu = time.perf_counter(), time.thread_time()
        self.signer.prepare()
        prepared = self.signer.prepared
        head = next_head(self.last, prepared, self.key, 1)
        if head is not None and prepared is not None:
            self.connection.execute("BEGIN IMMEDIATE")
            for row in (head, *pages_of(self.last, head, prepared)):
                table = table_of(type(row))
                self.connection.execute(table.upsert_sql, table.values(row))
            self.connection.execute("COMMIT")
            self.last = head
        self.timed.wall[-1] += time.perf_counter() - started
        self.timed.cpu[-1] += time.thread_time() - cpu


def _warm_up(folder: Path) -> None:
    """Compile what is compiled, outside of what is timed."""
    proved = Proved(folder, 100)
    for records in batches(BATCH, among=100):
        proved.post(records)
    proved.sign()
    proved.close()


def _race(folder: Path, size: Sizes) -> tuple[Proved, dict[str, Figure]]:
    _warm_up(folder / "warm")
    plain, proved = Bulk(folder / "plain", ACCOUNTS), Proved(folder / "proved", ACCOUNTS)
    others = batches(size.small)
    for number, records in enumerate(batches(size.large)):
        beside: Records | None = next(others, None)
        if beside is not None:
            plain.post(beside)
        proved.post(records)
        if number % _HEAD_EVERY == _HEAD_EVERY - 1:
            proved.sign()
    proved.sign()
    same = len(plain.timed.wall)
    wall, cpu = (
        sum(proved_s[:same]) / sum(plain_s) - 1
        for proved_s, plain_s in zip(proved.timed, plain.timed, strict=True)
    )
    plain.close()
    beside_text = f"with the tree against without, {same * BATCH:,} each in turns"
    return proved, {
        "ledger.proof_cost": Figure(wall, "", beside_text),
        "ledger.proof_cpu_cost": Figure(cpu, "", "the same in processor time"),
    }


def _proofs(proved: Proved, size: Sizes) -> dict[str, Figure]:
    chance = random.Random(1)
    proving, continuing = [], []
    with proved.reader() as rows:
        heads = views.heads_page(rows, before=2**63 - 1, limit=10_000)
        tree = LedgerTree()
        ids = [_id_at(rows, chance.randrange(size.large)) for _ in range(_PROOFS)]
        views.inclusion_document(rows, tree, ids[0])
        for transfer_id in ids:
            started = time.perf_counter()
            views.inclusion_document(rows, tree, transfer_id)
            proving.append(time.perf_counter() - started)
            started = time.perf_counter()
            views.consistency_document(rows, tree, chance.choice(heads).size, None)
            continuing.append(time.perf_counter() - started)
    among = f"median of {_PROOFS} among {size.large:,} entries"
    return {
        "ledger.proof_ms": Figure(1000 * median(proving), "ms", among),
        "ledger.consistency_ms": Figure(1000 * median(continuing), "ms", among),
    }


def _id_at(rows: ReadSession, entry: int) -> int:
    return int.from_bytes(entry_at(rows.connection, entry)[:16], "big")


def _audit(proved: Proved) -> dict[str, Figure]:
    started, cpu = time.perf_counter(), time.process_time()
    with proved.reader() as rows:
        done = audit(rows.connection, registry_of_products())
    wall, processor = time.perf_counter() - started, time.process_time() - cpu
    assert done.clean, done.findings
    of = f"{done.entries:,} entries, {done.heads:,} heads"
    return {
        "ledger.audit_s": Figure(wall, "s", of),
        "ledger.audit_cpu_s": Figure(processor, "s", "the same in processor time"),
    }


def proofs(folder: Path, size: Sizes) -> dict[str, Figure]:
    """All figures of proofs and of the audit, on SQLite."""
    say(f"Proofs: {size.large:,} transfers, a head every {_HEAD_EVERY * BATCH:,}")
    proved, figures = _race(folder, size)
    proved.session.close()
    figures |= _proofs(proved, size)
    figures |= _audit(proved)
    proved.close()
    return figures
