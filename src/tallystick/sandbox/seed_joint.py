"""The sandbox's institutions: two banks and a guarantor, with programmes for what it lends."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from tallystick.credit.joint.model import (
    Concentration,
    DefineProgramme,
    InstitutionKind,
    ProgrammeTerms,
    RegisterInstitution,
)
from tallystick.credit.participation.model import LossSharing
from tallystick.credit.pay_later.model import PAY_LATER
from tallystick.pipeline.commands import Command

__all__ = ["INSTITUTIONS", "SeedInstitution", "joint_steps"]


class SeedInstitution(NamedTuple):
    """An institution of the sandbox; `login` is its operator's."""

    institution_id: str
    login: str
    name: str
    kind: InstitutionKind
    bank_id: str


_EAST, _WEST, _GUARD = "2088000000000801", "2088000000000802", "2088000000000803"
INSTITUTIONS: Final = (
    SeedInstitution(_EAST, "east-bank", "East Bank 东城银行", InstitutionKind.FUNDER, "1"),
    SeedInstitution(_WEST, "west-bank", "West Bank 西城银行", InstitutionKind.FUNDER, "1"),
    SeedInstitution(
        _GUARD, "guarantor", "Harbour Guarantee 海港担保", InstitutionKind.GUARANTOR, "1"
    ),
)


def joint_steps() -> dict[str, Command]:
    """The commands by their request ids, once the parties are there."""
    steps: dict[str, Command] = {
        f"institution:{who.login}": RegisterInstitution(
            institution_id=who.institution_id, kind=who.kind, name=who.name, bank_id=who.bank_id
        )
        for who in INSTITUTIONS
    }
    east = ProgrammeTerms(
        products=("cash",), share=Decimal("0.3"), preference=1, eligible="score >= 600",
        borrower_max=10_000_00, day_max=200_000_00, total_max=1_000_000_00,
        concentration=Concentration(fact="region", share=Decimal("0.5")), keeps=Decimal("0.7"),
        price=Decimal("0.06"), losses=LossSharing.PLATFORM_FIRST, cap=50_000_00,
        buy_back_days=90,
    )  # fmt: skip
    west = ProgrammeTerms(
        products=("cash",), preference=2, share_min=Decimal("0.3"), share_max=Decimal("0.6"),
        day_max=300_000_00, total_max=2_000_000_00, keeps=Decimal("0.65"),
        price=Decimal("0.055"), guarantor_id=_GUARD, guarantee=Decimal("0.1"),
        losses=LossSharing.GUARANTOR_FIRST, cap=100_000_00,
    )  # fmt: skip
    own = ProgrammeTerms(products=("cash",), preference=9, share_max=Decimal("0.7"))
    purchases = ProgrammeTerms(
        products=(PAY_LATER,), share=Decimal("0.3"), preference=1, day_max=100_000_00,
        total_max=500_000_00, keeps=Decimal("0.7"), losses=LossSharing.PLATFORM_FIRST,
        cap=20_000_00,
    )  # fmt: skip
    # Without room left at the bank a purchase is the platform's alone.
    own_purchases = ProgrammeTerms(products=(PAY_LATER,), preference=9)
    steps["programme:east"] = DefineProgramme(
        programme_id="east-cash", institution_id=_EAST, terms=east
    )
    steps["programme:west"] = DefineProgramme(
        programme_id="west-cash", institution_id=_WEST, terms=west
    )
    steps["programme:own"] = DefineProgramme(programme_id="own-cash", terms=own)
    steps["programme:east-later"] = DefineProgramme(
        programme_id="east-later", institution_id=_EAST, terms=purchases
    )
    steps["programme:own-later"] = DefineProgramme(programme_id="own-later", terms=own_purchases)
    return steps
