"""Loans that institutions fund, signed on the pages: by the plan, or with why there is none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.console.person import Person, operator, signed_in
from tests.console.world import World

from tallystick.credit.joint.model import (
    DefineProgramme,
    FundingDecision,
    FundingStatus,
    ProgrammeTerms,
)
from tallystick.credit.joint.views import quotas
from tallystick.credit.loans.model import DefineLoanProduct, GrantCreditLine, Loan, ProductTerms
from tallystick.credit.loans.timing import loan_day
from tallystick.credit.participation.model import JointLoan
from tallystick.credit.pay_later.model import PAY_LATER
from tallystick.payments.trades.model import TradeStatus
from tallystick.risk.decision.model import PublishRule, SaveRule
from tallystick.risk.decision.rules import Rule

EAST = "2088000000000801"
TERMS = ProductTerms(
    annual_rate=Decimal("0.12"), counts=(3, 6), amount_min=100_00, amount_max=5_000_00
)


def offered(world: World, product_id: str, **terms: Any) -> str:
    """A product of its own that East Bank funds for 60 %; gives the address of its offer."""
    world.do(DefineLoanProduct(product_id=product_id, name="Joint cash", terms=TERMS))
    east = ProgrammeTerms(
        products=(product_id,), share=Decimal("0.6"), total_max=10_000_00, **terms
    )
    own = ProgrammeTerms(products=(product_id,), preference=200)
    programmes = ((f"{product_id}-east", EAST, east), (f"{product_id}-own", "", own))
    for programme_id, institution_id, found in programmes:
        world.do(
            DefineProgramme(programme_id=programme_id, institution_id=institution_id, terms=found)
        )
    return f"/wallet/loans/offers/{product_id}"


def signing(world: World, offer: str, language: str = "en", amount: str = "500.00") -> Person:
    """A buyer of one test that signs for an amount."""
    who = world.buyer("joint")
    line = GrantCreditLine(
        borrower_id=who.party_id, product_id=offer.rpartition("/")[2], amount=2_000_00
    )
    world.do(line)
    person = signed_in(world, who.login).get(f"{offer}?amount={amount}&count=3&lang={language}")
    person.send(f"{offer}/sign", payment_password="123456")
    return person


def _used(world: World, programme_id: str) -> tuple[int, int]:
    day = loan_day(world.platform.clock_ms())
    (found,) = (
        q for q in quotas(world.platform.rows, day) if q.programme.programme_id == programme_id
    )
    return found.used, found.reserved


def test_what_is_signed_is_funded_by_the_plan_and_takes_its_quota(world: World) -> None:
    offer = offered(world, "page-joint", eligible="first_loan && debt == 0 && !is_merchant")
    person = signing(world, offer)
    assert person.status == 303, person.text
    loan_id = person.location.rpartition("/")[2].partition("?")[0]
    assert world.platform.rows.get(JointLoan, loan_id) is not None
    assert _used(world, "page-joint-east") == (300_00, 0)
    person.follow()
    assert "Funded by East Bank 东城银行 · 60.0 %" in person.text
    assert "The platform · 40.0 %" in person.text
    desk = operator(world).get("/console/funding")
    (row,) = world.platform.rows.select(FundingDecision, loan_id=loan_id)
    assert row.status is FundingStatus.DRAWN
    assert "page-joint" in desk.text
    # A second loan is no first one: the programme's condition leaves it out.
    person.get(f"{offer}?amount=500.00&count=3")
    assert "Institutions fund it together with the platform" in person.text
    person.send(f"{offer}/sign", payment_password="123456")
    second = person.location.rpartition("/")[2].partition("?")[0]
    assert _used(world, "page-joint-east") == (300_00, 0)
    assert world.platform.rows.get(JointLoan, second) is not None


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "They fund no more today: try again tomorrow, or ask for less."),
        ("zh", "出资机构今日额度不足，请明日再试或减少金额。"),
    ],
)
def test_without_a_plan_the_page_says_which_rule_left_none(
    world: World, language: str, sentence: str
) -> None:
    offer = offered(world, f"page-{language}", day_max=100_00)
    own = ProgrammeTerms(products=(f"page-{language}",), share=Decimal("0.4"))
    world.do(DefineProgramme(programme_id=f"page-{language}-own", terms=own))
    person = signing(world, offer, language)
    assert person.status == 422
    assert sentence in person.text
    assert 'aria-invalid="true"' not in person.page, "the password was right"
    assert world.platform.rows.select(Loan, product_id=f"page-{language}") == []
    (declined,) = world.platform.rows.select(FundingDecision, product_id=f"page-{language}")
    assert (declined.status, declined.rule) == (FundingStatus.DECLINED, "day")
    desk = operator(world).get(f"/console/funding?lang={language}")
    assert sentence in desk.text


def test_a_drawdown_that_is_refused_gives_the_quota_back_at_once(world: World) -> None:
    offer = offered(world, "page-refused")
    rule = Rule(name="odd_loan", when="kind == 'loan' && amount == 51717", action="deny")
    number = world.do(SaveRule(rule=rule)).number  # type: ignore[attr-defined]
    world.do(PublishRule(name=rule.name, version=number))
    person = signing(world, offer, amount="517.17")
    assert person.status == 403
    assert "Risk control does not allow this." in person.text
    assert _used(world, "page-refused-east") == (0, 0)
    (given_back,) = world.platform.rows.select(FundingDecision, product_id="page-refused")
    assert given_back.status is FundingStatus.CANCELLED


def test_the_cashier_says_which_rule_left_no_plan_for_a_purchase(world: World) -> None:
    # Whatever others buy later on these pages is funded by the platform's own money.
    own = ProgrammeTerms(products=(PAY_LATER,), eligible="amount != 51719")
    east = ProgrammeTerms(products=(PAY_LATER,), total_max=10_000_00, eligible="amount == 1",
                          share=Decimal("0.5"))  # fmt: skip
    world.do(DefineProgramme(programme_id="own-later", terms=own))
    world.do(DefineProgramme(programme_id="east-later", institution_id=EAST, terms=east))
    who = world.buyer("later")
    line = GrantCreditLine(borrower_id=who.party_id, product_id=PAY_LATER, amount=2_000_00)
    world.do(line)
    person = signed_in(world, who.login)
    trade_no = world.order(517_19)
    person.get(f"/cashier/{trade_no}?lang=zh")
    person.send(f"/cashier/{trade_no}/pay", payment_password="123456", later="1")
    assert person.status == 422
    assert "未找到可用的资金方案。" in person.text
    assert "不符合出资机构的准入条件。" in person.text
    assert world.status(trade_no) is TradeStatus.WAIT_BUYER_PAY
    # From the balance it is paid as ever.
    person.send(f"/cashier/{trade_no}/pay", payment_password="123456", later="")
    assert world.status(trade_no) is TradeStatus.HELD
