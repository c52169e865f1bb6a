"""Inquiries at work: load what a decision needs, decide, record."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.credit.inquiries import decide
from tallystick.credit.inquiries.exposure import limit_for, newest_score, policy_in_force
from tallystick.credit.inquiries.limits import Exposure, Limit, require_policy
from tallystick.credit.inquiries.model import (
    POLICY_ID,
    AskCredit,
    CaptureDeposit,
    Consent,
    ConsentDone,
    CreditScore,
    DepositDone,
    DepositFree,
    DepositOperation,
    ExpireDeposit,
    FreezeByScore,
    GrantConsent,
    IncomeStated,
    Inquired,
    Inquiry,
    Outcome,
    Purpose,
    RecordedCredit,
    RecordScore,
    ReleaseDeposit,
    RevokeConsent,
    SetLimitPolicy,
    StateIncome,
    StoredPolicy,
)
from tallystick.credit.loans.model import Loan, LoanStatus
from tallystick.parties.views import active_party, take_payment_code
from tallystick.partners.model import App
from tallystick.payments.accounts import platform_book
from tallystick.payments.callers import acting_app, sells_through, usable_app
from tallystick.payments.trades.model import PayTrade, Trade, TradeDone
from tallystick.payments.trades.service import Payer, pay_trade_by
from tallystick.pipeline.commands import CallerKind, Context, Registry, Reply
from tallystick.pipeline.decisions import record
from tallystick.pipeline.numbers import dated_number
from tallystick.pipeline.refusals import Refused
from tallystick.risk.decision.model import ListEntry
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["register"]

_SCORES: Final = (350, 950)
_NUMBER_MAX: Final = 64


def _caller(context: Context) -> str:
    return f"{context.caller.kind}:{context.caller.id}"


def _only_self(context: Context, party_id: str) -> None:
    """A person consents alone, or by a key of the platform's own; never by an app's or operator."""
    caller = context.caller
    by_platform = caller.kind is CallerKind.KEY and not acting_app(context, "")
    if not by_platform and (caller.kind is not CallerKind.PARTY or caller.id != party_id):
        raise Refused("NOT_PERMITTED", "A person consents for themselves.")


def set_policy(command: SetLimitPolicy, context: Context) -> Reply:
    """Keep the policy of limits."""
    require_policy(command.terms)
    platform_book(command.terms.currency)
    text = msgspec.json.encode(command.terms).decode()
    context.uow.put(StoredPolicy(POLICY_ID, text, _caller(context), context.now_ms))
    return RecordedCredit(party_id="")


def record_score(command: RecordScore, context: Context) -> Reply:
    """Keep a score."""
    low, high = _SCORES
    if not low <= command.score <= high or not command.model:
        raise Refused("INVALID_PARAMETER", f"score: {low} to {high}, with the model's number.")
    active_party(context.uow, command.party_id)
    reasons = msgspec.json.encode(command.reasons).decode()
    context.uow.put(
        CreditScore(
            command.party_id, context.now_ms, command.score, command.probability[:32],
            command.model[:_NUMBER_MAX], reasons, _caller(context),
        )
    )  # fmt: skip
    return RecordedCredit(party_id=command.party_id)


def state_income(command: StateIncome, context: Context) -> Reply:
    """Keep an income; it is verified when an operator or a key says by what."""
    by_person = context.caller.kind is CallerKind.PARTY
    if by_person:
        _only_self(context, command.party_id)
    if command.monthly < 0:
        raise Refused("INVALID_AMOUNT")
    active_party(context.uow, command.party_id)
    platform_book(command.currency)
    known = context.uow.get(IncomeStated, command.party_id, command.currency)
    if by_person and known is not None and known.is_verified:
        raise Refused("NOT_PERMITTED", "The income is verified; bring a new proof.")
    context.uow.put(
        IncomeStated(
            command.party_id, command.currency, command.monthly,
            bool(command.source) and not by_person, "" if by_person else command.source[:200],
            _caller(context), context.now_ms,
        )
    )  # fmt: skip
    return RecordedCredit(party_id=command.party_id)


def grant_consent(command: GrantConsent, context: Context) -> Reply:
    """A consent of the person's own."""
    _only_self(context, command.party_id)
    if context.uow.get(App, command.asker_id) is None:
        raise Refused("APP_NOT_EXIST")
    number = dated_number(context.now_ms, context.request_key, "consent")
    return record(context, decide.grant(command, number, context.now_ms))


