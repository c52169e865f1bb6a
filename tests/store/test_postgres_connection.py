"""A connection to PostgreSQL that has gone: it is noticed, given up and opened anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
from tests.stores import new_postgres

from tallystick.store.connection import ConnectionLost
from tallystick.store.postgres import PostgresConnection


@pytest.fixture
def connection() -> Iterator[PostgresConnection]:
    made = new_postgres().connect()
    yield made
    made.close()


def is_in_use(connection: PostgresConnection) -> bool:
    """A batch on it goes through."""
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT ? + 1", (1,)).fetchone()
    connection.execute("COMMIT")
    return bool(row == (2,))


def cut(connection: PostgresConnection) -> None:
    """Have the server end it."""
    with psycopg.connect(connection.url, autocommit=True) as other:
        sql = "SELECT pg_terminate_backend(%s, 60000)"
        other.execute(sql, (connection.raw.info.backend_pid,))


def test_a_batch_whose_connection_was_cut_is_lost_and_the_next_goes_through(
    connection: PostgresConnection,
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    cut(connection)
    with pytest.raises(ConnectionLost):
        connection.execute("SELECT 1")
    assert not connection.in_transaction
    connection.execute("ROLLBACK")
    assert is_in_use(connection)


def test_rolling_back_what_was_cut_is_no_failure(connection: PostgresConnection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    cut(connection)
    connection.execute("ROLLBACK")
    assert is_in_use(connection)


def test_committing_what_was_cut_is_one(connection: PostgresConnection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    cut(connection)
    with pytest.raises(ConnectionLost):
        connection.execute("COMMIT")
    assert is_in_use(connection)


def test_a_connection_left_in_the_middle_of_many_statements_is_given_up(
    connection: PostgresConnection,
) -> None:
    # What remains when it was cut at the wrong moment and looks as if it were open.
    connection.raw.pgconn.enter_pipeline_mode()
    connection.raw.pgconn.send_query_params(b"SELECT 1", None)
    with pytest.raises(ConnectionLost):
        connection.execute("BEGIN IMMEDIATE")
    assert is_in_use(connection)


def test_an_error_that_the_server_states_costs_no_connection(
    connection: PostgresConnection,
) -> None:
    connection.execute("BEGIN IMMEDIATE")
    before = connection.raw
    with pytest.raises(sqlite3.DataError, match="division by zero"):
        connection.execute("SELECT 1 / 0")
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    assert is_in_use(connection)
    assert connection.raw is before
