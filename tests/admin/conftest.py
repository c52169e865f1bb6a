"""A data folder with a sandbox and two trades, a fresh copy for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.server_process import free_port
from tests.stores import PerStore, change, database_for, settings_on

from tallystick.payments.trades.model import CreateTrade, PayTrade, TradeDone
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.platform import Platform
from tallystick.sandbox.seed import APP_ID, PERSONAS, seed
from tallystick.settings import Settings
from tallystick.store.connection import Connection


@dataclass(frozen=True)
class Folder:
    """A platform that is stopped, and how to open it."""

    settings: Settings

    @property
    def database(self) -> Path:
        """The database file."""
        return self.settings.data / "tallystick.db"

    def connect(self, *, readonly: bool = True) -> Connection:
        """A connection to the books."""
        return database_for(self.settings.data).connect(readonly=readonly)

    def change(self, sql: str, *parameters: object) -> None:
        """Change the books behind the platform's back."""
        change(self.settings.data, sql, *parameters)

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
def filled_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PerStore[Path]]:
    """The folders that the copies are made of."""

    def filled() -> Path:
        place = tmp_path_factory.mktemp("filled")
        settings = settings_on(place / "data", password_memory_kib=8192, password_passes=1)
        asyncio.run(_fill(settings))
        return place

    with PerStore(lambda: nullcontext(filled())) as made:
        yield made


@pytest.fixture
def folder(filled_folders: PerStore[Path], chosen_store: str, tmp_path: Path) -> Folder:
    """A copy of the data folder with its key and books."""
    filled = filled_folders.get()
    shutil.copytree(filled, tmp_path / "copy")
    database_for(tmp_path / "copy" / "data", copy_of=filled / "data")
    settings = settings_on(tmp_path / "copy" / "data", port=free_port())
    return Folder(replace(settings, password_memory_kib=8192, password_passes=1))
