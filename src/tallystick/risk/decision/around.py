"""What counts beside the rules: what a person has answered, proved, or is warned of."""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from tallystick.pipeline.commands import CallerKind, Command, Context, Request, command_bytes
from tallystick.pipeline.numbers import dated_number
from tallystick.risk.decision.decide import NO_WARNING, UNREMARKABLE, Circumstances, Warned
from tallystick.risk.decision.model import Review, StepUp
from tallystick.risk.decision.rules import Outcome, Verdict
from tallystick.store.unit_of_work import UnitOfWork

__all__ = [
    "NoWarnings", "Warnings", "circumstances", "fingerprint_of", "fingerprint_of_run",
    "has_own_number",
]  # fmt: skip

_NUMBERS: Final = (
    "out_biz_no", "out_trade_no", "out_request_no", "out_order_no", "trade_no", "order", "payment",
)  # fmt: skip
"""Fields that hold the number by which a product knows a command."""


class Warnings(Protocol):
    """Warns of accounts; asked on the executor's thread."""

    def follow(self, uow: UnitOfWork) -> bool:
        """Take over what has changed; whether every decision is to be recorded."""
        ...

    def of(self, party: str) -> Warned:
        """What is said of a party."""
        ...


class NoWarnings:
    """Warns of nobody."""

    def follow(self, uow: UnitOfWork) -> bool:
        """Nothing changes."""
        return False

    def of(self, party: str) -> Warned:
        """Nothing."""
        return NO_WARNING


def fingerprint_of(request: Request) -> bytes:
    """What stands for the same command by the same caller, whatever its request id.

    What the platform asks for somebody (a sign-in) is the same from the same device and address.
    """
    caller = f"{request.caller.kind}\0{request.caller.id}\0".encode()
    if request.caller.kind is CallerKind.SYSTEM:
        caller += f"{request.origin.device}\0{request.origin.address}\0".encode()
    return hashlib.blake2b(caller + command_bytes(request.command), digest_size=16).digest()


def has_own_number(command: Command) -> bool:
    """Whether its product knows a command by a number, and does it once however often asked."""
    return any(getattr(command, name, "") for name in _NUMBERS)


def fingerprint_of_run(fingerprint: bytes, request_key: bytes) -> bytes:
    """What stands for a command that has run: the same request alone, not one like it."""
    return hashlib.blake2b(fingerprint + request_key, digest_size=16).digest()


def _review_of(request: Request, context: Context) -> Review | None:
    fingerprint, find = fingerprint_of(request), context.uow.find
    if not has_own_number(request.command):
        run = fingerprint_of_run(fingerprint, context.request_key)
        if found := find(Review, fingerprint=run):
            return found
    return find(Review, fingerprint=fingerprint)


def circumstances(
    request: Request, context: Context, verdict: Verdict, listed: tuple[str, ...], party: str,
    warned: str,
) -> tuple[Circumstances, str]:  # fmt: skip
    """What a person has answered to this command before, where that matters.

    Returns:
        It, and the number of the review that a held command waits for.
    """
    if verdict.outcome is Outcome.ALLOW and not listed and not warned:
        return UNREMARKABLE, ""
    uow = context.uow
    if verdict.outcome is Outcome.HOLD:
        review = _review_of(request, context)
        if review is None:
            number = dated_number(context.now_ms, context.request_key, "review")
            return Circumstances(listed, warned=warned), number
        return Circumstances(listed, review=review.status.value, warned=warned), review.review_id
    passed = False
    if verdict.outcome is Outcome.CHALLENGE or warned:
        step_up = uow.get(StepUp, party) if party else None
        passed = step_up is not None and step_up.until_ms > context.now_ms
    return Circumstances(listed, stepped_up=passed, warned=warned), ""
