"""The Merkle tree over the journal's entries, kept by pages.

A leaf is the 120-byte record of an entry, at the entry's number. Of every page of 256 leaves the
tree keeps one hash, and what follows from those: two hashes for 256 entries, 2.5 MB for ten
million. What lies within a page is worked out again from its records when a proof needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from tallystick.ledger.encoding import ENTRY_BYTES, PAGE_LEAVES
from tallystick.transparency.merkle import (
    MerkleTree,
    Subtree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)

__all__ = ["JournalTree", "Records", "hashes_of_pages", "leaves_of"]

_PAGE_LEVEL = PAGE_LEAVES.bit_length() - 1
_PAGE_BYTES = PAGE_LEAVES * ENTRY_BYTES
_COMPILED_FROM = 8
# Loading numba would hold up a server that posts in ones for longer than hashing takes it.
_LOADED_FROM = 4_096

Records = Callable[[int, int], bytes]
"""Gives the joined records of entries from one number up to another."""


def leaves_of(records: bytes) -> list[bytes]:
    """The leaf hashes of joined records."""
    return [leaf_hash(records[at : at + ENTRY_BYTES]) for at in range(0, len(records), ENTRY_BYTES)]


def _complete(hashes: Sequence[bytes]) -> bytes:
    """The hash of a complete subtree over these, a power of two in number."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def hashes_of_pages(records: bytes) -> list[bytes]:
    """The hash of each page of joined records, which are whole pages."""
    least = _COMPILED_FROM if "numba" in sys.modules else _LOADED_FROM
    if len(records) < least * _PAGE_BYTES:
        ends = range(0, len(records), _PAGE_BYTES)
        return [_complete(leaves_of(records[at : at + _PAGE_BYTES])) for at in ends]
    from tallystick.ledger.sha256 import page_hashes

    return page_hashes(records)


class JournalTree:
    """The tree over one journal's entries; it grows by whole pages."""

    def __init__(self) -> None:
        self._pages = MerkleTree()

    @property
    def pages(self) -> int:
        """How many whole pages it has."""
        return self._pages.size

    @property
    def leaves(self) -> int:
        """How many leaves those are."""
        return self.pages * PAGE_LEAVES

    def page(self, number: int) -> bytes:
        """The hash of a page."""
        return self._pages.leaf(number)

    def extend(self, pages: Iterable[bytes]) -> None:
        """Add pages by their hashes."""
        self._pages.extend(pages)

    def append_records(self, records: bytes) -> None:
        """Add the whole pages at the begin of joined records that follow the last page."""
        self.extend(hashes_of_pages(records[: len(records) // _PAGE_BYTES * _PAGE_BYTES]))

    def _subtree(self, size: int, records: Records) -> Subtree:
        """The tree's full subtrees; those within a page from its records, a page read once."""
        read: dict[int, list[bytes]] = {}

        def subtree(level: int, number: int) -> bytes:
            if level >= _PAGE_LEVEL:
                return self._pages.subtree(level - _PAGE_LEVEL, number)
            first, end = number << level, (number + 1) << level
            page = first // PAGE_LEAVES
            start = page * PAGE_LEAVES
            if page not in read:
                read[page] = leaves_of(records(start, min(start + PAGE_LEAVES, size)))
            return _complete(read[page][first - start : end - start])

        return subtree

    def root(self, size: int, records: Records) -> bytes:
        """The root over the first `size` entries, whose whole pages are in the tree.

        Args:
            records: gives what follows the last whole page.
        """
        return root_of(size, self._subtree(size, records))

    def inclusion(self, index: int, size: int, records: Records) -> list[bytes]:
        """The path from an entry to the root over the first `size`."""
        return inclusion_proof(index, size, self._subtree(size, records))

    def consistency(self, first: int, second: int, records: Records) -> list[bytes]:
        """The path between the roots over the first and the second number of entries."""
        if first in (0, second):
            return []
        return consistency_proof(first, second, self._subtree(second, records))
