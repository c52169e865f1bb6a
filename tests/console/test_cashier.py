"""The cashier: what is shown of an order, who may pay it, and that it is paid once."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.console.person import Person, signed_in
from tests.console.world import ALICE, BOB, TEA, World

from tallystick.payments.trades.model import CloseTrade, Trade, TradeStatus
from tallystick.sandbox.seed import APP_ID


def test_an_order_is_shown_to_anybody_with_its_address_and_paid_by_who_signs_in(
    world: World,
) -> None:
    trade_no = world.order(12_800, return_url="https://shop.test/ok?cart=1")
    before = world.balance(ALICE.party_id)
    buyer = Person(world).get(f"/cashier/{trade_no}")
    assert buyer.status == 200
    assert "Fresh tea" in buyer.text
    assert "128.00" in buyer.text
    assert "Tally Market" in buyer.text
    buyer.send(f"/cashier/{trade_no}/sign-in", login=ALICE.login, password="sandbox-1")
    buyer.follow()
    buyer.send(f"/cashier/{trade_no}/pay", payment_password="123456")
    assert buyer.location == f"/cashier/{trade_no}?paid=now"
    buyer.follow()
    assert "Paid" in buyer.text
    assert world.balance(ALICE.party_id) == before - 12_800
    back = buyer.page.split('class="button primary wide" href="')[1].split('"')[0]
    back = back.replace("&amp;", "&")
    assert back.startswith("https://shop.test/ok?cart=1&")
    assert parse_qs(urlsplit(back).query)["trade_no"] == [trade_no]
    assert parse_qs(urlsplit(back).query)["sign"]
    # Looked at again, it is still paid, and nobody is sent away by themselves.
    assert 'data-then="leave"' in buyer.page
    assert 'data-then="leave"' not in buyer.get(f"/cashier/{trade_no}").page
    assert "Paid" in buyer.text


def test_a_form_that_is_sent_twice_pays_once(world: World) -> None:
    trade_no = world.order(700)
    buyer = signed_in(world, ALICE.login)
    before = world.balance(ALICE.party_id)
    form = buyer.get(f"/cashier/{trade_no}").hidden(f"/cashier/{trade_no}/pay")
    form |= {"payment_password": "123456"}
    for _ in range(2):
        buyer.post(f"/cashier/{trade_no}/pay", form)
        assert buyer.status in (200, 303)
    buyer.get(f"/cashier/{trade_no}")
    assert "Paid" in buyer.text
    assert world.balance(ALICE.party_id) == before - 700


def test_two_clicks_at_the_same_moment_pay_once(world: World) -> None:
    trade_no = world.order(900)
    before = world.balance(ALICE.party_id)
    buyers = [signed_in(world, ALICE.login) for _ in range(4)]
    forms = [b.get(f"/cashier/{trade_no}").hidden(f"/cashier/{trade_no}/pay") for b in buyers]
    cookies = ["; ".join(f"{n}={v}" for n, v in b.cookies.items()) for b in buyers]
    world.client.cookies.clear()

    def click(at: int) -> int:
        answer = world.client.post(
            f"/cashier/{trade_no}/pay",
            data=forms[at] | {"payment_password": "123456"},
            headers={"cookie": cookies[at]},
        )
        return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(click, range(4)))
    assert set(statuses) <= {200, 303}
    assert world.balance(ALICE.party_id) == before - 900


def test_five_wrong_payment_passwords_lock_and_say_until_when(world: World) -> None:
    who = world.buyer("locked")
    trade_no = world.order(12_800)
    buyer = signed_in(world, who.login)
    pay = f"/cashier/{trade_no}/pay"
    for left in (4, 3, 2, 1):
        buyer.get(f"/cashier/{trade_no}").send(pay, payment_password="000000")
        assert buyer.status == 401
        assert f"Tries left: {left}" in buyer.text
    form = buyer.hidden(pay)
    buyer.send(pay, payment_password="000000")
    assert buyer.status == 423
    assert "Try again after" in buyer.text
    assert not buyer.has_form(pay)
    # The right one does not help any more, wherever it is given.
    buyer.post(pay, form | {"payment_password": "123456"})
    assert buyer.status == 423
    assert "Try again after" in buyer.get(f"/cashier/{trade_no}").text
    assert not buyer.has_form(pay)
    assert world.status(trade_no) is TradeStatus.WAIT_BUYER_PAY
    assert world.balance(who.party_id) == who.money


def test_five_wrong_sign_ins_lock_and_say_until_when(world: World) -> None:
    who = world.buyer("outside")
    trade_no = world.order(12_800)
    buyer = Person(world).get(f"/cashier/{trade_no}")
    sign_in = f"/cashier/{trade_no}/sign-in"
    for left in (4, 3, 2, 1):
        buyer.send(sign_in, login=who.login, password="wrong")
        assert buyer.status == 401
        assert f"Tries left: {left}" in buyer.text
    buyer.send(sign_in, login=who.login, password="wrong")
    assert buyer.status == 423
    assert "Try again after" in buyer.text
    buyer.send(sign_in, login=who.login, password="sandbox-1")
    assert buyer.status == 423
    buyer.send(sign_in, login="nobody@sandbox.test", password="wrong")
    assert buyer.status == 401
    assert "Tries left" not in buyer.text


@pytest.mark.parametrize(
    ("subject", "login", "status", "said"),
    [
        ("Expired: Oolong sampler", ALICE.login, 409, "The time to pay this order is over."),
        ("Bob's own order", ALICE.login, 422, "This trade belongs to another buyer."),
        ("Held: 白毫银针 White tea, 100 g", BOB.login, 409, "The trade has been paid already."),
        ("Disputed: Porcelain cup set", ALICE.login, 409, "The trade is in dispute"),
        ("Disputed: Porcelain cup set", BOB.login, 409, "The trade is in dispute"),
        ("Refunded: Bamboo tray", ALICE.login, 409, "The trade is closed."),
        ("Waiting: Longjing green tea, 250 g", TEA.login, 422, "Buyer and seller are the same."),
    ],
)
def test_an_order_that_cannot_be_paid_says_why(
    world: World, subject: str, login: str, status: int, said: str
) -> None:
    trade = world.trade(subject)
    person = signed_in(world, login).get(f"/cashier/{trade.trade_no}")
    assert person.status == status
    assert said in person.text
    assert not person.has_form(f"/cashier/{trade.trade_no}/pay")
    # A form that was open before is no way around it.
    csrf = person.hidden("/wallet/sign-out")["csrf"]
    form = {"csrf": csrf, "payment_password": "123456"}
    person.post(f"/cashier/{trade.trade_no}/pay", form)
    assert person.status == status
    assert world.platform.rows.get(Trade, trade.trade_no) == trade


def test_a_closed_order_says_so(world: World) -> None:
    trade_no = world.order(12_800)
    world.do(CloseTrade(app_id=APP_ID, trade_no=trade_no))
    person = Person(world).get(f"/cashier/{trade_no}")
    assert person.status == 409
    assert "The trade is closed." in person.text


@pytest.mark.parametrize("trade_no", ["1", "x", "20261105000000000000000000", "%2e%2e"])
def test_an_order_that_is_not_there_says_so(world: World, trade_no: str) -> None:
    person = Person(world).get(f"/cashier/{trade_no}")
    assert person.status == 404
    assert "There is no" in person.text


def test_who_has_too_little_is_shown_what_is_missing_and_tops_up(world: World) -> None:
    trade_no = world.order(5_000)
    who = world.buyer("short", 100)
    buyer = signed_in(world, who.login).get(f"/cashier/{trade_no}")
    assert "Your balance is not enough." in buyer.text
    assert "49.00" in buyer.text
    assert not buyer.has_form(f"/cashier/{trade_no}/pay")
    buyer.get(f"/wallet/top-up?for={trade_no}")
    buyer.send("/wallet/top-up", amount="49.00", bank="1")
    assert buyer.location == f"/cashier/{trade_no}?done=topped_up"
    world.wait_for_banks()
    buyer.get(f"/cashier/{trade_no}")
    buyer.send(f"/cashier/{trade_no}/pay", payment_password="123456")
    assert buyer.follow().status == 200
    assert "Paid" in buyer.text


def test_a_payment_needs_somebody_signed_in(world: World) -> None:
    trade_no = world.order(12_800)
    person = Person(world).get(f"/cashier/{trade_no}")
    csrf = person.hidden(f"/cashier/{trade_no}/sign-in")["csrf"]
    person.post(f"/cashier/{trade_no}/pay", {"csrf": csrf, "payment_password": "123456"})
    assert person.location == f"/cashier/{trade_no}"
    assert world.status(trade_no) is TradeStatus.WAIT_BUYER_PAY


def test_a_scanned_code_leads_to_its_order(world: World) -> None:
    code = secrets.token_hex(8)
    trade_no = world.order(5_000, code=code)
    assert Person(world).get(f"/pay/{code}").location == f"/cashier/{trade_no}"
    shown = Person(world).get(f"/pay/{code}/qr")
    assert shown.status == 200
    assert "<svg" in shown.page
    assert Person(world).get("/pay/nothing").status == 404
    assert Person(world).get("/pay/nothing/qr").status == 404
