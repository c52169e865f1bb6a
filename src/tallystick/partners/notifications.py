"""Notifications: made from the events of products, tried again along the protocol's ladder.

Pure decisions, and the subscriber that makes a notification in its event's own transaction.
"""

from __future__ import annotations

import hashlib

import msgspec
from msgspec.structs import replace

from tallystick.decoding import json_decoder
from tallystick.money.china_time import china_time
from tallystick.partners.model import (
    RETRY_AFTER_MS,
    Notification,
    NotificationAttempt,
    NotificationStatus,
    PartnerDone,
    RecordAttempt,
    RetryNotification,
)
from tallystick.partners.targets import TargetRefused, parse_target
from tallystick.pipeline.decisions import Decision, Timer
from tallystick.pipeline.numbers import dated_number
from tallystick.store.unit_of_work import Event, UnitOfWork

__all__ = ["TOPICS", "make_due", "new_notification", "notify", "record_attempt", "resend"]

TOPICS = ("trade.", "hold.")
"""The events that partners may want to hear of."""


class _Told(msgspec.Struct, frozen=True):
    """The part of an event's payload that is for the partner."""

    app_id: str = ""
    notify_url: str = ""
    notify_type: str = "trade_status_sync"
    fields: dict[str, str] = {}


_decode = json_decoder(_Told)


def _notify_id(event: Event, now_ms: int, turn: int) -> str:
    """34 digits beginning with the day, derived from what happened and when."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (event.topic.encode(), event.subject.encode(), event.payload, str(now_ms).encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    key = digest.digest()
    return dated_number(now_ms, key, f"notify:{turn}") + dated_number(now_ms, key, "tail")[-6:]


def _host(url: str) -> str:
    try:
        return parse_target(url).host
    except TargetRefused:
        return ""


def new_notification(event: Event, told: _Told, notify_id: str, now_ms: int) -> Notification:
    """A notification that is due at once; its form is complete but for the signature."""
    form = told.fields | {
        "notify_id": notify_id,
        "notify_type": told.notify_type,
        "notify_time": china_time(now_ms),
        "app_id": told.app_id,
        "auth_app_id": told.app_id,
        "version": "1.0",
    }
    return Notification(
        notify_id=notify_id,
        app_id=told.app_id,
        url=told.notify_url,
        host=_host(told.notify_url),
        topic=event.topic,
        subject=event.subject,
        payload=msgspec.json.encode(form, order="sorted"),
        status=NotificationStatus.DUE,
        attempts=0,
        next_ms=now_ms,
        delivered_ms=0,
        created_ms=now_ms,
    )


def notify(uow: UnitOfWork, event: Event) -> None:
    """Make the notification of an event that names an address to notify."""
    told = _decode(event.payload)
    if not told.notify_url:
        return
    turn = 0
    notify_id = _notify_id(event, uow.now_ms, turn)
    while uow.get(Notification, notify_id) is not None:
        turn += 1
        notify_id = _notify_id(event, uow.now_ms, turn)
    uow.put(new_notification(event, told, notify_id, uow.now_ms))


# What comes of a try.


def _timer_id(notify_id: str) -> str:
    return f"notification:{notify_id}"


def _after_failure(notification: Notification, command: RecordAttempt, now_ms: int) -> Notification:
    """Where a failed try leaves a notification that nobody has taken yet."""
    tries = replace(notification, attempts=max(notification.attempts, command.attempt))
    if tries.delivered_ms:
        return replace(tries, status=NotificationStatus.DELIVERED, next_ms=0)
    if command.attempt < notification.attempts:
        return tries
    if command.hopeless or command.attempt > len(RETRY_AFTER_MS):
        return replace(tries, status=NotificationStatus.GIVEN_UP, next_ms=0)
    wait_ms = RETRY_AFTER_MS[command.attempt - 1]
    return replace(tries, status=NotificationStatus.WAITING, next_ms=now_ms + wait_ms)


def record_attempt(
    notification: Notification,
    known: NotificationAttempt | None,
    command: RecordAttempt,
    now_ms: int,
) -> Decision:
    """Write a try into the log and decide what is next; a try that is known changes nothing.

    Delivered stays delivered, whatever comes after.

    Args:
        known: the log's line of this attempt, if there is one.
    """
    done = PartnerDone(id=notification.notify_id)
    if known is not None:
        return Decision(done)
    line = NotificationAttempt(
        notification.notify_id, command.attempt, now_ms, command.http_status, command.outcome,
        command.took_ms,
    )  # fmt: skip
    if command.delivered:
        changed = replace(
            notification,
            status=NotificationStatus.DELIVERED,
            attempts=max(notification.attempts, command.attempt),
            next_ms=0,
            delivered_ms=notification.delivered_ms or now_ms,
        )
    else:
        changed = _after_failure(notification, command, now_ms)
    timer_id = _timer_id(notification.notify_id)
    if changed.status is NotificationStatus.WAITING:
        retry = RetryNotification(notify_id=notification.notify_id)
        timers = (Timer(timer_id, changed.next_ms, retry),)
        return Decision(done, rows=(changed, line), timers=timers)
    return Decision(done, rows=(changed, line), cancelled_timers=(timer_id,))


def make_due(notification: Notification, now_ms: int) -> Decision:
    """The wait is over; only a waiting notification becomes due."""
    done = PartnerDone(id=notification.notify_id)
    if notification.status is not NotificationStatus.WAITING:
        return Decision(done)
    return Decision(
        done, rows=(replace(notification, status=NotificationStatus.DUE, next_ms=now_ms),)
    )


def resend(notification: Notification, now_ms: int) -> Decision:
    """Send once more now, whatever became of it; a failure goes on along the ladder."""
    return Decision(
        PartnerDone(id=notification.notify_id),
        rows=(replace(notification, status=NotificationStatus.DUE, next_ms=now_ms),),
        cancelled_timers=(_timer_id(notification.notify_id),),
    )
