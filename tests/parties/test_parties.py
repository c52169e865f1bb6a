"""Party commands on a real store: registering, blocking, locks and payment codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platform_parts import START_MS, Parts, opened
from tests.stores import contents

from tallystick.parties import service
from tallystick.parties.decide import CODE_KEPT_MS, Tries, tried
from tallystick.parties.model import (
    LOCK_MS,
    PAYMENT_CODE_VALID_MS,
    BlockParty,
    IssuePaymentCode,
    Party,
    PartyKind,
    PaymentCode,
    RecordPasswordTry,
    RegisterParty,
)
from tallystick.parties.views import (
    active_party,
    mask_login,
    mask_name,
    masked_login,
    new_payment_code,
    party_by_login,
    party_name,
    party_view,
    payment_code_index,
    take_payment_code,
)
from tallystick.pipeline.commands import Caller, CallerKind
from tallystick.pipeline.refusals import Refused
from tallystick.store.sealing import Sealer

ALICE = "2088000000000101"
BOB = "2088000000000102"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, service.register) as found:
        yield found


def registering(
    sealer: Sealer, party_id: str = ALICE, login: str = "alice@shop.example"
) -> RegisterParty:
    return RegisterParty(
        party_id=party_id,
        kind=PartyKind.PERSON,
        login_index=sealer.index("party.login", login),
        login_sealed=sealer.seal("party.login", login),
        name_sealed=sealer.seal("party.name", "张小三"),
        login_hash="$login",
        payment_hash="$payment",
    )


def as_party(party_id: str) -> Caller:
    return Caller(CallerKind.PARTY, party_id, frozenset({"party", "parties:codes"}))


def issue(parts: Parts, code: str, **more: object) -> IssuePaymentCode:
    given = {
        "party_id": ALICE,
        "code_index": payment_code_index(parts.sealer, code),
        "expires_ms": parts.clock() + PAYMENT_CODE_VALID_MS,
    }
    return IssuePaymentCode(**given | more)  # type: ignore[arg-type]


# Registering.


def test_a_party_is_found_by_its_login_whatever_its_case(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    party = party_by_login(parts.rows, parts.sealer, "  Alice@Shop.Example ")
    assert party is not None
    assert party.party_id == ALICE
    assert party_name(parts.sealer, party) == "张小三"
    assert party_by_login(parts.rows, parts.sealer, "bob@shop.example") is None


def test_what_is_personal_lies_sealed_in_the_database(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    parts.rows.connection.execute("SELECT COUNT(*) FROM party").fetchone()
    stored = "".join(contents(parts.database))
    assert ALICE in stored
    for told in ("张小三", "alice@shop.example"):
        assert told not in stored
        assert repr(told.encode())[2:-1] not in stored
        assert told.encode().hex() not in stored.lower()


def test_a_login_belongs_to_one_party(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    assert parts.refuse(registering(parts.sealer, BOB)) == "LOGIN_TAKEN"
    again = registering(parts.sealer, login="second@shop.example")
    assert parts.refuse(again) == "INVALID_PARAMETER"
    assert parts.rows.get(Party, BOB) is None


@pytest.mark.parametrize("party_id", ["", "2088", "2089000000000101", "20880000000001011", "2088x"])
def test_a_party_id_is_2088_and_twelve_digits(parts: Parts, party_id: str) -> None:
    assert parts.refuse(registering(parts.sealer, party_id)) == "INVALID_PARAMETER"


def test_others_see_names_and_logins_masked(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    party = active_party(parts.rows, ALICE)
    view = party_view(parts.sealer, party)
    assert (view.name, view.login) == ("张*三", "ali***@shop.example")
    assert masked_login(parts.rows, parts.sealer, ALICE) == "ali***@shop.example"
    assert masked_login(parts.rows, parts.sealer, BOB) == ""


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("", ""), ("张", "*"), ("张三", "张*"), ("张小三", "张*三"), ("欧阳小三", "欧**三"),
        ("Jo", "J*"), ("John", "J***n"), ("Johnathan", "J***n"), ("Alice Zhang 张爱丽", "A***丽"),
    ],
)  # fmt: skip
def test_a_masked_name_keeps_its_ends(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("login", "masked"),
    [
        ("13812345678", "138****5678"), ("a@b.example", "***@b.example"),
        ("ab@b.example", "a***@b.example"), ("alice@b.example", "ali***@b.example"),
        ("short", "s***"), ("", "***"),
    ],
)  # fmt: skip
def test_a_masked_login_keeps_little(login: str, masked: str) -> None:
    assert mask_login(login) == masked


# Blocking.


def test_a_blocked_party_may_not_act_until_it_is_unblocked(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    parts.accept(BlockParty(party_id=ALICE, blocked=True))
    with pytest.raises(Refused, match="PARTY_BLOCKED"):
        active_party(parts.rows, ALICE)
    assert parts.refuse(issue(parts, "28" + "1" * 16)) == "PARTY_BLOCKED"
    parts.accept(BlockParty(party_id=ALICE, blocked=False))
    assert active_party(parts.rows, ALICE).party_id == ALICE
    with pytest.raises(Refused, match="PARTY_NOT_EXIST"):
        active_party(parts.rows, BOB)
    assert parts.refuse(BlockParty(party_id=BOB, blocked=True)) == "PARTY_NOT_EXIST"


# Locks.


@pytest.mark.parametrize(
    ("password", "code"), [("login", "SIGN_IN_LOCKED"), ("payment", "PAYMENT_PASSWORD_LOCKED")]
)
def test_the_fifth_wrong_password_in_a_row_locks_for_three_hours(
    parts: Parts, password: Literal["login", "payment"], code: str
) -> None:
    parts.accept(registering(parts.sealer))
    wrong = RecordPasswordTry(party_id=ALICE, password=password, right=False)
    right = RecordPasswordTry(party_id=ALICE, password=password, right=True)
    for count in range(1, 5):
        assert parts.accept(wrong).wrong_count == count
    fifth = parts.accept(wrong)
    assert (fifth.wrong_count, fifth.locked_until_ms) == (5, START_MS + LOCK_MS)
    parts.clock.pass_ms(LOCK_MS - 1)
    assert parts.refuse(wrong) == code
    assert parts.refuse(right) == code
    parts.clock.pass_ms(1)
    again = parts.accept(wrong)
    assert (again.wrong_count, again.locked_until_ms) == (1, 0)
    assert parts.accept(right).wrong_count == 0


def test_a_right_password_between_wrong_ones_starts_the_count_anew(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    for right in (False, False, False, False, True, False, False, False, False):
        parts.accept(RecordPasswordTry(party_id=ALICE, password="payment", right=right))
    party = active_party(parts.rows, ALICE)
    assert (party.payment_wrong_count, party.payment_locked_until_ms) == (4, 0)
    assert party.login_wrong_count == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, LOCK_MS)), max_size=60))
def test_never_more_than_five_wrong_tries_are_heard_in_any_three_hours(
    steps: list[tuple[bool, int]],
) -> None:
    tries, now_ms, run = Tries(0, 0), START_MS, [0]
    for right, wait_ms in steps:
        now_ms += wait_ms
        try:
            tries = tried(tries, right=right, now_ms=now_ms, locked_code="SIGN_IN_LOCKED")
        except Refused:
            assert now_ms < tries.locked_until_ms
            assert len(run) > 5
            continue
        run = [0] if right or len(run) > 5 else run
        if not right:
            run.append(now_ms)
        assert (len(run) > 5) == (tries.locked_until_ms == now_ms + LOCK_MS)


# Payment codes.


def test_a_code_is_eighteen_digits_beginning_with_28() -> None:
    codes = {new_payment_code() for _ in range(50)}
    assert len(codes) == 50
    assert all(len(c) == 18 and c.isdigit() and c.startswith("28") for c in codes)


def test_a_one_time_code_pays_one_order_and_that_order_again(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    code = issue(parts, "281234567890123456")
    parts.accept(code, as_party(ALICE))
    party, used = take_payment_code(parts.rows, code.code_index, START_MS, "T1")
    assert (party.party_id, used.used_for) == (ALICE, "T1")

    class Used:
        """The rows, with the code as the first order has left it."""

        def get(self, row: type, *key: object) -> object:
            return used if row is PaymentCode else parts.rows.get(row, *key)  # type: ignore[arg-type]

    rows = Used()
    assert take_payment_code(rows, code.code_index, START_MS, "T1")[1] == used  # type: ignore[arg-type]
    with pytest.raises(Refused, match="PAYMENT_CODE_INVALID"):
        take_payment_code(rows, code.code_index, START_MS, "T2")  # type: ignore[arg-type]


def test_a_code_ends_after_two_minutes(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    code = issue(parts, "281234567890123456")
    parts.accept(code)
    last_ms = START_MS + PAYMENT_CODE_VALID_MS - 1
    assert take_payment_code(parts.rows, code.code_index, last_ms, "T1")
    with pytest.raises(Refused, match="PAYMENT_CODE_INVALID"):
        take_payment_code(parts.rows, code.code_index, last_ms + 1, "T1")
    with pytest.raises(Refused, match="PAYMENT_CODE_INVALID"):
        take_payment_code(parts.rows, b"unknown", START_MS, "T1")


def test_a_reusable_code_pays_any_number_of_orders(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    code = issue(parts, "281234567890123456", reusable=True, expires_ms=2 * START_MS)
    assert parts.refuse(code, as_party(ALICE)) == "NOT_PERMITTED"
    parts.accept(code)
    for order in ("T1", "T2"):
        _, row = take_payment_code(parts.rows, code.code_index, START_MS + LOCK_MS, order)
        assert row.used_for == ""


def test_a_code_is_given_out_once_and_for_two_minutes_at_most(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    parts.accept(registering(parts.sealer, BOB, "bob@shop.example"))
    code = issue(parts, "281234567890123456")
    parts.accept(code)
    assert parts.refuse(issue(parts, "281234567890123456", party_id=BOB)) == "INVALID_PARAMETER"
    too_long = issue(parts, "282", expires_ms=START_MS + PAYMENT_CODE_VALID_MS + 1)
    assert parts.refuse(too_long) == "INVALID_PARAMETER"
    assert parts.refuse(issue(parts, "282", expires_ms=START_MS)) == "INVALID_PARAMETER"
    assert parts.refuse(issue(parts, "283"), as_party(BOB)) == "NOT_PERMITTED"


def test_ended_codes_are_removed_a_day_later_and_lasting_ones_stay(parts: Parts) -> None:
    parts.accept(registering(parts.sealer))
    parts.accept(issue(parts, "281"))
    parts.accept(issue(parts, "282", reusable=True, expires_ms=2 * START_MS))
    parts.clock.pass_ms(CODE_KEPT_MS)
    assert parts.run_timers() == 1
    assert len(parts.rows.select(PaymentCode, party_id=ALICE)) == 2
    parts.clock.pass_ms(CODE_KEPT_MS)
    assert parts.run_timers() == 1
    assert [c.reusable for c in parts.rows.select(PaymentCode, party_id=ALICE)] == [True]
    assert parts.next_timer_ms() is None
