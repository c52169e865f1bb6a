"""The score is the same however it is reckoned: bin by bin, made ready, or over columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.risk.decision.scorecard import (
    Bins,
    Scorecard,
    Scorer,
    check_scorecard,
    scores_over,
)

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


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ((), "reads one to 1000 features"),
        ((Bins("paid_1d", (1,), (0, 1)),), "there is no number 'paid_1d'"),
        ((Bins("amount", (2**63,), (0, 1)),), "edges of amount are beyond 64 bits"),
        ((Bins("amount", (1,), (0, 2**62)),), "points and cuts are at most"),
        ((Bins("amount", (1,), (0,)),), "the bins of amount do not fit their edges"),
    ],
)
def test_a_card_that_cannot_score_is_refused_by_name(held: tuple[Bins, ...], says: str) -> None:
    check_scorecard(
        Scorecard(name="c", base=0, bins=(Bins("amount", (1,), (0, 1)),), cuts=(1,)), ()
    )
    with pytest.raises(ValueError, match=says):
        check_scorecard(Scorecard(name="c", base=0, bins=held, cuts=(1,)), ())
