"""Entries: who may say what of whom, how long, what it earns and costs, and what is refused."""

from __future__ import annotations

from typing import Any, cast

import pytest
from tests.platform_parts import START_MS
from tests.risk.blacklist.kept_list import DAY_MS, EVIDENCE, PHONE, KeptList, member_caller
from tests.risk.gone_store import Gone
from tests.stores import contents

from tallystick.risk.blacklist.model import (
    QUOTA_CONFIRMED,
    QUOTA_WRONG,
    AdmitMember,
    AskList,
    ConfirmEntry,
    CorrectEntry,
    DecideDispute,
    DisputeEntry,
    DisputeGround,
    EntryStatus,
    QuotaChange,
    TellSubject,
    WithdrawEntry,
)
from tallystick.risk.blacklist.protocol.listed import Finding, key_of_tag, tag_of
from tallystick.risk.blacklist.reasons import REASONS
from tallystick.risk.blacklist.views import entry_story
from tallystick.store.connection import Connection, ConnectionLost

ALPHA, BETA = member_caller("alpha"), member_caller("beta")
FRAUD = REASONS["telecom_fraud"].number


def test_who_asks_learns_hits_and_nothing_of_others(kept: KeptList) -> None:
    kept.publish()
    assert kept.ask("+86 138 0013 8000", "13900139000") == [Finding(2, FRAUD, False), None]


def test_nothing_that_is_stored_holds_the_identifier(kept: KeptList) -> None:
    kept.publish()
    dump = "\n".join(contents(kept.database))
    assert "38001380" not in dump
    assert b"38001380".hex() not in dump.lower()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"reason": "overdue"}, "BLACKLIST_REASON_UNLAWFUL"),
        ({"reason": ""}, "BLACKLIST_REASON_UNLAWFUL"),
        ({"until_ms": START_MS}, "BLACKLIST_VALIDITY_INVALID"),
        ({"from_ms": START_MS + 1}, "BLACKLIST_VALIDITY_INVALID"),
        ({"until_ms": START_MS + 1826 * DAY_MS}, "BLACKLIST_VALIDITY_INVALID"),
        ({"severity": 0}, "INVALID_PARAMETER"),
        ({"severity": 4}, "INVALID_PARAMETER"),
        ({"reason": "cash_out", "severity": 3}, "INVALID_PARAMETER"),
        ({"evidence": b""}, "INVALID_PARAMETER"),
        ({"pad_key": b"x"}, "INVALID_PARAMETER"),
        ({"member_id": "beta"}, "NOT_PERMITTED"),
    ],
)
def test_what_is_not_lawful_or_not_whole_is_refused(
    kept: KeptList, changed: dict[str, Any], code: str
) -> None:
    assert kept.refuse(kept.claim(**changed), ALPHA) == code
    assert kept.ask(PHONE) == [None]
    assert kept.quota("alpha") == 5000


def test_only_members_that_are_not_suspended_take_part(kept: KeptList) -> None:
    assert kept.refuse(kept.claim(), member_caller("stranger")) == "BLACKLIST_NOT_A_MEMBER"
    kept.admit("alpha", quota=0, suspended=True)
    assert kept.refuse(kept.claim(), ALPHA) == "BLACKLIST_NOT_A_MEMBER"


def test_a_second_entry_of_the_same_member_is_refused_and_one_of_another_adds_up(
    kept: KeptList,
) -> None:
    kept.publish(severity=1)
    assert kept.refuse(kept.claim(), ALPHA) == "BLACKLIST_ENTRY_EXISTS"
    kept.publish(by="beta", severity=3, reason="identity_theft")
    assert kept.ask(PHONE) == [Finding(3, REASONS["identity_theft"].number, False)]


def test_a_confirmation_earns_and_is_made_once_by_who_knows_the_identifier(kept: KeptList) -> None:
    entry = kept.publish()
    pad_key = kept.pad_key(PHONE)
    confirm = ConfirmEntry(entry_id=entry.entry_id, pad_key=pad_key, evidence=EVIDENCE)
    assert kept.refuse(confirm, ALPHA) == "NOT_PERMITTED"
    other = ConfirmEntry(
        entry_id=entry.entry_id, pad_key=kept.pad_key("13900139000"), evidence=EVIDENCE
    )
    assert kept.refuse(other, BETA) == "BLACKLIST_ENTRY_NOT_EXIST"
    assert kept.accept(confirm, BETA).confirmations == 1
    assert kept.quota("alpha") == 5000 - 1 + QUOTA_CONFIRMED
    assert kept.refuse(confirm, BETA) == "BLACKLIST_CONFIRMED_BEFORE"


