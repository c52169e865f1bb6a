"""The API's page in Chromium: read on every screen, and tried with a key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.server_process import ServerProcess

Look = Callable[..., Looking]

PLACES = ("/docs", "/docs#/createTrade", "/docs#/createLedgerTransfers", "/docs#/listTrades",
          "/docs#/getTradeStory", "/docs/refusals")  # fmt: skip


@pytest.mark.parametrize(
    ("screen", "language", "dark"),
    [(DESKTOP, "en", False), (PHONE, "en", True), (DESKTOP, "zh", True), (PHONE, "zh", False)],
    ids=["desktop-en", "phone-en-dark", "desktop-zh-dark", "phone-zh"],
)
def test_the_page_is_readable_on_every_screen(
    look: Look, screen: Screen, language: str, dark: bool
) -> None:
    reader = look(screen, language, dark=dark)
    for place in PLACES:
        reader.page.goto("about:blank")
        reader.go(place)
        reader.page.locator("h1").wait_for()
        assert reader.faults() == []


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_operation_is_found_and_tried(look: Look, server: ServerProcess, screen: Screen) -> None:
    page = look(screen).go("/docs").page
    page.locator("h1").wait_for()
    page.locator("#key").fill(server.rest_key)
    if screen is PHONE:
        page.locator("#menu").click()
    page.get_by_role("searchbox").fill("freeze")
    page.locator("#rail").get_by_role("link", name="Freeze a buyer's money").click()
    expect(page.locator("h1")).to_have_text("Freeze a buyer's money")
    body = page.locator("textarea")
    number = f"page-{screen.name}"
    hold = {"app_id": server.app_id, "out_order_no": number, "out_request_no": "1",
            "amount": "5.00", "title": "x", "payment_code": server.buyer_code}  # fmt: skip
    body.fill(json.dumps(hold))
    expect(page.locator("pre.curl")).to_contain_text(number)
    expect(page.locator("pre.curl")).not_to_contain_text(server.rest_key)
    send = page.get_by_role("button", name="Send")
    send.click()
    expect(page.locator(".badge").first).to_have_text(re.compile("^201"))
    expect(page.locator("pre.answer")).to_contain_text('"frozen": "5.00"')
    send.click()
    expect(page.locator(".badge").nth(1)).to_have_text("given before")
    page.get_by_role("button", name="New").click()
    body.fill("{")
    send.click()
    expect(page.locator(".badge").first).to_have_text(re.compile("^400"))
    expect(page.locator("pre.answer")).to_contain_text("MALFORMED_REQUEST")


def test_a_long_number_in_an_answer_keeps_every_digit(look: Look, server: ServerProcess) -> None:
    page = look().go("/docs#/getLedgerAccount").page
    page.locator("#key").fill(server.rest_key)
    wallets = page.evaluate(
        "async key => (await fetch('/v1/ledger/accounts?ledger=1000156&limit=1',"
        " {headers: {authorization: `Bearer ${key}`}})).text()",
        server.rest_key,
    )
    account_id = json.loads(wallets)["items"][0]["id"]
    page.locator('input[name="path.account_id"]').fill(account_id)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("pre.answer")).to_contain_text(f'"id": "{account_id}"')
    timestamp = re.compile(r'"timestamp": "[0-9]{19}"')
    expect(page.locator("pre.answer")).to_have_text(timestamp)