def revoke_consent(command: RevokeConsent, context: Context) -> Reply:
    """The person takes it back, or who works on the machine does for them."""
    consent = context.uow.get(Consent, command.consent_id)
    by_person = context.caller.kind is CallerKind.PARTY
    if consent is None or (by_person and consent.party_id != context.caller.id):
        raise Refused("CREDIT_CONSENT_NOT_EXIST")
    if context.caller.kind is not CallerKind.OPERATOR:
        _only_self(context, consent.party_id)
    return record(context, decide.revoke(consent, context.now_ms))


def _matches(uow: UnitOfWork, party_id: str, now_ms: int) -> tuple[tuple[str, int], ...]:
    """What speaks against a person: lists of risk, and loans that were written off."""
    found = []
    for kind in ("block", "watch"):
        entry = uow.get(ListEntry, kind, "party", party_id)
        holds = entry is not None and not entry.removed_ms
        if entry is not None and holds and (not entry.expires_ms or entry.expires_ms > now_ms):
            found.append((kind, entry.added_ms))
    written_off = [
        loan.closed_ms for loan in uow.select(Loan, borrower_id=party_id)
        if loan.status is LoanStatus.CHARGED_OFF
    ]  # fmt: skip
    return (*found, *(("written_off", at_ms) for at_ms in written_off))


def _asked(context: Context, party_id: str, asker_id: str, purpose: Purpose) -> decide.Asked:
    uow, now_ms = context.uow, context.now_ms
    consents = uow.select(Consent, party_id=party_id)
    return decide.Asked(
        party_id=party_id,
        asker_id=asker_id,
        inquiry_id=dated_number(now_ms, context.request_key, "inquiry"),
        consent=decide.consent_for(consents, asker_id, purpose, now_ms),
        score=newest_score(uow, party_id),
        matches=_matches(uow, party_id, now_ms),
        now_ms=now_ms,
    )


def ask_credit(command: AskCredit, context: Context) -> Reply:
    """An inquiry; the first answer is given again for a day."""
    uow = context.uow
    asker_id = usable_app(uow, acting_app(context, command.app_id)).app_id
    if not 1 <= len(command.transaction_id) <= _NUMBER_MAX:
        raise Refused("INVALID_PARAMETER", "transaction_id: 1 to 64 characters.")
    party_id = command.party_id
    if command.consent_id:
        consent = uow.get(Consent, command.consent_id)
        if consent is None or consent.asker_id != asker_id:
            raise Refused("CREDIT_CONSENT_MISSING")
        party_id = consent.party_id
    active_party(uow, party_id)
    asked = _asked(context, party_id, asker_id, command.purpose)
    known = uow.select(Inquiry, asker_id=asker_id, transaction_id=command.transaction_id)
    answered = [one for one in known if one.outcome is Outcome.ANSWERED]
    if answered and asked.consent is not None:
        first = min(answered, key=lambda one: one.at_ms)
        return record(context, decide.repeated(command, asked, first))
    return record(context, decide.inquire(command, asked))


