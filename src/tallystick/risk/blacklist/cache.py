"""The list in memory: what the payment path asks, and the set that members copy.

Both follow the rows of `blacklist_listed`, leaf by leaf; nothing is read while nothing changes. A
base of sorted columns holds the bulk, a small overlay what has changed since.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_left
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.blacklist.model import ListedTag
from tallystick.risk.blacklist.protocol.listed import (
    Column64,
    Finding,
    ListedSet,
    bucket_bits,
    hide,
    key_of_tag,
)
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["ListCache", "Published"]

_CHUNK: Final = 500_000
_OVERLAY_MAX: Final = 16_384
_DISPUTED: Final = 0x80


class _Plain(NamedTuple):
    """What the keeper knows of a tag, by its own columns: the finding packed, and its time."""

    packed: int
    from_s: int
    until_s: int
    nonce: int
    hidden: int


class Published:
    """A version of the set as members copy it."""

    def __init__(self, content: ListedSet) -> None:
        self.content = content

    @cached_property
    def digest(self) -> bytes:
        """The SHA-256 of its bytes; computed when a copy is asked for."""
        return hashlib.sha256(self.content.to_bytes()).digest()


class _State(NamedTuple):
    """What is asked, replaced as one: sorted tags, their columns, and what changed since.

    Only `overlay` grows in place; a key there is set whole. `changed` are its keys in order.
    """

    tags: Column64
    columns: NDArray[np.uint32]
    overlay: dict[int, _Plain]
    changed: list[int]


def _no_state() -> _State:
    return _State(np.zeros(0, np.uint64), np.zeros((5, 0), np.uint32), {}, [])


class ListCache:
    """The materialised list; asked and refreshed by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stale = True
        self._leaf = -1
        self._state = _no_state()
        self._published: Published | None = None

    def tell(self) -> None:
        """Something has changed; the rows are read when they are next needed."""
        self._stale = True

    @property
    def empty(self) -> bool:
        """Whether nothing is listed, as far as was read."""
        return not self._state.overlay and not len(self._state.tags)

    @property
    def bits(self) -> int:
        """How many leading bits name a bucket, as far as was read."""
        return bucket_bits(len(self._state.tags) + len(self._state.overlay))

    @property
    def overgrown(self) -> bool:
        """Whether so much has changed that `merge` is worth its time."""
        return len(self._state.overlay) > _OVERLAY_MAX

    def rows_expected(self, bits: int) -> int:
        """How many rows a bucket named by so many bits has on average."""
        return (len(self._state.tags) + len(self._state.overlay)) >> bits

    def refresh(self, connection: Connection, *, merge: bool = True) -> None:
        """Take over what has changed since the last time.

        Args:
            merge: whether there is time to put what has changed into a large base.
        """
        if not self._stale:
            return
        with self._lock:
            self._stale = False
            try:
                self._follow(ReadSession(connection), merge=merge)
            except BaseException:
                self._stale = True
                raise

    def _follow(self, rows: ReadSession, *, merge: bool) -> None:
        while True:
            found = rows.query(
                ListedTag, "WHERE leaf > ? ORDER BY leaf LIMIT ?", (self._leaf, _CHUNK)
            )
            self._take(found, merge=merge)
            if len(found) < _CHUNK:
                return

    def _take(self, found: list[ListedTag], *, merge: bool) -> None:
        plains = {key_of_tag(row.tag): _plain(row) for row in found}
        overlay, changed = self._state.overlay, self._state.changed
        fresh = [key for key in plains if key not in overlay]
        overlay.update(plains)
        self._state = self._state._replace(changed=sorted([*changed, *fresh]))
        if found:
            self._leaf, self._published = found[-1].leaf, None
        if merge and self.overgrown:
            self._state = _merged(self._state)

    def merge(self) -> None:
        """Put what has changed into the base; who asks or tells does not wait for it."""
        with self._lock:
            before = self._state._replace(overlay=dict(self._state.overlay))
        merged = _merged(before)
        with self._lock:
            if self._state.tags is not before.tags:
                return  # Another has put them there.
            since = {
                key: plain
                for key, plain in self._state.overlay.items()
                if before.overlay.get(key) is not plain
            }
            self._state = merged._replace(overlay=since, changed=sorted(since))

    def find(self, tag: bytes, now_ms: int) -> Finding | None:
        """What is said of a tag now."""
        key, (tags, columns, overlay, _) = key_of_tag(tag), self._state
        plain = overlay.get(key)
        if plain is None:
            at = int(np.searchsorted(tags, np.uint64(key)))
            if at == len(tags) or int(tags[at]) != key:
                return None
            packed, from_s, until_s = (int(columns[n, at]) for n in range(3))
        else:
            packed, from_s, until_s = plain[:3]
        if not packed or not from_s <= now_ms // 1000 < until_s:
            return None
        severity, reason = packed >> 8, packed & 0xFF
        return Finding(severity & ~_DISPUTED, reason, bool(severity & _DISPUTED))

    def bucket(self, prefix: int, bits: int) -> ListedSet:
        """The rows whose tags begin with `bits` bits of `prefix`, with what changed since."""
        version, (tags, columns, overlay, changed) = self._leaf + 1, self._state
        base = ListedSet(version, tags, columns[3], columns[4]).bucket(prefix, bits)
        first = bisect_left(changed, prefix << (64 - bits))
        keys = changed[first : bisect_left(changed, (prefix + 1) << (64 - bits))]
        if not keys:
            return base
        kept = ~np.isin(base.tags, np.array(keys, np.uint64))
        said = [(key, plain) for key in keys if (plain := overlay[key]).packed]
        found = ListedSet(
            version,
            np.concatenate([base.tags[kept], np.array([key for key, _ in said], np.uint64)]),
            np.concatenate([base.nonces[kept], np.array([p.nonce for _, p in said], np.uint32)]),
            np.concatenate([base.hidden[kept], np.array([p.hidden for _, p in said], np.uint32)]),
        )
        order = np.argsort(found.tags, kind="stable")
        return ListedSet(
            version, found.tags[order], found.nonces[order], found.hidden[order]
        )  # fmt: skip

    def published(self, connection: Connection) -> Published:
        """The set as it is now; the same until something changes."""
        self.refresh(connection)
        with self._lock:
            if self._published is None:
                self._state = state = _merged(self._state)
                content = ListedSet(
                    self._leaf + 1, state.tags, state.columns[3], state.columns[4]
                )  # fmt: skip
                self._published = Published(content)
            return self._published


def _merged(state: _State) -> _State:
    """The overlay put into the base; what is said no more leaves it."""
    tags, columns, overlay, changed = state
    if not changed:
        return state
    keys = np.array(changed, np.uint64)
    fresh = np.array([overlay[key] for key in changed], np.uint32).T
    places = np.searchsorted(tags, keys)
    known = places < len(tags)
    known[known] = tags[places[known]] == keys[known]
    tags, columns = np.delete(tags, places[known]), np.delete(columns, places[known], axis=1)
    stands = fresh[0] != 0
    keys, fresh = keys[stands], fresh[:, stands]
    places = np.searchsorted(tags, keys)
    return _State(
        np.insert(tags, places, keys), np.insert(columns, places, fresh, axis=1), {}, []
    )  # fmt: skip


def _plain(row: ListedTag) -> _Plain:
    if not row.severity:
        return _Plain(0, 0, 0, row.leaf, 0)
    severity = row.severity | (_DISPUTED if row.disputed else 0)
    finding = Finding(row.severity, row.reason, row.disputed)
    return _Plain(
        severity << 8 | row.reason, row.from_ms // 1000, -(-row.until_ms // 1000), row.leaf,
        hide(finding, row.pad_key, row.leaf),
    )  # fmt: skip
