"""The shared blacklist for members and its keeper: publish, ask, dispute, subject access."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tallystick.gateway.rest import blacklist_shapes as shapes
from tallystick.gateway.rest.fields import OrderNo, Query
from tallystick.gateway.rest.operation import Call, Operation, change, look, question
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.keeping import new_list
from tallystick.risk.blacklist.model import (
    AdmitMember,
    Asked,
    AskList,
    BlacklistEntry,
    ConfirmEntry,
    CorrectEntry,
    DecideDispute,
    DisputeEntry,
    EntryDone,
    LogLeaf,
    Member,
    MemberStatus,
    OpenList,
    PublishEntry,
    SubjectTold,
    TellSubject,
    ToldEntry,
    WithdrawEntry,
)
from tallystick.risk.blacklist.protocol.listed import tag_of
from tallystick.risk.blacklist.reasons import REASONS
from tallystick.risk.blacklist.views import (
    list_key,
    member_of,
    open_disputes,
    quota_changes,
    witnesses,
)

__all__ = ["BLACKLIST_OPERATIONS", "own_member"]

_SHOWN: Final = 200
_EVALUATION_BYTES_MAX: Final = 128 * 1024


def own_member(call: Call) -> Member:
    """The member that the key is.

    Raises:
        Refused: BLACKLIST_NOT_OPEN, BLACKLIST_NOT_A_MEMBER.
    """
    list_key(call.platform.rows)
    member = member_of(call.platform.rows, call.identity.caller)
    if member is None or member.status is MemberStatus.SUSPENDED:
        raise Refused("BLACKLIST_NOT_A_MEMBER")
    return member


# The list and its members.


def open_list(call: Call, body: shapes.BlacklistOpening) -> OpenList:
    """The command that begins the list; the same request draws the same keys."""
    drawn = iter(range(16))

    def random(size: int) -> bytes:
        parts = [call.derived("blacklist", str(next(drawn))) for _ in range(-(-size // 16))]
        return b"".join(parts)[:size]

    return new_list(body.origin, call.platform.sealer, random)


def get_list(call: Call, query: Query) -> shapes.BlacklistInfo:
    """The list's keys and reasons."""
    key = list_key(call.platform.rows)
    call.platform.blacklist.cache.refresh(call.platform.rows.connection, merge=False)
    return shapes.BlacklistInfo(
        origin=key.origin, public_key=key.public.hex(), log_key=key.log_key, size=key.size,
        bits=call.platform.blacklist.cache.bits,
        reasons=[shapes.BlacklistReason(**reason._asdict()) for reason in REASONS.values()],
    )  # fmt: skip


def _opened(done: Any) -> shapes.BlacklistInfo:
    return shapes.BlacklistInfo(
        origin=done.origin, public_key=done.public.hex(), log_key=done.log_key, size=0, bits=0,
        reasons=[shapes.BlacklistReason(**reason._asdict()) for reason in REASONS.values()],
    )  # fmt: skip


def admit(call: Call, body: shapes.MemberTerms) -> AdmitMember:
    """The command that admits a member."""
    return AdmitMember(**{name: getattr(body, name) for name in body.__struct_fields__})


def _admitted(done: Any) -> dict[str, Any]:
    return {
        "member_id": done.member_id, "status": done.status, "quota": done.quota,
        "per_minute": done.per_minute,
    }  # fmt: skip


def list_members(call: Call, query: Query) -> shapes.BlacklistMembers:
    """All members."""
    rows = call.platform.rows
    list_key(rows)
    seen = {view.member.member_id: view.size for view in witnesses(rows)}
    return shapes.BlacklistMembers(
        items=[
            shapes.BlacklistMemberShape(
                member_id=m.member_id, name=m.name, status=m.status, quota=m.quota,
                per_minute=m.per_minute, asked=m.asked, published=m.published,
                confirmed=m.confirmed, wrong=m.wrong, witness_key=m.witness_key,
                witnessed_size=seen.get(m.member_id, 0),
            )
            for m in rows.select(Member)
        ]
    )  # fmt: skip


def get_quota(call: Call, query: Query) -> shapes.BlacklistQuota:
    """What the member that asks may still ask."""
    member = own_member(call)
    lines = quota_changes(call.platform.rows, member.member_id, _SHOWN)
    return shapes.BlacklistQuota(
        member_id=member.member_id, quota=member.quota, per_minute=member.per_minute,
        lines=[
            shapes.QuotaLine(
                movement_no=line.movement_no, change=line.change, balance=line.balance,
                why=line.why, reference=line.reference, at_ms=line.at_ms,
            )
            for line in lines
        ],
    )  # fmt: skip


