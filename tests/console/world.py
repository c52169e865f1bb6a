"""A small world for the pages' tests: the sandbox, and trades in every state."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from litestar import Litestar
from litestar.testing import TestClient
from tests.stores import settings_on

from tallystick.console.routes import routes
from tallystick.credit.loans.timing import collect_ms, loan_day
from tallystick.credit.merchant.decide import months_before
from tallystick.gateway.alipay.page_return import build_return_url
from tallystick.parties.model import PartyKind
from tallystick.parties.passwords import PasswordHasher
from tallystick.parties.views import payment_code_index
from tallystick.partners.model import AddSeller, CreateOperator, Role
from tallystick.payments.trades.model import (
    ConfirmReceipt,
    CreateTrade,
    OpenDispute,
    PayTrade,
    RefundTrade,
    ShipTrade,
    Trade,
    TradeDone,
    TradeStatus,
)
from tallystick.payments.wallet.views import open_bank_orders, wallet_balance
from tallystick.pipeline.commands import SYSTEM, Command, Reply
from tallystick.platform import Platform
from tallystick.sandbox.seed import (
    APP_ID,
    PERSONAS,
    Persona,
    read_credentials,
    register_persona,
    seed,
)

__all__ = [
    "ALICE", "BOB", "CUSTOMER", "HISTORY", "MONTH_MS", "Moving", "POOR", "TEA", "World", "ask",
    "months_of_sales", "open_order", "serving", "world_app",
]  # fmt: skip

_MARKET, TEA, _COURIER, ALICE, BOB, POOR = PERSONAS
MINUTE_MS = 60_000


class World(NamedTuple):
    """A platform with its pages."""

    platform: Platform
    client: TestClient[Litestar]

    @property
    def operators(self) -> dict[str, str]:
        """Operators' passwords by login."""
        found = read_credentials(self.platform.settings.data)
        return {o["login"]: o["password"] for o in found["operators"]}

    def do(self, command: Command) -> Reply:
        """Run a command of the system's."""
        with self.client.portal() as portal:
            return portal.call(ask, self.platform, command)

    def refuse(self, command: Command) -> str:
        """The code with which a command of the system's is refused."""

        async def asked() -> str:
            answer = await self.platform.submit(SYSTEM, command, secrets.token_hex(8))
            assert answer.refusal is not None, command
            return answer.refusal.code

        with self.client.portal() as portal:
            return portal.call(asked)

    def order(
        self, amount: int, *, subject: str = "Fresh tea", code: str = "", return_url: str = "",
        notify_url: str = "",
    ) -> str:  # fmt: skip
        """A fresh unpaid order; gives its trade number."""

        async def opened() -> str:
            return await open_order(
                self.platform, subject, amount, code=code, return_url=return_url,
                notify_url=notify_url,
            )  # fmt: skip

        with self.client.portal() as portal:
            return portal.call(opened)

    def paid(self, amount: int, buyer: str = ALICE.party_id, notify_url: str = "") -> str:
        """A fresh order that is paid; gives its trade number."""
        trade_no = self.order(amount, notify_url=notify_url)
        with self.client.portal() as portal:
            portal.call(pay, self.platform, trade_no, buyer)
        return trade_no

    def trade_of(self, trade_no: str) -> Trade:
        """The trade with this number."""
        trade = self.platform.rows.get(Trade, trade_no)
        assert trade is not None
        return trade

    def status(self, trade_no: str) -> TradeStatus:
        """The state of a trade."""
        return self.trade_of(trade_no).status

    def buyer(self, name: str, money: int = 100_000) -> Persona:
        """A buyer of one test, whose wrong passwords and payments harm no other."""
        number = f"20881{secrets.randbelow(10**11):011d}"
        who = Persona(number, f"{name}-{number}@sandbox.test", name, PartyKind.PERSON, money)
        hasher = PasswordHasher.of(self.platform.settings)
        with self.client.portal() as portal:
            portal.call(register_persona, self.platform, who, hasher)
        return who

    def operator(self, name: str, role: Role = Role.OPERATOR) -> tuple[str, str]:
        """An operator of one test; gives login and password."""
        login, password = f"{name}-{secrets.token_hex(4)}", secrets.token_urlsafe(9)
        hasher = PasswordHasher.of(self.platform.settings)
        command = CreateOperator(
            operator_id=login, login=login, role=role,
            password_hash=hasher.hash_password(password),
        )  # fmt: skip
        self.do(command)
        return login, password

    def balance(self, party_id: str) -> int:
        """What a party has, in fen."""
        rows, ledger = self.platform.rows, self.platform.ledger
        return wallet_balance(rows, ledger, party_id, "CNY").available

    def wait_for_banks(self) -> None:
        """Until the sandbox's bank has answered every order."""
        deadline = time.monotonic() + 120
        while open_bank_orders(self.platform.rows, limit=1):
            assert time.monotonic() < deadline, "the bank does not answer"
            time.sleep(0.02)

    def trade(self, subject: str) -> Trade:
        """The trade with this subject."""
        return self.platform.rows.query(Trade, "WHERE subject = ?", (subject,))[0]


