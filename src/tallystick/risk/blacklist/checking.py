"""A member's checks: a hit is what the witnessed log says, and the set is that of the log.

A hit comes with the leaves of its entries. They are about the very tag, lie under a head that the
log has signed and witnesses have vouched for, and come to what the set says: a keeper cannot invent
a hit, nor make it graver, without writing it into the log under a member's name. Whether the set
leaves something out, or has not followed a change, takes all leaves: that is the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from tallystick.decoding import decode_json
from tallystick.risk.blacklist.decide import STANDING, Leaf, weight_of
from tallystick.risk.blacklist.errors import ListError
from tallystick.risk.blacklist.model import TAG_BYTES, EntryStatus
from tallystick.risk.blacklist.protocol.listed import Finding, ListedSet, key_of_tag, tag_of
from tallystick.risk.blacklist.reasons import REASONS
from tallystick.transparency.merkle import MerkleTree, leaf_hash, verify_inclusion
from tallystick.transparency.notes import (
    Checkpoint,
    NoteError,
    NoteKey,
    open_checkpoint,
    read_note,
)

__all__ = [
    "AuditedSet", "HitProof", "NotWitnessedError", "SetNote", "ShownLeaf", "audit_set", "check_hit",
    "compare_notes", "findings_of", "set_note", "vouched_head",
]  # fmt: skip

_NAMED: Final = 5
_SET_LINES: Final = 4


class NotWitnessedError(ListError):
    """What is said may be true, but too few witnesses have seen it yet."""


class ShownLeaf(NamedTuple):
    """A leaf of the log as it was shown: its place, and its very bytes."""

    seq: int
    contents: bytes


class HitProof(NamedTuple):
    """What a hit rests on.

    Args:
        size: of the log whose head proves it.
        witnesses: the names of those who vouch for that head.
        entries: the numbers of the entries about the identifier, standing or not.
        members: who published those that stand.
    """

    size: int
    witnesses: tuple[str, ...]
    entries: tuple[str, ...]
    members: tuple[str, ...]


class SetNote(NamedTuple):
    """What the list has signed of a version of its set; the digest is SHA-256 in base64."""

    version: int
    digest: str


class AuditedSet(NamedTuple):
    """What an audit of the set found: how much was looked at, and what is wrong, as sentences."""

    leaves: int
    tags: int
    wrong: tuple[str, ...]


def _leaf(shown: ShownLeaf) -> Leaf:
    try:
        leaf = decode_json(shown.contents, Leaf)
        if len(bytes.fromhex(leaf.tag)) == TAG_BYTES and leaf.reason in REASONS:
            EntryStatus(leaf.status)
            return leaf
        raise ListError(f"Leaf {shown.seq} of the log is of a later version.")
    except ValueError as error:
        raise ListError(f"Leaf {shown.seq} of the log is not one of an entry.") from error


def set_note(signed: str, log: NoteKey) -> SetNote:
    """What a note says of a version of the set.

    Raises:
        ListError: it is no such note, or not signed by the log.
    """
    try:
        note = read_note(signed)
    except NoteError as error:
        raise ListError(f"The set's note: {error}.") from error
    lines = note.text.split("\n")
    if log.signed(note) is None or lines[0] != f"{log.name}/set" or len(lines) != _SET_LINES:
        raise ListError("This is no note of a set that the list has signed.")
    return SetNote(int(lines[1]) if lines[1].isascii() and lines[1].isdecimal() else -1, lines[2])


def compare_notes(first: str, second: str, log: NoteKey) -> str:
    """What two notes prove, as a sentence: that the list has signed two sets of one version.

    Anybody can check it, without the list; empty for notes that fit each other.

    Raises:
        ListError: one is no note of the list's set.
    """
    one, other = set_note(first, log), set_note(second, log)
    if one.version != other.version or one.digest == other.digest:
        return ""
    return f"{log.name} signed two different sets of {one.version} leaves."


def vouched_head(
    heads: Iterable[str], log: NoteKey, witnesses: Sequence[NoteKey], least: int
) -> tuple[Checkpoint, tuple[str, ...]]:
    """The largest head that enough known witnesses have signed, and their names.

    Args:
        heads: checkpoints as notes; one that is not the log's counts for nothing.
        witnesses: the keys of those that the member trusts.
        least: how many of them must have signed it; with 0 the log's own signature is enough.

    Raises:
        NotWitnessedError: there is none.
    """
    signed: dict[Checkpoint, set[str]] = {}
    for head in heads:
        try:
            checkpoint, note = open_checkpoint(head, log), read_note(head)
        except NoteError:
            continue
        names = {key.name for key in witnesses if key.signed(note) is not None}
        signed.setdefault(checkpoint, set()).update(names)
    enough = [(found.size, found) for found, names in signed.items() if len(names) >= least]
    if not enough:
        raise NotWitnessedError(f"No head of the log has the signatures of {least} witnesses.")
    _, found = max(enough)
    return found, tuple(sorted(signed[found]))


def findings_of(leaves: Iterable[Leaf]) -> frozenset[Finding]:
    """What a tag's leaves, in their order, come to: the gravest of its entries.

    Entries that weigh the same give several, of which the set has any; without one that stands
    there is none.
    """
    latest = {leaf.entry: leaf for leaf in leaves}
    standing = [leaf for leaf in latest.values() if EntryStatus(leaf.status) in STANDING]
    weights = [weight_of(EntryStatus(x.status), x.severity, x.until_ms) for x in standing]
    return frozenset(
        Finding(weight[0], REASONS[leaf.reason].number, leaf.status == EntryStatus.DISPUTED)
        for leaf, weight in zip(standing, weights, strict=True)
        if weight == max(weights)
    )


def check_hit(
    finding: Finding, pad_key: bytes, shown: Sequence[ShownLeaf], head: Checkpoint,
    witnesses: tuple[str, ...], path_of: Callable[[int, int], list[bytes]],
) -> HitProof:  # fmt: skip
    """See that a hit is what the log says.

    Args:
        shown: every leaf of the identifier's entries, by place.
        path_of: gives the hashes that prove a leaf to be in the log of a size.

    Raises:
        NotWitnessedError: it was written after that head.
        ListError: it is not what the log says.
    """
    if not shown:
        raise ListError("The list says of somebody what it has no entry for.")
    if max(each.seq for each in shown) >= head.size:
        raise NotWitnessedError(f"The entry is younger than the log's head of {head.size} leaves.")
    leaves, tag = [], tag_of(pad_key).hex()
    for each in sorted(shown):
        if not verify_inclusion(
            leaf_hash(each.contents), each.seq, head.size, path_of(each.seq, head.size), head.root
        ):
            raise ListError(f"Leaf {each.seq} is not in the log that the list has signed.")
        leaves.append(_leaf(each))
        if leaves[-1].tag != tag:
            raise ListError(f"Leaf {each.seq} is about somebody else.")
    if finding not in findings_of(leaves):
        raise ListError("The set says other than the log of the same person.")
    latest = {leaf.entry: leaf for leaf in leaves}
    stand = {leaf.member for leaf in latest.values() if EntryStatus(leaf.status) in STANDING}
    return HitProof(head.size, witnesses, tuple(latest), tuple(sorted(stand)))


def audit_set(leaves: Iterable[bytes], head: Checkpoint, content: ListedSet) -> AuditedSet:
    """Make the set's tags out of the log's leaves again, and compare.

    What the set says of a tag lies under a pad, so that is for whoever has a hit (`check_hit`);
    that it was put there with the tag's latest change is seen here.

    Args:
        leaves: the very bytes of all the leaves that the head tells of, in order.
    """
    tree = MerkleTree()
    latest: dict[int, int] = {}
    entries: dict[str, bool] = {}
    of_tag: dict[int, set[str]] = {}
    for seq, contents in enumerate(leaves):
        tree.extend([leaf_hash(contents)])
        if seq >= content.version:
            continue
        leaf = _leaf(ShownLeaf(seq, contents))
        key = key_of_tag(bytes.fromhex(leaf.tag))
        latest[key], entries[leaf.entry] = seq, EntryStatus(leaf.status) in STANDING
        of_tag.setdefault(key, set()).add(leaf.entry)
    wrong = []
    if (tree.size, tree.root()) != (head.size, head.root):
        wrong.append(f"The leaves are not those of the head of {head.size} leaves.")
    if content.version > head.size:
        wrong.append(f"The set is of {content.version} leaves, the head of {head.size}.")
    wanted = {key for key, named in of_tag.items() if any(entries[name] for name in named)}
    has = dict(zip(content.tags.tolist(), content.nonces.tolist(), strict=True))
    wrong += _told("in the set, but not in the log", has.keys() - wanted)
    wrong += _told("in the log, but not in the set", wanted - has.keys())
    old = {key for key in wanted & has.keys() if has[key] != latest[key]}
    wrong += _told("in the set as they were before their latest change", old)
    if len(has) != len(content.tags) or np.any(content.tags[1:] <= content.tags[:-1]):
        wrong.append("The set's tags are not in order, or there twice.")
    return AuditedSet(tree.size, len(has), tuple(wrong))


def _told(what: str, keys: Iterable[int]) -> list[str]:
    found = sorted(keys)
    if not found:
        return []
    named = ", ".join(f"{key:016x}" for key in found[:_NAMED])
    more = "" if len(found) <= _NAMED else ", …"
    return [f"{len(found)} tags are {what}: {named}{more}."]
