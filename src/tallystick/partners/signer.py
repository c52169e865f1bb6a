"""Signs answers in a process of its own.

A signature takes longer than all else that a payment needs. Within the server's process each
one would have to get the interpreter back after it, in competition with the executor; another
process uses another core and gives back what is signed in handfuls. When that process is not
there, signing goes on here, only slower.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.decoding import msgpack_decoder
from tallystick.partners import rsa2
from tallystick.partners.signing_process import LENGTH, Asked, Job, Signed, frame

__all__ = ["Signer"]

log = structlog.get_logger("tallystick.signer")

_RESTART_AFTER_S: Final = 1.0
_MODULE: Final = "tallystick.partners.signing_process"


class _Waiting(NamedTuple):
    text: bytes
    key: RSAPrivateKey
    waiter: asyncio.Future[str]


class Signer:
    """Makes RSA2 signatures for coroutines of one event loop."""

    def __init__(self) -> None:
        self._jobs = itertools.count()
        self._waiting: dict[int, _Waiting] = {}
        self._unsent: list[Job] = []
        self._numbers: dict[RSAPrivateKey, int] = {}
        self._process: Process | None = None
        self._runner: asyncio.Task[None] | None = None

    async def sign(self, text: bytes, key: RSAPrivateKey) -> str:
        """The signature of `text`, base64."""
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="signer")
        if self._process is None:
            return await asyncio.to_thread(rsa2.sign, text, key)
        job = next(self._jobs)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(text, key, loop.create_future())
        self._waiting[job] = waiting
        if not self._unsent:
            loop.call_soon(self._send)
        self._unsent.append((job, self._number(key), text))
        return await waiting.waiter

    async def close(self) -> None:
        """End the process; what still waits is not signed any more."""
        if self._runner is not None:
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner

    def _write(self, data: bytes) -> None:
        """Tell the process; what one does not take that has just ended is signed here."""
        pipe = None if self._process is None else self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.write(data)

    def _number(self, key: RSAPrivateKey) -> int:
        """The key's number in the process, which is told of it when it is new."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            der = key.private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            self._write(frame(Asked(keys={number: der})))
        return number

    def _send(self) -> None:
        """Everything that was asked for in this turn of the loop goes as one message."""
        jobs, self._unsent = self._unsent, []
        if jobs:
            self._write(frame(Asked(jobs=jobs)))

    async def _run(self) -> None:
        """Keep a process running and hand out what it signs."""
        path = os.pathsep.join(p for p in sys.path if p)
        while True:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", _MODULE, stdin=PIPE, stdout=PIPE,
                    env={**os.environ, "PYTHONPATH": path},
                )  # fmt: skip
                self._numbers.clear()
                self._process = process
                try:
                    await self._hand_out(process)
                finally:
                    await self._end(process)
                log.warning("signing_process_ended", code=process.returncode)
            except OSError as error:
                log.warning("signing_process_failed", error=str(error))
            await self._sign_here()
            await asyncio.sleep(_RESTART_AFTER_S)

    async def _end(self, process: Process) -> None:
        self._process = None
        with suppress(ProcessLookupError):
            process.kill()
        # It also reads what is left and so closes the pipes.
        await process.communicate()

    async def _hand_out(self, process: Process) -> None:
        """Until the process ends."""
        decode = msgpack_decoder(list[Signed])
        assert process.stdout is not None
        try:
            while True:
                head = await process.stdout.readexactly(LENGTH.size)
                for job, signature in decode(
                    await process.stdout.readexactly(LENGTH.unpack(head)[0])
                ):
                    waiting = self._waiting.pop(job, None)
                    if waiting is not None and not waiting.waiter.done():
                        waiting.waiter.set_result(signature)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _sign_here(self) -> None:
        """What the process had not signed when it ended."""
        self._unsent.clear()
        left, self._waiting = self._waiting, {}
        for waiting in left.values():
            signature = await asyncio.to_thread(rsa2.sign, waiting.text, waiting.key)
            if not waiting.waiter.done():
                waiting.waiter.set_result(signature)
