"""Webhooks: what the `standardwebhooks` package accepts, at least once, and no address within."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from tests.platform_parts import Parts, opened

from tallystick.partners.webhooks import decide, service
from tallystick.partners.webhooks.delivery import SECRET, WebhookSender
from tallystick.partners.webhooks.model import (
    WEBHOOK_RETRY_MS,
    CreateEndpoint,
    MessageStatus,
    RecordWebhookAttempt,
    ResendMessage,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.partners.webhooks.signing import public_key_text, secret_text, signature_headers
from tallystick.pipeline.commands import Command, Context, Registry, Reply
from tallystick.store.unit_of_work import Event

KEY = bytes(range(32))
PATIENCE_S = 120


class Happen(Command, frozen=True, kw_only=True, tag="test.happen"):
    """Something happens, twice alike."""


class Happened(Reply, frozen=True, kw_only=True):
    """Done."""


def _happen(command: Happen, context: Context) -> Reply:
    for _ in range(2):
        context.uow.emit(Event("monitor.crossed", "1", b'{"value":"5"}'))
    context.uow.emit(Event("trade.paid", "1", b"{}"))
    return Happened()


def _register(registry: Registry) -> None:
    service.register(registry)
    registry.add(Happen, _happen, reply=Happened, scope="system")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with opened(tmp_path, _register) as made:
        yield made


def endpoint(parts: Parts, url: str, algorithm: str = "hmac") -> str:
    sealed = parts.sealer.seal(SECRET, KEY.hex())
    done = parts.accept(CreateEndpoint(
        url=url, topics=("monitor.",), algorithm=algorithm, secret_sealed=sealed
    ))  # fmt: skip
    return str(done.endpoint_id)


def messages(parts: Parts) -> list[WebhookMessage]:
    return parts.rows.select(WebhookMessage)


def now_s() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_reference_library_takes_our_signature_and_no_other() -> None:
    headers = signature_headers("hmac", KEY, "msg_1", now_s(), b'{"a":1}')
    verifier = Webhook(secret_text(KEY))
    assert verifier.verify(b'{"a":1}', headers) == {"a": 1}
    with pytest.raises(WebhookVerificationError):
        verifier.verify(b'{"a":2}', headers)
    old = signature_headers("hmac", KEY, "msg_1", now_s() - 3600, b'{"a":1}')
    with pytest.raises(WebhookVerificationError):
        verifier.verify(b'{"a":1}', old)
    theirs = verifier.sign("msg_1", datetime.fromtimestamp(1_800_000_000, UTC), '{"a":1}')
    ours = signature_headers("hmac", KEY, "msg_1", 1_800_000_000, b'{"a":1}')
    assert ours["webhook-signature"] == theirs


def test_an_ed25519_signature_is_checked_with_the_public_key_alone() -> None:
    headers = signature_headers("ed25519", KEY, "msg_1", 1_800_000_000, b"{}")
    version, _, text = headers["webhook-signature"].partition(",")
    assert version == "v1a"
    public = base64.b64decode(public_key_text(KEY).removeprefix("whpk_"))
    key = Ed25519PublicKey.from_public_bytes(public)
    key.verify(base64.b64decode(text), b"msg_1.1800000000.{}")
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(text), b"msg_1.1800000001.{}")


class Shop:
    """A receiver that keeps what it was sent and answers as it is told to."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
        headers = {name.lower(): text for name, text in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((headers, body))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def send(parts: Parts, until: int, shop: Shop, allow: tuple[str, ...]) -> None:
    """Run the sender until so many messages are no longer due to be sent now."""
    sender = WebhookSender(
        parts.rows, parts.executor, parts.sealer, parts.clock, allow=allow, tick_s=0.01
    )
    task = asyncio.create_task(sender.run())
    async with asyncio.timeout(PATIENCE_S):
        while sum(m.attempts for m in messages(parts)) < until:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def delivered(
    parts: Parts, shop: Shop, until: int, allow: tuple[str, ...] = ("127.0.0.1",)
) -> None:
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    endpoint(parts, f"http://127.0.0.1:{port}/hooks")
    parts.accept(Happen())
    await send(parts, until, shop, allow)
    server.close()


def test_an_event_reaches_its_receiver_signed_and_once_when_it_is_taken(parts: Parts) -> None:
    parts.clock.now_ms = now_s() * 1000
    shop = Shop(204)
    asyncio.run(delivered(parts, shop, 2))
    assert len(shop.received) == 2
    assert {m.status for m in messages(parts)} == {MessageStatus.DELIVERED}
    ids = set()
    for headers, body in shop.received:
        told = Webhook(secret_text(KEY)).verify(body, headers)
        assert (told["type"], told["data"]) == ("monitor.crossed", {"value": "5"})
        assert told["timestamp"].endswith("Z")
        ids.add(headers["webhook-id"])
    assert ids == {m.message_id for m in messages(parts)}


def test_one_that_is_not_taken_is_tried_again_under_the_same_id(parts: Parts) -> None:
    shop = Shop(500)
    asyncio.run(delivered(parts, shop, 2))
    waiting = messages(parts)
    assert {m.status for m in waiting} == {MessageStatus.DUE}
    assert {m.next_ms - parts.clock.now_ms for m in waiting} == {WEBHOOK_RETRY_MS[0]}


def test_a_receiver_that_is_gone_gets_nothing_any_more(parts: Parts) -> None:
    asyncio.run(delivered(parts, Shop(410), 2))
    assert {m.status for m in messages(parts)} == {MessageStatus.GIVEN_UP}
    (row,) = parts.rows.select(WebhookEndpoint)
    assert not row.active
    parts.accept(Happen())
    assert len(messages(parts)) == 2


def test_nothing_is_sent_into_the_platforms_own_network(parts: Parts) -> None:
    shop = Shop(200)
    asyncio.run(delivered(parts, shop, 2, allow=()))
    assert shop.received == []
    assert {m.status for m in messages(parts)} == {MessageStatus.GIVEN_UP}


def test_attempts_run_out_and_a_person_can_begin_anew(parts: Parts) -> None:
    endpoint(parts, "https://example.com/")
    parts.accept(Happen())
    (message, _) = messages(parts)
    for attempt in range(1, len(WEBHOOK_RETRY_MS) + 2):
        failed = RecordWebhookAttempt(
            message_id=message.message_id, attempt=attempt, http_status=500, outcome="HTTP 500",
            took_ms=1, delivered=False,
        )  # fmt: skip
        done = parts.accept(failed)
        assert done.status is (
            MessageStatus.DUE if attempt <= len(WEBHOOK_RETRY_MS) else MessageStatus.GIVEN_UP
        )
    assert parts.accept(ResendMessage(message_id=message.message_id)).status is MessageStatus.DUE


@pytest.mark.parametrize(
    ("url", "topic", "code"),
    [
        ("ftp://example.com/", "monitor.", "NOTIFY_URL_NOT_ALLOWED"),
        ("https://u:p@example.com/", "monitor.", "NOTIFY_URL_NOT_ALLOWED"),
        ("https://example.com/", "trade.", "INVALID_PARAMETER"),
        ("https://example.com/", "monitor. x", "INVALID_PARAMETER"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(
    parts: Parts, url: str, topic: str, code: str
) -> None:
    wrong = CreateEndpoint(url=url, topics=(topic,), algorithm="hmac", secret_sealed=b"")
    assert parts.refuse(wrong) == code


def test_events_alike_are_told_apart() -> None:
    row = WebhookEndpoint("1", "https://x/", "x", "monitor.", "hmac", b"", True, "", 0)
    event = Event("monitor.crossed", "1", b"{}")
    made = {decide.new_message(row, event, number, 5).message_id for number in (1, 2)}
    assert len(made) == 2
