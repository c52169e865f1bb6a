"""A day that Spark works out leaves the books that the ordinary command leaves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.credit.test_loans import CASH
from tests.payments.market import ALICE, DAY_MS, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.admin.credit_day import close_on
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    DefineLoanProduct,
    DrawLoan,
    GrantCreditLine,
    LateTerms,
    LoanStanding,
    PayLoan,
    PaymentMode,
    ProductTerms,
)
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.pay_later import service as pay_later

_LATE = LateTerms(penalty_rate=Decimal("0.1"), late_fee=50, notice_days=4, retry_hours=(9,))
_TERMS = ProductTerms(
    annual_rate=CASH.annual_rate, counts=(1, 3), amount_max=10_000_000, late=_LATE
)
_SPANS = (24, 40)


def _lived(shop: Market, master: str) -> list[dict[str, Any]]:
    """Days of some loans, one of which pays ahead; what each closing answers."""
    shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=_TERMS))
    shop.accept(GrantCreditLine(borrower_id=ALICE, product_id="cash", amount=50_000))
    drawn = [
        DrawLoan(borrower_id=ALICE, product_id="cash", amount=1_000 + 700 * n, count=1 + n % 2 * 2)
        for n in range(6)
    ]
    ids = []
    for draw in drawn:
        ids.append(shop.accept(draw, as_party(ALICE)).loan_id)
        shop.clock.pass_ms(DAY_MS)
    done = []
    for span in _SPANS:
        shop.clock.pass_ms(span * DAY_MS)
        pay = PayLoan(loan_id=ids[1], amount=100, mode=PaymentMode.EARLY)
        shop.accept(pay, as_party(ALICE))
        day = loan_day(shop.clock.now_ms) - timedelta(days=1)
        done.append(close_on(shop.accept, day, master))
    return done


def _books(shop: Market) -> tuple[list[Any], list[Any], list[Any]]:
    connection = shop.rows.connection
    standings = sorted(
        (row.accrued_day, row.look_day, row.line_base, row.line_slope, row.bucket, row.told_day,
         row.open_items)
        for row in shop.rows.query(LoanStanding, "")
    )  # fmt: skip
    told = connection.execute(
        "SELECT topic, COUNT(*) FROM outbox WHERE topic LIKE 'loan.%' GROUP BY topic"
    ).fetchall()
    sums = [shop.sum_of(code) for code in (1201, 1202, 1203, 1204, 1291, 4101, 4102, 4103, 5101)]
    return standings, sorted(told), sums


def _market(folder: Path) -> Any:
    folder.mkdir()
    return market(folder, Clock(), more=(loans.register, pay_later.register))


# Spark looks whether there is a pandas that it knows, and uses none of it here.
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_a_day_on_spark_leaves_the_same_books(tmp_path: Path) -> None:
    with _market(tmp_path / "here") as shop:
        here, answered = _lived(shop, ""), _books(shop)
    with _market(tmp_path / "spark") as shop:
        there, found = _lived(shop, "local[2]"), _books(shop)
    assert found == answered
    assert all(done["on_spark"] == 0 for done in here)
    assert [done["on_spark"] > 0 for done in there] == [True] * len(_SPANS)
    assert sum(found[2]) > 0
