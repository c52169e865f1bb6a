"""A borrower's whole way in Chromium: the offer, signing, the schedule, and paying early."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect
from tests.browser.looking import DESKTOP, PHONE, Looking

Look = Callable[..., Looking]
ALICE, PASSWORD, PIN = "alice@sandbox.test", "sandbox-1", "123456"


def test_from_an_offer_to_a_payment_whose_saving_was_shown_and_the_operators_story(
    look: Look,
) -> None:
    borrower = look(PHONE)
    borrower.go("/wallet/loans").sign_in(ALICE, PASSWORD)
    borrower.go("/wallet/loans/offers/cash?amount=1200.00&count=12")
    assert borrower.sees("All-in yearly rate: 11.5")
    assert borrower.faults() == []
    borrower.fill(payment_password="000000").press("Sign and draw")
    assert borrower.sees("Tries left: 4")
    borrower.fill(payment_password=PIN).press("Sign and draw")
    assert borrower.sees("the money is in your wallet")
    assert borrower.faults() == []
    # Institutions fund it: the page says who, and how much of it.
    assert borrower.sees("West Bank 西城银行 · 60.0 %")
    assert borrower.sees("The platform · 40.0 %")
    expect(borrower.page.locator("svg.chart g")).to_have_count(12)
    loan = borrower.path
    borrower.page.locator('[name="early"]').fill("300.00")
    borrower.press("See what it saves")
    saving = borrower.page.locator("#saving")
    expect(saving).to_contain_text("You save")
    expect(saving).to_contain_text("12 payments, the next ¥79.51")
    assert borrower.faults() == []
    borrower.page.locator('[name="payment_password"]').last.fill(PIN)
    borrower.press("Pay early now")
    assert borrower.sees("Paid.")
    assert borrower.sees("900.00")
    assert borrower.path == loan
    # The operator sees the loan's whole story with every posting.
    operator = borrower.server.credentials["operators"][0]
    desk = look(DESKTOP).go("/console")
    desk.sign_in(operator["login"], operator["password"])
    desk.go("/console/loans")
    assert desk.faults() == []
    desk.press(loan.rpartition("/")[2])
    assert desk.sees("Loan drawn")
    assert desk.sees("Ledger postings")
    assert desk.faults() == []
    # The funding desk has the decision, and the quota that it took.
    desk.go("/console/funding")
    assert desk.sees("Drawn")
    assert desk.faults() == []
