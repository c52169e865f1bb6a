"""The Merkle tree of RFC 6962 (section 2.1): roots, inclusion and consistency proofs.

A tree is known by its size and by the hashes of its full subtrees, which never change once they
are there. `Subtree` gives one: level and number, where the subtree of level `k` and number `n` has
the leaves from `n << k` to `(n + 1) << k`. Proofs are in the order of RFC 9162, which verifies
them without knowing the tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

__all__ = [
    "EMPTY_ROOT", "HASH_BYTES", "MerkleTree", "Subtree", "consistency_proof", "inclusion_proof",
    "leaf_hash", "node_hash", "root_of", "verify_consistency", "verify_inclusion",
]  # fmt: skip

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""The hash of a full subtree by its level and number."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's contents."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node from its children's."""
    return hashlib.sha256(b"\1" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two that is smaller than a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(begin: int, end: int, subtree: Subtree) -> bytes:
    """The root over the leaves from `begin` to `end`, as the tree cuts them."""
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return subtree(level, begin >> level)
    middle = begin + _split(size)
    return node_hash(_range_root(begin, middle, subtree), _range_root(middle, end, subtree))


def root_of(size: int, subtree: Subtree) -> bytes:
    """The root of the tree's first `size` leaves."""
    assert size >= 0, size
    return _range_root(0, size, subtree) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """What proves that a leaf is in the tree of a size: the hashes beside its path, bottom up."""
    assert 0 <= index < size, (index, size)
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(begin, middle, subtree))
            begin = middle
    return path[::-1]


def consistency_proof(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """What proves that the tree of size `first` begins the one of size `second`."""
    assert 0 < first <= second, (first, second)
    begin, end, path, whole = 0, second, [], True
    while end != first:
        middle = begin + _split(end - begin)
        if first <= middle:
            path.append(_range_root(middle, end, subtree))
            end = middle
        else:
            path.append(_range_root(begin, middle, subtree))
            begin, whole = middle, False
    if not whole:
        path.append(_range_root(begin, end, subtree))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether a proof shows that a leaf's hash is at an index (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for beside in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a proof shows that one tree begins the other (RFC 9162, section 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if not 0 < first < second:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for beside in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, beside)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


class MerkleTree:
    """A tree in memory that only grows; about 64 bytes a leaf."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return len(self._levels[0]) // HASH_BYTES

    def copy(self) -> MerkleTree:
        """A tree of the same leaves that grows by itself."""
        made = MerkleTree()
        made._levels = [bytearray(level) for level in self._levels]
        return made

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes."""
        for leaf in leaves:
            assert len(leaf) == HASH_BYTES, len(leaf)
            self._add(leaf)

    def _add(self, found: bytes) -> None:
        for level in self._levels:
            level += found
            count = len(level) // HASH_BYTES
            if count & 1:
                return
            found = node_hash(bytes(level[-2 * HASH_BYTES : -HASH_BYTES]), found)
        self._levels.append(bytearray(found))

    def subtree(self, level: int, number: int) -> bytes:
        """The hash of a full subtree."""
        at = number * HASH_BYTES
        found = bytes(self._levels[level][at : at + HASH_BYTES])
        assert len(found) == HASH_BYTES, (level, number)
        return found

    def leaf(self, index: int) -> bytes:
        """A leaf's hash."""
        return self.subtree(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root of the whole tree, or of its first leaves."""
        return root_of(self.size if size is None else size, self.subtree)
