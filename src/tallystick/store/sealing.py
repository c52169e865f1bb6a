"""Personal data and secrets at rest: sealed with AES-256-GCM, found by a keyed digest.

The master key lies outside the data folder, so that a copy of the folder tells nothing. Keys
for each purpose are derived from it (HKDF-SHA256, RFC 5869).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.store.engine import StoreError

__all__ = ["Sealer", "load_master_key"]

_KEY_BYTES = 32
_NONCE_BYTES = 12


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


class Sealer:
    """Seals and opens values, each bound to a purpose (`party.name`)."""

    def __init__(self, master_key: bytes) -> None:
        self._master_key = master_key
        self._derived: dict[str, bytes] = {}

    def _key(self, purpose: str) -> bytes:
        key = self._derived.get(purpose)
        if key is None:
            hkdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode())
            key = self._derived[purpose] = hkdf.derive(self._master_key)
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
        return hmac.new(key, value.encode(), hashlib.sha256).digest()[:16]
