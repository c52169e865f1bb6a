"""Proofs: terms, rows, commands.

A *head* is the root of the Merkle tree over the first `size` entries, with the journal's batch
that they end in, signed. A *page* is the hash of 256 entries, kept for every whole page that a
head covers.
"""

from __future__ import annotations

from typing import NamedTuple

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "HeadSigned", "KeySuccession", "KeySucceeded", "LedgerKey", "Prepared", "SignTreeHead",
    "SucceedLedgerKey", "TreeHead", "TreePage",
]  # fmt: skip


class LedgerKey(Row, frozen=True):
    """An Ed25519 key pair that signs heads; the private half is sealed.

    Args:
        name: the name in its signatures, and the heads' origin.
    """

    key_id: str
    name: str
    public_key: bytes
    private_sealed: bytes
    created_ms: int


class KeySuccession(Row, frozen=True):
    """That a key follows another; `note` is the statement, signed by both."""

    number: int
    note: str
    created_ms: int


class TreeHead(Row, frozen=True):
    """A signed head; `note` is its text with the signature."""

    number: int
    size: int
    journal: int
    key_id: str
    note: str
    signed_ms: int


class TreePage(Row, frozen=True):
    """The hash of entries `256 * number` to `256 * number + 255`."""

    number: int
    hash: bytes


Table("ledger_key", LedgerKey, ("key_id",))
Table("ledger_succession", KeySuccession, ("number",))
Table("ledger_head", TreeHead, ("number",))
Table("ledger_page", TreePage, ("number",))


class Prepared(NamedTuple):
    """A head that could be signed now: all that it covers is durable.

    Args:
        pages: the hashes of all pages from the last signed head's on, and which that is.
    """

    size: int
    root: bytes
    journal: int
    journal_hash: bytes
    first_page: int
    pages: tuple[bytes, ...]


class SignTreeHead(Command, frozen=True, kw_only=True, tag="ledger.sign_head"):
    """Sign a head over what is durable; where nothing came since the last one, that one stays."""


class HeadSigned(Reply, frozen=True, kw_only=True):
    """The newest head."""

    number: int
    size: int
    journal: int
    key_id: str
    note: str
    signed_ms: int


class SucceedLedgerKey(Command, frozen=True, kw_only=True, tag="ledger.succeed_key"):
    """Have another key sign heads from here on; the old one signs that it does.

    Args:
        public_key: 32 bytes, Ed25519.
        private_sealed: its private half, sealed as `keys.PRIVATE`.
    """

    key_id: str
    public_key: bytes
    private_sealed: bytes


class KeySucceeded(Reply, frozen=True, kw_only=True):
    """The key that signs now, and the statement about it."""

    key_id: str
    public_key: str
    note: str
