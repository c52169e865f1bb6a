"""What inquiries, consents and deposit-free holds decide: pure functions."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from tallystick.credit.inquiries.limits import Limit
from tallystick.credit.inquiries.model import (
    AskCredit,
    Consent,
    ConsentDone,
    CreditScore,
    DepositDone,
    DepositFree,
    DepositOperation,
    ExpireDeposit,
    FreezeByScore,
    GrantConsent,
    Inquired,
    Inquiry,
    Outcome,
    Purpose,
    ReleaseDeposit,
)
from tallystick.decoding import decode_json
from tallystick.money.amount import format_amount
from tallystick.payments.trades.model import Trade
from tallystick.pipeline.decisions import Decision, Timer, event
from tallystick.pipeline.refusals import Refused

__all__ = [
    "Asked", "capture", "consent_for", "expire", "freeze", "grant", "inquire", "release",
    "repeated", "revoke", "same_freeze",
]  # fmt: skip

_DAY_MS: Final = 86_400_000
_DAYS_MAX: Final = 365
_DEPOSIT_DAYS_MAX: Final = 360


class Asked(NamedTuple):
    """Who asks about whom, and what is known.

    Args:
        consent: the one that covers it, if there is one.
        matches: what the watch list holds.
    """

    party_id: str
    asker_id: str
    inquiry_id: str
    consent: Consent | None
    score: CreditScore | None
    matches: tuple[tuple[str, int], ...]
    now_ms: int


def consent_for(
    consents: list[Consent], asker_id: str, purpose: Purpose, now_ms: int
) -> Consent | None:
    """The consent that covers an inquiry now: not revoked, and its time is not over."""
    holding = [
        one for one in consents
        if one.asker_id == asker_id and one.purpose is purpose and not one.revoked_ms
        and one.granted_ms <= now_ms < one.until_ms
    ]  # fmt: skip
    return max(holding, key=lambda one: one.until_ms, default=None)


def grant(command: GrantConsent, consent_id: str, now_ms: int) -> Decision:
    """A consent for one asker, one purpose and a time."""
    if not 1 <= command.days <= _DAYS_MAX:
        raise Refused("INVALID_PARAMETER", f"days: 1 to {_DAYS_MAX}.")
    until_ms = now_ms + command.days * _DAY_MS
    made = Consent(
        consent_id, command.party_id, command.asker_id, command.purpose, now_ms, until_ms, 0
    )
    told = {"asker_id": made.asker_id, "purpose": made.purpose.value, "until_ms": until_ms}
    happened = event("credit.consent_granted", made.party_id, told)
    return Decision(_consented(made), (made,), events=(happened,))


def _consented(consent: Consent) -> ConsentDone:
    return ConsentDone(
        consent_id=consent.consent_id, until_ms=consent.until_ms, revoked_ms=consent.revoked_ms,
        asker_id=consent.asker_id, purpose=consent.purpose.value,
    )  # fmt: skip


def revoke(consent: Consent, now_ms: int) -> Decision:
    """It covers no inquiry from now on; taken back twice is the same."""
    revoked = replace(consent, revoked_ms=consent.revoked_ms or now_ms)
    told = {"asker_id": consent.asker_id, "purpose": consent.purpose.value}
    happened = event("credit.consent_revoked", consent.party_id, told)
    return Decision(_consented(revoked), (revoked,), events=(happened,))


def _answered(command: AskCredit, asked: Asked) -> Inquired:
    if asked.consent is None:
        return Inquired(inquiry_id=asked.inquiry_id, outcome=Outcome.NO_CONSENT)
    if command.purpose is Purpose.WATCH_LIST:
        return Inquired(
            inquiry_id=asked.inquiry_id, outcome=Outcome.ANSWERED, matches=asked.matches
        )
    if asked.score is None:
        return Inquired(inquiry_id=asked.inquiry_id, outcome=Outcome.NO_SCORE)
    return Inquired(
        inquiry_id=asked.inquiry_id,
        outcome=Outcome.ANSWERED,
        score=0 if command.minimum else asked.score.score,
        is_admitted=asked.score.score >= command.minimum,
    )


def _logged(asked: Asked, purpose: Purpose, transaction_id: str, minimum: int,
            outcome: Outcome, answer: str) -> Inquiry:  # fmt: skip
    return Inquiry(
        asked.inquiry_id, asked.party_id, asked.asker_id, purpose, transaction_id,
        asked.consent.consent_id if asked.consent else "", outcome, minimum, answer, asked.now_ms,
    )  # fmt: skip


def inquire(command: AskCredit, asked: Asked) -> Decision:
    """Answer where a consent covers it; it is recorded either way."""
    reply = _answered(command, asked)
    answer = msgspec.json.encode(reply).decode()
    made = _logged(
        asked, command.purpose, command.transaction_id, command.minimum, reply.outcome, answer
    )
    told = {"asker_id": asked.asker_id, "purpose": made.purpose.value, "outcome": made.outcome}
    return Decision(reply, (made,), events=(event("credit.inquired", asked.party_id, told),))


def repeated(command: AskCredit, asked: Asked, before: Inquiry) -> Decision:
    """The first answer again, for a day; that it was asked for again is recorded, too."""
    same = (before.party_id, before.purpose, before.minimum) == (
        asked.party_id, command.purpose, command.minimum,
    )  # fmt: skip
    if not same or asked.now_ms - before.at_ms > _DAY_MS:
        raise Refused("CREDIT_INQUIRY_REPEATED")
    reply = decode_json(before.answer, Inquired)
    made = _logged(
        asked, command.purpose, command.transaction_id, command.minimum, reply.outcome,
        before.answer,
    )  # fmt: skip
    return Decision(reply, (made,))


# Deposit-free holds.


def _deposit_done(hold: DepositFree, operation: DepositOperation) -> DepositDone:
    return DepositDone(
        outcome=Outcome.ANSWERED,
        hold_id=hold.hold_id,
        out_order_no=hold.out_order_no,
        operation_id=operation.operation_id,
        out_request_no=operation.out_request_no,
        payer_id=hold.payer_id,
        amount=operation.amount,
        open_amount=hold.open_amount,
        at_ms=operation.at_ms,
    )


def freeze(
    command: FreezeByScore, asked: Asked, payee_id: str, limit: Limit, operation_id: str
) -> Decision:
    """Leave a deposit out, as far as the score's band and the person's limit go."""
    if command.amount <= 0:
        raise Refused("INVALID_AMOUNT")
    longest_ms = _DEPOSIT_DAYS_MAX * _DAY_MS
    if not 0 <= command.expires_within_ms <= longest_ms:
        raise Refused("INVALID_PARAMETER", f"A deposit is left out for {_DEPOSIT_DAYS_MAX} days.")
    outcome = Outcome.ANSWERED
    if asked.consent is None:
        outcome = Outcome.NO_CONSENT
    elif asked.score is None:
        outcome = Outcome.NO_SCORE
    elif command.amount > min(limit.deposit_max, limit.available):
        outcome = Outcome.SCORE_LOW
    made = _logged(asked, Purpose.DEPOSIT_FREE, command.out_order_no, command.amount, outcome, "")
    if outcome is not Outcome.ANSWERED:
        return Decision(DepositDone(outcome=outcome), (made,))
    hold = DepositFree(
        asked.inquiry_id, command.app_id, command.out_order_no, asked.party_id, payee_id,
        command.currency, command.amount, command.amount, command.title, asked.inquiry_id,
        asked.now_ms, asked.now_ms + (command.expires_within_ms or longest_ms),
    )  # fmt: skip
    operation = DepositOperation(
        hold.hold_id, command.out_request_no, operation_id, "FREEZE", command.amount, "",
        asked.now_ms,
    )  # fmt: skip
    told = {"payer_id": hold.payer_id, "amount": hold.amount, "currency": hold.currency}
    happened = event("credit.deposit_left_out", hold.hold_id, told)
    timer = Timer(_timer(hold), hold.expires_ms, ExpireDeposit(hold_id=hold.hold_id))
    return Decision(
        _deposit_done(hold, operation), (made, hold, operation), timers=(timer,),
        events=(happened,),
    )  # fmt: skip


def _timer(hold: DepositFree) -> str:
    return f"deposit.expire:{hold.hold_id}"


def same_freeze(
    command: FreezeByScore, hold: DepositFree, payee_id: str, first: DepositOperation | None
) -> DepositDone:
    """The answer to a hold that is asked for again."""
    same = (hold.amount, hold.currency, hold.payee_id) == (
        command.amount, command.currency, payee_id,
    )  # fmt: skip
    if first is None or not same or first.kind != "FREEZE":
        raise Refused("HOLD_MISMATCH")
    return _deposit_done(hold, first)


def release(
    command: ReleaseDeposit, hold: DepositFree, known: DepositOperation | None,
    operation_id: str, now_ms: int,
) -> Decision:  # fmt: skip
    """A part of the deposit stands no more; the same request again is the same."""
    if known is not None:
        if (known.kind, known.amount) != ("UNFREEZE", command.amount):
            raise Refused("HOLD_MISMATCH")
        return Decision(_deposit_done(hold, known))
    _require_open(hold, command.amount, now_ms)
    operation = DepositOperation(
        hold.hold_id, command.out_request_no, operation_id, "UNFREEZE", command.amount,
        command.remark, now_ms,
    )  # fmt: skip
    return _less(hold, operation, "deposit_released")


def _require_open(hold: DepositFree, amount: int, now_ms: int) -> None:
    if not hold.open_amount or (hold.expires_ms and now_ms >= hold.expires_ms):
        raise Refused("HOLD_CLOSED")
    if not 0 < amount <= hold.open_amount:
        left = format_amount(hold.open_amount, hold.currency)
        raise Refused("HOLD_AMOUNT_EXCEEDED", f"Left out: {left}.")


def _less(hold: DepositFree, operation: DepositOperation, what: str) -> Decision:
    """What an operation takes stands no more."""
    left = replace(hold, open_amount=hold.open_amount - operation.amount)
    over = (_timer(hold),) if hold.expires_ms and not left.open_amount else ()
    told = {
        "payer_id": hold.payer_id, "amount": operation.amount, "currency": hold.currency,
        "open": left.open_amount,
    }  # fmt: skip
    return Decision(
        _deposit_done(left, operation), (left, operation), cancelled_timers=over,
        events=(event(f"credit.{what}", hold.hold_id, told),),
    )  # fmt: skip


def capture(hold: DepositFree, trade: Trade, operation_id: str, now_ms: int) -> Decision:
    """An order is paid that the deposit stands for: so much less of it stands.

    The money moves with the order's own decision; this one is recorded with it.
    """
    if hold.payee_id != trade.seller_id or hold.currency != trade.currency:
        raise Refused("HOLD_MISMATCH", "The deposit is for another seller or currency.")
    _require_open(hold, trade.amount, now_ms)
    operation = DepositOperation(
        hold.hold_id, trade.trade_no, operation_id, "PAY", trade.amount, "", now_ms
    )
    return _less(hold, operation, "deposit_captured")


def expire(hold: DepositFree, operation_id: str, now_ms: int) -> Decision:
    """Its time is over: what still stands is released."""
    if not hold.open_amount:
        raise Refused("HOLD_CLOSED")
    if not hold.expires_ms or now_ms < hold.expires_ms:
        raise Refused("INVALID_PARAMETER", "The deposit's time is not over.")
    # Its own number serves as request number too, which no caller can have chosen.
    operation = DepositOperation(
        hold.hold_id, operation_id, operation_id, "UNFREEZE", hold.open_amount, "expired", now_ms
    )
    return _less(hold, operation, "deposit_expired")
