"""What a door does with callers that are slow or leave, and with a stop in the middle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from tests.stores import settings_on

from tallystick.gateway.alipay.bill_door import _Pieces
from tallystick.platform import Platform
from tallystick.site import build_site

Message = MutableMapping[str, Any]


def answers(folder: Path, path: str, *received: Message) -> list[Message]:
    """What is sent to a caller of whom this is received, and then nothing more."""
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    left, sent = list(received), list[Message]()

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        platform = Platform.open(settings_on(folder / "data", sandbox=False))
        site = build_site(platform)
        try:
            await site(scope, receive, send)
        finally:
            await site.close()
            platform.close()

    asyncio.run(asyncio.wait_for(call(), 120))
    return sent


@pytest.mark.parametrize("path", ["/gateway.do", "/v3/alipay/trade/query"])
def test_a_body_that_does_not_come_is_refused_and_one_whose_caller_left_is_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("tallystick.gateway.alipay.asgi._BODY_WITHIN_S", 0.01)
    part = {"type": "http.request", "body": b"app_id=", "more_body": True}
    start, body = answers(tmp_path, path, part)
    assert (start["status"], body["body"]) == (408, b"")
    assert (b"connection", b"close") in start["headers"]
    assert answers(tmp_path, path, part, {"type": "http.disconnect"}) == []


def test_a_bill_that_is_still_being_read_is_closed_after_that_and_then_read_no_more() -> None:
    reads, go_on = threading.Event(), threading.Event()
    steps: list[str] = []

    def stream() -> Iterator[bytes]:
        reads.set()
        assert go_on.wait(120)
        steps.append("read")
        while True:
            yield b"x" * 70_000

    def close() -> None:
        pieces.close()
        steps.append("closed")

    pieces = _Pieces(stream())
    reader = threading.Thread(target=pieces.next)
    closer = threading.Thread(target=close)
    reader.start()
    assert reads.wait(120)
    closer.start()
    go_on.set()
    reader.join(120)
    closer.join(120)
    assert steps == ["read", "closed"]
    assert pieces.next() == b""
