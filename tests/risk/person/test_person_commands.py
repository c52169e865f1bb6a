"""The real-person check on a real store: binding, proving, locks, levels, limits, recovery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platform_parts import Parts, opened

from tallystick.parties import service as parties
from tallystick.parties.model import PartyKind, RegisterParty
from tallystick.pipeline.commands import Caller, CallerKind, Registry
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.model import DecisionRow, StepUp
from tallystick.risk.person import service
from tallystick.risk.person.decide import periods, take_from_limits
from tallystick.risk.person.model import (
    CHALLENGE_MS,
    COOLING_MS,
    RECOVERY_MS,
    AddFactor,
    AskProof,
    CancelRecovery,
    Challenge,
    ChallengeStatus,
    Factor,
    FactorKind,
    FactorStatus,
    LevelLimit,
    Outflow,
    PersonLevel,
    Purpose,
    RecordDocument,
    RecordProof,
    RemoveFactor,
    RequestRecovery,
    StartChallenge,
)
from tallystick.risk.person.views import person_of
from tallystick.store.unit_of_work import UnitOfWork

ALICE, BOB = "2088000000000101", "2088000000000102"
NUMBER = b"n" * 16


def _register(registry: Registry) -> None:
    parties.register(registry)
    service.register(registry)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, _register) as found:
        for party_id in (ALICE, BOB):
            login = f"{party_id}@shop.example"
            found.accept(
                RegisterParty(
                    party_id=party_id, kind=PartyKind.PERSON,
                    login_index=found.sealer.index("party.login", login),
                    login_sealed=found.sealer.seal("party.login", login),
                    name_sealed=found.sealer.seal("party.name", "张三"), login_hash="$",
                    payment_hash="$",
                )
            )  # fmt: skip
        yield found


class Ids:
    """Fresh ids of challenges and factors."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"{self.count:032x}"


@pytest.fixture
def ids() -> Ids:
    return Ids()


def ask(parts: Parts, ids: Ids, party: str = ALICE, purpose: Purpose = Purpose.STEP_UP) -> str:
    challenge_id = ids()
    parts.accept(AskProof(party_id=party, challenge_id=challenge_id, purpose=purpose))
    return challenge_id


def bind(
    parts: Parts, ids: Ids, party: str = ALICE, kind: FactorKind = FactorKind.TOTP, step: int = 10
) -> str:
    """A generator or phone that has proved itself once."""
    factor_id = ids()
    parts.accept(AddFactor(party_id=party, factor_id=factor_id, kind=kind, secret_sealed=b"s"))
    challenge_id = ask(parts, ids, party, Purpose.CONFIRM)
    parts.accept(StartChallenge(challenge_id=challenge_id, factor_id=factor_id))
    parts.accept(
        RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True, counter=step)
    )
    return factor_id


def prove(parts: Parts, ids: Ids, factor_id: str, step: int) -> None:
    challenge_id = ask(parts, ids)
    done = parts.accept(
        RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True, counter=step)
    )
    assert done.status is ChallengeStatus.PASSED


def level(parts: Parts, party: str = ALICE) -> int:
    found = parts.rows.get(PersonLevel, party)
    return 0 if found is None else found.level


def may_pass(parts: Parts) -> bool:
    found = parts.rows.get(StepUp, ALICE)
    return found is not None and found.until_ms > parts.clock.now_ms


def test_binding_proves_nothing_and_proving_lets_challenges_pass_for_a_while(
    parts: Parts, ids: Ids
) -> None:
    factor_id = bind(parts, ids)
    assert not may_pass(parts)
    assert level(parts) == 1
    prove(parts, ids, factor_id, 11)
    assert may_pass(parts)
    parts.clock.pass_ms(15 * 60_000)
    assert not may_pass(parts)


def test_a_code_counts_once_even_in_another_challenge(parts: Parts, ids: Ids) -> None:
    factor_id = bind(parts, ids, step=10)
    challenge_id = ask(parts, ids)
    again = RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True, counter=10)
    assert parts.accept(again).status is ChallengeStatus.OPEN
    assert not may_pass(parts)
    prove(parts, ids, factor_id, 11)


def test_a_challenge_is_answered_once_and_in_time(parts: Parts, ids: Ids) -> None:
    factor_id = bind(parts, ids)
    challenge_id = ask(parts, ids)
    right = RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=True, counter=20)
    parts.accept(right)
    assert parts.refuse(right) == "CHALLENGE_ENDED"
    late = ask(parts, ids)
    parts.clock.pass_ms(CHALLENGE_MS)
    assert parts.refuse(
        RecordProof(challenge_id=late, factor_id=factor_id, right=True, counter=30)
    ) == "CHALLENGE_ENDED"  # fmt: skip


