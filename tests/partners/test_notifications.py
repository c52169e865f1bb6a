"""Notifications reach real receivers: signed, at least once, along the ladder, nobody held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.partners.receivers import (
    Receiver,
    answer,
    drip,
    flood,
    hang,
    redirect_to,
    reset,
)
from tests.payments.market import ALICE, APP, APP_ID, Market, as_party, market
from tests.platform_parts import Clock
from tests.stores import unwritable

from tallystick.partners import rsa2
from tallystick.partners.delivery import Limits, NotificationSender
from tallystick.partners.keyring import Keyring
from tallystick.partners.model import (
    Notification,
    NotificationAttempt,
    NotificationStatus,
    ResendNotification,
)
from tallystick.partners.targets import AddressGuard, Resolver
from tallystick.payments.trades.model import CreateTrade, PayTrade, RefundTrade

PATIENT = Limits(connect_s=30, total_s=60)
"""So that on a busy machine a receiver that answers has answered."""
QUICK = Limits(connect_s=30, total_s=0.6)
"""For receivers that never do."""
LOOPBACK = ("127.0.0.1",)
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LADDER_MS = [
    4 * MINUTE_MS, 10 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, 15 * HOUR_MS,
]  # fmt: skip


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Market]:
    with market(tmp_path) as found:
        yield found


def paid(parts: Market, url: str, number: str = "T1") -> str:
    """A trade whose payment is to be told at an address; gives the notify id."""
    order = CreateTrade(
        app_id=APP_ID, out_trade_no=number, amount=100, subject="Tea", notify_url=url,
        passback_params="a=1&b=汉",
    )  # fmt: skip
    trade_no = parts.accept(order, APP).trade_no
    parts.accept(PayTrade(app_id=APP_ID, trade_no=trade_no, buyer_id=ALICE), as_party(ALICE))
    [told] = parts.rows.query(Notification, "WHERE subject = ?", (trade_no,))
    return told.notify_id


def stands(parts: Market, notify_id: str) -> Notification:
    found = parts.rows.get(Notification, notify_id)
    assert found is not None
    return found


def attempts(parts: Market, notify_id: str) -> list[NotificationAttempt]:
    return parts.rows.select(NotificationAttempt, notify_id=notify_id)


@asynccontextmanager
async def sending(
    parts: Market, *, allow: tuple[str, ...] = LOOPBACK, resolve: Resolver | None = None,
    limits: Limits = PATIENT,
) -> AsyncIterator[NotificationSender]:  # fmt: skip
    sender = NotificationSender(
        parts.rows, parts.executor, Keyring(parts.rows, parts.sealer), parts.clock,
        allow=allow, resolve=resolve, limits=limits, tick_s=0.01,
    )  # fmt: skip
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.01)


def settled(parts: Market, *notify_ids: str) -> Callable[[], bool]:
    """Whether none of these is being sent or waits to be sent now."""
    return lambda: all(stands(parts, n).status is not NotificationStatus.DUE for n in notify_ids)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


def test_a_partner_is_told_once_signed_and_in_full(parts: Market) -> None:
    async def work() -> None:
        async with Receiver() as receiver, sending(parts):
            notify_id = paid(parts, receiver.url())
            await until(settled(parts, notify_id))
            await asyncio.sleep(0.1)
            assert receiver.ids == [notify_id]
            form = receiver.forms[0]
            assert form["trade_status"] == "TRADE_SUCCESS"
            assert form["total_amount"] == "1.00"
            assert form["passback_params"] == "a=1&b=汉"
            signature = form.pop("sign")
            assert form.pop("sign_type") == "RSA2"
            text = "&".join(f"{name}={form[name]}" for name in sorted(form)).encode()
            key = Keyring(parts.rows, parts.sealer).app(APP_ID)
            assert key is not None
            assert rsa2.verify(text, signature, key.signing_key.public_key())
            told = stands(parts, notify_id)
            assert told.status is NotificationStatus.DELIVERED
            assert told.delivered_ms == parts.clock()
            [line] = attempts(parts, notify_id)
            assert (line.attempt, line.http_status, line.outcome) == (1, 200, "success")

    run(work)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (answer(b"fail"), "answered: fail"),
        (answer(b"Success"), "answered: Success"),
        (answer(b"success", "500 Internal Server Error"), "HTTP 500"),
        (redirect_to("http://127.0.0.1:1/"), "HTTP 302"),
        (hang, "no answer in time"),
        (drip, "no answer in time"),
        (flood, "the answer is too long"),
        (reset, "broken answer"),
    ],
)
def test_whatever_is_not_success_is_tried_again_in_four_minutes(
    parts: Market, behaviour: Callable[..., Awaitable[None]], outcome: str
) -> None:
    async def work() -> None:
        limits = QUICK if outcome == "no answer in time" else PATIENT
        async with Receiver(behaviour) as receiver, sending(parts, limits=limits):
            notify_id = paid(parts, receiver.url())
            await until(settled(parts, notify_id))
            told = stands(parts, notify_id)
            assert told.status is NotificationStatus.WAITING
            assert told.next_ms == parts.clock() + 4 * MINUTE_MS
            [line] = attempts(parts, notify_id)
            assert line.outcome.startswith(outcome)
            # Of ten million bytes only what lies in buffers was taken.
            assert receiver.sent < 9_000_000

    run(work)


def test_the_ladder_is_climbed_with_the_same_id_and_then_given_up(parts: Market) -> None:
    async def work() -> None:
        async with Receiver(answer(b"fail")) as receiver, sending(parts):
            notify_id = paid(parts, receiver.url())
            waits = []
            for _ in range(7):
                await until(settled(parts, notify_id))
                told = stands(parts, notify_id)
                assert told.status is NotificationStatus.WAITING
                waits.append(told.next_ms - parts.clock())
                parts.clock.pass_ms(waits[-1] - 1)
                assert await asyncio.to_thread(parts.run_timers) == 0
                parts.clock.pass_ms(1)
                assert await asyncio.to_thread(parts.run_timers) == 1
            await until(settled(parts, notify_id))
            assert waits == LADDER_MS
            assert stands(parts, notify_id).status is NotificationStatus.GIVEN_UP
            assert receiver.ids == [notify_id] * 8
            assert [line.attempt for line in attempts(parts, notify_id)] == list(range(1, 9))
            assert parts.next_timer_ms() is None or not await asyncio.to_thread(parts.run_timers)

    run(work)


def test_after_success_nothing_is_sent_any_more(parts: Market) -> None:
    async def work() -> None:
        async with Receiver(answer(b"fail"), answer(b"success")) as receiver, sending(parts):
            notify_id = paid(parts, receiver.url())
            await until(settled(parts, notify_id))
            parts.clock.pass_ms(4 * MINUTE_MS)
            await asyncio.to_thread(parts.run_timers)
            await until(settled(parts, notify_id))
            assert stands(parts, notify_id).status is NotificationStatus.DELIVERED
            for _ in range(5):
                parts.clock.pass_ms(15 * HOUR_MS)
                await asyncio.to_thread(parts.run_timers)
                await asyncio.sleep(0.03)
            assert receiver.ids == [notify_id] * 2

    run(work)


def test_each_event_is_told_for_itself(parts: Market) -> None:
    async def work() -> None:
        async with Receiver() as receiver, sending(parts):
            notify_id = paid(parts, receiver.url())
            for number in ("R1", "R2"):
                refund = RefundTrade(
                    app_id=APP_ID, out_trade_no="T1", amount=10, out_request_no=number
                )
                await asyncio.to_thread(parts.accept, refund, APP)
            await until(lambda: len(receiver.forms) == 3)
            assert len(set(receiver.ids)) == 3
            assert notify_id in receiver.ids
            assert [form.get("refund_fee") for form in receiver.forms].count(None) == 1

    run(work)


def test_an_operator_can_have_it_sent_again_with_the_same_id(parts: Market) -> None:
    async def work() -> None:
        async with Receiver() as receiver, sending(parts):
            notify_id = paid(parts, receiver.url())
            await until(settled(parts, notify_id))
            await asyncio.to_thread(parts.accept, ResendNotification(notify_id=notify_id))
            await until(lambda: len(receiver.forms) == 2)
            assert receiver.ids == [notify_id] * 2

    run(work)


def test_one_that_was_not_recorded_is_sent_again_after_a_crash(tmp_path: Path) -> None:
    """At least once: what was sent but not written down counts as not sent."""

    async def cut_off(parts: Market, receiver: Receiver, notify_id: str) -> None:
        async with sending(parts, limits=Limits()):
            await until(lambda: len(receiver.forms) == 1)
        assert stands(parts, notify_id).status is NotificationStatus.DUE

    async def work() -> None:
        clock = Clock()
        async with Receiver(hang, answer(b"success")) as receiver:
            with market(tmp_path, clock) as parts:
                notify_id = paid(parts, receiver.url())
                await cut_off(parts, receiver, notify_id)
            with market(tmp_path, clock) as parts:
                async with sending(parts):
                    await until(settled(parts, notify_id))
                assert receiver.ids == [notify_id] * 2
                assert stands(parts, notify_id).status is NotificationStatus.DELIVERED

    run(work)


def test_receivers_that_hang_do_not_hold_up_the_others(parts: Market) -> None:
    async def names(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def work() -> None:
        patient = Limits(in_all=16, per_host=2, per_app=16, total_s=60)
        allowed = ("stuck.test", "fine.test")
        async with (
            Receiver(hang) as stuck,
            Receiver() as fine,
            sending(parts, allow=allowed, resolve=names, limits=patient) as sender,
        ):
            waiting = [paid(parts, stuck.url("stuck.test"), f"S{n}") for n in range(12)]
            told = [paid(parts, fine.url("fine.test"), f"F{n}") for n in range(12)]
            await until(lambda: len(fine.forms) == 12)
            await until(settled(parts, *told))
            assert sorted(fine.ids) == sorted(told)
            assert len(stuck.forms) <= 2
            await until(lambda: sender.in_flight <= 2)
            assert {stands(parts, n).status for n in waiting} == {NotificationStatus.DUE}

    run(work)


@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["127.0.0.1"], "loopback"),
        (["169.254.169.254"], "link-local"),
        (["10.1.2.3"], "private"),
        (["::1"], "loopback"),
        (["::ffff:127.0.0.1"], "loopback"),
        (["64:ff9b::7f00:1"], "loopback"),
        (["0.0.0.0"], "unspecified"),
    ],
)
def test_a_name_that_leads_into_our_own_network_is_refused_and_never_reached(
    parts: Market, addresses: list[str], why: str
) -> None:
    async def names(host: str, port: int) -> list[str]:
        return addresses

    async def work() -> None:
        async with Receiver() as inside, sending(parts, allow=(), resolve=names):
            notify_id = paid(parts, inside.url("shop.example"))
            await until(settled(parts, notify_id))
            assert inside.forms == []
            told = stands(parts, notify_id)
            assert told.status is NotificationStatus.GIVEN_UP
            [line] = attempts(parts, notify_id)
            assert line.outcome.startswith(f"refused: {why}")

    run(work)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_a_public_address_may_be_reached_also_through_a_translator(address: str) -> None:
    assert AddressGuard().refusal("shop.example", address) == ""


def test_a_redirect_into_our_own_network_is_not_followed(parts: Market) -> None:
    async def names(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def work() -> None:
        async with (
            Receiver() as inside,
            Receiver(redirect_to(inside.url())) as outside,
            sending(parts, allow=("shop.example",), resolve=names),
        ):
            notify_id = paid(parts, outside.url("shop.example"))
            await until(settled(parts, notify_id))
            assert outside.ids == [notify_id]
            assert inside.forms == []

    run(work)


def test_a_name_that_changes_its_mind_gains_nothing(parts: Market) -> None:
    """The connection goes to the address that was judged; the name is not asked again."""
    asked: list[str] = []

    async def names(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    async def work() -> None:
        async with Receiver() as inside, sending(parts, allow=(), resolve=names, limits=QUICK):
            notify_id = paid(parts, inside.url("shop.example"))
            await until(settled(parts, notify_id))
            assert asked == ["shop.example"]
            assert inside.forms == []

    run(work)


def test_while_the_store_cannot_write_it_is_not_sent_in_a_storm(
    parts: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.partners.delivery._PAUSE_WHEN_UNRECORDED_S", 600.0)

    async def work() -> None:
        async with Receiver() as receiver:
            notify_id = paid(parts, receiver.url())
            with unwritable(parts.writer):
                async with sending(parts):
                    await until(lambda: len(receiver.forms) == 1)
                    await asyncio.sleep(0.3)
                    assert len(receiver.forms) == 1
            async with sending(parts):
                await until(settled(parts, notify_id))
            assert receiver.ids == [notify_id] * 2

    run(work)
