"""The operators' console: what each page shows and finds, and who may look."""

from __future__ import annotations

import csv
import io
import re
import time
from html import unescape

import pytest
from tests.console.person import Person, operator
from tests.console.world import ALICE, World

from tallystick.console.display import iso_day
from tallystick.ledger.chart import CUSTOMER_WALLET
from tallystick.payments.trades.model import ConfirmReceipt, RefundTrade, ShipTrade
from tallystick.sandbox.seed import APP_ID

PLACES = (
    "/console", "/console/trades", "/console/accounts", "/console/trial-balance",
    "/console/notifications", "/console/apps", f"/console/apps/{APP_ID}", "/console/keys",
    "/console/audit", "/console/reconciliation", "/console/fraud-graph", "/console/reports",
    "/console/groups", "/console/search",
)  # fmt: skip


def found_trades(person: Person) -> set[str]:
    """The numbers of the trades that a page lists."""
    return set(re.findall(r'href="/console/trades/([0-9]+)"', person.page))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("login", ["operator", "viewer"])
def test_a_place_is_for_operators_and_viewers_alone(world: World, place: str, login: str) -> None:
    assert Person(world).get(place).location.startswith("/console/sign-in")
    assert operator(world, login).get(place).status == 200


def test_live_figures_are_for_operators_alone(world: World) -> None:
    person = Person(world)
    person.headers = {"accept": "application/json"}
    assert person.get("/console/live.json").status == 401


def test_the_live_figures_follow_what_happens(world: World) -> None:
    person = operator(world)
    time.sleep(1.1)  # Figures are at most a second old.
    before = person.get("/console/live.json").answer.json()["texts"]
    world.paid(1_100)
    after, deadline = before, time.monotonic() + 120
    while after["trades_today"] == before["trades_today"] and time.monotonic() < deadline:
        time.sleep(0.05)
        after = person.get("/console/live.json").answer.json()["texts"]
    assert int(after["trades_today"]) == int(before["trades_today"]) + 1
    assert after["balanced"] == "Balanced"
    assert after["paid_today"] != before["paid_today"]


@pytest.mark.parametrize("by", ["trade number", "order number", "buyer", "status", "day"])
def test_a_trade_is_found(world: World, by: str) -> None:
    who = world.buyer("sought")
    trade_no, other = world.paid(100, who.party_id), world.paid(100)
    trade = world.trade_of(trade_no)
    query = {
        "trade number": f"text={trade_no}",
        "order number": f"text={trade.out_trade_no}",
        "buyer": f"buyer={who.login}",
        "status": f"status=held&buyer={who.party_id}",
        "day": f"buyer={who.login}&from={iso_day(trade.created_ms)}&to={iso_day(trade.created_ms)}",
    }[by]
    person = operator(world, "viewer").get(f"/console/trades?{query}")
    assert found_trades(person) == {trade_no}
    assert other not in person.page


@pytest.mark.parametrize(
    "query",
    ["text=%27+OR+1%3D1+--", "buyer=%00", "status=nonsense", "from=tomorrow", "after=x",
     "after=9.9", "to=2026-02-31", "text=%25", "status=closed&buyer=nobody"],
)  # fmt: skip
def test_a_search_that_means_nothing_is_no_error(world: World, query: str) -> None:
    assert operator(world).get(f"/console/trades?{query}").status == 200


def test_trades_are_turned_a_page_at_a_time(world: World) -> None:
    who = world.buyer("busy")
    paid = {world.paid(100, who.party_id) for _ in range(28)}
    person = operator(world).get(f"/console/trades?buyer={who.party_id}")
    first = found_trades(person)
    assert len(first) == 25
    older = re.search(r'href="(/console/trades\?[^"]*after=[^"]*)"', person.page)
    assert older is not None
    second = found_trades(person.get(unescape(older[1])))
    assert first | second == paid
    assert not first & second


