"""Every page on every screen, in both languages and both lights: see `inspect.js` for what of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.gateway.alipay.shop import Auditor
from tests.server_process import ServerProcess

Look = Callable[..., Looking]

_STATES = ("Waiting", "Held", "Shipped", "Settled", "Refunded", "Expired", "Too dear", "Bob")
SIGHTS = pytest.mark.parametrize(
    ("screen", "language", "dark"),
    [(DESKTOP, "en", False), (PHONE, "en", True), (DESKTOP, "zh", True), (PHONE, "zh", False)],
    ids=["desktop-en", "phone-en-dark", "desktop-zh-dark", "phone-zh"],
)


def trades(server: ServerProcess) -> dict[str, str]:
    """Trade numbers by state."""
    found = Auditor(server.data).rows("SELECT subject, trade_no FROM trade")
    return {state: no for subject, no in found for state in _STATES if subject.startswith(state)}


def pages_for_anybody(server: ServerProcess) -> Iterator[str]:
    """What is seen without signing in."""
    yield from ("/wallet/sign-in", "/console/sign-in", "/pay/abc123/qr", "/cashier/1")
    yield from (
        "/institution/sign-in",
        "/wallet/nowhere",
        "/console/nowhere",
        "/credit/quote",
        "/recover",
        "/verify/done",
    )
    known = trades(server)
    yield from (f"/cashier/{known[s]}" for s in ("Waiting", "Held", "Expired"))


def pages_of_a_buyer(server: ServerProcess) -> Iterator[str]:
    """What a buyer sees."""
    known = trades(server)
    yield from (f"/cashier/{known[s]}" for s in ("Waiting", "Held", "Refunded", "Too dear", "Bob"))
    yield from (
        f"/wallet/{place}".rstrip("/")
        for place in (
            "",
            "orders",
            "bills",
            "loans",
            "loans/offers/cash",
            "loans/apply",
            "invoices",
            "statement",
            "code",
            "transfer",
            "top-up",
            "withdraw",
            "said-of-me",
            "overdue",
            "consents",
            "security",
        )
    )
    yield from (f"/wallet/orders/{known[s]}" for s in ("Held", "Shipped", "Settled", "Refunded"))
    yield "/wallet/orders/1"


def pages_of_an_operator(server: ServerProcess) -> Iterator[str]:
    """What an operator sees."""
    auditor = Auditor(server.data)
    places = ("trades", "accounts", "trial-balance", "notifications", "apps", "keys", "audit")
    yield from ("/console", *(f"/console/{place}" for place in places))
    yield from (f"/console/reports?report={r}" for r in ("trial_balance", "balance_sheet"))
    yield from ("/console/search", "/console/search?least=999999999999", "/console/groups")
    keeping = ("", "/schedules", "/sweeps", "/monitors", "/exchange", "/webhooks")
    yield from (f"/console/bookkeeping{place}" for place in keeping)
    for (entry,) in auditor.rows("SELECT id FROM ledger_transfer LIMIT 1"):
        yield f"/console/entries/{entry.hex()}"
    known = trades(server)
    yield from (
        f"/console/trades/{known[s]}" for s in ("Waiting", "Shipped", "Settled", "Refunded")
    )
    yield from ("/console/blacklist", "/console/loans", "/console/loans/1", "/console/scoring")
    yield from ("/console/receivables", "/console/receivables/1")
    yield from ("/console/collections", "/console/collections/strategies")
    yield "/console/funding/simulate?programme=east-cash&days=30&share=0.5&total=1&day=0&eligible="
    yield from ("/console/fraud-graph", "/console/fraud-graph?find=2088000000000101")
    yield from ("/console/apps/2026000000000001", "/console/trades?text=none", "/console/trades/1")
    accounts = dict(auditor.rows("SELECT code, id FROM ledger_account"))
    yield from (f"/console/accounts/{account.hex()}" for account in accounts.values())
    for (notify_id,) in auditor.rows("SELECT notify_id FROM notification LIMIT 1"):
        yield f"/console/notifications/{notify_id}"


def judge(looking: Looking, paths: Iterator[str]) -> list[str]:
    """What is wrong with these pages."""
    return [fault for path in paths for fault in looking.go(path).faults()]


WRONG = """() => {
    document.querySelector("main").insertAdjacentHTML("beforeend", `<h1>Twice</h1>
      <p id="pale">pale</p><p id="wide">wide</p><a id="nameless" href="/"></a><input id="bare">
      <button class="button" id="low">Low</button><p id="low">again</p>`);
    pale.style = "color: #999; background: #fff"; wide.style = "width: 900px";
    document.querySelector("#low").style = "min-height: 20px; height: 20px";
}"""


def test_the_judge_finds_what_is_wrong(look: Look) -> None:
    looking = look(PHONE).go("/wallet/sign-in")
    assert looking.faults() == []
    looking.page.evaluate(WRONG)
    said = "\n".join(looking.faults())
    for fault in ("scrolls sideways", "reaches out", "contrast 2.8", "has no name",
                  "only 20 high", "has not one h1", "has the id twice: low"):  # fmt: skip
        assert fault in said, (fault, said)


@SIGHTS
def test_pages_for_anybody(
    look: Look, server: ServerProcess, screen: Screen, language: str, dark: bool
) -> None:
    assert judge(look(screen, language, dark=dark), pages_for_anybody(server)) == []


@SIGHTS
def test_pages_of_a_buyer(
    look: Look, server: ServerProcess, screen: Screen, language: str, dark: bool
) -> None:
    buyer = look(screen, language, dark=dark).go("/wallet")
    buyer.sign_in("alice@sandbox.test", "sandbox-1")
    assert judge(buyer, pages_of_a_buyer(server)) == []
    buyer.go("/wallet/code").page.locator("main button").click()
    buyer.page.locator("svg.qr").wait_for()
    assert buyer.faults() == []


@SIGHTS
def test_pages_of_an_operator(
    look: Look, server: ServerProcess, screen: Screen, language: str, dark: bool
) -> None:
    boss = look(screen, language, dark=dark).go("/console")
    boss.sign_in("operator", server.credentials["operators"][0]["password"])
    assert judge(boss, pages_of_an_operator(server)) == []
