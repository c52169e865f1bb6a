"""What a running server tells of itself: logs, metrics, readiness; and what it never tells."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.gateway.alipay.shop import Shop, new_number
from tests.operating.client import Client
from tests.server_process import ServerProcess
from tests.stores import chosen

from tallystick.observe.metrics import METRICS, Metrics

TOKEN = "a-token-for-metrics"
LOGIN, WRONG = "alice@sandbox.test", "wrong-password-1"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that writes JSON lines at the finest level, after some work."""
    server = ServerProcess(
        tmp_path_factory.mktemp("busy") / "data",
        env={
            "TALLYSTICK_LOG_FORMAT": "json",
            "TALLYSTICK_LOG_LEVEL": "debug",
            "TALLYSTICK_METRICS_TOKEN": TOKEN,
            "TALLYSTICK_BOOKS_CHECK_SECONDS": "1",
        },
    ).start()
    _work(server)
    yield server
    server.stop()


def _work(server: ServerProcess) -> None:
    """Payments, refusals, wrong passwords, spoilt requests: whatever might be written down."""
    shop = Shop.of(server)
    paid = shop.call(
        "alipay.trade.pay",
        {
            "out_trade_no": new_number(), "total_amount": "3.00", "subject": "Tea",
            "scene": "bar_code", "auth_code": server.buyer_code,
        },
    )  # fmt: skip
    assert paid["code"] == "10000", paid
    shop.call("alipay.trade.query", {"out_trade_no": "never-opened"})
    shop.hang_up()
    client = Client(server)
    for path in ("/wallet/sign-in", "/console/sign-in"):
        form = f"login={LOGIN}&password={WRONG}".encode()
        client.ask("POST", path, form, content_type="application/x-www-form-urlencoded")
    client.ask("POST", "/gateway.do", f"method=x&secret={WRONG}".encode())
    client.ask("GET", "/v1/trades", authorization=f"Bearer {server.rest_key}")
    client.ask("POST", "/v1/trades", b"{", authorization=f"Bearer {server.rest_key}")
    client.ask("GET", f"/nowhere?login={LOGIN}", authorization="Bearer tsk_a_b")
    client.close()
    with socket.create_connection((server.host, server.port)) as odd:
        odd.sendall(f"{LOGIN} {WRONG}\r\n\r\n".encode())
        assert odd.recv(100).startswith(b"HTTP/1.1 400")


def _lines(server: ServerProcess) -> list[dict[str, Any]]:
    """The log's lines; what the server says to a person at its start is not log."""
    text = server.log.read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def _samples(body: bytes) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def _metrics(server: ServerProcess) -> dict[tuple[str, ...], float]:
    client = Client(server)
    reply = client.ask("GET", "/metrics", authorization=f"Bearer {TOKEN}")
    client.close()
    assert reply.status == 200
    return _samples(reply.body)


# Logs.


def test_every_line_has_moment_level_and_event(busy: ServerProcess) -> None:
    lines = _lines(busy)
    assert len(lines) > 10
    for line in lines:
        assert {"at", "level", "event"} <= line.keys()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["at"])


def test_what_the_http_library_says_is_a_line_like_any_other(busy: ServerProcess) -> None:
    assert "Invalid HTTP request received." in {line["event"] for line in _lines(busy)}
    text = busy.log.read_text("utf-8")
    told = text[text.index("Stop it with Ctrl-C") :].splitlines()[1:]
    assert [line for line in told if not line.startswith("{")] == []


def test_a_request_has_one_id_in_its_answer_and_its_lines(busy: ServerProcess) -> None:
    client = Client(busy)
    for path in ("/gateway.do", "/v3/alipay/trade/query", "/v1/trades", "/wallet", "/nowhere"):
        reply = client.ask("GET", path)
        request_id = reply.headers["x-request-id"]
        found = [line for line in _lines(busy) if line.get("request_id") == request_id]
        assert "answered" in {line["event"] for line in found}, path
    client.close()


def test_the_callers_request_id_is_kept_when_it_is_one(busy: ServerProcess) -> None:
    client = Client(busy)
    kept = client.ask("GET", "/healthz", x_request_id="proxy-0123456789")
    assert kept.headers["x-request-id"] == "proxy-0123456789"
    for odd in ("short", "with blank in it", 'q"uote-123456', "x" * 65):
        fresh = client.ask("GET", "/healthz", x_request_id=odd)
        assert re.fullmatch(r"[0-9a-f]{16}", fresh.headers["x-request-id"])
    client.close()


def test_the_log_of_a_busy_server_holds_no_secrets_and_no_personal_data(
    busy: ServerProcess,
) -> None:
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in _lines(busy))
    found = busy.credentials
    secrets = [WRONG, TOKEN, found["rest_key"], found["aes_key"], "PRIVATE KEY", "tsk_"]
    for person in (*found["buyers"], *found["merchants"]):
        secrets += [person[k] for k in ("login", "name", "password", "payment_code")]
    for operator in found["operators"]:
        secrets.append(operator["password"])
    secrets.append((busy.data.parent / "data.keys" / "master.key").read_text().strip())
    private = Path(found["app_private_key_file"]).read_text().splitlines()[1]
    assert [secret for secret in [*secrets, private] if secret in text] == []


