"""Partner commands at work: load what a decision needs, decide, record."""

from __future__ import annotations

from tallystick.parties.model import Party, PartyDone, PartyKind
from tallystick.parties.views import active_party
from tallystick.partners import decide, nonces, notifications
from tallystick.partners.model import (
    AddAppKey,
    AddSeller,
    ApiKey,
    App,
    AppKey,
    CloseSession,
    CreateApiKey,
    CreateApp,
    CreateGatewayKey,
    CreateOperator,
    ForgetExpired,
    GatewayKey,
    Notification,
    NotificationAttempt,
    OpenSession,
    Operator,
    PartnerDone,
    RecordAttempt,
    RecordOperatorTry,
    ResendNotification,
    ResetOperatorPassword,
    RetireAppKey,
    RetryNotification,
    RevokeApiKey,
    SetAppStatus,
    SetOperatorStatus,
    UpdateApp,
    UseNonce,
    WebSession,
)
from tallystick.partners.views import person_of
from tallystick.pipeline.commands import (
    COMMAND_LINE,
    SYSTEM,
    CallerKind,
    Context,
    Registry,
    Reply,
)
from tallystick.pipeline.decisions import record
from tallystick.pipeline.refusals import Refused

__all__ = ["register"]


def _own(context: Context, app_id: str) -> None:
    """An app acts for itself only; people have no apps."""
    caller = context.caller
    if caller.kind is CallerKind.PARTY or (caller.kind is CallerKind.APP and caller.id != app_id):
        raise Refused("NOT_PERMITTED", "An app acts for itself only.")


def _app(context: Context, app_id: str) -> App:
    _own(context, app_id)
    app = context.uow.get(App, app_id)
    if app is None:
        raise Refused("APP_NOT_EXIST")
    return app


# Apps and keys.


def create_app(command: CreateApp, context: Context) -> Reply:
    """Open an app."""
    if context.caller.kind is CallerKind.APP:
        raise Refused("NOT_PERMITTED", "An app opens no other.")
    _own(context, command.app_id)
    uow = context.uow
    return record(
        context,
        decide.create_app(
            uow.get(App, command.app_id),
            uow.get(AppKey, command.key_id),
            active_party(uow, command.merchant_id),
            uow.get(GatewayKey, command.gateway_key_id),
            command,
            context.now_ms,
        ),
    )


def update_app(command: UpdateApp, context: Context) -> Reply:
    """Change an app's settings."""
    app = _app(context, command.app_id)
    key = context.uow.get(GatewayKey, command.gateway_key_id) if command.gateway_key_id else None
    return record(context, decide.update_app(app, key, command))


def set_app_status(command: SetAppStatus, context: Context) -> Reply:
    """Disable or enable an app."""
    return record(context, decide.set_app_status(_app(context, command.app_id), command))


def add_seller(command: AddSeller, context: Context) -> Reply:
    """Let a merchant sell through an app."""
    app = _app(context, command.app_id)
    return record(context, decide.add_seller(app, active_party(context.uow, command.party_id)))


def add_app_key(command: AddAppKey, context: Context) -> Reply:
    """A further public key of an app."""
    app, uow = _app(context, command.app_id), context.uow
    keys = uow.select(AppKey, app_id=app.app_id)
    known = uow.get(AppKey, command.key_id)
    return record(context, decide.add_app_key(app, known, keys, command, context.now_ms))


def retire_app_key(command: RetireAppKey, context: Context) -> Reply:
    """Accept a public key no more."""
    app = _app(context, command.app_id)
    keys = context.uow.select(AppKey, app_id=app.app_id)
    return record(context, decide.retire_app_key(keys, command, context.now_ms))


def create_gateway_key(command: CreateGatewayKey, context: Context) -> Reply:
    """A key pair of the platform's own."""
    if context.caller.kind is CallerKind.APP:
        raise Refused("NOT_PERMITTED", "The platform's keys are not an app's.")
    known = context.uow.get(GatewayKey, command.key_id)
    return record(context, decide.create_gateway_key(known, command, context.now_ms))


def create_api_key(command: CreateApiKey, context: Context) -> Reply:
    """A REST key."""
    uow, caller = context.uow, context.caller
    if caller.kind in (CallerKind.APP, CallerKind.KEY) and not (
        set(command.scopes.split()) <= caller.scopes
    ):
        raise Refused("NOT_PERMITTED", "A key gives no other more than it has.")
    _own(context, command.app_id)
    operator_id = person_of(uow, caller)
    if caller in (SYSTEM, COMMAND_LINE) and command.operator_id:
        if uow.get(Operator, command.operator_id) is None:
            raise Refused("INVALID_PARAMETER", "operator_id names no operator.")
        operator_id = command.operator_id
    _require_institution(context, command.institution_id)
    return record(
        context,
        decide.create_api_key(
            uow.get(ApiKey, command.key_id),
            uow.find(ApiKey, secret_hash=command.secret_hash),
            uow.get(App, command.app_id),
            command,
            context.now_ms,
            operator_id,
        ),
    )


def revoke_api_key(command: RevokeApiKey, context: Context) -> Reply:
    """Accept a REST key no more."""
    key = context.uow.get(ApiKey, command.key_id)
    if key is None:
        raise Refused("KEY_NOT_EXIST")
    _own(context, key.app_id)
    return record(context, decide.revoke_api_key(key))


