"""What becomes of endpoints and messages: pure functions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.partners.targets import TargetRefused, parse_target
from tallystick.partners.webhooks.model import (
    TOPICS,
    WEBHOOK_RETRY_MS,
    CreateEndpoint,
    MessageStatus,
    RecordWebhookAttempt,
    WebhookAttempt,
    WebhookDone,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.pipeline.decisions import Decision
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event

__all__ = ["new_endpoint", "new_message", "record_attempt", "resend", "wants"]

_TOPICS_MAX: Final = 20


def new_endpoint(
    command: CreateEndpoint, endpoint_id: str, by: str, now_ms: int
) -> WebhookEndpoint:
    """The endpoint to keep.

    Raises:
        Refused: NOTIFY_URL_NOT_ALLOWED, INVALID_PARAMETER.
    """
    try:
        target = parse_target(command.url)
    except TargetRefused as error:
        raise Refused("NOTIFY_URL_NOT_ALLOWED", f"{error}.") from error
    topics = tuple(dict.fromkeys(command.topics))
    known = all(any(t.startswith(known) for known in TOPICS) and " " not in t for t in topics)
    if not known or not 1 <= len(topics) <= _TOPICS_MAX:
        raise Refused("INVALID_PARAMETER", f"Topics begin with one of: {', '.join(TOPICS)}.")
    if command.algorithm not in ("hmac", "ed25519"):
        raise Refused("INVALID_PARAMETER", "The algorithm is hmac or ed25519.")
    return WebhookEndpoint(
        endpoint_id, command.url, target.host, " ".join(topics), command.algorithm,
        command.secret_sealed, True, by, now_ms,
    )  # fmt: skip


def wants(endpoint: WebhookEndpoint, topic: str) -> bool:
    """Whether an endpoint hears of an event."""
    return endpoint.active and topic.startswith(tuple(endpoint.topics.split()))


def new_message(
    endpoint: WebhookEndpoint, event: Event, number: int, now_ms: int
) -> WebhookMessage:
    """An event's message for an endpoint.

    Args:
        number: which event of its transaction it is, since two may be alike.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (
        endpoint.endpoint_id.encode(), event.topic.encode(), event.subject.encode(),
        event.payload, str(now_ms).encode(), str(number).encode(),
    ):  # fmt: skip
        digest.update(len(part).to_bytes(4, "big") + part)
    at = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    body = msgspec.json.encode(
        {"type": event.topic, "timestamp": f"{at}.{now_ms % 1000:03}Z",
         "data": msgspec.Raw(event.payload)}
    )  # fmt: skip
    return WebhookMessage(
        f"msg_{digest.hexdigest()}", endpoint.endpoint_id, event.topic, body, MessageStatus.DUE, 0,
        now_ms, 0, now_ms,
    )  # fmt: skip


def record_attempt(
    message: WebhookMessage, endpoint: WebhookEndpoint, known: bool, command: RecordWebhookAttempt,
    now_ms: int,
) -> Decision:  # fmt: skip
    """Write a try down and decide what is next; delivered stays delivered.

    Args:
        known: whether this try was recorded before.
    """
    if known:
        return Decision(WebhookDone(message_id=message.message_id, status=message.status))
    attempts = max(message.attempts, command.attempt)
    delivered_ms = message.delivered_ms or (now_ms if command.delivered else 0)
    if delivered_ms:
        status, next_ms = MessageStatus.DELIVERED, 0
    elif command.hopeless or command.gone or command.attempt > len(WEBHOOK_RETRY_MS):
        status, next_ms = MessageStatus.GIVEN_UP, 0
    else:
        status, next_ms = MessageStatus.DUE, now_ms + WEBHOOK_RETRY_MS[command.attempt - 1]
    changed = replace(
        message, status=status, attempts=attempts, next_ms=next_ms, delivered_ms=delivered_ms
    )
    line = WebhookAttempt(
        message.message_id, command.attempt, now_ms, command.http_status, command.outcome,
        command.took_ms,
    )  # fmt: skip
    done = WebhookDone(message_id=message.message_id, status=status)
    if command.gone:
        return Decision(done, rows=(changed, line, replace(endpoint, active=False)))
    return Decision(done, rows=(changed, line))


def resend(message: WebhookMessage, now_ms: int) -> Decision:
    """Send once more now, under the same id."""
    done = WebhookDone(message_id=message.message_id, status=MessageStatus.DUE)
    return Decision(done, rows=(replace(message, status=MessageStatus.DUE, next_ms=now_ms),))
