"""The commands of the pages for finance and audit, run as they are written there.

Without a server on a folder first, then beside a server on the same folder; `$BASE` and `$KEY` are
the server's and a key's.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.operating.client import run_tallystick, tallystick_here
from tests.server_process import ROOT, ServerProcess

pytestmark = pytest.mark.embedded_store

PAGES = ("ledger", "accounting", "statements", "proofs")
LATER = ("ledger proof", "ledger consistency", "verify", "ledger keys")
"""Commands that need a signed head, which `ledger sign` or a server makes."""

ROWS = """\
{"id": 1001, "book": 1000, "code": 10}
{"id": 1002, "book": 1000, "code": 10}
{"id": 1, "debit_account_id": 1001, "credit_account_id": 1002, "amount": 250, "book": 1000,
 "code": 3}
""".replace("\n ", " ")
BRANCH = """\
{"id": 170, "book": 17, "code": 10}
{"id": 171, "book": 17, "code": 10}
{"id": 172, "book": 17, "code": 20}
{"id": 1701, "debit_account_id": 170, "credit_account_id": 171, "amount": 1230, "book": 17,
 "code": 1}
""".replace("\n ", " ")
MINE = """\
2020-01-01 open Assets:Bank CNY
2020-01-01 open Equity:Opening CNY
2020-01-02 * "Opening"
  Assets:Bank  10.00 CNY
  Equity:Opening  -10.00 CNY
"""


INSTEAD = (
    ('"2026-10"', '"2016-10"'), ('_date": "2026-', '_date": "2016-'),
    ("1000156", "1000"), ('"code_from": 2001', '"code_from": 10'),
)  # fmt: skip
"""Days that are over whatever the clock says; a book of one's own for the customers' wallets."""

OF_ITS_OWN = (("books/7", "books/27"), ('ledger": 7', 'ledger": 27'), ("Key: $1", "Key: own-$1"))
"""What another page's examples have used before, in the same ledger."""


def page(name: str) -> str:
    """A page, with days and books as they are where the test runs."""
    text = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    for written, here in INSTEAD:
        text = text.replace(written, here)
    return text


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)


def commands(name: str) -> list[str]:
    """Each line after a prompt of a page's console blocks, with those that continue it."""
    found = []
    for block in blocks(name, "console"):
        lines = block.replace("\\\n", " ").splitlines()
        found += [line[2:] for line in lines if line.startswith("$ ")]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the examples are typed: with the files that they name."""
    made = tmp_path_factory.mktemp("documented")
    (rows,) = [b for b in blocks("ledger", "console") if "rows.jsonl" in b]
    shown = [line for line in rows.splitlines() if line.startswith("{")]
    (made / "rows.jsonl").write_text("\n".join(shown))
    for file, text in (("more.jsonl", ROWS), ("branch.jsonl", BRANCH), ("mine.beancount", MINE)):
        (made / file).write_text(text)
    return made


@pytest.fixture
def typed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def runs(command: str) -> str:
    """What a command prints; it must work."""
    program, *words = shlex.split(command)
    assert program == "tallystick", command
    if "--key" in words:
        keys = json.loads(tallystick_here("ledger", "keys", "--data", "data", "--json").stdout)
        words[words.index("--key") + 1] = keys["keys"][0]["public_key"]
    to_terminal = words[:2] == ["ledger", "report"] and "-o" not in words
    done = run_tallystick(*words, cwd=Path.cwd()) if to_terminal else tallystick_here(*words)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def curls(command: str, server: ServerProcess, key: str) -> str:
    """What a shell's command prints beside a server; an answer that is a problem is none."""
    env = {"PATH": "/usr/bin:/bin", "BASE": server.base_url, "KEY": key, "TALLYSTICK_KEY": key}
    script = command.replace("http://127.0.0.1:8000", server.base_url)
    done = subprocess.run(
        ["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert '"code":"' not in done.stdout, (command, done.stdout)
    return done.stdout


def test_commands_without_a_server_work_as_written(typed: Path) -> None:
    runs("tallystick ledger apply more.jsonl --data data")
    for name in PAGES:
        for command in commands(name):
            if command.startswith("tallystick ") and not any(w in command for w in LATER):
                runs(command)
    assert (typed / "11.pdf").read_bytes().startswith(b"%PDF")
    assert (typed / "income.pdf").read_bytes().startswith(b"%PDF")
    assert (typed / "transfers.parquet").read_bytes().startswith(b"PAR1")
    assert "B7" in (typed / "books.beancount").read_text("utf-8")


def test_commands_of_proofs_work_as_written(typed: Path) -> None:
    runs("tallystick ledger sign --data data")
    for command in commands("proofs"):
        runs(command)


def test_commands_beside_a_server_work_as_written(typed: Path) -> None:
    key = json.loads(runs("tallystick api-key create docs --data data --json"))["secret"]
    server = ServerProcess(typed / "data", arguments=["--empty"]).start()
    try:
        for name in PAGES:
            for command in commands(name):
                if command.startswith("curl "):
                    curls(command, server, key)
        own = "\n".join(blocks("accounting", "sh"))
        for written, here in OF_ITS_OWN:
            own = own.replace(written, here)
        said = curls(own, server, key)
    finally:
        server.stop()
    assert (typed / "trial.pdf").read_bytes().startswith(b"%PDF")
    made = ("close_id", "schedule_id", "sweep_id", "quote_id", "monitor_id", "reversal_id")
    assert [name for name in made if f'"{name}"' not in said] == []
