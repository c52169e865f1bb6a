"""Webhook endpoints, messages and what came of each attempt: rows and commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "TOPICS", "WEBHOOK_RETRY_MS", "CreateEndpoint", "EndEndpoint", "EndpointDone",
    "MessageStatus", "RecordWebhookAttempt", "ResendMessage", "WebhookAttempt", "WebhookDone",
    "WebhookEndpoint", "WebhookMessage",
]  # fmt: skip

TOPICS: Final = ("monitor.", "schedule.", "sweep.", "period.", "ledger.reversed", "exchange.")
"""The events that can be subscribed to, by the begin of their name."""

_S, _M, _H = 1000, 60_000, 3_600_000
WEBHOOK_RETRY_MS: Final = (
    5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H,
)  # fmt: skip
"""How long to wait after the first, second, … failed attempt: the specification's schedule."""


class MessageStatus(StrEnum):
    """Where a message stands."""

    DUE = "due"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class WebhookEndpoint(Row, frozen=True):
    """Where events go. `topics` are begins of events' names, separated by spaces."""

    endpoint_id: str
    url: str
    host: str
    topics: str
    algorithm: str
    secret_sealed: bytes
    active: bool
    created_by: str
    created_ms: int


class WebhookMessage(Row, frozen=True):
    """An event for an endpoint; `body` is the JSON that is sent, byte for byte."""

    message_id: str
    endpoint_id: str
    topic: str
    body: bytes
    status: MessageStatus
    attempts: int
    next_ms: int
    delivered_ms: int
    created_ms: int


class WebhookAttempt(Row, frozen=True):
    """One try."""

    message_id: str
    attempt: int
    at_ms: int
    http_status: int
    outcome: str
    took_ms: int


ENDPOINTS = Table("webhook_endpoint", WebhookEndpoint, ("endpoint_id",))
MESSAGES = Table("webhook_message", WebhookMessage, ("message_id",))
ATTEMPTS = Table("webhook_attempt", WebhookAttempt, ("message_id", "attempt"))


class CreateEndpoint(Command, frozen=True, kw_only=True, tag="webhook.create_endpoint"):
    """Have events sent to an address."""

    url: str
    topics: tuple[str, ...]
    algorithm: str
    secret_sealed: bytes


class EndEndpoint(Command, frozen=True, kw_only=True, tag="webhook.end_endpoint"):
    """Send nothing there any more."""

    endpoint_id: str


class RecordWebhookAttempt(Command, frozen=True, kw_only=True, tag="webhook.record_attempt"):
    """What came of a try. `gone`: the receiver wants nothing any more (410)."""

    message_id: str
    attempt: int
    http_status: int
    outcome: str
    took_ms: int
    delivered: bool
    hopeless: bool = False
    gone: bool = False


class ResendMessage(Command, frozen=True, kw_only=True, tag="webhook.resend"):
    """Send a message once more now."""

    message_id: str


class EndpointDone(Reply, frozen=True, kw_only=True):
    """The endpoint after a command."""

    endpoint_id: str
    active: bool


class WebhookDone(Reply, frozen=True, kw_only=True):
    """The message after a command."""

    message_id: str
    status: MessageStatus
