"""Reconciliation over REST and on the command line, with a real server and a real process."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from tests.server_process import ServerProcess
from tests.stores import store_environment

from tallystick.cli import answer

BASE = "/v1/reconciliation"


def _ask(server: ServerProcess, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {server.credentials['rest_key']}"}
    url = f"{server.base_url}{BASE}{path}"
    if body is None:
        reply = httpx.get(url, headers=headers)
    else:
        # The server is everybody's, and so are its keys.
        headers["idempotency-key"] = f"reconciling-{key}"
        reply = httpx.post(url, headers=headers, json=body)
    return reply.status_code, reply.json()


def _file(text: str, **more: str) -> dict[str, str]:
    return {"bank_id": "2", "content_base64": base64.b64encode(text.encode()).decode(), **more}


MAPPING = 'currency = "CNY"\n[columns]\nday = "d"\namount = "a"\nreference = "r"\n'


def test_from_a_statement_to_a_break_that_is_booked(running_server: ServerProcess) -> None:
    server = running_server
    body = _file("d,a,r\n2026-01-05,12.30,rest-1\n", mapping=MAPPING)
    status, done = _ask(server, "/statements", body, "s1")
    assert (status, done["lines"], done["only_at_bank"]) == (201, 1, 1)
    assert _ask(server, "/statements", body, "s1")[1] == done
    assert _ask(server, "/statements", body, "s2")[1]["code"] == "STATEMENT_IMPORTED_BEFORE"
    _, listed = _ask(server, "/statements?bank_id=2")
    assert (listed["items"][0]["first_day"], listed["items"][0]["opening"]) == ("2026-01-05", None)
    _, breaks = _ask(server, "/breaks?bank_id=2")
    (found,) = breaks["items"]
    assert (found["side"], found["amount"], found["reference"]) == ("bank", "12.30", "rest-1")
    assert found["age_days"] > 30
    one = f"/breaks/{found['break_id']}"
    assert _ask(server, f"{one}/assign", {"assignee": "li.wei"}, "a1")[1]["assignee"] == "li.wei"
    assert _ask(server, f"{one}/notes", {"text": "Asked."}, "n1")[1]["notes"] == 1
    _, ages = _ask(server, "/ages?bank_id=2")
    assert [b["count"] for b in ages["buckets"]] == [0, 0, 0, 0, 1]
    assert _ask(server, f"{one}/resolve", {"account": "2901"}, "r1")[1]["status"] == "resolved"
    assert _ask(server, f"{one}/resolve", {}, "r2")[1]["code"] == "BREAK_CLOSED"
    assert [n["text"] for n in _ask(server, one)[1]["notes"]] == ["Asked."]
    _, matched = _ask(server, "/proposals?status=matched&bank_id=2")
    (group,) = matched["items"]
    assert (group["rule"], group["bank"][0]["amount"], group["ledger"][0]["amount"]) == (
        "person", "12.30", "12.30",
    )  # fmt: skip


def test_a_file_that_is_wrong_is_refused_with_line_and_reason(
    running_server: ServerProcess,
) -> None:
    status, told = _ask(running_server, "/statements", _file(":20:X\r\n:99:Y\r\n"), "w1")
    assert (status, told["code"]) == (422, "STATEMENT_MALFORMED")
    assert told["detail"] == "line 2: :99: is no field of a statement."
    body = {"bank_id": "2", "content_base64": "???"}
    assert _ask(running_server, "/statements", body, "w2")[1]["code"] == "INVALID_PARAMETER"


def test_the_sandbox_s_statement_is_imported_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    ServerProcess(data).start().stop()
    for name, value in store_environment(data).items():
        monkeypatch.setenv(name, value)
    assert answer(["reconcile", "sandbox-statement", "--data", str(data)]) == 0
    text = capsys.readouterr().out
    assert text.count(":61:") >= 3
    (tmp_path / "day.sta").write_text(text, "utf-8", newline="")
    command = ["reconcile", str(tmp_path / "day.sta"), "--bank", "1", "--data", str(data), "--json"]
    assert answer(command) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["matched"], done["only_at_bank"]) == (done["lines"], 0)
    assert answer(command) == 2
    assert "This file was imported before." in capsys.readouterr().err
