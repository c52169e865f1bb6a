"""Nonces of signed requests, each good once; and the removal of what is over."""

from __future__ import annotations

from tallystick.partners.model import ForgetExpired, PartnerDone, SeenNonce, UseNonce, WebSession
from tallystick.pipeline.commands import Context, Reply
from tallystick.pipeline.refusals import Refused
from tallystick.pipeline.timers import set_timer

__all__ = ["FORGET_TIMER", "UseNonce", "forget_expired", "forget_later", "use_nonce"]

FORGET_TIMER = "partners.forget_expired"
FORGET_AFTER_MS = 10 * 60_000

_AT_ONCE = 1000


def forget_later(context: Context, after_ms: int = FORGET_AFTER_MS) -> None:
    """See to it that what is over will be removed."""
    if not context.uow.timer_is_set(FORGET_TIMER):
        set_timer(context.uow, FORGET_TIMER, context.now_ms + after_ms, ForgetExpired())


def use_nonce(command: UseNonce, context: Context) -> Reply:
    """Take a nonce.

    Raises:
        Refused: REPLAYED_REQUEST when it was taken before and is not over.
    """
    known = context.uow.get(SeenNonce, command.nonce_index)
    if known is not None and known.expires_ms > context.now_ms:
        raise Refused("REPLAYED_REQUEST")
    context.uow.put(SeenNonce(command.nonce_index, command.expires_ms))
    forget_later(context)
    return PartnerDone(id=command.nonce_index.hex())


def forget_expired(command: ForgetExpired, context: Context) -> Reply:
    """Remove nonces and sessions that are over; come again while there are any left."""
    uow, now_ms, left, most = context.uow, context.now_ms, 0, 0
    for row, table, key in (
        (SeenNonce, "seen_nonce", "nonce_index"),
        (WebSession, "web_session", "session_index"),
    ):
        # The list is the committed one; the batch may have put a row anew since.
        over = uow.connection.execute(
            f"SELECT {key} FROM {table} WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?",  # noqa: S608
            (now_ms, _AT_ONCE),
        ).fetchall()
        most = max(most, len(over))
        for (index,) in over:
            held = uow.get(row, index)
            if held is not None and held.expires_ms <= now_ms:  # type: ignore[attr-defined]
                uow.delete(held)
        kept = f"SELECT 1 FROM {table} LIMIT ?"  # noqa: S608
        left += len(uow.connection.execute(kept, (len(over) + 1,)).fetchall()) - len(over)
    if left > 0:
        forget_later(context, 1 if most == _AT_ONCE else FORGET_AFTER_MS)
    return PartnerDone(id="")
