"""The Merkle tree: known roots, and proofs that hold for the truth and nothing else."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tallystick.transparency.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots with which Certificate Transparency's implementations are tested.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


def tree_of(leaves: list[bytes]) -> MerkleTree:
    return MerkleTree(leaf_hash(leaf) for leaf in leaves)


def test_known_roots() -> None:
    tree = tree_of(LEAVES)
    assert tree.root(0) == EMPTY_ROOT
    for size, root in ROOTS.items():
        assert tree.root(size).hex() == root


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_the_root_is_that_of_the_definition_at_every_size(leaves: list[bytes]) -> None:
    tree = tree_of(leaves)
    assert tree.root() == plain_root(leaves)
    half = len(leaves) // 2
    assert tree.root(half) == plain_root(leaves[:half])


def test_every_inclusion_proof_holds_for_its_leaf_and_no_other() -> None:
    tree = tree_of([bytes([n]) for n in range(20)])
    for size in range(1, 21):
        for index in range(size):
            proof = inclusion_proof(index, size, tree.subtree)
            assert verify_inclusion(tree.leaf(index), index, size, proof, tree.root(size))
            assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, tree.root(size))
            assert (
                not verify_inclusion(
                    tree.leaf(index), (index + 1) % size, size, proof, tree.root(size)
                )
                or size == 1
            )
            assert not verify_inclusion(
                tree.leaf(index), index, size, [*proof, bytes(32)], tree.root(size)
            )  # fmt: skip


def test_every_consistency_proof_holds_for_its_trees_and_no_other() -> None:
    tree = tree_of([bytes([n]) for n in range(20)])
    changed = tree_of([b"changed", *(bytes([n]) for n in range(1, 20))])
    for second in range(1, 21):
        for first in range(1, second + 1):
            proof = consistency_proof(first, second, tree.subtree)
            roots = tree.root(first), tree.root(second)
            assert verify_consistency(first, roots[0], second, roots[1], proof)
            assert not verify_consistency(first, changed.root(first), second, roots[1], proof)
            assert not verify_consistency(first, roots[0], second, changed.root(second), proof)
            assert not verify_consistency(first, roots[0], second, roots[1], [*proof, bytes(32)])
            if proof:
                assert not verify_consistency(first, roots[0], second, roots[1], proof[:-1])
