"""What the operations of the shared blacklist take and give."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from tallystick.gateway.rest.fields import Body, Cursor, Limit, Ms, Query, Shape
from tallystick.risk.blacklist.model import (
    ASK_MAX,
    DisputeGround,
    DisputeStatus,
    EntryStatus,
    MemberStatus,
)
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind

__all__ = [
    "BlacklistAnswer", "BlacklistBucket", "BlacklistConfirmation", "BlacklistCorrection",
    "BlacklistCosignature", "BlacklistCosigned", "BlacklistDetails", "BlacklistDisputeShape",
    "BlacklistDisputes", "BlacklistEntryDone", "BlacklistEntryShape", "BlacklistHashes",
    "BlacklistHead", "BlacklistHit", "BlacklistInfo", "BlacklistLeaves", "BlacklistMemberShape",
    "BlacklistMembers",
    "BlacklistOpening", "BlacklistProof", "BlacklistQuestion", "BlacklistQuota",
    "BlacklistReason", "BlacklistSet", "BlacklistVerdict", "BlacklistWithdrawal", "BucketWord",
    "ConsistencyQuery", "DisputeRequest", "EntryClaim", "EntryQuery", "HashQuery", "Identifier",
    "InclusionQuery", "LeafQuery", "LeafShape", "MemberTerms", "QuotaLine", "SetQuery",
    "SubjectAnswer", "SubjectQuestion", "WitnessShape",
]  # fmt: skip

_HASHES_MAX: Final = 1000
_LEAVES_MAX: Final = 1000
_ROWS_MAX: Final = 50_000

Hex32 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="32 bytes in hex.", examples=["e2" * 32])
]
Member_ = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}\Z", examples=["alpha"], description="A member.")
]
OwnMember = Annotated[
    str, Meta(pattern=r"^([a-z0-9][a-z0-9_-]{0,31})?\Z", description="The member that asks.")
]
ReasonCode = Annotated[str, Meta(max_length=40, examples=["telecom_fraud"])]
Severity = Annotated[int, Meta(ge=1, le=3, description="1 notice, 2 serious, 3 grave.")]
Index = Annotated[int, Meta(ge=0, le=2**53)]
Size = Annotated[int, Meta(ge=1, le=2**53)]
BucketWord = Annotated[str, Meta(pattern=r"^[0-9]{1,8}\Z", examples=["0"])]
NoteText = Annotated[str, Meta(min_length=1, max_length=20_000)]


class BlacklistOpening(Body, frozen=True, kw_only=True):
    """The list's name, by which its heads are known."""

    origin: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9./-]{0,63}\Z", examples=["list.example"])]


class BlacklistReason(Shape, frozen=True, kw_only=True):
    """A reason with its lawful basis."""

    code: str
    number: int
    english: str
    chinese: str
    basis: str
    severity_max: int
    days_max: int


class BlacklistInfo(Shape, frozen=True, kw_only=True):
    """The list: its public key (of the oblivious function), its log's key, its reasons.

    `bits` is how many leading bits of a tag name its bucket now.
    """

    origin: str
    public_key: str
    log_key: str
    size: int
    bits: int
    reasons: list[BlacklistReason]


class MemberTerms(Body, frozen=True, kw_only=True):
    """A member, and what it may; `quota` is added to what it has."""

    member_id: Member_
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    key_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}\Z")]
    quota: Annotated[int, Meta(ge=0, le=10**9)] = 0
    per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = 600
    witness_key: Annotated[str, Meta(max_length=300)] = ""
    suspended: bool = False


class BlacklistMemberShape(Shape, frozen=True, kw_only=True):
    """A member, what it may still ask, and what became of what it said."""

    member_id: str
    name: str
    status: MemberStatus
    quota: int
    per_minute: int
    asked: int
    published: int
    confirmed: int
    wrong: int
    witness_key: str
    witnessed_size: int


class BlacklistMembers(Shape, frozen=True, kw_only=True):
    """All members."""

    items: list[BlacklistMemberShape]


class BlacklistQuestion(Body, frozen=True, kw_only=True):
    """Blinded elements of ristretto255 (RFC 9497); nobody can tell what is asked."""

    elements: Annotated[list[Hex32], Meta(min_length=1, max_length=ASK_MAX)]
    member_id: OwnMember = ""


class BlacklistAnswer(Shape, frozen=True, kw_only=True):
    """Evaluated elements with one proof for all of them, and what may still be asked."""

    elements: list[str]
    proof: str
    quota: int


class EntryClaim(Body, frozen=True, kw_only=True):
    """An entry: the pad key of an identifier (never the identifier), and what is said."""

    kind: IdentifierKind
    pad_key: Hex32
    reason: ReasonCode
    severity: Severity
    evidence: Hex32
    until_ms: Ms
    from_ms: Ms = 0
    member_id: OwnMember = ""


class BlacklistConfirmation(Body, frozen=True, kw_only=True):
    """The same is known elsewhere."""

    pad_key: Hex32
    evidence: Hex32
    member_id: OwnMember = ""


class BlacklistCorrection(Body, frozen=True, kw_only=True):
    """What is said from now on."""

    reason: ReasonCode
    severity: Severity
    evidence: Hex32
    until_ms: Ms
    member_id: OwnMember = ""


class BlacklistWithdrawal(Body, frozen=True, kw_only=True):
    """Why it is taken back; `wrong` costs."""

    because: Literal["wrong", "over"]
    member_id: OwnMember = ""


