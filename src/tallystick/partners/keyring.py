"""The keyring: an app's keys, parsed and at hand, so that a request costs no parsing.

What changes an app or its keys emits an `app.` event; once that is durable, and before the
change is answered, `forget` is called and the next look-up reads anew.
"""

from __future__ import annotations

import base64
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from tallystick.partners.model import App, AppKey, CreateGatewayKey, GatewayKey, KeyStatus
from tallystick.partners.rsa2 import bare_public_key, parse_private_key, parse_public_key
from tallystick.store.rows import ReadSession
from tallystick.store.sealing import Sealer
from tallystick.store.unit_of_work import Event

__all__ = ["AppKeys", "Keyring", "new_gateway_key", "seal_aes_key"]

_PRIVATE: Final = "gateway_key.private"
_AES: Final = "app.aes_key"


class AppKeys(NamedTuple):
    """What the gateway needs of an app for each request.

    Args:
        public_keys: the app's active keys, newest first.
        aes_key: empty when the app has none.
        signing_key: the platform's key, with which it answers this app.
    """

    app_id: str
    active: bool
    public_keys: tuple[RSAPublicKey, ...]
    aes_key: bytes
    signing_key: RSAPrivateKey


class Keyring:
    """Apps' keys by app id; one thread looks up, any thread may make it forget."""

    def __init__(self, rows: ReadSession, sealer: Sealer) -> None:
        self._rows = rows
        self._sealer = sealer
        self._generation = 0
        self._apps: dict[str, tuple[int, AppKeys]] = {}
        self._signing_keys: dict[str, RSAPrivateKey] = {}
        self._newest: tuple[int, RSAPrivateKey | None] = (-1, None)

    def app(self, app_id: str) -> AppKeys | None:
        """The app's keys as they are now, or None when there is no such app."""
        held = self._apps.get(app_id)
        if held is not None and held[0] == self._generation:
            return held[1]
        # Read first which generation this is: rows that change meanwhile count as old.
        generation = self._generation
        keys = self._load(app_id)
        if keys is not None:
            self._apps[app_id] = (generation, keys)
        return keys

    def newest_signing_key(self) -> RSAPrivateKey | None:
        """The platform's newest key, with which it answers nobody in particular."""
        generation = self._generation
        if self._newest[0] != generation:
            newest = self._rows.query(GatewayKey, "ORDER BY created_ms DESC, key_id DESC LIMIT 1")
            key = self._signing_key(newest[0].key_id) if newest else None
            self._newest = (generation, key)
        return self._newest[1]

    def forget(self, event: Event) -> None:
        """Some app or key has changed: read it anew when it is next asked for."""
        self._generation += 1

    def _load(self, app_id: str) -> AppKeys | None:
        app = self._rows.get(App, app_id) if app_id.isalnum() else None
        if app is None:
            return None
        active = [
            key
            for key in self._rows.select(AppKey, app_id=app_id)
            if key.status is KeyStatus.ACTIVE
        ]
        active.sort(key=lambda key: (-key.created_ms, key.key_id))
        return AppKeys(
            app_id=app_id,
            active=app.status is KeyStatus.ACTIVE,
            public_keys=tuple(parse_public_key(key.public_key) for key in active),
            aes_key=self._aes_key(app.aes_key_sealed),
            signing_key=self._signing_key(app.gateway_key_id),
        )

    def _aes_key(self, sealed: bytes) -> bytes:
        return base64.b64decode(self._sealer.open(_AES, sealed)) if sealed else b""

    def _signing_key(self, key_id: str) -> RSAPrivateKey:
        """The platform's key; a key never changes under its id."""
        key = self._signing_keys.get(key_id)
        if key is None:
            row = self._rows.get(GatewayKey, key_id)
            assert row is not None, key_id
            key = parse_private_key(self._sealer.open(_PRIVATE, row.private_sealed))
            self._signing_keys[key_id] = key
        return key


def new_gateway_key(sealer: Sealer, key_id: str) -> CreateGatewayKey:
    """The command that adds a fresh key pair (RSA-2048) for the platform's signatures.

    It takes a part of a second: not for the event loop's thread.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return CreateGatewayKey(
        key_id=key_id,
        public_key=bare_public_key(key.public_key()),
        private_sealed=sealer.seal(_PRIVATE, pem.decode()),
    )


def seal_aes_key(sealer: Sealer, text: str, nonce: bytes | None = None) -> bytes:
    """An app's AES key as it is stored; a nonce that is given must stand for this very key.

    Args:
        text: base64 of 16, 24 or 32 bytes; empty for none.
    """
    return sealer.seal(_AES, text, nonce) if text else b""
