"""The list's log: leaves that are only added, the tree over them as tiles, and signed heads.

Tiles are those of C2SP's tlog-tiles: 256 hashes each, of the leaves and of every eighth level of
the tree above them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from tallystick.risk.blacklist.model import LIST_KEY, ListKey, LogLeaf, Tile
from tallystick.store.rows import Rows
from tallystick.store.unit_of_work import UnitOfWork
from tallystick.transparency.merkle import (
    HASH_BYTES,
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from tallystick.transparency.notes import Checkpoint, NoteSigner, write_note

__all__ = ["append_leaf", "consistency", "inclusion", "leaf_hashes", "signed_head", "subtree_of"]

_WIDTH_BITS: Final = 8
_WIDTH: Final = 1 << _WIDTH_BITS


def _folded(hashes: bytes) -> bytes:
    """The root over a power of two of hashes."""
    level = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def append_leaf(uow: UnitOfWork, seq: int, entry_id: str, contents: bytes) -> None:
    """Add a leaf; every tile that it fills gives one hash to the tile above."""
    uow.put(LogLeaf(seq, entry_id, contents))
    found, number, level = leaf_hash(contents), seq, 0
    while True:
        tile = uow.get(Tile, level, number >> _WIDTH_BITS)
        hashes = (tile.hashes if tile is not None else b"") + found
        assert len(hashes) == (number % _WIDTH + 1) * HASH_BYTES, (level, number)
        uow.put(Tile(level, number >> _WIDTH_BITS, hashes))
        if len(hashes) < _WIDTH * HASH_BYTES:
            return
        found, number, level = _folded(hashes), number >> _WIDTH_BITS, level + 1


def subtree_of(rows: Rows) -> Subtree:
    """The hashes of the tree's full subtrees, read from the tiles."""

    @lru_cache(maxsize=256)
    def tile(level: int, number: int) -> bytes:
        found = rows.get(Tile, level, number)
        return b"" if found is None else found.hashes

    def subtree(level: int, number: int) -> bytes:
        above, within = divmod(level, _WIDTH_BITS)
        first = number << within
        hashes = tile(above, first >> _WIDTH_BITS)
        at = first % _WIDTH * HASH_BYTES
        part = hashes[at : at + (HASH_BYTES << within)]
        assert len(part) == HASH_BYTES << within, (level, number)
        return _folded(part)

    return subtree


def signed_head(rows: Rows, signer: NoteSigner) -> str:
    """The log's head as a signed checkpoint. Of one size it is always the same."""
    key = rows.get(ListKey, LIST_KEY)
    assert key is not None
    root = root_of(key.size, subtree_of(rows))
    text = Checkpoint(key.origin, key.size, root).text
    return write_note(text, signer.signature(text))


def _proved(
    rows: Rows, proof: Callable[[int, int, Subtree], list[bytes]], at: int, size: int
) -> list[bytes]:
    return proof(at, size, subtree_of(rows))


def inclusion(rows: Rows, leaf: int, size: int) -> list[bytes]:
    """What proves that a leaf is in the log of a size."""
    return _proved(rows, inclusion_proof, leaf, size)


def consistency(rows: Rows, first: int, second: int) -> list[bytes]:
    """What proves that the log of one size begins the one of another."""
    return _proved(rows, consistency_proof, first, second)


def leaf_hashes(rows: Rows, begin: int, end: int) -> list[bytes]:
    """The hashes of leaves, from `begin` to before `end`."""
    found: list[bytes] = []
    for number in range(begin >> _WIDTH_BITS, (max(begin, end - 1) >> _WIDTH_BITS) + 1):
        tile = rows.get(Tile, 0, number)
        hashes = tile.hashes if tile is not None else b""
        found += [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    first = begin >> _WIDTH_BITS << _WIDTH_BITS
    return found[begin - first : end - first]