def test_a_correction_replaces_and_a_withdrawal_ends_what_is_said(kept: KeptList) -> None:
    entry = kept.publish()
    correction = CorrectEntry(
        entry_id=entry.entry_id, reason="mule_account", severity=1, evidence=EVIDENCE,
        until_ms=START_MS + DAY_MS,
    )  # fmt: skip
    assert kept.refuse(correction, BETA) == "NOT_PERMITTED"
    kept.accept(correction, ALPHA)
    assert kept.ask(PHONE) == [Finding(1, REASONS["mule_account"].number, False)]
    kept.accept(WithdrawEntry(entry_id=entry.entry_id, because="over"), ALPHA)
    assert kept.ask(PHONE) == [None]
    assert kept.quota("alpha") == 5000 - 1
    assert kept.refuse(correction, ALPHA) == "BLACKLIST_ENTRY_CLOSED"
    acts = [leaf.act for _, leaf in entry_story(kept.rows, entry.entry_id).leaves]
    assert acts == ["publish", "correct", "withdraw_over"]


def test_an_entry_expires_by_its_timer_and_a_correction_moves_it(kept: KeptList) -> None:
    entry = kept.publish(until_ms=START_MS + 1000)
    kept.accept(
        CorrectEntry(
            entry_id=entry.entry_id, reason="telecom_fraud", severity=2, evidence=EVIDENCE,
            until_ms=START_MS + 5000,
        ),
        ALPHA,
    )  # fmt: skip
    kept.clock.pass_ms(1000)
    assert kept.run_timers() == 0
    kept.clock.pass_ms(4000)
    assert kept.run_timers() == 1
    story = entry_story(kept.rows, entry.entry_id)
    assert (story.entry.status, story.leaves[-1][1].act) == (EntryStatus.EXPIRED, "expire")
    assert kept.ask(PHONE) == [None]


@pytest.mark.parametrize("upheld", [True, False])
def test_a_dispute_makes_it_a_notice_until_it_is_decided(kept: KeptList, upheld: bool) -> None:
    entry = kept.publish(severity=2)
    dispute = DisputeEntry(entry_id=entry.entry_id, ground=DisputeGround.NOT_ME, raised_by="2088")
    raised = kept.system(dispute)
    assert kept.ask(PHONE) == [Finding(1, FRAUD, True)]
    assert kept.refuse(dispute) == "BLACKLIST_ENTRY_DISPUTED"
    decision = DecideDispute(dispute_id=raised.dispute_id, upheld=upheld, note="Papers seen.")
    kept.system(decision)
    assert kept.refuse(decision) == "BLACKLIST_DISPUTE_CLOSED"
    if upheld:
        assert kept.ask(PHONE) == [None]
        assert kept.quota("alpha") == 5000 - 1 - 2 * QUOTA_WRONG
    else:
        assert kept.ask(PHONE) == [Finding(2, FRAUD, False)]
        assert kept.quota("alpha") == 5000 - 1


@pytest.mark.parametrize(
    ("ends", "upheld", "cost"),
    [("over", True, QUOTA_WRONG), ("wrong", True, QUOTA_WRONG), ("expires", True, QUOTA_WRONG),
     ("over", False, 0), ("expires", False, 0)],
)  # fmt: skip
def test_who_ends_a_disputed_entry_pays_once_when_the_dispute_is_upheld(
    kept: KeptList, ends: Any, upheld: bool, cost: int
) -> None:
    entry = kept.publish(severity=1, until_ms=START_MS + 1000)
    dispute = DisputeEntry(entry_id=entry.entry_id, ground=DisputeGround.NOT_ME, raised_by="2088")
    raised = kept.system(dispute)
    if ends == "expires":
        kept.clock.pass_ms(1000)
        assert kept.run_timers() == 1
    else:
        kept.accept(WithdrawEntry(entry_id=entry.entry_id, because=ends), ALPHA)
    kept.system(DecideDispute(dispute_id=raised.dispute_id, upheld=upheld, note="Papers seen."))
    assert kept.quota("alpha") == 5000 - 1 - cost


def test_a_wrong_entry_takes_back_what_its_confirmations_had_earned(kept: KeptList) -> None:
    entry = kept.publish(severity=1)
    kept.accept(
        ConfirmEntry(entry_id=entry.entry_id, pad_key=kept.pad_key(PHONE), evidence=EVIDENCE), BETA
    )
    kept.accept(WithdrawEntry(entry_id=entry.entry_id, because="wrong"), ALPHA)
    assert kept.quota("alpha") == 5000 - 1 - QUOTA_WRONG


