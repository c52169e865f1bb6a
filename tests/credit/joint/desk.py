"""A funding desk for tests: borrowers with lines, two banks and a guarantor, on a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.payments.market import ALICE, BOB, Market, as_party, market
from tests.platform_parts import Clock

from tallystick.credit.joint import service as joint
from tallystick.credit.joint.model import (
    DecideFunding,
    DefineProgramme,
    DrawFunded,
    FundingDecided,
    InstitutionKind,
    ProgrammeTerms,
    RegisterInstitution,
)
from tallystick.credit.loans import service as loans
from tallystick.credit.loans.model import (
    DefineLoanProduct,
    GrantCreditLine,
    LateTerms,
    ProductTerms,
)
from tallystick.parties.model import PartyKind, RegisterParty

__all__ = ["CASH", "EAST", "GUARD", "WEST", "apply", "desk", "draw", "institution",
           "programme"]  # fmt: skip

EAST: Final = "2088000000000801"
WEST: Final = "2088000000000802"
GUARD: Final = "2088000000000803"
CASH: Final = ProductTerms(
    annual_rate=Decimal("0.12"), counts=(3, 6), amount_max=1_000_000,
    late=LateTerms(penalty_rate=Decimal("0.18"), late_fee=100), ceiling=Decimal("0.36"),
)  # fmt: skip
_LINE: Final = 10_000_000


def institution(shop: Market, party_id: str, kind: InstitutionKind, bank_id: str) -> None:
    """Make a party an institution."""
    shop.accept(
        RegisterParty(
            party_id=party_id, kind=PartyKind.INSTITUTION, login_index=party_id.encode(),
            login_sealed=b"", name_sealed=b"", login_hash="$", payment_hash="$",
        )
    )  # fmt: skip
    shop.accept(
        RegisterInstitution(
            institution_id=party_id, kind=kind, name=f"Bank {party_id[-1]}", bank_id=bank_id
        )
    )


@contextmanager
def desk(folder: Path, clock: Clock | None = None) -> Iterator[Market]:
    """Two banks, a guarantor, two borrowers with lines; no programme yet."""
    with market(folder, clock or Clock(), more=(loans.register, joint.register)) as shop:
        shop.accept(DefineLoanProduct(product_id="cash", name="Cash loan", terms=CASH))
        for borrower in (ALICE, BOB):
            shop.accept(GrantCreditLine(borrower_id=borrower, product_id="cash", amount=_LINE))
        institution(shop, EAST, InstitutionKind.FUNDER, "1")
        institution(shop, WEST, InstitutionKind.FUNDER, "1")
        institution(shop, GUARD, InstitutionKind.GUARANTOR, "1")
        yield shop


def programme(shop: Market, programme_id: str, institution_id: str, **terms: Any) -> None:
    """Define a programme."""
    terms.setdefault("total_max", 100_000_000 if institution_id else 0)
    shop.accept(
        DefineProgramme(
            programme_id=programme_id, institution_id=institution_id, terms=ProgrammeTerms(**terms)
        )
    )


def apply(
    shop: Market, amount: int = 100_000, borrower: str = ALICE, count: int = 3, **facts: Any
) -> FundingDecided:
    """Have a loan's funding decided."""
    command = DecideFunding(
        borrower_id=borrower, product_id="cash", amount=amount, count=count, facts=facts
    )
    reply = shop.accept(command, as_party(borrower))
    assert isinstance(reply, FundingDecided)
    return reply


def draw(shop: Market, amount: int = 100_000, borrower: str = ALICE, **facts: Any) -> str:
    """Decide and draw a loan; its number."""
    decided = apply(shop, amount, borrower, **facts)
    assert decided.status.value == "reserved", decided
    done = shop.accept(DrawFunded(decision_id=decided.decision_id), as_party(borrower))
    return str(done.loan_id)
