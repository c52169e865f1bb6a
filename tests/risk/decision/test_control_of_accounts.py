"""Commands that change who controls an account are decided; people release, not keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.payments.market import ALICE, as_party
from tests.risk.decision.watched_market import ANN, BEN, WatchedMarket, watched

from tallystick.parties.model import IssuePaymentCode, RecordPasswordTry
from tallystick.partners.model import (
    CreateApiKey,
    CreateOperator,
    KeyStatus,
    OpenSession,
    Role,
    SetOperatorStatus,
)
from tallystick.payments.wallet.model import StartWithdrawal
from tallystick.pipeline.commands import (
    COMMAND_LINE,
    SYSTEM,
    Answer,
    Caller,
    CallerKind,
    Command,
    Origin,
    Request,
)
from tallystick.risk.decision.facts import GRAPH
from tallystick.risk.decision.model import ReleaseHeld, Review, ReviewStatus
from tallystick.risk.decision.views import explain, replay

REVIEWS = frozenset({"risk:review", "apps:write"})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[WatchedMarket]:
    with watched(tmp_path) as opened:
        yield opened


def from_page(shop: WatchedMarket, command: Command, device: str = "") -> Answer:
    """As the pages ask: the platform, for who sits at a browser."""
    request = Request.once(SYSTEM, command)._replace(origin=Origin(device, "203.0.113.7"))
    return shop.executor.submit_and_wait(request)


def password_try(right: bool) -> RecordPasswordTry:
    return RecordPasswordTry(party_id=ALICE, password="login", right=right)


def test_a_sign_in_from_a_blocked_device_is_denied(shop: WatchedMarket) -> None:
    shop.publish("kind == 'sign_in' && device == 'stolen-1'", "deny")
    assert shop.code_of(from_page(shop, password_try(True), "stolen-1")) == "RISK_DENIED"
    assert shop.code_of(from_page(shop, password_try(True), "phone-1")) == "accepted"
    assert [d.address for d in shop.decisions()] == ["203.0.113.7"] * 2


def test_wrong_tries_are_counted_by_rules_but_never_stopped(shop: WatchedMarket) -> None:
    shop.define("wrong_1h", "count", ("party",), 60, where="kind == 'sign_in_wrong'")
    shop.publish("kind == 'sign_in_wrong' || wrong_1h >= 2", "deny")
    codes = [shop.code_of(from_page(shop, password_try(False))) for _ in range(2)]
    assert codes == ["accepted", "accepted"]
    assert shop.code_of(from_page(shop, password_try(True))) == "RISK_DENIED"
    records = shop.decisions()
    assert [(d.outcome, d.why) for d in records] == [
        ("allow", "observed"), ("allow", "observed"), ("deny", "rules"),
    ]  # fmt: skip
    assert all(replay(shop.rows, record).same for record in records)


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("session", OpenSession(session_index=b"s" * 16, kind="party", subject_id=ALICE,
                                expires_ms=2**45)),
        ("operator_session", OpenSession(session_index=b"o" * 16, kind="operator",
                                         subject_id="ann", expires_ms=2**45)),
    ],
)  # fmt: skip
def test_sessions_are_decided(shop: WatchedMarket, kind: str, command: Command) -> None:
    shop.publish(f"kind == '{kind}'", "challenge")
    assert shop.code_of(from_page(shop, command)) == "RISK_CHALLENGE"


def test_payment_codes_keys_and_operators_are_decided(shop: WatchedMarket) -> None:
    shop.publish("kind in ['payment_code', 'api_key', 'operator']", "deny")
    code = IssuePaymentCode(party_id=ALICE, code_index=b"c" * 16, expires_ms=2**45)
    able = Caller(CallerKind.OPERATOR, "ann", frozenset({"*"}))
    assert shop.refuse(code, able) == "RISK_DENIED"
    assert shop.refuse(key_of("0" * 12), able) == "RISK_DENIED"
    operator = CreateOperator(operator_id="eve", login="eve", role=Role.OPERATOR, password_hash="x")
    assert shop.refuse(operator, able) == "RISK_DENIED"


def test_a_held_sign_in_is_released_for_its_device_alone(shop: WatchedMarket) -> None:
    shop.publish("kind == 'sign_in'", "hold")
    assert shop.code_of(from_page(shop, password_try(True), "phone-1")) == "RISK_HELD"
    assert shop.code_of(from_page(shop, password_try(True), "phone-2")) == "RISK_HELD"
    first, _ = shop.rows.select(Review)
    for reviewer in (ANN, BEN):
        shop.accept(ReleaseHeld(review_id=first.review_id), reviewer)
    codes = [shop.code_of(from_page(shop, password_try(True), f"phone-{n}")) for n in (1, 2)]
    assert sorted(codes) == ["RISK_HELD", "accepted"]


def key_of(key_id: str) -> CreateApiKey:
    return CreateApiKey(key_id=key_id, name="k", secret_hash=key_id.encode().ljust(32),
                        scopes="risk:review")  # fmt: skip


def made_key(shop: WatchedMarket, key_id: str, by: Caller) -> Caller:
    shop.accept(key_of(key_id), by)
    return Caller(CallerKind.KEY, key_id, frozenset({"risk:review"}))


def test_two_keys_of_one_person_are_one_person(shop: WatchedMarket) -> None:
    shop.publish("kind == 'withdrawal'", "hold")
    shop.refuse(StartWithdrawal(party_id=ALICE, amount=300, bank_id="1"), as_party(ALICE))
    (review,) = shop.rows.select(Review)
    release = ReleaseHeld(review_id=review.review_id)
    ann, ben = (caller._replace(scopes=REVIEWS) for caller in (ANN, BEN))
    keys = [made_key(shop, number * 12, ann) for number in "12"]
    heir = made_key(shop, "3" * 12, keys[0]._replace(scopes=REVIEWS))
    for number, maker in (("4", SYSTEM), ("7", COMMAND_LINE)):
        nobodys = made_key(shop, number * 12, maker)
        assert shop.refuse(release, nobodys) == "RISK_REVIEWER_UNKNOWN"
    assert shop.refuse(release, COMMAND_LINE) == "RISK_REVIEWER_UNKNOWN"
    assert shop.accept(release, keys[0]).status is ReviewStatus.HELD
    for same in (*keys, heir, ann):
        assert shop.refuse(release, same) == "RISK_SAME_REVIEWER"
    assert shop.accept(release, made_key(shop, "5" * 12, ben)).status is ReviewStatus.RELEASED


def test_a_key_made_at_the_command_line_stands_for_whom_it_names_while_they_work_here(
    shop: WatchedMarket,
) -> None:
    shop.publish("kind == 'withdrawal'", "hold")
    shop.refuse(StartWithdrawal(party_id=ALICE, amount=300, bank_id="1"), as_party(ALICE))
    (review,) = shop.rows.select(Review)
    release = ReleaseHeld(review_id=review.review_id)
    keys = []
    for login in ("cai", "dai"):
        operator = CreateOperator(
            operator_id=f"operator-{login}", login=login, role=Role.OPERATOR, password_hash="x"
        )
        shop.accept(operator, COMMAND_LINE)
        key = msgspec.structs.replace(key_of(login * 4), operator_id=operator.operator_id)
        shop.accept(key, COMMAND_LINE)
        keys.append(Caller(CallerKind.KEY, key.key_id, frozenset({"risk:review"})))
    gone = SetOperatorStatus(operator_id="operator-cai", status=KeyStatus.RETIRED)
    shop.accept(gone, COMMAND_LINE)
    assert shop.refuse(release, keys[0]) == "RISK_REVIEWER_UNKNOWN"
    assert shop.accept(release, keys[1]).status is ReviewStatus.HELD
    back = SetOperatorStatus(operator_id="operator-cai", status=KeyStatus.ACTIVE)
    shop.accept(back, COMMAND_LINE)
    assert shop.accept(release, keys[0]).status is ReviewStatus.RELEASED


def test_who_asked_for_it_is_not_one_of_the_two(shop: WatchedMarket) -> None:
    shop.publish("kind == 'api_key'", "hold")
    able = Caller(CallerKind.OPERATOR, "ann", frozenset({"*"}))
    assert shop.refuse(key_of("6" * 12), able) == "RISK_HELD"
    (review,) = shop.rows.select(Review)
    assert shop.refuse(ReleaseHeld(review_id=review.review_id), ANN) == "RISK_SAME_REVIEWER"


def test_rules_read_what_the_graph_knows_and_the_record_keeps_it(tmp_path: Path) -> None:
    known = {ALICE: (7, 1, 3, 2, 1, 900)}
    with watched(
        tmp_path, standing=lambda party, currency: known.get(party, (1, 4, 0, 0, 0, 0))
    ) as shop:
        shop.publish(
            "graph_party_steps_from_blocked <= 1 && graph_party_component_size > 5", "deny"
        )
        assert shop.code_of(shop.pay(ALICE, 10)) == "RISK_DENIED"
        record = shop.decisions()[-1]
        inputs = explain(shop.rows, record).inputs
        assert [inputs[name] for name in GRAPH][:6] == [7, 1, 3, 2, 1, 900]
        assert replay(shop.rows, record).same
