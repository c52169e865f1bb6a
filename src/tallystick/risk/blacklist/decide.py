"""Decisions about the list: pure functions, one a command."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.model import (
    ENTRY_COST,
    QUOTA_CONFIRMED,
    QUOTA_CONFIRMERS,
    QUOTA_WRONG,
    TAG_BYTES,
    AdmitMember,
    BlacklistDispute,
    BlacklistEntry,
    Confirmation,
    ConfirmEntry,
    CorrectEntry,
    DecideDispute,
    DisputeDone,
    DisputeStatus,
    EntryDone,
    EntryStatus,
    ExpireEntry,
    ListedTag,
    Member,
    MemberDone,
    MemberStatus,
    PublishEntry,
    QuotaChange,
    WithdrawEntry,
)
from tallystick.risk.blacklist.protocol.listed import tag_of
from tallystick.risk.blacklist.reasons import DAY_MS, REASONS, Reason
from tallystick.store.table import Row

__all__ = [
    "STANDING", "Leaf", "LeafDecision", "admit", "check_claim", "confirm", "correct",
    "decide_dispute", "done", "dispute", "dispute_done", "expire", "listed", "member_done",
    "move_quota", "publish", "recorded", "spend", "take_tokens", "weight_of", "withdraw",
]  # fmt: skip

_EVIDENCE_BYTES: Final = 32
_MINUTE_MS: Final = 60_000
_PER_MINUTE_MAX: Final = 1_000_000
_QUOTA_MAX: Final = 10**12
STANDING: Final = (EntryStatus.ACTIVE, EntryStatus.DISPUTED)
"""An entry that counts, if only as a notice."""

_NOTICE: Final = 1


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says of an entry, in the order in which it is written."""

    act: str
    entry: str
    tag: str
    kind: str
    reason: str
    severity: int
    evidence: str
    from_ms: int
    until_ms: int
    member: str
    status: str
    by: str
    at_ms: int


class LeafDecision(NamedTuple):
    """A decision that adds a leaf to the log: `entry` is the row as it is after it."""

    act: str
    entry: BlacklistEntry
    by: str
    rows: tuple[Row, ...] = ()
    timers: tuple[Timer, ...] = ()
    cancelled_timers: tuple[str, ...] = ()

    def leaf(self, now_ms: int) -> Leaf:
        """The leaf."""
        entry = self.entry
        return Leaf(
            act=self.act, entry=entry.entry_id, tag=entry.tag.hex(), kind=entry.kind.value,
            reason=entry.reason, severity=entry.severity, evidence=entry.evidence.hex(),
            from_ms=entry.from_ms, until_ms=entry.until_ms, member=entry.member_id,
            status=entry.status.value, by=self.by, at_ms=now_ms,
        )  # fmt: skip


# Members and what they may ask.


def admit(
    known: Member | None, command: AdmitMember, now_ms: int
) -> tuple[Member, tuple[Row, ...]]:
    """A member on its terms, and what it was granted."""
    if not 1 <= command.per_minute <= _PER_MINUTE_MAX or not 0 <= command.quota <= _QUOTA_MAX:
        raise Refused("INVALID_PARAMETER", "per_minute is 1 to 1000000, quota 0 to 10^12.")
    caller = f"key:{command.key_id}" if command.key_id else f"none:{command.member_id}"
    status = MemberStatus.SUSPENDED if command.suspended else MemberStatus.ACTIVE
    if known is None:
        known = Member(
            command.member_id, command.name, caller, status, command.witness_key, 0,
            command.per_minute, command.per_minute * 1000, now_ms, 0, 0, 0, 0, 0, now_ms,
        )  # fmt: skip
    member = replace(
        known, name=command.name, caller=caller, status=status, per_minute=command.per_minute,
        witness_key=command.witness_key or known.witness_key,
    )  # fmt: skip
    if not command.quota:
        return member, (member,)
    member, change = move_quota(member, command.quota, "granted", "", now_ms)
    return member, (member, change)


def member_done(member: Member) -> MemberDone:
    """The reply about a member."""
    return MemberDone(
        member_id=member.member_id, status=member.status, quota=member.quota,
        per_minute=member.per_minute,
    )  # fmt: skip


