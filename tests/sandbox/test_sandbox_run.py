"""The sandbox's marketplace against a real server: it proves the books, and can fail to."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.faults.load import Load, server_on
from tests.server_process import ROOT, ServerProcess
from tests.stores import database_for

COMMAND = [sys.executable, "-m", "tallystick.cli", "sandbox", "run"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=300
    )


def test_a_run_on_a_server_of_its_own_differs_in_nothing() -> None:
    done = run("--buyers", "6", "--rate", "20", "--seconds", "4", "--notify", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    proof = report["proof"]
    assert proof["differences"] == []
    assert proof["money_in"] == 6 * 100_000
    assert proof["held"] == sum(book["held"] for book in proof["books"])
    assert sum(proof["trades"].values()) > 20
    assert report["answers"] > report["arrivals"] > 30
    assert report["notifications"]["TRADE_SUCCESS"] >= proof["trades"]["settled"]


def test_a_run_against_a_running_server_prints_its_proof(running_server: ServerProcess) -> None:
    credentials = running_server.data / "sandbox" / "credentials.json"
    done = run(
        "--url", running_server.base_url, "--credentials", str(credentials),
        "--buyers", "4", "--rate", "10", "--seconds", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "balances: debits" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 differences")
    assert "answers/s" in done.stderr


def test_ctrl_c_ends_a_run_and_it_still_proves(tmp_path: Path) -> None:
    arguments = ["--buyers", "4", "--rate", "20", "--seconds", "90", "--data", str(tmp_path / "d")]
    running = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert running.stderr is not None
    for line in running.stderr:
        if "answers/s" in line:
            break
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, out + err
    assert out.splitlines()[-1].startswith("0 differences")


def test_bad_usage_is_one_sentence() -> None:
    for arguments in (["--url", "http://127.0.0.1:1"], ["--buyers", "0"], ["--rate", "0"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1


async def acted(server: ServerProcess) -> Load:
    """A load that has come to its end."""
    load = Load.begin(server, random.Random(7))
    await load.until(calls=60)
    await load.end()
    return load


def tampered(data: Path, sql: str, *parameters: object) -> None:
    """Change the books behind the platform's back."""
    with closing(database_for(data).connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert connection.execute(f"{sql} RETURNING 1", parameters).fetchall(), sql
        connection.execute("COMMIT")


async def found_after(server: ServerProcess, load: Load, sql: str, *parameters: object) -> str:
    """The differences that a proof finds once the books were changed."""
    await asyncio.to_thread(server.stop)
    tampered(server.data, sql, *parameters)
    await asyncio.to_thread(server.start)
    return "\n".join(await load.prove())


async def proves_and_finds(server: ServerProcess) -> None:
    load = await acted(server)
    try:
        assert await load.prove() == []
        state = await found_after(
            server, load, "UPDATE trade SET status = 'closed' WHERE trade_no = "
            "(SELECT trade_no FROM trade WHERE status = 'settled' LIMIT 1)",
        )  # fmt: skip
        assert "clients know settled, the ledger has closed" in state
        buyer = int(load.market.buyers[0].party_id)
        money = await found_after(
            server, load, "UPDATE ledger_account SET credits_posted = credits_posted + 1 "
            "WHERE user_data_128 = ? AND code = 2001", buyer.to_bytes(16, "big"),
        )  # fmt: skip
        assert f"wallet {buyer}" in money
        assert "debits and credits" in money
    finally:
        await load.market.close()


def test_books_that_were_changed_from_outside_do_not_pass(tmp_path: Path) -> None:
    server = server_on(tmp_path / "data").start()
    try:
        asyncio.run(proves_and_finds(server))
    finally:
        server.kill()
