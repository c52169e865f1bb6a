"""Personal data and secrets at rest: sealed with AES-256-GCM, found by a keyed digest.

The master key lies outside the data folder, so that a copy of the folder tells nothing. Keys
for each purpose are derived from it (HKDF-SHA256, RFC 5869).
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.store.connection import Connection, StoreError

__all__ = [
    "CHECK",
    "LASTING",
    "Sealer",
    "check_of",
    "key_fits",
    "load_master_key",
    "open_sealer",
    "pending_key_path",
]

_KEY_BYTES = 32
_NONCE_BYTES = 12

CHECK: Final = "master_key.check"
"""The setting that says, without telling it, which master key a database is sealed with."""

LASTING: Final = "master_key.lasting"
"""The setting with the sealed key of lasting digests; there since the first rotation."""


def load_master_key(path: Path, *, may_create: bool) -> bytes:
    """Read the master key (64 hex digits); make it, readable by its owner alone, if allowed.

    Raises:
        StoreError: it is missing and may not be made, or it is not a key.
    """
    if not path.exists():
        if not may_create:
            raise StoreError(
                f"The master key {path} is missing; without it the sealed data cannot be read."
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(os.urandom(_KEY_BYTES).hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"The master key {path} cannot be written: {error.strerror}."
            ) from error
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise StoreError(f"The master key {path} cannot be read: {error}.") from error
    if len(key) != _KEY_BYTES:
        raise StoreError(f"The master key {path} is not 32 bytes of hex.")
    return key


def _derive(root: bytes, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode())
    return hkdf.derive(root)


class Sealer:
    """Seals and opens values, each bound to a purpose (`party.name`).

    Args:
        lasting_key: what lasting digests are keyed with; the master key unless given. A rotation
            of the master key cannot make those anew, because nobody has their texts.
    """

    def __init__(self, master_key: bytes, lasting_key: bytes | None = None) -> None:
        self._master_key = master_key
        self.lasting_key = lasting_key or master_key
        self._derived: dict[str, bytes] = {}
        self._lasting: dict[str, bytes] = {}

    def _key(self, purpose: str) -> bytes:
        key = self._derived.get(purpose)
        if key is None:
            key = self._derived[purpose] = _derive(self._master_key, purpose)
        return key

    def seal(self, purpose: str, value: str, nonce: bytes | None = None) -> bytes:
        """Encrypt text for a purpose: 12 bytes of nonce, then ciphertext and tag."""
        nonce = nonce or os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, value.encode(), purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> str:
        """Decrypt what `seal` made for the same purpose.

        Raises:
            StoreError: it was changed, or sealed with another key or for another purpose.
        """
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key(purpose)).decrypt(nonce, body, purpose.encode()).decode()
        except InvalidTag as error:
            raise StoreError("A sealed value does not open with this master key.") from error

    def index(self, purpose: str, value: str) -> bytes:
        """A keyed digest by which a value is found without being stored (16 bytes)."""
        key = self._key(f"index:{purpose}")
        return hmac.digest(key, value.encode(), "sha256")[:16]

    def lasting_index(self, purpose: str, value: str) -> bytes:
        """A keyed digest that stays the same when the master key is changed (16 bytes).

        For random codes that are stored by their digest alone, and for nothing that a person
        could guess.
        """
        key = self._lasting.get(purpose)
        if key is None:
            key = self._lasting[purpose] = _derive(self.lasting_key, f"index:{purpose}")
        return hmac.digest(key, value.encode(), "sha256")[:16]


# Which key a database is sealed with.


def check_of(sealer: Sealer) -> str:
    """What the setting `CHECK` is under this key."""
    return sealer.index(CHECK, "tallystick").hex()


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def key_fits(connection: Connection, sealer: Sealer) -> bool:
    """Whether the database is sealed with this key, or with none yet."""
    known = _setting(connection, CHECK)
    return not known or hmac.compare_digest(known, check_of(sealer))


def pending_key_path(path: Path) -> Path:
    """Where a new master key lies until everything is sealed with it."""
    return path.with_name(f"{path.name}.new")


def open_sealer(connection: Connection, master_key: bytes, path: Path) -> Sealer:
    """The sealer of a database; a new one is bound to the key.

    Args:
        path: where the key was read from, for the sentence that refuses it.

    Raises:
        StoreError: the database was sealed with another key.
    """
    sealer = Sealer(master_key)
    if not key_fits(connection, sealer) and pending_key_path(path).exists():
        raise StoreError(
            "A change of the master key was cut off; `tallystick keys rotate-master` finishes it."
        )
    if not key_fits(connection, sealer):
        raise StoreError(
            f"The master key {path} is not the one that this data folder was sealed with."
        )
    if not _setting(connection, CHECK):
        connection.execute("INSERT INTO setting VALUES (?, ?)", (CHECK, check_of(sealer)))
    lasting = _setting(connection, LASTING)
    if not lasting:
        return sealer
    return Sealer(master_key, bytes.fromhex(sealer.open(LASTING, bytes.fromhex(lasting))))
