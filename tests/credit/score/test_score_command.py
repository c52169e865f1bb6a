"""`tallystick credit score`: train, apply, and what is refused."""

from __future__ import annotations

import csv
import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tests.credit.score.people import write_people

from tallystick.cli import answer
from tallystick.credit.score.challenger import Shape
from tallystick.credit.score.dataset import Roles
from tallystick.credit.score.measures import auc
from tallystick.credit.score.release import train
from tallystick.credit.score.training import Settings

TRAIN = ("credit", "score", "train")
APPLY = ("credit", "score", "apply")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("people") / "people.csv")


def trained(people: Path, out: Path) -> Path:
    """A model of these people, its challenger small."""
    settings = Settings(challenger=True, folds=2, repeats=1, bag=2, shape=Shape(4, 20, 0.3))
    train(people, Roles("outcome", identifier="id", time="month"), settings, out)
    return out


@pytest.fixture(scope="module")
def model(people: Path) -> Path:
    return trained(people, people.parent / "model")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def outcomes(people: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([float(row["outcome"] == "default") for row in rows_of(people.read_text())])


@pytest.mark.parametrize("part", ["scorecard", "challenger"])
def test_apply_on_the_training_file_gives_the_kept_figure(
    model: Path, people: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--challenger"] if part == "challenger" else []
    assert answer([*APPLY, str(model), str(people), *more]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "id,probability_of_default,score,reason_1,reason_2,reason_3"
    rows = rows_of(text)
    assert [row["id"] for row in rows] == [row["id"] for row in rows_of(people.read_text())]
    found = np.array([float(row["probability_of_default"]) for row in rows])
    card = json.loads((model / "card.json").read_bytes())
    assert auc(outcomes(people), found) == pytest.approx(card[part]["training_auc"], abs=1e-4)
    by_score = sorted((int(row["score"]), -float(row["probability_of_default"])) for row in rows)
    assert all(350 <= score <= 950 for score, _ in by_score)
    assert all(a[1] <= b[1] for a, b in pairwise(by_score) if a[0] < b[0])
    assert all(row["reason_1"] for row in rows if int(row["score"]) < 540)


def test_json_says_which_model_it_was(
    model: Path, people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer([*APPLY, str(model), str(people), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"] == json.loads((model / "manifest.json").read_bytes())["model"]
    assert set(found["scores"][0]) == {"id", "probability_of_default", "score", "reasons"}


def test_the_same_file_and_seed_make_the_same_model(model: Path, people: Path) -> None:
    again = trained(people, people.parent / "again")
    names = sorted(path.name for path in model.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (model / name).read_bytes() == (again / name).read_bytes(), name


def test_the_report_needs_nothing_else_and_shows_everything(model: Path) -> None:
    page = (model / "report.html").read_text("utf-8")
    for wanted in ("ROC, held out", "KS of the scorecard", "Calibration", "Stability", "2026-03",
                   "Fair lending", "Reject inference is left out"):  # fmt: skip
        assert wanted in page
    assert page.count("<svg") >= 6
    assert not any(outside in page for outside in ("<script", "href=", "src="))


def test_protected_columns_are_no_inputs_but_reported(model: Path) -> None:
    kept = json.loads((model / "model.json").read_bytes())
    card = json.loads((model / "card.json").read_bytes())
    assert "sex" not in [spec["name"] for spec in kept["specs"]]
    assert card["protected"] == ["sex"]
    assert {group["group"] for group in card["fair_lending"]} == {"F", "M"}


def test_a_column_named_as_protected_is_none_either(people: Path, tmp_path: Path) -> None:
    words = (*TRAIN, str(people), "--target", "outcome", "--folds", "2", "--repeats", "1")
    assert answer([*words, "--protected", "home", "--out", str(tmp_path / "m")]) == 0
    kept = json.loads((tmp_path / "m" / "model.json").read_bytes())
    assert "home" not in [spec["name"] for spec in kept["specs"]]


def test_people_to_score_need_no_outcome_and_no_protected_columns(
    model: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer([*APPLY, str(model), str(people)])
    whole = capsys.readouterr().out
    rows = rows_of(people.read_text())
    lines = ["home,income,debts,id"]
    lines += [f"{row['home']},{row['income']},{row['debts']},{row['id']}" for row in rows]
    few = tmp_path / "few.csv.gz"
    few.write_bytes(gzip.compress("\n".join(lines).encode()))
    assert answer([*APPLY, str(model), str(few)]) == 0
    assert capsys.readouterr().out == whole


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        (lambda text: text, ["--target", "nothing"], "there is no column 'nothing'"),
        (lambda text: text, ["--id", "nobody"], "there is no column 'nobody'"),
        (lambda text: text.replace("default", "paid"), [], "the target is constant"),
        (lambda text: text.replace(",paid", ",1,paid", 1), [], "line 2: 8 fields where the header"),
        (lambda text: text.replace(",", ";"), [], "line 1: fields are separated by semicolons"),
        (lambda text: text.replace("paid", "", 1), [], "line 2, column outcome: the target is"),
        (lambda text: text.replace("paid", "late", 1), [], "is bad? Say --bad VALUE"),
        (lambda text: text, ["--bad", "x"], "column outcome: no row is 'x'"),
        (lambda text: text.replace("home", "debts", 1), [], "the column 'debts' is there twice"),
        (lambda text: "", [], "the file is empty"),
        (lambda text: text[:900], [], "a score needs at least 100"),
        (lambda text: text, ["--folds", "1"], "--folds goes from 2 to 20"),
        (lambda text: "\n".join(
            f"{line.rpartition(',')[0].rpartition(',')[0].rpartition(',')[0]},{at}th,own,paid"
            if at in (30, 60, 90, 120) else line for at, line in enumerate(text.splitlines())
        ) + "\n", [], "line 31, column income: '30th' is not a number, as"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_by_name_and_place(
    people: Path, tmp_path: Path, change: object, more: list[str], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert callable(change)
    file, out = tmp_path / "people.csv", tmp_path / "out"
    text = str(change(people.read_text()))
    file.write_text(text.rsplit("\n", 1)[0] + "\n" if text else text)
    target = [] if "--target" in more else ["--target", "outcome"]
    assert answer([*TRAIN, str(file), *target, *more, "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert not out.exists()


@pytest.mark.parametrize("name", ["people.parquet", "people"])
def test_an_unknown_type_of_file_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"PAR1")
    out = str(tmp_path / "out")
    assert answer([*TRAIN, str(tmp_path / name), "--target", "x", "--out", out]) == 2
    assert "an unknown type of file" in capsys.readouterr().err


def test_a_folder_that_holds_something_else_is_left_alone(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    assert answer([*TRAIN, str(people), "--target", "outcome", "--out", str(tmp_path)]) == 2
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("id,debts,home", "a,1,own", "there is no column 'income'"),
        ("debts,income,home", "1,2,own", "there is no column 'id'"),
        ("id,debts,income,home", "a,1,much,own", "line 2, column income: 'much' is not a number"),
        ("id,debts,income,home", "a,1,2", "line 2: 3 fields where the header has 4"),
    ],
)
def test_people_who_cannot_be_scored_are_refused(
    model: Path, tmp_path: Path, header: str, row: str, said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "people.csv"
    file.write_text(f"{header}\n{row}\n")
    assert answer([*APPLY, str(model), str(file)]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_model_that_was_changed_is_refused(
    model: Path, people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("manifest.json", "model.json", "challenger.npz"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    text = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(text.replace('"points": ', '"points": 1', 1))
    assert answer([*APPLY, str(tmp_path), str(people)]) == 2
    assert "not what was written (checksum)" in capsys.readouterr().err
    (tmp_path / "manifest.json").unlink()
    assert answer([*APPLY, str(tmp_path), str(people)]) == 2
    assert "there is no model here" in capsys.readouterr().err


def test_what_is_left_out_and_what_is_special_is_said(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *rows = people.read_text().splitlines()
    lines = [f"{header},always,late"]
    lines += [f"{row},7,{'unknown' if at % 50 == 0 else at}" for at, row in enumerate(rows)]
    file = tmp_path / "people.csv"
    file.write_text("\n".join(lines) + "\n")
    words = (*TRAIN, str(file), "--target", "outcome", "--folds", "2", "--repeats", "1")
    assert answer([*words, "--out", str(tmp_path / "m")]) == 0
    said = capsys.readouterr().err
    assert "column always is left out: constant" in said
    assert "column late: unknown among numbers: special values" in said


def test_words_that_training_has_not_seen_are_said(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,debts,income,home\na,1,900,castle\nb,1,900,own\n")
    assert answer([*APPLY, str(model), str(file)]) == 0
    told = capsys.readouterr()
    assert len(rows_of(told.out)) == 2
    assert "column home: 1 rows with 'castle' or others that training has not seen" in told.err
