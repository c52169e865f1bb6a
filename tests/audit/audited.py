"""Books to be corrupted: a sandbox with trades, own books with holds and bulk calls, heads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from tallystick.accounting.books.model import NameBook
from tallystick.accounting.corrections.model import ReverseTransfer
from tallystick.accounting.days import day_of_ms
from tallystick.accounting.metadata.model import MetadataKind, SetMetadata
from tallystick.accounting.model import (
    AccountDraft,
    CreateLedgerAccounts,
    CreateLedgerTransfers,
    TransferDraft,
)
from tallystick.accounting.periods.model import ClosePeriod
from tallystick.audit.run import Audit, audit
from tallystick.ledger.journal import JournalBatch, batch_hash, chained
from tallystick.ledger.model import AccountFlags, Transfer, TransferFlags
from tallystick.ledger.records import empty_records
from tallystick.payments.trades.model import CreateTrade, PayTrade, TradeDone
from tallystick.pipeline.commands import SYSTEM, Caller, CallerKind, Command, Request
from tallystick.platform import Platform, registry_of_products
from tallystick.proofs.model import SignTreeHead
from tallystick.sandbox.seed import APP_ID, PERSONAS, seed
from tallystick.settings import Settings
from tallystick.store.bulk_store import BulkSession
from tallystick.store.connection import Connection
from tallystick.store.engine import DATABASE_NAME, connect
from tallystick.store.journal_rows import append_batch, journal_batches, journal_head
from tallystick.store.ledger_rows import id_bytes

__all__ = [
    "BOOK", "CLOSED_BOOK", "EMPTY", "FULL", "HELD", "LIMITED", "audited", "batches", "fill",
    "forge", "rehash", "rewrite", "settings_in", "transfer",
]  # fmt: skip

BOOK, CLOSED_BOOK = 7, 8
FULL, EMPTY, LIMITED = 1, 2, 3
HELD = 70
_ZERO = id_bytes(0)
_BULK = 700


def settings_in(folder: Path) -> Settings:
    """The settings of a platform there."""
    return Settings(data=folder / "data", password_memory_kib=8192, password_passes=1)


def transfer(
    id_: int, amount: int, *, debit: int = FULL, credit: int = EMPTY, pending: int = 0,
    flags: int = 0, timeout: int = 0,
) -> TransferDraft:  # fmt: skip
    """A transfer of the own book."""
    return TransferDraft(
        id_bytes(id_), id_bytes(debit), id_bytes(credit), amount, id_bytes(pending), _ZERO, 0, 0,
        timeout, BOOK, 1, flags,
    )  # fmt: skip


async def _trades(platform: Platform) -> None:
    await seed(platform)
    app = Caller(CallerKind.APP, APP_ID, frozenset({"*"}))
    alice = PERSONAS[3].party_id
    trade_no = ""
    for number in (1, 2):
        order = CreateTrade(
            app_id=APP_ID, out_trade_no=f"order-{number}", amount=1250, subject="Tea"
        )
        reply = (await platform.submit(app, order, f"order-{number}")).reply
        assert isinstance(reply, TradeDone)
        trade_no = reply.trade_no
    person = Caller(CallerKind.PARTY, alice, frozenset({"payments:write"}))
    paid = await platform.submit(person, PayTrade(trade_no=trade_no, buyer_id=alice), "pay")
    assert paid.refusal is None


async def _done(platform: Platform, command: Command) -> None:
    answer = await platform.executor.submit(Request.once(SYSTEM, command))
    assert answer.refusal is None, answer.refusal


async def _own_books(platform: Platform) -> None:
    flags = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
    drafts = tuple(
        AccountDraft(id_bytes(i), BOOK, 10, flags if i == LIMITED else 0, id_bytes(i), i, i)
        for i in (FULL, EMPTY, LIMITED)
    )
    await _done(platform, CreateLedgerAccounts(accounts=drafts))
    moves = (
        transfer(50, 1000),
        transfer(60, 5, flags=int(TransferFlags.PENDING)),
        transfer(61, 5, debit=0, credit=0, pending=60, flags=int(TransferFlags.VOID_PENDING)),
        transfer(HELD, 5, flags=int(TransferFlags.PENDING), timeout=10**6),
        transfer(71, 5, debit=LIMITED),
    )
    await _done(platform, CreateLedgerTransfers(transfers=moves))


async def _closed_book(platform: Platform) -> None:
    """A value-dated book with a closed week, a reversal, and metadata."""
    await _done(platform, NameBook(book=CLOSED_BOOK, name="Shop", currency="CNY", value_dated=True))
    drafts = tuple(AccountDraft(id_bytes(i), CLOSED_BOOK, i, 0, _ZERO, 0, 0) for i in (81, 82))
    await _done(platform, CreateLedgerAccounts(accounts=drafts))
    today = day_of_ms(platform.clock_ms())
    moves = tuple(
        replace(
            transfer(800 + i, 10 * i, debit=81, credit=82),
            book=CLOSED_BOOK, user_data_32=today - 10 + i,
        )
        for i in range(1, 10)
    )  # fmt: skip
    await _done(platform, CreateLedgerTransfers(transfers=moves))
    await _done(platform, ClosePeriod(book=CLOSED_BOOK, through_day=today - 4))
    await _done(
        platform,
        ReverseTransfer(
            transfer_id=id_bytes(809), reversal_id=id_bytes(899), amount=7, reason="Too much."
        ),
    )
    await _done(
        platform,
        SetMetadata(kind=MetadataKind.TRANSFER, object_id=id_bytes(801), values={"invoice": "1"}),
    )


async def _sign(platform: Platform) -> None:
    await asyncio.to_thread(platform.heads.prepare)
    await _done(platform, SignTreeHead())


async def _filled(settings: Settings) -> None:
    settings = replace(settings, head_seconds=86_400)
    platform = Platform.open(settings)
    await platform.start()
    try:
        await _trades(platform)
        await _own_books(platform)
        await _closed_book(platform)
        await _sign(platform)
    finally:
        await platform.stop()
    _in_bulk(settings.data / DATABASE_NAME)
    platform = Platform.open(settings)
    await platform.start()
    try:
        await _sign(platform)
        await _done(platform, CreateLedgerTransfers(transfers=(transfer(80, 1),)))
        await _sign(platform)
    finally:
        await platform.stop()


def _in_bulk(database: Path) -> None:
    with closing(connect(database)) as connection:
        session = BulkSession.on(connection)
        for first in (1000, 2000):
            records = empty_records(_BULK // 2)
            records["id"][:, 1] = range(first, first + _BULK // 2)
            records["debit_account_id"][:, 1] = FULL
            records["credit_account_id"][:, 1] = EMPTY
            records["amount"] = records["code"] = 1
            records["book"] = BOOK
            with session.transaction() as ledger:
                assert not ledger.create_transfers(records, 1).any()
        session.close()


def fill(folder: Path) -> Path:
    """Make the books; gives the database file."""
    asyncio.run(_filled(settings_in(folder)))
    return folder / "data" / DATABASE_NAME


def audited(database: Path, *outside: tuple[str, str]) -> Audit:
    """Audit a database file."""
    with closing(connect(database, readonly=True)) as connection:
        return audit(connection, registry_of_products(), outside=outside)


# A forger's tools.


def batches(connection: Connection) -> list[JournalBatch]:
    """The whole journal."""
    return list(journal_batches(connection, 0, journal_head(connection).number))


def rewrite(connection: Connection, kept: list[JournalBatch]) -> None:
    """Write the journal anew, numbered and chained as if nothing had happened."""
    connection.execute("DELETE FROM ledger_journal")
    connection.execute("DELETE FROM ledger_block")
    for batch in kept:
        head = journal_head(connection)
        made = batch._replace(
            number=head.number + 1, first_entry=head.entries, previous_hash=head.hash,
            entries=len(batch.records) // 120,
        )  # fmt: skip
        append_batch(connection, made._replace(hash=batch_hash(made)))


def rehash(connection: Connection, change: Callable[[JournalBatch], JournalBatch]) -> None:
    """Change batches and give the whole chain new hashes."""
    rewrite(connection, [change(batch) for batch in batches(connection)])


def forge(connection: Connection, *transfers: Transfer, accounts: bytes = b"") -> None:
    """Append a batch that nobody's ledger would have taken, rightly chained, without rows."""
    from tallystick.ledger.encoding import entry_record

    head = journal_head(connection)
    at = head.last_timestamp + 1
    records = b"".join(entry_record(replace(t, timestamp=at + i)) for i, t in enumerate(transfers))
    append_batch(
        connection,
        chained(head, last_timestamp=at + len(transfers), in_rows=False, records=records,
                accounts=accounts),
    )  # fmt: skip
