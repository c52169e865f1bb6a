"""A member's checks: a hit that the log does not bear out, and a set that is not the log's."""

from __future__ import annotations

import pytest
from tests.risk.blacklist.kept_list import PHONE, KeptList, member_caller

from tallystick.risk.blacklist.checking import (
    HitProof,
    NotWitnessedError,
    ShownLeaf,
    audit_set,
    check_hit,
    compare_notes,
    vouched_head,
)
from tallystick.risk.blacklist.errors import ListError
from tallystick.risk.blacklist.log import inclusion
from tallystick.risk.blacklist.model import (
    BlacklistEntry,
    DisputeEntry,
    DisputeGround,
    LogLeaf,
    WithdrawEntry,
)
from tallystick.risk.blacklist.protocol.listed import Finding, tag_of
from tallystick.risk.blacklist.views import list_key
from tallystick.transparency.notes import NoteKey, NoteSigner, cosign, write_note

WITNESS = NoteSigner("beta.example", bytes([7] * 32), witness=True)
OTHER = "13900139000"


class Asking:
    """What a member has in hands when it was told of a hit."""

    def __init__(self, kept: KeptList, *, cosigned: bool = True) -> None:
        self._kept = kept
        log = NoteKey.read(list_key(kept.rows).log_key)
        note = kept.keeping.head(kept.rows)
        heads = [note, cosign(note, WITNESS, 1)] if cosigned else [note]
        self.head, self.names = vouched_head(heads, log, [WITNESS.key], int(cosigned))

    def leaves(self, phone: str = PHONE) -> list[ShownLeaf]:
        """The leaves that the keeper shows."""
        rows, tag = self._kept.rows, tag_of(self._kept.pad_key(phone))
        entries = {entry.entry_id for entry in rows.select(BlacklistEntry, tag=tag)}
        return [
            ShownLeaf(leaf.seq, leaf.contents)
            for leaf in rows.select(LogLeaf)
            if leaf.entry_id in entries
        ]

    def check(self, finding: Finding, shown: list[ShownLeaf] | None = None) -> HitProof:
        """See what the leaves bear out about the phone."""
        return check_hit(
            finding, self._kept.pad_key(PHONE), self.leaves() if shown is None else shown,
            self.head, self.names, lambda leaf, size: inclusion(self._kept.rows, leaf, size),
        )  # fmt: skip


def test_a_hit_rests_on_leaves_under_a_head_that_a_witness_vouches_for(kept: KeptList) -> None:
    done = kept.publish()
    (said,) = kept.ask(PHONE)
    assert said is not None
    proof = Asking(kept).check(said)
    assert proof == HitProof(1, ("beta.example",), (done.entry_id,), ("alpha",))


def test_a_hit_that_the_keeper_has_invented_or_made_graver_is_not_believed(kept: KeptList) -> None:
    kept.publish()
    kept.publish(OTHER)
    asking, said = Asking(kept), Finding(2, 1, False)
    asking.check(said)
    (mine,) = asking.leaves()
    for finding, shown in (
        (said, []),
        (said, asking.leaves(OTHER)),
        (said, [mine._replace(contents=mine.contents.replace(b'"alpha"', b'"beta"'))]),
        (said, [mine._replace(seq=1)]),
        (said._replace(severity=3), None),
        (said._replace(reason=2), None),
        (said._replace(disputed=True), None),
    ):
        with pytest.raises(ListError):
            asking.check(finding, shown)


def test_a_hit_follows_what_became_of_its_entries(kept: KeptList) -> None:
    first = kept.publish(severity=3)
    kept.publish(by="beta", severity=1)
    Asking(kept).check(Finding(3, 1, False))
    kept.system(DisputeEntry(entry_id=first.entry_id, ground=DisputeGround.NOT_ME))
    (said,) = kept.ask(PHONE)
    assert said is not None
    asking = Asking(kept)
    assert asking.check(said).members == ("alpha", "beta")
    with pytest.raises(ListError, match="other than the log"):
        asking.check(Finding(3, 1, False))
    command = WithdrawEntry(entry_id=first.entry_id, because="over")
    kept.accept(command, member_caller("alpha"))
    assert Asking(kept).check(Finding(1, 1, False)).members == ("beta",)


def test_what_no_witness_has_seen_yet_is_not_proved(kept: KeptList) -> None:
    kept.publish()
    early = Asking(kept)
    kept.publish(by="beta")
    with pytest.raises(NotWitnessedError, match="younger"):
        early.check(Finding(2, 1, False))
    log = NoteKey.read(list_key(kept.rows).log_key)
    with pytest.raises(NotWitnessedError, match="1 witnesses"):
        vouched_head([kept.keeping.head(kept.rows)], log, [WITNESS.key], 1)
    stranger = NoteSigner("stranger.example", bytes([8] * 32), witness=True)
    note = cosign(kept.keeping.head(kept.rows), stranger, 1)
    with pytest.raises(NotWitnessedError):
        vouched_head([note], log, [WITNESS.key], 1)


def test_the_set_is_made_of_the_log_and_a_set_that_is_not_is_told(kept: KeptList) -> None:
    kept.publish()
    done = kept.publish(OTHER)
    kept.publish("13700137000")
    command = WithdrawEntry(entry_id=done.entry_id, because="over")
    kept.accept(command, member_caller("alpha"))
    leaves = [leaf.contents for leaf in kept.rows.select(LogLeaf)]
    head = Asking(kept, cosigned=False).head
    content = kept.keeping.published(kept.rows).content
    found = audit_set(leaves, head, content)
    assert (found.leaves, found.tags, found.wrong) == (4, 2, ())
    dropped = content._replace(
        tags=content.tags[1:], nonces=content.nonces[1:], hidden=content.hidden[1:]
    )
    added = content._replace(tags=content.tags + 1)
    old = content._replace(nonces=content.nonces - content.nonces)
    for spoilt, says in ((dropped, "in the log, but not in the set"),
                         (added, "in the set, but not in the log"),
                         (old, "before their latest change")):  # fmt: skip
        (sentence, *_) = audit_set(leaves, head, spoilt).wrong
        assert says in sentence
    changed = [leaves[0].replace(b'"alpha"', b'"beta"'), *leaves[1:]]
    (sentence,) = audit_set(changed, head, content).wrong
    assert "not those of the head" in sentence
    assert audit_set(leaves[:-1], head, content).wrong


def test_a_leaf_that_is_none_is_named(kept: KeptList) -> None:
    kept.publish()
    head = Asking(kept, cosigned=False).head
    with pytest.raises(ListError, match="Leaf 0"):
        audit_set([b"{}"], head, kept.keeping.published(kept.rows).content)


def test_two_sets_of_one_version_convict_the_list() -> None:
    log = NoteSigner("list.example", bytes([9] * 32))

    def note(version: int, digest: str, by: NoteSigner = log) -> str:
        text = f"{by.key.name}/set\n{version}\n{digest}\n"
        return write_note(text, by.signature(text))

    assert compare_notes(note(7, "a"), note(7, "b"), log.key) == (
        "list.example signed two different sets of 7 leaves."
    )
    assert compare_notes(note(7, "a"), note(7, "a"), log.key) == ""
    assert compare_notes(note(7, "a"), note(8, "b"), log.key) == ""
    liar = NoteSigner("list.example", bytes([8] * 32))
    head = "list.example\n7\nAAAA\n"
    for other in (note(7, "b", liar), "nothing", write_note(head, log.signature(head))):
        with pytest.raises(ListError):
            compare_notes(note(7, "a"), other, log.key)