# Asking.


async def ask(call: Call, body: shapes.BlacklistQuestion) -> AskList:
    """The command that pays for an answer, which is computed beside the event loop."""
    own_member(call)
    elements = [bytes.fromhex(text) for text in body.elements]
    keeping, rows = call.platform.blacklist, call.platform.rows
    keeping.keeper(rows)
    evaluation = await asyncio.to_thread(keeping.evaluate, rows, elements)
    return AskList(
        elements=evaluation.elements, proof=evaluation.proof, member_id=body.member_id
    )  # fmt: skip


def _answer(done: Asked) -> shapes.BlacklistAnswer:
    return shapes.BlacklistAnswer(
        elements=[element.hex() for element in done.elements], proof=done.proof.hex(),
        quota=done.quota,
    )  # fmt: skip


def _entry(row: BlacklistEntry | ToldEntry) -> shapes.BlacklistEntryShape:
    return shapes.BlacklistEntryShape(
        entry_id=row.entry_id, kind=row.kind, member_id=row.member_id, reason=row.reason,
        severity=row.severity, evidence=row.evidence.hex(), status=row.status,
        from_ms=row.from_ms, until_ms=row.until_ms, confirmations=row.confirmations,
        leaf=row.leaf, published_ms=row.published_ms,
    )  # fmt: skip


def tell_details(call: Call, body: Any) -> shapes.BlacklistDetails:
    """What stands behind a hit: only who has its pad key can ask."""
    with call.platform.reader() as rows:
        entries = rows.select(BlacklistEntry, tag=tag_of(bytes.fromhex(body.pad_key)))
        leaves = [
            leaf for entry in entries for leaf in rows.select(LogLeaf, entry_id=entry.entry_id)
        ]
    return shapes.BlacklistDetails(
        entries=[_entry(entry) for entry in entries],
        leaves=[shapes.LeafShape(seq=leaf.seq, contents=leaf.contents.decode()) for leaf in leaves],
    )  # fmt: skip


# Entries.


def publish(call: Call, body: shapes.EntryClaim) -> PublishEntry:
    """The command that publishes an entry."""
    return PublishEntry(
        kind=body.kind, pad_key=bytes.fromhex(body.pad_key), reason=body.reason,
        severity=body.severity, evidence=bytes.fromhex(body.evidence), until_ms=body.until_ms,
        from_ms=body.from_ms, member_id=body.member_id,
    )  # fmt: skip


def confirm(call: Call, body: shapes.BlacklistConfirmation) -> ConfirmEntry:
    """The command that confirms one."""
    return ConfirmEntry(
        entry_id=call.path["entry_id"], pad_key=bytes.fromhex(body.pad_key),
        evidence=bytes.fromhex(body.evidence), member_id=body.member_id,
    )  # fmt: skip


def correct(call: Call, body: shapes.BlacklistCorrection) -> CorrectEntry:
    """The command that corrects one."""
    return CorrectEntry(
        entry_id=call.path["entry_id"], reason=body.reason, severity=body.severity,
        evidence=bytes.fromhex(body.evidence), until_ms=body.until_ms, member_id=body.member_id,
    )  # fmt: skip


def withdraw(call: Call, body: shapes.BlacklistWithdrawal) -> WithdrawEntry:
    """The command that withdraws one."""
    return WithdrawEntry(
        entry_id=call.path["entry_id"], because=body.because, member_id=body.member_id
    )


def _entry_done(done: EntryDone) -> shapes.BlacklistEntryDone:
    return shapes.BlacklistEntryDone(
        entry_id=done.entry_id, status=done.status, leaf=done.leaf,
        confirmations=done.confirmations, quota=done.quota,
    )  # fmt: skip


_ENTRIES: Final = Listing(BlacklistEntry, "published_ms", "entry_id")


def list_entries(call: Call, query: Any) -> Page[shapes.BlacklistEntryShape]:
    """The entries of the member that asks, newest first."""
    return page_of(call, _ENTRIES, _entry, limit=query.limit, cursor=query.cursor,
                   member_id=own_member(call).member_id)  # fmt: skip


# Disputes and people.


def raise_dispute(call: Call, body: shapes.DisputeRequest) -> DisputeEntry:
    """The command that disputes an entry."""
    return DisputeEntry(
        entry_id=call.path["entry_id"], ground=body.ground, raised_by=body.raised_by
    )


def decide(call: Call, body: shapes.BlacklistVerdict) -> DecideDispute:
    """The command that decides a dispute."""
    return DecideDispute(dispute_id=call.path["dispute_id"], upheld=body.upheld, note=body.note)


