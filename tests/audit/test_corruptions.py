"""Each corruption, made by hand in a real database, is found by its name; sound books are clean."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.audit.audited import (
    BOOK,
    CLOSED_BOOK,
    EMPTY,
    FULL,
    HELD,
    LIMITED,
    audited,
    batches,
    fill,
    forge,
    rehash,
    rewrite,
)

from tallystick.audit.findings import CODES
from tallystick.ledger.chart import PLATFORM_BOOK_MIN
from tallystick.ledger.encoding import account_record, id_bytes
from tallystick.ledger.journal import JournalBatch
from tallystick.ledger.model import Account, Transfer, TransferFlags

Connection = sqlite3.Connection
Corrupt = Callable[[Connection], object]

_AMOUNT = 80


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("audited"))


@pytest.fixture
def database(books: Path, tmp_path: Path) -> Path:
    """A copy to be corrupted."""
    return Path(shutil.copytree(books.parent, tmp_path / "data")) / books.name


def one(connection: Connection, sql: str, *values: object) -> Any:
    return connection.execute(sql, values).fetchone()[0]


def changed(records: bytes, entry: int, at: int, xor: int) -> bytes:
    """Records with a byte of one of them changed."""
    place = 120 * entry + at
    return records[:place] + bytes([records[place] ^ xor]) + records[place + 1 :]


def in_last_bulk(spoil: Callable[[bytes], bytes]) -> Callable[[JournalBatch], JournalBatch]:
    """Change the records of the bulk batches."""
    return lambda b: b if b.in_rows else b._replace(records=spoil(b.records))


def add_to(connection: Connection, account: int, column: str, amount: int) -> None:
    connection.execute(
        f"UPDATE ledger_account SET {column} = {column} + ? WHERE id = ?",
        (amount, id_bytes(account)),
    )


# The journal.


def flip_bit(c: Connection) -> None:
    first, records = c.execute(
        "SELECT first_entry, records FROM ledger_block ORDER BY first_entry DESC LIMIT 1 OFFSET 3"
    ).fetchone()
    c.execute("UPDATE ledger_block SET records = ? WHERE first_entry = ?",
              (changed(records, 2, 5, 1), first))  # fmt: skip


def change_amount_and_totals(c: Connection) -> None:
    """Everything is made to fit, but for the batch's hash."""
    entry = one(c, "SELECT first_entry FROM ledger_journal WHERE in_rows = 0 AND entries > 0")
    records = one(c, "SELECT records FROM ledger_block WHERE first_entry = ?", entry)
    c.execute("UPDATE ledger_block SET records = ? WHERE first_entry = ?",
              (changed(records, 0, _AMOUNT + 7, 2), entry))  # fmt: skip
    add_to(c, FULL, "debits_posted", 2)
    add_to(c, EMPTY, "credits_posted", 2)


def change_amount_totals_and_chain(c: Connection) -> None:
    """Everything is made to fit, the chain too; only the signed heads tell."""
    seen: list[bytes] = []

    def spoil(records: bytes) -> bytes:
        if seen:
            return records
        seen.append(records)
        return changed(records, 0, _AMOUNT + 7, 2)

    rehash(c, in_last_bulk(spoil))
    add_to(c, FULL, "debits_posted", 2)
    add_to(c, EMPTY, "credits_posted", 2)


def reorder_batches(c: Connection) -> None:
    kept = batches(c)
    bulk = [i for i, b in enumerate(kept) if not b.in_rows]
    kept[bulk[0]], kept[bulk[1]] = kept[bulk[1]], kept[bulk[0]]
    rewrite(c, kept)


def reorder_entries(c: Connection) -> None:
    rehash(c, in_last_bulk(lambda r: r[120:240] + r[:120] + r[240:]))


def cut_tail(c: Connection) -> None:
    """The last transfer goes, with its row and what it did to totals."""
    number, entry = c.execute(
        "SELECT number, first_entry FROM ledger_journal ORDER BY number DESC LIMIT 1"
    ).fetchone()
    c.execute("DELETE FROM ledger_journal WHERE number = ?", (number,))
    c.execute("DELETE FROM ledger_block WHERE first_entry >= ?", (entry,))
    c.execute("DELETE FROM ledger_transfer WHERE id = ?", (id_bytes(80),))
    add_to(c, FULL, "debits_posted", -1)
    add_to(c, EMPTY, "credits_posted", -1)


def duplicate_batch(c: Connection) -> None:
    rewrite(c, [*batches(c), next(b for b in batches(c) if not b.in_rows)])


