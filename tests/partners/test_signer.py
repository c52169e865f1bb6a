"""Signing in a process of its own: every signature arrives, whatever becomes of that process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tallystick.partners import rsa2
from tallystick.partners.signer import Signer
from tallystick.partners.signing_process import Asked, frame

KEYS = [generate_private_key(65537, 2048) for _ in range(2)]


async def warm(signer: Signer) -> int:
    """Sign until the process does it; gives its number."""
    async with asyncio.timeout(120):
        while signer._process is None:
            await signer.sign(b"warm", KEYS[0])
            await asyncio.sleep(0.01)
    return signer._process.pid


async def signed(signer: Signer, count: int) -> None:
    """Have many texts signed at once with both keys, and see that each signature is right."""
    texts = [f"text {at}".encode() for at in range(count)]
    found = await asyncio.gather(*(signer.sign(t, KEYS[i % 2]) for i, t in enumerate(texts)))
    for at, (text, signature) in enumerate(zip(texts, found, strict=True)):
        assert rsa2.verify(text, signature, KEYS[at % 2].public_key()), at


def test_many_texts_with_several_keys_are_signed_each_with_its_own() -> None:
    async def story() -> None:
        signer = Signer()
        await signed(signer, 3)
        first = await warm(signer)
        for _ in range(5):
            await signed(signer, 40)
        assert signer._process is not None
        assert signer._process.pid == first
        await signer.close()

    asyncio.run(story())


def test_what_a_killed_process_left_is_signed_all_the_same_and_another_takes_over() -> None:
    async def story() -> None:
        signer = Signer()
        first = await warm(signer)
        work = asyncio.create_task(signed(signer, 200))
        await asyncio.sleep(0.01)
        os.kill(first, signal.SIGKILL)
        await work
        async with asyncio.timeout(120):
            # Until its end is noticed it is still the one that was killed.
            while signer._process is None or signer._process.pid == first:
                await asyncio.sleep(0.05)
        assert signer._process is not None
        assert signer._process.pid != first
        await signed(signer, 8)
        await signer.close()

    asyncio.run(story())


def test_while_the_end_of_the_process_is_not_noticed_yet_texts_are_signed_all_the_same() -> None:
    async def story() -> None:
        signer = Signer()
        await warm(signer)
        assert signer._process is not None
        assert signer._process.stdin is not None
        signer._process.stdin.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await signed(signer, 4)  # With a key, too, of which the process was not told.
        await signer.close()

    uvloop.run(story())  # Its pipes refuse what comes after their end.


def test_the_process_ends_with_its_input_and_not_by_a_signal_to_the_group() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick.partners.signing_process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(frame(Asked()))
    process.stdin.flush()
    process.stdin.close()
    assert process.wait(120) == 0
    process.stdout.close()


@pytest.mark.parametrize("asks", ["whole", "half"])
def test_the_process_ends_without_a_word_when_its_server_is_killed(asks: str) -> None:
    der = KEYS[0].private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    asked = frame(Asked(keys={1: der}, jobs=[(n, 1, b"text") for n in range(9)]))
    process = subprocess.Popen(
        [sys.executable, "-m", "tallystick.partners.signing_process"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(asked if asks == "whole" else asked[:-5])
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(120) == 0
