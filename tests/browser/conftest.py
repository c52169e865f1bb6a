"""A running server with trades in every state, a shop of its own address, and Chromium."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright
from tests.browser.looking import DESKTOP, PATIENCE_MS, Looking, Screen
from tests.browser.shop_site import ShopSite
from tests.console.world import (
    MONTH_MS,
    Moving,
    ask,
    months_of_sales,
    trades_in_every_state,
)
from tests.gateway.alipay.shop import Shop
from tests.server_process import ServerProcess
from tests.stores import PerStore, settings_on

from tallystick.credit.joint.model import DefineProgramme, ProgrammeTerms
from tallystick.parties.passwords import PasswordHasher
from tallystick.partners.model import CreateOperator, Role
from tallystick.platform import Platform
from tallystick.sandbox.seed import seed

expect.set_options(timeout=PATIENCE_MS)

_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip

SECOND_PASSWORD = "second-1"

# The shop of these tests listens on the loopback address.
_LOOPBACK = "127.0.0.1/32"


LOANS_ON_SALES = (
    DefineProgramme(
        programme_id="east-sales", institution_id="2088000000000801",
        terms=ProgrammeTerms(
            products=("on-sales",), share=Decimal("0.3"), total_max=10**8,
            eligible="is_merchant && months_known >= 6 && sales > 0",
        ),
    ),
    DefineProgramme(programme_id="own-sales", terms=ProgrammeTerms(products=("on-sales",))),
)  # fmt: skip
"""A bank and the platform fund loans on sales."""


async def _fill(data: Path, port: int, notify_url: str) -> None:
    """The sandbox, a shop with months of sales, and a trade in every state whose shop was told."""
    settings = settings_on(
        data, port=port, password_memory_kib=64, password_passes=1,
        notify_allow=(_LOOPBACK,),
    )  # fmt: skip
    clock = Moving(9 * MONTH_MS)
    platform = Platform.open(settings, clock)
    await platform.start()
    await seed(platform)
    await months_of_sales(platform, clock)
    for programme in LOANS_ON_SALES:
        await ask(platform, programme)
    await ask(platform, CreateOperator(operator_id="guessed", login="guessed", role=Role.VIEWER,
                                       password_hash="of no password"))  # fmt: skip
    password = PasswordHasher.of(settings).hash_password(SECOND_PASSWORD)
    await ask(platform, CreateOperator(operator_id="second", login="second", role=Role.OPERATOR,
                                       password_hash=password))  # fmt: skip
    await trades_in_every_state(platform, notify_url)
    while platform.timers.lag_ms() > 0:
        await asyncio.sleep(0.02)
    await platform.stop()


@pytest.fixture(scope="session")
def shop_site() -> Iterator[ShopSite]:
    """The shop's own pages, at another address than ours."""
    site = ShopSite()
    yield site
    site.close()


@pytest.fixture(scope="session")
def filled_servers(
    tmp_path_factory: pytest.TempPathFactory, shop_site: ShopSite
) -> Iterator[PerStore[ServerProcess]]:
    """Servers on folders with trades in every state."""

    @contextmanager
    def running() -> Iterator[ServerProcess]:
        data = tmp_path_factory.mktemp("browser") / "data"
        made = ServerProcess(data, env={"TALLYSTICK_NOTIFY_ALLOW": _LOOPBACK})
        asyncio.run(_fill(data, made.port, shop_site.notify_url))
        made.start()
        yield made
        made.stop()

    with PerStore(running) as servers:
        yield servers


@pytest.fixture(scope="module")
def server(filled_servers: PerStore[ServerProcess], chosen_store: str) -> ServerProcess:
    """The server as a user starts it, on the chosen store."""
    return filled_servers.get()


@pytest.fixture(scope="module")
def shop(server: ServerProcess) -> Iterator[Shop]:
    """The sandbox's app, which signs requests."""
    made = Shop.of(server)
    yield made
    made.hang_up()


@pytest.fixture(scope="module")
def playing(server: ServerProcess) -> Iterator[Playwright]:
    """Playwright. Its loop takes this thread: it begins after the server has been filled, and
    ends with the module, so that other tests can have loops of their own."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def chromium(playing: Playwright) -> Iterator[Browser]:
    """Headless Chromium: `TALLYSTICK_CHROMIUM`, or the one in the path."""
    path = os.environ.get("TALLYSTICK_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("Chromium is not there: run script/test, or set TALLYSTICK_CHROMIUM.")
    browser = playing.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
    yield browser
    browser.close()


@pytest.fixture
def look(
    chromium: Browser, server: ServerProcess, shop_site: ShopSite
) -> Iterator[Callable[..., Looking]]:
    """Opens a browser of one person; what it must not do is checked when the test is over."""
    opened: list[Looking] = []

    def begin(screen: Screen = DESKTOP, language: str = "en", *, dark: bool = False) -> Looking:
        looking = Looking.open(chromium, server, shop_site, screen, language, dark=dark)
        opened.append(looking)
        return looking

    yield begin
    for looking in opened:
        looking.close()
    for looking in opened:
        assert looking.wrongs == []
