"""Keys for operators: the REST API's, and those with which the platform signs."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.display import iso_day
from tallystick.console.frontend import Front, Frontend, RefusalText, error_text
from tallystick.console.operators import UNREPEATABLE, act, operators_page
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.partners.api_keys import SCOPES, new_key_id, new_secret
from tallystick.partners.keyring import new_gateway_key
from tallystick.partners.model import ApiKey, App, CreateApiKey, GatewayKey, RevokeApiKey
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["KEYS"]


def _keys_page(
    front: Frontend, visitor: Visitor, *, refusal: RefusalText | None = None, secret: str = ""
) -> Response[str]:
    need_operator(visitor)
    rows = front.platform.rows
    apps = rows.query(App, "ORDER BY created_ms, app_id")
    used_by: dict[str, list[str]] = {}
    for app in apps:
        used_by.setdefault(app.gateway_key_id, []).append(app.name)
    return operators_page(
        front, visitor, "keys", "keys", refusal=refusal, secret=secret, apps=apps,
        api_keys=rows.query(ApiKey, "ORDER BY created_ms DESC, key_id"),
        gateway_keys=rows.query(GatewayKey, "ORDER BY created_ms DESC, key_id"),
        used_by=used_by, scopes=sorted(SCOPES),
    )  # fmt: skip


@get("/console/keys")
async def show_keys(front: Front, visitor: Asking) -> Response[str]:
    """All keys."""
    return _keys_page(front, visitor)


async def _act_on_keys(
    front: Frontend, visitor: Visitor, form: Form, command: Command, done: str
) -> Response[Any]:
    """Run a key's command; the page of keys says what became of it."""
    try:
        await act(front, visitor, form, command, done)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _keys_page(front, visitor, refusal=said)
    return front.redirect("/console/keys", done=done)


@post("/console/keys")
async def create_key(request: WebRequest, front: Front, visitor: Asking) -> Response[Any]:
    """A new REST key; its secret is in this one answer and nowhere else."""
    need_operator(visitor)
    form = await read_form(request)
    key_id = new_key_id()
    secret = new_secret(key_id)
    command = CreateApiKey(
        key_id=key_id,
        name=form.get("name", ""),
        secret_hash=secret.digest,
        scopes=" ".join(s for s in sorted(SCOPES) if form.get(f"scope:{s}") == "yes"),
        app_id=form.get("app_id", ""),
    )
    try:
        await act(front, visitor, UNREPEATABLE, command, "create")
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _keys_page(front, visitor, refusal=said)
    return _keys_page(front, visitor, secret=secret.text)


@post("/console/keys/{key_id:str}/revoke")
async def revoke_key(
    key_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Accept a REST key no more."""
    form = await read_form(request)
    command = RevokeApiKey(key_id=key_id)
    return await _act_on_keys(front, visitor, form, command, "key_revoked")


@post("/console/gateway-keys")
async def create_gateway_key(front: Front, visitor: Asking) -> Response[Any]:
    """A new key pair for the platform; apps change over to it one by one."""
    need_operator(visitor)
    day = iso_day(front.platform.clock_ms())
    key_id = f"gateway-{day}-{secrets.token_hex(3)}"
    command = await asyncio.to_thread(new_gateway_key, front.platform.sealer, key_id)
    return await _act_on_keys(front, visitor, UNREPEATABLE, command, "key_made")


KEYS: Final = (show_keys, create_key, revoke_key, create_gateway_key)