def test_questions_are_paid_and_end_with_the_quota_or_the_rate(kept: KeptList) -> None:
    kept.admit("gamma", quota=3, per_minute=2)
    asked = kept.keeping.evaluate(kept.rows, [kept.keeping.keeper(kept.rows).public])

    def ask(count: int) -> AskList:
        return AskList(elements=asked.elements * count, proof=asked.proof)

    gamma = member_caller("gamma")
    assert kept.refuse(ask(4), gamma) == "BLACKLIST_QUOTA_USED_UP"
    too_many = kept.submit(ask(3), gamma).refusal
    assert too_many is not None
    assert too_many == ("BLACKLIST_RATE_LIMIT", "At most 2 at once.")  # No waiting would help.
    assert kept.accept(ask(2), gamma).quota == 1
    assert kept.refuse(ask(1), gamma) == "BLACKLIST_RATE_LIMIT"
    kept.clock.pass_ms(30_000)
    assert kept.accept(ask(1), gamma).quota == 0
    assert kept.refuse(ask(1), gamma) == "BLACKLIST_QUOTA_USED_UP"
    assert kept.refuse(ask(0), gamma) == "TOO_LARGE"


def test_the_quota_is_the_sum_of_its_lines(kept: KeptList) -> None:
    entry = kept.publish()
    kept.ask(PHONE, "13900139000", by="alpha")
    kept.accept(WithdrawEntry(entry_id=entry.entry_id, because="wrong"), ALPHA)
    lines = kept.rows.select(QuotaChange, member_id="alpha")
    assert [line.why for line in lines] == ["granted", "publish", "asked", "wrong"]
    assert sum(line.change for line in lines) == lines[-1].balance == kept.quota("alpha")


def test_a_person_is_told_what_is_said_of_them_and_that_is_recorded(kept: KeptList) -> None:
    entry = kept.publish()
    tags = tuple(tag_of(kept.pad_key(text)) for text in (PHONE, "13900139000"))
    told = kept.system(TellSubject(tags=tags, on_behalf="2088000000000101"))
    assert [each.entry_id for each in told.entries] == [entry.entry_id]
    row = kept.rows.connection.execute(
        "SELECT on_behalf, identifiers, found FROM blacklist_subject_request"
    ).fetchone()
    assert tuple(row) == ("2088000000000101", 2, 1)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"member_id": "No"}, "INVALID_PARAMETER"),
        ({"name": ""}, "INVALID_PARAMETER"),
        ({"per_minute": 0}, "INVALID_PARAMETER"),
        ({"quota": -1}, "INVALID_PARAMETER"),
        ({"witness_key": "x"}, "INVALID_PARAMETER"),
        ({"key_id": "key-alpha"}, "INVALID_PARAMETER"),
    ],
)
def test_terms_of_a_member_that_make_no_sense_are_refused(
    kept: KeptList, changed: dict[str, Any], code: str
) -> None:
    terms: dict[str, Any] = {"member_id": "delta", "name": "Delta", "key_id": "key-delta"}
    assert kept.refuse(AdmitMember(**(terms | changed))) == code


def test_a_change_that_could_not_be_read_is_read_the_next_time(kept: KeptList) -> None:
    kept.ask(PHONE)
    kept.publish(PHONE)
    cache, tag = kept.keeping.cache, tag_of(kept.pad_key(PHONE))
    connection = cast(Connection, Gone(kept.rows.connection, {1}))
    with pytest.raises(ConnectionLost):
        cache.refresh(connection)
    cache.refresh(connection)
    assert cache.find(tag, START_MS) == Finding(2, FRAUD, False)


def test_buckets_have_what_changed_since_a_copy_was_made(kept: KeptList) -> None:
    first = kept.publish("13900139000")
    assert kept.ask("13900139000") == [Finding(2, FRAUD, False)]  # Makes a copy.
    kept.publish(PHONE)
    kept.accept(WithdrawEntry(entry_id=first.entry_id, because="over"), ALPHA)
    cache = kept.keeping.cache
    cache.refresh(kept.rows.connection)
    tag = tag_of(kept.pad_key(PHONE))
    for bits in (0, 1, 8):
        bucket = cache.bucket(int.from_bytes(tag[:8], "big") >> (64 - bits) if bits else 0, bits)
        assert key_of_tag(tag) in bucket.tags.tolist()
        assert key_of_tag(tag_of(kept.pad_key("13900139000"))) not in bucket.tags.tolist()
    assert cache.find(tag, START_MS) == Finding(2, FRAUD, False)
    before = cache.bucket(0, 0).to_bytes()
    cache.merge()
    assert cache.bucket(0, 0).to_bytes() == before
    whole = kept.keeping.published(kept.rows).content
    assert whole.to_bytes() == cache.bucket(0, 0).to_bytes()
    assert kept.ask(PHONE, "13900139000") == [Finding(2, FRAUD, False), None]
