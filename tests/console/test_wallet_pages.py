"""The wallet: what is shown to whom, what moves money, and what is refused."""

from __future__ import annotations

import re

import pytest
from tests.console.person import Person, signed_in
from tests.console.world import ALICE, BOB, TEA, World

from tallystick.parties.views import payment_code_index
from tallystick.payments.trades.model import PayTrade, ShipTrade, Trade, TradeStatus
from tallystick.sandbox.seed import APP_ID

PIN = "123456"
PLACES = (
    "/wallet", "/wallet/statement", "/wallet/orders", "/wallet/code", "/wallet/transfer",
    "/wallet/top-up", "/wallet/withdraw",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_place_needs_somebody_signed_in_and_is_come_back_to(world: World, place: str) -> None:
    person = Person(world).get(place)
    assert person.status == 303
    assert person.location.startswith("/wallet/sign-in?next=")
    person.follow()
    assert person.hidden("/wallet/sign-in")["next"] == place
    person.send("/wallet/sign-in", login=ALICE.login, password="sandbox-1")
    assert person.location == place
    assert person.follow().status == 200


def test_a_form_is_refused_when_nobody_is_signed_in(world: World) -> None:
    person = Person(world).get("/wallet/sign-in")
    csrf = person.hidden("/wallet/sign-in")["csrf"]
    for place in ("/wallet/transfer", "/wallet/withdraw", "/wallet/top-up", "/wallet/code"):
        person.post(place, {"csrf": csrf, "amount": "1", "bank": "1", "payment_password": PIN})
        assert person.status == 303
        assert person.location.startswith("/wallet/sign-in")


def test_the_wallet_shows_the_balance_orders_and_movements(world: World) -> None:
    who = world.buyer("homely", 50_000)
    trade_no = world.paid(12_300, who.party_id)
    person = signed_in(world, who.login).get("/wallet")
    assert "377.00" in person.text
    assert "Held for your orders ¥ 123.00" in person.text
    assert f'href="/wallet/orders/{trade_no}"' in person.page
    assert "Fresh tea" in person.text
    assert "123.00" in person.get("/wallet/statement").text
    assert "500.00" in person.text


def test_who_has_nothing_sees_so(world: World) -> None:
    who = world.buyer("new", 0)
    person = signed_in(world, who.login).get("/wallet")
    assert "No orders yet." in person.text
    assert "No money has moved yet." in person.text


def test_a_transfer_arrives_once_however_often_its_form_is_sent(world: World) -> None:
    who = world.buyer("giver", 10_000)
    before = world.balance(BOB.party_id)
    person = signed_in(world, who.login).get("/wallet/transfer")
    form = person.hidden("/wallet/transfer")
    form |= {"payee": BOB.login, "amount": "12.34", "remark": "For tea", "payment_password": PIN}
    for _ in range(3):
        person.post("/wallet/transfer", form)
        assert person.location == "/wallet?done=transferred"
    assert "The money has arrived." in person.follow().text
    assert world.balance(BOB.party_id) == before + 1_234
    assert world.balance(who.party_id) == 10_000 - 1_234


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"amount": "12.345"}, 422, "The amount is not a valid amount"),
        ({"amount": "-1"}, 422, "The amount is not a valid amount"),
        ({"amount": "0"}, 422, "The amount is not a valid amount"),
        ({"amount": "1e3"}, 422, "The amount is not a valid amount"),
        ({"amount": ""}, 422, "The amount is not a valid amount"),
        ({"amount": "100000.00"}, 422, "The balance is not enough."),
        ({"payee": "nobody@sandbox.test"}, 422, "There is no such payee."),
        ({"payment_password": "000000"}, 401, "The payment password is wrong."),
        ({"payment_password": ""}, 401, "The payment password is wrong."),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_and_keeps_what_was_written(
    world: World, fields: dict[str, str], status: int, said: str
) -> None:
    who = world.buyer("hasty", 10_000)
    person = signed_in(world, who.login).get("/wallet/transfer")
    given = {"payee": BOB.login, "amount": "1", "remark": "Kept words", "payment_password": PIN}
    person.send("/wallet/transfer", **(given | fields))
    assert person.status == status
    assert said in person.text
    assert "Kept words" in person.page
    assert PIN not in person.page
    assert world.balance(who.party_id) == 10_000


def test_nobody_pays_themselves(world: World) -> None:
    who = world.buyer("self", 1_000)
    person = signed_in(world, who.login).get("/wallet/transfer")
    person.send("/wallet/transfer", payee=who.login, amount="1", payment_password=PIN)
    assert person.status == 422
    assert "Payer and payee are the same." in person.text


def test_money_goes_to_the_bank_and_comes_from_it(world: World) -> None:
    who = world.buyer("banker", 20_000)
    person = signed_in(world, who.login).get("/wallet/withdraw")
    person.send("/wallet/withdraw", amount="50", bank="1", payment_password=PIN)
    assert person.location == "/wallet?done=withdrawn"
    world.wait_for_banks()
    assert world.balance(who.party_id) == 15_000
    person.get("/wallet/top-up").send("/wallet/top-up", amount="7.01", bank="1")
    assert person.location == "/wallet?done=topped_up"
    world.wait_for_banks()
    assert world.balance(who.party_id) == 15_701
    said = person.get("/wallet/statement").text
    assert "50.00" in said
    assert "7.01" in said


