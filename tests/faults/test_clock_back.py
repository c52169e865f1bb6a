"""A wall clock that is set back an hour: time stands still for the platform, and nothing breaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.platform_parts import Clock
from tests.stores import settings_on

from tallystick.accounting.views import stored_trial_balances
from tallystick.parties.views import payment_code_index
from tallystick.payments.trades.model import CreateTrade, PayTrade, ShipTrade, Trade, TradeStatus
from tallystick.pipeline.commands import SYSTEM
from tallystick.platform import Platform
from tallystick.sandbox.seed import APP_ID, read_credentials, seed

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def order(number: str, pay_within_ms: int = HOUR_MS) -> CreateTrade:
    """An order of ten yuan."""
    return CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=1000, subject="Tea", pay_within_ms=pay_within_ms
    )


async def bought(platform: Platform, number: str, code: str) -> Trade:
    """A trade that was paid and shipped."""
    index = payment_code_index(platform.sealer, code)
    paid = await platform.submit(
        SYSTEM, PayTrade(app_id=APP_ID, order=order(number), payment_code_index=index), number
    )
    assert paid.refusal is None, paid.refusal
    shipped = await platform.submit(SYSTEM, ShipTrade(app_id=APP_ID, out_trade_no=number))
    assert shipped.refusal is None, shipped.refusal
    return found(platform, number)


def found(platform: Platform, number: str) -> Trade:
    """The trade of an order."""
    trade = platform.rows.find(Trade, app_id=APP_ID, out_trade_no=number)
    assert trade is not None
    return trade


def ledger_times(platform: Platform) -> list[int]:
    """When the last entry of each batch was made (nanoseconds), in the order of the journal."""
    sql = "SELECT last_timestamp FROM ledger_journal ORDER BY number"
    rows = platform.rows.connection.execute(sql)
    return [int(row[0]) for row in rows]


async def until_closed(platform: Platform, number: str) -> None:
    """Wait for a timer to close an order."""
    async with asyncio.timeout(120):
        while found(platform, number).status is not TradeStatus.CLOSED:
            await asyncio.sleep(0.02)


async def set_back_while_running(data: Path, clock: Clock) -> None:
    platform = Platform.open(settings_on(data), clock)
    await platform.start()
    try:
        await seed(platform)
        code = read_credentials(data)["buyers"][0]["payment_code"]
        before = await bought(platform, "before", code)
        await platform.submit(SYSTEM, order("unpaid", MINUTE_MS))
        clock.pass_ms(-HOUR_MS)
        after = await bought(platform, "after", code)
        assert after.paid_ms >= before.shipped_ms
        again = await platform.submit(
            SYSTEM,
            PayTrade(app_id=APP_ID, order=order("after"),
                     payment_code_index=payment_code_index(platform.sealer, code)),
            "after",
        )  # fmt: skip
        assert again.replayed
        assert found(platform, "unpaid").status is TradeStatus.WAIT_BUYER_PAY
    finally:
        await platform.stop()


async def restarted_while_behind(data: Path, clock: Clock) -> None:
    platform = Platform.open(settings_on(data), clock)
    await platform.start()
    try:
        code = read_credentials(data)["buyers"][0]["payment_code"]
        after, later = found(platform, "after"), await bought(platform, "later", code)
        assert later.paid_ms >= after.shipped_ms
        times = ledger_times(platform)
        assert times == sorted(set(times))
        clock.pass_ms(HOUR_MS + MINUTE_MS)
        await until_closed(platform, "unpaid")
        await bought(platform, "caught up", code)
        for book in stored_trial_balances(platform.rows):
            assert book.debits_posted == book.credits_posted
    finally:
        await platform.stop()


def test_a_clock_set_back_an_hour_holds_time_still(tmp_path: Path) -> None:
    clock = Clock()
    asyncio.run(set_back_while_running(tmp_path / "data", clock))
    asyncio.run(restarted_while_behind(tmp_path / "data", clock))
