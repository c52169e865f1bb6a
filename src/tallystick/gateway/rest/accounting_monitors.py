"""Balance monitors, and webhooks that tell of events."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from tallystick.accounting.monitors.model import (
    BalanceMonitor,
    CreateMonitor,
    Direction,
    EndMonitor,
    Measure,
    MonitorDone,
)
from tallystick.accounting.monitors.views import monitor_story, value_of
from tallystick.gateway.rest.accounting_fields import (
    AccountIdText,
    AmountUnits,
    NameText,
    NumberText,
    id_of,
    units_of,
)
from tallystick.gateway.rest.fields import Body, Cursor, Limit, Ms, Query, Shape
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.partners.webhooks.delivery import SECRET
from tallystick.partners.webhooks.model import (
    TOPICS,
    CreateEndpoint,
    EndEndpoint,
    EndpointDone,
    MessageStatus,
    ResendMessage,
    WebhookDone,
    WebhookEndpoint,
    WebhookMessage,
)
from tallystick.partners.webhooks.signing import public_key_text, secret_text
from tallystick.partners.webhooks.views import message_story
from tallystick.pipeline.refusals import Refused

__all__ = ["MONITOR_OPERATIONS"]

_TAG: Final = "Bookkeeping"
_HOOKS: Final = "Webhooks"
_MONITOR: Final = {"monitor_id": NumberText}
_ENDPOINT: Final = {"endpoint_id": NumberText}
MessageId = Annotated[
    str, Meta(pattern=r"^msg_[0-9a-z]{1,40}\Z", examples=["msg_5f2c9a71d3e04b6c8a1f0e2d3c4b5a69"])
]
_MESSAGE: Final = {"message_id": MessageId}
_NONCE_BYTES: Final = 12

SignedText = Annotated[
    str,
    Meta(pattern=r"^-?(0|[1-9][0-9]{0,18})\Z", description="Minor units.", examples=["10000"]),
]


class NewMonitor(Body, frozen=True, kw_only=True):
    """What is watched: an account, or all accounts of a code in a book together.

    It fires when the value is beyond the threshold, once, until the value has come back by
    `hysteresis`.
    """

    name: NameText
    direction: Direction
    threshold: SignedText
    account_id: AccountIdText | None = None
    ledger: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    code: Annotated[int, Meta(ge=1, le=2**16 - 1)] | None = None
    measure: Measure = Measure.BALANCE
    hysteresis: AmountUnits = "0"
    sweep_id: NumberText | None = None


class MonitorQuery(Query, frozen=True, kw_only=True):
    """How many, and from where on."""

    limit: Limit = 20
    cursor: Cursor = ""


class MonitorState(Shape, frozen=True, kw_only=True):
    """A monitor after a command."""

    monitor_id: NumberText
    fired: bool
    value: str
    active: bool


class MonitorShape(Shape, frozen=True, kw_only=True):
    """A monitor and the value now."""

    monitor_id: NumberText
    name: str
    account_id: AccountIdText | None
    ledger: int
    code: int
    measure: Measure
    direction: Direction
    threshold: SignedText
    hysteresis: AmountUnits
    sweep_id: str | None
    fired: bool
    value: str
    active: bool
    created_by: str
    created_ms: Ms


class MonitorChangeShape(Shape, frozen=True, kw_only=True):
    """When it fired, or was quiet again."""

    fired: bool
    value: str
    at_ms: Ms


class MonitorStoryShape(Shape, frozen=True, kw_only=True):
    """A monitor with its changes, newest first."""

    monitor: MonitorShape
    changes: list[MonitorChangeShape]


class NewEndpoint(Body, frozen=True, kw_only=True):
    """Where events go, and which. `ed25519` needs no shared secret."""

    url: Annotated[
        str, Meta(pattern=r"^https?://[!-~]{1,500}\Z", examples=["https://example.com/hooks"])
    ]
    topics: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64, examples=["monitor."])], ...],
        Meta(min_length=1, max_length=20),
    ] = ("monitor.",)
    algorithm: Literal["hmac", "ed25519"] = "hmac"


class EndpointMade(Shape, frozen=True, kw_only=True):
    """The endpoint. Its owner checks with `secret` (`whsec_…`) or `public_key` (`whpk_…`)."""

    endpoint_id: NumberText
    secret: str | None
    public_key: str | None


class EndpointState(Shape, frozen=True, kw_only=True):
    """An endpoint after a command."""

    endpoint_id: NumberText
    active: bool


class EndpointShape(Shape, frozen=True, kw_only=True):
    """An endpoint, without its secret."""

    endpoint_id: NumberText
    url: str
    topics: list[str]
    algorithm: str
    active: bool
    created_by: str
    created_ms: Ms


class MessageQuery(Query, frozen=True, kw_only=True):
    """Which messages; what is left out does not filter."""

    endpoint_id: NumberText | None = None
    status: MessageStatus | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class MessageShape(Shape, frozen=True, kw_only=True):
    """A message, and where it stands."""

    message_id: MessageId
    endpoint_id: NumberText
    topic: str
    status: MessageStatus
    attempts: int
    next_ms: int | None
    delivered_ms: int | None
    created_ms: Ms


class WebhookAttemptShape(Shape, frozen=True, kw_only=True):
    """One try."""

    attempt: int
    at_ms: Ms
    http_status: int
    outcome: str
    took_ms: int


class MessageStoryShape(Shape, frozen=True, kw_only=True):
    """A message with its body and every try."""

    message: MessageShape
    body: str
    attempts: list[WebhookAttemptShape]


class MessageState(Shape, frozen=True, kw_only=True):
    """A message after a command."""

    message_id: MessageId
    status: MessageStatus


def create_monitor(call: Call, body: NewMonitor) -> CreateMonitor:
    """The command that makes a monitor.

    Raises:
        Refused: INVALID_PARAMETER for an account and a code, or a code without its book.
    """
    of_account = body.account_id is not None
    if of_account == (body.code is not None) or (body.code is None) != (body.ledger is None):
        raise Refused("INVALID_PARAMETER", "Either an account, or a book (ledger) and a code.")
    threshold = int(body.threshold)
    units_of(str(abs(threshold)), "$.threshold")
    return CreateMonitor(
        name=body.name, direction=body.direction, threshold=threshold,
        account_id=id_of(body.account_id, "$.account_id") if body.account_id else b"",
        book=body.ledger or 0, code=body.code or 0, measure=body.measure,
        hysteresis=units_of(body.hysteresis, "$.hysteresis"), sweep_id=body.sweep_id or "",
    )  # fmt: skip


def end_monitor(call: Call, body: Any) -> EndMonitor:
    """The command that ends it."""
    return EndMonitor(monitor_id=call.path["monitor_id"])


def _state(done: MonitorDone) -> MonitorState:
    return MonitorState(
        monitor_id=done.monitor_id, fired=done.fired, value=done.value, active=done.active
    )


def _monitor(m: BalanceMonitor, value: int) -> MonitorShape:
    return MonitorShape(
        monitor_id=m.monitor_id, name=m.name,
        account_id=str(int.from_bytes(m.account_id, "big")) if m.account_id else None,
        ledger=m.book, code=m.code, measure=m.measure, direction=m.direction,
        threshold=str(m.threshold), hysteresis=str(m.hysteresis), sweep_id=m.sweep_id or None,
        fired=m.fired, value=str(value), active=m.active, created_by=m.created_by,
        created_ms=m.created_ms,
    )  # fmt: skip


_MONITORS: Final = Listing(BalanceMonitor, "created_ms", "monitor_id")
_ENDPOINTS: Final = Listing(WebhookEndpoint, "created_ms", "endpoint_id")
_MESSAGES: Final = Listing(WebhookMessage, "created_ms", "message_id")


def list_monitors(call: Call, query: MonitorQuery) -> Page[MonitorShape]:
    """Monitors, newest first."""
    ledger = call.platform.ledger
    return page_of(
        call, _MONITORS, lambda m: _monitor(m, value_of(ledger, m)), limit=query.limit,
        cursor=query.cursor,
    )  # fmt: skip


def get_monitor(call: Call, query: Query) -> MonitorStoryShape:
    """A monitor with its changes."""
    story = monitor_story(call.platform.rows, call.path["monitor_id"])
    if story is None:
        raise Refused("MONITOR_NOT_EXIST")
    changes = [
        MonitorChangeShape(fired=c.fired, value=c.value, at_ms=c.at_ms) for c in story.changes
    ]
    return MonitorStoryShape(monitor=_monitor(story.monitor, story.value), changes=changes)


def _secret(call: Call) -> bytes:
    """What stands for this request, so that a lost answer can be asked for again."""
    return call.derived("webhook secret", "1") + call.derived("webhook secret", "2")


def create_endpoint(call: Call, body: NewEndpoint) -> CreateEndpoint:
    """The command that makes an endpoint."""
    nonce = call.derived("webhook nonce")[:_NONCE_BYTES]
    sealed = call.platform.sealer.seal(SECRET, _secret(call).hex(), nonce)
    return CreateEndpoint(
        url=body.url, topics=body.topics, algorithm=body.algorithm, secret_sealed=sealed
    )


def _made(call: Call, done: EndpointDone) -> EndpointMade:
    row = call.platform.rows.get(WebhookEndpoint, done.endpoint_id)
    assert row is not None, done.endpoint_id
    shared = row.algorithm == "hmac"
    return EndpointMade(
        endpoint_id=done.endpoint_id, secret=secret_text(_secret(call)) if shared else None,
        public_key=None if shared else public_key_text(_secret(call)),
    )  # fmt: skip


def end_endpoint(call: Call, body: Any) -> EndEndpoint:
    """The command that ends it."""
    return EndEndpoint(endpoint_id=call.path["endpoint_id"])


def _ended(done: EndpointDone) -> EndpointState:
    return EndpointState(endpoint_id=done.endpoint_id, active=done.active)


def _endpoint(e: WebhookEndpoint) -> EndpointShape:
    return EndpointShape(
        endpoint_id=e.endpoint_id, url=e.url, topics=e.topics.split(), algorithm=e.algorithm,
        active=e.active, created_by=e.created_by, created_ms=e.created_ms,
    )  # fmt: skip


def list_endpoints(call: Call, query: MonitorQuery) -> Page[EndpointShape]:
    """Endpoints, newest first."""
    return page_of(call, _ENDPOINTS, _endpoint, limit=query.limit, cursor=query.cursor)


def _message(m: WebhookMessage) -> MessageShape:
    return MessageShape(
        message_id=m.message_id, endpoint_id=m.endpoint_id, topic=m.topic, status=m.status,
        attempts=m.attempts, next_ms=m.next_ms or None, delivered_ms=m.delivered_ms or None,
        created_ms=m.created_ms,
    )  # fmt: skip


def list_messages(call: Call, query: MessageQuery) -> Page[MessageShape]:
    """Messages, newest first."""
    status = query.status.value if query.status else ""
    return page_of(
        call, _MESSAGES, _message, limit=query.limit, cursor=query.cursor,
        endpoint_id=query.endpoint_id or "", status=status,
    )  # fmt: skip


def get_message(call: Call, query: Query) -> MessageStoryShape:
    """A message with its tries."""
    found = message_story(call.platform.rows, call.path["message_id"])
    if found is None:
        raise Refused("WEBHOOK_NOT_EXIST")
    message, attempts = found
    return MessageStoryShape(
        message=_message(message), body=message.body.decode(),
        attempts=[
            WebhookAttemptShape(attempt=a.attempt, at_ms=a.at_ms, http_status=a.http_status,
                                outcome=a.outcome, took_ms=a.took_ms)
            for a in attempts
        ],
    )  # fmt: skip


def resend(call: Call, body: Any) -> ResendMessage:
    """The command that sends it again."""
    return ResendMessage(message_id=call.path["message_id"])


def _resent(done: WebhookDone) -> MessageState:
    return MessageState(message_id=done.message_id, status=done.status)


_WRITE: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:write", "for_apps": False}
_READ: Final[dict[str, Any]] = {"tag": _TAG, "scope": "ledger:read", "for_apps": False}
_HOOK: Final[dict[str, Any]] = {"tag": _HOOKS, "scope": "webhooks:write", "for_apps": False}
_SEE: Final[dict[str, Any]] = {"tag": _HOOKS, "scope": "webhooks:read", "for_apps": False}

MONITOR_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/ledger/monitors", "createMonitor", **_WRITE, status=201, summary="Watch a balance",
        description="Of an account, or of a code in a book. Crossing the threshold is an event.",
        body=NewMonitor, command=create_monitor, show=_state, answer=MonitorState,
        refusals=("ACCOUNT_NOT_EXIST", "SWEEP_NOT_EXIST", "INVALID_PARAMETER"),
        example={"name": "Float is low", "account_id": "71", "direction": "below",
                 "threshold": "100000", "hysteresis": "20000"},
    ),
    look(
        "/v1/ledger/monitors", "listMonitors", **_READ, summary="List monitors",
        description="Newest first.", query=MonitorQuery, find=list_monitors,
        answer=Page[MonitorShape],
    ),
    look(
        "/v1/ledger/monitors/{monitor_id}", "getMonitor", **_READ, parameters=_MONITOR,
        summary="See a monitor and when it fired", query=Query, find=get_monitor,
        answer=MonitorStoryShape, refusals=("MONITOR_NOT_EXIST",),
    ),
    change(
        "/v1/ledger/monitors/{monitor_id}/end", "endMonitor", **_WRITE, parameters=_MONITOR,
        summary="Watch no more", command=end_monitor, show=_state, answer=MonitorState,
        refusals=("MONITOR_NOT_EXIST",),
    ),
    change(
        "/v1/webhooks", "createWebhook", **_HOOK, status=201,
        summary="Have events sent to an address",
        description="As Standard Webhooks: signed with HMAC-SHA256 or Ed25519. Topics begin with "
        f"one of {', '.join(TOPICS)}. The secret is in this answer and nowhere else.",
        body=NewEndpoint, command=create_endpoint, show=_made, shows_call=True,
        answer=EndpointMade, refusals=("NOTIFY_URL_NOT_ALLOWED", "INVALID_PARAMETER"),
        example={"url": "https://example.com/hooks", "topics": ["monitor.", "schedule."]},
    ),
    look(
        "/v1/webhooks", "listWebhooks", **_SEE, summary="List webhook endpoints",
        description="Newest first.", query=MonitorQuery, find=list_endpoints,
        answer=Page[EndpointShape],
    ),
    change(
        "/v1/webhooks/{endpoint_id}/end", "endWebhook", **_HOOK, parameters=_ENDPOINT,
        summary="Send nothing there any more", command=end_endpoint, show=_ended,
        answer=EndpointState, refusals=("WEBHOOK_NOT_EXIST",),
    ),
    look(
        "/v1/webhook-messages", "listWebhookMessages", **_SEE, summary="List webhook messages",
        description="Newest first.", query=MessageQuery, find=list_messages,
        answer=Page[MessageShape],
    ),
    look(
        "/v1/webhook-messages/{message_id}", "getWebhookMessage", **_SEE, parameters=_MESSAGE,
        summary="See a webhook message and every try", query=Query, find=get_message,
        answer=MessageStoryShape, refusals=("WEBHOOK_NOT_EXIST",),
    ),
    change(
        "/v1/webhook-messages/{message_id}/resend", "resendWebhookMessage", **_HOOK,
        parameters=_MESSAGE, summary="Send a webhook message again", command=resend,
        show=_resent, answer=MessageState, refusals=("WEBHOOK_NOT_EXIST",),
    ),
)  # fmt: skip
