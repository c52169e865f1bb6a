"""What commands about apps, keys, operators and sessions do, as pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from tallystick.money.rate import parse_rate
from tallystick.parties.decide import Tries, tried
from tallystick.parties.model import Party, PartyDone, PartyKind
from tallystick.partners.api_keys import INSTITUTION_SCOPES, SCOPES
from tallystick.partners.model import (
    AddAppKey,
    ApiKey,
    App,
    AppKey,
    AppSeller,
    CreateApiKey,
    CreateApp,
    CreateGatewayKey,
    CreateOperator,
    GatewayKey,
    KeyStatus,
    OpenSession,
    Operator,
    PartnerDone,
    RecordOperatorTry,
    ResetOperatorPassword,
    RetireAppKey,
    Role,
    SetAppStatus,
    SetOperatorStatus,
    UpdateApp,
    WebSession,
)
from tallystick.partners.rsa2 import KeyFormatError, bare_public_key, parse_public_key
from tallystick.partners.targets import TargetRefused, parse_target
from tallystick.pipeline.decisions import Decision, event
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import Event

__all__ = [
    "add_app_key", "add_seller", "create_api_key", "create_app", "create_gateway_key",
    "create_operator", "open_session", "operator_try", "reset_operator_password", "retire_app_key",
    "revoke_api_key", "set_app_status", "set_operator_status", "update_app",
]  # fmt: skip

_APP_ID = re.compile(r"[0-9]{16,32}")
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SETTLEMENTS = frozenset({"escrow", "instant"})
_ACTIVE_KEYS_MAX = 10
_RATE_PLACES_MAX = 6
_SESSION_MAX_MS = 30 * 24 * 60 * 60 * 1000


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise Refused("INVALID_PARAMETER", name)


def _changed(app_id: str, what: str) -> Event:
    """The event that makes keyrings read the app anew."""
    return event("app.changed", app_id, {"what": what})


def _public_key(text: str) -> str:
    """The key as one line of base64 (SubjectPublicKeyInfo), whatever form it came in."""
    try:
        return bare_public_key(parse_public_key(text))
    except KeyFormatError as error:
        raise Refused("KEY_INVALID", str(error)) from error


def _check_rate(text: str) -> None:
    try:
        rate = parse_rate(text)
    except ValueError as error:
        raise Refused("INVALID_PARAMETER", "fee_rate") from error
    exponent = rate.as_tuple().exponent
    assert isinstance(exponent, int)
    _require(Decimal(0) <= rate < 1 and exponent >= -_RATE_PLACES_MAX, "fee_rate")


def _check_url(url: str) -> None:
    if not url:
        return
    try:
        parse_target(url)
    except TargetRefused as error:
        raise Refused("NOTIFY_URL_NOT_ALLOWED", str(error)) from error


# Apps.


def create_app(
    known: App | None,
    known_key: AppKey | None,
    merchant: Party,
    gateway_key: GatewayKey | None,
    command: CreateApp,
    now_ms: int,
) -> Decision:
    """Open an app with its first public key.

    Args:
        merchant: an active party.

    Raises:
        Refused: INVALID_PARAMETER, KEY_INVALID, KEY_NOT_EXIST (gateway key),
            NOTIFY_URL_NOT_ALLOWED.
    """
    _require(_APP_ID.fullmatch(command.app_id) is not None and known is None, "app_id")
    _require(merchant.kind is PartyKind.MERCHANT, "merchant_id")
    _require(bool(command.name.strip()), "name")
    _require(command.settlement in _SETTLEMENTS, "settlement")
    _require(command.confirm_within_ms > 0, "confirm_within_ms")
    _require(command.refund_within_ms >= 0, "refund_within_ms")
    _check_rate(command.fee_rate)
    _check_url(command.notify_url)
    if gateway_key is None:
        raise Refused("KEY_NOT_EXIST", "gateway_key_id")
    app = App(
        app_id=command.app_id,
        name=command.name.strip(),
        merchant_id=command.merchant_id,
        status=KeyStatus.ACTIVE,
        settlement=command.settlement,
        fee_rate=command.fee_rate,
        notify_url=command.notify_url,
        aes_key_sealed=command.aes_key_sealed,
        gateway_key_id=command.gateway_key_id,
        confirm_within_ms=command.confirm_within_ms,
        refund_within_ms=command.refund_within_ms,
        created_ms=now_ms,
    )
    key = _new_key(known_key, (), command.key_id, command.app_id, command.public_key, now_ms)
    return Decision(
        PartnerDone(id=app.app_id),
        rows=(app, key),
        events=(event("app.created", app.app_id, {"merchant_id": app.merchant_id}),),
    )


def update_app(app: App, gateway_key: GatewayKey | None, command: UpdateApp) -> Decision:
    """Change settings; the next request is answered with the new ones.

    Raises:
        Refused: as for `create_app`.
    """
    if command.name is not None:
        _require(bool(command.name.strip()), "name")
    if command.settlement is not None:
        _require(command.settlement in _SETTLEMENTS, "settlement")
    if command.fee_rate is not None:
        _check_rate(command.fee_rate)
    if command.notify_url is not None:
        _check_url(command.notify_url)
    if command.gateway_key_id is not None and gateway_key is None:
        raise Refused("KEY_NOT_EXIST", "gateway_key_id")
    given = {
        name: value
        for name in ("name", "notify_url", "fee_rate", "settlement", "gateway_key_id",
                     "aes_key_sealed")
        if (value := getattr(command, name)) is not None
    }  # fmt: skip
    return Decision(
        PartnerDone(id=app.app_id),
        rows=(replace(app, **given),),
        events=(_changed(app.app_id, ",".join(given)),),
    )


def set_app_status(app: App, command: SetAppStatus) -> Decision:
    """Disable or enable an app."""
    return Decision(
        PartnerDone(id=app.app_id),
        rows=(replace(app, status=command.status),),
        events=(_changed(app.app_id, "status"),),
    )


def add_seller(app: App, seller: Party) -> Decision:
    """Let an active merchant sell through the app; one that does already stays."""
    _require(seller.kind is PartyKind.MERCHANT, "party_id")
    return Decision(PartnerDone(id=seller.party_id), rows=(AppSeller(app.app_id, seller.party_id),))


# Keys.


def _new_key(
    known: AppKey | None, others: Sequence[AppKey], key_id: str, app_id: str, text: str, now_ms: int
) -> AppKey:
    _require(_KEY_ID.fullmatch(key_id) is not None and known is None, "key_id")
    public_key = _public_key(text)
    if any(other.public_key == public_key for other in others):
        # One that was retired may have been retired because it leaked.
        raise Refused("KEY_INVALID", "The app has or had this key before.")
    return AppKey(key_id, app_id, public_key, KeyStatus.ACTIVE, now_ms, 0)


def _active(keys: Sequence[AppKey]) -> int:
    return sum(key.status is KeyStatus.ACTIVE for key in keys)


def add_app_key(
    app: App, known: AppKey | None, keys: Sequence[AppKey], command: AddAppKey, now_ms: int
) -> Decision:
    """A further public key beside the app's others.

    Raises:
        Refused: KEY_INVALID, INVALID_PARAMETER (id taken, or ten keys are active).
    """
    key = _new_key(known, keys, command.key_id, app.app_id, command.public_key, now_ms)
    _require(_active(keys) < _ACTIVE_KEYS_MAX, f"An app has at most {_ACTIVE_KEYS_MAX} keys.")
    return Decision(PartnerDone(id=key.key_id), rows=(key,), events=(_changed(app.app_id, "keys"),))


def retire_app_key(keys: Sequence[AppKey], command: RetireAppKey, now_ms: int) -> Decision:
    """Accept a key no more; one that is retired already stays so.

    Raises:
        Refused: KEY_NOT_EXIST, KEY_IS_LAST.
    """
    key = next((one for one in keys if one.key_id == command.key_id), None)
    if key is None:
        raise Refused("KEY_NOT_EXIST")
    if key.status is KeyStatus.RETIRED:
        return Decision(PartnerDone(id=key.key_id))
    if _active(keys) == 1:
        raise Refused("KEY_IS_LAST")
    return Decision(
        PartnerDone(id=key.key_id),
        rows=(replace(key, status=KeyStatus.RETIRED, retired_ms=now_ms),),
        events=(_changed(command.app_id, "keys"),),
    )


def create_gateway_key(
    known: GatewayKey | None, command: CreateGatewayKey, now_ms: int
) -> Decision:
    """A key pair of the platform's own; apps are moved to it with `UpdateApp`."""
    _require(_KEY_ID.fullmatch(command.key_id) is not None and known is None, "key_id")
    _require(bool(command.private_sealed), "private_sealed")
    public_key = _public_key(command.public_key)
    key = GatewayKey(command.key_id, public_key, command.private_sealed, now_ms)
    created = event("app.gateway_key_created", key.key_id, {"public_key": key.public_key})
    return Decision(PartnerDone(id=key.key_id), rows=(key,), events=(created,))


