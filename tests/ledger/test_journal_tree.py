"""The tree over the journal's entries is RFC 6962's, however much is hashed at once."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.ledger.encoding import ENTRY_BYTES, PAGE_LEAVES
from tallystick.ledger.merkle import JournalTree, hashes_of_pages, leaves_of
from tallystick.ledger.sha256 import page_hashes
from tallystick.transparency.merkle import MerkleTree, verify_consistency, verify_inclusion

ENTRIES = 3000


@cache
def records() -> bytes:
    return random.Random(6962).randbytes(ENTRIES * ENTRY_BYTES)


def read(first: int, end: int) -> bytes:
    return records()[first * ENTRY_BYTES : end * ENTRY_BYTES]


@cache
def trees() -> tuple[JournalTree, MerkleTree]:
    ours = JournalTree()
    ours.append_records(records())
    return ours, MerkleTree(leaves_of(records()))


@pytest.mark.parametrize("pages", [1, 2, 11])
def test_compiled_hashing_gives_what_hashlib_gives(pages: int) -> None:
    some = records()[: pages * PAGE_LEAVES * ENTRY_BYTES]
    one_by_one = [
        hashes_of_pages(read(at, at + PAGE_LEAVES))[0] for at in range(0, pages * PAGE_LEAVES, 256)
    ]
    assert page_hashes(some) == hashes_of_pages(some) == one_by_one


@given(size=st.integers(1, ENTRIES))
def test_its_roots_are_those_of_a_tree_that_keeps_every_leaf(size: int) -> None:
    ours, plain = trees()
    assert ours.root(size, read) == plain.root(size)


@given(data=st.data())
def test_every_entry_is_proved_in_every_tree_that_has_it(data: st.DataObject) -> None:
    ours, plain = trees()
    size = data.draw(st.integers(1, ENTRIES))
    index = data.draw(st.integers(0, size - 1))
    path = ours.inclusion(index, size, read)
    assert verify_inclusion(plain.leaf(index), index, size, path, plain.root(size))


@given(data=st.data())
def test_every_tree_is_proved_to_continue_every_earlier_one(data: st.DataObject) -> None:
    ours, plain = trees()
    second = data.draw(st.integers(1, ENTRIES))
    first = data.draw(st.integers(1, second))
    path = ours.consistency(first, second, read)
    assert verify_consistency(first, plain.root(first), second, plain.root(second), path)


@given(cuts=st.lists(st.integers(1, 6), max_size=6))
def test_it_does_not_matter_in_which_parts_it_grew(cuts: list[int]) -> None:
    grown = JournalTree()
    for pages in cuts:
        first = grown.leaves
        grown.append_records(read(first, first + pages * PAGE_LEAVES + 17))
    if grown.leaves:
        assert grown.root(grown.leaves, read) == trees()[1].root(grown.leaves)
