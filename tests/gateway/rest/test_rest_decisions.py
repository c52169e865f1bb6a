"""Risk over REST: rules, tests on history, decisions with their why, held commands, cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateway.rest.rest_client import BUYER, Rest, until
from tests.server_process import ServerProcess
from tests.stores import settings_on, store_environment

from tallystick.cli import answer
from tallystick.partners.api_keys import new_key_id, new_secret
from tallystick.partners.model import CreateApiKey
from tallystick.pipeline.commands import SYSTEM, Request
from tallystick.platform import Platform
from tallystick.risk.decision.files import read_events, read_rules
from tallystick.risk.decision.history import features_over

LARGE = {"name": "large", "when": "kind == 'payment' && amount >= 7700", "action": "hold"}


def _key_of(platform: Platform, operator_id: str) -> str:
    """A key that stands for an operator."""
    secret = new_secret(new_key_id())
    command = CreateApiKey(key_id=secret.key_id, name="review", secret_hash=secret.digest,
                           scopes="risk:review", operator_id=operator_id)  # fmt: skip
    answer = platform.executor.submit_and_wait(Request.once(SYSTEM, command))
    assert answer.refusal is None, answer.refusal
    return secret.text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    """A server of its own: what is decided here is nobody else's business."""
    return ServerProcess(Path(tmp_path_factory.mktemp("risk")) / "data")


@pytest.fixture(scope="module")
def keys(served: ServerProcess) -> list[str]:
    """Keys of two people, made while nothing serves."""
    served.start()
    served.stop()
    platform = Platform.open(settings_on(served.data))
    platform.executor.start()
    try:
        return [_key_of(platform, f"sandbox-{login}") for login in ("operator", "viewer")]
    finally:
        platform.executor.stop()
        platform.close()


@pytest.fixture(scope="module")
def risk(served: ServerProcess, keys: list[str]) -> Iterator[Rest]:
    server = served.start()
    rest = Rest.of(server)
    try:
        yield rest
    finally:
        rest.hang_up()
        server.stop()


def pay(rest: Rest, amount: str) -> Any:
    trade = rest.new_trade(amount)
    return rest.post(f"/v1/trades/{trade['trade_no']}/pay", {"payment_code": rest.new_code()})


def test_a_rule_is_saved_tested_published_and_holds_until_two_agree(
    risk: Rest, keys: list[str]
) -> None:
    risk.done("/v1/risk/features", {"name": "paid_1h", "aggregate": "count", "by": ["party"],
                                    "within_min": 60, "where": "kind == 'payment'"})  # fmt: skip
    assert pay(risk, "78.00").status == 200
    saved = risk.done("/v1/risk/rules", LARGE)
    assert saved == {"id": "large", "number": 1}
    tested = risk.done("/v1/risk/backtest", {"rules": [LARGE]})
    assert (tested["events"], tested["rules"][0]["hits"]) == (2, 1)
    assert pay(risk, "78.00").status == 200
    risk.done("/v1/risk/rules/large/1/publish")
    held = pay(risk, "78.00")
    assert held.code == "RISK_HELD"
    assert pay(risk, "76.99").status == 200
    (review,) = risk.get("/v1/risk/reviews")
    assert review["review_id"] in held.body["detail"]
    release = f"/v1/risk/reviews/{review['review_id']}/release"
    assert risk.refused(release, {}) == "RISK_REVIEWER_UNKNOWN"
    first, second = (risk.with_text(key) for key in keys)
    assert first.done(release, {"note": "known buyer"})["status"] == "held"
    assert first.refused(release, {}) == "RISK_SAME_REVIEWER"
    released = second.done(release, {})
    assert released["status"] == "released"
    trade_no = review["command"]["trade_no"]
    assert risk.get(f"/v1/trades/{trade_no}")["status"] == "held"
    decided = risk.get("/v1/risk/decisions", party=BUYER)
    decisions = [d for d in decided if d["kind"] == "payment"]
    assert [d["outcome"] for d in decisions] == ["allow", "allow", "hold", "allow", "allow"]
    seq = decisions[2]["seq"]
    seen = risk.get(f"/v1/risk/decisions/{seq}")
    assert seen["inputs"]["paid_1h"] == 2
    assert seen["decision"]["hits"] == ["large@1"]
    assert risk.get(f"/v1/risk/decisions/{seq}/replay")["same"] is True


def test_a_case_labels_the_decisions_that_it_names(risk: Rest) -> None:
    seq = risk.get("/v1/risk/decisions")[0]["seq"]
    case = risk.done("/v1/risk/cases", {"subject": "party", "value": BUYER, "title": "Why"})["id"]
    risk.done(f"/v1/risk/cases/{case}/notes", {"text": "look at this", "seq": seq})
    risk.done(f"/v1/risk/cases/{case}/close", {"outcome": "fraud"})
    assert risk.get(f"/v1/risk/decisions/{seq}")["label"] == "fraud"
    assert risk.get(f"/v1/risk/cases/{case}")["notes"][0]["text"] == "look at this"
    assert risk.refused(f"/v1/risk/cases/{case}/notes", {"text": "more"}) == "RISK_REVIEW_ENDED"
    risk.done(f"/v1/risk/decisions/{seq}/label", {"fraud": False})
    tested = risk.done("/v1/risk/backtest", {"rules": [LARGE]})
    assert (tested["fraud"], tested["genuine"]) == (0, 1)


