"""What a person owes now, over all products, and what they may owe: read from the books."""

from __future__ import annotations

from tallystick.credit.inquiries.limits import Exposure, Income, Limit, LimitPolicy, limit_of
from tallystick.credit.inquiries.model import (
    POLICY_ID,
    CreditScore,
    DepositFree,
    IncomeStated,
    StoredPolicy,
)
from tallystick.credit.loans.model import Loan, contract_of
from tallystick.credit.participation.model import JointLoan
from tallystick.decoding import decode_json
from tallystick.ledger.chart import LOAN_PRINCIPAL
from tallystick.payments.accounts import platform_book
from tallystick.pipeline.decisions import AccountRef
from tallystick.pipeline.refusals import Refused
from tallystick.store.rows import Rows
from tallystick.store.unit_of_work import UnitOfWork

__all__ = ["exposure_of", "limit_for", "newest_score", "policy_in_force", "require_within_limit"]


def policy_in_force(rows: Rows) -> LimitPolicy | None:
    """The policy; None where people may owe what their lines allow."""
    kept = rows.get(StoredPolicy, POLICY_ID)
    return None if kept is None else decode_json(kept.terms, LimitPolicy)


def newest_score(rows: Rows, party_id: str) -> CreditScore | None:
    """A person's newest score."""
    found = rows.select(CreditScore, party_id=party_id)
    return found[-1] if found else None


def exposure_of(uow: UnitOfWork, party_id: str, currency: str) -> Exposure:
    """What a person owes of principal, in the ledger, and which deposits were left out."""
    kinds = {"pay_later": 0, "loans": 0, "joint": 0}
    book = platform_book(currency)
    for loan in uow.select(Loan, borrower_id=party_id):
        account = uow.books.account(AccountRef(LOAN_PRINCIPAL, loan.loan_id, book).id)
        if loan.currency != currency or account is None:
            continue
        kind = "joint" if uow.get(JointLoan, loan.loan_id) else "loans"
        if contract_of(loan).product.pay_later is not None:
            kind = "pay_later"
        kinds[kind] += account.debits_posted - account.credits_posted
    deposits = sum(
        one.open_amount for one in uow.select(DepositFree, payer_id=party_id)
        if one.currency == currency
    )  # fmt: skip
    return Exposure(**kinds, deposits=deposits)


def limit_for(uow: UnitOfWork, policy: LimitPolicy, party_id: str) -> Limit:
    """What a person may owe now."""
    score = newest_score(uow, party_id)
    income = uow.get(IncomeStated, party_id, policy.currency)
    known = None if income is None else Income(income.monthly, income.is_verified)
    exposure = exposure_of(uow, party_id, policy.currency)
    if score is None:
        return limit_of(policy, 0, 0, known, exposure)
    return limit_of(policy, score.score, uow.now_ms - score.scored_ms, known, exposure)


def require_within_limit(uow: UnitOfWork, party_id: str, amount: int, book: int) -> None:
    """See that a person may owe so much more, over all products.

    Raises:
        Refused: CREDIT_LIMIT_EXCEEDED, with what holds the limit down.
    """
    policy = policy_in_force(uow)
    if policy is None or platform_book(policy.currency) != book:
        return
    limit = limit_for(uow, policy, party_id)
    if amount > limit.available:
        raise Refused("CREDIT_LIMIT_EXCEEDED", f"{limit.reason}.")
