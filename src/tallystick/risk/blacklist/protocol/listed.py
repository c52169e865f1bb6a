"""The set that is asked, as columns: sorted tags, and what each comes to behind a pad.

A tag is shortened to its first 64 bits. What the set says of it is four bytes under a pad that
only the function's output gives, so a copy of the whole set tells nothing of a person for whom
nobody has asked. Two of a hundred thousand by ten million tags meet by chance with a probability
of less than one in ten million; a check byte under the pad leaves one in 256 of those.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BITS_MAX", "BUCKET_MIN", "Column32", "Column64", "Finding", "ListedSet", "PrivateSetError",
    "bucket_bits", "hide", "key_of_tag", "pad_key_of", "reveal", "tag_of",
]  # fmt: skip

BUCKET_MIN: Final = 128
"""How many tags a bucket has on average at least, so that asking for one hides whom it is for."""

BITS_MAX: Final = 24
"""Into how many buckets the set is cut at most, as bits."""
_CHECK: Final = 0xA5
_DISPUTED: Final = 0x80
_MAGIC: Final = b"TSBLSET1"

Column64 = NDArray[np.uint64]
Column32 = NDArray[np.uint32]


class PrivateSetError(ValueError):
    """A file that is no set, or is cut off."""


class Finding(NamedTuple):
    """What is said of an identifier: severity 1 to 3, the reason's number, and a dispute."""

    severity: int
    reason: int
    disputed: bool


def pad_key_of(output: bytes) -> bytes:
    """The pad key of an identifier, from the function's output for it: 32 bytes."""
    return output[:32]


def tag_of(pad_key: bytes) -> bytes:
    """The tag that goes with a pad key: 32 bytes that do not tell it."""
    return hashlib.sha256(b"tallystick.blacklist.tag\0" + pad_key).digest()


def key_of_tag(tag: bytes) -> int:
    """The 64 bits under which the set has a tag."""
    return int.from_bytes(tag[:8], "big")


def _pad(pad_key: bytes, nonce: int) -> int:
    digest = hmac.digest(pad_key, nonce.to_bytes(4, "big"), hashlib.sha256)
    return int.from_bytes(digest[:4], "big")


def hide(finding: Finding, pad_key: bytes, nonce: int) -> int:
    """A finding under its pad; a nonce is used once for a tag."""
    severity = finding.severity | (_DISPUTED if finding.disputed else 0)
    plain = severity << 24 | finding.reason << 16 | _CHECK << 8
    return plain ^ _pad(pad_key, nonce)


def reveal(hidden: int, pad_key: bytes, nonce: int) -> Finding | None:
    """The finding, or None when the pad is another tag's or nothing is said any more."""
    plain = hidden ^ _pad(pad_key, nonce)
    severity, reason, check, rest = plain.to_bytes(4, "big")
    if check != _CHECK or rest or not severity & ~_DISPUTED:
        return None
    return Finding(severity & ~_DISPUTED, reason, bool(severity & _DISPUTED))


def bucket_bits(count: int) -> int:
    """Into how many buckets (as bits) so many tags are cut."""
    return min(BITS_MAX, max(0, (count // BUCKET_MIN).bit_length() - 1))


class ListedSet(NamedTuple):
    """A version of the set: columns of equal length, in the order of the tags."""

    version: int
    tags: Column64
    nonces: Column32
    hidden: Column32

    @classmethod
    def empty(cls) -> ListedSet:
        """Of no tags."""
        return cls(0, np.zeros(0, np.uint64), np.zeros(0, np.uint32), np.zeros(0, np.uint32))

    @property
    def bits(self) -> int:
        """How many leading bits of a tag name its bucket."""
        return bucket_bits(len(self.tags))

    def bucket(self, prefix: int, bits: int) -> ListedSet:
        """The tags that begin with `bits` bits of `prefix`."""
        if bits == 0:
            return self
        shift = np.uint64(64 - bits)
        first = np.searchsorted(self.tags, np.uint64(prefix) << shift)
        if prefix + 1 == 1 << bits:
            last: int | np.intp = len(self.tags)
        else:
            last = np.searchsorted(self.tags, np.uint64(prefix + 1) << shift)
        cut = slice(int(first), int(last))
        return self._replace(
            tags=self.tags[cut], nonces=self.nonces[cut], hidden=self.hidden[cut]
        )  # fmt: skip

    def find(self, output: bytes) -> Finding | None:
        """What is said of the identifier with this output of the function (64 bytes)."""
        pad_key = pad_key_of(output)
        key = np.uint64(key_of_tag(tag_of(pad_key)))
        at = int(np.searchsorted(self.tags, key))
        if at == len(self.tags) or self.tags[at] != key:
            return None
        return reveal(int(self.hidden[at]), pad_key, int(self.nonces[at]))

    def find_many(self, outputs: list[bytes]) -> dict[int, Finding]:
        """The findings of many outputs, by their place."""
        if not outputs or not len(self.tags):
            return {}
        pads = [pad_key_of(output) for output in outputs]
        keys = np.frombuffer(b"".join(tag_of(p)[:8] for p in pads), ">u8").astype(np.uint64)
        order = np.argsort(keys, kind="stable")  # In order, each look-up lands near the last.
        places = np.empty(len(keys), np.int64)
        places[order] = np.searchsorted(self.tags, keys[order])
        places[places == len(self.tags)] = 0
        found = {}
        for at in np.flatnonzero(self.tags[places] == keys):
            place = int(places[at])
            finding = reveal(int(self.hidden[place]), pads[at], int(self.nonces[place]))
            if finding is not None:
                found[int(at)] = finding
        return found

    def to_bytes(self) -> bytes:
        """The set as it is sent: version, length, then the columns, little-endian."""
        head = _MAGIC + self.version.to_bytes(8, "little") + len(self.tags).to_bytes(8, "little")
        columns = (
            self.tags.astype("<u8"), self.nonces.astype("<u4"), self.hidden.astype("<u4"),
        )  # fmt: skip
        return head + b"".join(column.tobytes() for column in columns)

    @classmethod
    def from_bytes(cls, data: bytes | memoryview | np.memmap) -> ListedSet:
        """A set that was sent, without copying it.

        Raises:
            PrivateSetError: it is none, or is cut off.
        """
        if len(data) < 24 or bytes(data[:8]) != _MAGIC:
            raise PrivateSetError("this is no blacklist set")
        version = int.from_bytes(bytes(data[8:16]), "little")
        count = int.from_bytes(bytes(data[16:24]), "little")
        if len(data) != 24 + 16 * count:
            raise PrivateSetError("the set is cut off")
        tags = np.frombuffer(data, "<u8", count, 24)
        nonces = np.frombuffer(data, "<u4", count, 24 + 8 * count)
        hidden = np.frombuffer(data, "<u4", count, 24 + 12 * count)
        return cls(version, tags, nonces, hidden)

    @classmethod
    def open(cls, path: Path) -> ListedSet:
        """A set in a file, mapped: what is not looked at is not read."""
        if path.stat().st_size < 24:
            raise PrivateSetError("this is no blacklist set")
        return cls.from_bytes(np.memmap(path, np.uint8, "r"))
