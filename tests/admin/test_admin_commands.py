"""Operators, keys and backups at the command line, on real folders and a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tests.admin.conftest import Folder
from tests.gateway.alipay.shop import Shop, public_key
from tests.operating.client import Client, run_tallystick, tallystick_here
from tests.server_process import ROOT, ServerProcess
from tests.stores import settings_on

from tallystick.parties.passwords import PasswordHasher
from tallystick.partners.model import Operator, WebSession
from tallystick.platform import Platform

ENV = {"TALLYSTICK_PASSWORD_MEMORY_KIB": "8192", "TALLYSTICK_PASSWORD_PASSES": "1"}


def _run(folder: Folder, *arguments: str | Path, stdin: str = "") -> Any:
    """The JSON answer of a command that works."""
    done = tallystick_here(
        *arguments, "--data", folder.settings.data, "--json", stdin=stdin, env=ENV
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _refused(folder: Folder, *arguments: str | Path, stdin: str = "") -> str:
    """The sentence of a command that does not."""
    done = tallystick_here(*arguments, "--data", folder.settings.data, stdin=stdin, env=ENV)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


def _operator(folder: Folder, login: str) -> Operator:
    platform = Platform.open(folder.settings)
    try:
        found = platform.rows.find(Operator, login=login)
    finally:
        platform.close()
    assert found is not None
    return found


def _knows(folder: Folder, login: str, password: str) -> bool:
    hasher = PasswordHasher.of(folder.settings)
    return hasher.verify_password(_operator(folder, login).password_hash, password)


def test_a_first_operator_is_added_with_a_password_that_is_shown_once(folder: Folder) -> None:
    told = _run(folder, "operator", "add", "kim")
    assert _knows(folder, "kim", told["password"])
    assert told["role"] == _operator(folder, "kim").role == "operator"
    assert "belongs to another" in _refused(folder, "operator", "add", "kim")


def test_a_password_can_be_given_on_standard_input(folder: Folder) -> None:
    arguments = ("operator", "add", "lee", "--role", "viewer", "--password-stdin")
    told = _run(folder, *arguments, stdin="correct horse\n")
    assert told == {"login": "lee", "role": "viewer"}
    assert _knows(folder, "lee", "correct horse")
    assert "at least 8" in _refused(folder, *arguments, stdin="short\n")


def test_a_reset_opens_the_lock_and_ends_sessions(folder: Folder) -> None:
    operator = _operator(folder, "operator")
    folder.change("UPDATE operator SET wrong_count = 5, locked_until_ms = 99999999999999")
    for index, kind in ((b"a" * 16, "operator"), (b"b" * 16, "party")):
        folder.change(
            "INSERT INTO web_session VALUES (?, ?, ?, 99999999999999)",
            index, kind, operator.operator_id,
        )  # fmt: skip
    told = _run(folder, "operator", "reset", "operator")
    changed = _operator(folder, "operator")
    assert (changed.wrong_count, changed.locked_until_ms) == (0, 0)
    assert _knows(folder, "operator", told["password"])
    platform = Platform.open(folder.settings)
    try:
        kinds = [s.kind for s in platform.rows.query(WebSession, "ORDER BY session_index")]
    finally:
        platform.close()
    assert kinds == ["party"]
    assert "no operator nobody" in _refused(folder, "operator", "reset", "nobody")


def test_the_last_operator_who_may_act_stays(folder: Folder) -> None:
    assert "the last operator" in _refused(folder, "operator", "retire", "operator")
    _run(folder, "operator", "add", "kim")
    _run(folder, "operator", "retire", "operator")
    assert _operator(folder, "operator").status == "retired"


def test_what_is_done_at_the_command_line_is_in_the_audit_trail(folder: Folder) -> None:
    _run(folder, "operator", "add", "kim")
    with closing(folder.connect()) as connection:
        found = connection.execute(
            "SELECT caller_id, outcome FROM audit WHERE command = 'operator.create' "
            "AND caller_kind = 'operator'"
        ).fetchall()
    assert found == [("command-line", "accepted")]


def test_an_empty_platform_gets_its_first_key_and_takes_it(tmp_path: Path) -> None:
    settings = settings_on(tmp_path / "data")
    made = tallystick_here("api-key", "create", "first", "--data", settings.data, "--json")
    secret = json.loads(made.stdout)["secret"]
    server = ServerProcess(settings.data, arguments=["--empty"]).start()
    try:
        client = Client(server)
        right = client.ask("GET", "/v1/trades", authorization=f"Bearer {secret}")
        wrong = client.ask("GET", "/v1/trades", authorization=f"Bearer {secret}0")
        client.close()
        assert (right.status, wrong.status) == (200, 401)
        assert not (settings.data / "sandbox").exists()
        running = tallystick_here("operator", "add", "kim", "--data", settings.data)
        assert running.returncode == 2
        assert "in use by another" in running.stderr
    finally:
        server.stop()


def test_a_key_has_the_scopes_that_were_asked_for(folder: Folder) -> None:
    told = _run(
        folder, "api-key", "create", "books", "--scope", "ledger:read", "--scope", "ledger:write"
    )
    assert told["scopes"] == ["ledger:read", "ledger:write"]
    assert "scopes: nonsense" in _refused(folder, "api-key", "create", "odd", "--scope", "nonsense")
    assert _run(folder, "api-key", "revoke", told["key_id"])["status"] == "retired"
    listed = _run(folder, "keys", "list")["api_keys"]
    assert {k["key_id"]: k["status"] for k in listed}[told["key_id"]] == "retired"


def test_apps_are_moved_to_a_new_key_of_the_platform(folder: Folder) -> None:
    made = _run(folder, "keys", "new-gateway")
    before = _run(folder, "keys", "list")["gateway_keys"]
    assert {k["key_id"]: len(k["apps"]) for k in before} == {"gateway-1": 1, made["key_id"]: 0}
    moved = _run(folder, "keys", "use-gateway", made["key_id"], "--every-app")
    assert len(moved["apps"]) == 1
    after = _run(folder, "keys", "list")["gateway_keys"]
    assert {k["key_id"]: len(k["apps"]) for k in after} == {"gateway-1": 0, made["key_id"]: 1}
    assert "--every-app" in _refused(folder, "keys", "use-gateway", made["key_id"])
    assert _refused(folder, "keys", "use-gateway", "no-such-key", "--every-app")


def test_the_signing_key_changes_while_the_server_answers(folder: Folder) -> None:
    made = _run(folder, "keys", "new-gateway")
    secret = _run(folder, "api-key", "create", "apps", "--scope", "apps:write")["secret"]
    server = ServerProcess(folder.settings.data).start()
    try:
        shop, client = Shop.of(server), Client(server)
        assert shop.pay()["trade_no"]
        moved = client.ask(
            "POST",
            f"/v1/apps/{server.app_id}/settings",
            json.dumps({"gateway_key_id": made["key_id"]}).encode(),
            authorization=f"Bearer {secret}",
            idempotency_key="move",
            content_type="application/json",
        )
        assert moved.status == 200, moved.body
        old, shop.platform_key = shop.platform_key, public_key(made["public_key"])
        assert shop.pay()["trade_no"]
        shop.platform_key = old
        with pytest.raises(AssertionError):
            shop.pay()
        shop.hang_up()
        client.close()
    finally:
        server.stop()
    # The sandbox's credentials follow at the next start.
    server.start()
    try:
        assert server.credentials["alipay_public_key"] == made["public_key"]
        pem = load_pem_public_key(Path(server.alipay_public_key_path).read_bytes())
        assert pem == public_key(made["public_key"])
        shop = Shop.of(server)
        assert shop.pay()["trade_no"]
        shop.hang_up()
    finally:
        server.stop()


@pytest.mark.embedded_store
def test_a_backup_of_a_running_server_can_be_started(folder: Folder, tmp_path: Path) -> None:
    server = ServerProcess(folder.settings.data).start()
    try:
        made = _run(folder, "backup", tmp_path / "backup")
        again = tallystick_here("backup", tmp_path / "backup", "--data", folder.settings.data)
    finally:
        server.stop()
    assert again.returncode == 2
    assert "not empty" in again.stderr
    assert made["bytes"] > 0
    assert {p.name for p in (tmp_path / "backup").iterdir()} == {"tallystick.db", "backup.json"}
    shutil.copytree(tmp_path / "backup", tmp_path / "restored")
    restored = settings_on(tmp_path / "restored", master_key_file=folder.key)
    platform = Platform.open(restored)
    try:
        count = platform.rows.connection.execute("SELECT COUNT(*) FROM trade").fetchone()
    finally:
        platform.close()
    assert count == (2,)


@pytest.mark.embedded_store
def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    done = tallystick_here("backup", tmp_path / "b", "--data", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "has no database" in done.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["server", "--nonsense"], "Unknown option"),
        (["nonsense"], "Unknown command"),
        (["server", "--port", "many"], "--port"),
        (["server", "--port", "99999"], "port: Expected int <= 65535"),
        (["ledger", "replay"], "requires an argument"),
        (["ledger", "replay", "/nowhere/at/all"], "No such file"),
        (["ledger", "replay", "/"], "Is a directory"),
        (["operator", "add", "x", "--role", "king"], "--role"),
        (["config", "--config", "/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_two(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tallystick_here(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.startswith("tallystick: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00cut", b"{", b"\xff\xfe", b"[1]"])
def test_a_file_that_is_no_history_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(content)
    done = tallystick_here("ledger", "replay", tmp_path / "odd")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("tallystick: ")


@pytest.mark.parametrize(
    "command",
    [
        [], ["server"], ["doctor"], ["config"], ["backup"], ["ledger"], ["ledger", "replay"],
        ["operator"], ["operator", "add"], ["operator", "reset"], ["operator", "retire"],
        ["api-key"], ["api-key", "create"], ["api-key", "revoke"], ["keys"], ["keys", "list"],
        ["keys", "new-gateway"], ["keys", "use-gateway"], ["keys", "rotate-master"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_explains_itself(command: list[str]) -> None:
    done = tallystick_here(*command, "--help")
    assert done.returncode == 0
    assert "Usage: tallystick" in done.stdout


@pytest.mark.parametrize(
    "group", [[], ["ledger"], ["risk"], ["risk", "graph"], ["credit"], ["operator"], ["reconcile"]],
    ids=" ".join,
)  # fmt: skip
def test_a_list_of_commands_says_what_each_does(group: list[str]) -> None:
    shown = tallystick_here(*group, "--help").stdout
    listed = shown.partition("Commands ─")[2].partition("╰")[0].splitlines()[1:]
    assert listed
    for line in listed:
        assert re.match(r"│(( \S+)+ {2,}\S| {4,})", line), line


def test_the_process_ends_with_the_same_code_and_sentence(tmp_path: Path) -> None:
    done = run_tallystick("server", "--nonsense", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tallystick: Unknown option: --nonsense. See --help.\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    history = ROOT / "tests" / "data" / "ledger" / "conformance.jsonl.gz"
    command = f"{sys.executable} -m tallystick.cli ledger replay {history} | head -c 10"
    done = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (len(done.stdout), done.stderr) == (10, "")
