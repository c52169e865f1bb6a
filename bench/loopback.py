"""A light HTTP client for benchmarks: requests are bytes made before, answers are cut by length.

A general client costs several times what the server's answer does, and both share the cores.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import cast

__all__ = ["Answered", "as_fast_as_answered", "at_a_rate"]

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Answered:
    """What came back: bodies in the order of the requests, and seconds each took."""

    def __init__(self, count: int) -> None:
        self.bodies: list[bytes] = [b""] * count
        self.seconds: list[float] = [0.0] * count
        self.whole_s = 0.0


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(_HEAD_END)
        if head_end < 0:
            return
        at = self._buffer.lower().find(_LENGTH, 0, head_end)
        length = int(self._buffer[at + len(_LENGTH) : self._buffer.find(b"\r", at)])
        body_at = head_end + len(_HEAD_END)
        if len(self._buffer) >= body_at + length and self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            body = bytes(self._buffer[body_at : body_at + length])
            self._buffer.clear()
            waiter.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error or ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> bytes:
        assert self._transport is not None
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiter = waiter
        self._transport.write(request)
        return await waiter

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _open(host: str, port: int, count: int) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(_Connection, host, port))[1] for _ in range(count)]


async def as_fast_as_answered(
    host: str, port: int, requests: Sequence[bytes], *, connections: int
) -> Answered:
    """Send all requests, on each connection the next one as soon as one is answered."""
    done = Answered(len(requests))
    waiting = iter(range(len(requests)))

    async def work(connection: _Connection) -> None:
        for at in waiting:
            asked = time.perf_counter()
            done.bodies[at] = await connection.ask(requests[at])
            done.seconds[at] = time.perf_counter() - asked

    pool = await _open(host, port, connections)
    began = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in pool))
    done.whole_s = time.perf_counter() - began
    for connection in pool:
        connection.close()
    return done


async def at_a_rate(
    host: str, port: int, requests: Sequence[bytes], *, per_s: float, connections: int
) -> Answered:
    """Send requests at their times, evenly apart, whether or not earlier ones are answered.

    A request that must wait for a free connection counts from when it was due.
    """
    done = Answered(len(requests))
    pool = await _open(host, port, connections)
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for connection in pool:
        free.put_nowait(connection)

    async def one(at: int, due: float) -> None:
        connection = await free.get()
        done.bodies[at] = await connection.ask(requests[at])
        done.seconds[at] = time.perf_counter() - due
        free.put_nowait(connection)

    began = time.perf_counter()
    tasks = []
    for at in range(len(requests)):
        due = began + at / per_s
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(one(at, due)))
    await asyncio.gather(*tasks)
    done.whole_s = time.perf_counter() - began
    for connection in pool:
        connection.close()
    return done