# Operators and sessions.


def _operator(context: Context, operator_id: str) -> Operator:
    operator = context.uow.get(Operator, operator_id)
    if operator is None:
        raise Refused("NOT_FOUND", "operator_id")
    return operator


def _require_institution(context: Context, institution_id: str) -> None:
    """See that whom a key or operator is for is an institution, where one is named."""
    party = context.uow.get(Party, institution_id) if institution_id else None
    if institution_id and (party is None or party.kind is not PartyKind.INSTITUTION):
        raise Refused("INSTITUTION_NOT_EXIST")


def create_operator(command: CreateOperator, context: Context) -> Reply:
    """Let somebody work at the console, or for an institution."""
    _require_institution(context, command.institution_id)
    known = context.uow.get(Operator, command.operator_id)
    same_login = context.uow.find(Operator, login=command.login)
    return record(context, decide.create_operator(known, same_login, command, context.now_ms))


def set_operator_status(command: SetOperatorStatus, context: Context) -> Reply:
    """Retire an operator, or take one back."""
    operator = _operator(context, command.operator_id)
    others = context.uow.select(Operator, role=operator.role)
    return record(context, decide.set_operator_status(operator, others, command))


def reset_operator_password(command: ResetOperatorPassword, context: Context) -> Reply:
    """Give an operator a new password; whoever is signed in as it is no longer."""
    operator, uow = _operator(context, command.operator_id), context.uow
    for kind in ("operator", "institution"):
        for session in uow.select(WebSession, kind=kind, subject_id=operator.operator_id):
            uow.delete(session)
    return record(context, decide.reset_operator_password(operator, command))


def record_operator_try(command: RecordOperatorTry, context: Context) -> Reply:
    """Count a console password."""
    operator = _operator(context, command.operator_id)
    return record(context, decide.operator_try(operator, command, context.now_ms))


def open_session(command: OpenSession, context: Context) -> Reply:
    """Remember a browser."""
    known = context.uow.get(WebSession, command.session_index)
    decision = decide.open_session(known, command, context.now_ms)
    nonces.forget_later(context)
    return record(context, decision)


def close_session(command: CloseSession, context: Context) -> Reply:
    """Forget a browser; one that is not known is no error."""
    session = context.uow.get(WebSession, command.session_index)
    if session is not None:
        context.uow.delete(session)
    return PartnerDone(id="" if session is None else session.subject_id)


# Notifications.


def _notification(context: Context, notify_id: str) -> Notification:
    notification = context.uow.get(Notification, notify_id)
    if notification is None:
        raise Refused("NOTIFICATION_NOT_EXIST")
    _own(context, notification.app_id)
    return notification


def record_attempt(command: RecordAttempt, context: Context) -> Reply:
    """What came of a try to deliver."""
    notification = _notification(context, command.notify_id)
    known = context.uow.get(NotificationAttempt, command.notify_id, command.attempt)
    decision = notifications.record_attempt(notification, known, command, context.now_ms)
    return record(context, decision)


def retry_notification(command: RetryNotification, context: Context) -> Reply:
    """The wait after a failed attempt is over."""
    notification = _notification(context, command.notify_id)
    return record(context, notifications.make_due(notification, context.now_ms))


def resend_notification(command: ResendNotification, context: Context) -> Reply:
    """Send a notification again."""
    notification = _notification(context, command.notify_id)
    return record(context, notifications.resend(notification, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the partner commands, and follow what partners are told of."""
    add, write, system = registry.add, "apps:write", "system"
    add(CreateApp, create_app, reply=PartnerDone, scope=write)
    add(UpdateApp, update_app, reply=PartnerDone, scope=write)
    add(SetAppStatus, set_app_status, reply=PartnerDone, scope=write)
    add(AddSeller, add_seller, reply=PartnerDone, scope=write)
    add(AddAppKey, add_app_key, reply=PartnerDone, scope=write)
    add(RetireAppKey, retire_app_key, reply=PartnerDone, scope=write)
    add(CreateGatewayKey, create_gateway_key, reply=PartnerDone, scope=write)
    add(CreateApiKey, create_api_key, reply=PartnerDone, scope=write)
    add(RevokeApiKey, revoke_api_key, reply=PartnerDone, scope=write)
    add(CreateOperator, create_operator, reply=PartnerDone, scope="operators:write")
    add(SetOperatorStatus, set_operator_status, reply=PartnerDone, scope="operators:write")
    add(ResetOperatorPassword, reset_operator_password, reply=PartnerDone, scope="operators:write")
    add(RecordOperatorTry, record_operator_try, reply=PartyDone, scope=system)
    add(OpenSession, open_session, reply=PartnerDone, scope=system)
    add(CloseSession, close_session, reply=PartnerDone, scope=system)
    add(UseNonce, nonces.use_nonce, reply=PartnerDone, scope=system)
    add(ForgetExpired, nonces.forget_expired, reply=PartnerDone, scope=system)
    add(RecordAttempt, record_attempt, reply=PartnerDone, scope=system)
    add(RetryNotification, retry_notification, reply=PartnerDone, scope=system)
    add(ResendNotification, resend_notification, reply=PartnerDone, scope="notifications:write")
    for topic in notifications.TOPICS:
        registry.subscribe(topic, notifications.notify)