def move_quota(
    member: Member, change: int, why: str, reference: str, now_ms: int
) -> tuple[Member, QuotaChange]:
    """A member whose quota was changed, and the line that tells of it."""
    movement_no, balance = member.movements + 1, member.quota + change
    line = QuotaChange(member.member_id, movement_no, change, balance, why, reference, now_ms)
    return replace(member, quota=balance, movements=movement_no), line


def take_tokens(member: Member, count: int, now_ms: int) -> Member:
    """The member after `count` queries within its rate (a token bucket of one minute).

    Raises:
        Refused: BLACKLIST_RATE_LIMIT.
    """
    if count > member.per_minute:  # No waiting would help.
        raise Refused("BLACKLIST_RATE_LIMIT", f"At most {member.per_minute} at once.")
    passed_ms = min(_MINUTE_MS, max(0, now_ms - member.tokens_ms))
    refilled = member.tokens + passed_ms * member.per_minute * 1000 // _MINUTE_MS
    tokens = min(member.per_minute * 1000, refilled) - count * 1000
    if tokens < 0:
        wait_s = -tokens * 60 // (member.per_minute * 1000) + 1
        raise Refused("BLACKLIST_RATE_LIMIT", f"Try again in {wait_s} seconds.")
    return replace(member, tokens=tokens, tokens_ms=now_ms)


def spend(member: Member, count: int, why: str, now_ms: int) -> tuple[Member, QuotaChange]:
    """A member that asks `count` times.

    Raises:
        Refused: BLACKLIST_QUOTA_USED_UP, BLACKLIST_RATE_LIMIT.
    """
    if member.quota < count:
        raise Refused("BLACKLIST_QUOTA_USED_UP", f"Left: {max(0, member.quota)}.")
    member, line = move_quota(take_tokens(member, count, now_ms), -count, why, "", now_ms)
    return replace(member, asked=member.asked + count), line


# Entries.


def check_claim(
    reason_code: str, severity: int, evidence: bytes, from_ms: int, until_ms: int, now_ms: int
) -> Reason:
    """The reason of a claim that may be made.

    Raises:
        Refused: BLACKLIST_REASON_UNLAWFUL, BLACKLIST_VALIDITY_INVALID, INVALID_PARAMETER.
    """
    reason = REASONS.get(reason_code)
    if reason is None:
        raise Refused("BLACKLIST_REASON_UNLAWFUL", f"One of: {', '.join(REASONS)}.")
    if not 1 <= severity <= reason.severity_max:
        most = f"severity of {reason.code} is 1 to {reason.severity_max}."
        raise Refused("INVALID_PARAMETER", most)
    if len(evidence) != _EVIDENCE_BYTES:
        raise Refused("INVALID_PARAMETER", "evidence is a SHA-256: 32 bytes, 64 hex digits.")
    if until_ms <= now_ms:
        raise Refused("BLACKLIST_VALIDITY_INVALID", "It would be over already.")
    if until_ms <= from_ms:
        raise Refused("BLACKLIST_VALIDITY_INVALID", "It ends before it begins.")
    if from_ms > now_ms:
        raise Refused("BLACKLIST_VALIDITY_INVALID", "It would begin later.")
    if until_ms > from_ms + reason.days_max * DAY_MS:
        most = f"{reason.code} may stand for {reason.days_max} days."
        raise Refused("BLACKLIST_VALIDITY_INVALID", most)
    return reason


def _expiry(entry: BlacklistEntry) -> Timer:
    return Timer(
        f"blacklist.expire:{entry.entry_id}", entry.until_ms, ExpireEntry(entry_id=entry.entry_id)
    )


def publish(
    command: PublishEntry, member: Member, entry_id: str, now_ms: int
) -> tuple[LeafDecision, Member]:
    """A new entry, paid like a query."""
    from_ms = command.from_ms or now_ms
    check_claim(
        command.reason, command.severity, command.evidence, from_ms, command.until_ms, now_ms
    )
    if len(command.pad_key) != TAG_BYTES:
        raise Refused("INVALID_PARAMETER", "pad_key has 32 bytes.")
    member, line = spend(member, ENTRY_COST, "publish", now_ms)
    member = replace(member, published=member.published + 1)
    entry = BlacklistEntry(
        entry_id, tag_of(command.pad_key), command.pad_key, command.kind, member.member_id,
        command.reason, command.severity, command.evidence, EntryStatus.ACTIVE, from_ms,
        command.until_ms, 0, 0, now_ms, now_ms,
    )  # fmt: skip
    made = LeafDecision("publish", entry, member.member_id, (member, line), (_expiry(entry),))
    return made, member


