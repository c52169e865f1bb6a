"""An analyst's work in the console: rules, decisions, reviews by two people, lists, cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.browser.conftest import SECOND_PASSWORD
from tests.browser.looking import DESKTOP, PHONE, Looking
from tests.browser.test_every_page import judge
from tests.gateway.alipay.shop import Auditor
from tests.server_process import ServerProcess

Look = Callable[..., Looking]

AMOUNT = "7.77"
HELD = "kind == 'withdrawal' && amount == 777"


@pytest.fixture(scope="module")
def boss(server: ServerProcess) -> dict[str, str]:
    """Somebody who may act."""
    return {"login": "operator", "password": server.credentials["operators"][0]["password"]}


def signed_in(look: Look, who: dict[str, str], *where: Any, **how: Any) -> Looking:
    return look(*where, **how).go("/console").sign_in(**who)


def write(analyst: Looking, button: str, **fields: str) -> Looking:
    """Fill in the rule's form and press a button."""
    analyst.go("/console/risk/rules")
    for name in ("action", "lane"):
        if name in fields:
            analyst.page.select_option(f"#{name}", fields.pop(name))
    return analyst.fill(**fields).press(button)


def pages(server: ServerProcess) -> Iterator[str]:
    """Every page about risk."""
    auditor = Auditor(server.data)
    places = ("", "/rules", "/rules?compare=1", "/reviews", "/lists", "/cases", "/alerts",
              "/rules/sets/1", "?outcome=hold", "/decisions/99999")  # fmt: skip
    yield from (f"/console/risk{place}" for place in places)
    for (seq,) in auditor.rows("SELECT seq FROM risk_decision ORDER BY seq LIMIT 2"):
        yield f"/console/risk/decisions/{seq}"
    for (case_id,) in auditor.rows("SELECT case_id FROM risk_case LIMIT 1"):
        yield f"/console/risk/cases/{case_id}"


def withdraw(look: Look) -> Looking:
    alice = look(DESKTOP).go("/wallet").sign_in("alice@sandbox.test", "sandbox-1")
    alice.go("/wallet/withdraw").fill(amount=AMOUNT, payment_password="123456")
    with alice.page.expect_navigation():
        alice.page.locator("main button.primary").click()
    return alice


def test_an_analyst_at_work(look: Look, server: ServerProcess, boss: dict[str, str]) -> None:
    analyst = signed_in(look, boss, DESKTOP)
    write(analyst, "Check", name="held_small", when="kind == 'withdrawal' && amont == 777")
    assert analyst.sees("there is no feature 'amont'; did you mean amount?")
    assert analyst.page.locator("mark").inner_text() == "a"
    write(analyst, "Save as a draft", name="held_small", when=HELD, action="hold")
    analyst.page.on("dialog", lambda dialog: dialog.accept())
    analyst.press("Put in force")
    assert analyst.sees("In force")
    write(analyst, "Save as a draft", name="watched", when="amount > 500", lane="shadow")
    analyst.press("Put in force")
    assert withdraw(look).sees("held for review")
    analyst.go("/console/risk?outcome=hold")
    analyst.page.locator("main table a[href*='/decisions/']").first.click()
    assert analyst.sees("What each rule said")
    assert analyst.sees("held_small@1")
    analyst.press("It was fraud")
    assert analyst.page.locator(".badge.bad", has_text="Fraud").count() == 1
    write(analyst, "Test on history", name="held_more", when="amount >= 700", action="deny")
    assert analyst.page.locator("#tried dd").all_inner_texts()[:3] == ["1", "1", "0"]
    assert "held_small 1" in analyst.page.locator("#tried").inner_text()
    analyst.go("/console/risk/lists").fill(value="phone-9", reason="Stolen").press("Put on a list")
    assert analyst.sees("phone-9")
    analyst.go("/console/risk/cases").fill(value="2088000000000001", title="A ring")
    analyst.press("Open a case").press("A ring").fill(text="Called", seq="1").press("Write")
    assert analyst.sees("Called")
    analyst.go("/console/risk/reviews").press("Agree")
    assert analyst.sees("Another person must agree.")
    for screen, language, dark in ((DESKTOP, "en", True), (PHONE, "zh", False)):
        watching = signed_in(look, boss, screen, language, dark=dark)
        assert judge(watching, pages(server)) == []
    second = signed_in(look, {"login": "second", "password": SECOND_PASSWORD}, DESKTOP)
    second.page.on("dialog", lambda dialog: dialog.accept())
    second.go("/console/risk/reviews").press("Agree and run")
    assert second.sees("Released")
    for name in ("held_small", "watched"):
        second.go("/console/risk/rules").page.locator(
            f"form[action='/console/risk/rules/{name}/1/retire'] button"
        ).click()
        second.sees("Retired")
