"""The validation report: one HTML page that needs nothing else, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from tallystick.credit.score.card import Card, group_rows
from tallystick.credit.score.columns import Floats
from tallystick.credit.score.fairness import ACCEPTED_SHARE
from tallystick.credit.score.measures import auc, calibration, roc
from tallystick.credit.score.pictures import Line, bars, lines
from tallystick.credit.score.scorecard import Scorecard

__all__ = ["report"]

_STYLE: Final = (
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:2px 8px;border:1px solid #ccc;"
    "text-align:right}td:first-child,th:first-child,td:nth-child(2){text-align:left}"
    ".pictures{display:flex;flex-wrap:wrap;gap:12px}.pictures svg{width:460px;max-width:100%}"
)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
                   for row in rows[1:])  # fmt: skip
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _roc(bad: Floats, held_out: dict[str, Floats]) -> str:
    drawn = []
    for name, found in held_out.items():
        curve = roc(bad, found)
        drawn.append(Line(f"{name}, AUC {auc(bad, found):.4f}", curve.good, curve.bad))
    ends = np.array([0.0, 1.0])
    drawn.append(Line("chance", ends, ends, plain=True))
    return lines("ROC, held out", "share of good", "share of bad", drawn)


def _ks(bad: Floats, name: str, found: Floats) -> str:
    curve = roc(bad, found)
    share = curve.bad * bad.mean() + curve.good * (1 - bad.mean())
    gap = float(np.max(curve.bad - curve.good))
    drawn = [Line("bad", share, curve.bad), Line("good", share, curve.good),
             Line(f"distance, at most {gap:.4f}", share, curve.bad - curve.good)]  # fmt: skip
    return lines(f"KS of the {name}, held out", "share of people, worst first", "share", drawn)


def _calibration(bad: Floats, held_out: dict[str, Floats]) -> str:
    drawn = []
    for name, found in held_out.items():
        bands = calibration(bad, found)
        drawn.append(Line(name, np.array([band.foretold for band in bands]),
                          np.array([band.came for band in bands]), dots=True))  # fmt: skip
    high = max(float(line.x.max()) for line in drawn)
    drawn.append(Line("as foretold", np.array([0.0, high]), np.array([0.0, high]), plain=True))
    return lines("Calibration, held out", "foretold", "came", drawn)


def _points(card: Scorecard) -> str:
    pictures = []
    rows: list[list[str]] = [["attribute", "bin", "good", "bad", "weight of evidence", "points"]]
    for one in card.attributes:
        pictures.append(bars(f"{one.name} (IV {one.iv:.3f})", "points",
                             [each.label for each in one.bins],
                             [float(each.points) for each in one.bins]))  # fmt: skip
        pictures[-1] = f"<figure>{pictures[-1]}<figcaption>{escape(one.name)}</figcaption></figure>"
        rows += [[one.name, each.label, f"{each.good:,}", f"{each.bad:,}", f"{each.woe:.3f}",
                  str(each.points)] for each in one.bins]  # fmt: skip
    return f'<div class="pictures">{"".join(pictures)}</div>' + _table(rows)


def _strengths(card: Card) -> str:
    rows = [["", "AUC held out", "± over folds", "KS", "Brier", "AUC in training"]]
    for name, part in (("scorecard", card.scorecard), ("challenger", card.challenger)):
        if part is not None:
            rows.append([name, *(f"{value:.4f}" for value in (
                part.held_out_auc, part.held_out_auc_spread, part.held_out_ks,
                part.held_out_brier, part.training_auc))])  # fmt: skip
    return _table(rows)


def report(card: Card, scorecard: Scorecard, bad: Floats, held_out: dict[str, Floats]) -> str:
    """The page.

    Args:
        bad: 1.0 for a bad outcome.
        held_out: each row's probability of default by models that have not seen it, by name.
    """
    stability = bars("Stability of scores", "PSI", list(card.stability),
                     list(card.stability.values()))  # fmt: skip
    pictures = [_roc(bad, held_out), *(_ks(bad, name, found) for name, found in held_out.items()),
                _calibration(bad, held_out), stability]  # fmt: skip
    dropped = [["column or attribute", "why it is not in the scorecard"], *card.not_used.items()]
    return "".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" ',
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>Score model {card.model}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Validation of score model {card.model}</h1>",
        f"<p>{card.rows:,} rows of {escape(card.file)}, {card.bad_rows:,} of them bad: ",
        f"{escape(card.target)} = {escape(card.bad)}. {card.folds} folds, {card.repeats} times; ",
        "everything below is of people whom the model had not seen, but for the last column of ",
        "the first table and the points.</p>",
        _strengths(card), '<div class="pictures">', *pictures, "</div>",
        "<p>Stability compares the scores of each part of the rows with all others, by tenths; ",
        "below 0.1 is steady, above 0.25 is another population.</p>",
        f"<h2>Fair lending</h2><p>At the cut-off that accepts {ACCEPTED_SHARE:.0%} of all. ",
        "None of these columns is an input.</p>", _table(group_rows(card.fair_lending)),
        "<h2>Points</h2>", _points(scorecard), "<h2>Not used</h2>", _table(dropped),
        "<h2>What it leaves out</h2><ul>", *(f"<li>{escape(text)}</li>" for text in card.limits),
        "</ul></body></html>\n",
    ])  # fmt: skip
