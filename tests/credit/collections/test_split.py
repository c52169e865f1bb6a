"""The lot is fair and stays; the result's intervals are those of the literature."""

from __future__ import annotations

import pytest

from tallystick.credit.collections.split import (
    CHALLENGER,
    ArmResult,
    arm_of,
    compare,
    wilson,
)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_the_interval_is_the_published_one(hits: int, count: int, low: float, high: float) -> None:
    # Newcombe (1998), two-sided intervals for the single proportion, table I, method 3.
    found = wilson(hits, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_the_lot_gives_each_arm_its_part_and_everybody_the_same_arm_again() -> None:
    people = [f"2088{n:012}" for n in range(4_000)]
    drawn = [arm_of("split-1", person, 250) for person in people]
    assert drawn == [arm_of("split-1", person, 250) for person in people]
    assert 900 <= drawn.count(CHALLENGER) <= 1_100
    assert drawn != [arm_of("split-2", person, 250) for person in people]
    assert {arm_of("s", person, 0) for person in people} == {"champion"}
    assert {arm_of("s", person, 1000) for person in people} == {"challenger"}


def test_a_difference_counts_only_when_its_interval_leaves_nothing_out() -> None:
    # Newcombe (1998), table II, method 10: 56/70 against 48/80 is 0.2 with 0.0524 to 0.3339.
    made = compare(ArmResult("champion", "a", 80, 48), ArmResult("challenger", "b", 70, 56))
    assert made.difference == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert made.verdict == "challenger"
    few = compare(ArmResult("champion", "a", 8, 4), ArmResult("challenger", "b", 7, 5))
    assert few.verdict == "open"
    assert compare(ArmResult("champion", "a"), ArmResult("challenger", "b")).verdict == "open"


def test_money_per_contact_is_whole_and_counts_the_cost() -> None:
    assert ArmResult("champion", "a", 1, 1, 3, 1_000, 90).per_contact == 303
    assert ArmResult("champion", "a").per_contact == 0
