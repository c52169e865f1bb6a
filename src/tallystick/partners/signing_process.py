"""The process that signs: texts in on standard input, signatures out on standard output.

It does nothing else and ends when its input does. Frames are a length (4 bytes, big-endian) and
MessagePack: in, an `Asked`; out, `[[job, signature], …]`.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from typing import BinaryIO, Final

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.decoding import msgpack_decoder
from tallystick.partners import rsa2

__all__ = ["LENGTH", "Asked", "Job", "Signed", "frame", "serve"]

LENGTH: Final = struct.Struct(">I")

Job = tuple[int, int, bytes]
"""A job's number, the number of the key, the text."""

Signed = tuple[int, str]
"""A job's number, the signature in base64."""


class Asked(msgspec.Struct, omit_defaults=True):
    """Keys that are to be known from now on (PKCS#8 DER, by number), then texts to sign."""

    keys: dict[int, bytes] = {}
    jobs: list[Job] = []


_AT_ONCE: Final = 4
"""Signatures that are sent back together, so that the first of many do not wait for the last."""


def frame(value: object) -> bytes:
    """A message as it is sent."""
    body = msgspec.msgpack.encode(value)
    return LENGTH.pack(len(body)) + body


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Sign what is asked for until the input ends."""
    decode = msgpack_decoder(Asked)
    keys: dict[int, RSAPrivateKey] = {}
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        size = LENGTH.unpack(head)[0]
        if len(body := source.read(size)) < size:  # The server was killed while it asked.
            return
        asked = decode(body)
        for number, der in asked.keys.items():
            key = serialization.load_der_private_key(der, password=None)
            assert isinstance(key, RSAPrivateKey)
            keys[number] = key
        for start in range(0, len(asked.jobs), _AT_ONCE):
            part = asked.jobs[start : start + _AT_ONCE]
            sink.write(frame([(job, rsa2.sign(text, keys[number])) for job, number, text in part]))
            sink.flush()


if __name__ == "__main__":
    # Who runs the platform stops the parent, and that ends the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:  # The server was killed: nobody waits for the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
