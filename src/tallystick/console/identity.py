"""Signing in and out, and proving a payment password.

A password is checked on a worker thread; what came of it is told to the pipeline, which counts
and locks. A wrong login name takes as long as a wrong password.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from litestar import Response

from tallystick.console.display import refused_moment
from tallystick.console.frontend import Frontend, RefusalText, refusal_text
from tallystick.console.places import INSTITUTION_AREA, OPERATOR_AREA
from tallystick.console.security import INSTITUTION_COOKIE, OPERATOR_COOKIE, PARTY_COOKIE
from tallystick.console.texts import Language, text
from tallystick.console.visitor import Visitor
from tallystick.parties.model import (
    WRONG_TRIES_MAX,
    Party,
    PartyDone,
    PartyKind,
    RecordPasswordTry,
)
from tallystick.parties.views import party_by_login
from tallystick.partners.model import (
    CloseSession,
    KeyStatus,
    OpenSession,
    Operator,
    RecordOperatorTry,
)
from tallystick.partners.sessions import new_token, session_index
from tallystick.pipeline.commands import SYSTEM, Caller, CallerKind, Command
from tallystick.pipeline.refusals import Refusal, Refused

__all__ = [
    "Failed", "close_session", "failed_text", "open_session", "prove_payment_password",
    "sign_in_operator", "sign_in_party",
]  # fmt: skip

_HOUR_MS: Final = 3_600_000
_COOKIES: Final = {
    "party": (PARTY_COOKIE, "/"), "operator": (OPERATOR_COOKIE, OPERATOR_AREA),
    "institution": (INSTITUTION_COOKIE, INSTITUTION_AREA),
}  # fmt: skip


class Failed(NamedTuple):
    """A sign-in or proof that failed. `locked_until_ms` 0: not locked; `tries_left` -1: unknown.

    `proven_id` is whose password was right, where only risk stood in the way.
    """

    refusal: Refusal
    tries_left: int = -1
    locked_until_ms: int = 0
    proven_id: str = ""


def failed_text(failed: Failed, language: Language) -> RefusalText:
    """What a visitor is told: the sentence, and how many tries are left or until when to wait."""
    lines = []
    if failed.locked_until_ms:
        until = refused_moment(failed.locked_until_ms)
        lines.append(text("tries.until", language, moment=until))
    elif failed.tries_left >= 0:
        lines.append(text("tries.left", language, count=failed.tries_left))
    return refusal_text(failed.refusal, language, *lines)


async def _is_right(front: Frontend, password_hash: str, password: str) -> bool:
    hasher = front.hasher
    return await asyncio.to_thread(hasher.verify_password, password_hash, password)


def _as_operator(operator_id: str) -> Caller:
    """The system on behalf of an operator, so that it is written into the audit trail."""
    return Caller(CallerKind.OPERATOR, operator_id, SYSTEM.scopes)


async def _record(
    front: Frontend, command: Command, wrong: str, locked: str, caller: Caller = SYSTEM
) -> Failed | None:
    """Have a try counted; a wrong one, or a right one that came too late, is a failure."""
    answer = await front.submit(caller, command)
    if answer.refusal is not None:
        return Failed(answer.refusal)
    assert isinstance(answer.reply, PartyDone)
    done = answer.reply
    if done.locked_until_ms > front.platform.clock_ms():
        return Failed(Refusal(locked), 0, done.locked_until_ms)
    return Failed(Refusal(wrong), WRONG_TRIES_MAX - done.wrong_count) if done.wrong_count else None


async def sign_in_party(front: Frontend, login: str, password: str) -> Party | Failed:
    """The person or merchant whose login name and password these are."""
    platform = front.platform
    party = party_by_login(platform.rows, platform.sealer, login)
    if party is None or party.kind is PartyKind.INSTITUTION:
        await _is_right(front, "", password)
        return Failed(Refusal("SIGN_IN_FAILED"))
    if party.login_locked_until_ms > platform.clock_ms():
        return Failed(Refusal("SIGN_IN_LOCKED"), 0, party.login_locked_until_ms)
    right = await _is_right(front, party.login_hash, password)
    command = RecordPasswordTry(party_id=party.party_id, password="login", right=right)  # noqa: S106
    failed = await _record(front, command, "SIGN_IN_FAILED", "SIGN_IN_LOCKED")
    if failed is not None and right and failed.refusal.code == "RISK_CHALLENGE":
        return failed._replace(proven_id=party.party_id)
    return failed or party


async def prove_payment_password(front: Frontend, party: Party, password: str) -> Failed | None:
    """Whether this is the party's payment password; None when it is."""
    if party.payment_locked_until_ms > front.platform.clock_ms():
        return Failed(Refusal("PAYMENT_PASSWORD_LOCKED"), 0, party.payment_locked_until_ms)
    right = await _is_right(front, party.payment_hash, password)
    command = RecordPasswordTry(party_id=party.party_id, password="payment", right=right)  # noqa: S106
    return await _record(front, command, "PAYMENT_PASSWORD_WRONG", "PAYMENT_PASSWORD_LOCKED")


async def sign_in_operator(
    front: Frontend, login: str, password: str, *, of_institution: bool = False
) -> Operator | Failed:
    """The operator whose login name and password these are.

    Args:
        of_institution: whether one of an institution is wanted; else one of the platform's own.
    """
    operator = front.platform.rows.find(Operator, login=login)
    here = operator is not None and bool(operator.institution_id) == of_institution
    if operator is None or operator.status is not KeyStatus.ACTIVE or not here:
        await _is_right(front, "", password)
        return Failed(Refusal("SIGN_IN_FAILED"))
    if operator.locked_until_ms > front.platform.clock_ms():
        return Failed(Refusal("SIGN_IN_LOCKED"), 0, operator.locked_until_ms)
    right = await _is_right(front, operator.password_hash, password)
    command = RecordOperatorTry(operator_id=operator.operator_id, right=right)
    # A right try needs no line of its own: the session that it opens has one.
    caller = SYSTEM if right else _as_operator(operator.operator_id)
    failed = await _record(front, command, "SIGN_IN_FAILED", "SIGN_IN_LOCKED", caller)
    return failed or operator


async def open_session(
    front: Frontend, visitor: Visitor, answer: Response[Any], kind: str, subject_id: str
) -> None:
    """Remember the browser under a new token; what it held before is worth nothing any more.

    Raises:
        Refused: risk does not allow the session.
    """
    await _forget(front, visitor)
    token = new_token()
    settings = front.platform.settings
    hours = settings.operator_session_hours if kind != "party" else settings.wallet_session_hours
    command = OpenSession(
        session_index=session_index(token),
        kind=kind,
        subject_id=subject_id,
        expires_ms=front.platform.clock_ms() + hours * _HOUR_MS,
    )
    caller = _as_operator(subject_id) if kind != "party" else SYSTEM
    opened = await front.submit(caller, command)
    if opened.refusal is not None:
        raise Refused(*opened.refusal)
    name, path = _COOKIES[kind]
    front.set_cookie(answer, name, token, path=path)


async def close_session(
    front: Frontend, visitor: Visitor, answer: Response[Any], kind: str
) -> None:
    """Forget the browser, here and there."""
    await _forget(front, visitor)
    name, path = _COOKIES[kind]
    front.set_cookie(answer, name, "", path=path, max_age_s=0)


async def _forget(front: Frontend, visitor: Visitor) -> None:
    operator = visitor.operator or visitor.institution
    if visitor.party is None and operator is None:
        return
    caller = SYSTEM if operator is None else _as_operator(operator.operator_id)
    await front.submit(caller, CloseSession(session_index=session_index(visitor.session)))
