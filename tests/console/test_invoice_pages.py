"""What each side of an invoice is shown: a debtor learns nothing of what its seller borrows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.console.person import signed_in
from tests.console.world import TEA, World

from tallystick.credit.loans.timing import loan_day
from tallystick.credit.receivables.model import (
    AnswerNotice,
    DefineReceivableTerms,
    FinanceReceivable,
    ReceivableDone,
    ReceivableTerms,
    RegisterInvoice,
)

PRODUCT = "shown-to-two"


@pytest.mark.parametrize("place", ["/wallet/invoices", "/wallet/invoices/{}"])
def test_a_debtor_sees_what_it_owes_and_not_what_the_seller_was_advanced(
    world: World, place: str
) -> None:
    debtor = world.buyer("owes")
    world.do(DefineReceivableTerms(product_id=PRODUCT, terms=ReceivableTerms()))
    due = loan_day(world.platform.clock_ms()) + timedelta(days=60)
    made = world.do(
        RegisterInvoice(
            seller_id=TEA.party_id, debtor_id=debtor.party_id, number=f"Two {debtor.party_id}",
            amount=1_000_00, due_day=due.isoformat(),
        )
    )  # fmt: skip
    assert isinstance(made, ReceivableDone)
    world.do(AnswerNotice(receivable_id=made.receivable_id, accepted=True))
    world.do(FinanceReceivable(product_id=PRODUCT, receivable_id=made.receivable_id))
    here = place.format(made.receivable_id)
    seller = signed_in(world, TEA.login).get(here)
    assert "812.00" in seller.text
    owing = signed_in(world, debtor.login).get(here)
    assert "1,000.00" in owing.text
    for told in ("812.00", "800.00", "Assigned, advance paid"):
        assert told not in owing.text