def overdraw(c: Connection) -> None:
    forge(c, Transfer(900, LIMITED, EMPTY, 10**6, book=BOOK, code=1))
    add_to(c, LIMITED, "debits_posted", 10**6)
    add_to(c, EMPTY, "credits_posted", 10**6)


def settle_twice(c: Connection) -> None:
    void = int(TransferFlags.VOID_PENDING)
    forge(c, Transfer(900, FULL, EMPTY, 5, pending_id=60, book=BOOK, code=1, flags=void))


def across_books(c: Connection) -> None:
    other = one(c, "SELECT id FROM ledger_account WHERE book > ? LIMIT 1", BOOK)
    forge(c, Transfer(900, FULL, int.from_bytes(other, "big"), 5, book=BOOK, code=1))


def off_the_chart(c: Connection) -> None:
    made = Account(999, PLATFORM_BOOK_MIN + 156, 2001, 0, 2088000000000101, timestamp=2**62)
    forge(c, accounts=account_record(made))


# Rows and heads.


def sql(statement: str, *values: object) -> Corrupt:
    return lambda c: c.execute(statement, values)


def add_account(c: Connection) -> None:
    c.execute(
        "INSERT INTO ledger_account SELECT ?, book, code, flags, user_data_128, user_data_64, "
        "user_data_32, 0, 0, 0, 0, timestamp FROM ledger_account WHERE id = ?",
        (id_bytes(4321), id_bytes(FULL)),
    )


def add_transfer(c: Connection) -> None:
    c.execute(
        "INSERT INTO ledger_transfer SELECT timestamp + 1, ?, debit_account_id, credit_account_id,"
        " amount, pending_id, user_data_128, user_data_64, user_data_32, timeout, book, code, flags"
        " FROM ledger_transfer ORDER BY timestamp DESC LIMIT 1",
        (id_bytes(4321),),
    )


def change_both_totals(c: Connection) -> None:
    add_to(c, FULL, "debits_posted", 1)
    add_to(c, EMPTY, "credits_posted", 1)


def forge_signature(c: Connection) -> None:
    note = one(c, "SELECT note FROM ledger_head WHERE number = 2")
    c.execute("UPDATE ledger_head SET note = ? WHERE number = 2",
              (note[:-6] + ("AAA=\n" if note[-5:] != "AAA=\n" else "BBB=\n"),))  # fmt: skip


def resize_head(c: Connection) -> None:
    note = one(c, "SELECT note FROM ledger_head WHERE number = 2")
    lines = note.split("\n")
    lines[1] = str(int(lines[1]) - 1)
    c.execute("UPDATE ledger_head SET note = ?, size = size - 1 WHERE number = 2",
              ("\n".join(lines),))  # fmt: skip


def orphan_timer(c: Connection) -> None:
    held, other = id_bytes(HELD), id_bytes(4321)
    name, command = c.execute(
        "SELECT timer_id, command FROM timer WHERE timer_id LIKE 'ledger.expire%'"
    ).fetchone()
    c.execute("INSERT INTO timer VALUES (?, 1, ?)",
              (name.replace(held.hex(), other.hex()), command.replace(held, other)))  # fmt: skip


def change_both_totals_and_say_so(c: Connection) -> None:
    change_both_totals(c)
    c.execute("INSERT INTO ledger_totals_behind VALUES (3)")


def change_close(c: Connection) -> None:
    snapshot = one(c, "SELECT snapshot FROM period_close").replace(b"210", b"211")
    c.execute("UPDATE period_close SET snapshot = ?, digest = ?",
              (snapshot, hashlib.sha256(snapshot).digest()))  # fmt: skip


def into_closed_week(c: Connection) -> None:
    day = one(c, "SELECT closed_through FROM ledger_book")
    forge(c, Transfer(900, 81, 82, 5, book=CLOSED_BOOK, code=1, user_data_32=day))
    add_to(c, 81, "debits_posted", 5)
    add_to(c, 82, "credits_posted", 5)


