"""The fraud graph in Chromium: search, expand, slide through time, path, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect
from tests.browser.looking import Looking
from tests.browser.test_operator_works import at_work
from tests.server_process import ServerProcess

from tallystick.risk.graph.feed import wallet_id

Look = Callable[..., Looking]
ALICE, TEA = "2088000000000101", "2088000000000002"


def picture(boss: Looking) -> str:
    """What is painted, as a text."""
    return str(boss.page.locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def test_an_analyst_follows_money_and_exports_the_case(
    look: Look, server: ServerProcess, tmp_path: Path
) -> None:
    boss = at_work(look, server)
    boss.press("Fraud graph")
    empty = picture(boss)
    page = boss.page
    boss.fill(find=ALICE)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("[data-fact=id]")).to_have_text(ALICE)
    rows = page.locator("#graph-rows tr")
    alice, tea = (str(wallet_id(party, "CNY")) for party in (ALICE, TEA))
    flow = rows.filter(has_text=alice).filter(has_text=tea).first
    expect(flow).to_be_visible()
    assert picture(boss) != empty
    flow.get_by_role("button", name=alice).click()
    expect(page.locator("[data-fact=sent]")).not_to_have_text("0")
    page.get_by_role("button", name="Expand").click()
    page.get_by_role("button", name="Path from here").click()
    rows.filter(has_text=alice).get_by_role("button", name=tea).first.click()
    page.get_by_role("button", name="Path to here").click()
    expect(page.locator("#graph-said")).to_have_text("Transfers on the path: 1")
    page.locator("#graph-until").fill("0")
    shown = page.locator("#graph-day")
    expect(shown).to_contain_text("UTC")
    page.locator("#graph-until").fill("1000")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export the case").click()
    waiting.value.save_as(tmp_path / "case.json")
    case = json.loads((tmp_path / "case.json").read_text("utf-8"))
    assert {alice, tea} <= {vertex["id"] for vertex in case["vertices"]}
    paid = next(e for e in case["edges"] if (e["fromId"], e["toId"]) == (alice, tea))
    assert len(paid["times"]) == len(paid["amounts"]) > 0
    assert case["path"] == [f"Account:{alice}>Account:{tea}"]
    assert boss.faults() == []
