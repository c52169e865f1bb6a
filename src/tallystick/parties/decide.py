"""What party commands do: pure functions of the party as it is, the command and the time."""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.parties.model import (
    LOCK_MS,
    PAYMENT_CODE_VALID_MS,
    WRONG_TRIES_MAX,
    BlockParty,
    ForgetPaymentCodes,
    IssuePaymentCode,
    Party,
    PartyDone,
    PartyStatus,
    PaymentCode,
    PaymentCodeIssued,
    RecordPasswordTry,
    RegisterParty,
)
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused

__all__ = [
    "CODES_TIMER", "CODE_KEPT_MS", "Tries", "block", "issue_payment_code", "next_sweep",
    "password_try", "register", "tried",
]  # fmt: skip

CODES_TIMER = "party.forget_payment_codes"
CODE_KEPT_MS = 24 * 60 * 60 * 1000
"""How long an ended code is still known, so that a late repetition is told what it was."""

_PARTY_ID = re.compile(r"2088[0-9]{12}")


class Tries(NamedTuple):
    """Wrong passwords in a row, and until when no further one is taken."""

    wrong_count: int
    locked_until_ms: int


def tried(before: Tries, *, right: bool, now_ms: int, locked_code: str) -> Tries:
    """Count one password: a right one resets, the fifth wrong one in a row locks.

    Raises:
        Refused: `locked_code`, while locked, whether the password is right or wrong.
    """
    if now_ms < before.locked_until_ms:
        raise Refused(locked_code)
    if right:
        return Tries(0, 0)
    # After a lock that is over, counting starts anew.
    wrong_count = (0 if before.locked_until_ms else before.wrong_count) + 1
    return Tries(wrong_count, now_ms + LOCK_MS if wrong_count >= WRONG_TRIES_MAX else 0)


def register(
    same_id: Party | None, same_login: Party | None, command: RegisterParty, now_ms: int
) -> Decision:
    """Open a party.

    Raises:
        Refused: INVALID_PARAMETER (id not 2088 and 12 digits, or taken), LOGIN_TAKEN.
    """
    if _PARTY_ID.fullmatch(command.party_id) is None:
        raise Refused("INVALID_PARAMETER", "party_id")
    if same_login is not None:
        raise Refused("LOGIN_TAKEN")
    if same_id is not None:
        raise Refused("INVALID_PARAMETER", "This party_id is taken.")
    party = Party(
        party_id=command.party_id,
        kind=command.kind,
        status=PartyStatus.ACTIVE,
        login_index=command.login_index,
        login_sealed=command.login_sealed,
        name_sealed=command.name_sealed,
        login_hash=command.login_hash,
        login_wrong_count=0,
        login_locked_until_ms=0,
        payment_hash=command.payment_hash,
        payment_wrong_count=0,
        payment_locked_until_ms=0,
        created_ms=now_ms,
    )
    happened = event("party.registered", party.party_id, {"kind": party.kind})
    return Decision(PartyDone(party_id=party.party_id), rows=(party,), events=(happened,))


def block(party: Party, command: BlockParty) -> Decision:
    """Block a party, or let it move money again."""
    status = PartyStatus.BLOCKED if command.blocked else PartyStatus.ACTIVE
    happened = event("party.status_changed", party.party_id, {"status": status})
    return Decision(
        PartyDone(party_id=party.party_id),
        rows=(replace(party, status=status),),
        events=(happened,) if status is not party.status else (),
    )


def password_try(party: Party, command: RecordPasswordTry, now_ms: int) -> Decision:
    """Count a try of the party's login or payment password.

    Raises:
        Refused: SIGN_IN_LOCKED or PAYMENT_PASSWORD_LOCKED.
    """
    if command.password == "login":  # noqa: S105 - which password, not the password
        before = Tries(party.login_wrong_count, party.login_locked_until_ms)
        after = tried(before, right=command.right, now_ms=now_ms, locked_code="SIGN_IN_LOCKED")
        changed = replace(
            party,
            login_wrong_count=after.wrong_count,
            login_locked_until_ms=after.locked_until_ms,
        )
    else:
        before = Tries(party.payment_wrong_count, party.payment_locked_until_ms)
        after = tried(
            before, right=command.right, now_ms=now_ms, locked_code="PAYMENT_PASSWORD_LOCKED"
        )
        changed = replace(
            party,
            payment_wrong_count=after.wrong_count,
            payment_locked_until_ms=after.locked_until_ms,
        )
    reply = PartyDone(
        party_id=party.party_id,
        wrong_count=after.wrong_count,
        locked_until_ms=after.locked_until_ms,
    )
    return Decision(reply, rows=(changed,) if changed != party else ())


def issue_payment_code(
    party: Party, known: PaymentCode | None, command: IssuePaymentCode, now_ms: int
) -> Decision:
    """Make a code known.

    Raises:
        Refused: INVALID_PARAMETER when it ends in the past, lives longer than two minutes
            though it is not reusable, or another party's code has the same digits.
    """
    if command.expires_ms <= now_ms:
        raise Refused("INVALID_PARAMETER", "expires_ms")
    if not command.reusable and command.expires_ms > now_ms + PAYMENT_CODE_VALID_MS:
        raise Refused("INVALID_PARAMETER", "expires_ms")
    if known is not None and (known.used_for or known.party_id != party.party_id):
        raise Refused("INVALID_PARAMETER", "This payment code was given out before.")
    code = PaymentCode(command.code_index, party.party_id, command.expires_ms, command.reusable, "")
    return Decision(PaymentCodeIssued(expires_ms=command.expires_ms), rows=(code,))


def next_sweep(now_ms: int) -> Timer:
    """The timer that removes codes which ended more than a day ago."""
    return Timer(CODES_TIMER, now_ms + CODE_KEPT_MS, ForgetPaymentCodes())
