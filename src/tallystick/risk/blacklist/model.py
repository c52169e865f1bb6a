"""The shared blacklist: members, entries, disputes, quota, the log; terms, rows, commands.

An identifier is never here. What is here comes of the oblivious function's output for it: the pad
key, which hides what the set says from whoever has not asked for that very identifier, and the tag,
a digest of the pad key, under which the set has it. Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

import msgspec

from tallystick.pipeline.commands import Command, Reply
from tallystick.risk.blacklist.protocol.identifiers import IdentifierKind
from tallystick.risk.blacklist.protocol.oprf import BATCH_MAX
from tallystick.store.table import Row, Table

__all__ = [
    "ASK_MAX", "AdmitMember", "AskList", "Asked", "BlacklistDispute", "BlacklistEntry",
    "Confirmation", "ConfirmEntry", "CorrectEntry", "Cosignature", "Cosigned", "CosignHead",
    "DecideDispute", "DisputeDone", "DisputeEntry", "DisputeGround", "DisputeStatus",
    "ENTRY_COST", "EntryDone", "EntryStatus", "ExpireEntry", "IDENTIFIERS_MAX", "KEEPER",
    "LIST_KEY", "ListKey", "ListOpened", "ListedTag", "LogLeaf", "Member", "MemberDone",
    "MemberStatus", "OpenList", "PublishEntry", "QUOTA_CONFIRMED", "QUOTA_CONFIRMERS",
    "QUOTA_WRONG", "QuotaChange",
    "SEALED_LOG_KEY", "SEALED_SECRET", "SubjectRequest", "SubjectTold", "Tile", "TellSubject",
    "TAG_BYTES", "ToldEntry", "WithdrawEntry",
]  # fmt: skip

TAG_BYTES: Final = 32
ASK_MAX: Final = BATCH_MAX
"""How many identifiers are asked about at once."""

IDENTIFIERS_MAX: Final = 8
"""About how many identifiers of theirs a person is told at once."""

LIST_KEY: Final = "list"
KEEPER: Final = "keeper"
"""The member that the keeper of the list is itself; it is there from the beginning."""

SEALED_SECRET: Final = "blacklist.secret"  # noqa: S105 - a purpose, not a secret
SEALED_LOG_KEY: Final = "blacklist.log_key"

QUOTA_CONFIRMED: Final = 500
"""Queries earned when another member confirms an entry."""
QUOTA_CONFIRMERS: Final = 3
"""How many members' confirmations of one entry earn something."""
QUOTA_WRONG: Final = 2000
"""Queries that a wrong entry costs, times its severity; a balance may go below zero."""
ENTRY_COST: Final = 1
"""What publishing asks of the oblivious function, like any question."""


class MemberStatus(StrEnum):
    """Whether a member takes part."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class EntryStatus(StrEnum):
    """Where an entry stands."""

    ACTIVE = "active"
    DISPUTED = "disputed"
    """It is answered as a notice only, with a mark, until the dispute is decided."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class DisputeStatus(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"


class DisputeGround(StrEnum):
    """Why somebody disputes an entry."""

    NOT_ME = "not_me"
    NOT_TRUE = "not_true"
    RESOLVED = "resolved"
    NO_BASIS = "no_basis"


class ListKey(Row, frozen=True):
    """The list's own keys: the function's secret and the log's signing key, both sealed."""

    name: str
    origin: str
    public: bytes
    log_key: str
    secret_sealed: bytes
    log_key_sealed: bytes
    size: int
    opened_ms: int


class Member(Row, frozen=True):
    """An institution. `quota` is what it may still ask; `tokens` are thousandths of a query."""

    member_id: str
    name: str
    caller: str
    status: MemberStatus
    witness_key: str
    quota: int
    per_minute: int
    tokens: int
    tokens_ms: int
    asked: int
    published: int
    confirmed: int
    wrong: int
    movements: int
    joined_ms: int


