"""Schedules beside other people's figures, to the minor unit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.credit.loans import offered

_FOLDER = Path(__file__).parents[1] / "data" / "lending"


def _published() -> list[dict[str, Any]]:
    files = sorted(_FOLDER.glob("*.json"))
    return [case for file in files for case in json.loads(file.read_text("utf-8"))]


@pytest.mark.parametrize("case", _published(), ids=lambda case: case["name"])
def test_rows_are_the_published_ones(case: dict[str, Any]) -> None:
    rows = offered(**case["terms"]).rows
    assert [
        [day, principal, interest, balance] for day, principal, interest, _, _, balance in rows
    ] == (case["rows"])


def test_a_row_is_due_date_principal_interest_fee_payment_balance() -> None:
    offer = offered(
        principal="100.00", annual_rate="0.15678", day_count="ACT/365", drawdowns=[], fees=[]
    )
    assert offer.rows[0] == ("2024-02-01", "16.10", "1.33", "0.00", "17.43", "83.90")
