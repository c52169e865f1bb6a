"""What holds for every score, over generated people."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.credit.score.people import binned, made_up

from tallystick.credit.score.binning import Attribute, bin_index
from tallystick.credit.score.challenger import Challenger, explain, fit_trees
from tallystick.credit.score.columns import Column, Floats
from tallystick.credit.score.measures import auc, ks, population_stability
from tallystick.credit.score.scorecard import (
    SCORE_MAX,
    SCORE_MIN,
    Scale,
    Scorecard,
    fit_scorecard,
    points_by_bin,
    probability_of,
    score_of,
    select,
    total_points,
)
from tallystick.credit.score.threads import one_thread

people = st.tuples(st.integers(0, 10_000), st.integers(100, 800)).map(lambda drawn: made_up(*drawn))
People = tuple[dict[str, Column], Floats]


def scorecard(found: People) -> Scorecard:
    columns, bad = found
    attributes = binned(columns, bad)
    return fit_scorecard(select(attributes, columns, bad).kept, columns, bad, Scale())


def one_way(attribute: Attribute) -> bool:
    """Whether the weights of the ordered bins rise, or fall, without a pause."""
    steps = [b.woe - a.woe for a, b in pairwise(attribute.ordered)]
    return all(step > 0 if attribute.rising else step < 0 for step in steps)


@settings(max_examples=20, deadline=None)
@given(people)
def test_weights_of_evidence_go_one_way(found: People) -> None:
    assert all(one_way(attribute) for attribute in binned(*found))


@settings(max_examples=15, deadline=None)
@given(people)
def test_every_person_is_in_one_bin_and_bins_count_them_all(found: People) -> None:
    columns, bad = found
    for attribute in binned(columns, bad):
        at = bin_index(attribute, columns[attribute.name])
        counted = np.bincount(at, minlength=len(attribute.bins))
        assert [each.good + each.bad for each in attribute.bins] == counted.tolist()
        bads = np.bincount(at, bad, minlength=len(attribute.bins))
        assert [each.bad for each in attribute.bins] == bads.tolist()


@settings(max_examples=10, deadline=None)
@given(people)
def test_points_add_up_to_the_score_exactly(found: People) -> None:
    card = scorecard(found)
    total, lost = total_points(card, found[0])
    by_hand = np.full(len(total), card.base)
    for attribute in card.attributes:
        by_hand += points_by_bin(attribute)[bin_index(attribute, found[0][attribute.name])]
    best = card.base + sum(int(points_by_bin(one).max()) for one in card.attributes)
    assert (total == by_hand).all()
    assert (total == best - lost.sum(axis=1)).all()
    assert (lost >= 0).all()
    assert (score_of(total.astype(float)) == np.clip(by_hand, SCORE_MIN, SCORE_MAX)).all()


@given(st.lists(st.integers(-500, 2000), min_size=2, max_size=30, unique=True))
def test_the_probability_falls_as_points_rise(totals: list[int]) -> None:
    probability = probability_of(Scale(), np.array(sorted(totals), dtype=np.float64))
    assert (np.diff(probability) < 0).all()


def test_the_scale_is_what_it_says() -> None:
    at = probability_of(Scale(600, 20, 40), np.array([600.0, 640.0, 560.0]))
    assert np.allclose((1 - at) / at, [20, 40, 10])


def test_a_coefficient_never_goes_against_its_evidence() -> None:
    for seed in range(3):
        assert all(one.coefficient > 0 for one in scorecard(made_up(seed, 500)).attributes)


@settings(max_examples=4, deadline=None)
@given(people, st.sampled_from([0.0, 0.3, 1.0]))
def test_what_attributes_contribute_adds_up_to_the_challengers_answer(
    found: People, linear: float
) -> None:
    columns, bad = found
    attributes = binned(columns, bad)
    card = scorecard(found)
    trees = fit_trees(attributes, columns, bad, 4, 5, 2, 0)
    log_odds, lost = explain(Challenger(attributes, trees, linear), card, columns)
    middle = log_odds + lost.sum(axis=1)
    assert np.allclose(middle, middle[0])


def test_our_trees_answer_as_those_that_were_fitted() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from tallystick.credit.score import challenger
    from tallystick.credit.score.trees import contributions

    columns, bad = made_up(3, 700)
    debts, income = columns["debts"], columns["income"]
    rows = np.column_stack([debts.values, income.values]).astype(np.float64)
    with one_thread():
        fitted = [HistGradientBoostingClassifier(max_iter=30, random_state=seed).fit(rows, bad)
                  for seed in (1, 2)]  # fmt: skip
    average, steps = contributions(challenger._exported(fitted), rows)
    theirs = np.mean([model.decision_function(rows) for model in fitted], axis=0)
    assert np.allclose(average + steps.sum(axis=1), theirs)


def test_constraints_hold_in_the_challenger() -> None:
    columns, bad = made_up(5, 800)
    attributes = tuple(one for one in binned(columns, bad) if one.name == "income")
    assert attributes[0].rising
    trees = fit_trees(attributes, columns, bad, 6, 40, 2, 0)
    card = Scorecard(600, (), Scale())
    log_odds, _ = explain(Challenger(attributes, trees, 0.0), card, columns)
    by_income = log_odds[np.argsort(columns["income"].values, kind="stable")]
    assert (np.diff(by_income) > -1e-9).all()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=4, max_size=60))
def test_the_area_is_the_share_of_pairs_in_order(drawn: list[tuple[int, int]]) -> None:
    bad = np.array([0, 1, *(one[0] for one in drawn)], dtype=np.float64)
    found = np.array([1, 2, *(one[1] for one in drawn)], dtype=np.float64)
    ours, theirs = found[bad == 1][:, None], found[bad == 0][None, :]
    assert np.isclose(auc(bad, found), ((ours > theirs) + 0.5 * (ours == theirs)).mean())
    assert 0 <= ks(bad, found) <= 1


def test_a_population_is_stable_against_itself_only() -> None:
    counts = np.array([10, 20, 30])
    assert population_stability(counts, counts * 7) == 0
    assert population_stability(counts, counts[::-1]) > 0.25
