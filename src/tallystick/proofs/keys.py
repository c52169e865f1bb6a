"""The keys that sign heads: made when a database is set up, the private half sealed."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from tallystick.proofs.model import LedgerKey
from tallystick.store.connection import Connection
from tallystick.store.sealing import Sealer
from tallystick.transparency.notes import NoteKey, NoteSigner, write_note
from tallystick.verify import Head, head_text

__all__ = [
    "PRIVATE", "SigningKey", "ensure_key", "new_key", "newest_key", "public_text", "signed_note",
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


def new_key(sealer: Sealer, now_ms: int) -> LedgerKey:
    """A fresh key pair."""
    key_id, seed = secrets.token_hex(4), secrets.token_bytes(_SEED_BYTES)
    name = f"tallystick/ledger/{key_id}"
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
    if row is None:
        return None
    seed = bytes.fromhex(sealer.open(PRIVATE, bytes(row[2])))
    return SigningKey(row[0], NoteSigner(row[1], seed))


def public_text(key: LedgerKey) -> str:
    """A key's public half, as it is handed to whoever checks."""
    return NoteKey(key.name, key.public_key).text


def signed_note(head: Head, key: SigningKey) -> str:
    """A head with its signature, as C2SP's signed notes are written."""
    text = head_text(head)
    return write_note(text, key.signer.signature(text))
