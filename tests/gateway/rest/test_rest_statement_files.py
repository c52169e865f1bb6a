"""Statements as files over HTTP: every form, sent whole, and what cannot be had."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from tests.gateway.rest.rest_client import Rest, new_book

from tallystick.gateway.rest.statement_files import accepted_form
from tallystick.reconciliation.statements.camt053 import read_camt053
from tallystick.reconciliation.statements.mt940 import read_mt940


@pytest.fixture
def moved(rest: Rest) -> int:
    """An account of a book of its own, with three movements."""
    base, book = time.time_ns() * 1000, new_book()
    accounts = [{"id": base + n, "ledger": book, "code": 10} for n in (1, 2)]
    assert rest.done("/v1/ledger/accounts", {"accounts": accounts}) == ["created", "created"]
    moves = [
        {"id": base + 10 + n, "debit_account_id": base + 2, "credit_account_id": base + 1,
         "amount": 1000 + n, "ledger": book, "code": 1} for n in range(3)
    ]  # fmt: skip
    assert rest.done("/v1/ledger/transfers", {"transfers": moves}) == ["created"] * 3
    return base + 1


def had(rest: Rest, account: int, **query: str) -> httpx2.Response:
    headers = {"authorization": f"Bearer {rest.key}"}
    address = f"{rest.base_url}/v1/ledger/accounts/{account}/statement-file"
    return httpx2.get(address, params=query, headers=headers, timeout=60)


def test_every_form_is_sent_whole(rest: Rest, moved: int) -> None:
    answers = {
        form: had(rest, moved, format=form, currency="CNY", lang=language)
        for form, language in (
            ("json", "zh"), ("csv", "zh"), ("pdf", "zh"), ("camt053", "zh"), ("mt940", "en"),
        )
    }  # fmt: skip
    for answer in answers.values():
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert "attachment" in answer.headers["content-disposition"]
    said: dict[str, Any] = answers["json"].json()
    assert (said["opening"], said["closing"]) == ("0.00", "30.03")
    journal = [e["journal"] for day in said["days"] for e in day["entries"]]
    assert [j["index"] for j in journal] == [0, 1, 2]
    assert len({j["batch"] for j in journal}) == 1
    assert "期末余额" in answers["csv"].text
    assert answers["pdf"].content.startswith(b"%PDF-")
    for read in (read_camt053(answers["camt053"].content), read_mt940(answers["mt940"].text)):
        assert [x.amount for one in read for x in one.lines] == [1000, 1001, 1002]


def test_mt940_in_chinese_says_why_there_is_none(rest: Rest, moved: int) -> None:
    answer = had(rest, moved, format="mt940", lang="zh")
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_PARAMETER")
    assert "MT940 is in English only" in answer.json()["detail"]


def test_the_form_is_the_one_that_accept_prefers(rest: Rest, moved: int) -> None:
    headers = {"authorization": f"Bearer {rest.key}", "accept": "text/csv;q=0.5, application/pdf"}
    address = f"{rest.base_url}/v1/ledger/accounts/{moved}/statement-file"
    assert httpx2.get(address, headers=headers, timeout=60).content.startswith(b"%PDF-")
    asked = httpx2.get(address, headers=headers, params={"format": "json"}, timeout=60)
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "json"), ("*/*", "json"), ("text/*", "csv"), ("image/png", "json"),
        ("application/xml;q=0.9, text/csv;q=0.8", "camt053"), ("text/xml", "camt053"),
        ("text/plain; charset=us-ascii", "mt940"), ("application/pdf;q=0, text/csv", "csv"),
        ("text/csv;q=x, application/pdf;q=0.1", "pdf"), (";;,,q=1", "json"),
    ],
)  # fmt: skip
def test_an_accept_header_is_read(accept: str, form: str) -> None:
    assert accepted_form(accept) == form


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"format": "word"}, "MALFORMED_REQUEST"),
        ({"first_day": "2026-02-30"}, "INVALID_PARAMETER"),
        ({"first_day": "2026-11-25", "last_day": "2026-11-24"}, "INVALID_PARAMETER"),
        ({"currency": "ABC"}, "INVALID_PARAMETER"),
    ],
)
def test_what_cannot_be_had_is_refused(
    rest: Rest, moved: int, query: dict[str, str], code: str
) -> None:
    assert had(rest, moved, **query).json()["code"] == code


def test_nobodys_account_has_no_statement(rest: Rest) -> None:
    assert had(rest, 2**128 - 5).json()["code"] == "ACCOUNT_NOT_EXIST"