async def ask(platform: Platform, command: Command) -> Reply:
    """Run a command of the system's; it must be accepted."""
    answer = await platform.submit(SYSTEM, command, secrets.token_hex(8))
    assert answer.reply is not None, (command, answer.refusal)
    return answer.reply


async def open_order(
    platform: Platform, subject: str, amount: int, *, code: str = "", return_url: str = "",
    notify_url: str = "", buyer_id: str = "", pay_within_ms: int = 30 * MINUTE_MS,
) -> str:  # fmt: skip
    """An unpaid order of the tea shop; gives its trade number."""
    done = await ask(
        platform,
        CreateTrade(
            app_id=APP_ID, out_trade_no=f"T{secrets.token_hex(6)}", amount=amount,
            subject=subject, seller_id=TEA.party_id, buyer_id=buyer_id, settlement="escrow",
            code_index=platform.sealer.index("trade.code", code) if code else b"",
            notify_url=notify_url, return_url=return_url, pay_within_ms=pay_within_ms,
        ),
    )  # fmt: skip
    assert isinstance(done, TradeDone)
    return done.trade_no


async def pay(platform: Platform, trade_no: str, buyer: str = ALICE.party_id) -> None:
    """Have a buyer pay by the lasting code that the sandbox gave them."""
    code = f"28{int(buyer) % 10**16:016d}"
    index = payment_code_index(platform.sealer, code)
    await ask(platform, PayTrade(app_id=APP_ID, trade_no=trade_no, payment_code_index=index))


