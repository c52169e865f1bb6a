"""Bookkeeping at the command line: the same commands as over REST, by who works on the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.operating.client import Client, run_tallystick, tallystick_here
from tests.server_process import ServerProcess
from tests.stores import ask

ROWS = """\
{"id": 70, "book": 7, "code": 10}
{"id": 71, "book": 7, "code": 10}
{"id": 72, "book": 7, "code": 20}
{"id": 81, "book": 8, "code": 10}
"""
MOVES = """\
{"id": 700, "debit_account_id": 70, "credit_account_id": 71, "amount": 100000, "book": 7, "code": 1}
{"id": 701, "debit_account_id": 70, "credit_account_id": 71, "amount": 1230, "book": 7, "code": 2,
 "user_data_128": 99}
""".replace(",\n ", ", ")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two named books, the first with money; the tests below follow each other on it."""
    folder = tmp_path_factory.mktemp("bookkeeping")
    for name, rows in (("rows", ROWS), ("moves", MOVES)):
        (folder / f"{name}.jsonl").write_text(rows)
    _did(folder / "data", "apply", folder / "rows.jsonl")
    names = ("book", "name", "7", "Head office", "--currency", "CNY", "--value-dated")
    _did(folder / "data", *names)
    _did(folder / "data", "book", "name", "8", "Dollars", "--currency", "USD")
    _did(folder / "data", "apply", folder / "moves.jsonl")
    return folder / "data"


