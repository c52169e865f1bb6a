"""A merchant's credit in Chromium: months of sales and the offer, an invoice up to its payment."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.console.world import HISTORY

Look = Callable[..., Looking]
PASSWORD, PIN = "sandbox-1", "123456"
SMALL = Screen("small phone", 360, 740, touch=True)


def test_sales_of_months_are_drawn_and_the_offer_follows_from_them(look: Look) -> None:
    shop = look(SMALL)
    shop.go("/wallet/loans").sign_in(HISTORY.login, PASSWORD)
    bars = shop.page.locator("svg.chart rect")
    expect(bars).to_have_count(6)
    heights = [int(bar.get_attribute("height") or 0) for bar in bars.all()]
    # More is sold each month; what went back in the last but one is off.
    assert all(height > 0 for height in heights)
    assert heights[0] < heights[1] < heights[2] < heights[-1]
    assert "refunded" in bars.nth(4).locator("title").inner_html()
    assert shop.sees("11.5")
    assert shop.faults() == []
    # The places are one row, and the present one is in view.
    places = shop.page.locator(".places a")
    tops = {round(place.bounding_box()["y"]) for place in places.all()}  # type: ignore[index]
    assert len(tops) == 1
    here = shop.page.locator(".places [aria-current]").bounding_box()
    assert here is not None
    assert here["x"] >= 0
    assert here["x"] + here["width"] <= SMALL.width
    shop.press("See every payment")
    assert shop.faults() == []
    shop.fill(payment_password=PIN).press("Sign and draw")
    assert shop.sees("the money is in your wallet")
    # A bank funds a part of it, by what the platform knows of the shop's sales.
    assert shop.sees("East Bank 东城银行 · 30.0 %")
    assert shop.sees("The platform · 70.0 %")
    assert shop.faults() == []


def test_an_invoice_is_registered_acknowledged_assigned_and_paid(look: Look) -> None:
    shop = look(PHONE)
    shop.go("/wallet/invoices").sign_in("tea@sandbox.test", PASSWORD)
    assert shop.sees("There is nothing to draw yet.")
    due = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60 * 86_400))
    wrong = {"number": "B-1", "debtor": "nobody@sandbox.test", "amount": "1000.00", "due_day": due}
    shop.fill(**wrong).press("Register, and give notice")
    assert shop.page.locator("[role=alert]").count() == 1
    assert shop.faults() == []
    shop.fill(debtor="bob@sandbox.test").press("Register, and give notice")
    assert shop.sees("the customer has been given notice")
    assert shop.sees("9.4")
    assert shop.sees("The debtor has not acknowledged")
    assert shop.faults() == []
    invoice = shop.path
    debtor = look(PHONE, "zh")
    debtor.go(invoice).sign_in("bob@sandbox.test", PASSWORD)
    assert debtor.faults() == []
    debtor.press("确认")
    shop.go(invoice)
    assert shop.faults() == []
    shop.fill(payment_password=PIN).press("Sign and get")
    assert shop.sees("Signed: the money is in your wallet.")
    assert shop.sees("With recourse")
    assert shop.faults() == []
    shop.go("/wallet/invoices")
    expect(shop.page.locator("svg.chart g")).to_have_count(1)
    assert shop.faults() == []
    debtor.go(invoice)
    debtor.fill(payment_password=PIN).press("用钱包付款")
    assert debtor.sees("付款成功")
    assert debtor.faults() == []
    operator = shop.server.credentials["operators"][0]
    desk = look(DESKTOP).go("/console")
    desk.sign_in(operator["login"], operator["password"])
    desk.go("/console/receivables?status=settled")
    assert desk.faults() == []
    desk.press("B-1")
    assert desk.sees("Paid by the customer")
    assert desk.sees("Advance on a receivable")
    assert desk.faults() == []
