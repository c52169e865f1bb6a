"""Schemas: one linear order of migrations, and every earlier database comes up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.accounting.views import stored_trial_balances
from tallystick.observe.books import check_books
from tallystick.parties.model import Party
from tallystick.parties.views import party_login
from tallystick.payments.trades.model import Trade, TradeStatus
from tallystick.store.engine import StoreError, connect, migrate
from tallystick.store.rows import ReadSession
from tallystick.store.schema import migrations, schema_version
from tallystick.store.sealing import Sealer

DUMPS = Path(__file__).parent.parent / "data" / "schema"
EARLIER = sorted(DUMPS.glob("schema_*.sql"), key=lambda p: int(p.stem.split("_")[1]))
NEWEST = len(migrations())
WORKED_OUT = {"loan_line"}
"""Tables whose rows followed from others, and whose place others have taken."""


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    tables = [
        str(name)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not str(name).startswith("sqlite_")
    ]
    return {t: connection.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in tables}


def _restored(dump: Path, folder: Path) -> sqlite3.Connection:
    connection = connect(folder / "tallystick.db")
    connection.executescript(dump.read_text("utf-8"))
    return connection


@pytest.fixture(params=EARLIER, ids=lambda p: p.stem)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database as an earlier version left it."""
    connection = _restored(request.param, tmp_path)
    yield connection
    connection.close()


def test_there_is_a_dump_of_every_schema_before_the_newest() -> None:
    found = {int(path.stem.split("_")[1]) for path in EARLIER}
    assert set(range(1, NEWEST)) <= found


def test_an_earlier_database_comes_up_to_date_and_loses_nothing(
    earlier: sqlite3.Connection,
) -> None:
    before, version = _counts(earlier), schema_version(earlier)
    balances = stored_trial_balances(ReadSession(earlier))

    applied = migrate(earlier)

    assert applied == [name for _, name, _ in migrations()[version:]]
    assert schema_version(earlier) == NEWEST
    after = _counts(earlier)
    passing = {"schema_version", *WORKED_OUT}
    # A table that never held anything may go.
    gone = {t for t, n in before.items() if not n and t not in after}
    assert {t: n for t, n in after.items() if t in before and t not in passing} == {
        t: n for t, n in before.items() if t not in passing | gone
    }
    assert stored_trial_balances(ReadSession(earlier)) == balances
    assert balances
    assert earlier.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_migrated_schema_is_the_one_of_a_new_database(
    earlier: sqlite3.Connection, tmp_path: Path
) -> None:
    def described(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' "
            "AND name <> 'schema_version' ORDER BY type, name"
        ).fetchall()

    migrate(earlier)
    new = connect(tmp_path / "new.db")
    try:
        migrate(new)
        assert described(earlier) == described(new)
    finally:
        new.close()


def test_rows_of_an_earlier_database_are_read_as_what_they_were(tmp_path: Path) -> None:
    connection = _restored(DUMPS / "schema_2.sql", tmp_path)
    try:
        migrate(connection)
        rows, sealer = ReadSession(connection), Sealer(bytes(range(32)))
        logins = [party_login(sealer, party) for party in rows.query(Party, "ORDER BY party_id")]
        trades = rows.query(Trade, "ORDER BY out_trade_no")
        books = check_books(rows, 0)
    finally:
        connection.close()
    assert "alice@sandbox.test" in logins
    assert [(t.status, t.amount) for t in trades] == [
        (TradeStatus.HELD, 1250), (TradeStatus.WAIT_BUYER_PAY, 2500),
    ]  # fmt: skip
    assert (books.balanced, books.held_matches, books.held) == (True, True, {"CNY": 1250})


def test_a_database_that_is_up_to_date_is_left_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "tallystick.db")
    try:
        migrate(connection)
        assert migrate(connection) == []
    finally:
        connection.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "tallystick.db")
    try:
        migrate(connection)
        connection.execute("INSERT INTO schema_version VALUES (?, 'later')", (NEWEST + 1,))
        with pytest.raises(StoreError, match="newer version"):
            migrate(connection)
        assert schema_version(connection) == NEWEST + 1
    finally:
        connection.close()


@pytest.mark.parametrize(
    "names",
    [
        ["0001_a.sql", "0002_b.sql", "0002_c.sql"],
        ["0001_a.sql", "0003_c.sql"],
        ["0002_b.sql"],
    ],
)
def test_migrations_that_clash_or_leave_a_gap_are_refused(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(StoreError, match="without gap or clash"):
        migrations(tmp_path)


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [*migrations(), (NEWEST + 1, "broken", "CREATE TABLE extra (a BIGINT); NONSENSE;")]
    connection = connect(tmp_path / "tallystick.db")
    try:
        migrate(connection)
        before = _counts(connection)
        monkeypatch.setattr("tallystick.store.engine.migrations", lambda: steps)
        with pytest.raises(StoreError, match="broken"):
            migrate(connection)
        assert schema_version(connection) == NEWEST
        assert _counts(connection) == before
    finally:
        connection.close()
