"""SHA-256 of many entries at once: compiled, a lane for each message.

Python's own hashing costs about half a microsecond a call, most of it the call's. Here 256
messages go through each round together, which the compiler turns into vector instructions. Used
where thousands of entries are hashed; `hashlib` says the same of one (FIPS 180-4).
"""

from __future__ import annotations

from functools import cache, partial
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.ledger.compiled import compiled
from tallystick.ledger.encoding import ENTRY_BYTES, PAGE_LEAVES

__all__ = ["page_hashes"]

U32 = npt.NDArray[np.uint32]

_RECORD_WORDS = ENTRY_BYTES // 4
_LEAF_BITS = 8 * (1 + ENTRY_BYTES)
_NODE_BITS = 8 * 65
_PAGES_AT_ONCE = 16
_ZERO = np.uint32(0)


def _cube_root(number: int) -> int:
    low, high = 0, 1 << 40
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


@cache
def _constants() -> tuple[U32, U32]:
    """The round constants and the first state: roots of the first primes, by their definition."""
    primes: list[int] = []
    number = 2
    while len(primes) < 64:
        if all(number % p for p in primes):
            primes.append(number)
        number += 1
    mask = 0xFFFFFFFF
    rounds = [_cube_root(p << 96) & mask for p in primes]
    return (
        np.array(rounds, np.uint32),
        np.array([isqrt(p << 64) & mask for p in primes[:8]], np.uint32),
    )


@compiled
def _rotated(x: Any, count: Any) -> Any:
    return np.uint32((x >> np.uint32(count)) | (x << np.uint32(32 - count)))


@compiled
def _swapped(x: Any) -> Any:
    """A word of network byte order, read on a machine that has the other."""
    return np.uint32(
        (x << np.uint32(24))
        | ((x & np.uint32(0xFF00)) << np.uint32(8))
        | ((x >> np.uint32(8)) & np.uint32(0xFF00))
        | (x >> np.uint32(24))
    )


@compiled
def _compress(constants: Any, words: Any, work: Any, state: Any, lanes: int) -> None:
    """Take one block of each lane into its state.

    Args:
        words: 64 rows of lanes; the first 16 are the block.
        work: 8 rows of lanes to work in.
    """
    for t in range(16, 64):
        w2, w7, w15, w16, wt = words[t - 2], words[t - 7], words[t - 15], words[t - 16], words[t]
        for i in range(lanes):
            x, y = w15[i], w2[i]
            s0 = _rotated(x, 7) ^ _rotated(x, 18) ^ (x >> np.uint32(3))
            s1 = _rotated(y, 17) ^ _rotated(y, 19) ^ (y >> np.uint32(10))
            wt[i] = np.uint32(w16[i] + s0 + w7[i] + s1)
    for row in range(8):
        for i in range(lanes):
            work[row, i] = state[row, i]
    for t in range(64):
        # The eight variables move one place each round; here their rows do.
        a, b, c, d = work[-t & 7], work[(1 - t) & 7], work[(2 - t) & 7], work[(3 - t) & 7]
        e, f, g, h = work[(4 - t) & 7], work[(5 - t) & 7], work[(6 - t) & 7], work[(7 - t) & 7]
        wt, constant = words[t], constants[t]
        for i in range(lanes):
            x, y = e[i], a[i]
            s1 = _rotated(x, 6) ^ _rotated(x, 11) ^ _rotated(x, 25)
            chosen = g[i] ^ (x & (f[i] ^ g[i]))
            first = np.uint32(h[i] + s1 + chosen + constant + wt[i])
            s0 = _rotated(y, 2) ^ _rotated(y, 13) ^ _rotated(y, 22)
            majority = (y & b[i]) | (c[i] & (y | b[i]))
            d[i] = np.uint32(d[i] + first)
            h[i] = np.uint32(first + s0 + majority)
    for row in range(8):
        for i in range(lanes):
            state[row, i] = np.uint32(state[row, i] + work[row, i])


@compiled
def _begin(first_state: Any, state: Any, lanes: int) -> None:
    for row in range(8):
        for i in range(lanes):
            state[row, i] = first_state[row]


