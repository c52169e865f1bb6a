"""Commands of the blacklist at work: load what a decision needs, decide, record, log."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, event, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist import decide
from tallystick.risk.blacklist.log import append_leaf
from tallystick.risk.blacklist.model import (
    ASK_MAX,
    IDENTIFIERS_MAX,
    KEEPER,
    LIST_KEY,
    TAG_BYTES,
    AdmitMember,
    Asked,
    AskList,
    BlacklistDispute,
    BlacklistEntry,
    Confirmation,
    ConfirmEntry,
    CorrectEntry,
    Cosignature,
    Cosigned,
    CosignHead,
    DecideDispute,
    DisputeDone,
    DisputeEntry,
    DisputeStatus,
    EntryDone,
    ExpireEntry,
    ListKey,
    ListOpened,
    Member,
    MemberDone,
    MemberStatus,
    OpenList,
    PublishEntry,
    QuotaChange,
    SubjectRequest,
    SubjectTold,
    TellSubject,
    ToldEntry,
    WithdrawEntry,
)
from tallystick.transparency.notes import Checkpoint, NoteError, NoteKey, read_note

__all__ = ["register"]

_MEMBER_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_ORIGIN: Final = re.compile(r"[a-z0-9][a-z0-9./-]{0,63}")
_NAME_MAX: Final = 64
_ON_BEHALF: Final = frozenset({CallerKind.OPERATOR, CallerKind.SYSTEM})


def _list(context: Context) -> ListKey:
    key = context.uow.get(ListKey, LIST_KEY)
    if key is None:
        raise Refused("BLACKLIST_NOT_OPEN")
    return key


def _who(context: Context) -> str:
    return f"{context.caller.kind.value}:{context.caller.id}"


def _member(context: Context, named: str) -> Member:
    """The member that asks; operators may act for any, and are the keeper's else."""
    _list(context)
    uow, caller = context.uow, context.caller
    if caller.kind in _ON_BEHALF:
        member = uow.get(Member, named or KEEPER)
    else:
        member = uow.find(Member, caller=_who(context))
        if member is not None and named not in ("", member.member_id):
            raise Refused("NOT_PERMITTED", "A member acts for itself.")
    if member is None or member.status is MemberStatus.SUSPENDED:
        raise Refused("BLACKLIST_NOT_A_MEMBER")
    return member


def _entry(context: Context, entry_id: str) -> BlacklistEntry:
    entry = context.uow.get(BlacklistEntry, entry_id)
    if entry is None:
        raise Refused("BLACKLIST_ENTRY_NOT_EXIST")
    return entry


def _publisher(context: Context, entry: BlacklistEntry) -> Member:
    member = context.uow.get(Member, entry.member_id)
    assert member is not None, entry.member_id
    return member


def _record(context: Context, made: decide.LeafDecision, member_id: str) -> EntryDone:
    """Write a decision about an entry: the leaf, the entry, and what its tag comes to."""
    uow, key = context.uow, _list(context)
    seq = key.size
    append_leaf(uow, seq, made.entry.entry_id, msgspec.json.encode(made.leaf(context.now_ms)))
    uow.put(replace(key, size=seq + 1))
    entry = replace(made.entry, leaf=seq)
    decision = decide.recorded(made, entry, decide.done(made, seq, 0), context.now_ms)
    reply = record(context, decision)
    uow.put(decide.listed(uow.select(BlacklistEntry, tag=entry.tag), seq))
    assert isinstance(reply, EntryDone)
    member = uow.get(Member, member_id) if member_id else None
    return replace(reply, quota=member.quota if member is not None else 0)


# The list and its members.


def open_list(command: OpenList, context: Context) -> Reply:
    """Begin the list."""
    if context.uow.get(ListKey, LIST_KEY) is not None:
        raise Refused("BLACKLIST_OPEN_BEFORE")
    if not _ORIGIN.fullmatch(command.origin):
        raise Refused("INVALID_PARAMETER", "origin is 1 to 64 of a-z, 0-9 and . / -")
    key = ListKey(
        LIST_KEY, command.origin, command.public, command.log_key, command.secret_sealed,
        command.log_key_sealed, 0, context.now_ms,
    )  # fmt: skip
    own = AdmitMember(member_id=KEEPER, name=command.origin, key_id="", quota=10**9,
                      per_minute=100_000)  # fmt: skip
    _, rows = decide.admit(None, own, context.now_ms)
    opened = event("blacklist.opened", command.origin, {"origin": command.origin})
    reply = ListOpened(origin=key.origin, public=key.public, log_key=key.log_key)
    return record(context, Decision(reply, (key, *rows), events=(opened,)))


