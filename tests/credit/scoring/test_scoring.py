"""From the platform's own books to a decision: facts, a model in service, applications, timers."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from tests.credit.scoring.borrowers import (
    bundle_of,
    join,
    live_on,
    train_on,
    write_history,
)
from tests.payments.market import ALICE, BOB, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.inquiries import service as inquiries
from tallystick.credit.inquiries.limits import Band, LimitPolicy
from tallystick.credit.inquiries.model import CreditScore, SetLimitPolicy, StateIncome
from tallystick.credit.inquiries.views import standing_of
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    CreditLine,
    DefineLoanProduct,
    DrawLoan,
    PayLoan,
    PaymentMode,
    ProductTerms,
)
from tallystick.credit.merchant import service as merchant
from tallystick.credit.scoring import service as scoring
from tallystick.credit.scoring.facts import COLUMNS, facts_of
from tallystick.credit.scoring.model import ApplyForLine, ScoreModel
from tallystick.credit.scoring.reading import read_past
from tallystick.credit.scoring.views import applications_of, causes_of, serving_of
from tallystick.parties.model import Party

CASH = ProductTerms(annual_rate=Decimal("0.12"), counts=(3, 6), amount_max=10_000, amount_min=100)
POLICY = LimitPolicy(
    bands=(
        Band(score_from=560, months=Decimal(2), amount_max=5_000),
        Band(score_from=700, months=Decimal(3), amount_max=8_000),
    ),
    declared_share=Decimal("0.5"),
)
MORE = (loans.register, inquiries.register, merchant.register, scoring.register)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of 120 people of whom every third did not pay, and a month went on."""
    folder = tmp_path_factory.mktemp("history")
    with market(folder, Clock(), more=MORE) as shop:
        shop.accept(DefineLoanProduct(product_id="cash", name="Cash", terms=CASH))
        for number in range(120):
            party_id = join(shop, number, pays=number % 3 > 0, amount=300 + number * 97 % 1_500)
            shop.accept(StateIncome(party_id=party_id, currency="CNY", monthly=3_000 + number))
        live_on(shop, 65)
        at_ms = shop.clock.now_ms
        shop.clock.pass_ms(1_000)
        for number in range(0, 120, 15):
            shop.fund(f"20889{number:011}", 3_000, "late")
        live_on(shop, 62)
        return write_history(shop, folder / "people.csv", at_ms, months=2, days=60)


@pytest.fixture(scope="module")
def model(history: Path) -> Path:
    return train_on(history, history.parent / "model")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path, Clock(), more=MORE) as made:
        made.accept(DefineLoanProduct(product_id="cash", name="Cash", terms=CASH))
        yield made


def serve(shop: Market, model: Path) -> str:
    """Put a model to service, and a policy in force."""
    shop.accept(SetLimitPolicy(terms=POLICY))
    return str(shop.accept(bundle_of(model)).model_id)


def facts(shop: Market, party_id: str, at_ms: int | None = None) -> dict[str, str]:
    party = shop.rows.get(Party, party_id)
    assert party is not None
    at_ms = shop.clock.now_ms if at_ms is None else at_ms
    return facts_of(read_past(shop.rows, shop.rows.connection, party, "CNY", at_ms), at_ms)


def ask(shop: Market, party_id: str) -> object:
    return shop.accept(ApplyForLine(borrower_id=party_id, product_id="cash"), as_party(party_id))


def test_facts_say_what_the_books_hold(shop: Market) -> None:
    payer, other = join(shop, 1, pays=True), join(shop, 2, pays=False)
    live_on(shop, 65)
    good, late = facts(shop, payer), facts(shop, other)
    assert list(good) == list(COLUMNS)
    assert (good["received_3"], good["spent_3"]) == ("979", "779")
    assert (late["received_3"], late["spent_3"]) == ("1358", "1958")
    assert int(good["repaid_1"]) > 100
    assert int(good["repaid_2"]) > 100
    assert [good[f"days_late_{month}"] for month in (1, 2, 3)] == ["0", "0", "0"]
    assert 30 <= int(late["days_late_1"]) <= 36
    assert int(late["days_late_2"]) < 6
    assert int(late["owed_1"]) > 600 > int(good["owed_1"]) > 0
    assert good["months_known"] == "2"
    assert good["income"] == ""
    assert (good["loans_open"], good["loans_drawn"], good["loans_closed"]) == ("1", "1", "0")