class QuotaChange(Row, frozen=True):
    """A change of a member's quota; `balance` is what it came to."""

    member_id: str
    movement_no: int
    change: int
    balance: int
    why: str
    reference: str
    at_ms: int


class BlacklistEntry(Row, frozen=True):
    """What a member says of whoever has an identifier; `leaf` is the latest in the log."""

    entry_id: str
    tag: bytes
    pad_key: bytes
    kind: IdentifierKind
    member_id: str
    reason: str
    severity: int
    evidence: bytes
    status: EntryStatus
    from_ms: int
    until_ms: int
    confirmations: int
    leaf: int
    published_ms: int
    changed_ms: int


class ListedTag(Row, frozen=True):
    """What all entries of a tag come to; severity 0 is nothing (any more)."""

    tag: bytes
    pad_key: bytes
    severity: int
    reason: int
    disputed: bool
    from_ms: int
    until_ms: int
    leaf: int


class Confirmation(Row, frozen=True):
    """Another member knows the same of the same identifier."""

    entry_id: str
    member_id: str
    evidence: bytes
    at_ms: int


class BlacklistDispute(Row, frozen=True):
    """Somebody says that an entry should not be there."""

    dispute_id: str
    entry_id: str
    ground: DisputeGround
    raised_by: str
    status: DisputeStatus
    decided_by: str
    note: str
    opened_ms: int
    decided_ms: int


class SubjectRequest(Row, frozen=True):
    """A person asked what is said of them, or somebody did for them; how much was found."""

    request_id: str
    asked_by: str
    on_behalf: str
    identifiers: int
    found: int
    at_ms: int


class LogLeaf(Row, frozen=True):
    """A leaf of the log: what was done to an entry, as JSON. It never changes."""

    seq: int
    entry_id: str
    contents: bytes


class Tile(Row, frozen=True):
    """Up to 256 hashes of the log's tree: `level` counts eight levels of the tree."""

    level: int
    number: int
    hashes: bytes


class Cosignature(Row, frozen=True):
    """The latest checkpoint that a witness has signed: the note with its signature."""

    member_id: str
    size: int
    note: str
    at_ms: int


LIST_KEYS = Table("blacklist_key", ListKey, ("name",))
MEMBERS = Table("blacklist_member", Member, ("member_id",), unique=(("caller",),))
QUOTA_CHANGES = Table("blacklist_quota", QuotaChange, ("member_id", "movement_no"))
ENTRIES = Table("blacklist_entry", BlacklistEntry, ("entry_id",))
LISTED_TAGS = Table("blacklist_listed", ListedTag, ("tag",))
CONFIRMATIONS = Table("blacklist_confirmation", Confirmation, ("entry_id", "member_id"))
DISPUTES = Table("blacklist_dispute", BlacklistDispute, ("dispute_id",))
SUBJECT_REQUESTS = Table("blacklist_subject_request", SubjectRequest, ("request_id",))
LEAVES = Table("blacklist_leaf", LogLeaf, ("seq",))
TILES = Table("blacklist_tile", Tile, ("level", "number"))
COSIGNATURES = Table("blacklist_cosignature", Cosignature, ("member_id",))


class OpenList(Command, frozen=True, kw_only=True, tag="blacklist.open"):
    """Begin the list; its keys arrive sealed, and are there once."""

    origin: str
    public: bytes
    log_key: str
    secret_sealed: bytes
    log_key_sealed: bytes


class AdmitMember(Command, frozen=True, kw_only=True, tag="blacklist.admit"):
    """Let an institution take part, or change its terms.

    `key_id` names its API key, `witness_key` the key with which it cosigns heads ("" for none),
    `quota` is granted on top of what it has.
    """

    member_id: str
    name: str
    key_id: str
    quota: int = 0
    per_minute: int = 600
    witness_key: str = ""
    suspended: bool = False


