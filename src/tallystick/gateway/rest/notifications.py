"""Notifications to partners: the list, every attempt to deliver one, and sending it again."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    AppId,
    Cursor,
    Limit,
    Ms,
    NoFields,
    NotifyId,
    Query,
    Shape,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Page
from tallystick.partners.model import (
    Notification,
    NotificationStatus,
    PartnerDone,
    ResendNotification,
)
from tallystick.partners.views import Delivery, delivery_of, notification_page
from tallystick.pipeline.refusals import Refused

__all__ = ["NOTIFICATION_OPERATIONS"]

_TAG: Final = "Notifications"
_ONE: Final = {"notify_id": NotifyId}


class NotificationQuery(Query, frozen=True, kw_only=True):
    """Which notifications; `subject` is a trade's or hold's number."""

    app_id: AppId | None = None
    subject: Annotated[str, Meta(max_length=64, examples=["2026112412345678901234567890"])] = ""
    status: NotificationStatus | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class NotificationSummary(Shape, frozen=True, kw_only=True):
    """A notification and where it stands."""

    notify_id: NotifyId
    app_id: AppId
    url: str
    topic: Annotated[str, Meta(examples=["trade.paid"])]
    subject: str
    status: NotificationStatus
    attempts: int
    next_ms: Ms
    created_ms: Ms


class AttemptShape(Shape, frozen=True, kw_only=True):
    """One try to deliver; `outcome` is `success` or says what came back instead."""

    attempt: int
    at_ms: Ms
    http_status: int
    outcome: str
    took_ms: int


class NotificationShape(Shape, frozen=True, kw_only=True):
    """A notification, its form as it is sent but for the signature, and every attempt."""

    notification: NotificationSummary
    form: dict[str, str]
    attempts: list[AttemptShape]


class ResendState(Shape, frozen=True, kw_only=True):
    """What will be sent again."""

    notify_id: NotifyId


def _summary(row: Notification) -> NotificationSummary:
    return NotificationSummary(
        notify_id=row.notify_id,
        app_id=row.app_id,
        url=row.url,
        topic=row.topic,
        subject=row.subject,
        status=row.status,
        attempts=row.attempts,
        next_ms=row.next_ms,
        created_ms=row.created_ms,
    )


def _delivery(call: Call) -> Delivery:
    found = delivery_of(call.platform.rows, call.path["notify_id"])
    if found is None or not call.identity.sees(found.notification.app_id):
        raise Refused("NOTIFICATION_NOT_EXIST")
    return found


def list_notifications(call: Call, query: NotificationQuery) -> Page[NotificationSummary]:
    """Notifications, newest first."""
    wanted = query.app_id or ""
    app_id = call.identity.app(wanted) if call.identity.app_id else wanted
    scope = f"notifications?{app_id},{query.subject},{query.status}"
    place = call.read_cursor(scope, query.cursor)
    found = notification_page(
        call.platform.rows,
        app_id=app_id,
        subject=query.subject,
        status=query.status,
        before=None if place is None else (int(place[0]), str(place[1])),
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    more = len(found) > query.limit
    after = (page[-1].created_ms, page[-1].notify_id) if more else None
    return Page(items=[_summary(n) for n in page], next_cursor=call.write_cursor(scope, after))


def get_notification(call: Call, query: Query) -> NotificationShape:
    """A notification with every attempt."""
    found = _delivery(call)
    return NotificationShape(
        notification=_summary(found.notification),
        form=found.form,
        attempts=[
            AttemptShape(
                attempt=a.attempt,
                at_ms=a.at_ms,
                http_status=a.http_status,
                outcome=a.outcome,
                took_ms=a.took_ms,
            )
            for a in found.attempts
        ],
    )


def resend(call: Call, body: NoFields) -> ResendNotification:
    """The command that has it sent again."""
    return ResendNotification(notify_id=_delivery(call).notification.notify_id)


def _resent(done: PartnerDone) -> ResendState:
    return ResendState(notify_id=done.id)


NOTIFICATION_OPERATIONS: Final[tuple[Operation, ...]] = (
    look(
        "/v1/notifications", "listNotifications", tag=_TAG, scope="notifications:read",
        summary="List notifications", description="Newest first.", query=NotificationQuery,
        find=list_notifications, answer=Page[NotificationSummary],
    ),
    look(
        "/v1/notifications/{notify_id}", "getNotification", tag=_TAG, scope="notifications:read",
        summary="See a notification and its attempts", parameters=_ONE, query=Query,
        find=get_notification, answer=NotificationShape, refusals=("NOTIFICATION_NOT_EXIST",),
    ),
    change(
        "/v1/notifications/{notify_id}/resend", "resendNotification", tag=_TAG,
        scope="notifications:write", parameters=_ONE, summary="Send a notification again",
        description="With the same notify id, so that the receiver can tell.",
        command=resend, show=_resent, answer=ResendState, refusals=("NOTIFICATION_NOT_EXIST",),
    ),
)  # fmt: skip
