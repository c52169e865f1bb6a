"""The keys that sign heads: made when a database is set up, the private half sealed."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from tallystick.proofs.model import LedgerKey
from tallystick.store.connection import Connection
from tallystick.store.sealing import Sealer
from tallystick.transparency.notes import NoteKey, NoteSigner, write_note
from tallystick.verify import Head, Succession, head_text, read_key, succession_text

__all__ = [
    "PRIVATE", "SigningKey", "ensure_key", "new_key", "newest_key", "newest_key_id", "opened_key",
    "public_text", "signed_note", "succession_note",
]  # fmt: skip

PRIVATE: Final = "ledger_key.private"
"""What the private half is sealed for."""

_SEED_BYTES: Final = 32
_NEWEST: Final = (
    "SELECT key_id, name, private_sealed FROM ledger_key "
    "ORDER BY created_ms DESC, key_id DESC LIMIT 1"
)


class SigningKey(NamedTuple):
    """A key that is ready to sign."""

    key_id: str
    signer: NoteSigner


def new_key(sealer: Sealer, now_ms: int, name: str = "") -> LedgerKey:
    """A fresh key pair, by the name of the key that it follows if there is one."""
    key_id, seed = secrets.token_hex(4), secrets.token_bytes(_SEED_BYTES)
    name = name or f"tallystick/ledger/{key_id}"
    sealed = sealer.seal(PRIVATE, seed.hex())
    return LedgerKey(key_id, name, NoteSigner(name, seed).key.public, sealed, now_ms)


def ensure_key(connection: Connection, sealer: Sealer, now_ms: int) -> None:
    """Make a database's first key, if it has none."""
    if connection.execute(_NEWEST).fetchone() is not None:
        return
    # Processes that start together make one between them.
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute(_NEWEST).fetchone() is None:
            key = new_key(sealer, now_ms)
            connection.execute(
                "INSERT INTO ledger_key (key_id, name, public_key, private_sealed, created_ms) "
                "VALUES (?, ?, ?, ?, ?)",
                (key.key_id, key.name, key.public_key, key.private_sealed, key.created_ms),
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def newest_key(connection: Connection, sealer: Sealer) -> SigningKey | None:
    """The key that signs now; None where there is none.

    Raises:
        StoreError: it does not open with this master key.
    """
    row = connection.execute(_NEWEST).fetchone()
    return None if row is None else opened_key(row[0], row[1], bytes(row[2]), sealer)


def newest_key_id(connection: Connection) -> str:
    """Which key signs now; empty where there is none."""
    row = connection.execute(_NEWEST).fetchone()
    return "" if row is None else str(row[0])


def opened_key(key_id: str, name: str, private_sealed: bytes, sealer: Sealer) -> SigningKey:
    """A key from its row.

    Raises:
        StoreError: it does not open with this master key.
    """
    seed = bytes.fromhex(sealer.open(PRIVATE, private_sealed))
    return SigningKey(key_id, NoteSigner(name, seed))


def public_text(key: LedgerKey) -> str:
    """A key's public half, as it is handed to whoever checks."""
    return NoteKey(key.name, key.public_key).text


def signed_note(head: Head, key: SigningKey) -> str:
    """A head with its signature, as C2SP's signed notes are written."""
    text = head_text(head)
    return write_note(text, key.signer.signature(text))


def succession_note(old: SigningKey, new: SigningKey, after: int, now_ms: int) -> str:
    """The statement that a key follows another, with the signatures of both.

    Args:
        after: the journal's batch in which the last head of the old key ends.
    """
    before, since = (read_key(key.signer.key.text) for key in (old, new))
    text = succession_text(Succession(before, since, after, now_ms))
    return write_note(text, old.signer.signature(text), new.signer.signature(text))
