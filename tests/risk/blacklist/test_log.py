"""The log: every change is a leaf that a signed head proves, over many tiles."""

from __future__ import annotations

from tests.risk.blacklist.kept_list import PHONE, KeptList, member_caller

from tallystick.pipeline.commands import Request
from tallystick.risk.blacklist.log import consistency, inclusion, leaf_hashes
from tallystick.risk.blacklist.model import CosignHead, LogLeaf
from tallystick.risk.blacklist.views import cosigned_head, list_key
from tallystick.transparency.merkle import (
    MerkleTree,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from tallystick.transparency.notes import NoteKey, NoteSigner, cosign, open_checkpoint, read_note


def head_of(kept: KeptList) -> str:
    return kept.keeping.head(kept.rows)


def test_heads_prove_each_leaf_and_each_other_over_many_tiles(kept: KeptList) -> None:
    log = NoteKey.read(list_key(kept.rows).log_key)
    kept.publish()
    first = open_checkpoint(head_of(kept), log)
    requests = [
        Request.once(member_caller("alpha"), kept.claim(f"1390013{n:04d}")) for n in range(600)
    ]
    assert all(answer.refusal is None for answer in kept.together(requests))
    head = open_checkpoint(head_of(kept), log)
    assert (first.size, head.size) == (1, 601)
    leaves = kept.rows.select(LogLeaf)
    plain = MerkleTree(leaf_hash(leaf.contents) for leaf in leaves)
    assert head.root == plain.root()
    for at in (0, 255, 256, 511, 512, 600):
        proof = inclusion(kept.rows, at, 601)
        assert verify_inclusion(leaf_hash(leaves[at].contents), at, 601, proof, head.root)
    assert verify_consistency(1, first.root, 601, head.root, consistency(kept.rows, 1, 601))
    assert leaf_hashes(kept.rows, 250, 520) == [plain.leaf(at) for at in range(250, 520)]


def test_the_log_tells_no_pad_key_and_no_identifier(kept: KeptList) -> None:
    kept.publish()
    (leaf,) = kept.rows.select(LogLeaf)
    assert kept.pad_key(PHONE).hex().encode() not in leaf.contents
    assert PHONE.encode() not in leaf.contents


def test_a_witness_signs_beside_the_log_and_never_goes_back(kept: KeptList) -> None:
    witness = NoteSigner("beta.example", bytes(32), witness=True)
    kept.admit("beta", witness_key=witness.key.text)
    kept.publish()
    early = cosign(head_of(kept), witness, 1)
    kept.publish("13900139000")
    late = cosign(head_of(kept), witness, 2)
    beta = member_caller("beta")
    stranger = NoteSigner("beta.example", bytes([1] * 32), witness=True)
    wrong = cosign(head_of(kept), stranger, 2)
    assert kept.refuse(CosignHead(note=wrong), beta) == "BLACKLIST_COSIGNATURE_INVALID"
    assert kept.refuse(CosignHead(note="no note"), beta) == "INVALID_PARAMETER"
    assert kept.accept(CosignHead(note=late), beta).size == 2
    assert kept.refuse(CosignHead(note=early), beta) == "BLACKLIST_COSIGNATURE_INVALID"
    whole = cosigned_head(kept.rows, head_of(kept))
    assert witness.key.signed(read_note(whole)) == 2