def create_api_key(
    known: ApiKey | None, same_secret: ApiKey | None, app: App | None, command: CreateApiKey,
    now_ms: int, operator_id: str = "",
) -> Decision:  # fmt: skip
    """A REST key by the digest of its secret.

    Args:
        operator_id: the person for whom it stands; empty for a program of nobody's.

    Raises:
        Refused: INVALID_PARAMETER, APP_NOT_EXIST.
    """
    _require(_KEY_ID.fullmatch(command.key_id) is not None and known is None, "key_id")
    _require(len(command.secret_hash) == 32 and same_secret is None, "secret_hash")
    scopes = command.scopes.split()
    unknown = sorted(set(scopes) - SCOPES)
    _require(bool(scopes) and not unknown, f"scopes: {' '.join(unknown)}")
    if command.app_id and app is None:
        raise Refused("APP_NOT_EXIST")
    of_institution = bool(command.institution_id)
    _require(not (of_institution and command.app_id), "institution_id, app_id: one of the two.")
    fits = set(scopes) <= INSTITUTION_SCOPES if of_institution else True
    _require(fits, f"scopes: an institution's key has {' '.join(sorted(INSTITUTION_SCOPES))} only.")
    key = ApiKey(
        key_id=command.key_id,
        name=command.name,
        secret_hash=command.secret_hash,
        scopes=" ".join(dict.fromkeys(scopes)),
        app_id=command.app_id,
        status=KeyStatus.ACTIVE,
        created_ms=now_ms,
        operator_id=operator_id,
        institution_id=command.institution_id,
    )
    return Decision(PartnerDone(id=key.key_id), rows=(key,))