def admit_member(command: AdmitMember, context: Context) -> Reply:
    """Let an institution take part, or change its terms."""
    _list(context)
    if not _MEMBER_ID.fullmatch(command.member_id):
        raise Refused("INVALID_PARAMETER", "member_id is 1 to 32 of a-z, 0-9, - and _")
    if not command.name.strip() or len(command.name) > _NAME_MAX:
        raise Refused("INVALID_PARAMETER", f"name has 1 to {_NAME_MAX} characters.")
    if command.witness_key:
        try:
            NoteKey.read(command.witness_key)
        except NoteError as error:
            raise Refused("INVALID_PARAMETER", f"witness_key: {error}.") from error
    taken = context.uow.find(Member, caller=f"key:{command.key_id}")
    if taken is not None and taken.member_id != command.member_id:
        raise Refused("INVALID_PARAMETER", "This key is another member's.")
    known = context.uow.get(Member, command.member_id)
    member, rows = decide.admit(known, command, context.now_ms)
    told = event("blacklist.member", member.member_id, {"status": member.status.value})
    return record(context, Decision(decide.member_done(member), rows, events=(told,)))


# Entries.


def publish_entry(command: PublishEntry, context: Context) -> Reply:
    """A member warns the others."""
    member = _member(context, command.member_id)
    number = dated_number(context.now_ms, context.request_key, "blacklist")
    made, member = decide.publish(command, member, number, context.now_ms)
    for known in context.uow.select(BlacklistEntry, tag=made.entry.tag):
        if known.member_id == member.member_id and known.status in decide.STANDING:
            raise Refused("BLACKLIST_ENTRY_EXISTS", f"Entry {known.entry_id}.")
    return _record(context, made, member.member_id)


def confirm_entry(command: ConfirmEntry, context: Context) -> Reply:
    """Another member vouches for it."""
    member, entry = _member(context, command.member_id), _entry(context, command.entry_id)
    before = context.uow.select(Confirmation, entry_id=entry.entry_id)
    made = decide.confirm(
        command, entry, member, _publisher(context, entry), before, context.now_ms
    )
    return _record(context, made, member.member_id)


def correct_entry(command: CorrectEntry, context: Context) -> Reply:
    """The publisher says it better."""
    member, entry = _member(context, command.member_id), _entry(context, command.entry_id)
    return _record(
        context, decide.correct(command, entry, member, context.now_ms), member.member_id
    )


def withdraw_entry(command: WithdrawEntry, context: Context) -> Reply:
    """The publisher takes it back."""
    member, entry = _member(context, command.member_id), _entry(context, command.entry_id)
    return _record(
        context, decide.withdraw(command, entry, member, context.now_ms), member.member_id
    )


def expire_entry(command: ExpireEntry, context: Context) -> Reply:
    """The timer's command."""
    return _record(context, decide.expire(_entry(context, command.entry_id), context.now_ms), "")


# Disputes.


def dispute_entry(command: DisputeEntry, context: Context) -> Reply:
    """The person, a member, or an operator for a person, says that it should not be there."""
    _list(context)
    entry = _entry(context, command.entry_id)
    number = dated_number(context.now_ms, context.request_key, "blacklist dispute")
    raised_by = "" if context.caller.kind is CallerKind.PARTY else command.raised_by[:64]
    found = BlacklistDispute(
        number, entry.entry_id, command.ground, raised_by or _who(context), DisputeStatus.OPEN,
        "", "", context.now_ms, 0,
    )  # fmt: skip
    _record(context, decide.dispute(entry, found, context.now_ms), "")
    return decide.dispute_done(found)


