"""The real, unmodified clients run a whole escrow trade against the running server.

Each verifies every answer's signature by its own means; a wrong one ends its script.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.clients.install import node_is_wanted
from tests.clients.runner import (
    FLOW_CLIENTS,
    RunningServer,
    configuration,
    run_client,
    try_client,
)

NODE_V2 = ["node-v2"] if node_is_wanted() else []
NODE_V3 = ["node-v3"] if node_is_wanted() else []


def new_order(client: str) -> str:
    return f"{client}-{uuid.uuid4().hex[:12]}"


def check_unknown_trade(client: str, answer: dict[str, Any]) -> None:
    if client == "node-v3":
        assert (answer["status"], answer["code"]) == (400, "ACQ.TRADE_NOT_EXIST")
        assert answer["trace_id"]
    else:
        assert (answer["code"], answer["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")


@pytest.mark.parametrize("client", FLOW_CLIENTS)
def test_a_real_client_runs_a_whole_escrow_trade(
    client: str, running_server: RunningServer
) -> None:
    number = new_order(client)
    result = run_client(client, configuration(running_server, number) | {"do": "flow"})
    if client != "node-v3":
        steps = ("create", "pay", "query_paid", "confirm", "query_confirmed", "refund")
        assert {result[step]["code"] for step in (*steps, "refund_query")} == {"10000"}
    trade_no = result["create"]["trade_no"]
    assert trade_no
    for step in ("create", "pay", "query_paid", "query_confirmed", "refund", "refund_query"):
        assert result[step]["trade_no"] == trade_no, step
        assert result[step]["out_trade_no"] == number, step
    assert result["pay"]["total_amount"] == "100.00"
    assert result["query_paid"]["trade_status"] == "TRADE_SUCCESS"
    assert result["query_paid"]["total_amount"] == "100.00"
    assert result["ship"]["status"] == 200
    assert result["confirm"]["trade_no"] == trade_no
    assert result["query_confirmed"]["trade_status"] in ("TRADE_SUCCESS", "TRADE_FINISHED")
    assert result["refund"]["refund_fee"] == "30.00"
    assert result["refund"]["fund_change"] == "Y"
    assert result["refund_query"]["refund_amount"] == "30.00"
    assert result["refund_query"]["out_request_no"] == f"{number}-r1"
    check_unknown_trade(client, result["unknown_trade"])


@pytest.mark.parametrize("client", FLOW_CLIENTS)
def test_a_real_client_does_not_believe_an_answer_signed_by_another_key(
    client: str, running_server: RunningServer, tmp_path: Path
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    path = tmp_path / "stranger.pem"
    path.write_bytes(stranger.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    settings = configuration(running_server, new_order(client))
    done = try_client(client, settings | {"do": "flow", "alipay_public_key_path": str(path)})
    assert done.returncode != 0
    assert (
        "verif" in done.stderr.lower()
        or "验签失败" in done.stderr
        or "AliPayValidationError" in done.stderr
    )


@pytest.mark.parametrize("client", NODE_V2)
def test_the_node_client_reads_an_encrypted_answer(
    client: str, running_server: RunningServer
) -> None:
    settings = configuration(running_server, new_order(client))
    answer = run_client(client, settings | {"do": "encrypted", "aes_key": running_server.aes_key})
    check_unknown_trade(client, answer)


@pytest.mark.parametrize("client", NODE_V3)
def test_the_node_client_runs_encrypted_v3_calls(
    client: str, running_server: RunningServer
) -> None:
    settings = configuration(running_server, new_order(client))
    run_client(client, settings | {"do": "flow"})
    answer = run_client(client, settings | {"do": "encrypted", "aes_key": running_server.aes_key})
    assert answer["found"]["out_trade_no"] == settings["out_trade_no"]
    check_unknown_trade(client, answer["unknown_trade"])


def _as_platform(server: RunningServer, name: str, path: str, body: dict[str, Any]) -> Any:
    headers = {"authorization": f"Bearer {server.rest_key}", "idempotency-key": name}
    answer = httpx.post(f"{server.base_url}{path}", headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_official_client_asks_for_scores_and_leaves_deposits_out(
    running_server: RunningServer,
) -> None:
    server, person = running_server, "2088000000000101"
    settings = configuration(server, new_order("credit")) | {"do": "credit", "person": person}
    score = {"party_id": person, "score": 655, "model": "m1"}
    _as_platform(server, "zm-score", "/v1/credit/scores", score)
    refused = run_client("official", settings | {"consent": "1"})
    assert refused["brief"]["sub_code"] == "ZMCREDIT.AUTHORIZATION_MISSING"
    assert refused["freeze"]["sub_code"] == "ZMCREDIT.AUTHORIZATION_MISSING"
    consents = {
        purpose: _as_platform(
            server, f"zm-consent-{purpose}", "/v1/credit/consents",
            {"party_id": person, "app_id": server.app_id, "purpose": purpose},
        )
        for purpose in ("score", "watch_list", "deposit_free")
    }  # fmt: skip
    assert (consents["score"]["app_id"], consents["score"]["purpose"]) == (server.app_id, "score")
    income = {"party_id": person, "monthly": "9000.00", "source": "payslip"}
    _as_platform(server, "zm-income", "/v1/credit/incomes", income)
    policy = {"bands": [{"score_from": 600, "months": "12", "amount_max": "100000.00",
                         "deposit_max": "100.00"}]}  # fmt: skip
    _as_platform(server, "zm-policy", "/v1/credit/limit-policy", policy)
    settings |= {"consent": consents["score"]["consent_id"], "out_trade_no": new_order("credit")}
    told = run_client("official", settings)
    assert {answer["code"] for answer in told.values()} == {"10000"}, told
    assert told["brief"]["is_admittance"] == "Y"
    assert told["score"]["zm_score"] == "655"
    assert told["watch_list"]["level"] == "0"
    assert told["freeze"]["pre_auth_type"] == "CREDIT_AUTH"
    assert (told["freeze"]["credit_amount"], told["freeze"]["fund_amount"]) == ("99.00", "0.00")
    assert (told["pay"]["total_amount"], told["pay"]["buyer_user_id"]) == ("60.00", person)
    assert told["unfreeze"]["auth_no"] == told["freeze"]["auth_no"]
    headers = {"authorization": f"Bearer {server.rest_key}"}
    seen = httpx.get(f"{server.base_url}/v1/credit/people/{person}", headers=headers).json()
    outcomes = [line["outcome"] for line in seen["inquiries"]]
    assert outcomes.count("no_consent") == 3
    assert outcomes.count("answered") == 4
