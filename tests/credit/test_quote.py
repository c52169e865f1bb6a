"""Quotes: what may be asked, what is answered, what is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from tests.credit.loans import PLAIN, offered
from tests.server_process import ROOT, ServerProcess

from tallystick.pipeline.rate_limit import RateLimit
from tallystick.pipeline.refusals import Refused


def refused(**fields: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        offered(**fields)
    return caught.value.refusal.code, caught.value.refusal.detail


def test_rates_and_cost_stand_together() -> None:
    offer = offered(fees={"up_front": "10.00", "per_period": "1.00"})
    assert offer.rates.nominal == "0.120000"
    assert offer.rates.all_in == "0.190865"
    assert offer.totals.fees == "16.00"
    assert offer.totals.cost == "51.28"
    assert offer.cash_flows[0][1] == "990.00"


def test_the_fields_other_words_name_the_same_methods() -> None:
    assert offered(method="bullet") == offered(method="interest_first")
    assert offered(method="flat") == offered(method="flat_rate")


def test_numbers_are_taken_exactly_as_they_are_written() -> None:
    assert offered(principal=1000.0, annual_rate=0.12) == offered()
    assert offered(principal=1000) == offered()


@pytest.mark.parametrize(
    ("fields", "code", "begins"),
    [
        ({"principal": "0.001"}, "INVALID_AMOUNT", "principal: "),
        ({"principal": "-1"}, "INVALID_AMOUNT", "principal: "),
        ({"principal": "0"}, "CREDIT_TERMS_INVALID", "principal: nothing is drawn"),
        ({"currency": "XXZ"}, "INVALID_PARAMETER", "currency: "),
        ({"annual_rate": "-0.01"}, "CREDIT_TERMS_INVALID", "annual_rate: "),
        ({"annual_rate": "948"}, "CREDIT_TERMS_INVALID", "annual_rate: "),
        ({"count": 0}, "CREDIT_TERMS_INVALID", "count: "),
        ({"count": 5000}, "CREDIT_TERMS_INVALID", "count: "),
        ({"every": [0, "month"]}, "CREDIT_TERMS_INVALID", "every: "),
        ({"drawdowns": [["2023-12-31", "1"]]}, "CREDIT_TERMS_INVALID", "drawdowns: 2023-12-31"),
        ({"drawdowns": [["2024-07-01", "1"]]}, "CREDIT_TERMS_INVALID", "drawdowns: 2024-07-01"),
        ({"first_due": "2024-01-01"}, "CREDIT_TERMS_INVALID", "first_due: "),
        ({"ceiling": "NaN"}, "CREDIT_TERMS_INVALID", "ceiling: "),
        ({"ceiling": {"annual_rate": "-0.1"}}, "CREDIT_TERMS_INVALID", "ceiling: "),
        (
            {"start": "2025-10-01", "first_due": "2025-10-07", "every": [1, "week"],
             "business_days": {"rule": "preceding", "interest_moves": True}},
            "CREDIT_TERMS_INVALID",
            "business_days: 2025-10-07 moves to 2025-09-30, which is not after the start",
        ),
        ({"grace": {"principal": 6}}, "CREDIT_TERMS_INVALID", "grace.principal: "),
        ({"balloon": "5"}, "CREDIT_TERMS_INVALID", "balloon: "),
        ({"method": "balloon"}, "CREDIT_TERMS_INVALID", "balloon: "),
        ({"fees": [{"when": "sometimes", "amount": "1"}]}, "CREDIT_TERMS_INVALID", "fees: "),
        ({"rate_changes": [["2024-09-01", "0.1"]]}, "CREDIT_TERMS_INVALID", "rate_changes: "),
        ({"prepayments": [["2024-02-10", "5000"]]}, "CREDIT_PREPAYMENT_AMOUNT", "prepayments: "),
        ({"start": "9999-11-01"}, "CREDIT_TERMS_INVALID", "start, every, count: "),
        ({"business_days": {"rule": "preceding", "calendar": "ZZ"}}, "CREDIT_TERMS_INVALID", ""),
    ],
)  # fmt: skip
def test_bad_terms_are_refused_by_name(fields: dict[str, Any], code: str, begins: str) -> None:
    found, detail = refused(**fields)
    assert found == code
    assert detail.startswith(begins)


def test_a_ceiling_refuses_with_how_much_and_why() -> None:
    code, detail = refused(
        fees={"up_front": "50.00"}, ceiling={"annual_rate": "0.24", "source": "judicial ceiling"}
    )
    assert code == "CREDIT_RATE_ABOVE_CEILING"
    assert "34.8018 %" in detail
    assert "10.8018 % above the ceiling of 24.0000 % (judicial ceiling)" in detail
    assert offered(ceiling="0.24").rates.all_in == "0.127157"
    assert refused(fees={"up_front": "1000.00"}, ceiling="0.36")[0] == "CREDIT_RATE_ABOVE_CEILING"


def test_what_must_be_bought_to_get_the_loan_counts() -> None:
    bought = offered(fees=[{"when": "2024-01-15", "amount": "20.00", "name": "insurance"}])
    assert bought.charges == [("2024-01-15", "20.00", "insurance")]
    assert float(bought.rates.all_in or 0) > float(offered().rates.all_in or 0)


def test_a_fee_that_is_paid_before_the_first_money_counts() -> None:
    fields = {"principal": "0", "drawdowns": [["2024-01-10", "1000.00"]], "annual_rate": "0"}
    offer = offered(**fields, fees=[["2024-01-02", "20.00"]], count=1, first_due="2025-01-09")
    assert offer.cash_flows == [
        ("2024-01-02", "-20.00"), ("2024-01-10", "1000.00"), ("2025-01-09", "-1000.00"),
    ]  # fmt: skip
    assert offer.rates.all_in == "0.020417"


def test_a_rate_beyond_all_measure_is_none_and_is_above_any_ceiling() -> None:
    fields = {"principal": "100.00", "fees": {"up_front": "95.00"}, "every": [1, "week"]}
    assert offered(**fields, count=1).rates.all_in is None
    code, detail = refused(**fields, count=1, ceiling="0.36")
    assert code == "CREDIT_RATE_ABOVE_CEILING"
    assert detail == (
        "The all-in yearly rate, with fees, is 100000000000000.0000 % and more; "
        "the ceiling is 36.0000 %."
    )


@pytest.mark.parametrize("method", ["equal_principal", "flat_rate"])
def test_what_is_drawn_after_everything_was_paid_early_is_repaid(method: str) -> None:
    offer = offered(
        method=method, prepayments=[["2024-03-10", None, "shorten"]],
        drawdowns=[["2024-03-20", "300.00"]],
    )  # fmt: skip
    assert offer.totals.principal == offer.totals.drawn == "1300.00"
    assert offer.rows[-1][5] == "0.00"
    assert [row[0] for row in offer.rows if row[1] == "75.00"] == [
        "2024-04-01", "2024-05-01", "2024-06-01", "2024-07-01",
    ]  # fmt: skip


def test_a_fee_on_a_day_may_be_written_like_a_drawdown() -> None:
    pair = offered(fees=[["2024-01-15", "20.00"], {"when": "up_front", "amount": "1.00"}])
    assert pair.charges == [("2024-01-01", "1.00", ""), ("2024-01-15", "20.00", "")]
    assert refused(fees=[["2023-12-31", "20.00"]])[1].startswith("fees: 2023-12-31 is before")


def test_an_amount_up_front_is_charged_once_with_the_first_money_drawn() -> None:
    fee = {"up_front": "10.00"}
    same_day = offered(drawdowns=[["2024-01-01", "50.00"], ["2024-02-10", "50.00"]], fees=fee)
    assert same_day.charges == [("2024-01-01", "10.00", "")]
    later = offered(
        principal="0", drawdowns=[["2024-01-05", "100.00"], ["2024-01-05", "50.00"]], fees=fee
    )
    assert later.charges == [("2024-01-05", "10.00", "")]
    assert later.totals.fees == "10.00"
    rate = offered(
        drawdowns=[["2024-01-05", "100.00"]], fees=[{"when": "up_front", "rate": "0.01"}]
    )
    assert [charge[:2] for charge in rate.charges] == [
        ("2024-01-01", "10.00"), ("2024-01-05", "1.00"),
    ]  # fmt: skip


def test_grace_first_period_and_business_days_move_what_is_due() -> None:
    graced = offered(grace={"principal": 2}).rows
    assert [row[1] for row in graced[:2]] == ["0.00", "0.00"]
    assert graced[0][2] == "10.00"
    free = offered(grace={"interest_free": 1}).rows
    assert free[0][2] == "0.00"
    deferred = offered(grace={"interest": 1}).rows
    assert (deferred[0][2], deferred[1][2]) == ("0.00", "18.37")
    short = offered(first_due="2024-01-16").rows
    assert (short[0][0], short[0][2], short[1][0]) == ("2024-01-16", "5.00", "2024-02-16")
    moved = offered(business_days={"rule": "following", "calendar": "CN"}).rows
    assert [row[0] for row in moved][3:5] == ["2024-05-06", "2024-06-03"]
    last_days = offered(start="2024-02-29", end_of_month=True).rows
    assert [row[0] for row in last_days][:3] == ["2024-03-31", "2024-04-30", "2024-05-31"]


def test_a_rescheduled_loan_is_repaid_by_its_new_dates() -> None:
    offer = offered(
        reschedules=[
            {"date": "2024-03-15", "count": 3, "every": [2, "months"], "accrued": "capitalised"}
        ]
    )
    assert [row[0] for row in offer.rows][2:] == ["2024-05-15", "2024-07-15", "2024-09-15"]
    assert offer.totals.capitalised == "3.04"
    assert offer.rows[-1][-1] == "0.00"


@pytest.fixture
def quotes(running_server: ServerProcess) -> str:
    return f"{running_server.base_url}/v1/credit/quote"


def test_anybody_may_ask_over_http(quotes: str) -> None:
    answer = httpx.post(quotes, json=PLAIN)
    assert answer.status_code == 200
    assert answer.json() == json.loads(msgspec.json.encode(offered()))


def test_over_http_what_is_wrong_is_named_and_nothing_large_is_read(quotes: str) -> None:
    unknown = httpx.post(quotes, json={**PLAIN, "colour": "red"})
    assert (unknown.status_code, unknown.json()["field"]) == (400, "$.colour")
    ceiling = httpx.post(quotes, json={**PLAIN, "ceiling": "0.05"})
    assert (ceiling.status_code, ceiling.json()["code"]) == (422, "CREDIT_RATE_ABOVE_CEILING")
    large = httpx.post(quotes, json={**PLAIN, "fees": [{"when": "up_front"}] * 10_000})
    assert large.status_code == 413


def test_an_address_that_asks_too_often_waits() -> None:
    now_ms = 0
    limit = RateLimit(lambda: now_ms, burst=2, per_second=1)
    limit.take("one")
    limit.take("one")
    with pytest.raises(Refused, match="TOO_MANY_REQUESTS"):
        limit.take("one")
    limit.take("other")
    now_ms = 1000
    limit.take("one")


def _command_line(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallystick.cli", "credit", "quote", *arguments],
        input=given, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip


def test_the_command_line_answers_a_file_and_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "loan.json"
    file.write_text(json.dumps(PLAIN), "utf-8")
    wanted = json.loads(msgspec.json.encode(offered()))
    assert json.loads(_command_line(str(file)).stdout) == wanted
    assert json.loads(_command_line("-", given=json.dumps(PLAIN)).stdout) == wanted
    assert "all-in 12.7157 %" in _command_line(str(file), "--table").stdout
    bad = _command_line("-", given=json.dumps({**PLAIN, "count": 0}))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "count: " in bad.stderr