def _require_standing(entry: BlacklistEntry) -> None:
    if entry.status not in STANDING:
        raise Refused("BLACKLIST_ENTRY_CLOSED", f"It is {entry.status.value}.")


def _require_own(entry: BlacklistEntry, member: Member) -> None:
    if entry.member_id != member.member_id:
        raise Refused("NOT_PERMITTED", "Only who published an entry changes it.")


def confirm(
    command: ConfirmEntry, entry: BlacklistEntry, member: Member, publisher: Member,
    before: Iterable[Confirmation], now_ms: int,
) -> LeafDecision:  # fmt: skip
    """Another member vouches for an entry; its publisher earns."""
    _require_standing(entry)
    if not hmac.compare_digest(entry.pad_key, command.pad_key):
        raise Refused("BLACKLIST_ENTRY_NOT_EXIST", "No such entry is about this identifier.")
    if member.member_id == publisher.member_id:
        raise Refused("NOT_PERMITTED", "Who published an entry cannot confirm it.")
    if any(known.member_id == member.member_id for known in before):
        raise Refused("BLACKLIST_CONFIRMED_BEFORE")
    if len(command.evidence) != _EVIDENCE_BYTES:
        raise Refused("INVALID_PARAMETER", "evidence is a SHA-256: 32 bytes, 64 hex digits.")
    vouched = Confirmation(entry.entry_id, member.member_id, command.evidence, now_ms)
    after = replace(entry, confirmations=entry.confirmations + 1, changed_ms=now_ms)
    rows: tuple[Row, ...] = (vouched,)
    if after.confirmations <= QUOTA_CONFIRMERS:
        earner = replace(publisher, confirmed=publisher.confirmed + 1)
        rows += move_quota(earner, QUOTA_CONFIRMED, "confirmed", entry.entry_id, now_ms)
    return LeafDecision("confirm", after, member.member_id, rows)


def correct(
    command: CorrectEntry, entry: BlacklistEntry, member: Member, now_ms: int
) -> LeafDecision:
    """The publisher says it better; what was said before stays in the log."""
    _require_standing(entry)
    _require_own(entry, member)
    check_claim(
        command.reason, command.severity, command.evidence, entry.from_ms, command.until_ms, now_ms
    )
    after = replace(
        entry, reason=command.reason, severity=command.severity, evidence=command.evidence,
        until_ms=command.until_ms, changed_ms=now_ms,
    )  # fmt: skip
    return LeafDecision("correct", after, member.member_id, timers=(_expiry(after),))


def _closed(
    act: str,
    entry: BlacklistEntry,
    by: str,
    status: EntryStatus,
    now_ms: int,
    rows: tuple[Row, ...],
) -> LeafDecision:
    after = replace(entry, status=status, changed_ms=now_ms)
    timers = (f"blacklist.expire:{entry.entry_id}",)
    return LeafDecision(act, after, by, rows, cancelled_timers=timers)


def _wrong(entry: BlacklistEntry, publisher: Member, now_ms: int) -> tuple[Row, ...]:
    """What a wrong entry costs; what its confirmations had earned is gone, too."""
    earned = min(entry.confirmations, QUOTA_CONFIRMERS) * QUOTA_CONFIRMED
    cost = QUOTA_WRONG * entry.severity + earned
    blamed = replace(publisher, wrong=publisher.wrong + 1)
    return move_quota(blamed, -cost, "wrong", entry.entry_id, now_ms)


def withdraw(
    command: WithdrawEntry, entry: BlacklistEntry, member: Member, now_ms: int
) -> LeafDecision:
    """The publisher takes it back; a wrong one costs."""
    _require_standing(entry)
    _require_own(entry, member)
    rows = _wrong(entry, member, now_ms) if command.because == "wrong" else ()
    return _closed(
        f"withdraw_{command.because}", entry, member.member_id, EntryStatus.WITHDRAWN, now_ms, rows
    )


def expire(entry: BlacklistEntry, now_ms: int) -> LeafDecision:
    """Its time is over."""
    _require_standing(entry)
    if entry.until_ms > now_ms:
        raise Refused("INVALID_PARAMETER", "The entry's time is not over.")
    return _closed("expire", entry, "", EntryStatus.EXPIRED, now_ms, ())


