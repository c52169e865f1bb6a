"""Apps of partners: opening, settings, public keys that are changed without a pause, sellers."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    AppId,
    Body,
    Cursor,
    KeyId,
    Limit,
    Ms,
    PartyId,
    Query,
    Settlement,
    Shape,
    Url,
    moment,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.partners import views
from tallystick.partners.keyring import seal_aes_key
from tallystick.partners.model import (
    AddAppKey,
    AddSeller,
    App,
    AppKey,
    CreateApp,
    GatewayKey,
    KeyStatus,
    PartnerDone,
    RetireAppKey,
    SetAppStatus,
    UpdateApp,
)
from tallystick.pipeline.refusals import Refused

__all__ = ["APP_OPERATIONS"]

_TAG: Final = "Apps"
_WRITE: Final = "apps:write"
_READ: Final = "apps:read"
_ONE: Final = {"app_id": AppId}
_ONE_KEY: Final = {"app_id": AppId, "key_id": KeyId}
_APP_ID_DIGITS: Final = 12
_APP_ID_START: Final = "2090"

Name = Annotated[str, Meta(min_length=1, max_length=100, examples=["Tea market"])]
PublicKey = Annotated[
    str,
    Meta(
        min_length=300,
        max_length=4000,
        description="RSA, at least 2048 bits: PEM, or one line of base64.",
        examples=["MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A…"],
    ),
]
AesKey = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z0-9+/]{22}==|[A-Za-z0-9+/]{32}|[A-Za-z0-9+/]{43}=)?\Z",
        description="For encrypted content: base64 of 16, 24 or 32 bytes; empty for none.",
        examples=["AAECAwQFBgcICQoLDA0ODw=="],
    ),
]
Rate = Annotated[
    str,
    Meta(
        pattern=r"^0(\.[0-9]{1,6})?\Z",
        description="The platform's fee as a part of each payment.",
        examples=["0.006"],
    ),
]


class NewApp(Body, frozen=True, kw_only=True):
    """An app to open for a merchant, with its first public key."""

    name: Name
    merchant_id: PartyId
    public_key: PublicKey
    gateway_key_id: KeyId
    settlement: Settlement = "escrow"
    fee_rate: Rate = "0.006"
    notify_url: Url = ""
    aes_key: AesKey = ""


class AppChange(Body, frozen=True, kw_only=True):
    """Settings to change; what is left out stays."""

    name: Name | None = None
    notify_url: Url | None = None
    fee_rate: Rate | None = None
    settlement: Settlement | None = None
    gateway_key_id: KeyId | None = None
    aes_key: AesKey | None = None


class AppEnabling(Body, frozen=True, kw_only=True):
    """Whether the app may call."""

    enabled: bool


class NewAppKey(Body, frozen=True, kw_only=True):
    """A further public key of the app."""

    public_key: PublicKey


class NewSeller(Body, frozen=True, kw_only=True):
    """A merchant that is to sell through the app."""

    party_id: PartyId


class AppQuery(Query, frozen=True, kw_only=True):
    """Which apps; what is left out does not filter."""

    merchant_id: PartyId | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class AppShape(Shape, frozen=True, kw_only=True):
    """An app. `gateway_key_id` names the key that signs what it is told.

    `encrypts`: whether it has an AES key; the key itself is never shown.
    """

    app_id: AppId
    name: str
    merchant_id: PartyId
    enabled: bool
    settlement: str
    fee_rate: str
    notify_url: str
    gateway_key_id: str
    encrypts: bool
    confirm_within_ms: int
    refund_within_ms: int
    created_ms: Ms


class AppState(Shape, frozen=True, kw_only=True):
    """The app that was opened or changed."""

    app_id: AppId


class AppKeyShape(Shape, frozen=True, kw_only=True):
    """A public key of an app; `retired_ms` is null while it is accepted."""

    key_id: KeyId
    public_key: str
    active: bool
    created_ms: Ms
    retired_ms: Ms | None


class AppKeyList(Shape, frozen=True, kw_only=True):
    """All keys of an app, oldest first."""

    items: list[AppKeyShape]


class KeyState(Shape, frozen=True, kw_only=True):
    """The key that was added or retired."""

    key_id: KeyId


class SellerList(Shape, frozen=True, kw_only=True):
    """The merchants that sell through an app, beside its own."""

    items: list[PartyId]


class SellerState(Shape, frozen=True, kw_only=True):
    """The seller that was added."""

    party_id: PartyId


class GatewayKeyShape(Shape, frozen=True, kw_only=True):
    """A key with which the platform signs: its public half, one line of base64."""

    key_id: KeyId
    public_key: str
    created_ms: Ms


class GatewayKeyList(Shape, frozen=True, kw_only=True):
    """All keys of the platform, oldest first."""

    items: list[GatewayKeyShape]


def _app(call: Call) -> App:
    """The app in the path, if this caller may know of it."""
    app = call.platform.rows.get(App, call.path["app_id"])
    if app is None or not call.identity.sees(app.app_id):
        raise Refused("APP_NOT_EXIST")
    return app


def _sealed(call: Call, aes_key: str) -> bytes:
    """The key as it is stored; the same request sent again seals it the same."""
    nonce = call.derived("aes key nonce", *call.path.values(), aes_key)[:12]
    return seal_aes_key(call.platform.sealer, aes_key, nonce)


def create_app(call: Call, body: NewApp) -> CreateApp:
    """The command that opens an app; its number stands for the request."""
    number = int.from_bytes(call.derived("app"), "big") % 10**_APP_ID_DIGITS
    return CreateApp(
        app_id=f"{_APP_ID_START}{number:0{_APP_ID_DIGITS}d}",
        name=body.name,
        merchant_id=body.merchant_id,
        public_key=body.public_key,
        key_id=f"key-{call.derived('app key').hex()[:12]}",
        gateway_key_id=body.gateway_key_id,
        settlement=body.settlement,
        fee_rate=body.fee_rate,
        notify_url=body.notify_url,
        aes_key_sealed=_sealed(call, body.aes_key),
    )


def update_app(call: Call, body: AppChange) -> UpdateApp:
    """The command that changes settings."""
    return UpdateApp(
        app_id=call.path["app_id"],
        name=body.name,
        notify_url=body.notify_url,
        fee_rate=body.fee_rate,
        settlement=body.settlement,
        gateway_key_id=body.gateway_key_id,
        aes_key_sealed=None if body.aes_key is None else _sealed(call, body.aes_key),
    )


def enable_app(call: Call, body: AppEnabling) -> SetAppStatus:
    """The command that disables an app or enables it again."""
    status = KeyStatus.ACTIVE if body.enabled else KeyStatus.RETIRED
    return SetAppStatus(app_id=call.path["app_id"], status=status)


def add_key(call: Call, body: NewAppKey) -> AddAppKey:
    """The command that adds a public key."""
    app = _app(call)
    key_id = f"key-{call.derived('app key', app.app_id).hex()[:12]}"
    return AddAppKey(app_id=app.app_id, key_id=key_id, public_key=body.public_key)


def retire_key(call: Call, body: Any) -> RetireAppKey:
    """The command that accepts a public key no more."""
    return RetireAppKey(app_id=_app(call).app_id, key_id=call.path["key_id"])


def add_seller(call: Call, body: NewSeller) -> AddSeller:
    """The command that lets a merchant sell through the app."""
    return AddSeller(app_id=call.path["app_id"], party_id=body.party_id)


def _app_state(done: PartnerDone) -> AppState:
    return AppState(app_id=done.id)


def _key_state(done: PartnerDone) -> KeyState:
    return KeyState(key_id=done.id)


def _seller_state(done: PartnerDone) -> SellerState:
    return SellerState(party_id=done.id)


def _app_shape(app: App) -> AppShape:
    return AppShape(
        app_id=app.app_id,
        name=app.name,
        merchant_id=app.merchant_id,
        enabled=app.status is KeyStatus.ACTIVE,
        settlement=app.settlement,
        fee_rate=app.fee_rate,
        notify_url=app.notify_url,
        gateway_key_id=app.gateway_key_id,
        encrypts=bool(app.aes_key_sealed),
        confirm_within_ms=app.confirm_within_ms,
        refund_within_ms=app.refund_within_ms,
        created_ms=app.created_ms,
    )


def _key_shape(key: AppKey) -> AppKeyShape:
    return AppKeyShape(
        key_id=key.key_id,
        public_key=key.public_key,
        active=key.status is KeyStatus.ACTIVE,
        created_ms=key.created_ms,
        retired_ms=moment(key.retired_ms),
    )


_APPS: Final = Listing(App, "created_ms", "app_id")


def list_apps(call: Call, query: AppQuery) -> Page[AppShape]:
    """Apps, newest first."""
    return page_of(
        call,
        _APPS,
        _app_shape,
        limit=query.limit,
        cursor=query.cursor,
        app_id=call.identity.app_id,
        merchant_id=query.merchant_id or "",
    )


def get_app(call: Call, query: Query) -> AppShape:
    """An app as it is now."""
    return _app_shape(_app(call))


def list_keys(call: Call, query: Query) -> AppKeyList:
    """An app's public keys."""
    keys = views.app_keys(call.platform.rows, _app(call).app_id)
    return AppKeyList(items=[_key_shape(key) for key in keys])


