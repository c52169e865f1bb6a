"""What the platform itself knows: which products others fund, and facts of who asks for funds."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.credit.inquiries.exposure import newest_score
from tallystick.credit.inquiries.model import IncomeStated
from tallystick.credit.joint.model import Programme, ProgrammeTerms
from tallystick.credit.joint.routing import FactValue
from tallystick.credit.loans.model import Loan
from tallystick.credit.merchant.views import exposure_of
from tallystick.decoding import decode_json
from tallystick.ledger.model import Account
from tallystick.parties.model import Party, PartyKind
from tallystick.store.rows import Rows

__all__ = ["funded_jointly", "known_facts"]


def funded_jointly(rows: Rows, product_id: str, currency: str, *, named: bool = False) -> bool:
    """Whether an institution has a programme for a product, open or closed.

    From then on nobody draws it by themselves without a plan: the platform's own money is a
    programme, too.

    Args:
        named: only programmes count that name the product.
    """
    for programme in rows.select(Programme):
        if programme.institution_id:
            terms = decode_json(programme.terms, ProgrammeTerms)
            products = terms.products or (() if named else (product_id,))
            if terms.currency == currency and product_id in products:
                return True
    return False


def known_facts(
    rows: Rows, accounts: Callable[[list[int]], list[Account]], party: Party, currency: str
) -> dict[str, FactValue]:
    """Facts of an application that somebody makes by themselves; what is not known is left out.

    Args:
        accounts: gives those accounts of the ledger that there are.
    """
    facts: dict[str, FactValue] = {
        "is_merchant": party.kind is PartyKind.MERCHANT,
        "first_loan": not rows.select(Loan, borrower_id=party.party_id),
        "debt": exposure_of(rows, accounts, party.party_id, currency),
    }
    score = newest_score(rows, party.party_id)
    if score is not None:
        facts["score"] = score.score
    income = rows.get(IncomeStated, party.party_id, currency)
    if income is not None:
        facts["income"] = income.monthly
    return facts