CORRUPTIONS: list[tuple[str, str, Corrupt]] = [
    ("a bit flipped in a block", "batch_changed", flip_bit),
    ("a block deleted", "block_missing",
     sql("DELETE FROM ledger_block WHERE first_entry = (SELECT MAX(first_entry) FROM ledger_block "
         "WHERE first_entry % 2 = 0)")),
    ("a block too many", "block_extra", sql("INSERT INTO ledger_block VALUES (99999, x'00')")),
    ("a batch deleted", "batch_missing", sql("DELETE FROM ledger_journal WHERE number = 3")),
    ("a batch renumbered", "batch_missing",
     sql("UPDATE ledger_journal SET number = number + 10 WHERE number = "
         "(SELECT MAX(number) FROM ledger_journal)")),
    ("a batch's link changed", "chain_broken",
     sql("UPDATE ledger_journal SET previous_hash = zeroblob(32) WHERE number = 5")),
    ("an amount changed, totals fixed up", "batch_changed", change_amount_and_totals),
    ("an amount changed, totals and chain fixed up", "head_differs",
     change_amount_totals_and_chain),
    ("batches re-ordered, chain fixed up", "order_wrong", reorder_batches),
    ("batches re-ordered: the heads tell, too", "head_differs", reorder_batches),
    ("entries re-ordered within a batch", "order_wrong", reorder_entries),
    ("the tail cut off, totals fixed up", "tail_cut", cut_tail),
    ("a batch doubled", "entry_duplicated", duplicate_batch),
    ("a forged batch beyond a limit", "limit_exceeded", overdraw),
    ("a forged batch that settles a hold again", "hold_rule", settle_twice),
    ("a forged entry between books", "entry_rule", across_books),
    ("a forged account off the chart", "chart_rule", off_the_chart),
    ("an unknown account named", "account_unknown",
     lambda c: forge(c, Transfer(900, 5555, EMPTY, 5, book=BOOK, code=1))),
    ("a signature forged", "head_signature", forge_signature),
    ("a head changed after signing", "head_signature", resize_head),
    ("a head's row changed", "head_row", sql("UPDATE ledger_head SET size = 1 WHERE number = 2")),
    ("a head deleted", "head_missing", sql("DELETE FROM ledger_head WHERE number = 2")),
    ("the last heads deleted", "head_missing", sql("DELETE FROM ledger_head WHERE number > 1")),
    ("a page's hash changed", "page_differs",
     sql("UPDATE ledger_page SET hash = zeroblob(32) WHERE number = 1")),
    ("an account's row deleted", "account_row_missing",
     sql("DELETE FROM ledger_account WHERE id = ?", id_bytes(LIMITED))),
    ("an account's row too many", "account_row_extra", add_account),
    ("an account's reference changed", "account_row_differs",
     sql("UPDATE ledger_account SET user_data_32 = 9 WHERE id = ?", id_bytes(FULL))),
    ("an account's limit lifted", "account_flags_differ",
     sql("UPDATE ledger_account SET flags = 0 WHERE id = ?", id_bytes(LIMITED))),
    ("an account's total changed", "account_totals_differ",
     lambda c: add_to(c, FULL, "debits_posted", 1)),
    ("an account's total changed: the book tells, too", "book_unbalanced",
     lambda c: add_to(c, FULL, "debits_posted", 1)),
    ("two totals changed alike", "account_totals_differ",
     change_both_totals),
    ("a transfer's row deleted", "transfer_row_missing",
     sql("DELETE FROM ledger_transfer WHERE id = ?", id_bytes(50))),
    ("a transfer's row changed", "transfer_row_differs",
     sql("UPDATE ledger_transfer SET amount = amount + 1 WHERE id = ?", id_bytes(50))),
    ("a transfer's reference changed", "transfer_row_differs",
     sql("UPDATE ledger_transfer SET user_data_128 = ? WHERE id = ?", id_bytes(7),
         id_bytes(50))),
    ("a transfer's row too many", "transfer_row_extra", add_transfer),
    ("a hold's state changed", "pending_state_differs",
     sql("UPDATE ledger_pending SET state = 2 WHERE transfer_id = ?", id_bytes(HELD))),
    ("a hold's state deleted", "pending_state_differs",
     sql("DELETE FROM ledger_pending WHERE transfer_id = ?", id_bytes(60))),
    ("an id used up that was not", "failed_id_differs",
     sql("INSERT INTO ledger_failed VALUES (?)", id_bytes(4321))),
    ("a used-up id deleted", "failed_id_differs", sql("DELETE FROM ledger_failed")),
    ("a party deleted", "account_orphan",
     sql("DELETE FROM party WHERE party_id = '2088000000000101'")),
    ("an open trade closed by hand", "escrow_differs",
     sql("UPDATE trade SET status = 'closed' WHERE status = 'held'")),
    ("an unpaid trade made held by hand", "trade_without_account",
     sql("UPDATE trade SET status = 'held' WHERE status = 'wait_buyer_pay'")),
    ("a timer about nothing", "timer_orphan", orphan_timer),
    ("a trade deleted under its timer", "timer_orphan", sql("DELETE FROM trade")),
    ("a timer that is no command", "timer_unreadable",
     sql("INSERT INTO timer VALUES ('x', 1, x'c1')")),
    ("a hold's timer deleted", "timer_missing",
     sql("DELETE FROM timer WHERE timer_id LIKE 'ledger.expire%'")),
    ("an open trade's timer deleted", "timer_missing",
     sql("DELETE FROM timer WHERE timer_id LIKE 'trade.close%'")),
    ("a timer put off", "timer_wrong",
     sql("UPDATE timer SET due_ms = due_ms + 1000 WHERE timer_id LIKE 'ledger.expire%'")),
    ("totals changed, and said to be of a batch before", "account_totals_differ",
     change_both_totals_and_say_so),
    ("a limit lifted, and totals said to be of a batch before", "account_flags_differ",
     lambda c: c.executescript(
         f"UPDATE ledger_account SET flags = 0 WHERE hex(id) = '{id_bytes(LIMITED).hex().upper()}';"
         "INSERT INTO ledger_totals_behind SELECT MAX(number) FROM ledger_journal")),
    ("totals said to be of a batch to come", "account_totals_differ",
     sql("INSERT INTO ledger_totals_behind VALUES (9999)")),
    ("a total that is no number", "account_totals_differ",
     sql("UPDATE ledger_account SET debits_posted = 'x' WHERE id = ?", id_bytes(FULL))),
    ("a total that is no whole number", "account_totals_differ",
     sql("UPDATE ledger_account SET debits_posted = debits_posted + 0.5 WHERE id = ?",
         id_bytes(FULL))),
    ("a used-up id that is text", "failed_id_differs",
     sql("INSERT INTO ledger_failed VALUES ('abc')")),
    ("a head doubled under the next number", "head_row",
     sql("INSERT INTO ledger_head SELECT number + 1, size, journal, key_id, note, signed_ms "
         "FROM ledger_head WHERE number = 3")),
    ("a close's balances changed", "close_differs",
     sql("UPDATE period_close SET snapshot = CAST(REPLACE(snapshot, '210', '211') AS BLOB)")),
    ("a close's balances changed, its hash fixed up", "close_differs", change_close),
    ("a closed week opened by hand", "close_differs",
     sql("UPDATE ledger_book SET closed_through = closed_through - 1")),
    ("a forged entry in a closed week", "close_differs", into_closed_week),
    ("a reversal that takes back another amount", "reversal_differs",
     sql("UPDATE ledger_reversal SET amount = amount + 1")),
    ("a reversal of another transfer", "reversal_differs",
     sql("UPDATE ledger_reversal SET transfer_id = ?", id_bytes(50))),
    ("a reversal beyond the amount", "reversal_differs",
     sql("INSERT INTO ledger_reversal SELECT ?, transfer_id, 90, reason, reversed_by, at_ms "
         "FROM ledger_reversal", id_bytes(4321))),
    ("metadata of nothing", "metadata_orphan",
     sql("UPDATE ledger_metadata SET object_id = ?", id_bytes(4321))),
    ("metadata at another time", "metadata_orphan",
     sql("UPDATE ledger_metadata SET position = position + 1")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "code", "corrupt"), CORRUPTIONS, ids=[c[0] for c in CORRUPTIONS])
