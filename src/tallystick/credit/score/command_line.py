"""`tallystick credit score …`: make a score from data, apply it."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from tallystick.credit.score.applying import REASONS, Scored, apply_model, unseen_words
from tallystick.credit.score.card import Card
from tallystick.credit.score.dataset import Roles
from tallystick.credit.score.errors import ScoreError
from tallystick.credit.score.model import load_model
from tallystick.credit.score.release import train as release
from tallystick.credit.score.scorecard import Scale
from tallystick.credit.score.tables import read_table
from tallystick.credit.score.training import Settings

__all__ = ["score"]

score = App(name="score", help="Credit scores made from data, and applied.")
score.command("tallystick.admin.score_history:score_history", name="history")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _settings(seed: int, folds: int, repeats: int, scale: Scale, *, challenger: bool) -> Settings:
    if min(scale.points, scale.odds, scale.double) < 1:
        raise ScoreError("--points, --odds and --double are whole numbers from 1 on")
    if not 2 <= folds <= 20 or not 0 <= repeats <= 100 or seed < 0:
        raise ScoreError("--folds goes from 2 to 20, --repeats from 0 to 100, --seed from 0 on")
    return Settings(scale, challenger, seed, folds, repeats)


def _summary(card: Card, out: Path) -> str:
    lines = [f"model {card.model}: {card.rows:,} rows, {card.bad_rows:,} with {card.target} = "
             f"{card.bad}"]  # fmt: skip
    for name, part in (("scorecard", card.scorecard), ("challenger", card.challenger)):
        if part is not None:
            lines.append(
                f"{name:<10}  AUC {part.held_out_auc:.4f} held out, "
                f"{part.training_auc:.4f} in training; KS {part.held_out_ks:.4f}"
            )
    lines += [
        f"{len(card.attributes)} attributes; not inputs: {', '.join(card.protected) or 'none'}",
        f"see {out / 'report.html'} and {out / 'card.md'}",
    ]
    return "\n".join(lines)


@score.command
def train(
    file: Path,
    *,
    target: str,
    out: Path,
    id_: Annotated[str, Parameter(name="--id")] = "",
    challenger: bool = False,
    bad: str = "",
    time: str = "",
    protected: Annotated[list[str] | None, Parameter(negative=())] = None,
    special: Annotated[list[str] | None, Parameter(negative=(), allow_leading_hyphen=True)] = None,
    points: int = 650,
    odds: int = 10,
    double: int = 50,
    seed: int = 0,
    folds: int = 5,
    repeats: int = 0,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Make a scorecard from data, and write it with its validation into a folder.

    Args:
        file: people and how it went with them: .csv or .csv.gz, one row a person.
        target: the column that says how it went.
        out: the folder; a model that is there is replaced.
        id_: the column that names a row.
        challenger: train boosted trees beside it.
        bad: the target's value of a bad outcome; 1, bad, default or yes is known without.
        time: the column that says when a row is from: stability is then shown by it.
        protected: a column that must not decide, beside those known by name; once for each.
        special: a value of columns of numbers that stands for something else; once for each.
        points: the score at the odds named by --odds.
        odds: good people for each bad one at that score.
        double: points that double the odds.
        seed: of all chance; the same seed and file make the same model.
        folds: parts of the rows, each held out once.
        repeats: how often the rows are divided anew; without it 3 times for fewer than 5,000
            rows, else once.
        as_json: answer with the model's card as one JSON object.
    """
    settings = _settings(seed, folds, repeats, Scale(points, odds, double), challenger=challenger)
    roles = Roles(target, bad, id_, time, tuple(protected or ()), tuple(special or ()))
    card = release(file, roles, settings, out, _say)
    print(msgspec.json.encode(card).decode() if as_json else _summary(card, out))


def _cells(one: Scored) -> list[str]:
    reasons = [*one.reasons, *[""] * (REASONS - len(one.reasons))]
    return [one.id, f"{one.probability_of_default:.6f}", str(one.score), *reasons]


@score.command
def apply(
    directory: Path,
    file: Path,
    *,
    challenger: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
) -> None:
    """Score people: CSV with the probability of default, the score and the first three reasons.

    Args:
        directory: the folder of the model.
        file: people: .csv or .csv.gz, one row a person.
        challenger: by the challenger instead of the scorecard.
        as_json: one JSON object instead of CSV, with the model's number.
    """
    model, table = load_model(directory), read_table(file)
    scored = apply_model(model, table, challenger=challenger)
    for name, (rows, word) in unseen_words(model, table).items():
        shown = repr(word[:40]) if word else "a missing value"
        _say(f"column {name}: {rows:,} rows with {shown} or others that training has not seen; "
             "these get no points either way")  # fmt: skip
    if as_json:
        answer = {"model": model.number, "part": "challenger" if challenger else "scorecard",
                  "scores": list(scored)}  # fmt: skip
        print(msgspec.json.encode(answer).decode())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "probability_of_default", "score",
                     *(f"reason_{at + 1}" for at in range(REASONS))])  # fmt: skip
    writer.writerows(_cells(one) for one in scored)


@score.command
def bundle(directory: Path) -> None:
    """Print a model as the body of `POST /v1/credit/score-models`, which puts it to service.

    Args:
        directory: the folder of the model.
    """
    load_model(directory)
    names = ("manifest", "model", "card")
    files = {name: (directory / f"{name}.json").read_text("utf-8") for name in names}
    print(msgspec.json.encode(files).decode())
