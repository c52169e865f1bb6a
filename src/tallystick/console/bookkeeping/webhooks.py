"""Webhook endpoints, what was sent to them, and every try."""

from __future__ import annotations

import os
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.bookkeeping.frame import (
    PLACE,
    Said,
    carry_out,
    newest_rows,
    show,
    who_did,
)
from tallystick.console.frontend import Front, Frontend, error_text
from tallystick.console.operators import act
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.partners.webhooks.delivery import SECRET
from tallystick.partners.webhooks.model import (
    TOPICS,
    CreateEndpoint,
    EndEndpoint,
    MessageStatus,
    ResendMessage,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.partners.webhooks.signing import public_key_text, secret_text
from tallystick.partners.webhooks.views import message_story
from tallystick.pipeline.refusals import Refused

__all__ = ["WEBHOOK_PAGES"]

_HOOKS: Final = f"{PLACE}/webhooks"
_SHOWN: Final = 200
_SECRET_BYTES: Final = 32
_UNREPEATABLE: Final[Form] = {}


async def _all(
    request: WebRequest, front: Frontend, visitor: Visitor, said: Said, secret: str = ""
) -> Response[str]:
    rows = front.platform.rows
    query = request.query_params
    wanted = {
        "endpoint_id": query.get("endpoint", "")[:64],
        "status": next((s.value for s in MessageStatus if s.value == query.get("status")), ""),
    }
    messages, older = newest_rows(rows, WebhookMessage, "message_id", request, **wanted)
    endpoints = rows.query(
        WebhookEndpoint, "ORDER BY created_ms DESC, endpoint_id LIMIT ?", (_SHOWN,)
    )
    kept = f"endpoint={wanted['endpoint_id']}&status={wanted['status']}"
    return show(
        front, visitor, "webhooks", "webhooks", said, secret=secret, topics=TOPICS,
        endpoints=[(e, who_did(rows, e.created_by)) for e in endpoints], messages=messages,
        urls={e.endpoint_id: e.url for e in endpoints}, statuses=list(MessageStatus),
        wanted=wanted, older=f"{_HOOKS}?{kept}&before={older}" if older else "",
        newest=f"{_HOOKS}?{kept}" if query.get("before") else "",
    )  # fmt: skip


@get(_HOOKS)
async def show_webhooks(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """Endpoints and the latest messages."""
    return await _all(request, front, visitor, Said())


@post(_HOOKS)
async def create_webhook(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A new endpoint; its secret is in this one answer and nowhere else."""
    need_operator(visitor)
    form = await read_form(request)
    secret = os.urandom(_SECRET_BYTES)
    command = CreateEndpoint(
        url=form.get("url", "")[:2000],
        topics=tuple(topic for topic in TOPICS if form.get(f"topic:{topic}") == "yes"),
        algorithm=form.get("algorithm", ""),
        secret_sealed=front.platform.sealer.seal(SECRET, secret.hex()),
    )
    try:
        await act(front, visitor, _UNREPEATABLE, command, "webhook_made")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return await _all(request, front, visitor, Said(said, form))
    shared = command.algorithm == "hmac"
    text = secret_text(secret) if shared else public_key_text(secret)
    return await _all(request, front, visitor, Said(), text)


@post(f"{_HOOKS}/{{endpoint_id:str}}/end")
async def end_webhook(
    endpoint_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Send nothing there any more."""
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: EndEndpoint(endpoint_id=endpoint_id), "webhook_ended",
        to=_HOOKS, again=lambda said: _all(request, front, visitor, said),
    )  # fmt: skip


async def _message(message_id: str, front: Frontend, visitor: Visitor, said: Said) -> Response[str]:
    found = message_story(front.platform.rows, message_id)
    if found is None:
        raise Refused("WEBHOOK_NOT_EXIST")
    message, attempts = found
    endpoint = front.platform.rows.get(WebhookEndpoint, message.endpoint_id)
    return show(
        front, visitor, "webhook_message", "webhooks", said, message=message, attempts=attempts,
        endpoint=endpoint, body=message.body.decode("utf-8", "replace"),
    )  # fmt: skip


@get(f"{PLACE}/webhook-messages/{{message_id:str}}")
async def show_message(message_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One message with its body and every try."""
    return await _message(message_id, front, visitor, Said())


@post(f"{PLACE}/webhook-messages/{{message_id:str}}/resend")
async def resend_message(
    message_id: FromPath[str], request: WebRequest, front: Front, visitor: Asking
) -> Response[Any]:
    """Send it again."""
    form = await read_form(request)
    return await carry_out(
        front, visitor, form, lambda: ResendMessage(message_id=message_id), "webhook_resent",
        to=f"{PLACE}/webhook-messages/{message_id}",
        again=lambda said: _message(message_id, front, visitor, said),
    )  # fmt: skip


WEBHOOK_PAGES: Final = (
    show_webhooks, create_webhook, end_webhook, show_message, resend_message,
)  # fmt: skip
