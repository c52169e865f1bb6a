"""Participation: plans, jointly funded loans, and what each institution got and bore of them."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from tallystick.decoding import decode_json
from tallystick.pipeline.refusals import Refused
from tallystick.store.table import Row, Table

__all__ = [
    "PROGRAMMES_PER_ENTITY", "WHOLE_PPM", "BuyBackBy", "FlowKind", "FundingPlan", "JointLoan",
    "LossSharing", "Participant", "Plan", "ShareFlow", "plan_of", "plan_row", "require_plan",
]  # fmt: skip

WHOLE_PPM: Final = 1_000_000
"""Shares are millionths; those of a plan add up to this."""

PROGRAMMES_PER_ENTITY: Final = 1000
"""The numbers that own programmes' accounts begin with their institution's entity."""


class LossSharing(StrEnum):
    """Who bears an institution's share of what is written off."""

    PARI_PASSU = "pari_passu"
    """Each bears its own share."""
    PLATFORM_FIRST = "platform_first"
    """The platform bears it up to the programme's cap."""
    GUARANTOR_FIRST = "guarantor_first"
    """The guarantor bears it up to the programme's cap."""


class BuyBackBy(StrEnum):
    """Who takes a share over when its loan is long past due."""

    PLATFORM = "platform"
    GUARANTOR = "guarantor"


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One who funds a loan: an institution under a programme, or the platform itself.

    Args:
        institution_id: empty for the platform, which needs none of what follows the share.
        account, class_account: the programme's number, and with the class of the loan for which
            its concentration is counted; the owners of the accounts.
        entity: the legal entity whose books these are.
        share_ppm: of each cent of the loan, in millionths.
        keeps_ppm, guarantee_ppm: of its income, what it keeps and what the guarantor gets; the
            rest is the platform's servicing fee.
        cap: minor units; what others bear of the programme's losses in all.
        buy_back_days, buy_back_by: days past due at which its share is bought back (0 for never),
            and who does.
        bought_back: whether the platform has bought it back.
        taken_from: the institution from which this guarantor took the share over; else empty.
    """

    institution_id: str = ""
    programme_id: str = ""
    account: str = ""
    class_account: str = ""
    entity: int = 0
    share_ppm: int
    keeps_ppm: int = WHOLE_PPM
    guarantee_ppm: int = 0
    guarantor_id: str = ""
    guarantor_entity: int = 0
    losses: LossSharing = LossSharing.PARI_PASSU
    cap: int = 0
    buy_back_days: int = 0
    buy_back_by: BuyBackBy = BuyBackBy.PLATFORM
    bought_back: bool = False
    taken_from: str = ""

    @property
    def is_outside(self) -> bool:
        """Whether its share is somebody else's than the platform's."""
        return bool(self.institution_id) and not self.bought_back

    def taken_over(self) -> Participant:
        """The guarantor in its place: it holds the share, and nobody bears losses for it.

        What it holds like this is booked under the first number of its entity, which no programme
        has.
        """
        account = str(self.guarantor_entity * PROGRAMMES_PER_ENTITY)
        return Participant(
            institution_id=self.guarantor_id,
            programme_id=self.programme_id,
            account=account,
            class_account=f"{account}000000",
            entity=self.guarantor_entity,
            share_ppm=self.share_ppm,
            keeps_ppm=self.keeps_ppm + self.guarantee_ppm,
            taken_from=self.institution_id,
        )


class Plan(msgspec.Struct, frozen=True):
    """Who funds a loan, in the order in which equal claims to a cent are met."""

    participants: tuple[Participant, ...]

    @property
    def shares(self) -> list[int]:
        """Millionths by participant."""
        return [p.share_ppm for p in self.participants]


class FundingPlan(Row, frozen=True):
    """A plan under the digest of its contents; it never changes. `plan` is JSON of `Plan`."""

    plan_id: str
    plan: str


class JointLoan(Row, frozen=True):
    """A loan that is funded by a plan.

    `buy_back_days` is the least of its participants', 0 for none. `bore` is who bore how much of
    its loss once it is written off: JSON, pairs of participant (its place, or with `+` who
    compensated it) and minor units; `recovered` is what came in after that. `allowance_shared` is
    false of a loan whose allowance stands in the platform's book alone, until it changes next.
    """

    loan_id: str
    plan_id: str
    borrower_id: str
    currency: str
    flows: int
    buy_back_days: int
    bore: str
    recovered: int
    allowance_shared: bool


class FlowKind(StrEnum):
    """What happened to an institution's share of a loan."""

    DRAWN = "drawn"
    PAID = "paid"
    REVERSED = "reversed"
    WAIVED = "waived"
    FEE = "fee"
    """A fee that was paid at once."""
    LOST = "lost"
    COMPENSATED = "compensated"
    RECOVERED = "recovered"
    BOUGHT_BACK = "bought_back"
    TAKEN_OVER = "taken_over"
    """A guarantor bought the share back."""
    PREMIUM = "premium"
    """A guarantor's fee."""
    CLAIM = "claim"
    """What a guarantor bore."""


class ShareFlow(Row, frozen=True):
    """What one event did to an institution's share of a loan, in minor units.

    Args:
        principal, interest, fee, penalty: how what borrowers owe it changed.
        servicing, guarantee: what platform and guarantor got of its income.
        other: compensation, recoveries and fees at once, with nothing taken off.
        net: what it is owed by the platform after it, more than before.
        day: the day in China; `at_ns` the moment of the ledger.
    """

    loan_id: str
    flow_no: int
    institution_id: str
    programme_id: str
    kind: FlowKind
    day: str
    principal: int
    interest: int
    fee: int
    penalty: int
    servicing: int
    guarantee: int
    other: int
    net: int
    currency: str
    at_ns: int


PLANS = Table("funding_plan", FundingPlan, ("plan_id",))
JOINT_LOANS = Table("joint_loan", JointLoan, ("loan_id",))
SHARE_FLOWS = Table("share_flow", ShareFlow, ("loan_id", "flow_no"))


def require_plan(plan: Plan) -> None:
    """See that a plan can share every cent.

    Raises:
        Refused: FUNDING_PLAN_INVALID: shares that are not 100 %, or a part of the income beyond
            what there is.
    """
    whole = sum(plan.shares)
    if min(plan.shares, default=0) <= 0 or whole != WHOLE_PPM:
        percent = f"{whole // 10_000}.{whole % 10_000:04d} %"
        raise Refused("FUNDING_PLAN_INVALID", f"The shares are {percent} together, not 100 %.")
    for p in plan.participants:
        if min(p.keeps_ppm, p.guarantee_ppm) < 0 or p.keeps_ppm + p.guarantee_ppm > WHOLE_PPM:
            raise Refused("FUNDING_PLAN_INVALID", f"{p.programme_id}: income beyond 100 %.")


def plan_row(plan: Plan) -> FundingPlan:
    """The plan as it is kept."""
    text = msgspec.json.encode(plan)
    return FundingPlan(hashlib.blake2b(text, digest_size=16).hexdigest(), text.decode())


@lru_cache(maxsize=1024)
def plan_of(row: FundingPlan) -> Plan:
    """The plan that was kept; many loans have the same."""
    return decode_json(row.plan, Plan)
