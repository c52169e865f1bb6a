"""Notifications for operators: the log, each attempt, and sending again."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.listing import cursor_text, pair_cursor
from tallystick.console.operators import act, operators_page
from tallystick.console.requests import need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.decoding import decode_json
from tallystick.partners.model import (
    Notification,
    NotificationAttempt,
    NotificationStatus,
    ResendNotification,
)
from tallystick.pipeline.refusals import Refused

__all__ = ["NOTIFICATIONS"]

_PAGE: Final = 25


def _list(
    front: Frontend, status: str, subject: str, after: tuple[int, str] | None
) -> list[Notification]:
    """Notifications newest first, one more than a page."""
    clauses: list[str] = ["created_ms >= 0"]
    values: list[object] = []
    if status:
        clauses.append("status = ?")
        values.append(status)
    if subject:
        clauses.append("subject = ?")
        values.append(subject)
    if after is not None:
        clauses.append("(created_ms < ? OR (created_ms = ? AND notify_id < ?))")
        values += [after[0], after[0], after[1]]
    tail = f"WHERE {' AND '.join(clauses)} ORDER BY created_ms DESC, notify_id DESC LIMIT ?"
    return front.platform.rows.query(Notification, tail, (*values, _PAGE + 1))


@get("/console/notifications")
async def show_notifications(request: WebRequest, front: Front, visitor: Asking) -> Response[str]:
    """The log, newest first."""
    need_operator(visitor)
    query = request.query_params
    statuses = [status.value for status in NotificationStatus]
    status = query.get("status", "") if query.get("status", "") in statuses else ""
    subject = query.get("subject", "").strip()
    after = pair_cursor(query.get("after", ""))
    found = _list(front, status, subject, after)
    page = found[:_PAGE]
    kept = {k: v for k, v in (("status", status), ("subject", subject)) if v}
    older = ""
    if len(found) > _PAGE:
        cursor = cursor_text((page[-1].created_ms, page[-1].notify_id))
        older = f"/console/notifications?{urlencode(kept | {'after': cursor})}"
    return operators_page(
        front, visitor, "notifications", "notifications", notifications=page, statuses=statuses,
        wanted={"status": status, "subject": subject}, older=older,
        newest=f"/console/notifications?{urlencode(kept)}" if after else "",
    )  # fmt: skip


def _fields(payload: bytes) -> dict[str, str]:
    """The form that is sent, as names and texts."""
    try:
        decoded: Any = decode_json(payload)
    except msgspec.DecodeError:
        return {}
    return {str(k): str(v) for k, v in decoded.items()} if isinstance(decoded, dict) else {}


def _one_page(
    front: Frontend, visitor: Visitor, notify_id: str, refusal: RefusalText | None = None
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    row = rows.get(Notification, notify_id)
    if row is None:
        raise Refused("NOTIFICATION_NOT_EXIST")
    return operators_page(
        front, visitor, "notification", "notifications", refusal=refusal, row=row,
        fields=_fields(row.payload), attempts=rows.select(NotificationAttempt, notify_id=notify_id),
    )  # fmt: skip


@get("/console/notifications/{notify_id:str}")
async def show_notification(
    notify_id: FromPath[str], front: Front, visitor: Asking
) -> Response[str]:
    """One notification with its attempts."""
    return _one_page(front, visitor, notify_id)


@post("/console/notifications/{notify_id:str}/resend")
async def resend(
    notify_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Send it again, under the same id."""
    form = await read_form(request)
    try:
        await act(front, visitor, form, ResendNotification(notify_id=notify_id), "resend")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _one_page(front, visitor, notify_id, said)
    return front.redirect(f"/console/notifications/{notify_id}", done="resent")


NOTIFICATIONS: Final = (show_notifications, show_notification, resend)
