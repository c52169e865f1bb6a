"""Rules read the list: whoever is listed under the phone, device or card of a command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.payments.market import ALICE, BOB
from tests.platform_parts import START_MS
from tests.risk.blacklist.kept_list import DAY_MS, EVIDENCE
from tests.risk.decision.watched_market import WatchedMarket, watched

from tallystick.parties.model import Party
from tallystick.parties.views import seal_login
from tallystick.risk.blacklist import service
from tallystick.risk.blacklist.keeping import ListKeeping, new_list
from tallystick.risk.blacklist.model import PublishEntry
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind
from tallystick.risk.decision.views import replay
from tallystick.store.sealing import Sealer

SEALER = Sealer(bytes(range(32)))


class ListedMarket:
    """A market whose rules read a list; Alice has a phone number as her login."""

    def __init__(self, market: WatchedMarket, keeping: ListKeeping) -> None:
        self.market, self._keeping = market, keeping
        service.register(market.registry)
        keeping.register(market.registry)
        market.accept(new_list("list.example", SEALER))
        for party_id in (party.party_id for party in market.rows.select(Party)):
            login = "13800138000" if party_id == ALICE else f"{party_id}@shop.example"
            market.writer.execute(
                "UPDATE party SET login_sealed = ? WHERE party_id = ?",
                (seal_login(SEALER, login), party_id),
            )

    def publish(self, kind: IdentifierKind, text: str, severity: int) -> None:
        """The keeper lists somebody."""
        pad_key = self._keeping.pad_key(self.market.rows, kind, text)
        self.market.accept(
            PublishEntry(
                kind=kind, pad_key=pad_key, reason="telecom_fraud", severity=severity,
                evidence=EVIDENCE, until_ms=START_MS + DAY_MS,
            )
        )  # fmt: skip

    def pay(self, buyer: str, device: str = "") -> str:
        """What becomes of a payment."""
        return self.market.code_of(self.market.pay(buyer, 100, device=device))


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[ListedMarket]:
    """One list and one market a test."""
    keeping = ListKeeping(SEALER)
    with watched(tmp_path, shared=keeping.about) as market:
        yield ListedMarket(market, keeping)


def test_a_listed_person_or_device_is_stopped_and_others_pay(listed: ListedMarket) -> None:
    listed.market.publish("blacklist_hit && blacklist_severity >= 2", "deny")
    assert listed.pay(ALICE) == "accepted"
    listed.publish(IdentifierKind.PHONE, "+8613800138000", 2)
    assert listed.pay(ALICE) == "RISK_DENIED"
    assert listed.pay(BOB) == "accepted"
    listed.publish(IdentifierKind.DEVICE, "device-9", 3)
    assert listed.pay(BOB, "device-9") == "RISK_DENIED"
    assert listed.pay(BOB, "device-8") == "accepted"


def test_the_reason_is_read_and_a_record_replays_to_the_same(listed: ListedMarket) -> None:
    listed.market.publish("blacklist_reason == 'telecom_fraud'", "hold")
    listed.publish(IdentifierKind.PHONE, "13800138000", 1)
    assert listed.pay(ALICE) == "RISK_HELD"
    record = listed.market.decisions()[-1]
    assert replay(listed.market.rows, record).outcome == "hold"


def test_what_is_over_counts_no_more(listed: ListedMarket) -> None:
    listed.market.publish("blacklist_hit", "deny")
    listed.publish(IdentifierKind.PHONE, "13800138000", 3)
    assert listed.pay(ALICE) == "RISK_DENIED"
    listed.market.clock.pass_ms(2 * DAY_MS)
    assert listed.pay(ALICE) == "accepted"