@pytest.mark.parametrize(
    ("place", "fields", "said"),
    [
        ("/wallet/withdraw", {"amount": "300", "bank": "1", "payment_password": PIN}, "not enough"),
        ("/wallet/withdraw", {"amount": "1", "bank": "1", "payment_password": "9"}, "is wrong"),
        ("/wallet/withdraw", {"amount": "1", "bank": "9", "payment_password": PIN}, "no such bank"),
        ("/wallet/withdraw", {"amount": "x", "bank": "1", "payment_password": PIN}, "not a valid"),
        ("/wallet/top-up", {"amount": "1", "bank": "999"}, "no such bank"),
        ("/wallet/top-up", {"amount": "0", "bank": "1"}, "not a valid"),
    ],
)  # fmt: skip
def test_a_bank_order_that_cannot_be_is_refused(
    world: World, place: str, fields: dict[str, str], said: str
) -> None:
    who = world.buyer("broke", 10_000)
    person = signed_in(world, who.login).get(place)
    person.send(place, **fields)
    assert person.status in (401, 404, 422)
    assert said in person.text
    assert world.balance(who.party_id) == 10_000


def test_a_buyer_confirms_receipt_with_the_payment_password(world: World) -> None:
    trade_no = world.paid(1_500)
    world.do(ShipTrade(app_id=APP_ID, trade_no=trade_no, carrier="Swift", tracking_no="SC1"))
    person = signed_in(world, ALICE.login).get(f"/wallet/orders/{trade_no}")
    assert "Swift SC1" in person.text
    confirm = f"/wallet/orders/{trade_no}/confirm"
    person.send(confirm, payment_password="000000")
    assert person.status == 401
    assert "Tries left: 4" in person.text
    assert world.status(trade_no) is TradeStatus.SHIPPED
    person.send(confirm, payment_password=PIN)
    assert person.location == f"/wallet/orders/{trade_no}?done=confirmed"
    assert "This order is complete" in person.follow().text
    assert world.status(trade_no) is TradeStatus.SETTLED


def test_a_buyer_disputes_and_then_cannot_confirm(world: World) -> None:
    trade_no = world.paid(1_600)
    person = signed_in(world, ALICE.login).get(f"/wallet/orders/{trade_no}")
    form = person.hidden(f"/wallet/orders/{trade_no}/confirm") | {"payment_password": PIN}
    person.send(f"/wallet/orders/{trade_no}/dispute", reason="Broken <b>cups</b>")
    assert person.location == f"/wallet/orders/{trade_no}?done=disputed"
    person.follow()
    assert "Broken &lt;b&gt;cups&lt;/b&gt;" in person.page
    person.post(f"/wallet/orders/{trade_no}/confirm", form)
    assert person.status == 409
    assert "The trade is in dispute" in person.text
    assert world.status(trade_no) is TradeStatus.DISPUTED


@pytest.mark.parametrize("what", ["", "/confirm", "/dispute"])
def test_orders_of_others_are_not_there(world: World, what: str) -> None:
    trade_no = world.paid(1_700)
    bob = signed_in(world, BOB.login).get("/wallet")
    csrf = bob.hidden("/wallet/sign-out")["csrf"]
    if what:
        bob.post(f"/wallet/orders/{trade_no}{what}",
                 {"csrf": csrf, "payment_password": PIN, "reason": "mine"})  # fmt: skip
    else:
        bob.get(f"/wallet/orders/{trade_no}")
    assert bob.status == 404
    assert "There is no such trade." in bob.text
    assert world.status(trade_no) is TradeStatus.HELD


def test_a_payment_code_pays_once(world: World) -> None:
    who = world.buyer("coder", 10_000)
    person = signed_in(world, who.login).get("/wallet/code")
    person.send("/wallet/code")
    assert person.status == 200
    assert "<svg" in person.page
    match = re.search(r'data-code="([0-9]{18})"', person.page)
    assert match is not None
    index = payment_code_index(world.platform.sealer, match[1])
    first, second = world.order(100), world.order(200)
    world.do(PayTrade(app_id=APP_ID, trade_no=first, payment_code_index=index))
    refused = world.refuse(PayTrade(app_id=APP_ID, trade_no=second, payment_code_index=index))
    assert refused == "PAYMENT_CODE_INVALID"
    assert world.balance(who.party_id) == 9_900


def test_a_long_list_of_orders_is_turned_a_page_at_a_time(world: World) -> None:
    who = world.buyer("regular", 100_000)
    paid = {world.paid(100, who.party_id) for _ in range(23)}
    person = signed_in(world, who.login).get("/wallet/orders")
    seen = set(re.findall(r'href="/wallet/orders/([0-9]+)"', person.page))
    assert len(seen) == 20
    older = re.search(r'href="(/wallet/orders\?after=[^"]+)"', person.page)
    assert older is not None
    rest = set(re.findall(r'href="/wallet/orders/([0-9]+)"', person.get(older[1]).page))
    assert seen | rest == paid
    assert person.get("/wallet/orders?after=garbage").status == 200
    lines = person.get("/wallet/statement").page
    older = re.search(r'href="(/wallet/statement\?before=[0-9]+)"', lines)
    assert older is not None
    assert "1,000.00" in person.get(older[1]).text


def test_a_shop_signs_in_as_well_and_has_no_orders_as_buyer(world: World) -> None:
    shop = signed_in(world, TEA.login).get("/wallet/orders")
    assert shop.status == 200
    trade: Trade = world.trade("Shipped: Gongfu teapot")
    assert shop.get(f"/wallet/orders/{trade.trade_no}").status == 404
