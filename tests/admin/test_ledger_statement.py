"""`tallystick ledger statement` beside a folder's books."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.cli import answer

ROWS = """\
{"id": 1, "book": 7, "code": 1}
{"id": 2, "book": 7, "code": 1}
{"id": 5, "debit_account_id": 1, "credit_account_id": 2, "amount": 250, "book": 7, "code": 3}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    rows = folder / "rows.jsonl"
    rows.write_text(ROWS)
    assert answer(["ledger", "apply", str(rows), "--data", str(folder / "data")]) == 0
    return folder / "data"


def test_a_statement_is_written_where_it_is_asked_for(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "statement.json"
    asked = ["ledger", "statement", "2", "--from", "2000-01-01", "--to", "2100-01-01"]
    assert answer([*asked, "--data", str(data), "-o", str(out), "--currency", "KWD"]) == 0
    said = json.loads(out.read_bytes())
    assert (said["opening"], said["closing"], said["currency"]) == ("0.000", "0.250", "KWD")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["two", "--from", "2026-01-01", "--to", "2026-01-02"], "is no account's id"),
        (["9", "--from", "2026-01-01", "--to", "2026-01-02"], "There is no such"),
        (["2", "--from", "yesterday", "--to", "2026-01-02"], "is not a day"),
        (["2", "--from", "2026-01-03", "--to", "2026-01-02"], "is not a period"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert answer(["ledger", "statement", *arguments, "--data", str(data)]) == 2
    assert said in capsys.readouterr().err
