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
from tallystick.credit.score.pictures import Line, Mark, bars, lines
from tallystick.credit.score.scorecard import Scorecard

__all__ = ["report"]

_STYLE: Final = (
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;font-size:13px}td,th{padding:2px 8px;border:1px solid #ccc;"
    "text-align:right}td:first-child,th:first-child,td:nth-child(2),th:nth-child(2){text-align:left}"
    ".table{overflow-x:auto}figure{margin:0}figcaption{font-weight:600;overflow-wrap:anywhere}"
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));"
    "gap:20px 24px;margin:16px 0}.pictures svg{width:100%;display:block}"
)


def _table(rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
                   for row in rows[1:])  # fmt: skip
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="table">{table}</div>'


def _figure(caption: str, picture: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{picture}</figure>"


def _roc(bad: Floats, held_out: dict[str, Floats]) -> str:
    drawn = []
    for name, found in held_out.items():
        curve = roc(bad, found)
        drawn.append(Line(f"{name}, AUC {auc(bad, found):.4f}", curve.good, curve.bad))
    ends = np.array([0.0, 1.0])
    drawn.append(Line("chance", ends, ends, plain=True))
    title = "ROC, held out"
    return _figure(title, lines(title, "share of good", "share of bad", drawn))


def _ks(bad: Floats, name: str, found: Floats) -> str:
    curve = roc(bad, found)
    share = curve.bad * bad.mean() + curve.good * (1 - bad.mean())
    gap = float(np.max(curve.bad - curve.good))
    drawn = [Line("bad", share, curve.bad), Line("good", share, curve.good),
             Line(f"distance, at most {gap:.4f}", share, curve.bad - curve.good)]  # fmt: skip
    title = f"KS of the {name}, held out"
    return _figure(title, lines(title, "share of people, worst first", "share", drawn))


def _calibration(bad: Floats, held_out: dict[str, Floats]) -> str:
    drawn = []
    for name, found in held_out.items():
        bands = calibration(bad, found)
        drawn.append(Line(name, np.array([band.foretold for band in bands]),
                          np.array([band.came for band in bands]), dots=True))  # fmt: skip
    high = max(float(line.x.max()) for line in drawn)
    drawn.append(Line("as foretold", np.array([0.0, high]), np.array([0.0, high]), plain=True))
    title = "Calibration, held out, by tenths of people"
    return _figure(title, lines(title, "foretold", "came", drawn))


def _stability(card: Card) -> str:
    title = "Stability of scores, PSI"
    if not card.stability:
        return _figure(title, "<p>All rows are from one period.</p>")
    marks = (Mark(0.1, "0.1"), Mark(0.25, "0.25"))
    return _figure(title, bars(title, list(card.stability), list(card.stability.values()), marks))


def _accepted(card: Card) -> str:
    """A picture for each protected column: who would be accepted, and who wrongly not."""
    pictures = []
    for column in dict.fromkeys(one.column for one in card.fair_lending):
        groups = [one for one in card.fair_lending if one.column == column]
        for title, shares in (
            ("accepted", [one.accepted for one in groups]),
            ("good people refused", [one.good_refused or 0.0 for one in groups]),
        ):
            caption = f"{column}: share of {title}"
            names = [f"{one.group} ({one.people:,})" for one in groups]
            pictures.append(_figure(caption, bars(caption, names, shares)))
    return f'<div class="pictures">{"".join(pictures)}</div>'


def _points(card: Scorecard) -> str:
    pictures = []
    rows: list[list[str]] = [["attribute", "bin", "good", "bad", "weight of evidence", "points"]]
    for one in card.attributes:
        caption = f"{one.name} (IV {one.iv:.3f})"
        seen = [each for each in one.bins if each.good + each.bad or each.points]
        pictures.append(
            _figure(
                caption,
                bars(caption, [each.label for each in seen], [float(each.points) for each in seen]),
            )
        )
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
    pictures = [_roc(bad, held_out), *(_ks(bad, name, found) for name, found in held_out.items()),
                _calibration(bad, held_out), _stability(card)]  # fmt: skip
    dropped = [["column or attribute", "why it is not in the scorecard"], *card.not_used.items()]
    return "".join([
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
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
        _accepted(card),
        "<h2>Points a bin</h2>", _points(scorecard), "<h2>Not used</h2>", _table(dropped),
        "<h2>What it leaves out</h2><ul>", *(f"<li>{escape(text)}</li>" for text in card.limits),
        "</ul></body></html>\n",
    ])  # fmt: skip
