"""What can be seen of webhooks: a message with its attempts."""

from __future__ import annotations

from tallystick.partners.webhooks.model import WebhookAttempt, WebhookMessage
from tallystick.store.rows import ReadSession

__all__ = ["due_messages", "message_story"]


def due_messages(rows: ReadSession, now_ms: int, limit: int) -> list[WebhookMessage]:
    """The messages whose time has come, oldest first."""
    tail = "WHERE status = 'due' AND next_ms <= ? ORDER BY next_ms, message_id LIMIT ?"
    return rows.query(WebhookMessage, tail, (now_ms, limit))


def message_story(
    rows: ReadSession, message_id: str
) -> tuple[WebhookMessage, list[WebhookAttempt]] | None:
    """A message with its attempts, oldest first; or None."""
    message = rows.get(WebhookMessage, message_id)
    return (
        None if message is None else (message, rows.select(WebhookAttempt, message_id=message_id))
    )
