"""`tallystick reconcile match` as a process would run it: files in, an outcome and a code out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.cli import answer

DATA = Path(__file__).parent.parent / "data" / "statements"
HEAD = "id,day,amount,currency,reference,counterparty\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.csv"
    path.write_text(
        f"{HEAD}e1,2026-11-24,100.00,EUR,ORDER-1,\ne2,2026-11-24,-10.00,EUR,OUT-1,\n"
        "e3,2026-11-23,-15.50,EUR,OUT-2,\n",
        "utf-8",
    )
    return path


def test_files_are_matched_and_the_rest_is_code_1(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = answer(["reconcile", "match", str(DATA / "camt053.xml"), str(ledger), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1
    assert told["counts"]["matched"] == {"reference": 1}
    assert told["counts"]["proposed"] == {"subset": 1}
    (proposed,) = [g for g in told["groups"] if g["status"] == "proposed"]
    assert [e["id"] for e in proposed["ledger"]] == ["e2", "e3"]
    assert proposed["bank"][0]["line"] == 30
    assert told["only_at_bank"] == told["only_in_ledger"] == []


def test_what_is_wholly_matched_is_code_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(
        f"{HEAD}e1,2026-11-24,100.00,EUR,ORDER-1,\ne2,2026-11-24,-25.50,EUR,BATCH-7,\n", "utf-8"
    )
    assert answer(["reconcile", "match", str(DATA / "camt053.xml"), str(ledger)]) == 0
    assert "Only at the bank: 0" in capsys.readouterr().out


def test_a_csv_statement_with_its_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_text("day,amount,currency\n2026-11-24,-250.50,EUR\n", "utf-8")
    files = ["--mapping", str(DATA / "bank.toml"), str(DATA / "bank.csv"), str(ledger)]
    assert answer(["reconcile", "match", *files]) == 1
    said = capsys.readouterr().out
    assert "matched   amount_day" in said
    assert "line 3: 2026-11-24 1000.00 EUR ORDER-1" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("day,amount\n", "line 1: The file of entries has no column currency."),
        (f"{HEAD}e1,2026-11-24,1,EUR,,\ne1,2026-11-24,1,EUR,,\n", "line 3: The id 'e1' occurs"),
        (f"{HEAD}e1,2026-11-24,1.234,EUR,,\n", "line 2: '1.234' has more decimals than EUR has."),
    ],
)
def test_a_malformed_file_of_entries_is_one_sentence_and_2(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(text, "utf-8")
    assert answer(["reconcile", "match", str(DATA / "camt053.xml"), str(ledger)]) == 2
    assert said in capsys.readouterr().err


def test_a_malformed_statement_is_one_sentence_and_2(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["reconcile", "match", str(DATA / "abnamro.sta"), str(ledger)]) == 2
    assert "line 27: EUR: 3236.28 opening" in capsys.readouterr().err