# Metrics.


def test_commands_are_counted_by_name_and_result(busy: ServerProcess) -> None:
    found = _metrics(busy)
    name = "tallystick_commands_total"
    assert found[name, "command=party.register", "result=accepted"] == 9
    assert found[name, "command=trade.pay", "result=accepted"] == 1
    assert found["tallystick_command_seconds_count", "command=trade.pay"] == 1
    assert found["tallystick_command_seconds_bucket", "command=trade.pay", "le=+Inf"] == 1
    batches = found["tallystick_batch_seconds_count",]
    assert batches > 0
    assert found["tallystick_batch_commands_sum",] == sum(
        value for key, value in found.items() if key[0] == name
    )


def test_the_gateways_requests_are_counted_by_method_and_result(busy: ServerProcess) -> None:
    found = _metrics(busy)
    name = "tallystick_gateway_requests_total"
    assert found[name, "method=alipay.trade.pay", "result=success"] == 1
    assert found[name, "method=alipay.trade.query", "result=ACQ.TRADE_NOT_EXIST"] == 1
    assert all(
        key[1].startswith(("method=alipay.", "method=unknown")) for key in found if key[0] == name
    )


def test_state_books_and_build_are_told(busy: ServerProcess) -> None:
    found = _metrics(busy)
    while ("tallystick_escrow_held", "currency=CNY") not in found:
        found = _metrics(busy)
    assert found["tallystick_books_balanced",] == 1
    assert found["tallystick_escrow_matches_trades",] == 1
    assert found["tallystick_escrow_held", "currency=CNY"] in (0, 300)
    assert found["tallystick_store_writable",] == 1
    assert found["tallystick_disk_free_bytes",] > 0
    once = ("leader",) if chosen() == "postgres" else ("timers", "notifications", "banks")
    for worker in (*once, "watch"):
        assert found["tallystick_worker_alive", f"worker={worker}"] == 1
    assert found["tallystick_build_info", "version=0.1.0"] == 1
    assert {"process_resident_memory_bytes"} <= {key[0] for key in found}


def test_every_metric_of_ours_is_in_the_table(busy: ServerProcess) -> None:
    client = Client(busy)
    body = client.ask("GET", "/metrics", authorization=f"Bearer {TOKEN}").body
    client.close()
    families = {f.name: f.type for f in text_string_to_metric_families(body.decode())}
    ours = {name: kind for name, kind in families.items() if name.startswith("tallystick_")}
    assert ours == {name: kind for name, (kind, _) in METRICS.items()}


def test_metrics_need_the_token_or_this_machine(busy: ServerProcess) -> None:
    client = Client(busy)
    assert client.ask("GET", "/metrics").status == 200
    elsewhere = {"x_forwarded_for": "203.0.113.9"}
    refused = client.ask("GET", "/metrics", None, **elsewhere)
    assert refused.status == 401
    assert b"tallystick_" not in refused.body
    wrong = client.ask("GET", "/metrics", None, authorization="Bearer wrong", **elsewhere)
    assert wrong.status == 401
    right = client.ask("GET", "/metrics", None, authorization=f"Bearer {TOKEN}", **elsewhere)
    assert right.status == 200
    client.close()


def test_counting_takes_no_lock_and_keeps_what_it_is_told() -> None:
    metrics = Metrics()
    for size in (1, 2, 700, 5000):
        metrics.batch(size, size / 1000)
    metrics.command("trade.pay", "accepted", 0.004)
    metrics.command("trade.pay", "BALANCE_NOT_ENOUGH", 20.0)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in metrics.families()
        for sample in family.samples
    }
    assert found["tallystick_batch_commands_bucket", "2.0"] == 2
    assert found["tallystick_batch_commands_bucket", "1024.0"] == 3
    assert found["tallystick_batch_commands_bucket", "+Inf"] == 4
    assert found["tallystick_batch_commands_sum",] == 5703
    assert found["tallystick_command_seconds_bucket", "trade.pay", "0.005"] == 1
    assert found["tallystick_command_seconds_bucket", "trade.pay", "10.0"] == 1
    assert found["tallystick_command_seconds_count", "trade.pay"] == 2
    assert found["tallystick_commands_total", "trade.pay", "BALANCE_NOT_ENOUGH"] == 1


# Readiness.


def test_a_server_that_is_well_is_alive_and_ready(busy: ServerProcess) -> None:
    client = Client(busy)
    assert client.ask("GET", "/healthz").json == {"status": "alive"}
    ready = client.ask("GET", "/readyz")
    client.close()
    assert (ready.status, ready.json) == (200, {"status": "ready"})
