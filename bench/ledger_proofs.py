"""What proofs cost: bulk posting with and without the tree, a proof among many, the audit.

`proofs(folder, size)` posts to two ledgers in turns. One of them has its tree brought up by a
second thread while the next `_HEAD_EVERY` batches are posted, as the server does it, and a head
signed after them; all of it is counted. It gives `ledger.proof_cost` (the share of the time that
the tree and its heads took, processor and wall), `ledger.proof_ms` and `ledger.consistency_ms`
(medians among `size.large` entries), and `ledger.audit_s` with `ledger.audit_cpu_s` over the larger
ledger. `bench.ledger` calls it with a folder of its own and prints the figures.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
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
        """Sign a head of what the tree has, as the server does it, durable."""
        prepared = self.signer.prepared
        head = next_head(self.last, prepared, self.key, 1)
        if head is not None and prepared is not None:
            self.connection.execute("BEGIN IMMEDIATE")
            for row in (head, *pages_of(self.last, head, prepared)):
                table = table_of(type(row))
                self.connection.execute(table.upsert_sql, table.values(row))
            self.connection.execute("COMMIT")
            self.last = head

    def post_and_sign(self, chunk: Sequence[Records]) -> None:
        """Post batches while what came before them is hashed, then sign that."""
        hashing = threading.Thread(target=self.signer.prepare)
        hashing.start()
        for records in chunk:
            self.post(records)
        hashing.join()
        self.sign()


def _warm_up(folder: Path) -> None:
    """Compile what is compiled, outside of what is timed."""
    proved = Proved(folder, 100)
    proved.post_and_sign(list(batches(BATCH, among=100)))
    proved.post_and_sign([])
    proved.close()


def _race(folder: Path, size: Sizes) -> tuple[Proved, dict[str, Figure]]:
    _warm_up(folder / "warm")
    plain, proved = Bulk(folder / "plain", ACCOUNTS), Proved(folder / "proved", ACCOUNTS)
    times: list[tuple[float, float, float, float]] = []
    coming = batches(size.large)
    while chunk := list(islice(coming, _HEAD_EVERY)):
        began, spent = time.perf_counter(), time.process_time()
        if len(times) * _HEAD_EVERY * BATCH < size.small:
            for records in chunk:
                plain.post(records)
        middle, half = time.perf_counter(), time.process_time()
        proved.post_and_sign(chunk)
        ended, whole = time.perf_counter(), time.process_time()
        times.append((middle - began, ended - middle, half - spent, whole - half))
    proved.signer.prepare()
    proved.sign()
    paired = times[: -(-size.small // (_HEAD_EVERY * BATCH))]
    plain_s, proved_s, plain_cpu, proved_cpu = (sum(column) for column in zip(*paired, strict=True))
    wall, cpu, same = proved_s / plain_s - 1, proved_cpu / plain_cpu - 1, len(paired) * _HEAD_EVERY
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