def list_sellers(call: Call, query: Query) -> SellerList:
    """An app's sellers."""
    return SellerList(items=views.app_sellers(call.platform.rows, _app(call).app_id))


def _gateway_key(key: GatewayKey) -> GatewayKeyShape:
    return GatewayKeyShape(key_id=key.key_id, public_key=key.public_key, created_ms=key.created_ms)


def list_gateway_keys(call: Call, query: Query) -> GatewayKeyList:
    """The platform's own public keys."""
    keys = views.gateway_keys(call.platform.rows)
    return GatewayKeyList(items=[_gateway_key(key) for key in keys])


_SETTINGS: Final = (
    "APP_NOT_EXIST", "KEY_NOT_EXIST", "NOTIFY_URL_NOT_ALLOWED", "INVALID_PARAMETER",
)  # fmt: skip

APP_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/apps", "createApp", tag=_TAG, scope=_WRITE, for_apps=False, status=201,
        summary="Open an app for a merchant",
        description="With its first public key. `gateway_key_id` names the platform's key that "
        "signs for it.",
        body=NewApp, command=create_app, show=_app_state, answer=AppState,
        refusals=("PARTY_NOT_EXIST", "PARTY_BLOCKED", "KEY_INVALID", "KEY_NOT_EXIST",
                  "NOTIFY_URL_NOT_ALLOWED", "INVALID_PARAMETER"),
        example={"name": "Tea market", "merchant_id": "2088000000000002",
                 "gateway_key_id": "gateway-1", "public_key": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A…"},
    ),
    look(
        "/v1/apps", "listApps", tag=_TAG, scope=_READ, summary="List apps",
        description="Newest first. A key that is bound to an app sees that app.", query=AppQuery,
        find=list_apps, answer=Page[AppShape],
    ),
    look(
        "/v1/apps/{app_id}", "getApp", tag=_TAG, scope=_READ, summary="See an app",
        parameters=_ONE, query=Query, find=get_app, answer=AppShape, refusals=("APP_NOT_EXIST",),
    ),
    change(
        "/v1/apps/{app_id}/settings", "updateApp", tag=_TAG, scope=_WRITE, for_apps=False,
        parameters=_ONE, summary="Change an app's settings",
        description="What is left out stays.", body=AppChange, command=update_app,
        show=_app_state, answer=AppState, refusals=_SETTINGS,
        example={"notify_url": "https://shop.example/notify"},
    ),
    change(
        "/v1/apps/{app_id}/status", "enableApp", tag=_TAG, scope=_WRITE, for_apps=False,
        parameters=_ONE, summary="Disable an app, or enable it again",
        body=AppEnabling, command=enable_app, show=_app_state, answer=AppState,
        refusals=("APP_NOT_EXIST",), example={"enabled": True},
    ),
    look(
        "/v1/apps/{app_id}/keys", "listAppKeys", tag=_TAG, scope=_READ, parameters=_ONE,
        summary="List an app's public keys", description="Oldest first, retired ones too.",
        query=Query, find=list_keys, answer=AppKeyList, refusals=("APP_NOT_EXIST",),
    ),
    change(
        "/v1/apps/{app_id}/keys", "addAppKey", tag=_TAG, scope=_WRITE, parameters=_ONE,
        status=201, summary="Add a public key",
        description="Both keys are accepted until the old one is retired, so that a partner "
        "changes over without a pause.",
        body=NewAppKey, command=add_key, show=_key_state, answer=KeyState,
        refusals=("APP_NOT_EXIST", "KEY_INVALID", "INVALID_PARAMETER"),
        example={"public_key": "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A…"},
    ),
    change(
        "/v1/apps/{app_id}/keys/{key_id}/retire", "retireAppKey", tag=_TAG, scope=_WRITE,
        parameters=_ONE_KEY, summary="Retire a public key",
        description="It is accepted no more. The last active key stays.", command=retire_key,
        show=_key_state, answer=KeyState,
        refusals=("APP_NOT_EXIST", "KEY_NOT_EXIST", "KEY_IS_LAST"),
    ),
    look(
        "/v1/apps/{app_id}/sellers", "listSellers", tag=_TAG, scope=_READ, parameters=_ONE,
        summary="List an app's sellers", query=Query, find=list_sellers, answer=SellerList,
        refusals=("APP_NOT_EXIST",),
    ),
    change(
        "/v1/apps/{app_id}/sellers", "addSeller", tag=_TAG, scope=_WRITE, for_apps=False,
        parameters=_ONE, status=201, summary="Let a merchant sell through an app",
        body=NewSeller, command=add_seller, show=_seller_state, answer=SellerState,
        refusals=("APP_NOT_EXIST", "PARTY_NOT_EXIST", "PARTY_BLOCKED", "INVALID_PARAMETER"),
        example={"party_id": "2088000000000003"},
    ),
    look(
        "/v1/gateway-keys", "listGatewayKeys", tag=_TAG, scope=_READ,
        summary="List the platform's public keys",
        description="Those with which answers and notifications are verified.", query=Query,
        find=list_gateway_keys, answer=GatewayKeyList,
    ),
)  # fmt: skip