def _dispute(done: Any) -> shapes.BlacklistDisputeShape:
    return shapes.BlacklistDisputeShape(
        dispute_id=done.dispute_id, entry_id=done.entry_id, status=done.status
    )


def list_disputes(call: Call, query: Query) -> shapes.BlacklistDisputes:
    """What waits for a decision."""
    found = open_disputes(call.platform.rows, _SHOWN)
    return shapes.BlacklistDisputes(items=[_dispute(row) for row in found])


def tell_subject(call: Call, body: shapes.SubjectQuestion) -> TellSubject:
    """The command that tells a person what is said of them."""
    keeping, rows = call.platform.blacklist, call.platform.rows
    tags = [tag_of(keeping.pad_key(rows, each.kind, each.value)) for each in body.identifiers]
    return TellSubject(tags=tuple(tags), on_behalf=body.on_behalf)


def _told(done: SubjectTold) -> shapes.SubjectAnswer:
    return shapes.SubjectAnswer(
        request_id=done.request_id, entries=[_entry(entry) for entry in done.entries]
    )


_TAG: Final = "Blacklist"
_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "blacklist:read", "for_apps": False}
_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "blacklist:write", "for_apps": False}
_KEEP: Final[dict[str, Any]] = {"tag": _TAG, "scope": "blacklist:keep", "for_apps": False}
_SUBJECT: Final[dict[str, Any]] = {"tag": _TAG, "scope": "blacklist:subject", "for_apps": False}
_BASE: Final = "/v1/risk/blacklist"
_ONE: Final = {"entry_id": OrderNo}
_MEMBER: Final = ("BLACKLIST_NOT_OPEN", "BLACKLIST_NOT_A_MEMBER")
_OF_ENTRY: Final = (*_MEMBER, "BLACKLIST_ENTRY_NOT_EXIST", "BLACKLIST_ENTRY_CLOSED")
_CLAIM: Final = (
    "BLACKLIST_REASON_UNLAWFUL", "BLACKLIST_VALIDITY_INVALID", "INVALID_PARAMETER"
)  # fmt: skip
_HEX: Final = "e2" * 32