class PublishEntry(Command, frozen=True, kw_only=True, tag="blacklist.publish"):
    """Warn of whoever has an identifier. `member_id` is for operators; a member is itself."""

    kind: IdentifierKind
    pad_key: bytes
    reason: str
    severity: int
    evidence: bytes
    until_ms: int
    from_ms: int = 0
    member_id: str = ""


class ConfirmEntry(Command, frozen=True, kw_only=True, tag="blacklist.confirm"):
    """Know the same of the same identifier; its pad key shows that the member does."""

    entry_id: str
    pad_key: bytes
    evidence: bytes
    member_id: str = ""


class CorrectEntry(Command, frozen=True, kw_only=True, tag="blacklist.correct"):
    """Say it better: reason, severity, evidence and how long."""

    entry_id: str
    reason: str
    severity: int
    evidence: bytes
    until_ms: int
    member_id: str = ""


class WithdrawEntry(Command, frozen=True, kw_only=True, tag="blacklist.withdraw"):
    """Take an entry back, because it was wrong or because the matter is over."""

    entry_id: str
    because: Literal["wrong", "over"]
    member_id: str = ""


class DisputeEntry(Command, frozen=True, kw_only=True, tag="blacklist.dispute"):
    """Say that an entry should not be there. `raised_by` is a party, or who acts for somebody."""

    entry_id: str
    ground: DisputeGround
    raised_by: str = ""


class DecideDispute(Command, frozen=True, kw_only=True, tag="blacklist.decide"):
    """Decide a dispute; upheld, the entry is withdrawn as wrong."""

    dispute_id: str
    upheld: bool
    note: str = ""


class ExpireEntry(Command, frozen=True, kw_only=True, tag="blacklist.expire"):
    """The timer's command: an entry's time is over."""

    entry_id: str


class AskList(Command, frozen=True, kw_only=True, tag="blacklist.ask"):
    """Ask about up to 1,000 blinded identifiers; the answer was computed, and is paid here."""

    elements: tuple[bytes, ...]
    proof: bytes
    member_id: str = ""


class CosignHead(Command, frozen=True, kw_only=True, tag="blacklist.cosign"):
    """A witness has seen a checkpoint and found it to continue the one before."""

    note: str
    member_id: str = ""


class TellSubject(Command, frozen=True, kw_only=True, tag="blacklist.tell_subject"):
    """Tell a person what is said of their identifiers; it is recorded who asked."""

    tags: tuple[bytes, ...]
    on_behalf: str = ""


class ListOpened(Reply, frozen=True, kw_only=True):
    """The list's name, public key and log key."""

    origin: str
    public: bytes
    log_key: str


class MemberDone(Reply, frozen=True, kw_only=True):
    """The member after a command."""

    member_id: str
    status: MemberStatus
    quota: int
    per_minute: int


class EntryDone(Reply, frozen=True, kw_only=True):
    """The entry after a command, and the leaf that tells of it."""

    entry_id: str
    status: EntryStatus
    leaf: int
    confirmations: int
    quota: int


class DisputeDone(Reply, frozen=True, kw_only=True):
    """The dispute after a command."""

    dispute_id: str
    entry_id: str
    status: DisputeStatus


class Asked(Reply, frozen=True, kw_only=True):
    """Evaluated elements with their proof, and what may still be asked."""

    elements: tuple[bytes, ...]
    proof: bytes
    quota: int


class Cosigned(Reply, frozen=True, kw_only=True):
    """The size that the witness vouches for."""

    member_id: str
    size: int


class ToldEntry(msgspec.Struct, frozen=True):
    """An entry without what it is keyed by."""

    entry_id: str
    kind: IdentifierKind
    member_id: str
    reason: str
    severity: int
    evidence: bytes
    status: EntryStatus
    from_ms: int
    until_ms: int
    confirmations: int
    leaf: int
    published_ms: int


class SubjectTold(Reply, frozen=True, kw_only=True):
    """The entries about the person."""

    request_id: str
    entries: tuple[ToldEntry, ...]
