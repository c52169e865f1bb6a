"""Partners: apps with their keys, API keys, operators, sessions, notifications."""

from __future__ import annotations

from enum import StrEnum

from tallystick.pipeline.commands import Command, Reply
from tallystick.store.table import Row, Table

__all__ = [
    "App", "AppKey", "AppSeller", "ApiKey", "GatewayKey", "KeyStatus", "Notification",
    "NotificationAttempt", "NotificationStatus", "Operator", "PartnerDone", "RETRY_AFTER_MS",
    "Role", "SeenNonce", "WebSession",
    "AddAppKey", "AddSeller", "CloseSession", "CreateApiKey", "CreateApp", "CreateGatewayKey",
    "CreateOperator", "ForgetExpired", "OpenSession", "RecordAttempt", "RecordOperatorTry",
    "ResendNotification", "ResetOperatorPassword", "RetireAppKey", "RetryNotification",
    "RevokeApiKey", "SetAppStatus", "SetOperatorStatus", "UpdateApp", "UseNonce",
]  # fmt: skip


class KeyStatus(StrEnum):
    """Whether a key (or app, or operator) is in use."""

    ACTIVE = "active"
    RETIRED = "retired"


class Role(StrEnum):
    """What an operator may do: look, or act."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class NotificationStatus(StrEnum):
    """Where a notification stands."""

    DUE = "due"
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


_MINUTE = 60_000
_HOUR = 60 * _MINUTE
RETRY_AFTER_MS = (
    4 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, _HOUR, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR,
)  # fmt: skip
"""The protocol's retry ladder: the wait after the first, second, … failed attempt."""


class App(Row, frozen=True):
    """A partner's application at the gateway.

    `settlement` is `escrow` (money held until receipt is confirmed) or `instant`; `fee_rate` a
    decimal text (`0.006`). An active app may have several active public keys.
    """

    app_id: str
    name: str
    merchant_id: str
    status: KeyStatus
    settlement: str
    fee_rate: str
    notify_url: str
    aes_key_sealed: bytes
    gateway_key_id: str
    confirm_within_ms: int
    refund_within_ms: int
    created_ms: int


class AppKey(Row, frozen=True):
    """An app's RSA public key (base64 of SubjectPublicKeyInfo, one line)."""

    key_id: str
    app_id: str
    public_key: str
    status: KeyStatus
    created_ms: int
    retired_ms: int


class AppSeller(Row, frozen=True):
    """A seller that trades through an app."""

    app_id: str
    party_id: str


class GatewayKey(Row, frozen=True):
    """A key pair with which the platform signs; the private half is sealed."""

    key_id: str
    public_key: str
    private_sealed: bytes
    created_ms: int


class ApiKey(Row, frozen=True):
    """A REST key: its secret's SHA-256, its scopes (space-separated), perhaps one app, or one
    institution."""

    key_id: str
    name: str
    secret_hash: bytes
    scopes: str
    app_id: str
    status: KeyStatus
    created_ms: int
    operator_id: str
    institution_id: str = ""


class Operator(Row, frozen=True):
    """Somebody who works at the console, or, for an institution, with its own loans only."""

    operator_id: str
    login: str
    role: Role
    password_hash: str
    status: KeyStatus
    wrong_count: int
    locked_until_ms: int
    created_ms: int
    institution_id: str = ""


class WebSession(Row, frozen=True):
    """A signed-in browser, by the SHA-256 digest of its token (first 16 bytes)."""

    session_index: bytes
    kind: str
    """`operator`, `institution` (one of its operators) or `party`."""
    subject_id: str
    expires_ms: int


class SeenNonce(Row, frozen=True):
    """A nonce of a signed request, so that it is not taken twice."""

    nonce_index: bytes
    expires_ms: int


class Notification(Row, frozen=True):
    """A message to a partner: the unsigned form (JSON of name to text); signed when sent.

    `host` is the receiver's, in lower case, empty when the address has none. `delivered_ms` is
    when it was first taken, 0 for never; a failed resending does not undo it.
    """

    notify_id: str
    app_id: str
    url: str
    host: str
    topic: str
    subject: str
    payload: bytes
    status: NotificationStatus
    attempts: int
    next_ms: int
    delivered_ms: int
    created_ms: int


class NotificationAttempt(Row, frozen=True):
    """One try to deliver: `outcome` is `success` or says what came back instead."""

    notify_id: str
    attempt: int
    at_ms: int
    http_status: int
    outcome: str
    took_ms: int


APPS = Table("app", App, ("app_id",))
APP_KEYS = Table("app_key", AppKey, ("key_id",))
APP_SELLERS = Table("app_seller", AppSeller, ("app_id", "party_id"))
GATEWAY_KEYS = Table("gateway_key", GatewayKey, ("key_id",))
API_KEYS = Table("api_key", ApiKey, ("key_id",), unique=(("secret_hash",),))
OPERATORS = Table("operator", Operator, ("operator_id",), unique=(("login",),))
SESSIONS = Table("web_session", WebSession, ("session_index",))
NONCES = Table("seen_nonce", SeenNonce, ("nonce_index",))
NOTIFICATIONS = Table("notification", Notification, ("notify_id",))
ATTEMPTS = Table("notification_attempt", NotificationAttempt, ("notify_id", "attempt"))


