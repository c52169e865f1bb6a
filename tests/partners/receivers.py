"""Receivers of notifications: real HTTP servers on the loopback that behave well or badly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

__all__ = ["Receiver", "answer", "drip", "flood", "hang", "redirect_to", "reset"]

Behaviour = Callable[["Receiver", asyncio.StreamWriter], Awaitable[None]]


def answer(text: bytes, status: str = "200 OK") -> Behaviour:
    """Answer with a text."""

    async def behave(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + text)

    return behave


def redirect_to(url: str) -> Behaviour:
    """Send the caller elsewhere."""

    async def behave(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())

    return behave


async def hang(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await receiver.closing.wait()


async def drip(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
    """Promise an answer and send a byte of it now and then."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not receiver.closing.is_set():
        writer.write(b"s")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flood(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
    """Answer with ten million bytes, as fast as they are taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"success!" * 1250)
        await writer.drain()
        receiver.sent += 10_000


async def reset(receiver: Receiver, writer: asyncio.StreamWriter) -> None:
    """Cut the connection without a word."""
    writer.transport.abort()


class Receiver:
    """A server on a free port of the loopback; remembers the forms that were posted."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours) or [answer(b"success")]
        self.forms: list[dict[str, str]] = []
        self.sent = 0
        self.closing = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.closing.set()
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, host: str = "127.0.0.1") -> str:
        """Its address under a host name."""
        return f"http://{host}:{self.port}/notify"

    @property
    def ids(self) -> list[str]:
        """The notify ids that arrived, in their order."""
        return [form["notify_id"] for form in self.forms]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            )
            body = (await reader.readexactly(length)).decode()
            self.forms.append({name: values[0] for name, values in parse_qs(body).items()})
            turn = min(len(self.forms), len(self.behaviours)) - 1
            await self.behaviours[turn](self, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
