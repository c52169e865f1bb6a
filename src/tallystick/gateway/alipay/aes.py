"""Content encryption: AES-CBC, PKCS#7, a zero initialisation vector, base64 on the wire.

The fixed vector is the protocol's; what keeps a message from being forged is the signature over
the ciphertext, so nothing may be decrypted before that was verified.
"""

from __future__ import annotations

import binascii
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tallystick.gateway.alipay.faults import Fault, fault

__all__ = ["decrypt", "encrypt"]

_VECTOR: Final = bytes(16)


def _cipher(key: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(key), modes.CBC(_VECTOR))


def encrypt(plain: bytes, key: bytes) -> str:
    """The base64 of the ciphertext of `plain`."""
    padder = PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = _cipher(key).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    return binascii.b2a_base64(sealed, newline=False).decode()


def decrypt(text: str, key: bytes) -> bytes | Fault:
    """What `encrypt` was given, or the fault when the text is not a ciphertext of this key."""
    try:
        sealed = binascii.a2b_base64(text, strict_mode=True)
        decryptor = _cipher(key).decryptor()
        padded = decryptor.update(sealed) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return fault("isv.decryption-error-unknown")