def _did(data: Path, *arguments: str | Path, code: int = 0) -> Any:
    """The JSON answer of a command."""
    done = tallystick_here("ledger", *arguments, "--data", data, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def _said(data: Path, *arguments: str, code: int = 0) -> str:
    """What a command says to people, or why not."""
    done = tallystick_here("ledger", *arguments, "--data", data)
    assert done.returncode == code, done.stderr
    return done.stdout or done.stderr


def test_entries_are_found_by_what_they_are(data: Path) -> None:
    found = _did(data, "search", "--reference", "99", "--amount-max", "2000")
    assert [x["transfer"]["id"] for x in found["items"]] == ["701"]
    page = _did(data, "search", "--book", "7", "--limit", "1")
    rest = _did(data, "search", "--book", "7", "--limit", "1", "--cursor", page["next_cursor"])
    assert rest["items"][0]["transfer"]["id"] == "700"
    assert "--cursor" in _said(data, "search", "--book", "7", "--limit", "1")
    assert "There are none" in _said(data, "search", "--book", "9", code=1)
    assert "whole number" in _said(data, "search", "--limit=-1", code=2)
    assert "is neither" in _said(data, "search", "--from", "soon", code=2)


def test_what_an_entry_carries_is_set_and_found(data: Path) -> None:
    _did(data, "metadata", "transfer", "701", "invoice=2026-17", "who=kim")
    assert _said(data, "metadata", "transfer", "701") == "invoice=2026-17\nwho=kim\n"
    found = _did(data, "search", "--metadata", "invoice:2026-17")
    assert [x["transfer"]["id"] for x in found["items"]] == ["701"]
    assert "name=value" in _said(data, "metadata", "transfer", "701", "invoice", code=2)


def test_a_transfer_is_taken_back_by_the_machines_operator(data: Path) -> None:
    done = _did(data, "reverse", "701", "--amount", "230", "--reason", "Booked twice.")
    assert (done["amount"], done["left"]) == ("230", "1000")
    assert "1000 of it" in _said(
        data, "reverse", "701", "--amount", "1001", "--reason", "x", code=2
    )
    sql = "SELECT caller_kind, caller_id FROM audit WHERE command = 'ledger.reverse'"
    assert set(ask(data, sql)) == {("operator", "command-line")}


def test_a_group_has_balances_and_a_statement(data: Path, tmp_path: Path) -> None:
    saved = _did(data, "group", "save", "all", "All", "--rule", "book=7,codes=10-20")
    assert saved["rules"][0]["code_to"] == 20
    _did(data, "group", "save", "one", "One", "--account", "71", "--group", "all")
    (book,) = _did(data, "group", "balance", "all")["books"]
    assert (book["accounts"], book["balance"]) == (3, "0")
    assert "all" in _said(data, "group", "list")
    out = tmp_path / "group.csv"
    days = ("--from", "2000-01-01", "--to", "2100-01-01", "--format", "csv")
    _said(data, "group", "statement", "one", "--book", "7", *days, "-o", str(out))
    assert "closing" in out.read_text("utf-8-sig")
    assert "a rule is made of" in _said(data, "group", "save", "x", "X", "--rule", "c=1", code=2)
    _did(data, "group", "delete", "one")


def test_a_month_is_closed_and_opened_again_by_two(data: Path) -> None:
    closed = _did(data, "period", "close", "7", "2026-10")
    assert closed["closed_through"] == "2026-10-31"
    assert "The books say the same." in _said(data, "period", "show", closed["close_id"])
    asked = _did(data, "period", "reopen", closed["close_id"], "--reason", "An invoice came late.")
    assert asked["status"] != "closed"
    assert "Another person" in _said(data, "period", "approve", closed["close_id"], code=2)
    assert _did(data, "period", "reject", closed["close_id"])["status"] == "closed"
    assert [c["close_id"] for c in _did(data, "period", "list")["items"]] == [closed["close_id"]]
    assert "no such month" in _said(data, "period", "close", "7", "2026-13", code=2)


def test_a_sweep_is_made_and_run(data: Path) -> None:
    made = _did(data, "sweep", "add", "Shops", "--book", "7", "--header", "72", "--account", "71",
                "--target", "90000")  # fmt: skip
    ran = _did(data, "sweep", "run", made["sweep_id"])
    assert int(ran["to_header"]) > 0
    assert _did(data, "sweep", "show", made["sweep_id"])["runs"][0]["run_id"] == ran["run_id"]
    _did(data, "sweep", "end", made["sweep_id"])
    assert "Shops" in _said(data, "sweep", "list")


def test_a_schedule_is_made_paused_resumed_and_ended(data: Path) -> None:
    rule = ("--unit", "month", "--first-day", "2030-01-31", "--at", "09:00")
    what = ("--book", "7", "--debit", "71", "--credit", "72", "--amount", "1200")
    ladder = ("--retry-after-s", "3600", "--retry-after-s", "86400")
    made = _did(data, "schedule", "add", "Rent", *rule, *what, *ladder,
                "--business-days", "modified-following")  # fmt: skip
    number = made["schedule_id"]
    shown = _did(data, "schedule", "show", number)["schedule"]
    assert (shown["business_days"], shown["retry_after_s"]) == ("modified_following", [3600, 86400])
    assert _did(data, "schedule", "pause", number)["status"] == "paused"
    assert _did(data, "schedule", "resume", number, "--missed", "run")["status"] == "active"
    assert "2030-01-31 09:00:00" in _said(data, "schedule", "list", "--status", "active")
    assert _did(data, "schedule", "end", number)["status"] == "ended"
    assert "or --sweep" in _said(data, "schedule", "add", "Nothing", *rule, code=2)


def test_a_monitor_tells_the_value_and_ends(data: Path) -> None:
    made = _did(data, "monitor", "add", "Low", "--account", "72", "--below=5", "--hysteresis", "2")
    assert made["active"]
    assert _did(data, "monitor", "show", made["monitor_id"])["monitor"]["threshold"] == "5"
    assert "Low" in _said(data, "monitor", "list")
    assert not _did(data, "monitor", "end", made["monitor_id"])["active"]
    assert "either --above" in _said(data, "monitor", "add", "No", "--account", "72", code=2)


def test_rates_a_desk_a_quote_and_an_exchange(data: Path) -> None:
    assert _did(data, "exchange", "put-rates", "ecb", "USD/CNY=7.1234")["rates"] == 1
    assert _did(data, "exchange", "rates", "ecb", "USD/CNY")["items"][0]["rate"] == "7.1234"
    terms = ("--book", "7", "--source", "ecb", "--stale-after-s", "86400", "--spread", "0.002")
    _did(data, "exchange", "define-desk", "main", *terms)
    assert "main" in _said(data, "exchange", "desks")
    quote = _did(data, "exchange", "quote", "main", "--sell-book", "8", "--buy-book", "7",
                 "--amount", "100")  # fmt: skip
    assert quote["buy_amount"] == "711"
    done = _did(data, "exchange", "execute", quote["quote_id"], "--debit", "81", "--credit", "71")
    assert (done["sell_amount"], done["buy_amount"]) == ("100", "711")
    assert done["exchange_id"] in _said(data, "exchange", "list")
    assert _did(data, "exchange", "revaluation", "main")["positions"][0]["amount"] == "100"
    assert "USD/CNY=7.1234" in _said(data, "exchange", "put-rates", "ecb", "USD:7", code=2)


def test_beside_a_server_entries_are_found_and_nothing_is_changed(
    running_server: ServerProcess,
) -> None:
    client = Client(running_server)
    rows = [{"id": 918071, "ledger": 918, "code": 1}, {"id": 918072, "ledger": 918, "code": 1}]
    move = {"id": 918001, "debit_account_id": 918071, "credit_account_id": 918072, "amount": 5,
            "ledger": 918, "code": 1, "user_data_128": 918918}  # fmt: skip
    client.post(running_server, "/v1/ledger/accounts", rows, "cli-918-a")
    client.post(running_server, "/v1/ledger/transfers", [move], "cli-918-t")
    client.close()
    found = _did(running_server.data, "search", "--reference", "918918")
    assert [x["transfer"]["id"] for x in found["items"]] == ["918001"]
    assert "in use by another" in _said(
        running_server.data, "reverse", "918001", "--reason", "x", code=2
    )


def test_a_new_folder_answers_with_json_alone(tmp_path: Path) -> None:
    arguments = ("ledger", "book", "name", "7", "Shop", "--data", tmp_path / "data", "--json")
    assert json.loads(run_tallystick(*arguments).stdout)["name"] == "Shop"


@pytest.mark.parametrize(
    "words",
    ["group save", "period close", "reverse", "schedule add", "sweep add", "monitor add",
     "exchange put-rates", "search", "metadata", "book name"],
)  # fmt: skip
def test_the_help_of_a_command_has_an_example(words: str) -> None:
    done = tallystick_here("ledger", *words.split(), "--help")
    assert done.returncode == 0
    assert "For example: `tallystick ledger" in " ".join(done.stdout.split())
