"""Files of accounts and transfers: what is read of each form, and what is refused where."""

from __future__ import annotations

import gzip
import json
import math
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tallystick.accounting.files import BadRow, Call, calls_of_file
from tallystick.ledger.model import Transfer
from tallystick.ledger.records import records_of

LARGE = 2**127 + 5


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def transfers_of(calls: list[Call]) -> bytes:
    return b"".join(c.transfers.tobytes() for c in calls if c.transfers is not None)


def move(id_: object, **more: object) -> dict[str, object]:
    return {"id": id_, "debit_account_id": 1, "credit_account_id": 2, "amount": 5, **more}


ROWS = [
    move(7, ledger=9, code=3),
    move(8, ledger=9, code=3, flags=2, timeout=60, user_data_64=2**64 - 1),
    move(9, ledger=9, code=3, pending_id=8, user_data_128=77, user_data_32=2**32 - 1),
]
EXPECTED = records_of(
    [
        Transfer(7, 1, 2, 5, book=9, code=3),
        Transfer(8, 1, 2, 5, book=9, code=3, flags=2, timeout=60, user_data_64=2**64 - 1),
        Transfer(9, 1, 2, 5, 8, 77, 0, 2**32 - 1, book=9, code=3),
    ]
).tobytes()


def test_the_same_transfers_are_read_of_every_form(tmp_path: Path) -> None:
    names = sorted({name for row in ROWS for name in row})
    table = pl.DataFrame(
        {name: [row.get(name, 0) for row in ROWS] for name in names},
        schema_overrides={"user_data_64": pl.UInt64},
    )
    table.write_csv(tmp_path / "f.csv")
    table.write_parquet(tmp_path / "f.parquet")
    written(tmp_path / "f.jsonl", ROWS)
    for name in ("f.csv", "f.parquet", "f.jsonl"):
        assert transfers_of(list(calls_of_file(tmp_path / name))) == EXPECTED, name


def test_large_ids_are_texts_or_numbers_and_bytes_in_parquet(tmp_path: Path) -> None:
    expected = records_of([Transfer(LARGE, 1, 2, 5)]).tobytes()
    for name, given in (("a", LARGE), ("b", str(LARGE)), ("c", f"{LARGE:032x}")):
        path = written(tmp_path / f"{name}.jsonl", [move(given)])
        assert transfers_of(list(calls_of_file(path))) == expected
    small = {"debit_account_id": [1], "credit_account_id": [2], "amount": [5]}
    for name, ids in (("d", [LARGE.to_bytes(16, "big")]), ("e", [f"{LARGE:032x}"])):
        pl.DataFrame({"id": ids, **small}).write_parquet(tmp_path / f"{name}.parquet")
        path = tmp_path / f"{name}.parquet"
        assert transfers_of(list(calls_of_file(path))) == expected
    path = tmp_path / "f.csv"
    path.write_text(f"id,debit_account_id,credit_account_id,amount\n{LARGE:032x},1,2,5\n")
    assert transfers_of(list(calls_of_file(path))) == expected


def test_accounts_and_transfers_take_turns_in_one_file(tmp_path: Path) -> None:
    account: dict[str, object] = {"id": 1, "book": 9, "code": 1}
    rows = [account, account | {"id": 2}, move(7), account | {"id": 3}]
    calls = list(calls_of_file(written(tmp_path / "f.jsonl", rows)))
    assert [c.end for c in calls] == [2, 3, 4]
    assert [len(c.accounts or []) for c in calls] == [2, 0, 1]


def test_reading_goes_on_after_so_many_rows(tmp_path: Path) -> None:
    rows = [move(i) for i in range(1, 20_001)]
    path = written(tmp_path / "f.jsonl", rows)
    table = pl.DataFrame(rows)
    table.write_csv(tmp_path / "f.csv")
    table.write_parquet(tmp_path / "f.parquet")
    for name in ("f.jsonl", "f.csv", "f.parquet"):
        whole = list(calls_of_file(tmp_path / name))
        assert [c.end for c in whole] == [8000, 16000, 20000]
        rest = list(calls_of_file(tmp_path / name, 8000))
        assert [(c.end, list(c.lines)) for c in rest] == [(c.end, list(c.lines)) for c in whole[1:]]
        assert transfers_of(rest) == transfers_of(whole[1:])
    assert path.exists()


def test_a_chain_is_never_torn_between_calls(tmp_path: Path) -> None:
    rows = [move(i, flags=int(7990 <= i < 8010)) for i in range(1, 16_001)]
    calls = list(calls_of_file(written(tmp_path / "f.jsonl", rows)))
    assert [c.end for c in calls] == [7989, 16000]
    assert (
        transfers_of(calls)
        == records_of(
            [Transfer(i, 1, 2, 5, flags=int(7990 <= i < 8010)) for i in range(1, 16_001)]
        ).tobytes()
    )


