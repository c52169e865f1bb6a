"""Party commands at work: load the party, decide, record."""

from __future__ import annotations

from tallystick.parties import decide
from tallystick.parties.model import (
    ISSUE_PAYMENT_CODE_SCOPE,
    BlockParty,
    ForgetPaymentCodes,
    IssuePaymentCode,
    Party,
    PartyDone,
    PaymentCode,
    PaymentCodeIssued,
    RecordPasswordTry,
    RegisterParty,
)
from tallystick.parties.views import active_party
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import Decision, record
from tallystick.pipeline.refusals import Refused

__all__ = ["register"]

_SWEPT_AT_ONCE = 2000


def _known(context: Context, party_id: str) -> Party:
    """The party, if the caller may act for it: a signed-in person only for itself."""
    caller = context.caller
    if caller.kind is CallerKind.PARTY and caller.id != party_id:
        raise Refused("NOT_PERMITTED", "A person acts for itself only.")
    party = context.uow.get(Party, party_id)
    if party is None:
        raise Refused("PARTY_NOT_EXIST")
    return party


def register_party(command: RegisterParty, context: Context) -> Reply:
    """Open a party with its sealed name and login."""
    same_id = context.uow.get(Party, command.party_id)
    same_login = context.uow.find(Party, login_index=command.login_index)
    return record(context, decide.register(same_id, same_login, command, context.now_ms))


def block_party(command: BlockParty, context: Context) -> Reply:
    """Block a party, or unblock it."""
    return record(context, decide.block(_known(context, command.party_id), command))


def record_password_try(command: RecordPasswordTry, context: Context) -> Reply:
    """Count a password that was checked beside the executor."""
    party = _known(context, command.party_id)
    return record(context, decide.password_try(party, command, context.now_ms))


def issue_payment_code(command: IssuePaymentCode, context: Context) -> Reply:
    """Give out a code; people show a one-time code, only the sandbox's last."""
    if command.reusable and context.caller.kind is CallerKind.PARTY:
        raise Refused("NOT_PERMITTED", "A person's payment code counts once.")
    _known(context, command.party_id)
    party = active_party(context.uow, command.party_id)
    known = context.uow.get(PaymentCode, command.code_index)
    decision = decide.issue_payment_code(party, known, command, context.now_ms)
    if not command.reusable and not context.uow.timer_is_set(decide.CODES_TIMER):
        decision = decision._replace(timers=(decide.next_sweep(context.now_ms),))
    return record(context, decision)


def forget_payment_codes(command: ForgetPaymentCodes, context: Context) -> Reply:
    """Remove codes that ended more than a day ago, some at a time, and come again for the rest."""
    uow, now_ms = context.uow, context.now_ms
    # The list is the committed one; a code of this batch is younger than a day.
    ended = uow.connection.execute(
        "SELECT code_index FROM payment_code WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?",
        (now_ms - decide.CODE_KEPT_MS, _SWEPT_AT_ONCE),
    ).fetchall()
    for (code_index,) in ended:
        code = uow.get(PaymentCode, code_index)
        if code is not None and code.expires_ms <= now_ms - decide.CODE_KEPT_MS:
            uow.delete(code)
    more = uow.connection.execute(
        "SELECT COUNT(*) FROM (SELECT 1 FROM payment_code WHERE reusable = 0 LIMIT ?) kept",
        (len(ended) + 1,),
    ).fetchone()[0] > len(ended)
    timer = decide.next_sweep(now_ms)
    if len(ended) == _SWEPT_AT_ONCE:
        timer = timer._replace(due_ms=now_ms + 1)
    return record(context, Decision(PartyDone(party_id=""), timers=(timer,) if more else ()))


def register(registry: Registry) -> None:
    """Declare the party commands."""
    registry.add(RegisterParty, register_party, reply=PartyDone, scope="parties:write")
    registry.add(BlockParty, block_party, reply=PartyDone, scope="parties:write")
    registry.add(RecordPasswordTry, record_password_try, reply=PartyDone, scope="system")
    registry.add(
        IssuePaymentCode,
        issue_payment_code,
        reply=PaymentCodeIssued,
        scope=ISSUE_PAYMENT_CODE_SCOPE,
    )
    registry.add(ForgetPaymentCodes, forget_payment_codes, reply=PartyDone, scope="system")
