"""Thousands of generated requests by our own description: no server error, every answer as
documented, no change without a valid key, and the books balance.

`FUZZ_EXAMPLES=100 python -m pytest tests/gateway/rest/test_rest_fuzz.py` is a long run:
so many generated requests for each operation, beside those that the description itself implies.
`FUZZ_SEED` repeats one.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.rest.rest_client import Rest, table_digest, wait_for_partner_days
from tests.server_process import ROOT, ServerProcess

from tallystick.gateway.rest.api import OPERATIONS
from tallystick.gateway.rest.reading import BodyReader
from tallystick.partners.api_keys import SCOPES

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
SEED = int(os.environ.get("FUZZ_SEED", "20261124"))
WITHIN_S = 900 + 30 * EXAMPLES
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: nobody else may change its tables meanwhile."""
    server = ServerProcess(tmp_path_factory.mktemp("rest-fuzz") / "data").start()
    wait_for_partner_days(server.data)
    yield server
    server.stop()


def fuzz(server: ServerProcess, key: str, folder: Path, *options: str) -> dict[str, Any]:
    """Have schemathesis ask everything with a key; gives its report."""
    report = folder / "report.json"
    command = [
        sys.executable, "-m", "schemathesis.cli",
        "--config-file", str(HERE / "schemathesis.toml"),
        "run", f"{server.base_url}/openapi.json",
        "--seed", str(SEED), "--workers", "1", "--continue-on-failure", "--warnings", "off",
        "--report-json-path", str(report), *options,
    ]  # fmt: skip
    env = os.environ | {
        "SCHEMATHESIS_HOOKS": "tests.gateway.rest.schemathesis_hooks",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
        "API_KEY": key,
        "NO_PROXY": "127.0.0.1",
    }
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=WITHIN_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {SEED}\n{done.stdout[-20_000:]}{done.stderr[-4000:]}"
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    assert found["complete"]
    assert found["operations"]["tested"] == len(OPERATIONS)
    return found


def test_without_a_valid_key_nothing_changes(fuzzed: ServerProcess, tmp_path: Path) -> None:
    before = table_digest(fuzzed.data)
    checks = ("--exclude-checks", "positive_data_acceptance")
    phases = ("--phases", "examples,coverage")
    found = fuzz(fuzzed, "tsk_sandbox_" + "0" * 48, tmp_path, *checks, *phases)
    assert found["test_cases"]["generated"] > 1000
    assert table_digest(fuzzed.data) == before
    assert before["ledger_account"]


def test_every_answer_is_as_documented_and_the_books_balance(
    fuzzed: ServerProcess, tmp_path: Path
) -> None:
    owner = Rest.of(fuzzed)
    # The sandbox's own key would be revoked on the way.
    key = owner.with_key(*sorted(SCOPES - {"notifications:read"})).key
    before = table_digest(fuzzed.data)
    found = fuzz(fuzzed, key, tmp_path, "--max-examples", str(EXAMPLES))
    assert found["test_cases"]["generated"] > 2000
    after = table_digest(fuzzed.data)
    changed = {name for name in after if after[name] != before[name]}
    assert {"trade", "party", "ledger_account", "answered_request"} <= changed
    books = list(owner.walk("/v1/ledger/trial-balance", limit=200))
    assert len(books) > 1
    assert all(book["balanced"] for book in books), books
    assert owner.look("/v1/trades").status == 200
    owner.hang_up()


def test_where_a_missing_body_is_allowed_it_is_not_called_spoilt() -> None:
    configured = tomllib.loads((HERE / "schemathesis.toml").read_text("utf-8"))["operations"]
    (named,) = (o["include-path-regex"] for o in configured if "include-path-regex" in o)
    changes = [o for o in OPERATIONS if o.body is not None]
    may_be_empty = {o.path for o in changes if BodyReader(o.body).may_be_empty}
    assert {o.path for o in changes if re.search(named, o.path)} == may_be_empty
