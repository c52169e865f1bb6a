"""Reading apps, keys, notifications and their delivery log."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.decoding import decode_json
from tallystick.partners.model import (
    ApiKey,
    App,
    AppKey,
    AppSeller,
    GatewayKey,
    KeyStatus,
    Notification,
    NotificationAttempt,
    NotificationStatus,
    Operator,
)
from tallystick.pipeline.commands import COMMAND_LINE, Caller, CallerKind
from tallystick.store.rows import ReadSession, Rows

__all__ = [
    "Delivery", "api_keys", "app_keys", "app_sellers", "apps", "delivery_of", "gateway_keys",
    "notification_page", "person_of", "undelivered",
]  # fmt: skip


class Delivery(NamedTuple):
    """A notification with its unsigned form and every try to deliver it, oldest first."""

    notification: Notification
    form: dict[str, str]
    attempts: list[NotificationAttempt]


def apps(rows: ReadSession) -> list[App]:
    """All apps, in the order of their ids."""
    return rows.query(App, "ORDER BY app_id")


def app_keys(rows: Rows, app_id: str) -> list[AppKey]:
    """An app's public keys, retired ones too, oldest first."""
    return sorted(rows.select(AppKey, app_id=app_id), key=lambda k: (k.created_ms, k.key_id))


def app_sellers(rows: Rows, app_id: str) -> list[str]:
    """The parties that sell through an app beside its own merchant."""
    return [seller.party_id for seller in rows.select(AppSeller, app_id=app_id)]


def gateway_keys(rows: ReadSession) -> list[GatewayKey]:
    """The platform's own keys, oldest first."""
    return rows.query(GatewayKey, "ORDER BY created_ms, key_id")


def api_keys(rows: ReadSession) -> list[ApiKey]:
    """All REST keys, oldest first."""
    return rows.query(ApiKey, "ORDER BY created_ms, key_id")


def person_of(rows: Rows, caller: Caller) -> str:
    """The operator who asks, or for whom the asking key stands; empty for nobody known.

    The command line is nobody known: whoever works on the machine may be anybody. Nor does a key
    stand for who is an operator no more.
    """
    operator_id = caller.id if caller.kind is CallerKind.OPERATOR else ""
    if caller.kind is CallerKind.KEY:
        key = rows.get(ApiKey, caller.id)
        operator_id = "" if key is None else key.operator_id
        operator = rows.get(Operator, operator_id) if operator_id else None
        if operator is not None and operator.status is not KeyStatus.ACTIVE:
            return ""
    return "" if operator_id == COMMAND_LINE.id else operator_id


def delivery_of(rows: Rows, notify_id: str) -> Delivery | None:
    """A notification's whole story, or None when there is none of that id."""
    notification = rows.get(Notification, notify_id)
    if notification is None:
        return None
    form = decode_json(notification.payload, dict[str, str])
    attempts = rows.select(NotificationAttempt, notify_id=notify_id)
    return Delivery(notification, form, sorted(attempts, key=lambda a: a.attempt))


def notification_page(
    rows: ReadSession,
    *,
    app_id: str = "",
    subject: str = "",
    status: NotificationStatus | None = None,
    before: tuple[int, str] | None = None,
    limit: int = 50,
) -> list[Notification]:
    """Notifications, newest first, those that fit every given wish.

    Args:
        before: (created_ms, notify_id) of the last one of the page before.
    """
    wishes: list[tuple[str, tuple[int | str, ...]]] = []
    if app_id:
        wishes.append(("app_id = ?", (app_id,)))
    if subject:
        wishes.append(("subject = ?", (subject,)))
    if status is not None:
        wishes.append(("status = ?", (status.value,)))
    if before is not None:
        wishes.append(("(created_ms, notify_id) < (?, ?)", before))
    where = f"WHERE {' AND '.join(text for text, _ in wishes)} " if wishes else ""
    parameters = [value for _, values in wishes for value in values]
    tail = f"{where}ORDER BY created_ms DESC, notify_id DESC LIMIT ?"
    return rows.query(Notification, tail, [*parameters, limit])


def undelivered(rows: ReadSession) -> dict[NotificationStatus, int]:
    """How many notifications stand in each state but `delivered`, for metrics."""
    counted = rows.connection.execute(
        "SELECT status, COUNT(*) FROM notification WHERE status IN (?, ?, ?) GROUP BY status",
        ("due", "waiting", "given_up"),
    )
    return {NotificationStatus(status): int(count) for status, count in counted}