@compiled
def _leaves(
    constants: Any, first_state: Any, records: Any, words: Any, work: Any, state: Any, lanes: int
) -> None:
    """Into `state`: the leaf hashes of a page's records, whose words are as they lie in memory."""
    _begin(first_state, state, lanes)
    for block in range(3):
        for row in range(16):
            at = 16 * block + row
            for i in range(lanes):
                # A byte 0 goes before the record, so that all words are moved by a byte.
                before = _swapped(records[i, at - 1]) << np.uint32(24) if 0 < at <= 30 else _ZERO
                here = _swapped(records[i, at]) >> np.uint32(8) if at < 30 else _ZERO
                words[row, i] = np.uint32(before | here)
            if at == 30:
                for i in range(lanes):
                    words[row, i] |= np.uint32(0x800000)
            elif at == 47:
                for i in range(lanes):
                    words[row, i] = np.uint32(_LEAF_BITS)
        _compress(constants, words, work, state, lanes)


@compiled
def _pairs(
    constants: Any, first_state: Any, nodes: Any, words: Any, work: Any, state: Any, first: int,
    lanes: int,
) -> None:  # fmt: skip
    """Into `state`: the hashes of pairs of neighbours in `nodes`, from pair `first` on."""
    _begin(first_state, state, lanes)
    for row in range(16):
        for i in range(lanes):
            left, right = 2 * (first + i), 2 * (first + i) + 1
            # A byte 1 goes before the two hashes.
            if row == 0:
                before = np.uint32(1)
            elif row <= 8:
                before = nodes[row - 1, left]
            else:
                before = nodes[row - 9, right]
            here = nodes[row, left] if row < 8 else nodes[row - 8, right]
            words[row, i] = np.uint32((before << np.uint32(24)) | (here >> np.uint32(8)))
    _compress(constants, words, work, state, lanes)
    for row in range(16):
        for i in range(lanes):
            words[row, i] = np.uint32(0)
    for i in range(lanes):
        last = nodes[7, 2 * (first + i) + 1]
        words[0, i] = np.uint32((last << np.uint32(24)) | np.uint32(0x800000))
        words[15, i] = np.uint32(_NODE_BITS)
    _compress(constants, words, work, state, lanes)


@compiled
def _keep(state: Any, nodes: Any, first: int, lanes: int) -> None:
    for row in range(8):
        for i in range(lanes):
            nodes[row, first + i] = state[row, i]


@partial(compiled, alone=False)
def _pages(
    constants: Any, first_state: Any, records: Any, words: Any, work: Any, state: Any, nodes: Any
) -> None:
    """Into the first lanes of `nodes`: the hash of each page's whole subtree.

    Few lanes cost nearly as much as many, so several pages go up the tree together.
    """
    pages, width = records.shape[0], words.shape[1]
    for page in range(pages):
        _leaves(constants, first_state, records[page], words, work, state, width)
        _keep(state, nodes, page * width, width)
    left = pages * width
    while left > pages:
        left //= 2
        for first in range(0, left, width):
            lanes = min(width, left - first)
            _pairs(constants, first_state, nodes, words, work, state, first, lanes)
            _keep(state, nodes, first, lanes)


def page_hashes(records: bytes) -> list[bytes]:
    """The hash of each page of `PAGE_LEAVES` records, whose number is a multiple of that."""
    constants, first_state = _constants()
    words = np.empty((64, PAGE_LEAVES), np.uint32)
    work, state = (np.empty((8, PAGE_LEAVES), np.uint32) for _ in range(2))
    nodes = np.empty((8, _PAGES_AT_ONCE * PAGE_LEAVES), np.uint32)
    pages = np.frombuffer(records, np.uint32).reshape(-1, PAGE_LEAVES, _RECORD_WORDS)
    found: list[bytes] = []
    for first in range(0, len(pages), _PAGES_AT_ONCE):
        part = pages[first : first + _PAGES_AT_ONCE]
        _pages(constants, first_state, part, words, work, state, nodes)
        hashes = nodes[:, : len(part)].T.astype(">u4")
        found += [row.tobytes() for row in hashes]
    return found
