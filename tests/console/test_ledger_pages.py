"""Reports, search, groups and statements on the operators' pages."""

from __future__ import annotations

import re

import pytest
from tests.console.person import operator
from tests.console.world import ALICE, World

from tallystick.accounting.groups.model import GroupDefinition, GroupRule, SaveGroup
from tallystick.ledger.chart import CUSTOMER_WALLET, PLATFORM_ENTITY, account_id, book_id

BOOK = book_id(PLATFORM_ENTITY, "CNY")
WALLET = f"{account_id(BOOK, CUSTOMER_WALLET, ALICE.party_id):032x}"


@pytest.mark.parametrize("report", ["trial_balance", "balance_sheet", "income_statement"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_shown_and_had_as_a_file(world: World, report: str, language: str) -> None:
    world.paid(1_100)
    person = operator(world)
    shown = person.get(f"/console/reports?report={report}&lang={language}")
    assert shown.status == 200
    title = {"trial_balance": ("Trial balance", "试算平衡表"),
             "balance_sheet": ("Balance sheet", "资产负债表"),
             "income_statement": ("Income statement", "利润表")}[report]  # fmt: skip
    assert title[language == "zh"] in person.page
    for form, begin in (("csv", "\ufeff".encode()), ("pdf", b"%PDF-")):
        made = person.get(f"/console/reports/file?report={report}&form={form}")
        assert made.answer.content.startswith(begin)


@pytest.mark.parametrize(
    "place",
    [
        "/console/reports?report=all", "/console/reports?first=2026-02-30",
        "/console/reports?first=2026-02-03&last=2026-02-02", "/console/reports/file?form=doc",
        "/console/search?account=12", "/console/search?code=x", "/console/search?least=-1",
        "/console/search?metadata=x", f"/console/accounts/{WALLET}/statement?form=doc",
        f"/console/accounts/{WALLET}/statement?first=x", "/console/search?before=x",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(world: World, place: str) -> None:
    assert operator(world).get(place).status == 422


def test_a_search_finds_a_trades_entries(world: World) -> None:
    trade_no = world.paid(1_234)
    person = operator(world)
    person.get(f"/console/search?reference={trade_no}&least=1234&most=1234")
    assert trade_no in person.page
    assert "12.34" in person.page
    nothing = operator(world).get(f"/console/search?code=9999&reference={trade_no}").page
    assert "Nothing was found" in nothing


@pytest.mark.parametrize("form", ["json", "csv", "pdf", "camt053", "mt940"])
def test_a_statement_and_a_groups_statement_are_files(world: World, form: str) -> None:
    world.paid(1_100)
    members = GroupDefinition(rules=(GroupRule(book=BOOK, code_from=2001, code_to=2099),))
    world.do(SaveGroup(group_id="wallets", name="All wallets", members=members))
    person = operator(world)
    assert "All wallets" in person.get("/console/groups").page
    assert WALLET in person.get("/console/groups/wallets").page
    for place in (
        f"/console/accounts/{WALLET}/statement?form={form}",
        f"/console/groups/wallets/statement?form={form}&book={BOOK}",
    ):
        answer = person.get(place).answer
        assert answer.status_code == 200
        found = re.search(r'filename="(statement-[a-z0-9-]+\.[a-z]+)"',
                          answer.headers["content-disposition"])  # fmt: skip
        assert found is not None
        assert len(answer.content) == int(answer.headers["content-length"])


def test_a_group_that_is_not_there_is_not_found(world: World) -> None:
    assert operator(world).get("/console/groups/nobody").status == 404
