"""An answer's head and body leave together, and nothing of an answer is kept back."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

from tests.server_process import ServerProcess

from tallystick.one_write import _OneWrite


class Written:
    """A transport that notes what is written and when it closes."""

    def __init__(self) -> None:
        self.log: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        assert not self.is_closing()  # As uvloop's transports do.
        self.log.append(data)

    def close(self) -> None:
        self.log.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.log


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def written(*steps: Any) -> list[bytes | str]:
    """What reaches the transport: bytes are written, `...` lets a turn of the loop pass."""

    async def story() -> list[bytes | str]:
        below = Written()
        above = _OneWrite(cast(asyncio.Transport, below), asyncio.get_running_loop())
        for step in steps:
            if step is ...:
                await asyncio.sleep(0)
            elif step == "close":
                above.close()
            elif step == "gone":
                below.close()
            else:
                above.write(step)
        await asyncio.sleep(0)
        assert above.is_closing() == ("closed" in below.log)
        return below.log

    return asyncio.run(story())


def test_head_and_body_are_one_write() -> None:
    assert written(HEAD, b"body") == [HEAD + b"body"]
    assert written(HEAD, b"a", HEAD, b"b") == [HEAD + b"a", HEAD + b"b"]


def test_a_head_without_a_body_is_not_kept_longer_than_a_turn() -> None:
    assert written(HEAD, ..., b"late") == [HEAD, b"late"]
    assert written(HEAD) == [HEAD]


def test_closing_sends_what_is_kept_first() -> None:
    assert written(HEAD, "close") == [HEAD, "closed"]


def test_to_a_client_that_has_gone_nothing_is_sent() -> None:
    assert written(HEAD, "gone", b"body") == ["closed"]
    assert written(HEAD, b"body", "gone", b"more", HEAD) == [HEAD + b"body", "closed"]


def test_a_head_request_and_pipelined_ones_are_answered_whole(
    running_server: ServerProcess,
) -> None:
    with socket.create_connection((running_server.host, running_server.port), 10) as client:
        ask = b"%b /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        client.sendall(ask % b"GET" + ask % b"HEAD" + ask % b"GET")
        client.settimeout(10)
        got = b""
        while got.count(b"HTTP/1.1 ") < 3 or not got.endswith(b"}"):
            got += client.recv(65536)
    heads = got.split(b"HTTP/1.1 ")[1:]
    assert len(heads) == 3
    assert heads[0].endswith(b"}")