async def trades_in_every_state(platform: Platform, notify_url: str = "") -> None:
    """One trade for each state, each named by it; Alice buys."""

    async def order(subject: str, amount: int, *, paid: bool = True) -> str:
        trade_no = await open_order(platform, subject, amount, notify_url=notify_url)
        if paid:
            await pay(platform, trade_no)
        return trade_no

    await order("Waiting: Longjing green tea, 250 g", 12_800, paid=False)
    await order("Held: 白毫银针 White tea, 100 g", 45_600)
    for subject, then in (
        ("Shipped: Gongfu teapot", []),
        ("Disputed: Porcelain cup set", [OpenDispute]),
        ("Settled: Jasmine pearls, 500 g", [ConfirmReceipt]),
    ):
        trade_no = await order(subject, 25_900)
        await ask(platform, ShipTrade(app_id=APP_ID, trade_no=trade_no, carrier="Swift Courier",
                                      tracking_no="SC20261105"))  # fmt: skip
        for command in then:
            if command is OpenDispute:
                await ask(platform, OpenDispute(app_id=APP_ID, trade_no=trade_no,
                                                reason="Two cups are broken"))  # fmt: skip
            else:
                await ask(platform, ConfirmReceipt(app_id=APP_ID, trade_no=trade_no))
    refunded = await order("Refunded: Bamboo tray", 8_800)
    await ask(platform, RefundTrade(app_id=APP_ID, trade_no=refunded, amount=8_800,
                                    out_request_no="R1", reason="Out of stock"))  # fmt: skip
    await open_order(platform, "Expired: Oolong sampler", 6_600, pay_within_ms=1)
    await open_order(platform, "Too dear: Ming vase", 9_900_000_000_00 // 100)
    await open_order(platform, "Bob's own order", 5_000, buyer_id=BOB.party_id)
    await open_order(
        platform, "Scanned: Pu'er cake", 19_900, code="abc123", return_url="https://shop.test/ok"
    )


def world_app(
    data: Path, *, notify_url: str = "", public_url: str = ""
) -> tuple[Platform, Litestar]:
    """A platform on a new folder, and an application of its pages that starts and seeds it."""
    settings = settings_on(
        data, port=1, password_memory_kib=64, password_passes=1, public_url=public_url
    )
    platform = Platform.open(settings)

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        await platform.start()
        await seed(platform)
        await trades_in_every_state(platform, notify_url)
        while platform.timers.lag_ms() > 0:
            await asyncio.sleep(0.02)
        yield
        await platform.stop()

    handlers = routes(platform, lambda trade: build_return_url(platform, trade))
    return platform, Litestar(handlers, lifespan=[running], openapi_config=None)


@contextmanager
def serving(data: Path) -> Iterator[World]:
    """A world with a client that keeps cookies and does not follow redirects."""
    platform, app = world_app(data)
    with TestClient(app, base_url="http://pay.test") as client:
        client.follow_redirects = False
        yield World(platform, client)


HISTORY = Persona(
    "2088000000000004", "history@sandbox.test", "Old Shop 老字号", PartyKind.MERCHANT, 0
)
CUSTOMER = Persona(
    "2088000000000104", "customer@sandbox.test", "Carl Sun 孙客", PartyKind.PERSON, 10**8
)
MONTH_MS = 30 * 86_400_000


class Moving:
    """A clock that is set by hand, and in the end goes with the wall's."""

    def __init__(self, behind_ms: int) -> None:
        self.behind_ms = behind_ms

    def set_to(self, now_ms: int) -> None:
        """Let it be so late now."""
        self.behind_ms = int(time.time() * 1000) - now_ms

    def __call__(self) -> int:
        return int(time.time() * 1000) - self.behind_ms


async def months_of_sales(platform: Platform, clock: Moving, months: int = 8) -> None:
    """A shop of its own that has sold for months, more each month; a part went back once."""
    hasher = PasswordHasher.of(platform.settings)
    for who in (HISTORY, CUSTOMER):
        await register_persona(platform, who, hasher)
    await ask(platform, AddSeller(app_id=APP_ID, party_id=HISTORY.party_id))
    code = f"28{int(CUSTOMER.party_id) % 10**16:016d}"
    index = payment_code_index(platform.sealer, code)
    today = loan_day(int(time.time() * 1000))
    for month, name in enumerate(months_before(today, months)):
        clock.set_to(collect_ms(date.fromisoformat(f"{name}-15"), 12))
        amount = 200_000 + 50_000 * month
        order = CreateTrade(
            app_id=APP_ID, out_trade_no=f"OLD-{month}", amount=amount, subject="Old tea",
            seller_id=HISTORY.party_id, settlement="instant",
        )  # fmt: skip
        command = PayTrade(app_id=APP_ID, order=order, payment_code_index=index)
        done = await ask(platform, command)
        assert isinstance(done, TradeDone)
        if month == months - 2:
            back = RefundTrade(
                app_id=APP_ID, trade_no=done.trade_no, amount=amount // 5, out_request_no="OLD-R"
            )
            await ask(platform, back)
    clock.behind_ms = 0
