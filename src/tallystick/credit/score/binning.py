"""Binning: an attribute cut into few bins whose weight of evidence goes one way.

Numbers are cut finely by quantiles, then pooled until the share of bad goes only up or only down
(pool adjacent violators), then neighbours are joined while one is too small or the two do not
differ enough. Missing and special values have bins of their own. Words are ordered by their
share of bad and joined in the same way.

The weight of evidence of a bin is ln((good / all good) / (bad / all bad)), as in Siddiqi, *Credit
Risk Scorecards* (2006); here each bin also counts a few people of average kind, so that a bin of
one kind alone has a finite weight and a small bin an unassuming one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec
import numpy as np

from tallystick.credit.score.columns import Column, Floats, Ints, Numbers, Words

__all__ = ["Attribute", "Bin", "bin_attribute", "bin_index", "weights_of"]

_FINE: Final = 100
_BINS_MAX: Final = 10
_SHARE_MIN: Final = 0.03
_COUNT_MIN: Final = 20
_DIFFERENCE_MIN: Final = 1.0
_AVERAGE_PEOPLE: Final = 10.0
_MISSING: Final = "missing"
_OTHER: Final = "not seen in training"


class Bin(msgspec.Struct, frozen=True):
    """One bin: its people in training, its weight of evidence, and its points in a scorecard."""

    label: str
    good: int
    bad: int
    woe: float
    points: int = 0


class Attribute(msgspec.Struct, frozen=True):
    """An attribute and its bins.

    Args:
        name: of the column or of what is derived.
        bins: of numbers: the intervals, upwards, then missing, then each special value. Of
            words: groups, best last, then what was not seen in training.
        iv: information value, the sum over bins of (share of good - share of bad) times weight.
        rising: whether more means better; of words always.
        cuts: of numbers: the upper end, included, of all intervals but the last.
        words: of words: the bin of each.
        coefficient: of the weight of evidence in the scorecard's logistic regression.
    """

    name: str
    bins: tuple[Bin, ...]
    iv: float
    rising: bool
    numeric: bool
    cuts: tuple[float, ...] = ()
    words: dict[str, int] = {}
    coefficient: float = 0.0

    @property
    def ordered(self) -> tuple[Bin, ...]:
        """The bins whose weight goes one way: not missing, special or unseen ones."""
        return self.bins[: len(self.cuts) + 1] if self.numeric else self.bins[:-1]


class _Pool(NamedTuple):
    """Neighbouring fine bins taken together."""

    people: float
    bad: float
    last: int


class _Base(NamedTuple):
    """All people: how many, and the share of bad among them."""

    people: int
    rate: float

    def woe(self, count: float, bad: float) -> float:
        """A bin's weight of evidence."""
        good = count - bad + _AVERAGE_PEOPLE * (1 - self.rate)
        return float(np.log(good / (bad + _AVERAGE_PEOPLE * self.rate))
                     - np.log((1 - self.rate) / self.rate))  # fmt: skip

    def iv(self, count: float, bad: float) -> float:
        """What a bin adds to the information value."""
        good_share = (count - bad) / (self.people * (1 - self.rate))
        return (good_share - bad / (self.people * self.rate)) * self.woe(count, bad)


def _joined(left: _Pool, right: _Pool) -> _Pool:
    return _Pool(left.people + right.people, left.bad + right.bad, right.last)


def _monotone(fine: Sequence[_Pool], *, rising: bool) -> list[_Pool]:
    """Pool adjacent violators: the share of bad then goes one way, down if more is better."""
    pools: list[_Pool] = []
    for one in fine:
        pools.append(one)
        while len(pools) > 1:
            before, after = (pool.bad / pool.people for pool in pools[-2:])
            if (after < before) if rising else (after > before):
                break
            right = pools.pop()
            pools.append(_joined(pools.pop(), right))
    return pools


def _difference(left: _Pool, right: _Pool) -> float:
    """How many standard errors the shares of bad of two bins are apart."""
    both = _joined(left, right)
    rate = both.bad / both.people
    error = np.sqrt(max(rate * (1 - rate), 1e-12) * (1 / left.people + 1 / right.people))
    return abs(left.bad / left.people - right.bad / right.people) / float(error)


def _coarse(pools: list[_Pool], base: _Base, *, rising: bool) -> list[_Pool]:
    """Join neighbours: first small ones, then those that differ least, then any out of order."""
    small = max(_SHARE_MIN * base.people, _COUNT_MIN)
    pools = list(pools)
    while len(pools) > 1:
        order = [(min(a.people, b.people) >= small, _difference(a, b), at)
                 for at, (a, b) in enumerate(pairwise(pools))]  # fmt: skip
        large, difference, at = min(order)
        if large and difference >= _DIFFERENCE_MIN and len(pools) <= _BINS_MAX:
            woes = [base.woe(pool.people, pool.bad) for pool in pools]
            wrong = [i for i in range(len(woes) - 1) if (woes[i + 1] <= woes[i]) == rising]
            if not wrong:
                break
            at = wrong[0]
        pools[at : at + 2] = [_joined(pools[at], pools[at + 1])]
    return pools


