"""Credit scores on two public files: areas under the curve on people who were held out.

Parts: `clients` (credit-card clients, five folds) and `german` (ten folds, three times). Everything
that looks at the outcome, the challenger's shape too, is done inside each fold's training rows.
Beside it on the same folds, with the same columns (none that must not decide): a logistic
regression on standardised numbers and words as indicators, and scikit-learn's boosted trees as
they come.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import Figure, Options, Report, say
from tallystick.credit.score.columns import Floats, Numbers, take
from tallystick.credit.score.dataset import Dataset, Roles, prepare
from tallystick.credit.score.measures import auc
from tallystick.credit.score.tables import read_table
from tallystick.credit.score.threads import one_thread
from tallystick.credit.score.training import Settings, cross_validate, folds_of

__all__ = ["run", "score_figures"]

_DATA = Path(__file__).parent.parent / "tests" / "data" / "lending"
_PARTS = {
    "clients": ("uci_credit_card_clients.csv.gz", "default.payment.next.month", 5, 1),
    "german": ("german_credit.csv", "creditability", 10, 3),
}


def _plain_columns(data: Dataset) -> Floats:
    """The file's own columns as numbers: words as indicators, missing ones as the mean."""
    parts = []
    for spec in data.specs:
        column = data.columns[spec.name]
        if isinstance(column, Numbers):
            values = column.values
            parts.append(np.where(np.isnan(values), np.nanmean(values), values))
        else:
            parts += [(column.values == word).astype(float) for word in np.unique(column.values)]
    return np.column_stack(parts)


def _plainly(data: Dataset, settings: Settings) -> dict[str, list[float]]:
    """The areas of the two plain models on the same folds."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    models: dict[str, Any] = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "boosted": HistGradientBoostingClassifier(random_state=0),
    }
    matrix = _plain_columns(data)
    found: dict[str, list[float]] = {name: [] for name in models}
    with one_thread():
        for train, test in folds_of(data.bad, settings):
            for name, model in models.items():
                model.fit(matrix[train], data.bad[train])
                foretold = model.predict_proba(matrix[test])[:, 1]
                found[name].append(auc(data.bad[test], foretold))
    return found


def _part(name: str, *, quick: bool) -> dict[str, Figure]:
    file, target, folds, repeats = _PARTS[name]
    say(f"{file}: {folds} folds, {repeats} times")
    data = prepare(read_table(_DATA / file), Roles(target))
    settings = Settings(
        challenger=True, folds=2 if quick else folds, repeats=1 if quick else repeats
    )
    begun = time.process_time()
    found = cross_validate(data, settings, say)
    spent = time.process_time() - begun
    plain = {kind: float(np.mean(areas)) for kind, areas in _plainly(data, settings).items()}
    figures = {}
    pairs = (
        ("scorecard", found.scorecard, "logistic"),
        ("challenger", found.challenger, "boosted"),
    )
    for part, areas, beside in pairs:
        says = (f"held out, ± {np.std(areas):.4f} over {len(areas)} folds; "
                f"plain {beside} {plain[beside]:.4f} on the same")  # fmt: skip
        figures[f"score.{name}.{part}_auc"] = Figure(round(float(np.mean(areas)), 4), "", says)
    figures |= {
        f"score.{name}.{kind}_auc": Figure(round(area, 4), "", f"plain {kind}, the same folds")
        for kind, area in plain.items()
    }
    train, _ = next(folds_of(data.bad, settings))
    took = spent / len(found.scorecard)
    rows = f"scorecard and challenger on {len(take(data.columns, train)):,} attributes"
    figures[f"score.{name}.fold_cpu_s"] = Figure(
        took, "s", f"{rows} of {len(train):,} people, chosen and fitted"
    )
    return figures


def score_figures(only: frozenset[str], *, quick: bool) -> dict[str, Figure]:
    """The parts that are asked for; all by default."""
    figures: dict[str, Figure] = {}
    for name in _PARTS:
        if not only & _PARTS.keys() or name in only:
            figures |= _part(name, quick=quick)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures["score.rss_mb"] = Figure(peak, "MB", "most memory so far")
    return figures


def run(options: Options) -> Report:
    """Measure the parts that are asked for."""
    return score_figures(options.only, quick=options.quick)
