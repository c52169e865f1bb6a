"""Collections and consents in a real browser: an operator settles what a borrower says is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing

import pytest
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.browser.test_every_page import SIGHTS
from tests.server_process import ServerProcess
from tests.stores import database_for

Look = Callable[..., Looking]
CASE = "2026112400000000000000000777"
ALICE = "2088000000000101"


@pytest.fixture(scope="module")
def late(server: ServerProcess) -> ServerProcess:
    """The server with a case of Alice's, as the mornings of two months would have made it."""
    now = time.time_ns() // 1_000_000
    case = (
        CASE, ALICE, "CNY", "open", "", "champion", "soft", 2, 123_45, 34, now + 3_600_000, "call",
        "call", 0, 3, 1, 5, 50_00, "2026-10-20", now - 34 * 86_400_000, now, 0,
    )  # fmt: skip
    lines = [
        (CASE, 1, ALICE, "opened", now - 9, "", "", "", "", 0, "", "champion:soft", 12345, 0, 0,
         "", "system:tallystick"),
        (CASE, 2, ALICE, "contact", now - 8, "remind", "sms", "", "remind", 1, "zh", "", 0, 5, 0,
         "您有 123.45 CNY 已逾期 34 天。", "system:tallystick"),
        (CASE, 3, ALICE, "delivery", now - 7, "", "", "ali***", "", 0, "", "sent", 0, 0, 2, "",
         "system:tallystick"),
    ]  # fmt: skip
    terms = (
        '{"steps":[{"name":"call","from_days":1,"to_days":90,"channel":"call","text":"remind",'
        '"offer":{"kind":"waive","share":"0.5"}}]}'
    )
    with closing(database_for(server.data).connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        marks = ", ".join("?" * len(case))
        connection.execute(f"INSERT INTO collection_case VALUES ({marks})", case)
        marks = ", ".join("?" * len(lines[0]))
        connection.executemany(f"INSERT INTO collection_entry VALUES ({marks})", lines)
        connection.execute(
            "INSERT INTO collection_strategy VALUES ('soft', 1, 'Soft', ?, 'operator:1', ?)",
            (terms, now),
        )
        connection.execute(
            "INSERT INTO collection_text VALUES ('remind', 1, '{due} is late.', "
            "'{due} 已逾期。', 'operator:1', ?)",
            (now,),
        )
        connection.execute(
            "INSERT INTO collection_split VALUES ('2026112400000000000000000001', 'soft', '', 0, "
            "30, ?, 0)",
            (now,),
        )
        offer = ("2026112400000000000000000778", CASE, ALICE, "1", '{"kind":"waive","share":"0.5"}',
                 "open", now + 86_400_000, now)  # fmt: skip
        connection.execute("INSERT INTO collection_offer VALUES (?, ?, ?, ?, ?, ?, ?, ?)", offer)
        connection.execute("COMMIT")
    return server


@SIGHTS
def test_the_pages_with_a_case(
    look: Look, late: ServerProcess, screen: Screen, language: str, dark: bool
) -> None:
    buyer = look(screen, language, dark=dark).go("/wallet")
    buyer.sign_in("alice@sandbox.test", "sandbox-1")
    assert [f for p in ("/wallet/overdue", "/wallet/consents") for f in buyer.go(p).faults()] == []
    boss = look(screen, language, dark=dark).go("/console")
    boss.sign_in("operator", late.credentials["operators"][0]["password"])
    places = ("", "/strategies", f"/cases/{CASE}", "?status=stopped")
    faults = [f for p in places for f in boss.go(f"/console/collections{p}").faults()]
    assert faults == []


def test_a_consent_is_given_and_taken_back(look: Look, late: ServerProcess) -> None:
    buyer = look(PHONE, "en", dark=False).go("/wallet")
    buyer.sign_in("alice@sandbox.test", "sandbox-1")
    page = buyer.go("/wallet/consents").page
    page.get_by_role("button", name="Consent", exact=True).click()
    page.get_by_role("button", name="Take back").click()
    page.get_by_text("taken back").first.wait_for()


def test_what_a_borrower_disputes_is_settled_by_an_operator(
    look: Look, late: ServerProcess
) -> None:
    buyer = look(PHONE, "en", dark=False).go("/wallet")
    buyer.sign_in("alice@sandbox.test", "sandbox-1")
    page = buyer.go("/wallet/overdue").page
    form = page.locator("form[action$='/stop']")
    form.get_by_label("What happened").fill("I never drew this")
    form.get_by_role("button").click()
    page.get_by_text("being looked into").wait_for()
    boss = look(DESKTOP, "en", dark=False).go("/console")
    boss.sign_in("operator", late.credentials["operators"][0]["password"])
    desk = boss.go(f"/console/collections/cases/{CASE}").page
    desk.get_by_text("I never drew this").first.wait_for()
    desk.get_by_label("How it was settled").fill("shown the contract")
    desk.get_by_role("button", name="Resume").click()
    # Nothing of Alice's is overdue in the books: looked at again, the case is over.
    desk.locator("header .badge", has_text="Cured").wait_for()