def dispute(entry: BlacklistEntry, found: BlacklistDispute, now_ms: int) -> LeafDecision:
    """Somebody says that it should not be there: a notice only, from now on."""
    if entry.status is EntryStatus.DISPUTED:
        raise Refused("BLACKLIST_ENTRY_DISPUTED")
    _require_standing(entry)
    after = replace(entry, status=EntryStatus.DISPUTED, changed_ms=now_ms)
    return LeafDecision("dispute", after, "", (found,))


def decide_dispute(
    command: DecideDispute, found: BlacklistDispute, entry: BlacklistEntry, publisher: Member,
    by: str, now_ms: int,
) -> tuple[LeafDecision | None, BlacklistDispute]:  # fmt: skip
    """Upheld, the entry is withdrawn as wrong; rejected, it stands again."""
    if found.status is not DisputeStatus.OPEN:
        raise Refused("BLACKLIST_DISPUTE_CLOSED")
    if len(command.note) > 500:
        raise Refused("INVALID_PARAMETER", "note has at most 500 characters.")
    status = DisputeStatus.UPHELD if command.upheld else DisputeStatus.REJECTED
    after = replace(
        found, status=status, decided_by=by, note=command.note.strip(), decided_ms=now_ms
    )
    if entry.status is not EntryStatus.DISPUTED:  # Withdrawn or over in the meantime.
        return None, after
    if command.upheld:
        rows = (after, *_wrong(entry, publisher, now_ms))
        return _closed("uphold", entry, "", EntryStatus.WITHDRAWN, now_ms, rows), after
    stands = replace(entry, status=EntryStatus.ACTIVE, changed_ms=now_ms)
    return LeafDecision("reject", stands, "", (after,)), after


def owed_late(
    found: BlacklistDispute, entry: BlacklistEntry, publisher: Member, now_ms: int, *, paid: bool
) -> tuple[Row, ...]:
    """What a dispute costs that was upheld when its entry stood no more.

    Args:
        paid: whether the publisher has paid for the entry, having withdrawn it as wrong.
    """
    if paid or found.status is not DisputeStatus.UPHELD:
        return ()
    return _wrong(entry, publisher, now_ms)


def weight_of(status: EntryStatus, severity: int, until_ms: int) -> tuple[int, int]:
    """By what the gravest of a tag's standing entries is found; a disputed one is a notice."""
    return _NOTICE if status is EntryStatus.DISPUTED else severity, until_ms


def listed(entries: Iterable[BlacklistEntry], leaf: int) -> ListedTag:
    """What a tag's entries come to: the gravest, of which disputed ones are notices only."""
    whole = list(entries)
    standing = [entry for entry in whole if entry.status in STANDING]
    weighed = [(*weight_of(e.status, e.severity, e.until_ms), e) for e in standing]
    tag, pad_key = whole[0].tag, whole[0].pad_key
    if not weighed:
        return ListedTag(tag, pad_key, 0, 0, False, 0, 0, leaf)
    severity, _, gravest = max(weighed, key=lambda each: each[:2])
    return ListedTag(
        tag, pad_key, severity, REASONS[gravest.reason].number,
        gravest.status is EntryStatus.DISPUTED, min(e.from_ms for e in standing),
        max(e.until_ms for e in standing), leaf,
    )  # fmt: skip


def done(made: LeafDecision, leaf: int, quota: int) -> EntryDone:
    """The reply about an entry."""
    return EntryDone(
        entry_id=made.entry.entry_id, status=made.entry.status, leaf=leaf,
        confirmations=made.entry.confirmations, quota=quota,
    )  # fmt: skip


def recorded(made: LeafDecision, entry: BlacklistEntry, reply: Any, now_ms: int) -> Decision:
    """The decision as the pipeline records it; the entry has its leaf now."""
    told = event(
        f"blacklist.{made.act}", entry.entry_id, {"entry_id": entry.entry_id, "leaf": entry.leaf}
    )
    return Decision(
        reply=reply, rows=(*made.rows, entry), timers=made.timers,
        cancelled_timers=made.cancelled_timers, events=(told,),
    )  # fmt: skip


def dispute_done(found: BlacklistDispute) -> DisputeDone:
    """The reply about a dispute."""
    return DisputeDone(
        dispute_id=found.dispute_id, entry_id=found.entry_id, status=found.status
    )  # fmt: skip