def test_a_corruption_is_found_by_its_name(
    database: Path, name: str, code: str, corrupt: Corrupt
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        corrupt(connection)
    found = audited(database)
    assert code in found.counts, found


def test_every_finding_has_a_corruption_that_shows_it() -> None:
    assert {code for _, code, _ in CORRUPTIONS} == set(CODES)


def test_sound_books_are_clean(books: Path) -> None:
    found = audited(books)
    assert found.clean, found.findings
    assert found.entries > 700
    assert found.heads == 3


def test_a_head_that_was_kept_elsewhere_shows_a_tail_cut_off_with_its_heads(
    database: Path,
) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        note = one(connection, "SELECT note FROM ledger_head WHERE number = 3")
        connection.execute("DELETE FROM ledger_head WHERE number = 3")
        cut_tail(connection)
    assert audited(database).clean
    assert set(audited(database, ("kept", note)).counts) == {"tail_cut"}


def run(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tallystick.cli", "audit", "--data", str(data), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_tells_by_its_exit_code(database: Path, tmp_path: Path) -> None:
    sound = run(database.parent, "--json")
    assert sound.returncode == 0, sound.stderr
    assert json.loads(sound.stdout)["clean"]
    with closing(sqlite3.connect(database)) as connection, connection:
        add_to(connection, FULL, "debits_posted", 1)
    spoilt = run(database.parent)
    assert spoilt.returncode == 1
    assert "account_totals_differ  account 1" in spoilt.stdout
    nothing = run(tmp_path / "nowhere")
    assert nothing.returncode == 2
    assert "has no database" in nothing.stderr
