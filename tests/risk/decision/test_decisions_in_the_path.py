"""Decisions in the path: what is allowed, challenged, held or denied, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.payments.market import ALICE, APP, BOB, as_party
from tests.platform_parts import Clock
from tests.risk.decision.watched_market import ANN, BEN, WatchedMarket, reopened, watched
from tests.stores import chosen

from tallystick.payments.wallet.model import StartWithdrawal
from tallystick.pipeline.commands import Origin, Request
from tallystick.risk.decision.model import (
    AddToList,
    GrantStepUp,
    RejectHeld,
    ReleaseHeld,
    RemoveFromList,
    Review,
    ReviewStatus,
    SetFailurePolicy,
    SetTerms,
)
from tallystick.risk.decision.rules import Lane, Thresholds
from tallystick.risk.decision.views import replay


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WatchedMarket]:
    with watched(tmp_path) as opened:
        yield opened


def test_without_rules_everything_is_allowed_and_nothing_is_recorded(shop: WatchedMarket) -> None:
    assert shop.code_of(shop.pay(ALICE, 100)) == "accepted"
    assert shop.decisions() == []


def test_a_denied_command_changes_nothing_and_leaves_its_record(shop: WatchedMarket) -> None:
    shop.publish("kind == 'payment' && amount > 1000", "deny")
    assert shop.code_of(shop.pay(ALICE, 2000)) == "RISK_DENIED"
    assert shop.available(ALICE) == 5000
    assert shop.code_of(shop.pay(ALICE, 1000)) == "accepted"
    denied, allowed = shop.decisions()
    assert (denied.outcome, denied.result, denied.hits) == ("deny", "RISK_DENIED", "rule@1")
    assert (denied.party, denied.amount, denied.kind) == (ALICE, 2000, "payment")
    assert (allowed.outcome, allowed.result) == ("allow", "accepted")
    assert denied.latency_us > 0


def test_a_command_that_its_product_refuses_leaves_its_record(shop: WatchedMarket) -> None:
    shop.publish("false", "deny")
    assert shop.code_of(shop.pay(BOB, 999_999)) == "BUYER_BALANCE_NOT_ENOUGH"
    assert shop.decisions()[-1].result == "BUYER_BALANCE_NOT_ENOUGH"


def test_features_count_what_went_before_and_leave_with_the_window(tmp_path: Path) -> None:
    clock = Clock()
    with watched(tmp_path, clock) as shop:
        shop.define("paid_10m", "count", ("party",), 10, where="result == 'accepted'")
        shop.publish("paid_10m >= 2", "deny")
        codes = [shop.code_of(shop.pay(ALICE, 10)) for _ in range(3)]
        assert codes == ["accepted", "accepted", "RISK_DENIED"]
        assert shop.code_of(shop.pay(BOB, 10)) == "accepted"
        clock.pass_ms(10 * 60_000 - 1)
        assert shop.code_of(shop.pay(ALICE, 10)) == "RISK_DENIED"
        clock.pass_ms(1)
        assert shop.code_of(shop.pay(ALICE, 10)) == "accepted"


def test_features_are_rebuilt_after_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    with watched(tmp_path, clock) as shop:
        shop.define("paid", "count", ("party",), 60)
        shop.publish("paid >= 2", "deny")
        shop.pay(ALICE, 10)
        shop.pay(ALICE, 10)
    with reopened(tmp_path, clock) as again:
        assert again.code_of(again.pay(ALICE, 10, order="after")) == "RISK_DENIED"


def test_tries_of_all_that_64_bits_hold_leave_rules_and_later_payments_as_they_are(
    shop: WatchedMarket,
) -> None:
    shop.define("asked_of_app", "sum", ("app",), 60)
    shop.publish("asked_of_app + amount > 100 && amount > 10", "challenge")
    for _ in range(3):
        assert shop.code_of(shop.pay(ALICE, 2**63 - 1)) != "INTERNAL_ERROR"
    assert shop.code_of(shop.pay(BOB, 5)) == "accepted"
    assert shop.code_of(shop.pay(BOB, 50)) == "RISK_CHALLENGE"


def test_devices_are_seen(shop: WatchedMarket) -> None:
    shop.define("parties_of_device", "distinct", ("device",), 60, of="party")
    shop.publish("parties_of_device >= 1 && device != ''", "deny")
    assert shop.code_of(shop.pay(ALICE, 10, device="phone-1")) == "accepted"
    assert shop.code_of(shop.pay(BOB, 10, device="phone-1")) == "RISK_DENIED"
    assert shop.code_of(shop.pay(BOB, 10)) == "accepted"


def test_every_record_is_replayed_to_the_same_answer(shop: WatchedMarket) -> None:
    shop.define("paid", "count", ("party",), 60)
    shop.publish("paid > 1 && amount / (paid - 1) > 5", "hold", name="ratio", points=5)
    shop.publish("1 / (paid - 1) < 0", "challenge", name="dividing")
    shop.accept(AddToList(list_kind="watch", subject="party", value=BOB, reason="slow"), ANN)
    shop.publish("watch_party", "points", name="watching", points=30)
    for buyer, amount in ((ALICE, 10), (ALICE, 20), (BOB, 5), (ALICE, 30), (BOB, 7), (BOB, 9)):
        shop.pay(buyer, amount)
    records = shop.decisions()
    assert len({record.outcome for record in records}) >= 3
    for record in records:
        again = replay(shop.rows, record)
        assert again.same
        assert (again.outcome, " ".join(again.hits)) == (record.outcome, record.hits)
    assert any("!dividing@1" in record.hits for record in records)


def test_points_add_up_to_thresholds(shop: WatchedMarket) -> None:
    shop.publish("amount > 10", "points", name="large", points=40)
    shop.publish("hour >= 0", "points", name="any_hour", points=30)
    shop.accept(SetTerms(thresholds=Thresholds(challenge=30, deny=70)), ANN)
    assert shop.code_of(shop.pay(ALICE, 5)) == "RISK_CHALLENGE"
    assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_DENIED"


def test_an_exemption_of_higher_priority_ends_the_rules(shop: WatchedMarket) -> None:
    shop.publish(f"party == '{ALICE}'", "allow", name="known_well", priority=1)
    shop.publish("amount > 10", "deny", name="large")
    assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
    assert shop.code_of(shop.pay(BOB, 50)) == "RISK_DENIED"


def test_a_shadow_rule_is_recorded_and_decides_nothing(shop: WatchedMarket) -> None:
    shop.publish("amount > 10", "deny", lane=Lane.SHADOW)
    assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
    assert shop.decisions()[-1].hits == "rule@1"


def test_the_challenger_decides_for_its_share_of_parties(shop: WatchedMarket) -> None:
    shop.publish("amount > 10", "deny", name="rival", lane=Lane.CHALLENGER)
    assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
    shop.accept(SetTerms(challenger_percent=100), ANN)
    assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_DENIED"


def test_lists_go_before_rules_and_entries_end(tmp_path: Path) -> None:
    clock = Clock()
    with watched(tmp_path, clock) as shop:
        shop.publish("amount > 10", "deny")
        shop.accept(AddToList(list_kind="allow", subject="party", value=ALICE, reason="ours",
                              expires_ms=clock.now_ms + 1000), ANN)  # fmt: skip
        assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
        shop.accept(AddToList(list_kind="block", subject="device", value="phone-9",
                              reason="stolen"), ANN)  # fmt: skip
        assert shop.code_of(shop.pay(ALICE, 5, device="phone-9")) == "RISK_DENIED"
        clock.pass_ms(1000)
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_DENIED"
        shop.accept(RemoveFromList(list_kind="block", subject="device", value="phone-9"), ANN)
        assert shop.code_of(shop.pay(ALICE, 5, device="phone-9")) == "accepted"


@pytest.mark.parametrize(
    ("subject", "value", "says"),
    [
        ("device", "phone 9", "printable characters without spaces"),
        ("party", " 2088", "printable characters without spaces"),
        ("card", "x" * 129, "1 to 128"),
        ("address", "198.51.100", "one network address"),
        ("address", "198.51.100.0/24", "one network address"),
        ("address", "2001:DB8::0:1", "this address is written 2001:db8::1"),
    ],
)
def test_an_entry_that_no_command_could_meet_is_refused(
    shop: WatchedMarket, subject: Any, value: str, says: str
) -> None:
    entry = AddToList(list_kind="block", subject=subject, value=value, reason="x")
    answer = shop.executor.submit_and_wait(Request.once(ANN, entry))
    assert answer.refusal is not None
    assert says in answer.refusal.detail
    assert answer.refusal.code == "INVALID_PARAMETER"


def test_a_challenge_passes_once_the_party_has_proved_itself(tmp_path: Path) -> None:
    clock = Clock()
    with watched(tmp_path, clock) as shop:
        shop.publish("amount > 10", "challenge")
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_CHALLENGE"
        shop.accept(GrantStepUp(party_id=ALICE, minutes=1), ANN)
        assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
        clock.pass_ms(60_000)
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_CHALLENGE"


def test_a_held_command_runs_when_two_have_agreed(shop: WatchedMarket) -> None:
    shop.publish("kind == 'withdrawal'", "hold")
    command = StartWithdrawal(party_id=ALICE, amount=300, bank_id="1")
    assert shop.refuse(command, as_party(ALICE)) == "RISK_HELD"
    assert shop.available(ALICE) == 5000
    (review,) = shop.rows.select(Review)
    assert shop.refuse(command, as_party(ALICE)) == "RISK_HELD"
    assert len(shop.rows.select(Review)) == 1
    release = ReleaseHeld(review_id=review.review_id)
    assert shop.accept(release, ANN).status is ReviewStatus.HELD
    assert shop.refuse(release, ANN) == "RISK_SAME_REVIEWER"
    assert shop.available(ALICE) == 5000
    assert shop.accept(release, BEN).status is ReviewStatus.RELEASED
    assert shop.available(ALICE) == 4700
    assert shop.refuse(release, BEN) == "RISK_REVIEW_ENDED"
    assert shop.decisions()[-1].why == "review"


def test_what_has_run_once_is_held_anew_unless_it_bears_its_askers_number(
    shop: WatchedMarket,
) -> None:
    shop.publish("amount == 300", "hold")
    withdrawal = Request.once(
        as_party(ALICE), StartWithdrawal(party_id=ALICE, amount=300, bank_id="1")
    )
    payment = Request.once(APP, shop.pay_command(ALICE, 300))
    for request in (withdrawal, payment):
        assert shop.code_of(shop.executor.submit_and_wait(request)) == "RISK_HELD"
    for review in shop.rows.select(Review):
        for reviewer in (ANN, BEN):
            shop.accept(ReleaseHeld(review_id=review.review_id), reviewer)
    assert shop.available(ALICE) == 4400
    assert shop.refuse(withdrawal.command, as_party(ALICE)) == "RISK_HELD"
    assert shop.code_of(shop.executor.submit_and_wait(withdrawal)) != "RISK_HELD"
    assert shop.code_of(shop.together([Request.once(APP, payment.command)])[0]) != "RISK_HELD"
    assert len(shop.rows.select(Review)) == 3
    assert shop.available(ALICE) == 4400


def test_a_release_that_its_product_refuses_changes_nothing(shop: WatchedMarket) -> None:
    shop.publish("kind == 'withdrawal'", "hold")
    shop.refuse(StartWithdrawal(party_id=ALICE, amount=300, bank_id="1"), as_party(ALICE))
    (review,) = shop.rows.select(Review)
    shop.pay(ALICE, 4900)
    shop.accept(ReleaseHeld(review_id=review.review_id), ANN)
    assert shop.refuse(ReleaseHeld(review_id=review.review_id), BEN) == "BALANCE_NOT_ENOUGH"
    assert shop.rows.select(Review)[0].status is ReviewStatus.HELD


def test_a_rejected_command_is_denied_when_it_is_asked_again(shop: WatchedMarket) -> None:
    shop.publish("kind == 'withdrawal'", "hold")
    command = StartWithdrawal(party_id=ALICE, amount=300, bank_id="1")
    shop.refuse(command, as_party(ALICE))
    (review,) = shop.rows.select(Review)
    shop.accept(RejectHeld(review_id=review.review_id), ANN)
    assert shop.refuse(command, as_party(ALICE)) == "RISK_DENIED"


def test_a_rule_change_and_payments_of_one_batch_see_each_other(shop: WatchedMarket) -> None:
    shop.define("paid", "count", ("party",), 60)
    shop.publish("paid >= 2", "deny")
    answers = shop.together([Request.once(APP, shop.pay_command(ALICE, 10)) for _ in range(4)])
    codes = [shop.code_of(answer) for answer in answers]
    assert codes == ["accepted", "accepted", "RISK_DENIED", "RISK_DENIED"]


_REFUSE_TRADES = {
    "sqlite": (
        "CREATE TRIGGER no_trades BEFORE INSERT ON trade BEGIN SELECT RAISE(FAIL, 'full'); END",
    ),
    "postgres": (
        "CREATE FUNCTION no_trades() RETURNS trigger AS $$ BEGIN "
        "RAISE EXCEPTION 'full' USING ERRCODE = '23514'; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER no_trades BEFORE INSERT ON trade FOR EACH ROW EXECUTE FUNCTION no_trades()",
    ),
}
_TAKE_TRADES = {"sqlite": "DROP TRIGGER no_trades", "postgres": "DROP TRIGGER no_trades ON trade"}


def test_what_an_undone_batch_has_counted_is_taken_back(shop: WatchedMarket) -> None:
    shop.define("paid", "count", ("party",), 60)
    shop.publish("paid >= 2", "deny")
    for statement in _REFUSE_TRADES[chosen()]:
        shop.writer.execute(statement)
    for _ in range(3):
        assert shop.code_of(shop.pay(ALICE, 10)) != "accepted"
    shop.writer.execute(_TAKE_TRADES[chosen()])
    assert shop.decisions() == []
    codes = [shop.code_of(shop.pay(ALICE, 10)) for _ in range(3)]
    assert codes == ["accepted", "accepted", "RISK_DENIED"]
    assert [row.seq for row in shop.decisions()] == [1, 2, 3]


def test_late_answers_follow_the_commands_policy(tmp_path: Path) -> None:
    times = iter(range(1_000_000))
    told: list[tuple[str, str]] = []
    options: dict[str, Any] = {
        "stopwatch": lambda: float(next(times)),
        "told": lambda outcome, why, seconds: told.append((outcome, why)),
    }
    with watched(tmp_path, **options) as shop:
        shop.publish("amount > 10", "deny")
        assert shop.code_of(shop.pay(ALICE, 50)) == "accepted"
        shop.accept(SetFailurePolicy(command_name="trade.pay", policy="closed"), ANN)
        assert shop.code_of(shop.pay(ALICE, 50)) == "RISK_UNAVAILABLE"
        assert [row.why for row in shop.decisions()] == ["failure", "failure"]
    assert told == [("open", "failure"), ("closed", "failure")]


def test_the_origin_of_a_request_has_no_part_in_its_identity() -> None:
    command = StartWithdrawal(party_id=ALICE, amount=300, bank_id="1")
    here = Request(APP, "r1", command, origin=Origin("phone-1", "10.0.0.1"))
    assert here.key == Request(APP, "r1", command).key
