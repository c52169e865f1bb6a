"""Runs a client's script in its own environment and gives back what it printed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Protocol

from tests.clients.install import HERE, node_client, node_is_wanted, python_client

__all__ = ["FLOW_CLIENTS", "RunningServer", "configuration", "run_client", "try_client"]

PYTHON_CLIENTS = {"official": "official_python.py", "community": "community_python.py"}
NODE_CLIENTS = {"node-v2": "v2.mjs", "node-v3": "v3.mjs"}

FLOW_CLIENTS = [*PYTHON_CLIENTS, *(NODE_CLIENTS if node_is_wanted() else ())]


class RunningServer(Protocol):
    """What these tests need to know of the server under test (fixture `running_server`).

    `app_private_key_path` is the sandbox app's key as PKCS#1 PEM, the one form that all clients
    read; `alipay_public_key_path` the platform's public key as PEM. `merchant_id` is a merchant
    of the app, `buyer_code` a payment code that a buyer with at least 400.00 shows and that may
    be used for several trades, `rest_key` an API key that may ship. `aes_key` (base64) is the
    app's content encryption key.
    """

    base_url: str
    app_id: str
    app_private_key_path: Path
    alipay_public_key_path: Path
    merchant_id: str
    buyer_code: str
    rest_key: str
    aes_key: str


def configuration(server: RunningServer, out_trade_no: str) -> dict[str, Any]:
    """The part of a script's configuration that describes the server and the order."""
    return {
        "gateway": f"{server.base_url}/gateway.do",
        "app_id": server.app_id,
        "app_private_key_path": str(server.app_private_key_path),
        "alipay_public_key_path": str(server.alipay_public_key_path),
        "merchant_id": server.merchant_id,
        "buyer_code": server.buyer_code,
        "rest_base": server.base_url,
        "rest_key": server.rest_key,
        "out_trade_no": out_trade_no,
    }


def _command(client: str) -> list[str | Path]:
    if client in PYTHON_CLIENTS:
        # -I would hide the scripts' shared module; -E is what keeps our own packages out.
        return [
            python_client(client),
            "-E",
            "-X",
            "utf8",
            HERE / "scripts" / PYTHON_CLIENTS[client],
        ]
    return ["node", node_client() / NODE_CLIENTS[client]]


def try_client(client: str, settings: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Run a client's script, whatever becomes of it."""
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    environment = {k: v for k, v in os.environ.items() if k.lower() not in proxies}
    return subprocess.run(
        _command(client),
        input=json.dumps(settings),
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=120,
        check=False,
    )


def run_client(client: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Run a client's script, which must succeed."""
    done = try_client(client, settings)
    assert done.returncode == 0, f"{client}: {done.stderr}"
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