def test_five_wrong_answers_lock_the_factor_and_end_the_challenge(parts: Parts, ids: Ids) -> None:
    factor_id = bind(parts, ids)
    challenge_id = ask(parts, ids)
    wrong = RecordProof(challenge_id=challenge_id, factor_id=factor_id, right=False)
    left = [parts.accept(wrong).tries_left for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    challenge = parts.rows.get(Challenge, challenge_id)
    assert challenge is not None
    assert challenge.status is ChallengeStatus.FAILED
    other = ask(parts, ids)
    right = RecordProof(challenge_id=other, factor_id=factor_id, right=True, counter=40)
    assert parts.refuse(right) == "FACTOR_LOCKED"


def test_wrong_answers_over_many_challenges_lock_too(parts: Parts, ids: Ids) -> None:
    factor_id = bind(parts, ids)
    for _ in range(5):
        wrong = RecordProof(challenge_id=ask(parts, ids), factor_id=factor_id, right=False)
        parts.accept(wrong)
    wrong = RecordProof(challenge_id=ask(parts, ids), factor_id=factor_id, right=False)
    assert parts.refuse(wrong) == "FACTOR_LOCKED"


def test_nobody_answers_with_anothers_factor(parts: Parts, ids: Ids) -> None:
    bobs = bind(parts, ids, BOB)
    bind(parts, ids)
    answer = RecordProof(challenge_id=ask(parts, ids), factor_id=bobs, right=True, counter=50)
    assert parts.refuse(answer) == "FACTOR_NOT_EXIST"


def test_changing_factors_takes_a_proof_once_there_is_one(parts: Parts, ids: Ids) -> None:
    first = bind(parts, ids)
    adding = AddFactor(party_id=ALICE, factor_id=ids(), kind=FactorKind.PHONE)
    removing = RemoveFactor(party_id=ALICE, factor_id=first)
    assert parts.refuse(adding) == parts.refuse(removing) == "PROOF_NEEDED"
    prove(parts, ids, first, 60)
    parts.accept(adding)
    parts.accept(removing)
    assert level(parts) == 0
    gone = parts.rows.get(Factor, first)
    assert gone is not None
    assert (gone.status, gone.secret_sealed) == (FactorStatus.REMOVED, b"")


def test_a_phone_that_comes_later_cools_down(parts: Parts, ids: Ids) -> None:
    first = bind(parts, ids)
    prove(parts, ids, first, 70)
    phone = bind(parts, ids, kind=FactorKind.PHONE)
    start = StartChallenge(challenge_id=ask(parts, ids), factor_id=phone, state=b"s")
    assert parts.refuse(start) == "FACTOR_COOLING"
    parts.clock.pass_ms(COOLING_MS)
    parts.accept(StartChallenge(challenge_id=ask(parts, ids), factor_id=phone, state=b"s"))


def challenged_by_risk(parts: Parts) -> None:
    """Risk wanted a proof of Alice, who had none to give."""
    row = DecisionRow(
        1, parts.clock.now_ms, "pay", "payment", 100, "CNY", ALICE, "", "", "", "", "", "", 1,
        "challenge", "RISK_CHALLENGE", "rules", "", 0, 0, 1, b"", 1, b"k", "",
    )  # fmt: skip
    parts.writer.execute("BEGIN IMMEDIATE")
    uow = UnitOfWork(parts.writer, now_ms=1, last_timestamp=0)
    uow.put(row)
    uow.flush()
    parts.writer.execute("COMMIT")


def test_a_first_factor_that_is_bound_because_risk_asked_does_not_answer_it_that_day(
    parts: Parts, ids: Ids
) -> None:
    challenged_by_risk(parts)
    late = bind(parts, ids)
    answer = RecordProof(challenge_id=ask(parts, ids), factor_id=late, right=True, counter=80)
    assert parts.refuse(answer) == "FACTOR_COOLING"
    assert not may_pass(parts)
    parts.accept(document())
    prove(parts, ids, late, 81)
    assert may_pass(parts)


def test_after_a_day_a_first_factor_counts_and_before_risk_has_asked_it_counts_at_once(
    parts: Parts, ids: Ids
) -> None:
    bobs = bind(parts, ids, BOB)
    challenge_id = ask(parts, ids, BOB)
    right = RecordProof(challenge_id=challenge_id, factor_id=bobs, right=True, counter=90)
    assert parts.accept(right).status is ChallengeStatus.PASSED
    challenged_by_risk(parts)
    late = bind(parts, ids)
    parts.clock.pass_ms(COOLING_MS)
    prove(parts, ids, late, 91)
    assert may_pass(parts)


def test_five_codes_an_hour_and_no_more(parts: Parts, ids: Ids) -> None:
    phone = bind(parts, ids, kind=FactorKind.PHONE)  # One code was sent for it.
    challenge_id = ask(parts, ids)
    start = StartChallenge(challenge_id=challenge_id, factor_id=phone, state=b"s")
    for _ in range(4):
        parts.accept(start)
    assert parts.refuse(start) == "CODES_TOO_MANY"
    parts.clock.pass_ms(3_600_000)
    parts.accept(StartChallenge(challenge_id=ask(parts, ids), factor_id=phone, state=b"s"))


def document(party: str = ALICE, index: bytes = NUMBER, *, face: bool = True) -> RecordDocument:
    return RecordDocument(party_id=party, kind="cn_id", number_sealed=b"x", number_index=index,
                          face_matched=face)  # fmt: skip


def test_levels_rise_with_what_was_checked_and_fall_with_what_is_removed(
    parts: Parts, ids: Ids
) -> None:
    parts.accept(document(face=False))
    assert level(parts) == 0
    phone = bind(parts, ids, kind=FactorKind.PHONE)
    assert level(parts) == 2
    parts.accept(document())
    assert level(parts) == 2
    prove(parts, ids, phone, 0)
    strong = bind(parts, ids)
    assert level(parts) == 3
    parts.accept(RemoveFactor(party_id=ALICE, factor_id=strong))
    assert level(parts) == 2


def test_a_document_is_one_persons_and_has_few_accounts(parts: Parts) -> None:
    parts.accept(document())
    assert parts.refuse(document(index=b"m" * 16)) == "DOCUMENT_MISMATCH"
    parts.accept(document(BOB))


def test_recovery_waits_a_day_and_the_owner_can_stop_it(parts: Parts, ids: Ids) -> None:
    asking = RequestRecovery(party_id=ALICE, number_index=NUMBER)
    factor_id = bind(parts, ids)
    assert parts.refuse(asking) == "DOCUMENT_MISMATCH"
    parts.accept(document())
    wrong = RequestRecovery(party_id=ALICE, number_index=b"m" * 16)
    assert parts.refuse(wrong) == "DOCUMENT_MISMATCH"
    parts.accept(asking)
    assert parts.refuse(asking) == "RECOVERY_WAITING"
    as_alice = Caller(CallerKind.PARTY, ALICE, frozenset({"party"}))
    as_bob = Caller(CallerKind.PARTY, BOB, frozenset({"party"}))
    assert parts.refuse(CancelRecovery(party_id=ALICE), as_bob) == "NOT_PERMITTED"
    parts.accept(CancelRecovery(party_id=ALICE), as_alice)
    parts.clock.pass_ms(RECOVERY_MS)
    parts.run_timers()
    assert len(person_of(parts.rows, ALICE).active) == 1
    parts.accept(asking)
    parts.clock.pass_ms(RECOVERY_MS - 1)
    parts.run_timers()
    assert person_of(parts.rows, ALICE).active[0].factor_id == factor_id
    parts.clock.pass_ms(1)
    parts.run_timers()
    assert person_of(parts.rows, ALICE).active == ()
    assert level(parts) == 0


def test_no_operator_can_take_a_factor_away(parts: Parts, ids: Ids) -> None:
    factor_id = bind(parts, ids)
    operator = Caller(CallerKind.OPERATOR, "op", frozenset({"parties:write", "risk:write"}))
    for command in (
        RemoveFactor(party_id=ALICE, factor_id=factor_id),
        RequestRecovery(party_id=ALICE, number_index=NUMBER),
    ):
        assert parts.refuse(command, operator) == "NOT_PERMITTED"


@given(st.lists(st.integers(1, 5_000), max_size=40), st.integers(0, 9_000), st.integers(0, 9_000))
def test_what_goes_out_never_exceeds_any_limit(amounts: list[int], day: int, lifetime: int) -> None:
    limit = LevelLimit(1, "CNY", 3_000, day, 0, lifetime)
    spent = tuple(Outflow(ALICE, "CNY", period, 0) for period in periods(1_800_000_000_000))
    out = 0
    for amount in amounts:
        try:
            spent = take_from_limits(limit, spent, amount)
        except Refused:
            fits = amount <= 3_000 and all(
                not most or out + amount <= most for most in (day, lifetime)
            )
            assert not fits
        else:
            out += amount
            assert all(each.amount == out for each in spent)
            assert amount <= 3_000
            assert not day or out <= day
            assert not lifetime or out <= lifetime
