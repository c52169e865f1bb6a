"""The score is the same however it is reckoned: bin by bin, made ready, or over columns."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tallystick.risk.decision.scorecard import Bins, Scorecard, Scorer, scores_over

numbers = st.one_of(st.integers(-3, 12), st.integers(-(2**62), 2**62))


@st.composite
def bins(draw: st.DrawFn, feature: str) -> Bins:
    edges = tuple(sorted(draw(st.sets(numbers, max_size=10))))
    points = draw(st.lists(st.integers(-(10**6), 10**6), min_size=len(edges) + 1,
                           max_size=len(edges) + 1))  # fmt: skip
    return Bins(feature, edges, tuple(points))


cards = st.integers(0, 4).flatmap(
    lambda count: st.builds(
        Scorecard,
        name=st.just("card"),
        base=st.integers(-(10**6), 10**6),
        bins=st.tuples(*(bins(f"f{n}") for n in range(count))),
        cuts=st.lists(st.integers(-(10**6), 10**6), max_size=20).map(lambda c: tuple(sorted(c))),
    )
)


@given(cards, st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=8))
def test_a_score_is_the_same_bin_by_bin_made_ready_and_over_columns(
    card: Scorecard, rows: list[tuple[int, ...]]
) -> None:
    scorer = Scorer(card)
    named = [{f"f{n}": value for n, value in enumerate(row)} for row in rows]
    expected = [card.score(values) for values in named]
    assert [scorer.score(values) for values in named] == expected
    columns = {f"f{n}": np.array([row[n] for row in rows], np.int64) for n in range(4)}
    assert np.broadcast_to(scores_over(card, columns), len(rows)).tolist() == expected
