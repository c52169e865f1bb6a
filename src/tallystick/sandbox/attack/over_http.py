"""A story over HTTP, at a server that is a process of its own, as partners and people do it.

Payments and refunds are signed requests of an app to `/gateway.do`, sign-ins are the form of the
wallet's page with a password, transfers, top-ups and withdrawals are calls of the REST API.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tallystick.console.security import VISIT_COOKIE
from tallystick.decoding import decode_json
from tallystick.money.amount import format_amount
from tallystick.parties.model import PartyKind
from tallystick.pipeline.refusals import REFUSALS
from tallystick.sandbox.answers import Answer
from tallystick.sandbox.attack.access import (
    ACCESS,
    ADDRESS_HEADER,
    MOMENT_HEADER,
    SERVER_MODULE,
    Access,
)
from tallystick.sandbox.attack.acts import Act
from tallystick.sandbox.attack.stage import RaisedAlert, transfer_number
from tallystick.sandbox.attack.world import APP_ID
from tallystick.sandbox.own_server import free_port
from tallystick.sandbox.rest_client import RestClient
from tallystick.sandbox.signed_client import GatewayClient
from tallystick.store.engine import StoreError

__all__ = ["OverHttp"]

_READY_WITHIN_S: Final = 60.0
_STOPPED_WITHIN_S: Final = 30.0
_ANSWERED_WITHIN_S: Final = 60.0
_CODE_LASTS_MS: Final = 400 * 86_400_000
_CHINA: Final = timedelta(hours=8)
_PASSWORD: Final = "attack-story-1"  # noqa: S105 - of people who do not exist
_PAYMENT_PASSWORD: Final = "135790"  # noqa: S105
_CSRF: Final = re.compile(r'name="csrf" value="([^"]+)"')
_SIGN_IN: Final = "/wallet/sign-in"
_AT_RISK: Final = ("RISK_CHALLENGE", "RISK_DENIED", "RISK_HELD", "RISK_UNAVAILABLE")

T = TypeVar("T")


def _public(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_key().public_bytes(serialization.Encoding.DER, form)
    return base64.b64encode(der).decode()


def _risk_said(text: str) -> str:
    """The code of risk whose sentence stands in a text for people; empty for none."""
    return next((code for code in _AT_RISK if REFUSALS[code].english in text), "")


class OverHttp:
    """A story's platform as a process; see `Stage`."""

    def __init__(self, folder: Path, *, guarded: bool) -> None:
        self._folder, self._now_ms, self._number = folder, 0, 0
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._csrf = ""
        self._runner = asyncio.Runner()
        app_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        port = free_port()
        self._base = f"http://127.0.0.1:{port}"
        self._process = self._started(port, _public(app_key), guarded)
        self._http = httpx2.AsyncClient(
            timeout=_ANSWERED_WITHIN_S, trust_env=False, headers={"accept-language": "en"}
        )
        try:
            self._wait()
            access = decode_json((folder / ACCESS).read_bytes(), Access)
        except BaseException:
            self._stop()
            raise
        gateway_key = serialization.load_der_public_key(base64.b64decode(access.gateway_public))
        assert isinstance(gateway_key, rsa.RSAPublicKey)
        self._rest = RestClient(self._http, self._base, access.api_key)
        self._gateway = GatewayClient(
            self._http, f"{self._base}/gateway.do", APP_ID, app_key, gateway_key
        )

    # The process.

    def _started(self, port: int, app_key: str, guarded: bool) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", SERVER_MODULE, str(self._folder)]
        command += ["--port", str(port), "--app-key", app_key, *(["--guarded"] * guarded)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLYSTICK_")}
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - ours
                command, env=environment, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                page = self._run(self._http.get(self._base + _SIGN_IN, headers=self._where(None)))
            except httpx2.TransportError:
                time.sleep(0.05)
                continue
            found = _CSRF.search(page.text)
            if found is not None:
                self._csrf = found[1]
                return
        said = (self._folder / "log").read_text("utf-8", "replace").strip().splitlines()
        raise StoreError(f"The attack's server did not start: {said[-1] if said else 'no word'}")

    def _stop(self) -> None:
        self._run(self._http.aclose())
        self._runner.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Stop the server."""
        self._gateway.close()
        self._stop()

    def _run(self, asked: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asked)

    # Asking.

    def _where(self, act: Act | None) -> dict[str, str]:
        """The headers that say when, from where and with what a request is made."""
        headers = {MOMENT_HEADER: str(self._now_ms)}
        if act is not None:
            told = {ADDRESS_HEADER: act.address, "x-device-id": act.device,
                    "x-card-token": act.card}  # fmt: skip
            headers |= {name: value for name, value in told.items() if value}
        return headers

    def _post(self, path: str, body: dict[str, object], act: Act | None = None) -> Answer:
        self._number += 1
        key = f"attack-{self._number}"
        return self._run(self._rest.post(path, body, key, self._where(act)))

    def _must(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        answer = self._post(path, body)
        if not answer.accepted:
            raise StoreError(f"The attack cannot be played: {path}: {answer.code}.")
        return answer.told

    def _signed(self, method: str, content: dict[str, object], act: Act) -> str:
        stamp = f"{datetime.fromtimestamp(self._now_ms / 1000, UTC) + _CHINA:%Y-%m-%d %H:%M:%S}"

        async def ask() -> Answer:
            request = await self._gateway.sign(method, content, timestamp=stamp)
            return await self._gateway.send(request, self._where(act))

        answer = self._run(ask())
        if answer.accepted:
            return ""
        return _risk_said(str(answer.told.get("sub_msg", ""))) or answer.code

    # The stage.

    def move_to(self, now_ms: int) -> None:
        """It is so late now; the server hears of it with the next request."""
        self._now_ms = now_ms

    def register(self, party: str, kind: PartyKind) -> None:
        """Open an account with a password, and give it a payment code or make it a seller."""
        told = self._must("/v1/parties", {
            "kind": kind.value, "login": f"{party}@attack.example", "name": party,
            "password": _PASSWORD, "payment_password": _PAYMENT_PASSWORD,
        })  # fmt: skip
        party_id = self._ids[party] = str(told["party_id"])
        self._names[party_id] = party
        if kind is PartyKind.MERCHANT:
            self._must(f"/v1/apps/{APP_ID}/sellers", {"party_id": party_id})

    def fund(self, party: str, amount: int) -> None:
        """Money from the party's bank."""
        self._must(f"/v1/wallets/{self._ids[party]}/top-ups", _bank_order(amount))

    def prove(self, party: str) -> None:
        """The owner passes a real-person check."""
        self._must(f"/v1/risk/step-ups/{self._ids[party]}", {"minutes": 15})

    def do(self, act: Act) -> str:
        """Ask at the door where people ask for such a thing."""
        if act.kind in ("sign_in", "wrong"):
            return self._sign_in(act)
        if act.kind == "payment":
            return self._signed("alipay.trade.pay", {
                "out_trade_no": act.order, "total_amount": _yuan(act.amount), "subject": "Goods",
                "auth_code": self._code(act.party), "seller_id": self._ids[act.payee],
                "scene": "bar_code",
            }, act)  # fmt: skip
        if act.kind == "refund":
            return self._signed("alipay.trade.refund", {
                "out_trade_no": act.order, "refund_amount": _yuan(act.amount),
                "out_request_no": f"back-{act.order}",
            }, act)  # fmt: skip
        if act.kind in ("top_up", "withdrawal"):
            order = "top-ups" if act.kind == "top_up" else "withdrawals"
            path = f"/v1/wallets/{self._ids[act.party]}/{order}"
            return self._post(path, _bank_order(act.amount), act).code
        return self._post("/v1/transfers", {
            "payer_id": self._ids[act.party], "payee_id": self._ids[act.payee],
            "amount": _yuan(act.amount), "out_biz_no": transfer_number(act),
        }, act).code  # fmt: skip

    def _code(self, party: str) -> str:
        """The code that a person shows at the till."""
        if party not in self._codes:
            told = self._must(f"/v1/parties/{self._ids[party]}/payment-codes", {
                "expires_ms": self._now_ms + _CODE_LASTS_MS, "reusable": True,
            })  # fmt: skip
            self._codes[party] = str(told["payment_code"])
        return self._codes[party]

    def _sign_in(self, act: Act) -> str:
        """Send the wallet's form; a wrong password that is counted is what the act wanted."""
        right = act.kind == "sign_in"
        form = {"login": f"{act.party}@attack.example", "csrf": self._csrf, "next": "/wallet",
                "password": _PASSWORD if right else "not-the-password"}  # fmt: skip
        page = self._run(
            self._http.post(self._base + _SIGN_IN, data=form, headers=self._where(act))
        )
        self._forget_session()
        location = page.headers.get("location", "")
        if location.startswith(("/verify", "/wallet/security")):
            return "RISK_CHALLENGE"
        wanted = page.has_redirect_location
        if not right:
            wanted = REFUSALS["SIGN_IN_FAILED"].english in page.text
        if wanted:
            return ""
        return _risk_said(page.text) or f"HTTP_{page.status_code}"

    def _forget_session(self) -> None:
        """The visit stays, the session goes: who comes next has a browser of their own."""
        for cookie in list(self._http.cookies.jar):
            if cookie.name != VISIT_COOKIE:
                self._http.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)

    def alerts(self) -> list[RaisedAlert]:
        """What the watch has raised."""

        async def every() -> list[dict[str, Any]]:
            return [alert async for alert in self._rest.items("/v1/risk/alerts")]

        return [
            RaisedAlert(self._names[alert["party_id"]], int(alert["opened_ms"]))
            for alert in self._run(every())
        ]

    def balanced(self) -> bool:
        """Whether debits equal credits in every book."""

        async def every() -> bool:
            books = self._rest.items("/v1/ledger/trial-balance")
            return all([bool(book["balanced"]) async for book in books])

        return self._run(every())


def _yuan(fen: int) -> str:
    return format_amount(fen, "CNY")


def _bank_order(amount: int) -> dict[str, object]:
    return {"amount": _yuan(amount), "bank_id": "1"}