def revoke_api_key(key: ApiKey) -> Decision:
    """Accept a REST key no more."""
    return Decision(PartnerDone(id=key.key_id), rows=(replace(key, status=KeyStatus.RETIRED),))


# Operators and sessions.


def create_operator(
    known: Operator | None, same_login: Operator | None, command: CreateOperator, now_ms: int
) -> Decision:
    """Let somebody work at the console.

    Raises:
        Refused: INVALID_PARAMETER, LOGIN_TAKEN.
    """
    _require(_KEY_ID.fullmatch(command.operator_id) is not None and known is None, "operator_id")
    _require(bool(command.login.strip()) and command.login == command.login.strip(), "login")
    if same_login is not None:
        raise Refused("LOGIN_TAKEN")
    operator = Operator(
        operator_id=command.operator_id,
        login=command.login,
        role=command.role,
        password_hash=command.password_hash,
        status=KeyStatus.ACTIVE,
        wrong_count=0,
        locked_until_ms=0,
        created_ms=now_ms,
        institution_id=command.institution_id,
    )
    return Decision(PartnerDone(id=operator.operator_id), rows=(operator,))


def set_operator_status(
    operator: Operator, others: Sequence[Operator], command: SetOperatorStatus
) -> Decision:
    """Retire an operator or take one back; the last who may act stays.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    acting = [o for o in others if o.role is Role.OPERATOR and o.status is KeyStatus.ACTIVE]
    if command.status is KeyStatus.RETIRED and operator.role is Role.OPERATOR:
        _require(any(o.operator_id != operator.operator_id for o in acting), "the last operator")
    return Decision(
        PartnerDone(id=operator.operator_id), rows=(replace(operator, status=command.status),)
    )


def reset_operator_password(operator: Operator, command: ResetOperatorPassword) -> Decision:
    """Give an operator a new password and open its lock.

    Raises:
        Refused: INVALID_PARAMETER.
    """
    _require(bool(command.password_hash), "password_hash")
    changed = replace(
        operator, password_hash=command.password_hash, wrong_count=0, locked_until_ms=0
    )
    return Decision(PartnerDone(id=operator.operator_id), rows=(changed,))


def operator_try(operator: Operator, command: RecordOperatorTry, now_ms: int) -> Decision:
    """Count a console password, as a party's is counted.

    Raises:
        Refused: SIGN_IN_LOCKED.
    """
    before = Tries(operator.wrong_count, operator.locked_until_ms)
    after = tried(before, right=command.right, now_ms=now_ms, locked_code="SIGN_IN_LOCKED")
    changed = replace(
        operator, wrong_count=after.wrong_count, locked_until_ms=after.locked_until_ms
    )
    reply = PartyDone(
        party_id=operator.operator_id,
        wrong_count=after.wrong_count,
        locked_until_ms=after.locked_until_ms,
    )
    return Decision(reply, rows=(changed,) if changed != operator else ())


def open_session(known: WebSession | None, command: OpenSession, now_ms: int) -> Decision:
    """Remember a browser, for thirty days at most."""
    _require(len(command.session_index) == 16 and known is None, "session_index")
    _require(command.kind in ("operator", "institution", "party"), "kind")
    _require(now_ms < command.expires_ms <= now_ms + _SESSION_MAX_MS, "expires_ms")
    session = WebSession(
        command.session_index, command.kind, command.subject_id, command.expires_ms
    )
    return Decision(PartnerDone(id=command.subject_id), rows=(session,))