def test_facts_as_of_a_moment_know_nothing_of_what_came_after(shop: Market) -> None:
    payer = join(shop, 1, pays=True)
    live_on(shop, 40)
    at_ms, before = shop.clock.now_ms, facts(shop, payer)
    shop.clock.pass_ms(1_000)
    shop.fund(payer, 5_000, "after")
    shop.accept(StateIncome(party_id=payer, currency="CNY", monthly=9_000))
    (loan,) = [one.loan for one in read_past(
        shop.rows, shop.rows.connection, shop.rows.get(Party, payer),  # type: ignore[arg-type]
        "CNY", shop.clock.now_ms).loans]  # fmt: skip
    shop.accept(PayLoan(loan_id=loan.loan_id, mode=PaymentMode.ALL))
    shop.accept(DrawLoan(borrower_id=payer, product_id="cash", amount=300, count=3))
    assert facts(shop, payer) != before
    assert facts(shop, payer, at_ms) == before


def test_the_history_has_a_row_a_person_and_tells_how_it_went(history: Path) -> None:
    rows = list(csv.DictReader(history.read_text().splitlines()))
    assert len(rows) == 120
    assert sum(row["bad"] == "1" for row in rows) == 32
    assert {row["bad"] for row in rows if row["days_late_1"] == "0"} == {"0"}
    assert len({row["bad"] for row in rows if int(row["days_late_1"]) > 30}) == 2


def test_from_data_to_a_decision(shop: Market, model: Path) -> None:
    payer, other = join(shop, 1, pays=True), join(shop, 2, pays=False)
    live_on(shop, 65)
    request = ApplyForLine(borrower_id=payer, product_id="cash")
    assert shop.refuse(request, as_party(payer)) == "SCORE_NOT_IN_SERVICE"
    number = serve(shop, model)
    assert number == json.loads((model / "manifest.json").read_bytes())["model"]
    for party_id in (payer, other):
        shop.accept(StateIncome(party_id=party_id, currency="CNY", monthly=2_000, source="payslip"))
    assert ask(shop, payer).is_approved  # type: ignore[attr-defined]
    (granted,) = applications_of(shop.rows, payer)
    score = standing_of(shop.rows, payer)
    assert score is not None
    assert (score.score, score.model) == (granted.score, number)
    assert granted.model == number
    assert granted.score >= 560
    months = 3 if granted.score >= 700 else 2
    assert granted.limit_total == months * 2_000
    assert granted.exposure > 0
    line = shop.rows.get(CreditLine, payer, "cash")
    assert line is not None
    assert line.amount == granted.limit_total == granted.amount
    assert json.loads(granted.facts) == facts(shop, payer)
    more = DrawLoan(
        borrower_id=payer, product_id="cash", amount=line.amount - granted.exposure, count=3
    )
    shop.accept(more, as_party(payer))

    done = ask(shop, other)
    assert not done.is_approved  # type: ignore[attr-defined]
    (refused,) = applications_of(shop.rows, other)
    assert (refused.held_by, refused.amount, refused.model) == ("score_low", 0, number)
    causes = causes_of(refused)
    assert causes[0].about in ("late", "owed", "repaid")
    assert causes[0].points > 0
    assert "late" in {one.about for one in causes}
    assert shop.rows.get(CreditLine, other, "cash").amount == 1_200  # type: ignore[union-attr]


