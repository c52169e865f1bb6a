"""Applying for a line on the pages, and what operators see of models and decisions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.console.person import Person, operator, signed_in
from tests.console.world import World
from tests.credit.scoring.borrowers import model_of_incomes

from tallystick.credit.inquiries.limits import Band, LimitPolicy
from tallystick.credit.inquiries.model import SetLimitPolicy
from tallystick.credit.loans.model import DefineLoanProduct, GrantCreditLine, ProductTerms

HERE = "/wallet/loans/apply"
# In a currency of their own, so that the policy holds nobody else down.
TERMS = ProductTerms(
    annual_rate=Decimal("0.1"), counts=(3,), currency="HKD", amount_min=100_00, amount_max=10_000_00
)
POLICY = LimitPolicy(
    currency="HKD",
    bands=(Band(score_from=600, months=Decimal(3), amount_max=50_000_00),),
)


@pytest.fixture(scope="module")
def scored(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world with a model in service, a policy and a product."""
    world.do(DefineLoanProduct(product_id="hk-cash", name="Hong Kong cash", terms=TERMS))
    world.do(SetLimitPolicy(terms=POLICY))
    world.do(model_of_incomes(tmp_path_factory.mktemp("model")))
    return world


def applied(world: World, income: str, language: str = "en") -> Person:
    person = signed_in(world, world.buyer("asks").login).get(f"{HERE}?lang={language}")
    person.send(HERE, product="hk-cash", income=income)
    assert person.status == 303, person.text
    return person.follow()


def test_who_earns_well_is_granted_a_line_at_once(scored: World) -> None:
    person = applied(scored, "9000.00")
    assert "Your line is open" in person.text
    assert "13,500.00" in person.text
    assert "granted" in person.get(HERE).text
    assert "Hong Kong cash" in person.get("/wallet/loans").text


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ("We cannot grant this now", "The score is too low", "The income is low, or we")),
        ("zh", ("本次申请未通过", "信用分未达到授信要求", "收入较低或未提供收入信息")),
    ],
)
def test_a_refusal_says_why_in_the_visitors_language(
    scored: World, language: str, sentences: tuple[str, ...]
) -> None:
    person = applied(scored, "500.00", language)
    for sentence in sentences:
        assert sentence in person.text
    other = signed_in(scored, scored.buyer("nosy").login)
    assert other.get(person.answer.url.path).status == 404


def test_what_cannot_be_applied_for_is_refused_on_the_page(scored: World) -> None:
    person = signed_in(scored, scored.buyer("odd").login).get(HERE)
    assert "Hong Kong cash" in person.text
    assert "Cash loan" not in person.text
    assert person.send(HERE, product="hk-cash", income="much").status == 422
    assert person.get(HERE).send(HERE, product="nothing", income="").status == 404
    assert "have not applied" in person.get(HERE).text


def test_operators_see_the_card_the_decisions_and_let_a_model_serve_again(
    scored: World, tmp_path: object
) -> None:
    applied(scored, "500.00")
    desk = operator(scored).get("/console/scoring")
    assert "AUC held out" in desk.text
    assert "refused" in desk.text
    assert "chart-scores" in desk.page
    first = desk.page.split("/console/scoring/20")[1].split('"')[0]
    seen = desk.get(f"/console/scoring/20{first}")
    assert "What took points away" in seen.text
    assert "Days past due at the month" in seen.text
    assert desk.get("/console/scoring/1").status == 404
    assert not desk.get("/console/scoring").has_form("/console/scoring/models/x/serve")


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "You have no score yet: apply for a line first"), ("zh", "您尚无信用分，请先申请额度")],
)
def test_signing_beyond_the_limit_says_what_held_it_down(
    scored: World, language: str, sentence: str
) -> None:
    who = scored.buyer("unscored")
    scored.do(GrantCreditLine(borrower_id=who.party_id, product_id="hk-cash", amount=200_00))
    offer = "/wallet/loans/offers/hk-cash"
    person = signed_in(scored, who.login).get(f"{offer}?lang={language}")
    person.send(f"{offer}/sign", payment_password="123456")
    assert person.status == 422
    assert sentence in person.text
