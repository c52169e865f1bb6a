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
from tallystick.risk.decision.backtest import backtest
from tallystick.risk.decision.files import read_events, write_events
from tallystick.risk.decision.recorded import recorded_events, recorded_frame
from tallystick.risk.decision.rules import Lane, Rule, RuleSet
from tallystick.risk.decision.views import replay
from tallystick.risk.person.model import Factor, FactorKind, FactorStatus, PersonDocument
from tallystick.risk.person.views import DOCUMENT_PURPOSE, FACTOR_PURPOSE, known_by
from tallystick.store.sealing import Sealer
from tallystick.store.table import Row
from tallystick.store.unit_of_work import UnitOfWork

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

    def bind(self, party_id: str, phone: str, document: str = "") -> None:
        """Somebody has proved a phone to be theirs, and a document."""
        market = self.market
        rows: list[Row] = [
            Factor(f"factor-{phone}", party_id, FactorKind.PHONE, FactorStatus.ACTIVE, "",
                   SEALER.seal(FACTOR_PURPOSE, phone), b"", b"", 0, 0, 0, 0, 1, 0)
        ]  # fmt: skip
        if document:
            sealed = SEALER.seal(DOCUMENT_PURPOSE, document)
            rows.append(PersonDocument(party_id, "cn_id", sealed, b"i", True, 1))
        market.writer.execute("BEGIN IMMEDIATE")
        uow = UnitOfWork(market.writer, now_ms=1, last_timestamp=0)
        for row in rows:
            uow.put(row)
        uow.flush()
        market.writer.execute("COMMIT")

    def pay(self, buyer: str, device: str = "") -> str:
        """What becomes of a payment."""
        return self.market.code_of(self.market.pay(buyer, 100, device=device))


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[ListedMarket]:
    """One list and one market a test."""
    keeping = ListKeeping(SEALER, known_by)
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


def test_a_listed_document_or_bound_phone_is_the_persons(listed: ListedMarket) -> None:
    listed.market.publish("blacklist_hit", "deny")
    listed.bind(BOB, "+8613700137000", "11010519491231002X")
    assert listed.pay(BOB) == "accepted"
    listed.publish(IdentifierKind.NATIONAL_ID, "11010519491231002x", 2)
    assert listed.pay(BOB) == "RISK_DENIED"
    listed.publish(IdentifierKind.PHONE, "137 0013 7000", 2)
    assert listed.pay(ALICE) == "accepted"
    listed.bind(ALICE, "+8613700137000")
    assert listed.pay(ALICE) == "RISK_DENIED"


def test_a_backtest_knows_who_was_listed_at_the_time(listed: ListedMarket) -> None:
    listed.market.publish("blacklist_hit", "deny", lane=Lane.SHADOW)
    assert listed.pay(ALICE) == "accepted"
    listed.publish(IdentifierKind.PHONE, "13800138000", 3)
    assert listed.pay(ALICE) == "accepted"
    assert listed.pay(BOB) == "accepted"
    listed.market.clock.pass_ms(2 * DAY_MS)  # The entry is over; what was known then stays.
    assert listed.pay(ALICE) == "accepted"
    events = recorded_events(listed.market.rows, 100)
    rules = [
        Rule(name="grave", when="blacklist_severity >= 2", action="deny"),
        Rule(name="why", when="blacklist_hit && blacklist_reason == 'telecom_fraud'",
             action="deny"),
        Rule(name="clean", when="!blacklist_hit && blacklist_reason == ''", action="deny"),
    ]  # fmt: skip
    found = backtest(events, RuleSet(rules=tuple(rules)), [])
    assert {rule.name: rule.hits for rule in found.rules} == {"grave": 1, "why": 1, "clean": 3}


def test_a_history_keeps_over_a_file_who_was_listed(listed: ListedMarket, tmp_path: Path) -> None:
    listed.market.publish("blacklist_hit", "deny", lane=Lane.SHADOW)
    listed.publish(IdentifierKind.PHONE, "13800138000", 3)
    for buyer in (ALICE, BOB):
        listed.pay(buyer)
    frame = recorded_frame(listed.market.rows, 100)
    rules = RuleSet(rules=(Rule(name="listed", when="blacklist_severity == 3", action="deny"),))
    for kind in ("csv", "parquet", "jsonl"):
        write_events(frame, tmp_path / f"history.{kind}")
        events = read_events(tmp_path / f"history.{kind}")
        assert [rule.hits for rule in backtest(events, rules, []).rules] == [1]
