"""The loan calculator's page: for anybody, in both languages, with its charts."""

from __future__ import annotations

from tests.console.person import Person
from tests.console.world import World


def test_anybody_sees_a_loan_with_its_rate_charts_and_schedule(world: World) -> None:
    visitor = Person(world).get(
        "/credit/quote?principal=100&percent=9.4822&count=6&start=2024-01-01"
    )
    assert visitor.status == 200
    assert "9.9198 %" in visitor.text
    assert "2.78 CNY" in visitor.text
    assert visitor.page.count('<svg class="chart"') == 2
    # On a phone more days than four run into each other.
    longer = Person(world).get("/credit/quote?count=12&start=2024-01-01")
    assert longer.page.count('text-anchor="middle">2') == 8
    for cell in ("2024-02-01", "16.34", "0.79", "17.13", "83.66"):
        assert f"<td>{cell}</td>" in visitor.page


def test_the_page_reads_chinese(world: World) -> None:
    visitor = Person(world).get("/credit/quote?lang=zh")
    assert "综合年化利率" in visitor.text
    assert "等额本息" in visitor.text


def test_what_cannot_be_calculated_is_said_and_the_form_keeps_what_was_written(
    world: World,
) -> None:
    visitor = Person(world).get("/credit/quote?principal=12.345&count=7")
    assert visitor.status == 422
    assert "principal: " in visitor.text
    assert 'value="12.345"' in visitor.page
    assert Person(world).get("/credit/quote?count=many").status == 422
    assert Person(world).get("/credit/quote?percent=1e99999999").status == 422


def test_a_loan_of_many_payments_is_drawn_in_few_bars(world: World) -> None:
    visitor = Person(world).get("/credit/quote?count=360")
    assert visitor.page.count('<rect class="bar"') == 60
