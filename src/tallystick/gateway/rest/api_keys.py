"""Keys of this API: issuing one, whose secret is shown in that answer only, and revoking it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta

from tallystick.gateway.rest.fields import (
    ApiKeyId,
    AppId,
    Body,
    Cursor,
    Limit,
    Ms,
    PartyId,
    Query,
    Shape,
)
from tallystick.gateway.rest.operation import Call, Operation, change, look
from tallystick.gateway.rest.pages import Listing, Page, page_of
from tallystick.partners.api_keys import SCOPES, NewSecret, api_key_text
from tallystick.partners.model import ApiKey, CreateApiKey, KeyStatus, PartnerDone, RevokeApiKey

__all__ = ["API_KEY_OPERATIONS"]

_TAG: Final = "API keys"
_WRITE: Final = "apps:write"
_READ: Final = "apps:read"

ScopeName = Annotated[
    str,
    Meta(
        max_length=40,
        description="One of the scopes.",
        examples=["payments:read"],
        extra_json_schema={"enum": sorted(SCOPES)},
    ),
]


class NewApiKey(Body, frozen=True, kw_only=True):
    """A key to issue; it gets no scope that the asking key has not."""

    name: Annotated[str, Meta(min_length=1, max_length=100, examples=["Warehouse"])]
    scopes: Annotated[tuple[ScopeName, ...], Meta(min_length=1, max_length=len(SCOPES))]
    app_id: AppId | None = None
    institution_id: PartyId | None = None


class ApiKeyQuery(Query, frozen=True, kw_only=True):
    """Which keys; what is left out does not filter."""

    app_id: AppId | None = None
    limit: Limit = 20
    cursor: Cursor = ""


class ApiKeyShape(Shape, frozen=True, kw_only=True):
    """A key without its secret, which nobody has but its owner."""

    key_id: ApiKeyId
    name: str
    scopes: list[str]
    app_id: str
    active: bool
    created_ms: Ms


class IssuedKey(Shape, frozen=True, kw_only=True):
    """The new key; `api_key` is what its owner sends. Keep it: only its digest is stored."""

    key_id: ApiKeyId
    api_key: Annotated[str, Meta(examples=["tsk_5f2c9a71d3e0_9a…"])]


class ApiKeyState(Shape, frozen=True, kw_only=True):
    """The key that was revoked."""

    key_id: ApiKeyId


def _secret(call: Call) -> NewSecret:
    """The key that stands for this request, so that a lost answer can be asked for again."""
    key_id = call.derived("api key id").hex()[:12]
    secret = call.derived("api key secret", "1") + call.derived("api key secret", "2")
    return api_key_text(key_id, secret[:24])


def create(call: Call, body: NewApiKey) -> CreateApiKey:
    """The command that issues a key."""
    identity, secret = call.identity, _secret(call)
    app_id = identity.app(body.app_id or "") if identity.app_id else body.app_id or ""
    return CreateApiKey(
        key_id=secret.key_id,
        name=body.name,
        secret_hash=secret.digest,
        scopes=" ".join(body.scopes),
        app_id=app_id,
        institution_id=body.institution_id or "",
    )


def _issued(call: Call, done: PartnerDone) -> IssuedKey:
    return IssuedKey(key_id=done.id, api_key=_secret(call).text)


def revoke(call: Call, body: Any) -> RevokeApiKey:
    """The command that accepts a key no more."""
    return RevokeApiKey(key_id=call.path["key_id"])


def _revoked(done: PartnerDone) -> ApiKeyState:
    return ApiKeyState(key_id=done.id)


def _shape(key: ApiKey) -> ApiKeyShape:
    return ApiKeyShape(
        key_id=key.key_id,
        name=key.name,
        scopes=key.scopes.split(),
        app_id=key.app_id,
        active=key.status is KeyStatus.ACTIVE,
        created_ms=key.created_ms,
    )


_KEYS: Final = Listing(ApiKey, "created_ms", "key_id")


def list_keys(call: Call, query: ApiKeyQuery) -> Page[ApiKeyShape]:
    """Keys, newest first."""
    wanted = query.app_id or ""
    app_id = call.identity.app(wanted) if call.identity.app_id else wanted
    return page_of(
        call, _KEYS, _shape, limit=query.limit, cursor=query.cursor, app_id=app_id
    )  # fmt: skip


API_KEY_OPERATIONS: Final[tuple[Operation, ...]] = (
    change(
        "/v1/api-keys", "createApiKey", tag=_TAG, scope=_WRITE, status=201,
        summary="Issue a key of this API",
        description="The secret is in this answer and nowhere else. A key bound to an app acts as "
        "that app; one of an institution sees its own loans only.",
        body=NewApiKey, command=create, show=_issued, shows_call=True, answer=IssuedKey,
        refusals=("APP_NOT_EXIST", "INSTITUTION_NOT_EXIST", "INVALID_PARAMETER"),
        example={"name": "Warehouse", "scopes": ["payments:read", "payments:write"],
                 "app_id": "2026000000000001"},
    ),
    look(
        "/v1/api-keys", "listApiKeys", tag=_TAG, scope=_READ, summary="List keys of this API",
        description="Newest first, revoked ones too.", query=ApiKeyQuery, find=list_keys,
        answer=Page[ApiKeyShape],
    ),
    change(
        "/v1/api-keys/{key_id}/revoke", "revokeApiKey", tag=_TAG, scope=_WRITE,
        parameters={"key_id": ApiKeyId}, summary="Revoke a key of this API",
        description="It is accepted no more, from the next request on.", command=revoke,
        show=_revoked, answer=ApiKeyState, refusals=("KEY_NOT_EXIST",),
    ),
)  # fmt: skip
