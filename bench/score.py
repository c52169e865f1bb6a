"""Credit scores on two public files: areas under the curve on people who were held out.

Parts: `clients` (credit-card clients, five folds) and `german` (ten folds, repeated). Everything
that looks at the outcome, the challenger's shape too, is done inside each fold's training rows.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.report import Figure, Options, Report, say
from tallystick.credit.score.dataset import Roles, prepare
from tallystick.credit.score.tables import read_table
from tallystick.credit.score.training import Settings, cross_validate

__all__ = ["run"]

_DATA = Path(__file__).parent.parent / "tests" / "data" / "lending"
_PARTS = {
    "clients": ("uci_credit_card_clients.csv.gz", "default.payment.next.month", 5, 1),
    "german": ("german_credit.csv", "creditability", 10, 3),
}


def _part(name: str, *, quick: bool) -> dict[str, Figure]:
    file, target, folds, repeats = _PARTS[name]
    say(f"{file}: {folds} folds, {repeats} times")
    data = prepare(read_table(_DATA / file), Roles(target))
    settings = Settings(
        challenger=True, folds=2 if quick else folds, repeats=1 if quick else repeats
    )
    found = cross_validate(data, settings, say)
    figures = {}
    for part, areas in (("scorecard", found.scorecard), ("challenger", found.challenger)):
        spread = f"held out; ± {np.std(areas):.4f} over {len(areas)} folds"
        figures[f"score.{name}.{part}_auc"] = Figure(float(np.mean(areas)), "", spread)
    return figures


def run(options: Options) -> Report:
    """Measure the parts that are asked for; all by default."""
    figures: dict[str, Figure] = {}
    for name in _PARTS:
        if not options.only or name in options.only:
            figures |= _part(name, quick=options.quick)
    return figures