BAD_LINES = [
    ('{"id": 1', "line 3"),
    ('{"id": 1, "amount": 1.5}', "line 3"),
    ('{"id": 1, "amount": -1}', "amount -1 is not"),
    ('{"id": 1, "amount": 9223372036854775808}', "amount 9223372036854775808 is not"),
    ('{"id": 1, "amount": true}', "line 3"),
    ('{"id": "x", "amount": 1}', "'x' is not a whole number"),
    ('{"id": -1, "amount": 1}', "-1 is not a whole number of 128 bits"),
    ('{"id": 1, "amount": 1, "colour": 1}', "colour"),
    ('{"id": 1, "amount": 1, "book": 1, "ledger": 1}', "same field"),
    ('{"id": 1, "code": 65536}', "code 65536 is not"),
    ('{"id": 1, "amount": 1, "flags": 65536}', "flags 65536 is not"),
    ('{"amount": 1}', "id"),
    ("[]", "line 3"),
]


@pytest.mark.parametrize(("line", "problem"), BAD_LINES)
def test_a_bad_json_line_is_refused_by_number(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "f.jsonl"
    path.write_text(json.dumps(move(7)) + "\n\n" + line + "\n")
    with pytest.raises(BadRow, match="line 3: ") as refused:
        list(calls_of_file(path))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("id,amount,colour\n1,2,3\n", 1, "colour"),
        ("amount,code\n1,2\n", 1, "an id"),
        ("id,book,ledger\n1,2,2\n", 1, "only once"),
        ("", 1, "an id"),
        ("id,amount\n1,2\n\n3,4,5\n", 4, "3 fields instead of 2"),
        ("id,amount\n1,2\n3,-4\n", 3, "'-4' is not"),
        ("id,amount\n1,2\n3,1_000\n", 3, "'1_000' is not"),
        ("id,amount\n1,2\n3,4.0\n", 3, "'4.0' is not"),
        ("id,amount\n1,2\n3,9223372036854775808\n", 3, "amount 9223372036854775808 is not"),
        ('id,amount\n1,2\n3,"4\n', 3, "unexpected end of data"),
    ],
)
def test_a_bad_csv_row_is_refused_by_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    with pytest.raises(BadRow, match=f"line {line}: ") as refused:
        list(calls_of_file(path))
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("column", "values", "line"),
    [
        ("amount", [1, -1], 2),
        ("amount", [1.0, 2.0], 1),
        ("code", [1, 65536], 2),
        ("id", [b"\1" * 16, b"\1" * 15], 2),
        ("flags", [1, 2**20], 2),
        ("amount", [1.0, math.nan], 1),
        ("amount", [[1], [2]], 1),
        ("amount", [timedelta(1), timedelta(2)], 1),
        ("amount", [Decimal("1.00"), Decimal("2.00")], 1),
    ],
)
def test_a_bad_parquet_row_is_refused_by_number(
    tmp_path: Path, column: str, values: list[object], line: int
) -> None:
    columns = {"id": [1, 2], "amount": [1, 1], column: values}
    pl.DataFrame(columns).write_parquet(tmp_path / "f.parquet")
    with pytest.raises(BadRow, match=f"line {line}: "):
        list(calls_of_file(tmp_path / "f.parquet"))


@pytest.mark.parametrize("kind", [pl.Int128, pl.Decimal(30, 0), pl.Int32, pl.UInt64])
def test_whole_numbers_of_any_width_are_read_of_a_table(tmp_path: Path, kind: pl.DataType) -> None:
    rows = [move(2**126 + 5 if kind == pl.Int128 else 7, ledger=9, code=3)]
    table = pl.DataFrame(rows, schema_overrides={"id": pl.Int128}).cast(kind)
    table.write_parquet(tmp_path / "f.parquet")
    table.write_ipc(tmp_path / "f.arrow")
    table.write_ipc_stream(tmp_path / "stream.arrow")
    expected = records_of([Transfer(rows[0]["id"], 1, 2, 5, book=9, code=3)])  # type: ignore[arg-type]
    for name in ("f.parquet", "f.arrow", "stream.arrow"):
        assert transfers_of(list(calls_of_file(tmp_path / name))) == expected.tobytes(), name


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("f.parquet", b"", "cannot be read as parquet"),
        ("f.parquet", b"PAR1" + bytes(40) + b"PAR1", "cannot be read as parquet"),
        ("f.arrow", b"", "cannot be read as arrow"),
        ("f.csv", "id,amount\n1,2\n".encode("utf-16"), "not UTF-8"),
        ("f.csv", gzip.compress(b"id,amount\n1,2\n", mtime=0), "compressed"),
        ("f.jsonl", gzip.compress(b"{}", mtime=0), "compressed"),
    ],
)
def test_a_file_that_is_not_of_its_form_is_refused(
    tmp_path: Path, name: str, data: bytes, problem: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadRow, match=problem) as refused:
        list(calls_of_file(tmp_path / name))
    assert refused.value.line == 1


def test_a_text_that_stops_being_utf8_is_refused_at_that_line(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"id,amount\n" + b"1,2\n" * 5000 + b"\xff,2\n" + b"1,2\n" * 5000)
    with pytest.raises(BadRow, match="not UTF-8") as refused:
        list(calls_of_file(path))
    assert refused.value.line == 5002


def test_a_mark_of_utf8_before_json_lines_is_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path / "f.jsonl", ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert transfers_of(list(calls_of_file(path))) == EXPECTED
