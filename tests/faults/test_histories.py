"""Many clients, servers that are killed: each answer is one that a bank could give by itself.

`FAULTS_HISTORY_KILLS=50 python -m pytest tests/faults/test_histories.py` is the long run.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.bank import Bank
from tests.faults.history import Read, faults_of
from tests.faults.load import ENVIRONMENT
from tests.server_process import ServerProcess
from tests.stores import store_environment

KILLS = int(os.environ.get("FAULTS_HISTORY_KILLS", "3"))
SEED = int(os.environ.get("FAULTS_SEED", "20261125"))
CLIENTS = 5


@pytest.fixture
def servers(tmp_path: Path, chosen_store: str) -> Iterator[list[ServerProcess]]:
    """One server on the embedded database; two that share a PostgreSQL."""
    if chosen_store == "sqlite":
        found = [ServerProcess(tmp_path / "one", env=dict(ENVIRONMENT))]
    else:
        shared = store_environment(tmp_path / "books")
        shared["TALLYSTICK_MASTER_KEY_FILE"] = str(tmp_path / "master.key")
        found = [ServerProcess(tmp_path / n, env=ENVIRONMENT | shared) for n in ("one", "two")]
    for server in found:
        server.start()
    yield found
    for server in found:
        server.kill()


def until(bank: Bank, calls: int) -> None:
    """Wait until so many calls were answered, however long that takes."""
    deadline = time.monotonic() + 600
    while len(bank.calls) < calls:
        assert time.monotonic() < deadline, "nobody is answered any more"
        time.sleep(0.01)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_history_under_kills_is_one_of_a_bank_that_does_one_thing_after_another(
    servers: list[ServerProcess],
) -> None:
    rng = random.Random(SEED)
    bank = Bank(servers, servers[0].rest_key, SEED)
    bank.open()
    with bank.clients(CLIENTS):
        for kill in range(KILLS):
            until(bank, len(bank.calls) + rng.randint(30, 120))
            server = servers[kill % len(servers)]
            server.kill()
            server.start()
        until(bank, len(bank.calls) + 30)
    bank.last_look()
    gc.collect()  # Here nobody minds the sockets that a kill cut off.
    assert faults_of(bank.calls, opening=bank.opening, overdraft=bank.overdraft) == []
    done = [call.answer for call in bank.calls if not isinstance(call.action, Read)]
    assert done.count(True) > 5 * KILLS
    assert done.count(False) > KILLS
    assert bank.unanswered > 0