def test_what_does_not_type_is_refused_with_its_place(risk: Rest) -> None:
    wrong = LARGE | {"when": "kind == 'payment' && amont > 5"}
    answer = risk.post("/v1/risk/rules", wrong)
    assert answer.code == "RISK_RULE_INVALID"
    assert "large: column 22: there is no feature 'amont'" in answer.body["detail"]
    assert risk.refused("/v1/risk/rules/large/9/publish") == "RISK_RULE_NOT_EXIST"
    assert risk.refused("/v1/risk/features/nothing/drop") == "RISK_RULE_NOT_EXIST"
    nowhere = risk.post("/v1/risk/failure-policies", {"command": "trade.pays", "policy": "closed"})
    assert nowhere.code == "INVALID_PARAMETER"
    assert "did you mean trade.pay" in nowhere.body["detail"]


def test_a_blocked_device_pays_nothing(risk: Rest) -> None:
    device = "+phone/1=="
    entry = {"list": "block", "subject": "device", "value": device, "reason": "stolen"}
    risk.done("/v1/risk/lists", entry)
    assert risk.get("/v1/risk/lists", list="block")[0]["value"] == device
    trade = risk.new_trade("1.00")
    path, body = f"/v1/trades/{trade['trade_no']}/pay", {"payment_code": risk.new_code()}
    headers = {"idempotency-key": "blocked-1", "content-type": "application/json",
               "x-device-id": device}  # fmt: skip
    content = json.dumps(body).encode()
    assert risk.send("POST", path, content=content, headers=headers).code == "RISK_DENIED"
    risk.done("/v1/risk/lists/remove", {k: v for k, v in entry.items() if k != "reason"})
    headers |= {"idempotency-key": "blocked-2"}
    assert risk.send("POST", path, content=content, headers=headers).status == 200


def test_the_catalogue_says_what_a_rule_can_read(risk: Rest) -> None:
    seen = risk.get("/v1/risk/features")
    assert seen["catalogue"]["amount"] == "number"
    assert seen["catalogue"]["paid_1h"] == "number"
    assert seen["catalogue"]["watch_device"] == "boolean"
    assert seen["events_kept"] > 0


def test_labelled_decisions_are_exported_for_the_next_model(
    risk: Rest,
    served: ServerProcess,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in store_environment(served.data).items():
        monkeypatch.setenv(name, value)
    seq = risk.get("/v1/risk/decisions", party=BUYER)[0]["seq"]
    risk.done(f"/v1/risk/decisions/{seq}/label", {"fraud": True})
    out, rules = tmp_path / "history.parquet", tmp_path / "rules.json"
    asked = ["risk", "model", "export", str(out), "--rules", str(rules), "--json"]
    assert answer([*asked, "--data", str(served.data)]) == 0
    said = json.loads(capsys.readouterr().out)
    events, rule_set = read_events(out), read_rules(rules)
    assert events.history.size == said["events"] == risk.get("/v1/risk/decisions")[0]["seq"]
    assert (events.fraud == 1).sum() == 1
    assert [feature.name for feature in rule_set.features] == ["paid_1h"]
    # What is exported gives the values that decided.
    live = [risk.get(f"/v1/risk/decisions/{at + 1}")["inputs"].get("paid_1h", 0) for at in range(6)]
    values = dict(features_over(events.history, rule_set.features))["paid_1h"]
    assert values[:6].tolist() == live


def test_the_watch_over_accounts_is_turned_on_learns_and_is_turned_off(risk: Rest) -> None:
    level = "/v1/risk/anomaly-policies"
    risk.done(f"{level}/warning", {"action": "step_up", "open_case": True})
    risk.done(f"{level}/alarm", {"action": "freeze", "from_score": 900})
    assert risk.refused(f"{level}/notice", {"from_score": 950}) == "INVALID_PARAMETER"
    policies = risk.get(level)
    assert [(p["level"], p["from_score"], p["action"]) for p in policies] == [
        ("warning", 330, "step_up"), ("alarm", 900, "freeze")]  # fmt: skip
    trade = risk.new_trade("12.00")
    risk.done(f"/v1/trades/{trade['trade_no']}/pay", {"payment_code": risk.new_code()})
    habits = until(lambda: risk.look(f"/v1/risk/habits/{BUYER}").body.get("events", 0) >= 1)
    assert habits
    assert len(risk.get(f"/v1/risk/habits/{BUYER}")["hours"]) == 24
    assert risk.get("/v1/risk/alerts", status="open")["items"] == []
    nothing = "/v1/risk/alerts/2026112600000000000000000000"
    assert risk.look(nothing).code == "NOT_FOUND"
    assert risk.refused(f"{nothing}/see") == "NOT_FOUND"
    assert risk.refused(f"{nothing}/close", {"outcome": "fraud"}) == "NOT_FOUND"
    for name in ("warning", "alarm"):
        risk.done(f"{level}/{name}/clear")
    assert risk.get(level) == []
    assert risk.refused(f"{level}/alarm/clear") == "NOT_FOUND"
