"""Laws of sharing: any order of settlements ends the same, and never takes more than is owed."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tallystick.credit.merchant.decide import share_wanted

_rates = st.integers(1, 10_000).map(lambda n: Decimal(n) / 10_000)
_sales = st.lists(st.integers(0, 1_000_000), max_size=30)


def _taken(rate: Decimal, sales: list[int], owed: int) -> int:
    settled = taken = 0
    for amount in sales:
        settled += amount
        taken += min(share_wanted(rate, settled, taken), owed - taken)
    return taken


@given(_rates, _sales, st.integers(0, 3_000_000), st.randoms())
def test_the_order_of_settlements_makes_no_difference(
    rate: Decimal, sales: list[int], owed: int, chance: object
) -> None:
    other = list(sales)
    chance.shuffle(other)  # type: ignore[attr-defined]
    taken = _taken(rate, sales, owed)
    assert taken == _taken(rate, other, owed)
    assert taken == min(owed, int(rate * sum(sales)))
