"""Webhooks at work: endpoints, messages of events in their own transaction, attempts."""

from __future__ import annotations

from msgspec.structs import replace

from tallystick.partners.webhooks import decide
from tallystick.partners.webhooks.model import (
    TOPICS,
    CreateEndpoint,
    EndEndpoint,
    EndpointDone,
    RecordWebhookAttempt,
    ResendMessage,
    WebhookAttempt,
    WebhookDone,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.pipeline.commands import Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["register"]


def create_endpoint(command: CreateEndpoint, context: Context) -> Reply:
    """Have events sent to an address."""
    by = f"{context.caller.kind}:{context.caller.id}"
    endpoint_id = dated_number(context.now_ms, context.request_key, "webhook endpoint")
    row = decide.new_endpoint(command, endpoint_id, by, context.now_ms)
    return record(context, Decision(EndpointDone(endpoint_id=endpoint_id, active=True), (row,)))


def _endpoint(uow: UnitOfWork, endpoint_id: str) -> WebhookEndpoint:
    row = uow.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise Refused("WEBHOOK_NOT_EXIST")
    return row


def end_endpoint(command: EndEndpoint, context: Context) -> Reply:
    """Send nothing there any more."""
    row = replace(_endpoint(context.uow, command.endpoint_id), active=False)
    return record(
        context, Decision(EndpointDone(endpoint_id=row.endpoint_id, active=False), (row,))
    )


def _message(uow: UnitOfWork, message_id: str) -> WebhookMessage:
    row = uow.get(WebhookMessage, message_id)
    if row is None:
        raise Refused("WEBHOOK_NOT_EXIST")
    return row


def record_attempt(command: RecordWebhookAttempt, context: Context) -> Reply:
    """What came of a try."""
    uow = context.uow
    message = _message(uow, command.message_id)
    known = uow.get(WebhookAttempt, command.message_id, command.attempt) is not None
    endpoint = _endpoint(uow, message.endpoint_id)
    return record(context, decide.record_attempt(message, endpoint, known, command, context.now_ms))


def resend(command: ResendMessage, context: Context) -> Reply:
    """Send a message once more."""
    return record(context, decide.resend(_message(context.uow, command.message_id), context.now_ms))


def _place(uow: UnitOfWork, event: Event) -> int:
    """Which of its transaction's events this is."""
    return next((at for at, one in enumerate(uow.events) if one is event), 0)


def make_messages(uow: UnitOfWork, event: Event) -> None:
    """The messages of an event, in its own transaction."""
    for endpoint in uow.select(WebhookEndpoint, active=True):
        if decide.wants(endpoint, event.topic):
            uow.put(decide.new_message(endpoint, event, _place(uow, event), uow.now_ms))


def register(registry: Registry) -> None:
    """Declare the commands, and follow the events that can be subscribed to."""
    write = "webhooks:write"
    registry.add(CreateEndpoint, create_endpoint, reply=EndpointDone, scope=write)
    registry.add(EndEndpoint, end_endpoint, reply=EndpointDone, scope=write)
    registry.add(ResendMessage, resend, reply=WebhookDone, scope=write)
    registry.add(RecordWebhookAttempt, record_attempt, reply=WebhookDone, scope="system")
    for topic in TOPICS:
        registry.subscribe(topic, make_messages)
