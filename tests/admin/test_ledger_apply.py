"""`tallystick ledger apply` as a user runs it: whole, in two halves, killed, and refused."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.server_process import ServerProcess

from tallystick.store.engine import connect
from tallystick.store.ledger_rows import SqlLedgerReader

ACCOUNTS = 100


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def command(file: Path, data: Path) -> list[str]:
    return [sys.executable, "-m", "tallystick.cli", "ledger", "apply", str(file),
            "--data", str(data), "--json"]  # fmt: skip


def run(file: Path, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(file, data), capture_output=True, text=True, timeout=300)


def applied(file: Path, data: Path, exit_code: int = 0) -> dict[str, Any]:
    done = run(file, data)
    assert done.returncode == exit_code, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(path: Path, rows: list[dict[str, int]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def account(number: int, **more: int) -> dict[str, int]:
    return {"id": number, "book": 7, "code": 1, **more}


def move(number: int, **more: int) -> dict[str, int]:
    debit = number % ACCOUNTS + 1
    sides = {"debit_account_id": debit, "credit_account_id": debit % ACCOUNTS + 1}
    return {"id": number, **sides, "amount": 1 + number % 7, "book": 7, "code": 2, **more}


def accounts() -> list[dict[str, int]]:
    return [account(i) for i in range(1, ACCOUNTS + 1)]


def totals(data: Path) -> dict[int, tuple[int, int]]:
    with closing(connect(data / "tallystick.db", readonly=True)) as connection:
        found = SqlLedgerReader(connection).accounts_where()
    return {a.id: (a.debits_posted, a.credits_posted) for a in found}


def expected(moves: list[dict[str, int]]) -> dict[int, tuple[int, int]]:
    debits = dict.fromkeys(range(1, ACCOUNTS + 1), 0)
    credits = dict.fromkeys(range(1, ACCOUNTS + 1), 0)
    for m in moves:
        debits[m["debit_account_id"]] += m["amount"]
        credits[m["credit_account_id"]] += m["amount"]
    return {i: (debits[i], credits[i]) for i in debits}


def test_a_file_is_applied_once_however_often_it_is_given(tmp_path: Path, data: Path) -> None:
    moves = [move(i) for i in range(1, 101)]
    file = write(tmp_path / "f.jsonl", [*accounts(), *moves])
    first = applied(file, data)
    assert (first["rows"], first["rows_now"]) == (200, 200)
    assert first["answers"] == {"created": 200}
    again = applied(write(tmp_path / "same.jsonl", [*accounts(), *moves]), data)
    assert (again["rows"], again["rows_now"], again["answers"]) == (200, 0, {"created": 200})
    assert totals(data) == expected(moves)
    more = applied(write(tmp_path / "more.jsonl", [*moves, move(101)]), data)
    assert more["answers"] == {"exists": 100, "created": 1}


def test_killed_in_the_middle_it_goes_on_and_nothing_is_doubled_or_lost(tmp_path: Path) -> None:
    moves = [move(i) for i in range(1, 80_001)]
    file = write(tmp_path / "f.jsonl", [*accounts(), *moves])
    # On a busy machine it may end before it is seen to be in the middle: then once more.
    tries = (tmp_path / f"data-{number}" for number in range(20))
    data = next(
        data for data in tries if _killed(file, data, 8_100) and _killed(file, data, 32_100)
    )
    behind = _rows_applied(data)
    assert 32_100 <= behind < 80_100
    done = applied(file, data)
    assert (done["rows"], done["rows_now"]) == (80_100, 80_100 - behind)
    assert done["answers"] == {"created": 80_100}
    assert totals(data) == expected(moves)


def _killed(file: Path, data: Path, rows: int) -> bool:
    """Have a file applied and kill that when so many rows are; whether there were rows left."""
    with subprocess.Popen(
        command(file, data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 300
        while process.poll() is None and _rows_applied(data) < rows:
            assert time.monotonic() < deadline, "it came nowhere"
            time.sleep(0.002)
        process.kill()
    assert process.returncode in (0, -signal.SIGKILL)
    return rows <= _rows_applied(data) < 80_100


def _rows_applied(data: Path) -> int:
    if not (data / "tallystick.db").exists():
        return 0
    try:
        with closing(connect(data / "tallystick.db", readonly=True)) as connection:
            sql = "SELECT value FROM setting WHERE name LIKE 'ledger.apply.%'"
            row = connection.execute(sql).fetchone()
    except sqlite3.OperationalError:
        return 0  # The database is being made.
    return 0 if row is None else int(json.loads(row[0])["rows"])


def test_a_bad_line_means_that_nothing_is_applied(tmp_path: Path, data: Path) -> None:
    rows = [*accounts(), *(move(i) for i in range(1, 9_000)), move(9_000, amount=-3)]
    done = run(write(tmp_path / "f.jsonl", rows), data)
    assert done.returncode == 2
    assert "f.jsonl, line 9100: amount -3 is not a whole number" in done.stderr
    assert totals(data) == {}


def test_what_the_ledger_refuses_is_said_by_line_and_exit_code_1(
    tmp_path: Path, data: Path
) -> None:
    poor = account(1, flags=2)
    rows = [poor, account(2), move(5, debit_account_id=1, credit_account_id=2)]
    found = applied(write(tmp_path / "f.jsonl", rows), data, exit_code=1)
    assert found["answers"] == {"created": 2, "exceeds_credits": 1}
    assert found["refused"] == [{"line": 3, "answer": "exceeds_credits"}]


def test_books_of_the_platform_are_not_for_files(tmp_path: Path, data: Path) -> None:
    rows = [account(1), account(2, book=1_000_156)]
    done = run(write(tmp_path / "f.jsonl", rows), data)
    assert done.returncode == 2
    assert "line 2: book 1000156 is kept by the platform" in done.stderr
    assert totals(data) == {}


def test_holds_that_time_out_get_a_timer_until_they_are_settled(tmp_path: Path, data: Path) -> None:
    holds = [move(i, flags=2, timeout=3600) for i in (1, 2)]
    applied(write(tmp_path / "f.jsonl", [*accounts(), *holds]), data)
    assert _timers(data) == [f"ledger.expire:{i:032x}" for i in (1, 2)]
    settled = {"id": 3, "pending_id": 1, "flags": 8}
    applied(write(tmp_path / "g.jsonl", [settled]), data)
    assert _timers(data) == [f"ledger.expire:{2:032x}"]


def _timers(data: Path) -> list[str]:
    with closing(connect(data / "tallystick.db", readonly=True)) as connection:
        found = connection.execute("SELECT timer_id FROM timer ORDER BY timer_id").fetchall()
    return [row[0] for row in found]


def test_a_running_server_is_said_and_sees_the_entries_afterwards(
    tmp_path: Path, data: Path
) -> None:
    file = write(tmp_path / "f.csv", [])
    file.write_text("id,book,code\n" + "".join(f"{i},7,1\n" for i in range(1, ACCOUNTS + 1)))
    server = ServerProcess(data, arguments=["--empty"])
    server.start()
    try:
        done = run(file, data)
        assert done.returncode == 2
        assert "is in use by another Tallystick server" in done.stderr
    finally:
        server.stop()
    assert applied(file, data)["answers"] == {"created": ACCOUNTS}


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, data: Path) -> None:
    done = run(tmp_path / "none.csv", data)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.csv" in done.stderr
