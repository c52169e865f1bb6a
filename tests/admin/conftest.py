"""A data folder with a sandbox and two trades, a fresh copy for each test."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.server_process import free_port

from tallystick.payments.trades.model import CreateTrade, PayTrade, TradeDone
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.platform import Platform
from tallystick.sandbox.seed import APP_ID, PERSONAS, seed
from tallystick.settings import Settings


@dataclass(frozen=True)
class Folder:
    """A platform that is stopped, and how to open it."""

    settings: Settings

    @property
    def database(self) -> Path:
        """The database file."""
        return self.settings.data / "tallystick.db"

    @property
    def key(self) -> Path:
        """The master key's file."""
        return self.settings.master_key_path


async def _fill(settings: Settings) -> None:
    platform = Platform.open(settings)
    await platform.start()
    try:
        await seed(platform)
        app = Caller(CallerKind.APP, APP_ID, frozenset({"*"}))
        alice = PERSONAS[3].party_id
        for number in (1, 2):
            order = CreateTrade(
                app_id=APP_ID, out_trade_no=f"order-{number}", amount=1250, subject="Tea"
            )
            reply = (await platform.submit(app, order, f"order-{number}")).reply
            assert isinstance(reply, TradeDone)
            trade_no = reply.trade_no
        person = Caller(CallerKind.PARTY, alice, frozenset({"payments:write"}))
        pay = PayTrade(trade_no=trade_no, buyer_id=alice)
        assert (await platform.submit(person, pay, "pay")).refusal is None
    finally:
        await platform.stop()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the copies are made of."""
    place = tmp_path_factory.mktemp("filled")
    settings = Settings(data=place / "data", password_memory_kib=8192, password_passes=1)
    asyncio.run(_fill(settings))
    return place


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Folder:
    """A copy of the data folder with its key."""
    shutil.copytree(filled, tmp_path / "copy")
    settings = Settings(data=tmp_path / "copy" / "data", port=free_port())
    return Folder(replace(settings, password_memory_kib=8192, password_passes=1))
