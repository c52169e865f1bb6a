"""RSA2: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2), base64 on the wire; its keys."""

from __future__ import annotations

import binascii
import functools
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = [
    "KeyFormatError",
    "bare_public_key",
    "parse_private_key",
    "parse_public_key",
    "sign",
    "verify",
]

KEY_BITS_MIN: Final = 2048
KEY_BITS_MAX: Final = 8192

_PADDING: Final = PKCS1v15()
_SHA256: Final = hashes.SHA256()


class KeyFormatError(ValueError):
    """The text is not an RSA key of a supported form and size."""


def _der(text: str) -> bytes:
    """The bytes of a key written as bare base64, as key tools of this protocol print it."""
    try:
        return binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError as error:
        raise KeyFormatError("the key is neither PEM nor base64") from error


@functools.lru_cache(maxsize=4096)
def parse_public_key(text: str) -> RSAPublicKey:
    """Read an RSA public key: PEM, or base64, of its SubjectPublicKeyInfo or PKCS#1 form.

    Parsing costs several times what a verification does, so the result is remembered.

    Raises:
        KeyFormatError: not an RSA public key of 2048 to 8192 bits.
    """
    try:
        if "-----BEGIN" in text:
            key = serialization.load_pem_public_key(text.encode())
        else:
            key = serialization.load_der_public_key(_der(text))
    except KeyFormatError:
        raise
    except Exception as error:
        raise KeyFormatError("the text is not a public key") from error
    if not isinstance(key, RSAPublicKey) or not KEY_BITS_MIN <= key.key_size <= KEY_BITS_MAX:
        raise KeyFormatError("the key is not an RSA key of 2048 to 8192 bits")
    return key


def parse_private_key(text: str) -> RSAPrivateKey:
    """Read an RSA private key: PEM, or the base64 of its PKCS#1 or PKCS#8 form.

    Raises:
        KeyFormatError: not an unencrypted RSA private key of 2048 to 8192 bits.
    """
    try:
        if "-----BEGIN" in text:
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            key = serialization.load_der_private_key(_der(text), password=None)
    except KeyFormatError:
        raise
    except Exception as error:
        raise KeyFormatError("the text is not an unencrypted private key") from error
    if not isinstance(key, RSAPrivateKey) or not KEY_BITS_MIN <= key.key_size <= KEY_BITS_MAX:
        raise KeyFormatError("the key is not an RSA key of 2048 to 8192 bits")
    return key


def bare_public_key(key: RSAPublicKey) -> str:
    """The key as one line of base64 (SubjectPublicKeyInfo), the form that clients are given."""
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return binascii.b2a_base64(der, newline=False).decode()


def sign(text: bytes, key: RSAPrivateKey) -> str:
    """The signature of `text`, base64."""
    return binascii.b2a_base64(key.sign(text, _PADDING, _SHA256), newline=False).decode()


def verify(text: bytes, signature: str, key: RSAPublicKey) -> bool:
    """Whether `signature` (base64, in its one canonical spelling) is the key's, over `text`."""
    try:
        raw = binascii.a2b_base64(signature, strict_mode=True)
    except ValueError:
        return False
    # Base64 leaves spare bits at the end; a second spelling of one signature is not accepted.
    if binascii.b2a_base64(raw, newline=False).decode() != signature:
        return False
    try:
        key.verify(raw, text, _PADDING, _SHA256)
    except InvalidSignature:
        return False
    return True
