"""Who may touch whose money: the app a caller stands for, and the wallets it may pay from."""

from __future__ import annotations

from tallystick.partners.model import ApiKey, App, AppSeller, KeyStatus
from tallystick.pipeline.commands import CallerKind, Context
from tallystick.pipeline.refusals import Refused
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["acting_app", "sells_through", "usable_app", "wallet_owner_check"]


def acting_app(context: Context, named: str) -> str:
    """The app that a command is for: the caller's own, or the one that it names; may be empty.

    Raises:
        Refused: NOT_PERMITTED when an app (or a key bound to one) names another.
    """
    caller, own = context.caller, ""
    if caller.kind is CallerKind.APP:
        own = caller.id
    elif caller.kind is CallerKind.KEY:
        key = context.uow.get(ApiKey, caller.id)
        own = key.app_id if key is not None else ""
    if own and named not in ("", own):
        raise Refused("NOT_PERMITTED", "An app acts for itself only.")
    return own or named


def usable_app(uow: UnitOfWork, app_id: str) -> App:
    """An app that is in use.

    Raises:
        Refused: APP_NOT_EXIST or APP_DISABLED.
    """
    app = uow.get(App, app_id)
    if app is None:
        raise Refused("APP_NOT_EXIST")
    if app.status is not KeyStatus.ACTIVE:
        raise Refused("APP_DISABLED")
    return app


def sells_through(uow: UnitOfWork, app: App, party_id: str) -> bool:
    """Whether a party is the app's merchant or one of its sellers."""
    return party_id == app.merchant_id or uow.get(AppSeller, app.app_id, party_id) is not None


def wallet_owner_check(context: Context, party_id: str, app_id: str) -> None:
    """Pass when the caller may move money out of (or into) this party's wallet.

    A person acts for itself only; an app for its own merchant and its sellers.

    Raises:
        Refused: NOT_PERMITTED, APP_NOT_EXIST or APP_DISABLED.
    """
    caller = context.caller
    if caller.kind is CallerKind.PARTY and (caller.id != party_id or app_id):
        raise Refused("NOT_PERMITTED", "A person moves money of their own only.")
    if app_id and not sells_through(context.uow, usable_app(context.uow, app_id), party_id):
        raise Refused("NOT_PERMITTED", "An app moves money of its own merchant or sellers only.")