BLACKLIST_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        _BASE, "getBlacklist", summary="See the shared blacklist's keys and reasons",
        query=Query, find=get_list, answer=shapes.BlacklistInfo,
        refusals=("BLACKLIST_NOT_OPEN",), **_READ,
    ),
    change(
        f"{_BASE}/open", "openBlacklist", status=201, summary="Begin a shared blacklist",
        description="The platform that keeps it has one; its keys are made now and never change.",
        body=shapes.BlacklistOpening, command=open_list, show=_opened,
        answer=shapes.BlacklistInfo, example={"origin": "list.example"},
        refusals=("BLACKLIST_OPEN_BEFORE", "INVALID_PARAMETER"), **_KEEP,
    ),
    change(
        f"{_BASE}/members", "admitToBlacklist", summary="Admit a member, or change its terms",
        body=shapes.MemberTerms, command=admit, show=_admitted, answer=dict[str, Any],
        example={"member_id": "alpha", "name": "Alpha Bank", "key_id": "5f2c9a71d3e0",
                 "quota": 10000},
        refusals=("BLACKLIST_NOT_OPEN", "INVALID_PARAMETER"), **_KEEP,
    ),
    look(
        f"{_BASE}/members", "listBlacklistMembers", summary="List members", query=Query,
        find=list_members, answer=shapes.BlacklistMembers, refusals=("BLACKLIST_NOT_OPEN",),
        **_KEEP,
    ),
    look(
        f"{_BASE}/quota", "getBlacklistQuota", summary="See what may still be asked",
        query=Query, find=get_quota, answer=shapes.BlacklistQuota, refusals=_MEMBER, **_READ,
    ),
    change(
        f"{_BASE}/evaluations", "askBlacklist", summary="Ask about people without saying whom",
        description=(
            "Up to 1,000 blinded elements (RFC 9497, ristretto255-SHA512, mode VOPRF); each is "
            "one of the member's queries. The answer, unblinded, is looked up in the set."
        ),
        body=shapes.BlacklistQuestion, command=ask, show=_answer, answer=shapes.BlacklistAnswer,
        body_bytes_max=_EVALUATION_BYTES_MAX,
        example={"elements": ["e2f2ae0a6abc4e71a884a961c500515f"
                              "58e30b6aa582dd8db6a65945e08d2d76"]},
        refusals=(*_MEMBER, "BLACKLIST_QUOTA_USED_UP", "BLACKLIST_RATE_LIMIT",
                  "INVALID_PARAMETER"),
        **_WRITE,
    ),
    question(
        f"{_BASE}/details", "getBlacklistHit", summary="See the entries behind a hit",
        description="Only who has asked about an identifier has its pad key.",
        body=shapes.BlacklistHit, find=tell_details, answer=shapes.BlacklistDetails,
        example={"pad_key": _HEX}, **_READ,
    ),
    change(
        f"{_BASE}/entries", "publishBlacklistEntry", status=201, summary="Publish an entry",
        body=shapes.EntryClaim, command=publish, show=_entry_done,
        answer=shapes.BlacklistEntryDone,
        example={"kind": "phone", "pad_key": _HEX, "reason": "telecom_fraud", "severity": 2,
                 "evidence": _HEX, "until_ms": 1795516800000},
        refusals=(*_MEMBER, *_CLAIM, "BLACKLIST_ENTRY_EXISTS", "BLACKLIST_QUOTA_USED_UP",
                  "BLACKLIST_RATE_LIMIT"),
        **_WRITE,
    ),
    look(
        f"{_BASE}/entries", "listBlacklistEntries", summary="List one's own entries",
        query=shapes.EntryQuery, find=list_entries, answer=Page[shapes.BlacklistEntryShape],
        refusals=_MEMBER, **_READ,
    ),
    change(
        f"{_BASE}/entries/{{entry_id}}/confirm", "confirmBlacklistEntry",
        summary="Confirm another member's entry", body=shapes.BlacklistConfirmation,
        command=confirm, show=_entry_done, answer=shapes.BlacklistEntryDone, parameters=_ONE,
        example={"pad_key": _HEX, "evidence": _HEX},
        refusals=(*_OF_ENTRY, "BLACKLIST_CONFIRMED_BEFORE", "INVALID_PARAMETER"), **_WRITE,
    ),
    change(
        f"{_BASE}/entries/{{entry_id}}/correct", "correctBlacklistEntry",
        summary="Correct one's own entry", body=shapes.BlacklistCorrection, command=correct,
        show=_entry_done, answer=shapes.BlacklistEntryDone, parameters=_ONE,
        example={"reason": "mule_account", "severity": 1, "evidence": _HEX,
                 "until_ms": 1795516800000},
        refusals=(*_OF_ENTRY, *_CLAIM), **_WRITE,
    ),
    change(
        f"{_BASE}/entries/{{entry_id}}/withdraw", "withdrawBlacklistEntry",
        summary="Withdraw one's own entry", body=shapes.BlacklistWithdrawal, command=withdraw,
        show=_entry_done, answer=shapes.BlacklistEntryDone, parameters=_ONE,
        example={"because": "over"}, refusals=_OF_ENTRY, **_WRITE,
    ),
    change(
        f"{_BASE}/entries/{{entry_id}}/dispute", "disputeBlacklistEntry", status=201,
        summary="Dispute an entry for a person", body=shapes.DisputeRequest,
        command=raise_dispute, show=_dispute, answer=shapes.BlacklistDisputeShape,
        parameters=_ONE, example={"ground": "not_me", "raised_by": "2088000000000101"},
        refusals=(*_OF_ENTRY, "BLACKLIST_ENTRY_DISPUTED"), **_SUBJECT,
    ),
    look(
        f"{_BASE}/disputes", "listBlacklistDisputes", summary="List disputes that wait",
        query=Query, find=list_disputes, answer=shapes.BlacklistDisputes, **_KEEP,
    ),
    change(
        f"{_BASE}/disputes/{{dispute_id}}/decide", "decideBlacklistDispute",
        summary="Decide a dispute", body=shapes.BlacklistVerdict, command=decide, show=_dispute,
        answer=shapes.BlacklistDisputeShape, parameters={"dispute_id": OrderNo},
        example={"upheld": True, "note": "Papers seen."},
        refusals=("BLACKLIST_DISPUTE_NOT_EXIST", "BLACKLIST_DISPUTE_CLOSED", "INVALID_PARAMETER",
                  "BLACKLIST_NOT_OPEN"),
        **_KEEP,
    ),
    change(
        f"{_BASE}/subject-requests", "tellBlacklistSubject",
        summary="Tell a person what is said of them",
        description="Who asked, and for whom, is recorded; not about which identifiers.",
        body=shapes.SubjectQuestion, command=tell_subject, show=_told,
        answer=shapes.SubjectAnswer,
        example={"identifiers": [{"kind": "phone", "value": "+8613800138000"}]},
        refusals=("BLACKLIST_IDENTIFIER_INVALID", "BLACKLIST_NOT_OPEN"), **_SUBJECT,
    ),
)  # fmt: skip