def freeze_by_score(command: FreezeByScore, context: Context) -> Reply:
    """A deposit that is left out; who showed the code must have consented."""
    uow, now_ms = context.uow, context.now_ms
    app = usable_app(uow, acting_app(context, command.app_id))
    if not (command.out_order_no and command.out_request_no and command.title):
        raise Refused("INVALID_PARAMETER", "A hold needs out_order_no, out_request_no and a title.")
    payee_id = command.payee_id or app.merchant_id
    known = uow.find(DepositFree, app_id=app.app_id, out_order_no=command.out_order_no)
    if known is not None:
        first = uow.get(DepositOperation, known.hold_id, command.out_request_no)
        return decide.same_freeze(command, known, payee_id, first)
    platform_book(command.currency)
    if not sells_through(uow, app, payee_id):
        raise Refused("PAYEE_NOT_EXIST")
    number = dated_number(now_ms, context.request_key, "inquiry")
    payer, code = take_payment_code(uow, command.payment_code_index, now_ms, number)
    asked = _asked(context, payer.party_id, app.app_id, Purpose.DEPOSIT_FREE)
    policy = policy_in_force(uow)
    none = Limit(0, Exposure(), 0, 0, "no_policy")
    covered = policy is not None and policy.currency == command.currency
    limit = limit_for(uow, policy, payer.party_id) if policy and covered else none
    operation_id = dated_number(now_ms, context.request_key, "hold operation")
    command = msgspec.structs.replace(command, app_id=app.app_id)
    decision = decide.freeze(command, asked, payee_id, limit, operation_id)
    return record(context, decision._replace(rows=(*decision.rows, code)))


def release_deposit(command: ReleaseDeposit, context: Context) -> Reply:
    """The payee's side says that nothing is owed."""
    uow = context.uow
    app_id = acting_app(context, command.app_id)
    hold = uow.get(DepositFree, command.hold_id)
    if hold is None or hold.app_id != app_id:
        raise Refused("HOLD_NOT_EXIST")
    if not command.out_request_no:
        raise Refused("INVALID_PARAMETER", "Unfreezing needs out_request_no.")
    known = uow.get(DepositOperation, hold.hold_id, command.out_request_no)
    number = dated_number(context.now_ms, context.request_key, "hold operation")
    return record(context, decide.release(command, hold, known, number, context.now_ms))


def capture_deposit(command: CaptureDeposit, context: Context) -> Reply:
    """Pay an order from the wallet of who need not deposit; the deposit shrinks with it."""
    uow = context.uow
    _require_code_less(command.payment)
    hold = uow.get(DepositFree, command.hold_id)
    app_id = acting_app(context, command.payment.app_id)
    if hold is None or hold.app_id != app_id:
        raise Refused("HOLD_NOT_EXIST")

    def who(_payment: PayTrade, _context: Context, trade: Trade) -> Payer:
        number = dated_number(context.now_ms, context.request_key, "hold operation")
        captured = decide.capture(hold, trade, number, context.now_ms)
        record(context, captured)
        return Payer(active_party(uow, hold.payer_id))

    return pay_trade_by(command.payment, context, lambda _, payer: payer, who)


def _require_code_less(payment: PayTrade) -> None:
    if payment.payment_code_index or payment.buyer_id or payment.hold_id:
        raise Refused("INVALID_PARAMETER", "A deposit is captured without a code or a buyer.")


def expire_deposit(command: ExpireDeposit, context: Context) -> Reply:
    """The timer's command."""
    hold = context.uow.get(DepositFree, command.hold_id)
    if hold is None:
        raise Refused("HOLD_NOT_EXIST")
    number = dated_number(context.now_ms, context.request_key, "hold operation")
    return record(context, decide.expire(hold, number, context.now_ms))


def register(registry: Registry) -> None:
    """Declare the commands of inquiries and limits."""
    write, own, ask = "credit:write", "wallet:write", "payments:write"
    registry.add(SetLimitPolicy, set_policy, reply=RecordedCredit, scope=write)
    registry.add(RecordScore, record_score, reply=RecordedCredit, scope=write)
    registry.add(StateIncome, state_income, reply=RecordedCredit, scope=own)
    registry.add(GrantConsent, grant_consent, reply=ConsentDone, scope=own)
    registry.add(RevokeConsent, revoke_consent, reply=ConsentDone, scope=own)
    registry.add(AskCredit, ask_credit, reply=Inquired, scope=ask)
    registry.add(FreezeByScore, freeze_by_score, reply=DepositDone, scope=ask)
    registry.add(ReleaseDeposit, release_deposit, reply=DepositDone, scope=ask)
    registry.add(CaptureDeposit, capture_deposit, reply=TradeDone, scope=ask)
    registry.add(ExpireDeposit, expire_deposit, reply=DepositDone, scope="system")
