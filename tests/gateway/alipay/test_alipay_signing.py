"""Keys in every form that clients use, and signatures in one spelling only."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.gateway.alipay.client_side import APP_KEY, signature

from tallystick.partners import rsa2

PUBLIC = APP_KEY.public_key()


def private_forms() -> list[str]:
    forms = (ser.PrivateFormat.PKCS8, ser.PrivateFormat.TraditionalOpenSSL)
    texts = []
    for form in forms:
        pem = APP_KEY.private_bytes(ser.Encoding.PEM, form, ser.NoEncryption())
        der = APP_KEY.private_bytes(ser.Encoding.DER, form, ser.NoEncryption())
        texts += [pem.decode(), base64.encodebytes(der).decode()]
    return texts


@pytest.mark.parametrize("text", private_forms(), ids=["pkcs8", "pkcs8-bare", "pkcs1", "bare"])
def test_private_keys_are_read_in_every_form(text: str) -> None:
    key = rsa2.parse_private_key(text)
    assert rsa2.sign(b"text", key) == signature(b"text")


def test_public_keys_are_read_as_pem_and_as_bare_base64() -> None:
    pem = PUBLIC.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo).decode()
    bare = rsa2.bare_public_key(PUBLIC)
    assert "\n" not in bare
    for text in (pem, bare):
        assert rsa2.parse_public_key(text).public_numbers() == PUBLIC.public_numbers()
    assert rsa2.parse_public_key(bare) is rsa2.parse_public_key(bare)


def test_what_is_no_rsa_key_of_2048_bits_is_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    spki = (ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    pkcs8 = (ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    for text in ("", "?", "AAAA", small.public_key().public_bytes(*spki).decode(),
                 curve.public_key().public_bytes(*spki).decode()):  # fmt: skip
        with pytest.raises(rsa2.KeyFormatError):
            rsa2.parse_public_key(text)
    for text in ("", "?", "AAAA", small.private_bytes(*pkcs8).decode(),
                 curve.private_bytes(*pkcs8).decode()):  # fmt: skip
        with pytest.raises(rsa2.KeyFormatError):
            rsa2.parse_private_key(text)


def test_only_the_canonical_spelling_of_a_signature_verifies() -> None:
    good = signature(b"text")
    assert rsa2.verify(b"text", good, PUBLIC)
    # The last character before the padding has four spare bits: 15 more spellings decode alike.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    respelled = good[:-3] + alphabet[alphabet.index(good[-3]) | 1] + "=="
    assert base64.b64decode(respelled) == base64.b64decode(good)
    for bad in (respelled, good + "\n", good[:-1], good.replace("=", ""), "", "====", "é", "AAAA"):
        assert not rsa2.verify(b"text", bad, PUBLIC)
    assert not rsa2.verify(b"other", good, PUBLIC)
