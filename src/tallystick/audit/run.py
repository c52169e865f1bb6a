"""The whole audit, in one moment of the database; a server may go on beside it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from tallystick.audit.bookkeeping import ClosedPeriods, audit_metadata, audit_reversals
from tallystick.audit.findings import Finding, Findings, Told, no_telling
from tallystick.audit.heads import HeadsOverJournal, heads_of
from tallystick.audit.journal import JournalAudit
from tallystick.audit.rows import (
    TransferRows,
    audit_accounts,
    audit_books,
    audit_failed,
    audit_pending,
    totals_behind,
)
from tallystick.audit.subjects import audit_chart, audit_escrow
from tallystick.audit.timers import HoldTimeouts, audit_timers
from tallystick.pipeline.commands import Registry
from tallystick.store.bulk_store import journal_of
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["Audit", "audit", "audit_one_moment"]


class Audit(NamedTuple):
    """What an audit looked at, and what it found.

    Args:
        heads: signed heads that were held against the journal.
        counts: by code how many findings; `findings` has the first of each.
    """

    batches: int
    entries: int
    accounts: int
    heads: int
    counts: dict[str, int]
    findings: list[Finding]

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts


def audit(
    connection: Connection,
    registry: Registry,
    *,
    outside: Iterable[tuple[str, str]] = (),
    told: Told = no_telling,
) -> Audit:
    """Work everything out again from the journal, and hold all that is stored against it.

    Args:
        connection: a reading one.
        outside: heads that were kept elsewhere: (where, note).
    """
    connection.execute("BEGIN")
    try:
        return audit_one_moment(connection, registry, outside=outside, told=told)
    finally:
        with suppress(Exception):
            connection.execute("ROLLBACK")


def audit_one_moment(
    connection: Connection,
    registry: Registry,
    *,
    outside: Iterable[tuple[str, str]] = (),
    told: Told = no_telling,
) -> Audit:
    """The same, as a transaction that somebody else began sees the database."""
    findings = Findings()
    heads = heads_of(ReadSession(connection), findings, outside)
    tree = HeadsOverJournal(connection, heads, findings)
    journal = JournalAudit(journal_of(connection), findings, told)
    journal.remember = totals_behind(connection)
    closes = ClosedPeriods(ReadSession(connection), journal, findings)
    transfer_rows, timeouts = TransferRows(connection, findings), HoldTimeouts()
    for batch in journal.run(tree):
        transfer_rows.take(batch)
        timeouts.take(batch.first_entry, batch.records)
        closes.take(batch)
    tree.finish(journal.last)
    transfer_rows.finish()
    _no_blocks_beyond(connection, journal.last.entries, findings)
    told("rows")
    if journal.derived:
        audit_accounts(connection, journal, findings)
        audit_pending(connection, journal, findings)
        audit_failed(connection, journal, findings)
        audit_chart(connection, journal, findings)
        audit_escrow(connection, journal, findings)
        audit_reversals(connection, journal, findings)
        audit_metadata(connection, journal, findings)
    closes.finish()
    audit_books(connection, findings)
    waiting = timeouts.waiting(journal.states) if journal.derived else None  # type: ignore[arg-type]
    audit_timers(connection, registry, waiting, findings)
    return Audit(
        journal.last.number, journal.last.entries, journal.index.account_ids.count, len(heads),
        dict(findings.counts), findings.shown,
    )  # fmt: skip


def _no_blocks_beyond(connection: Connection, entries: int, findings: Findings) -> None:
    """Batches follow each other without a gap, so what belongs to none lies beyond the last."""
    sql = "SELECT COUNT(*) FROM ledger_block WHERE first_entry >= ? OR first_entry < 0"
    if beyond := connection.execute(sql, (entries,)).fetchone()[0]:
        findings.add("block_extra", f"entry {entries}", f"{beyond} blocks are of no batch.")
