"""Many rows in one statement leave what one statement a row leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stores import new_postgres

from tallystick.store.connection import Connection
from tallystick.store.engine import connect
from tallystick.store.many_rows import form_of, parts_of

TABLE = "CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, amount BIGINT, name TEXT)"
INSERT = "INSERT INTO item (id, amount, name) VALUES (?, ?, ?)"
STATEMENTS = {
    "upsert": f"{INSERT} ON CONFLICT (id) DO UPDATE SET amount = excluded.amount",
    "insert": f"{INSERT} ON CONFLICT DO NOTHING",
    "update": "UPDATE item SET name = ?, amount = ? WHERE id = ?",
    "delete": "DELETE FROM item WHERE id = ?",
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, Connection]]:
    """The same table on both stores."""
    with (
        closing(connect(tmp_path_factory.mktemp("rows") / "x.db")) as embedded,
        closing(new_postgres().connect()) as postgres,
    ):
        for connection in (embedded, postgres):
            connection.execute("DROP TABLE IF EXISTS item")
            connection.execute(TABLE)
        yield embedded, postgres


ROW = st.tuples(
    st.integers(0, 90), st.one_of(st.none(), st.integers(0, 9)), st.text("ab", max_size=2)
)
STEPS = st.lists(st.tuples(st.sampled_from(sorted(STATEMENTS)), st.lists(ROW, max_size=80)))


@given(STEPS)
def test_both_stores_have_the_same_rows_afterwards(
    both: tuple[Connection, Connection], steps: list[tuple[str, list[Any]]]
) -> None:
    found = []
    for connection in both:
        connection.execute("DELETE FROM item")
        for name, rows in steps:
            values: list[tuple[object, ...]] = [
                {"update": (n, a, i), "delete": (i,)}.get(name, (i, a, n)) for i, a, n in rows
            ]
            connection.executemany(STATEMENTS[name], values)
        found.append(connection.execute("SELECT * FROM item ORDER BY id").fetchall())
    assert found[0] == found[1]


def test_a_row_that_breaks_a_rule_is_told_as_by_the_embedded_database(
    both: tuple[Connection, Connection],
) -> None:
    for connection in both:
        with pytest.raises(sqlite3.IntegrityError):
            connection.executemany(INSERT, [(1000, 1, "a"), (1001, 1, "b"), (1000, 2, "c")])


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM item WHERE id = ?", "SELECT ?", "UPDATE item SET a = a + ? WHERE id = ?",
        "UPDATE item SET a = ? WHERE id = ? AND b = ?", "INSERT INTO item VALUES (?, ?)",
        "INSERT INTO item (a, b) VALUES (?, 1)",
    ],
)  # fmt: skip
def test_other_forms_are_left_alone(sql: str) -> None:
    assert form_of(sql) is None


@given(st.lists(st.tuples(st.integers()), max_size=300))
def test_parts_are_all_rows_in_order_in_few_sizes(rows: list[tuple[int]]) -> None:
    parts = list(parts_of(rows))
    assert [row for part in parts for row in part] == rows
    assert {len(part) for part in parts} <= {1, 2, 4, 8, 16, 32, 64}