def bin_attribute(
    name: str, column: Column, bad: Floats, specials: Sequence[str] = ()
) -> Attribute:
    """Bin an attribute against the outcome.

    Args:
        column: the values of every row.
        bad: 1.0 for a bad row, else 0.0; both kinds are there.
        specials: the column's special values.
    """
    base = _Base(len(bad), float(bad.mean()))
    if isinstance(column, Words):
        return _bin_words(name, column, bad, base)
    return _bin_numbers(name, column, bad, base, specials)


def _bin_numbers(
    name: str, column: Numbers, bad: Floats, base: _Base, specials: Sequence[str]
) -> Attribute:
    known = column.kinds == 0
    values, outcome = column.values[known], bad[known]
    cuts = _fine_cuts(values)
    at = np.searchsorted(cuts, values, side="left")
    counts = np.bincount(at, minlength=len(cuts) + 1).astype(np.float64)
    bads = np.bincount(at, outcome, minlength=len(cuts) + 1)
    fine = [_Pool(float(count), float(b), i)
            for i, (count, b) in enumerate(zip(counts, bads, strict=True)) if count]  # fmt: skip
    ways = [(way, _coarse(_monotone(fine, rising=way), base, rising=way)) for way in (True, False)]
    rising, pools = max(ways, key=lambda way: sum(base.iv(p.people, p.bad) for p in way[1]))
    ends = tuple(float(cuts[pool.last]) for pool in pools[:-1])
    apart = [_Pool(float((column.kinds == kind).sum()), float(bad[column.kinds == kind].sum()), 0)
             for kind in range(1, 2 + len(specials))]  # fmt: skip
    pools = pools or [_Pool(0, 0, 0)]
    labels = [*_labels(ends), _MISSING, *specials]
    bins = tuple(_bin(label, pool, base)
                 for label, pool in zip(labels, pools + apart, strict=True))  # fmt: skip
    iv = sum(base.iv(pool.people, pool.bad) for pool in pools + apart)
    return Attribute(name, bins, iv, rising, True, cuts=ends)


def _fine_cuts(values: Floats) -> Floats:
    distinct = np.unique(values)
    if len(distinct) <= _FINE:
        return distinct[:-1]
    cuts = np.unique(np.quantile(values, np.arange(1, _FINE) / _FINE, method="lower"))
    below: Floats = cuts[cuts < distinct[-1]]
    return below


def _labels(ends: Sequence[float]) -> list[str]:
    if not ends:
        return ["any number"]
    shown = [f"{end:.6g}" for end in ends]
    between = [f"above {low} up to {high}" for low, high in pairwise(shown)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"]


def _bin(label: str, pool: _Pool, base: _Base) -> Bin:
    woe = base.woe(pool.people, pool.bad) if pool.people else 0.0
    return Bin(label, int(pool.people - pool.bad), int(pool.bad), woe)


def _bin_words(name: str, column: Words, bad: Floats, base: _Base) -> Attribute:
    distinct, at = np.unique(column.values, return_inverse=True)
    counts = np.bincount(at).astype(np.float64)
    bads = np.bincount(at, bad)
    woes = [base.woe(count, b) for count, b in zip(counts, bads, strict=True)]
    order = np.argsort(woes, kind="stable")
    fine = [_Pool(float(counts[word]), float(bads[word]), i) for i, word in enumerate(order)]
    pools = _coarse(fine, base, rising=True)
    members: list[list[str]] = []
    start = 0
    for pool in pools:
        members.append([str(distinct[word]) for word in order[start : pool.last + 1]])
        start = pool.last + 1
    labels = [" | ".join(word or _MISSING for word in group) for group in members]
    bins = (*(_bin(label, pool, base) for label, pool in zip(labels, pools, strict=True)),
            Bin(_OTHER, 0, 0, 0.0))  # fmt: skip
    words = {word: group for group, inside in enumerate(members) for word in inside}
    iv = sum(base.iv(pool.people, pool.bad) for pool in pools)
    return Attribute(name, bins, iv, True, False, words=words)


def bin_index(attribute: Attribute, column: Column) -> Ints:
    """The number of each row's bin."""
    if isinstance(column, Words):
        distinct, at = np.unique(column.values, return_inverse=True)
        other = len(attribute.bins) - 1
        bins = [attribute.words.get(str(word), other) for word in distinct]
        return np.array(bins, dtype=np.int64)[at]
    interval = np.searchsorted(np.array(attribute.cuts), column.values, side="left")
    apart = len(attribute.cuts) + column.kinds
    return np.where(column.kinds == 0, interval, apart).astype(np.int64)


def weights_of(attribute: Attribute, column: Column) -> Floats:
    """The weight of evidence of each row."""
    return np.array([one.woe for one in attribute.bins])[bin_index(attribute, column)]
