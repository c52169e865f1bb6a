"""Devices and addresses of decided commands in the graph, also after it is rebuilt."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.payments.market import ALICE, APP, SHOP
from tests.platform_parts import START_MS, Clock
from tests.risk.decision.watched_market import WatchedMarket, watched
from tests.risk.graph.test_graph_feed import contents

from tallystick.parties.model import RecordPasswordTry
from tallystick.partners.model import OpenSession
from tallystick.pipeline.commands import SYSTEM, Command, Origin, Request
from tallystick.risk.graph.features import account_features
from tallystick.risk.graph.feed import wallet_id
from tallystick.risk.graph.follower import GraphFollower
from tallystick.risk.graph.queries import answer
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.risk.graph.sign_ins import ADDRESS, DEVICE, medium_id
from tallystick.store.rows import ReadSession

WALLET, TILL = wallet_id(ALICE, "CNY"), wallet_id(SHOP, "CNY")
HOUR_MS = 3_600_000
_numbers = itertools.count(1)


class Seen:
    """A market that is decided, and a graph that follows it."""

    def __init__(self, market: WatchedMarket, clock: Clock, folder: Path) -> None:
        self.market, self.clock, self.folder = market, clock, folder
        self.follower = self.new_follower()

    def new_follower(self) -> GraphFollower:
        database = self.market.database
        made = GraphFollower(
            lambda: ReadSession(database.connect(readonly=True)), self.folder / "graph.npz"
        )
        made.rebuild()
        return made

    def ask(self, command: Command, device: str = "", address: str = "") -> str:
        request = Request.once(SYSTEM, command)._replace(origin=Origin(device, address))
        answered = self.market.executor.submit_and_wait(request)
        self.follower.catch_up()
        return self.market.code_of(answered)

    def session(self, party: str, device: str = "", address: str = "") -> str:
        index = f"session-{next(_numbers):08}".encode()
        expires_ms = self.clock.now_ms + HOUR_MS
        return self.ask(
            OpenSession(session_index=index, kind="party", subject_id=party, expires_ms=expires_ms),
            device, address,
        )  # fmt: skip

    def sign_ins(self) -> int:
        return self.follower.graph.out(EdgeKindName.SIGN_IN).edges

    def devices(self, account: int) -> list[dict[str, Any]]:
        whole = {"startTime": 0, "endTime": 2 * START_MS}
        return answer(self.follower.graph, "devices", {"id": account, **whole})


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    clock = Clock()
    with watched(tmp_path, clock) as market:
        market.publish("amount > 100000000", "deny")
        made = Seen(market, clock, tmp_path)
        yield made
        made.follower.close()


def test_two_parties_at_one_device_share_it(seen: Seen) -> None:
    seen.session(ALICE, device="phone-1", address="203.0.113.9")
    seen.session(SHOP, device="phone-1")
    shared = seen.devices(WALLET)
    assert [(row["otherId"], row["mediumType"]) for row in shared] == [(str(TILL), "device")]
    assert shared[0]["mediumId"] == str(medium_id(DEVICE, "phone-1"))
    seen.follower.stand()
    standing = seen.follower.standing(ALICE, "CNY")
    assert standing[2] == 1
    assert seen.follower.features(WALLET, seen.clock.now_ms).device_accounts == 1


def test_what_rules_read_follows_by_itself(seen: Seen) -> None:
    seen.follower.watch_standing(lambda: True)

    async def follow() -> None:
        following = asyncio.create_task(seen.follower.run())
        for party in (ALICE, SHOP):
            await asyncio.to_thread(seen.session, party, "phone-1")
        async with asyncio.timeout(60):
            while seen.follower.standing(ALICE, "CNY")[2] != 1:
                assert not following.done(), following.exception()
                await asyncio.sleep(0.05)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(follow())


def test_an_address_joins_but_is_no_device(seen: Seen) -> None:
    for party in (ALICE, SHOP):
        seen.session(party, address="203.0.113.9")
    assert [row["mediumType"] for row in seen.devices(WALLET)] == [ADDRESS]
    seen.follower.stand()
    assert seen.follower.standing(ALICE, "CNY")[2] == 0
    with seen.follower.graph.reading() as view:
        found = account_features(view, WALLET, seen.clock.now_ms, seen.follower.scores)
    assert found.device_accounts == 0


def test_a_payment_through_an_app_tells_the_device_and_not_the_apps_address(seen: Seen) -> None:
    request = Request.once(APP, seen.market.pay_command(ALICE, 100))
    answered = seen.market.executor.submit_and_wait(
        request._replace(origin=Origin("phone-1", "198.51.100.1"))
    )
    assert answered.refusal is None
    seen.follower.catch_up()
    media = seen.follower.graph.vertices[VertexKind.MEDIUM]
    assert media.labels[: media.count].tolist() == [DEVICE]
    assert seen.sign_ins() == 1


def test_a_wrong_password_and_a_refused_command_are_no_sign_in(seen: Seen) -> None:
    seen.ask(RecordPasswordTry(party_id=ALICE, password="login", right=False), "phone-1")
    seen.market.publish("kind == 'session'", "deny", name="closed")
    seen.session(ALICE, device="phone-1")
    assert seen.sign_ins() == 0
    seen.ask(RecordPasswordTry(party_id=ALICE, password="login", right=True), "phone-1")
    assert seen.sign_ins() == 1


def test_an_edge_an_hour_stands_for_all_that_is_done_at_a_device(seen: Seen) -> None:
    for passed in (0, 1000, HOUR_MS // 2, HOUR_MS):
        seen.clock.pass_ms(passed)
        assert seen.session(ALICE, device="phone-1") == "accepted"
    assert seen.sign_ins() == 2


def test_a_graph_that_is_rebuilt_knows_the_same_devices(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        seen.session((ALICE, SHOP)[number % 2], f"phone-{number % 3}", "203.0.113.9")
        seen.market.pay(ALICE, 100 + number, device="phone-9")
        seen.clock.pass_ms(HOUR_MS // 3 + 1)
    seen.follower.catch_up()
    for page in (1, 2, 2000):
        monkeypatch.setattr("tallystick.risk.graph.follower._EVENTS_AT_ONCE", page)
        other = seen.new_follower()
        assert contents(other.graph) == contents(seen.follower.graph)
        assert other.graph.decided == seen.follower.graph.decided > 0
        other.close()


def test_a_kept_graph_goes_on_after_the_last_record_that_it_knows(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.risk.graph.follower._SNAPSHOT_AFTER", 1)
    seen.session(ALICE, device="phone-1")
    kept = seen.new_follower()
    kept.close()
    seen.session(SHOP, device="phone-1")
    again = seen.new_follower()
    assert contents(again.graph) == contents(seen.follower.graph)
    assert again.graph.out(EdgeKindName.SIGN_IN).edges == 2
    again.close()
