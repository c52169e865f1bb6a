"""Data files: what is read, and what is refused by name and place."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tests.risk.graph.plain_graph import EXAMPLE

from tallystick.risk.graph.columns import times
from tallystick.risk.graph.errors import FileError
from tallystick.risk.graph.load import load_data
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import EdgeKindName

ACCOUNTS = "accountId|createTime|isBlocked|accoutType\n"
TRANSFERS = "fromId|toId|amount|createTime\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def small(folder: Path, transfers: str) -> Path:
    accounts = "".join(f"{n}|2020-01-01 00:00:00|{b}|x\n" for n, b in ((1, "true"), (2, "false")))
    return write(folder, Account=ACCOUNTS + accounts, AccountTransferAccount=TRANSFERS + transfers)


def test_the_example_is_read_from_its_archive_its_folder_and_the_folder_above(
    tmp_path: Path,
) -> None:
    with tarfile.open(EXAMPLE) as archive:
        archive.extractall(tmp_path, filter="data")
    counts = [load_data(where)[1:] for where in (EXAMPLE, tmp_path, tmp_path / "snapshot")]
    assert counts[0] == counts[1] == counts[2]
    vertices, edges, unlisted, missing = counts[0]
    assert vertices["Account"] == 6_200
    assert (vertices["Person"], vertices["Company"]) == (1_957 + 42, 967 + 33)
    assert (edges["transfer"], edges["withdraw"]) == (37_861, 42_069)
    assert (unlisted, missing) == (75, [])


def test_a_kind_without_a_file_is_one_of_which_there_are_none(tmp_path: Path) -> None:
    loaded = load_data(small(tmp_path, "1|2|5.5|2020-02-01 00:00:00.5\n"))
    assert loaded.edges["transfer"] == 1
    assert loaded.edges["withdraw"] == 0
    assert "AccountWithdrawAccount.csv" in loaded.files_not_there


def test_a_file_may_begin_with_a_mark_and_hold_times_in_both_ways(tmp_path: Path) -> None:
    where = small(tmp_path, "1|2|5|2020-02-01 00:00:00\n2|1|6|1580515200001\n")
    data = (where / "Account.csv").read_bytes()
    (where / "Account.csv").write_bytes(b"\xef\xbb\xbf" + data)
    rows = answer(
        load_data(where).graph, "tsr2", {"id": "1", "startTime": "0", "endTime": "1580515200002"}
    )
    assert (rows[0]["sumEdge1Amount"], rows[0]["sumEdge2Amount"]) == (5.0, 6.0)


def test_lines_may_end_as_on_windows_or_without_an_end(tmp_path: Path) -> None:
    lines = "1|2|5|2020-02-01 00:00:00\r\n2|1|6|1580515200001"
    graph = load_data(small(tmp_path, lines)).graph
    rows = answer(graph, "tsr2", {"id": "1", "startTime": "0", "endTime": "1580515200002"})
    assert (rows[0]["sumEdge1Amount"], rows[0]["sumEdge2Amount"]) == (5.0, 6.0)


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("1|3|5|2020-02-01 00:00:00", "line 3, column toId: there is no Account 3"),
        ("9|2|5|2020-02-01 00:00:00", "line 3, column fromId: there is no Account 9"),
        ("1|2|5", "line 3: has 3 columns instead of 4"),
        ("", "line 3: has 0 columns instead of 4"),
        ("1|2|five|2020-02-01 00:00:00", "line 3, column amount: 'five' is not a number"),
        ("1|2|nan|2020-02-01 00:00:00", "line 3, column amount: 'nan' is not a number"),
        ("1|2|1e999|2020-02-01 00:00:00", "line 3, column amount: '1e999' is not a number"),
        ("1|2|-5|2020-02-01 00:00:00", "line 3, column amount: '-5' is not a number, 0 or more"),
        ("1|-2|5|2020-02-01 00:00:00", "line 3, column toId: '-2' is not an id"),
        ("1||5|2020-02-01 00:00:00", "line 3, column toId: '' is not an id"),
        (f"1|{2**63}|5|2020-02-01 00:00:00", "is not an id"),
        ("1|2|5|2020-02-30 00:00:00", "line 3, column createTime: '2020-02-30 00:00:00' is not"),
        ("1|2|5|2020-02-01 24:00:00", "is not a time"),
        ("1|2|5|2020-02-01T00:00:00", "is not a time"),
        ("1|2|5|2020-02-01 00:00:00.", "is not a time"),
        ("1|2|5|2020-02-01 00:00:00.1234", "is not a time"),
        ("1|2|5|2020-02-01", "is not a time"),
        ("1|2|5|soon\n1|2|5|1580515200001", "line 3, column createTime: 'soon' is not a time"),
    ],
)
def test_a_bad_line_is_refused_by_file_line_and_column(
    tmp_path: Path, line: str, place: str
) -> None:
    good = "1|2|5|2020-02-01 00:00:00\n"
    with pytest.raises(FileError) as refused:
        load_data(small(tmp_path, good + line + "\n" + good))
    assert str(refused.value).startswith("AccountTransferAccount.csv, line 3")
    assert place in str(refused.value)


def test_an_id_that_comes_twice_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path, "")
    accounts = (folder / "Account.csv").read_text()
    write(folder, Account=accounts + "1|2020-01-01 00:00:00|true|x\n")
    with pytest.raises(
        FileError, match=r"Account\.csv, line 4, column accountId: 1 is there twice"
    ):
        load_data(folder)


@pytest.mark.parametrize("value", ["TRUE", "1", ""])
def test_only_true_and_false_are_true_and_false(tmp_path: Path, value: str) -> None:
    write(tmp_path, Account=ACCOUNTS + f"1|2020-01-01 00:00:00|{value}|x\n")
    with pytest.raises(FileError, match="line 2, column isBlocked"):
        load_data(tmp_path)


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path, "")
    write(folder, AccountTransferAccount="fromId|toId|createTime\n")
    with pytest.raises(
        FileError, match="line 1, column amount: is missing; the columns are fromId"
    ):
        load_data(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Account\.csv: is not in"):
        load_data(tmp_path)
    write(small(tmp_path, ""), AccountTransferAcount="x\n")
    with pytest.raises(FileError, match=r"AccountTransferAcount\.csv: is no file of a graph"):
        load_data(tmp_path)
    with pytest.raises(FileError, match="is not there"):
        load_data(tmp_path / "nowhere")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "cut.tar.gz"
    damaged.write_bytes(EXAMPLE.read_bytes()[:200_000])
    with pytest.raises(FileError, match="is not a readable"):
        load_data(damaged)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path, "")
    with (folder / "Account.csv").open("ab") as file:
        file.write(b"3|2020-01-01 00:00:00|true|\xff\n")
    with pytest.raises(FileError, match=r"Account\.csv, line 4: is not UTF-8"):
        load_data(folder)


def test_an_owner_without_a_line_is_known_by_the_account(tmp_path: Path) -> None:
    folder = small(tmp_path, "1|2|7|2020-02-01 00:00:00\n")
    write(folder, PersonOwnAccount="personId|accountId|createTime\n77|1|2020-01-01 00:00:00\n")
    loaded = load_data(folder)
    assert loaded.owners_without_a_line == 1
    whole = {"id": "77", "startTime": "0", "endTime": "1600000000000"}
    assert answer(loaded.graph, "tcr5", whole) == [{"path": ["1", "2"]}]


def test_times_are_those_of_the_calendar() -> None:
    texts = ["1970-01-01 00:00:00", "2000-02-29 23:59:59.999", "2024-03-01 00:00:00.05"]
    expected = [np.datetime64(text.replace(" ", "T"), "ms").astype(int) for text in texts]
    assert times(texts).tolist() == expected


def test_a_file_longer_than_one_part_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(EXAMPLE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setattr("tallystick.risk.graph.files._PART_BYTES", 50_000)
    parts = load_data(tmp_path / "snapshot")
    whole = load_data(EXAMPLE)
    assert parts[1:] == whole[1:]
    for kind in (EdgeKindName.TRANSFER, EdgeKindName.SIGN_IN):
        ours, theirs = (loaded.graph.out(kind).packed() for loaded in (parts, whole))
        assert [c.tolist() for c in ours.values()] == [c.tolist() for c in theirs.values()]
    shutil.rmtree(tmp_path / "snapshot")
