"""What can be seen of the blacklist: the list's keys, members, entries, quota, heads."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from tallystick.decoding import decode_json
from tallystick.pipeline.commands import Caller
from tallystick.pipeline.refusals import Refused
from tallystick.risk.blacklist.decide import Leaf
from tallystick.risk.blacklist.model import (
    LIST_KEY,
    SEALED_LOG_KEY,
    SEALED_SECRET,
    BlacklistDispute,
    BlacklistEntry,
    Cosignature,
    DisputeStatus,
    EntryStatus,
    ListKey,
    LogLeaf,
    Member,
    QuotaChange,
)
from tallystick.risk.blacklist.protocol.group import RISTRETTO255
from tallystick.risk.blacklist.protocol.oprf import Keeper
from tallystick.store.rows import ReadSession, Rows
from tallystick.store.sealing import Sealer
from tallystick.transparency.notes import NoteError, NoteKey, NoteSigner, read_note

__all__ = [
    "EntryStory", "WitnessView", "cosigned_head", "entry_story", "keeper_of", "latest_entries",
    "leaves_from",
    "list_key", "log_signer", "member_of", "open_disputes", "quota_changes",
    "standing_by_reason", "witnesses",
]  # fmt: skip


class EntryStory(NamedTuple):
    """An entry with everything that the log says of it, oldest first."""

    entry: BlacklistEntry
    leaves: list[tuple[int, Leaf]]
    disputes: list[BlacklistDispute]


class WitnessView(NamedTuple):
    """A member that witnesses, how far, and the head that it signed last ("" for none)."""

    member: Member
    size: int
    at_ms: int
    note: str


def list_key(rows: Rows) -> ListKey:
    """The list's keys.

    Raises:
        Refused: BLACKLIST_NOT_OPEN.
    """
    key = rows.get(ListKey, LIST_KEY)
    if key is None:
        raise Refused("BLACKLIST_NOT_OPEN")
    return key


def keeper_of(key: ListKey, sealer: Sealer) -> Keeper:
    """The side of the oblivious function that has the secret."""
    secret = bytes.fromhex(sealer.open(SEALED_SECRET, key.secret_sealed))
    return Keeper(RISTRETTO255.scalar_of(secret))


def log_signer(key: ListKey, sealer: Sealer) -> NoteSigner:
    """Who signs the log's heads."""
    return NoteSigner(key.origin, bytes.fromhex(sealer.open(SEALED_LOG_KEY, key.log_key_sealed)))


def member_of(rows: Rows, caller: Caller) -> Member | None:
    """The member that a caller is."""
    return rows.find(Member, caller=f"{caller.kind.value}:{caller.id}")


def latest_entries(rows: ReadSession, limit: int) -> list[BlacklistEntry]:
    """Entries, the latest change first."""
    return rows.query(BlacklistEntry, "ORDER BY leaf DESC LIMIT ?", (limit,))


def open_disputes(rows: ReadSession, limit: int) -> list[BlacklistDispute]:
    """Disputes that wait for a decision, the oldest first."""
    tail = "WHERE status = ? ORDER BY opened_ms, dispute_id LIMIT ?"
    return rows.query(BlacklistDispute, tail, (DisputeStatus.OPEN.value, limit))


def quota_changes(rows: ReadSession, member_id: str, limit: int) -> list[QuotaChange]:
    """A member's quota, the latest change first."""
    tail = "WHERE member_id = ? ORDER BY movement_no DESC LIMIT ?"
    return rows.query(QuotaChange, tail, (member_id, limit))


def standing_by_reason(rows: ReadSession) -> Counter[str]:
    """How many entries stand for each reason."""
    found = rows.connection.execute(
        "SELECT reason, COUNT(*) FROM blacklist_entry WHERE status IN (?, ?) GROUP BY reason",
        (EntryStatus.ACTIVE.value, EntryStatus.DISPUTED.value),
    )
    return Counter({str(reason): int(count) for reason, count in found})


def entry_story(rows: ReadSession, entry_id: str) -> EntryStory:
    """An entry's whole story.

    Raises:
        Refused: BLACKLIST_ENTRY_NOT_EXIST.
    """
    entry = rows.get(BlacklistEntry, entry_id)
    if entry is None:
        raise Refused("BLACKLIST_ENTRY_NOT_EXIST")
    leaves = rows.query(LogLeaf, "WHERE entry_id = ? ORDER BY seq", (entry_id,))
    disputes = rows.query(
        BlacklistDispute, "WHERE entry_id = ? ORDER BY opened_ms, dispute_id", (entry_id,)
    )
    return EntryStory(
        entry, [(leaf.seq, decode_json(leaf.contents, Leaf)) for leaf in leaves],
        disputes,
    )  # fmt: skip


def leaves_from(rows: ReadSession, begin: int, limit: int) -> list[bytes]:
    """The contents of leaves from one on, in order.

    Raises:
        Refused: BLACKLIST_NOT_OPEN.
    """
    list_key(rows)
    found = rows.query(LogLeaf, "WHERE seq >= ? ORDER BY seq LIMIT ?", (begin, limit))
    return [leaf.contents for leaf in found]


def witnesses(rows: Rows) -> list[WitnessView]:
    """Every member with a witness key, and the latest head that it has signed."""
    found = []
    for member in rows.select(Member):
        if member.witness_key:
            seen = rows.get(Cosignature, member.member_id)
            if seen is None:
                found.append(WitnessView(member, 0, 0, ""))
            else:
                found.append(WitnessView(member, seen.size, seen.at_ms, seen.note))
    return found


def cosigned_head(rows: Rows, head: str) -> str:
    """A head with the signatures of every witness that has signed this very one."""
    note = read_note(head)
    others = []
    for cosignature in rows.select(Cosignature):
        member = rows.get(Member, cosignature.member_id)
        theirs = read_note(cosignature.note)
        if member is None or theirs.text != note.text:
            continue
        try:
            witness = NoteKey.read(member.witness_key)
        except NoteError:
            continue
        others += [s for s in theirs.signatures if s[0] == witness.name]
    return note._replace(signatures=(*note.signatures, *others)).whole