def test_a_trades_story_is_told_whole(world: World) -> None:
    trade_no = world.paid(10_000)
    world.do(ShipTrade(app_id=APP_ID, trade_no=trade_no, carrier="Swift", tracking_no="SC77"))
    world.do(ConfirmReceipt(app_id=APP_ID, trade_no=trade_no))
    world.do(RefundTrade(app_id=APP_ID, trade_no=trade_no, amount=2_500, out_request_no="R-7",
                         reason="Chipped"))  # fmt: skip
    said = operator(world, "viewer").get(f"/console/trades/{trade_no}").text
    steps = ("Order opened", "Paid", "Shipped", "Receipt confirmed", "Refund")
    places = [said.index(step, said.index("What happened")) for step in steps]
    assert places == sorted(places)
    for part in ("SC77", "R-7", "Chipped", "25.00", "Trade escrow", "Merchant wallet",
                 "Fee income", "Still held in escrow: ¥ 0.00"):  # fmt: skip
        assert part in said, part
    # Who is not needed to be known is masked.
    assert ALICE.login not in said
    assert "Alice Zhang" not in said


@pytest.mark.parametrize("number", ["1", "x", "99999999999999999999999999", "%27", "-1"])
def test_what_is_not_there_is_said(world: World, number: str) -> None:
    person = operator(world)
    for place in ("trades", "accounts", "notifications", "apps"):
        person.get(f"/console/{place}/{number}")
        assert person.status == 404
        assert "There is no" in person.text


def test_accounts_are_found_by_owner_and_kind(world: World) -> None:
    person = operator(world).get(f"/console/accounts?owner={ALICE.login}")
    assert "Customer wallet" in person.text
    assert ALICE.party_id in person.text
    by_number = person.get(f"/console/accounts?owner={ALICE.party_id}").text
    assert "Customer wallet" in by_number
    wallets = person.get(f"/console/accounts?code={CUSTOMER_WALLET.code}").page
    assert wallets.count("Customer wallet</a>") >= 2
    assert "No accounts here." in person.get("/console/accounts?owner=nobody").text
    assert person.get("/console/accounts?code=x&after=zzz").status == 200


def test_a_statement_downloads_as_csv_and_adds_up(world: World) -> None:
    who = world.buyer("audited", 50_000)
    for _ in range(30):
        world.paid(100, who.party_id)
    person = operator(world, "viewer").get(f"/console/accounts?owner={who.party_id}")
    match = re.search(r'href="(/console/accounts/[0-9a-f]{32})"', person.page)
    assert match is not None
    person.get(match[1])
    assert f'href="{match[1]}/statement.csv"' in person.page
    older = re.search(rf'href="({match[1]}\?before=[0-9]+)"', person.page)
    assert older is not None
    assert person.get(older[1]).status == 200
    answer = person.get(f"{match[1]}/statement.csv").answer
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(lines) == 31
    assert lines[0]["balance"] == "470.00"
    assert sum(int(x["credit"].replace(".", "")) for x in lines) == 50_000
    assert sum(int(x["debit"].replace(".", "")) for x in lines) == 3_000
    assert {x["currency"] for x in lines} == {"CNY"}
    assert Person(world).get(f"{match[1]}/statement.csv").status == 303
    assert person.get("/console/accounts/zz/statement.csv").status == 404
    assert person.get(f"/console/accounts/{'0' * 32}/statement.csv").status == 404


def test_the_trial_balance_proves_every_book(world: World) -> None:
    person = operator(world).get("/console/trial-balance")
    assert "Proof: debits equal credits." in person.text
    assert "Debits and credits differ" not in person.text


def test_the_audit_trail_is_filtered_and_turned(world: World) -> None:
    person = operator(world).get("/console/audit?operator=operator&command=session.open")
    assert "Signed in" in person.text
    assert "Nothing was done yet." in person.get("/console/audit?operator=nobody").text
    assert person.get("/console/audit?before=x&command=%27").status == 200
