"""The unit of work is a view of the world: like the database would be after every command."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.stores import database_for, new_postgres

from tallystick.payments.wallet.model import WalletTransfer
from tallystick.store.connection import Connection
from tallystick.store.engine import connect, migrate
from tallystick.store.postgres import PostgresDatabase
from tallystick.store.rows import ReadSession
from tallystick.store.unit_of_work import Event, UnitOfWork

Key = str
KEYS = st.sampled_from(["a", "b", "c", "d"])
NUMBERS = st.sampled_from(["1", "2", "3"])


def row(key: str, number: str, payee: str) -> WalletTransfer:
    """A row with a key, a further unique group (scope and number) and a column to select by."""
    return WalletTransfer(key, "app", number, "payer", payee, "CNY", 1, "", "", 0)


@contextmanager
def database() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-uow-"))
    connection = connect(folder / "x.db")
    migrate(connection)
    connection.close()
    try:
        yield folder / "x.db"
    finally:
        shutil.rmtree(folder)


class WorkHistory(RuleBasedStateMachine):
    """Rows put, deleted, undone and written, beside a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._database = database()
        self.connection: Connection = self._connect()
        self.rows: dict[Key, WalletTransfer] = {}
        self._begin()

    def _connect(self) -> Connection:
        return connect(self._database.__enter__())

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.uow = UnitOfWork(self.connection, 0, 0)

    def teardown(self) -> None:
        self.connection.close()
        self._database.__exit__(None, None, None)

    def _may_put(self, new: WalletTransfer) -> bool:
        """Products look before they put: a unique value is taken by one row."""
        taken = [r for r in self.rows.values() if r.out_biz_no == new.out_biz_no]
        return all(r.order_id == new.order_id for r in taken)

    def _change(self, key: str, number: str, payee: str, delete: bool) -> None:
        if delete:
            if key in self.rows:
                self.uow.delete(self.rows.pop(key))
        elif self._may_put(new := row(key, number, payee)):
            self.uow.put(new)
            self.rows[key] = new

    @rule(key=KEYS, number=NUMBERS, payee=NUMBERS, delete=st.booleans())
    def change(self, key: str, number: str, payee: str, delete: bool) -> None:
        self._change(key, number, payee, delete)

    @rule(
        changes=st.lists(st.tuples(KEYS, NUMBERS, NUMBERS, st.booleans()), max_size=5),
        looked_up=st.lists(NUMBERS, max_size=3),
    )
    def change_and_undo(
        self, changes: list[tuple[str, str, str, bool]], looked_up: list[str]
    ) -> None:
        before, mark, events = dict(self.rows), self.uow.mark(), len(self.uow.events)
        for change in changes:
            self._change(*change)
            self.uow.emit(Event("x", "y", b"{}"))
            for number in looked_up:
                self.uow.find(WalletTransfer, payer_scope="app", out_biz_no=number)
        self.uow.rollback(mark)
        self.rows = before
        assert len(self.uow.events) == events

    @rule()
    def write(self) -> None:
        self.uow.flush()
        self.connection.execute("COMMIT")
        committed = ReadSession(self.connection).query(WalletTransfer, "ORDER BY order_id")
        assert committed == [self.rows[key] for key in sorted(self.rows)]
        self._begin()

    @rule()
    def give_up(self) -> None:
        """The batch is not committed: everything is as it was."""
        self.connection.execute("ROLLBACK")
        committed = ReadSession(self.connection).query(WalletTransfer, "")
        self.rows = {r.order_id: r for r in committed}
        self._begin()

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.uow.get(WalletTransfer, key) == self.rows.get(key)

    @rule(number=NUMBERS)
    def find(self, number: str) -> None:
        found = self.uow.find(WalletTransfer, payer_scope="app", out_biz_no=number)
        expected = [r for r in self.rows.values() if r.out_biz_no == number]
        assert found == (expected[0] if expected else None)

    @invariant()
    def selections_are_the_dictionarys(self) -> None:
        for payee in "123":
            expected = [r for _, r in sorted(self.rows.items()) if r.payee_id == payee]
            assert self.uow.select(WalletTransfer, payee_id=payee) == expected


TestWorkHistory = WorkHistory.TestCase
TestWorkHistory.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


class WorkOnPostgres(WorkHistory):
    """The same on PostgreSQL; one database serves all histories."""

    def _connect(self) -> Connection:
        self._database.__enter__()
        connection = _postgres().connect()
        connection.execute("TRUNCATE wallet_transfer, outbox")
        return connection


@cache
def _postgres() -> PostgresDatabase:
    return new_postgres()


TestWorkOnPostgres = WorkOnPostgres.TestCase
TestWorkOnPostgres.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[UnitOfWork]:
    connection = database_for(tmp_path).connect()
    migrate(connection)
    connection.execute("BEGIN IMMEDIATE")
    yield UnitOfWork(connection, 7, 0)
    connection.close()


def test_timers_events_and_audit_lines_are_undone_with_their_command(work: UnitOfWork) -> None:
    work.set_timer("kept", 1, b"")
    mark = work.mark()
    work.set_timer("kept", 2, b"")
    work.set_timer("undone", 3, b"")
    work.emit(Event("t", "s", b"{}"))
    work.audit(0, "operator", "1", "c", "s", "accepted", "r")
    assert work.timer_due_ms("undone") == 3
    work.rollback(mark)
    assert (work.timer_due_ms("kept"), work.timer_due_ms("undone")) == (1, None)
    work.flush()
    counts = [
        work.connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
        for name in ("timer", "outbox", "audit")
    ]
    assert counts == [1, 0, 0]


def test_a_timer_is_set_cancelled_and_set_again_within_one_batch(work: UnitOfWork) -> None:
    work.set_timer("t", 1, b"one")
    work.cancel_timer("t")
    assert not work.timer_is_set("t")
    work.set_timer("t", 2, b"two")
    work.flush()
    assert work.connection.execute("SELECT due_ms, command FROM timer").fetchall() == [(2, b"two")]


def test_a_unique_value_given_free_may_be_taken_in_the_same_batch(work: UnitOfWork) -> None:
    work.put(row("a", "1", "x"))
    work.flush()
    work.connection.execute("COMMIT")
    work.connection.execute("BEGIN IMMEDIATE")
    later = UnitOfWork(work.connection, 8, 0)
    held = later.get(WalletTransfer, "a")
    assert held is not None
    later.delete(held)
    later.put(row("b", "1", "x"))
    later.flush()
    assert later.connection.execute("SELECT order_id FROM wallet_transfer").fetchall() == [("b",)]
