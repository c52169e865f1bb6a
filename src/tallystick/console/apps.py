"""Apps for operators: settings, sellers, and the app's public keys."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from tallystick.console.frontend import Front, Frontend, RefusalText, error_text, refusal_text
from tallystick.console.operators import UNREPEATABLE, act, operators_page
from tallystick.console.requests import Form, need_operator, read_form
from tallystick.console.visitor import Asking, Visitor, WebRequest
from tallystick.parties.model import Party
from tallystick.parties.views import party_view
from tallystick.partners.keyring import seal_aes_key
from tallystick.partners.model import (
    AddAppKey,
    App,
    AppKey,
    AppSeller,
    GatewayKey,
    KeyStatus,
    RetireAppKey,
    SetAppStatus,
    UpdateApp,
)
from tallystick.partners.rsa2 import KeyFormatError, bare_public_key, parse_public_key
from tallystick.pipeline.commands import Command
from tallystick.pipeline.refusals import Refused

__all__ = ["APPS"]

_AES_BYTES: Final = 16
"""What the gateway's clients expect; REST takes longer keys too."""
_SETTINGS: Final = ("name", "notify_url", "fee_rate", "settlement", "gateway_key_id")


def _names(front: Frontend, party_ids: set[str]) -> dict[str, str]:
    """Masked names of parties by their numbers."""
    rows, sealer = front.platform.rows, front.platform.sealer
    found = {party_id: rows.get(Party, party_id) for party_id in party_ids}
    return {i: party_view(sealer, p).name if p else "" for i, p in found.items()}


def _app(front: Frontend, app_id: str) -> App:
    app = front.platform.rows.get(App, app_id)
    if app is None:
        raise Refused("APP_NOT_EXIST")
    return app


@get("/console/apps")
async def show_apps(front: Front, visitor: Asking) -> Response[str]:
    """All apps."""
    need_operator(visitor)
    apps = front.platform.rows.query(App, "ORDER BY created_ms, app_id")
    names = _names(front, {a.merchant_id for a in apps})
    return operators_page(front, visitor, "apps", "apps", apps=apps, names=names)


def _app_page(
    front: Frontend, visitor: Visitor, app_id: str, *,
    refusal: RefusalText | None = None, given: Form | None = None, secret: str = "",
) -> Response[str]:  # fmt: skip
    need_operator(visitor)
    rows = front.platform.rows
    app = _app(front, app_id)
    sellers = rows.select(AppSeller, app_id=app_id)
    form = {name: str(getattr(app, name)) for name in _SETTINGS}
    form |= {name: value for name, value in (given or {}).items() if name in form}
    return operators_page(
        front, visitor, "app", "apps", refusal=refusal, secret=secret, app=app, form=form,
        sellers=sellers,
        names=_names(front, {app.merchant_id, *(s.party_id for s in sellers)}),
        keys=sorted(rows.select(AppKey, app_id=app_id), key=lambda k: (-k.created_ms, k.key_id)),
        gateway_keys=rows.query(GatewayKey, "ORDER BY created_ms DESC, key_id"),
    )  # fmt: skip


@get("/console/apps/{app_id:str}")
async def show_app(app_id: FromPath[str], front: Front, visitor: Asking) -> Response[str]:
    """One app."""
    return _app_page(front, visitor, app_id)


async def _act_on_app(
    front: Frontend, visitor: Visitor, app_id: str, form: Form, command: Command, done: str, *,
    secret: str = "",
) -> Response[Any]:  # fmt: skip
    """Run an app's command; the app's page says what became of it, and a new secret this once."""
    try:
        await act(front, visitor, form, command, done)
    except Refused as refused:
        said = error_text(refused, visitor.language)
        return _app_page(front, visitor, app_id, refusal=said, given=form)
    if secret:
        return _app_page(front, visitor, app_id, secret=secret)
    return front.redirect(f"/console/apps/{app_id}", done=done)


@post("/console/apps/{app_id:str}/settings")
async def save_settings(
    app_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Change an app's settings; what did not change is left as it is."""
    need_operator(visitor)
    app, form = _app(front, app_id), await read_form(request)
    changed: dict[str, Any] = {
        name: form[name] for name in _SETTINGS if name in form and form[name] != getattr(app, name)
    }
    command = UpdateApp(app_id=app_id, **changed)
    return await _act_on_app(front, visitor, app_id, form, command, "saved")


@post("/console/apps/{app_id:str}/status")
async def set_status(
    app_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Disable an app, or enable it again."""
    form = await read_form(request)
    retired = form.get("status") == KeyStatus.RETIRED.value
    status = KeyStatus.RETIRED if retired else KeyStatus.ACTIVE
    command = SetAppStatus(app_id=app_id, status=status)
    return await _act_on_app(front, visitor, app_id, form, command, "saved")


@post("/console/apps/{app_id:str}/keys")
async def add_key(
    app_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Accept a further public key."""
    need_operator(visitor)
    form = await read_form(request)
    try:
        # A viewer's is not read: the pipeline refuses the rest, and writes it down.
        public_key = ""
        if visitor.may_act:
            public_key = bare_public_key(parse_public_key(form.get("public_key", "")))
    except KeyFormatError:
        said = refusal_text(Refused("KEY_INVALID").refusal, visitor.language)
        return _app_page(front, visitor, app_id, refusal=said)
    key_id = f"key-{form.get('form_id', '')[:12] or secrets.token_hex(6)}"
    command = AddAppKey(app_id=app_id, key_id=key_id, public_key=public_key)
    return await _act_on_app(front, visitor, app_id, form, command, "key_added")


@post("/console/apps/{app_id:str}/keys/{key_id:str}/retire")
async def retire_key(
    app_id: FromPath[str],
    key_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Accept a public key no more."""
    form = await read_form(request)
    command = RetireAppKey(app_id=app_id, key_id=key_id)
    return await _act_on_app(front, visitor, app_id, form, command, "key_retired")


@post("/console/apps/{app_id:str}/aes-key")
async def change_aes_key(
    app_id: FromPath[str],
    request: WebRequest,
    front: Front,
    visitor: Asking,
) -> Response[Any]:
    """Take an app's AES key away, or make a new one, which only this answer has."""
    need_operator(visitor)
    form = await read_form(request)
    secret = "" if form.get("change") == "remove" else _new_aes_key()
    sealed = seal_aes_key(front.platform.sealer, secret)
    command = UpdateApp(app_id=app_id, aes_key_sealed=sealed)
    sent = UNREPEATABLE if secret else form
    return await _act_on_app(front, visitor, app_id, sent, command, "saved", secret=secret)


def _new_aes_key() -> str:
    return base64.b64encode(secrets.token_bytes(_AES_BYTES)).decode()


APPS: Final = (
    show_apps, show_app, save_settings, set_status, add_key, retire_key, change_aes_key,
)  # fmt: skip
