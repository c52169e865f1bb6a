"""A data folder with the sandbox and further apps: instant, disabled, with changing keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from tests.gateway.alipay.client_side import APP_KEY
from tests.gateway.alipay.shop import Shop
from tests.server_process import ServerProcess
from tests.stores import settings_on

from tallystick.partners.model import (
    AddAppKey,
    AddSeller,
    CreateApp,
    KeyStatus,
    RetireAppKey,
    SetAppStatus,
)
from tallystick.partners.rsa2 import bare_public_key
from tallystick.payments.trades.model import RelateReceivers
from tallystick.pipeline.commands import SYSTEM, Command
from tallystick.platform import Platform
from tallystick.sandbox.seed import PERSONAS, seed

__all__ = [
    "CHANGING", "COURIER", "DISABLED", "INSTANT", "MARKET", "QUICK", "RETIRED", "SECOND_KEY", "TEA",
    "Marketplace", "prepare",
]  # fmt: skip

MARKET, TEA, COURIER = (who.party_id for who in PERSONAS[:3])

INSTANT = "2026000000000002"
DISABLED = "2026000000000003"
CHANGING = "2026000000000004"
RETIRED = "2026000000000005"
QUICK = "2026000000000006"

SECOND_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

# Receivers of notifications in these tests listen on the loopback address.
ENVIRONMENT = {"TALLYSTICK_NOTIFY_ALLOW": "127.0.0.1/32"}


def _steps() -> list[Command]:
    first, second = bare_public_key(APP_KEY.public_key()), bare_public_key(SECOND_KEY.public_key())

    def app(app_id: str, **more: object) -> CreateApp:
        return CreateApp(
            app_id=app_id,
            name=f"App {app_id[-1]}",
            merchant_id=TEA,
            public_key=first,
            key_id=f"key-{app_id[-1]}-1",
            gateway_key_id="gateway-1",
            **more,  # type: ignore[arg-type]
        )

    return [
        app(INSTANT, settlement="instant", fee_rate="0.006"),
        RelateReceivers(app_id=INSTANT, receivers={COURIER: "delivery"}),
        AddSeller(app_id=INSTANT, party_id=COURIER),
        app(DISABLED),
        SetAppStatus(app_id=DISABLED, status=KeyStatus.RETIRED),
        app(CHANGING),
        AddAppKey(app_id=CHANGING, key_id="key-4-2", public_key=second),
        app(RETIRED),
        AddAppKey(app_id=RETIRED, key_id="key-5-2", public_key=second),
        RetireAppKey(app_id=RETIRED, key_id="key-5-1"),
        app(QUICK, settlement="instant", refund_within_ms=2000),
    ]


async def _fill(data: Path) -> None:
    platform = Platform.open(settings_on(data))
    await platform.start()
    try:
        await seed(platform)
        for at, step in enumerate(_steps()):
            answer = await platform.submit(SYSTEM, step, f"marketplace:{at}")
            assert answer.refusal is None, (step, answer)
    finally:
        await platform.stop()


@dataclass
class Marketplace:
    """The server and its further apps, all of which signed up with `APP_KEY`."""

    server: ServerProcess
    _shops: list[Shop] = field(default_factory=list, repr=False)

    def shop(self, app_id: str, key: rsa.RSAPrivateKey = APP_KEY) -> Shop:
        """A shop of one of the further apps."""
        made = Shop(self.server, app_id, key, Shop.of(self.server).platform_key)
        self._shops.append(made)
        return made

    def close(self) -> None:
        """Hang up all shops and stop the server."""
        for shop in self._shops:
            shop.hang_up()
        self.server.stop()

    @property
    def instant(self) -> Shop:
        """Its trades settle at once."""
        return self.shop(INSTANT)

    @property
    def disabled(self) -> Shop:
        """It may not call."""
        return self.shop(DISABLED)


def prepare(data: Path) -> Marketplace:
    """Fill a new data folder; the server is not started."""
    asyncio.run(_fill(data))
    return Marketplace(ServerProcess(data, env=dict(ENVIRONMENT)))