class BlacklistEntryDone(Shape, frozen=True, kw_only=True):
    """The entry after a change; `leaf` is its place in the log."""

    entry_id: str
    status: EntryStatus
    leaf: int
    confirmations: int
    quota: int


class EntryQuery(Query, frozen=True, kw_only=True):
    """A page of entries."""

    limit: Limit = 20
    cursor: Cursor = ""


class BlacklistEntryShape(Shape, frozen=True, kw_only=True):
    """What an entry says; not of whom."""

    entry_id: str
    kind: IdentifierKind
    member_id: str
    reason: str
    severity: int
    evidence: str
    status: EntryStatus
    from_ms: int
    until_ms: int
    confirmations: int
    leaf: int
    published_ms: int


class BlacklistHit(Body, frozen=True, kw_only=True):
    """The pad key of an identifier that was asked about."""

    pad_key: Hex32


class LeafShape(Shape, frozen=True, kw_only=True):
    """A leaf as the log has it: hashing `contents` gives the leaf."""

    seq: int
    contents: str


class BlacklistDetails(Shape, frozen=True, kw_only=True):
    """The entries about the identifier, and the leaves that prove them."""

    entries: list[BlacklistEntryShape]
    leaves: list[LeafShape]


class DisputeRequest(Body, frozen=True, kw_only=True):
    """Why an entry should not be there, and for whom it is said."""

    ground: DisputeGround
    raised_by: Annotated[str, Meta(max_length=64)] = ""


class BlacklistDisputeShape(Shape, frozen=True, kw_only=True):
    """A dispute."""

    dispute_id: str
    entry_id: str
    status: DisputeStatus


class BlacklistDisputes(Shape, frozen=True, kw_only=True):
    """Disputes that wait, oldest first."""

    items: list[BlacklistDisputeShape]


class BlacklistVerdict(Body, frozen=True, kw_only=True):
    """Whether the dispute is right."""

    upheld: bool
    note: Annotated[str, Meta(max_length=500)] = ""


class Identifier(Body, frozen=True, kw_only=True):
    """An identifier of the person who asks."""

    kind: IdentifierKind
    value: Annotated[str, Meta(min_length=1, max_length=128, examples=["+8613800138000"])]


class SubjectQuestion(Body, frozen=True, kw_only=True):
    """A person asks what is said of them."""

    identifiers: Annotated[list[Identifier], Meta(min_length=1, max_length=8)]
    on_behalf: Annotated[str, Meta(max_length=64)] = ""


class SubjectAnswer(Shape, frozen=True, kw_only=True):
    """What is said, by whom and why; the request is recorded."""

    request_id: str
    entries: list[BlacklistEntryShape]


class WitnessShape(Shape, frozen=True, kw_only=True):
    """A witness, the size that it vouches for, and the head of that size with its signature."""

    member_id: str
    key: str
    size: int
    at_ms: int
    checkpoint: str


class BlacklistHead(Shape, frozen=True, kw_only=True):
    """The head as a signed checkpoint (C2SP), with its witnesses' signatures."""

    checkpoint: str
    witnesses: list[WitnessShape]


class HashQuery(Query, frozen=True, kw_only=True):
    """Which leaves."""

    begin: Index = 0
    end: Index = _HASHES_MAX


class BlacklistHashes(Shape, frozen=True, kw_only=True):
    """Hashes of leaves in hex; at most 1,000 at once."""

    begin: int
    hashes: list[str]


class LeafQuery(Query, frozen=True, kw_only=True):
    """Which leaves."""

    begin: Index = 0
    limit: Annotated[int, Meta(ge=1, le=_LEAVES_MAX)] = _LEAVES_MAX


class BlacklistLeaves(Shape, frozen=True, kw_only=True):
    """Leaves of the log as they were written, in their order."""

    begin: int
    leaves: list[str]


class ConsistencyQuery(Query, frozen=True, kw_only=True):
    """Two sizes of the log."""

    first: Size = 1
    second: Size = 1


class InclusionQuery(Query, frozen=True, kw_only=True):
    """A leaf, and a size of the log."""

    leaf: Index = 0
    size: Size = 1


class BlacklistProof(Shape, frozen=True, kw_only=True):
    """The hashes of a proof (RFC 6962), in hex."""

    proof: list[str]


class BlacklistCosignature(Body, frozen=True, kw_only=True):
    """A checkpoint of the list with the witness's signature."""

    checkpoint: NoteText
    member_id: OwnMember = ""


class BlacklistCosigned(Shape, frozen=True, kw_only=True):
    """The size that the witness vouches for now."""

    member_id: str
    size: int


class SetQuery(Query, frozen=True, kw_only=True):
    """Which rows of which version; version 0 is the newest."""

    version: Index = 0
    begin: Index = 0
    limit: Annotated[int, Meta(ge=1, le=_ROWS_MAX)] = _ROWS_MAX


class BlacklistSet(Shape, frozen=True, kw_only=True):
    """Rows of the set in base64, and a signed note of the whole version's SHA-256."""

    version: int
    count: int
    bits: int
    begin: int
    rows: str
    signed: str


class BlacklistBucket(Shape, frozen=True, kw_only=True):
    """The rows of a bucket, as those of the set."""

    version: int
    bits: int
    rows: str


class QuotaLine(Shape, frozen=True, kw_only=True):
    """A change of the quota, and what it came to."""

    movement_no: int
    change: int
    balance: int
    why: str
    reference: str
    at_ms: int


class BlacklistQuota(Shape, frozen=True, kw_only=True):
    """What a member may still ask, and the latest changes."""

    member_id: str
    quota: int
    per_minute: int
    lines: list[QuotaLine]
