"""An operator's whole way in Chromium: find a trade, read its story, act, sign out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Dialog, expect
from tests.browser.looking import DESKTOP, PHONE, Looking, Screen
from tests.browser.shop_site import ShopSite
from tests.gateway.alipay.shop import Auditor, Shop
from tests.server_process import ServerProcess

Look = Callable[..., Looking]


def at_work(look: Look, server: ServerProcess, login: str = "operator",
            screen: Screen = DESKTOP, language: str = "en") -> Looking:  # fmt: skip
    """An operator who has signed in, and says yes when asked whether to go on."""
    looking = look(screen, language).go("/console")
    passwords = {o["login"]: o["password"] for o in server.credentials["operators"]}
    looking.sign_in(login, passwords[login])
    looking.page.on("dialog", accept)
    assert looking.path == "/console"
    return looking


def accept(dialog: Dialog) -> None:
    """Say yes."""
    dialog.accept()


def number_of(server: ServerProcess, subject: str) -> str:
    """The number of the trade whose subject begins so."""
    rows = Auditor(server.data).rows(
        "SELECT trade_no FROM trade WHERE subject LIKE ? || '%'", subject
    )
    return str(rows[0][0])


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_operator_finds_a_trade_and_reads_its_story(
    look: Look, server: ServerProcess, screen: Screen
) -> None:
    boss = at_work(look, server, screen=screen)
    trade_no = number_of(server, "Settled")
    boss.press("Trades").fill(text=trade_no)
    # A place of the console has the same name as the form's button.
    with boss.page.expect_navigation():
        boss.page.get_by_role("button", name="Search").click()
    assert boss.faults() == []
    boss.press(trade_no)
    assert boss.path == f"/console/trades/{trade_no}"
    steps = boss.page.locator(".timeline .step")
    expect(steps).to_have_text(
        [re.compile(x) for x in ("Order opened", "Paid", "Shipped", "Receipt confirmed")]
    )
    postings = boss.page.locator("section", has_text="Ledger postings")
    expect(postings.get_by_role("link", name="Merchant wallet").first).to_be_visible()
    assert boss.faults() == []
    boss.press("Trade escrow")
    assert boss.sees("Statement")
    with boss.page.expect_download() as download:
        boss.page.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename.endswith(".csv")
    assert trade_no in download.value.path().read_text("utf-8-sig")


def test_the_overview_follows_without_loading_again(
    look: Look, server: ServerProcess, shop: Shop
) -> None:
    boss = at_work(look, server)
    boss.page.evaluate("window.same = true")
    expect(boss.page.locator("#live-state")).to_have_class(re.compile("on"))
    figure = boss.page.locator('[data-figure="trades_today"]')
    before = int(figure.inner_text())
    drawn = boss.page.locator('[data-chart="hours"] svg')
    expect(drawn).to_have_attribute("role", "img")
    chart = drawn.inner_html()
    shop.pay("4321.00")
    expect(figure).to_have_text(str(before + 1))
    expect(boss.page.locator('[data-figure="balanced"]')).to_have_text("Balanced")
    assert drawn.inner_html() != chart
    assert boss.page.evaluate("window.same")


def test_an_operator_sends_a_notification_again(
    look: Look, server: ServerProcess, shop_site: ShopSite
) -> None:
    trade_no = number_of(server, "Held")
    shop_site.wait_told(1, trade_no=trade_no)
    boss = at_work(look, server).go(f"/console/trades/{trade_no}")
    boss.page.get_by_role("link", name="trade.paid").click()
    assert boss.sees("Delivered")
    boss.press("Send again")
    assert boss.sees("The notification is sent again.")
    told = shop_site.wait_told(2, trade_no=trade_no)
    assert told[0]["notify_id"] == told[1]["notify_id"]
    assert boss.faults() == []


def test_an_operator_adds_a_key_and_retires_it(look: Look, server: ServerProcess) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    boss = at_work(look, server).press("Apps").press("Tally Market")
    boss.page.locator("summary", has_text="Add a key").click()
    boss.fill(public_key="not a key").press("Add a key")
    assert boss.sees("This is not an RSA public key of at least 2048 bits.")
    # The page has the address of its form: loading it again sends nothing.
    boss.page.reload()
    expect(boss.page.get_by_text("not an RSA public key")).to_have_count(0)
    boss.page.locator("summary", has_text="Add a key").click()
    boss.fill(public_key=pem).press("Add a key")
    assert boss.sees("The key is accepted from now on.")
    rows = boss.page.locator("tbody tr")
    expect(rows).to_have_count(2)
    rows.filter(has_not_text="app-key-1").get_by_role("button", name="Retire").click()
    assert boss.sees("The key is not accepted any more.")
    expect(rows.filter(has_text="Retired")).to_have_count(1)
    rows.filter(has_text="app-key-1").get_by_role("button", name="Retire").click()
    assert boss.sees("The last active key cannot be retired")
    assert boss.faults() == []


def test_an_api_key_is_shown_once_and_works_until_it_is_revoked(
    look: Look, server: ServerProcess
) -> None:
    boss = at_work(look, server).press("Keys")
    boss.page.locator("summary", has_text="Create a key").click()
    boss.fill(name="Nightly report")
    boss.page.get_by_label("ledger:read").check()
    boss.press("Create a key")
    secret = boss.page.locator("#secret").inner_text()
    assert len(secret) > 20
    assert boss.faults() == []
    boss.go("/console/keys")
    assert secret not in boss.page.content()
    row = boss.page.locator("tr", has_text="Nightly report")
    row.get_by_role("button", name="Revoke").click()
    expect(boss.page.locator("tr", has_text="Nightly report")).to_contain_text("Retired")


def test_an_operator_resolves_a_dispute(look: Look, server: ServerProcess) -> None:
    trade_no = number_of(server, "Disputed")
    boss = at_work(look, server, screen=PHONE).go(f"/console/trades/{trade_no}")
    boss.fill(to_buyer="100.00", to_seller="100.00").press("Decide")
    assert boss.sees("together must be what is held")
    assert boss.faults() == []
    boss.fill(to_buyer="100.00", to_seller="159.00").press("Decide")
    assert boss.sees("The dispute is resolved.")
    assert boss.sees("Dispute resolved")
    boss.go("/console/audit")
    rows = boss.page.locator("tbody tr", has_text=trade_no)
    expect(rows.first).to_contain_text("accepted")
    expect(rows.nth(1)).to_contain_text("DISPUTE_SUM_WRONG")


def test_an_operator_changes_language_and_signs_out(look: Look, server: ServerProcess) -> None:
    boss = at_work(look, server).press("Trades").press("中文")
    expect(boss.page.get_by_role("heading", name="交易")).to_be_visible()
    assert boss.page.locator("html").get_attribute("lang") == "zh-CN"
    boss.press("概览")
    assert boss.sees("今日付款")
    boss.press("退出")
    assert boss.path == "/console/sign-in"
    assert boss.sees("您已退出登录。")
    boss.page.go_back()
    boss.page.reload()
    assert boss.path == "/console/sign-in"


def test_a_viewer_sees_everything_and_can_change_nothing(look: Look, server: ServerProcess) -> None:
    viewer = at_work(look, server, "viewer")
    unpaid = number_of(server, "Too dear")
    for path in (f"/console/trades/{unpaid}", "/console/apps/2026000000000001", "/console/keys"):
        viewer.go(path)
        expect(viewer.page.locator("main form[method=post]")).to_have_count(0)
        expect(viewer.page.locator("main button")).to_have_count(0)
        assert viewer.faults() == []
    # A form made by hand, with everything that a form of theirs has.
    status = viewer.page.evaluate(
        """async (path) => {
            const csrf = document.querySelector('[name="csrf"]').value;
            const answer = await fetch(path, {method: "POST", body: new URLSearchParams({csrf})});
            return answer.status;
        }""",
        f"/console/trades/{unpaid}/close",
    )
    assert status == 403
    viewer.go("/console/audit")
    row = viewer.page.locator("tbody tr", has_text=unpaid)
    expect(row).to_contain_text("NOT_PERMITTED")


def test_five_wrong_passwords_lock_an_operator(look: Look, server: ServerProcess) -> None:
    guesser = look().go("/console")
    for left in (4, 3, 2, 1):
        guesser.sign_in("guessed", "guess")
        assert guesser.sees(f"Tries left: {left}")
    guesser.sign_in("guessed", "guess")
    assert guesser.sees("Try again after")
    assert guesser.faults() == []


STATEMENT = """\
:20:UPLOADED
:25:NL71RABO0123456789
:28C:{number}
:60F:C261124EUR{opening}
:61:2611241124{movement}NTRFBROWSER{number}
:62F:C261124EUR{closing}
-
"""


def chosen(boss: Looking, text: str) -> Looking:
    """Choose the bank and a file of this text, and send it."""
    file = {"name": "day.sta", "mimeType": "text/plain", "buffer": text.encode()}
    boss.page.locator("#import-bank").select_option("3")
    boss.page.locator("#file").set_input_files(file)  # type: ignore[arg-type]
    with boss.page.expect_navigation():
        boss.page.get_by_role("button", name="Import", exact=True).click()
    return boss


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_an_operator_imports_a_statement_and_sees_what_is_wrong_with_it(
    look: Look, server: ServerProcess, screen: Screen
) -> None:
    number = screen.width
    boss = at_work(look, server, screen=screen).go("/console/reconciliation")
    good = STATEMENT.format(number=number, opening="100,00", movement="C12,30", closing="112,30")
    chosen(boss, good.replace("112,30", "113,30"))
    assert boss.sees("The bank statement cannot be read, or does not add up.")
    assert boss.sees("Line 6: EUR: 100.00 opening and 12.30 moved give 112.30")
    assert boss.faults() == []
    chosen(boss, good)
    assert boss.sees("The statement is imported.")
    assert boss.sees(f"BROWSER{number}")
    assert boss.faults() == []