def decide_dispute(command: DecideDispute, context: Context) -> Reply:
    """The keeper decides."""
    found = context.uow.get(BlacklistDispute, command.dispute_id)
    if found is None:
        raise Refused("BLACKLIST_DISPUTE_NOT_EXIST")
    entry = _entry(context, found.entry_id)
    publisher = _publisher(context, entry)
    made, after = decide.decide_dispute(
        command, found, entry, publisher, _who(context), context.now_ms
    )
    if made is None:
        lines = context.uow.select(
            QuotaChange, member_id=publisher.member_id, reference=entry.entry_id
        )
        paid = any(line.why == "wrong" for line in lines)
        owed = decide.owed_late(after, entry, publisher, context.now_ms, paid=paid)
        return record(context, Decision(decide.dispute_done(after), (after, *owed)))
    _record(context, made, "")
    return decide.dispute_done(after)


# Asking.


def ask_list(command: AskList, context: Context) -> Reply:
    """A member pays for what was evaluated."""
    member = _member(context, command.member_id)
    count = len(command.elements)
    if not 1 <= count <= ASK_MAX:
        raise Refused("TOO_LARGE", f"1 to {ASK_MAX} identifiers are asked about at once.")
    member, line = decide.spend(member, count, "asked", context.now_ms)
    reply = Asked(elements=command.elements, proof=command.proof, quota=member.quota)
    return record(context, Decision(reply, (member, line)))


def tell_subject(command: TellSubject, context: Context) -> Reply:
    """A person is told what is said of them; that they asked is recorded, not about what."""
    _list(context)
    tags = command.tags
    if not 1 <= len(tags) <= IDENTIFIERS_MAX or any(len(tag) != TAG_BYTES for tag in tags):
        raise Refused("INVALID_PARAMETER", f"1 to {IDENTIFIERS_MAX} identifiers.")
    found = [
        ToldEntry(*(getattr(entry, name) for name in ToldEntry.__struct_fields__))
        for tag in dict.fromkeys(tags)
        for entry in context.uow.select(BlacklistEntry, tag=tag)
    ]
    number = dated_number(context.now_ms, context.request_key, "blacklist subject")
    asked = SubjectRequest(
        number, _who(context), command.on_behalf[:64], len(tags), len(found), context.now_ms
    )
    reply = SubjectTold(request_id=number, entries=tuple(found))
    return record(context, Decision(reply, (asked,)))


def cosign_head(command: CosignHead, context: Context) -> Reply:
    """A witness vouches for a head of ours."""
    member, key = _member(context, command.member_id), _list(context)
    try:
        note = read_note(command.note)
        checkpoint = Checkpoint.of(note)
        witness, log = NoteKey.read(member.witness_key), NoteKey.read(key.log_key)
    except NoteError as error:
        raise Refused("INVALID_PARAMETER", f"{error}.") from error
    at_s = witness.signed(note)
    if log.signed(note) is None or at_s is None or checkpoint.origin != key.origin:
        raise Refused("BLACKLIST_COSIGNATURE_INVALID")
    before = context.uow.get(Cosignature, member.member_id)
    if before is not None and checkpoint.size < before.size:
        raise Refused("BLACKLIST_COSIGNATURE_INVALID", "A witness never goes back.")
    row = Cosignature(member.member_id, checkpoint.size, command.note, at_s * 1000)
    reply = Cosigned(member_id=member.member_id, size=checkpoint.size)
    return record(context, Decision(reply, (row,)))


def register(registry: Registry) -> None:
    """Declare the commands of the blacklist."""
    keep, write = "blacklist:keep", "blacklist:write"
    registry.add(OpenList, open_list, reply=ListOpened, scope=keep)
    registry.add(AdmitMember, admit_member, reply=MemberDone, scope=keep)
    registry.add(PublishEntry, publish_entry, reply=EntryDone, scope=write)
    registry.add(ConfirmEntry, confirm_entry, reply=EntryDone, scope=write)
    registry.add(CorrectEntry, correct_entry, reply=EntryDone, scope=write)
    registry.add(WithdrawEntry, withdraw_entry, reply=EntryDone, scope=write)
    registry.add(ExpireEntry, expire_entry, reply=EntryDone, scope="system")
    registry.add(DisputeEntry, dispute_entry, reply=DisputeDone, scope="blacklist:subject")
    registry.add(DecideDispute, decide_dispute, reply=DisputeDone, scope=keep)
    registry.add(AskList, ask_list, reply=Asked, scope=write)
    registry.add(TellSubject, tell_subject, reply=SubjectTold, scope="blacklist:subject")
    registry.add(CosignHead, cosign_head, reply=Cosigned, scope=write)
