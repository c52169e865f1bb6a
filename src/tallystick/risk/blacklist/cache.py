"""The list in memory: what the payment path asks, and the set that members copy.

Both follow the rows of `blacklist_listed`, leaf by leaf; nothing is read while nothing changes. A
base of sorted columns holds the bulk, a small overlay what has changed since.
"""

from __future__ import annotations

import hashlib
import threading
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.blacklist.model import LIST_KEY, ListedTag, ListKey
from tallystick.risk.blacklist.protocol.listed import Finding, ListedSet, hide, key_of_tag
from tallystick.store.connection import Connection
from tallystick.store.rows import ReadSession

__all__ = ["ListCache", "Published"]

_CHUNK: Final = 100_000
_OVERLAY_MAX: Final = 65_536
_DISPUTED: Final = 0x80


class _Plain(NamedTuple):
    """What the keeper knows of a tag, by its own columns: the finding packed, and its time."""

    packed: int
    from_s: int
    until_s: int
    nonce: int
    hidden: int


class Published(NamedTuple):
    """A version of the set as members copy it, and the SHA-256 of its bytes."""

    content: ListedSet
    digest: bytes


class ListCache:
    """The materialised list; asked and refreshed by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stale = True
        self._leaf = -1
        self._tags = np.zeros(0, np.uint64)
        self._columns: NDArray[np.uint32] = np.zeros((5, 0), np.uint32)
        self._overlay: dict[int, _Plain] = {}
        self._published: Published | None = None

    def tell(self) -> None:
        """Something has changed; the rows are read when they are next needed."""
        self._stale = True

    @property
    def empty(self) -> bool:
        """Whether nothing is listed, as far as was read."""
        return not self._overlay and not len(self._tags)

    def refresh(self, connection: Connection) -> None:
        """Take over what has changed since the last time."""
        if not self._stale:
            return
        with self._lock:
            self._stale = False
            rows = ReadSession(connection)
            while True:
                found = rows.query(
                    ListedTag, "WHERE leaf > ? ORDER BY leaf LIMIT ?", (self._leaf, _CHUNK)
                )
                for row in found:
                    self._overlay[key_of_tag(row.tag)] = _plain(row)
                if found:
                    self._leaf = found[-1].leaf
                    self._published = None
                if len(self._overlay) > _OVERLAY_MAX:
                    self._merge()
                if len(found) < _CHUNK:
                    return

    def _merge(self) -> None:
        """Put the overlay into the base; what is said no more leaves it."""
        keys = np.fromiter(self._overlay, np.uint64, len(self._overlay))
        fresh = np.array([tuple(p) for p in self._overlay.values()], np.uint32).T.reshape(5, -1)
        kept = ~np.isin(self._tags, keys)
        tags = np.concatenate([self._tags[kept], keys])
        columns = np.concatenate([self._columns[:, kept], fresh], axis=1)
        stands = columns[0] != 0
        tags, columns = tags[stands], columns[:, stands]
        order = np.argsort(tags, kind="stable")
        self._tags, self._columns, self._overlay = tags[order], columns[:, order], {}

    def find(self, tag: bytes, now_ms: int) -> Finding | None:
        """What is said of a tag now."""
        key = key_of_tag(tag)
        plain = self._overlay.get(key)
        if plain is None:
            tags, columns = self._tags, self._columns
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

    def published(self, connection: Connection) -> Published:
        """The set as it is now; the same until something changes."""
        self.refresh(connection)
        with self._lock:
            if self._published is None:
                self._merge()
                key = ReadSession(connection).get(ListKey, LIST_KEY)
                version = key.size if key is not None else 0
                content = ListedSet(version, self._tags, self._columns[3], self._columns[4])
                digest = hashlib.sha256(content.to_bytes()).digest()
                self._published = Published(content, digest)
            return self._published


def _plain(row: ListedTag) -> _Plain:
    if not row.severity:
        return _Plain(0, 0, 0, row.leaf, 0)
    severity = row.severity | (_DISPUTED if row.disputed else 0)
    finding = Finding(row.severity, row.reason, row.disputed)
    return _Plain(
        severity << 8 | row.reason, row.from_ms // 1000, -(-row.until_ms // 1000), row.leaf,
        hide(finding, row.pad_key, row.leaf),
    )  # fmt: skip
