"""Collections and consents at the command line, by who works on the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.operating.client import tallystick_here
from tests.stores import change, settings_on

from tallystick.credit.collections.commands import StartSplit
from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.pipeline.commands import SYSTEM, Command, Request
from tallystick.platform import Platform

ANN = "2088000000000001"
STRATEGY = {
    "strategy_id": "soft", "name": "Soft",
    "steps": [{"name": "remind", "from_days": 1, "to_days": 30, "channel": "sms",
               "text": "remind"}],
}  # fmt: skip
TEXT = {"text_id": "remind", "english": "{due} is late.", "chinese": "{due} 已逾期。"}


def did(data: Path, *arguments: str | Path, code: int = 0) -> Any:
    done = tallystick_here("credit", *arguments, "--data", data, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def accept(data: Path, command: Command) -> None:
    """A command of the system's, while nobody runs on the folder."""
    platform = Platform.open(settings_on(data))
    platform.executor.start()
    try:
        answer = platform.executor.submit_and_wait(Request.once(SYSTEM, command))
        assert answer.reply is not None, answer.refusal
    finally:
        platform.executor.stop()
        platform.close()


def test_texts_and_strategies_are_loaded_and_the_arms_are_told(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "soft.json"
    file.write_text(json.dumps({"texts": [TEXT], "strategies": [STRATEGY]}))
    names = [(one["kind"], one["version"]) for one in did(data, "collections", "load", file)[
        "saved"]]  # fmt: skip
    assert names == [("texts", 1), ("strategies", 1)]
    assert did(data, "collections", "load", file)["saved"][1]["version"] == 2
    assert did(data, "collections", "queue") == {"cases": []}
    assert "no such strategy" in did(data, "collections", "results", code=2)
    accept(data, StartSplit(champion_id="soft"))
    told = did(data, "collections", "results")
    assert (told["champion"]["strategy_id"], told["verdict"]) == ("soft", "open")
    file.write_text(json.dumps({"strategies": [{**STRATEGY, "steps": []}]}))
    assert did(data, "collections", "load", file, code=2)
    file.write_text('{"other": [1]}')
    assert "texts, strategies or both" in did(data, "collections", "load", file, code=2)
    assert "status" in did(data, "collections", "queue", "--status", "gone", code=2)


def test_a_consent_is_listed_and_taken_back(tmp_path: Path) -> None:
    data, number = tmp_path / "data", "2026112400000000000000009101"
    person = RegisterParty(
        party_id=ANN, kind=PartyKind.PERSON, login_sealed=b"", login_index=b"1", name_sealed=b"",
        login_hash="$", payment_hash="$",
    )  # fmt: skip
    accept(data, person)
    until_ms = 4_000_000_000_000
    change(
        data, "INSERT INTO credit_consent VALUES (?, ?, '2026000000000001', 'score', 1, ?, 0)",
        number, ANN, until_ms,
    )  # fmt: skip
    (listed,) = did(data, "consents", "list", ANN)["consents"]
    assert (listed["consent_id"], listed["revoked_ms"]) == (number, None)
    assert did(data, "consents", "revoke", number)["revoked_ms"]
    (listed,) = did(data, "consents", "list", ANN)["consents"]
    assert listed["revoked_ms"]
    assert did(data, "consents", "revoke", "9" * 28, code=2)