class CreateApp(Command, frozen=True, kw_only=True, tag="app.create"):
    """Open an app for a merchant, with its first public key."""

    app_id: str
    name: str
    merchant_id: str
    public_key: str
    key_id: str
    gateway_key_id: str
    settlement: str = "escrow"
    fee_rate: str = "0.006"
    notify_url: str = ""
    aes_key_sealed: bytes = b""
    confirm_within_ms: int = 10 * 24 * _HOUR
    refund_within_ms: int = 90 * 24 * _HOUR


class UpdateApp(Command, frozen=True, kw_only=True, tag="app.update"):
    """Change an app's settings; None leaves one as it is."""

    app_id: str
    name: str | None = None
    notify_url: str | None = None
    fee_rate: str | None = None
    settlement: str | None = None
    gateway_key_id: str | None = None
    aes_key_sealed: bytes | None = None


class SetAppStatus(Command, frozen=True, kw_only=True, tag="app.set_status"):
    """Disable an app (`retired`) or enable it again."""

    app_id: str
    status: KeyStatus


class AddAppKey(Command, frozen=True, kw_only=True, tag="app.add_key"):
    """A further public key; both are accepted until the old one is retired."""

    app_id: str
    key_id: str
    public_key: str


class RetireAppKey(Command, frozen=True, kw_only=True, tag="app.retire_key"):
    """Accept a public key no more; an app's last active key stays."""

    app_id: str
    key_id: str


class AddSeller(Command, frozen=True, kw_only=True, tag="app.add_seller"):
    """Let a merchant sell through an app."""

    app_id: str
    party_id: str


class CreateGatewayKey(Command, frozen=True, kw_only=True, tag="gateway_key.create"):
    """A new key pair for the platform's signatures."""

    key_id: str
    public_key: str
    private_sealed: bytes


class CreateApiKey(Command, frozen=True, kw_only=True, tag="api_key.create"):
    """A REST key; only the digest of its secret is kept."""

    key_id: str
    name: str
    secret_hash: bytes
    scopes: str
    app_id: str = ""
    operator_id: str = ""
    institution_id: str = ""


class RevokeApiKey(Command, frozen=True, kw_only=True, tag="api_key.revoke"):
    """Accept a REST key no more."""

    key_id: str


class CreateOperator(Command, frozen=True, kw_only=True, tag="operator.create"):
    """Let somebody work at the console, or for an institution with its own loans."""

    operator_id: str
    login: str
    role: Role
    password_hash: str
    institution_id: str = ""


class RecordOperatorTry(Command, frozen=True, kw_only=True, tag="operator.password_try"):
    """Count a right or wrong console password; five wrong ones in a row lock."""

    operator_id: str
    right: bool


class ResetOperatorPassword(Command, frozen=True, kw_only=True, tag="operator.reset_password"):
    """Give an operator a new password: its sessions end and its lock opens."""

    operator_id: str
    password_hash: str


class SetOperatorStatus(Command, frozen=True, kw_only=True, tag="operator.set_status"):
    """Let an operator sign in no more (`retired`), or again."""

    operator_id: str
    status: KeyStatus


class OpenSession(Command, frozen=True, kw_only=True, tag="session.open"):
    """Remember a signed-in browser by its token's digest."""

    session_index: bytes
    kind: str
    subject_id: str
    expires_ms: int


class CloseSession(Command, frozen=True, kw_only=True, tag="session.close"):
    """Forget a browser."""

    session_index: bytes


class UseNonce(Command, frozen=True, kw_only=True, tag="nonce.use"):
    """Take a signed request's nonce, once; it is known until the request is too old anyway."""

    nonce_index: bytes
    expires_ms: int


class ForgetExpired(Command, frozen=True, kw_only=True, tag="partners.forget_expired"):
    """Remove nonces and sessions that are over (asked for by a timer)."""


class RecordAttempt(Command, frozen=True, kw_only=True, tag="notification.record_attempt"):
    """What came of a try to deliver; failure sets the timer for the next.

    `hopeless` says that no further try can do better (the address is not allowed).
    """

    notify_id: str
    attempt: int
    http_status: int
    outcome: str
    took_ms: int
    delivered: bool
    hopeless: bool = False


class RetryNotification(Command, frozen=True, kw_only=True, tag="notification.retry"):
    """The wait after a failed attempt is over (asked for by a timer)."""

    notify_id: str


class ResendNotification(Command, frozen=True, kw_only=True, tag="notification.resend"):
    """An operator wants a notification sent again, with the same notify id."""

    notify_id: str


class PartnerDone(Reply, frozen=True, kw_only=True):
    """The id of what was made or changed."""

    id: str
