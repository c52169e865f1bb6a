"""The examples of docs/ledger.md run as they are written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallystick.ledger.model import Account
from tallystick.store.bulk_store import release_index
from tallystick.store.engine import connect, migrate
from tallystick.store.ledger_rows import SqlLedgerReader
from tallystick.store.unit_of_work import UnitOfWork

PAGE = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_bulk_call_and_the_query_of_the_page(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    path = tmp_path / "tallystick.db"
    with closing(connect(path)) as connection:
        migrate(connection)
        uow = UnitOfWork(connection, 1, 0)
        uow.books.create_accounts([Account(i, 7, 1) for i in range(1, 101)], 1)
        payees, amounts = np.arange(2, 101), np.arange(100_000, 100_099)
        assert names["pay_out"](uow, 1, payees, amounts) == 99
        uow.flush()
        assert SqlLedgerReader(connection).accounts([1])[0].debits_posted == int(amounts.sum())
        assert len(connection.execute(blocks("sql")[0]).fetchall()) == 98
    release_index(path)


def test_the_session_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(blocks("python")[1], names)
    assert [a.id for a in SqlLedgerReader(names["connection"]).accounts([1, 2])] == [1, 2]
    names["connection"].close()
    names["folder"].close()
    release_index(names["folder"].database)


def test_the_file_of_the_page(tmp_path: Path) -> None:
    console = next(b for b in blocks("console") if "ledger apply" in b)
    rows = [line for line in console.splitlines() if line.startswith("{")]
    file, data = tmp_path / "rows.jsonl", tmp_path / "data"
    file.write_text("\n".join(rows))
    command = [sys.executable, "-m", "tallystick.cli", "ledger", "apply"]
    command += [str(file), "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answers"] == {"created": 3}
    assert "3  created" in console