def test_a_person_applies_alone(shop: Market, model: Path) -> None:
    serve(shop, model)
    command = ApplyForLine(borrower_id=ALICE, product_id="cash")
    assert shop.refuse(command, as_party(BOB)) == "NOT_PERMITTED"
    nothing = ApplyForLine(borrower_id=ALICE, product_id="nothing")
    assert shop.refuse(nothing, as_party(ALICE)) == "CREDIT_PRODUCT_NOT_EXIST"


def test_borrowers_are_scored_by_themselves_and_again_when_it_is_time(
    shop: Market, model: Path
) -> None:
    people = [join(shop, number, pays=number % 2 > 0) for number in range(23)]
    serve(shop, model)
    live_on(shop, 1)
    first = {one: standing_of(shop.rows, one) for one in people}
    assert all(found is not None for found in first.values())
    live_on(shop, 28)
    assert len(shop.rows.select(CreditScore)) == 23
    live_on(shop, 5)
    newest = [standing_of(shop.rows, one) for one in people]
    assert len(shop.rows.select(CreditScore)) == 46
    assert {found.model for found in newest if found} == {serving_of(shop.rows).model_id}  # type: ignore[union-attr]
    assert shop.rows.select(CreditScore, party_id=BOB) == []


def test_a_model_that_is_put_later_serves_and_the_first_can_be_put_again(
    shop: Market, model: Path, history: Path, tmp_path: Path
) -> None:
    person = join(shop, 1, pays=True)
    first = serve(shop, model)
    few = tmp_path / "few.csv"
    few.write_text("".join(history.read_text().splitlines(keepends=True)[:110]))
    second = shop.accept(bundle_of(train_on(few, tmp_path / "second"))).model_id
    assert first != second
    live_on(shop, 1)
    assert standing_of(shop.rows, person).model == second  # type: ignore[union-attr]
    shop.accept(bundle_of(model))
    assert [one.model_id for one in shop.rows.select(ScoreModel, is_serving=True)] == [first]
    live_on(shop, 1)
    assert standing_of(shop.rows, person).model == first  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model", ('"points": ', '"points": 1')),
        ("card", ('"rows": 1', '"rows": 2')),
        ("manifest", ("tallystick-score/1", "tallystick-score/9")),
        ("manifest", ("{", "[")),
        ("model", ("days_late_", "lucky_")),
        ("card", ("{", "[" * 5_000)),
        ("model", ("{", "")),
    ],
)
def test_what_is_no_model_does_not_serve(
    shop: Market, model: Path, field: str, change: tuple[str, str]
) -> None:
    bundle = bundle_of(model)
    text = str(getattr(bundle, field)).replace(*change, 1)
    changed = msgspec.structs.replace(bundle, **{field: text})
    assert shop.refuse(changed) == "SCORE_MODEL_INVALID"
    assert shop.rows.select(ScoreModel) == []


def test_another_model_does_not_serve_under_the_number_of_one_that_did(
    shop: Market, model: Path
) -> None:
    bundle = bundle_of(model)
    shop.accept(bundle)
    other = re.sub(r'"points": (\d)', r'"points": 1\1', bundle.model, count=1)
    old, new = (hashlib.sha256(text.encode()).hexdigest() for text in (bundle.model, other))
    manifest = bundle.manifest.replace(old, new)
    forged = msgspec.structs.replace(bundle, model=other, manifest=manifest)
    assert shop.refuse(forged) == "SCORE_MODEL_INVALID"
    assert [one.terms for one in shop.rows.select(ScoreModel)] == [bundle.model]


def test_a_model_of_other_columns_does_not_serve(shop: Market, tmp_path: Path) -> None:
    from tests.credit.score.people import write_people

    people = write_people(tmp_path / "people.csv")
    text = people.read_text().replace("outcome", "bad", 1).replace("id,", "party_id,", 1)
    people.write_text(text)
    bundle = bundle_of(train_on(people, tmp_path / "model"))
    answer = shop.submit(bundle)
    assert answer.refusal is not None
    assert answer.refusal.code == "SCORE_MODEL_INVALID"
    assert "Facts have no column" in answer.refusal.detail
