"""A buyer's whole way in Chromium: from the shop to the cashier, and back with a signed answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import expect
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.browser.shop_site import ShopSite
from tests.console.world import CUSTOMER
from tests.gateway.alipay.client_side import verifies
from tests.gateway.alipay.shop import Auditor, Shop, china_now
from tests.server_process import ServerProcess

Look = Callable[..., Looking]
ALICE, BOB, POOR = "alice@sandbox.test", "bob@sandbox.test", "poor@sandbox.test"
PASSWORD, PIN = "sandbox-1", "123456"


def page_pay(shop: Shop, site: ShopSite, way: str, **more: str) -> dict[str, str]:
    """The parameters of a signed order to pay on a page."""
    order = shop.order("12.30", product_code="FAST_INSTANT_TRADE_PAY", **more)
    method = "alipay.trade.wap.pay" if way == "form" else "alipay.trade.page.pay"
    urls = {"return_url": site.return_url, "notify_url": site.notify_url}
    return shop.sign(shop.parameters(method, order, **urls))


def to_the_cashier(looking: Looking, shop: Shop, site: ShopSite, way: str, **more: str) -> str:
    """Bring the buyer to the cashier as a shop does; gives the trade number."""
    fields = page_pay(shop, site, way, **more)
    gateway = f"{looking.server.base_url}/gateway.do"
    if way == "form":
        looking.go(site.offer(gateway, fields)).press("To the cashier")
    else:
        looking.go(f"{gateway}?{urlencode(fields)}")
    assert looking.path.startswith("/cashier/")
    return looking.path.rpartition("/")[2]


@pytest.mark.parametrize(
    ("screen", "way"), [(DESKTOP, "address"), (PHONE, "form")], ids=["desktop", "phone"]
)
def test_a_buyer_pays_and_is_back_at_the_shop_with_a_signed_answer(
    look: Look, shop: Shop, shop_site: ShopSite, screen: Screen, way: str
) -> None:
    buyer = look(screen)
    trade_no = to_the_cashier(buyer, shop, shop_site, way)
    assert buyer.sees("Your order")
    assert buyer.sees("12.30")
    assert buyer.faults() == []
    buyer.sign_in(ALICE, PASSWORD)
    assert buyer.sees("Pay from your wallet")
    assert buyer.faults() == []
    buyer.fill(payment_password="000000").press("Pay")
    assert buyer.sees("Tries left: 4")
    buyer.fill(payment_password=PIN).press("Pay")
    expect(buyer.page.get_by_role("heading", name="Paid")).to_be_visible()
    assert buyer.faults() == []
    # Going back and coming again shows what has been done, and does not offer to pay.
    buyer.page.go_back()
    buyer.go(f"/cashier/{trade_no}")
    expect(buyer.page.get_by_role("heading", name="Paid")).to_be_visible()
    expect(buyer.page.locator('[name="payment_password"]')).to_have_count(0)
    buyer.press("Back to the shop")
    assert buyer.page.url.startswith(shop_site.return_url)
    assert buyer.sees("Thank you")
    answer = dict(parse_qsl(urlsplit(buyer.page.url).query, keep_blank_values=True))
    assert answer.pop("cart") == "7"
    sign, _ = answer.pop("sign"), answer.pop("sign_type")
    text = "&".join(f"{k}={v}" for k, v in sorted(answer.items()) if v)
    assert verifies(text.encode(), sign, shop.platform_key)
    assert answer["trade_no"] == trade_no
    assert answer["total_amount"] == "12.30"
    found = shop.done("alipay.trade.query", {"trade_no": trade_no})
    assert found["trade_status"] == "TRADE_SUCCESS"
    shop_site.wait_told(1, trade_no=trade_no, trade_status="TRADE_SUCCESS")


@pytest.mark.parametrize(("screen", "language"), [(DESKTOP, "en"), (PHONE, "zh")])
def test_an_order_is_paid_in_instalments_and_the_line_is_seen_in_the_wallet(
    look: Look, shop: Shop, shop_site: ShopSite, screen: Screen, language: str
) -> None:
    buyer = look(screen, language)
    trade_no = to_the_cashier(buyer, shop, shop_site, "address")
    buyer.sign_in(ALICE, PASSWORD)
    expect(buyer.page.locator('[name="later"]')).to_have_count(5)
    assert buyer.faults() == []
    buyer.page.locator('[name="later"][value="3"]').check()
    buyer.fill(payment_password=PIN)
    buyer.page.locator("main button.primary").click()
    expect(
        buyer.page.get_by_role("heading", name="Paid" if language == "en" else "付款成功")
    ).to_be_visible()
    found = shop.done("alipay.trade.query", {"trade_no": trade_no})
    assert found["fund_bill_list"] == [{"fund_channel": "PCREDIT", "amount": "12.30"}]
    buyer.go("/wallet/bills")
    assert buyer.sees("5,000.00")
    assert buyer.faults() == []


def test_two_clicks_on_pay_are_one_payment(
    look: Look, shop: Shop, shop_site: ShopSite, server: ServerProcess
) -> None:
    buyer = look()
    trade_no = to_the_cashier(buyer, shop, shop_site, "address")
    buyer.sign_in(ALICE, PASSWORD).fill(payment_password=PIN)
    buyer.page.locator("main button.primary").dblclick(no_wait_after=True)
    expect(buyer.page.get_by_role("heading", name="Paid")).to_be_visible()
    events = Auditor(server.data).rows(
        "SELECT command FROM trade_event WHERE trade_no = ? ORDER BY step", trade_no
    )
    assert [command for (command,) in events] == ["trade.create", "trade.pay"]


def test_who_is_sent_to_the_shop_by_the_page_itself_arrives(
    look: Look, shop: Shop, shop_site: ShopSite
) -> None:
    buyer = look()
    to_the_cashier(buyer, shop, shop_site, "address")
    buyer.sign_in(ALICE, PASSWORD).fill(payment_password=PIN).press("Pay")
    assert buyer.sees("You go back by yourself in")
    buyer.page.wait_for_url(f"{shop_site.base}/**")


def test_five_wrong_payment_passwords_lock_the_cashier(
    look: Look, shop: Shop, shop_site: ShopSite
) -> None:
    buyer = look(PHONE)
    trade_no = to_the_cashier(buyer, shop, shop_site, "form")
    # Nobody else of these tests pays as this customer.
    buyer.sign_in(CUSTOMER.login, PASSWORD)
    for left in (4, 3, 2, 1):
        buyer.fill(payment_password="999999").press("Pay")
        assert buyer.sees(f"Tries left: {left}")
        focused = buyer.page.evaluate("document.activeElement.name")
        assert focused == "payment_password"
    buyer.fill(payment_password="999999").press("Pay")
    assert buyer.sees("Try again after")
    expect(buyer.page.locator('[name="payment_password"]')).to_have_count(0)
    assert buyer.faults() == []
    found = shop.done("alipay.trade.query", {"trade_no": trade_no})
    assert found["trade_status"] == "WAIT_BUYER_PAY"


def test_an_order_that_ran_out_says_so(look: Look, server: ServerProcess) -> None:
    sql = "SELECT trade_no FROM trade WHERE subject LIKE 'Expired%'"
    expired = Auditor(server.data).rows(sql)[0][0]
    buyer = look().go(f"/cashier/{expired}")
    assert buyer.sees("The time to pay this order is over.")
    assert buyer.sees("Nothing was charged.")
    expect(buyer.page.locator('[name="payment_password"]')).to_have_count(0)


def test_an_order_runs_out_in_front_of_the_buyer(
    look: Look, shop: Shop, shop_site: ShopSite
) -> None:
    buyer = look()
    to_the_cashier(buyer, shop, shop_site, "address", time_expire=china_now(8))
    expect(buyer.page.get_by_role("timer")).to_have_text(re.compile("00:0[0-9]"))
    assert buyer.sees("The time to pay this order is over.")


def test_who_has_too_little_tops_up_and_pays(look: Look, shop: Shop, shop_site: ShopSite) -> None:
    buyer = look(PHONE, "zh")
    to_the_cashier(buyer, shop, shop_site, "form")
    buyer.sign_in(POOR, PASSWORD)
    assert buyer.sees("余额不足。")
    assert buyer.faults() == []
    buyer.press("去充值").fill(amount="50").press("充值")
    expect(buyer.page.locator('[name="payment_password"]')).to_be_visible()
    buyer.fill(payment_password=PIN).press("确认付款")
    expect(buyer.page.get_by_role("heading", name="付款成功")).to_be_visible()


def test_a_code_on_the_shops_screen_leads_to_its_order(look: Look, shop: Shop) -> None:
    answer = shop.done("alipay.trade.precreate", shop.order("5.00"))
    code = answer["qr_code"]
    screen = look().go(f"{urlsplit(code).path}/qr")
    expect(screen.page.locator("svg.qr")).to_be_visible()
    assert screen.faults() == []
    buyer = look(PHONE).go(code)
    assert buyer.path.startswith("/cashier/")
    assert buyer.sees("5.00")


def test_a_buyer_pays_by_the_keyboard_alone(look: Look, shop: Shop, shop_site: ShopSite) -> None:
    buyer = look()
    to_the_cashier(buyer, shop, shop_site, "address")
    keyboard = buyer.page.keyboard

    def tab_to(name: str) -> None:
        for _ in range(20):
            keyboard.press("Tab")
            focused = buyer.page.evaluate(
                "[document.activeElement.name || document.activeElement.textContent,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
            assert focused[1] == "solid", focused
            if name in focused[0]:
                return
        raise AssertionError(f"{name} is not reached")

    keyboard.press("Tab")
    assert buyer.page.evaluate("document.activeElement.className") == "skip"
    tab_to("login")
    keyboard.type(ALICE)
    tab_to("password")
    keyboard.type(PASSWORD)
    with buyer.page.expect_navigation():
        keyboard.press("Enter")
    tab_to("payment_password")
    keyboard.type(PIN)
    tab_to("Pay")
    with buyer.page.expect_navigation():
        keyboard.press("Enter")
    expect(buyer.page.get_by_role("heading", name="Paid")).to_be_visible()
    tab_to("Back to the shop")
    with buyer.page.expect_navigation():
        keyboard.press("Enter")
    assert buyer.page.url.startswith(shop_site.return_url)


def test_a_buyer_confirms_receipt_and_disputes_another(look: Look, shop: Shop) -> None:
    good, bad = (shop.pay("9.90")["trade_no"] for _ in range(2))
    buyer = look(PHONE).go("/wallet/orders").sign_in(ALICE, PASSWORD)
    assert buyer.path == "/wallet/orders"
    buyer.page.locator(f'a[href="/wallet/orders/{good}"]').click()
    buyer.fill(payment_password=PIN).press("Confirm receipt")
    assert buyer.sees("This order is complete")
    assert buyer.faults() == []
    buyer.go(f"/wallet/orders/{bad}")
    buyer.page.locator("summary").click()
    buyer.fill(reason="The lid is missing").press("Open a dispute")
    assert buyer.sees("Your dispute is open")
    assert buyer.sees("The lid is missing")
    buyer.go(f"/cashier/{bad}")
    assert buyer.sees("The trade is in dispute")
    assert buyer.faults() == []


def test_a_buyer_sends_money_and_sees_it_in_the_statement(look: Look) -> None:
    buyer = look(PHONE, "zh").go("/wallet/transfer").sign_in(ALICE, PASSWORD)
    buyer.fill(payee="nobody@sandbox.test", amount="1.23", remark="茶", payment_password=PIN)
    buyer.press("确认转账")
    assert buyer.sees("收款方不存在。")
    assert buyer.faults() == []
    buyer.fill(payee=BOB, payment_password=PIN).press("确认转账")
    assert buyer.sees("转账成功。")
    buyer.press("账单明细")
    first = buyer.page.locator(".rows li").first
    expect(first).to_contain_text("1.23")
    expect(first).to_contain_text("茶")
