"""What requests and answers about collections are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from tallystick.credit.collections.model import (
    CollectionStatus,
    EntryKind,
    HardshipStatus,
    OfferStatus,
    PromiseStatus,
)
from tallystick.credit.collections.terms import Channel, OfferKind
from tallystick.gateway.rest.fields import (
    AmountText,
    Body,
    Currency,
    Limit,
    Ms,
    OrderNo,
    PartyId,
    Query,
    Shape,
)
from tallystick.gateway.rest.loan_shapes import Day

__all__ = [
    "ArmShape",
    "CollectionNote",
    "CollectionCaseRow",
    "CollectionCaseShape",
    "CollectionState",
    "CasesQuery",
    "CollectionOffer",
    "CollectionStep",
    "CollectionEntryShape",
    "HardshipDecision",
    "HardshipShape",
    "NewCall",
    "NewContactRules",
    "NewOffer",
    "NewPromise",
    "NewCollectionSplit",
    "NewStop",
    "NewStrategy",
    "NewText",
    "NothingAsked",
    "CollectionOfferShape",
    "PromiseShape",
    "CollectionSaved",
    "SplitShape",
]

_NAME = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z", examples=["soft"])]
_WORDS = Annotated[str, Meta(max_length=500)]
_MINUTES = Annotated[int, Meta(ge=0, le=1440)]
_DAYS = Annotated[int, Meta(ge=1, le=3650)]


class CollectionOffer(Body, frozen=True, kw_only=True):
    """What is offered: a share of penalties and fees forgiven, or so many new payments."""

    kind: OfferKind
    share: Annotated[str, Meta(pattern=r"^(0(\.[0-9]{1,4})?|1)\Z")] = "0"
    count: Annotated[int, Meta(ge=1, le=600)] = 3
    valid_days: Annotated[int, Meta(ge=1, le=365)] = 7


class CollectionStep(Body, frozen=True, kw_only=True):
    """Who, when, by which channel, which text, what offer. `cost` and amounts in minor units."""

    name: _NAME
    from_days: _DAYS
    to_days: _DAYS
    channel: Channel
    text: _NAME
    every_days: _DAYS = 3
    not_before: Annotated[int, Meta(ge=0, le=1439)] = 0
    amount_min: Annotated[int, Meta(ge=0, le=10**15)] = 0
    products: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    offer: CollectionOffer | None = None
    cost: Annotated[int, Meta(ge=0, le=10**9)] = 0


class NewStrategy(Body, frozen=True, kw_only=True):
    """A strategy; the first step that fits is taken."""

    strategy_id: _NAME
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    steps: Annotated[list[CollectionStep], Meta(min_length=1, max_length=40)]


class NewContactRules(Body, frozen=True, kw_only=True):
    """When borrowers may be contacted; minutes are of the local day."""

    zone: Annotated[str, Meta(max_length=64)] = "Asia/Shanghai"
    calendar: Annotated[str, Meta(pattern=r"^([A-Z]{2})?\Z")] = "CN"
    opens: _MINUTES = 480
    closes: _MINUTES = 1320
    per_day: Annotated[int, Meta(ge=1, le=100)] = 1
    per_week: Annotated[int, Meta(ge=1, le=700)] = 3
    gap_minutes: Annotated[int, Meta(ge=0, le=10080)] = 0
    rest_weekdays: Annotated[tuple[int, ...], Meta(max_length=6)] = ()
    extra_holidays: Annotated[tuple[Day, ...], Meta(max_length=400)] = ()
    buckets: Annotated[tuple[_DAYS, ...], Meta(min_length=1, max_length=20)] = (1, 31, 61, 91)
    language: Literal["zh", "en"] = "zh"


class NewText(Body, frozen=True, kw_only=True):
    """A text in both languages; `{due}`, `{days}` and `{until}` are filled."""

    text_id: _NAME
    english: Annotated[str, Meta(min_length=1, max_length=1000)]
    chinese: Annotated[str, Meta(min_length=1, max_length=1000)]


class NewCollectionSplit(Body, frozen=True, kw_only=True):
    """Which strategies are used from now on."""

    champion_id: _NAME
    challenger_id: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{0,32}\Z")] = ""
    challenger_permille: Annotated[int, Meta(ge=0, le=1000)] = 0
    cured_within_days: Annotated[int, Meta(ge=1, le=365)] = 30


class NewPromise(Body, frozen=True, kw_only=True):
    """So much by the end of a day."""

    amount: AmountText
    due_day: Day


class NewCall(Body, frozen=True, kw_only=True):
    """A call that is made now."""

    result: Literal["reached", "not_reached", "refused", "wrong_number"]
    note: _WORDS = ""


class NewOffer(CollectionOffer, frozen=True, kw_only=True):
    """An offer for one loan."""

    loan_id: OrderNo


class NewStop(Body, frozen=True, kw_only=True):
    """Why a borrower is not contacted any more."""

    reason: Literal["dispute", "complaint", "representative", "deceased"]
    note: _WORDS = ""


class CollectionNote(Body, frozen=True, kw_only=True):
    """Words."""

    note: Annotated[str, Meta(min_length=1, max_length=500)]


class HardshipDecision(Body, frozen=True, kw_only=True):
    """Granted with a pause, or declined."""

    granted: bool
    pause_until_day: Day | None = None
    waives: bool = False


class CasesQuery(Query, frozen=True, kw_only=True):
    """Which cases."""

    status: CollectionStatus = CollectionStatus.OPEN
    bucket: Annotated[int, Meta(ge=0, le=20)] = 0
    limit: Limit = 50


class NothingAsked(Query, frozen=True, kw_only=True):
    """Nothing to choose."""


class CollectionSaved(Shape, frozen=True, kw_only=True):
    """What was kept, and its version."""

    name: str
    version: int


class CollectionState(Shape, frozen=True, kw_only=True):
    """A case after a change; `overdue` is minor units."""

    case_id: OrderNo
    status: str
    overdue: int
    days_past_due: int
    next_ms: Ms | None
    next_step: str
    made_id: str


class CollectionCaseRow(Shape, frozen=True, kw_only=True):
    """A case of the queue."""

    case_id: OrderNo
    borrower_id: PartyId
    currency: Currency
    status: CollectionStatus
    strategy_id: str
    arm: str
    bucket: int
    overdue: AmountText
    days_past_due: int
    collected: AmountText
    contacts: int
    next_ms: Ms | None
    next_step: str
    next_channel: str


class CollectionEntryShape(Shape, frozen=True, kw_only=True):
    """A line of a case's record."""

    entry_no: int
    kind: EntryKind
    at_ms: Ms
    channel: str
    recipient: str
    text_id: str
    text_version: int
    result: str
    contents: str
    caller: str


class PromiseShape(Shape, frozen=True, kw_only=True):
    """A promise."""

    promise_id: OrderNo
    amount: AmountText
    due_day: Day
    status: PromiseStatus
    paid: AmountText


class CollectionOfferShape(Shape, frozen=True, kw_only=True):
    """An offer."""

    offer_id: OrderNo
    loan_id: OrderNo
    kind: OfferKind
    status: OfferStatus
    until_ms: Ms


class HardshipShape(Shape, frozen=True, kw_only=True):
    """An application."""

    hardship_id: OrderNo
    reason: str
    status: HardshipStatus
    pause_until_day: str


class CollectionCaseShape(CollectionCaseRow, frozen=True, kw_only=True):
    """A case with its whole record."""

    entries: list[CollectionEntryShape]
    promises: list[PromiseShape]
    offers: list[CollectionOfferShape]
    hardships: list[HardshipShape]


class ArmShape(Shape, frozen=True, kw_only=True):
    """What came of one arm; money in minor units, shares with their 95 % interval."""

    strategy_id: str
    cases: int
    cured: int
    cured_share: tuple[str, str, str]
    contacts: int
    collected: int
    per_contact: int


class SplitShape(Shape, frozen=True, kw_only=True):
    """Champion, challenger, and by how much more the challenger cures."""

    split_id: OrderNo
    champion: ArmShape
    challenger: ArmShape
    difference: tuple[str, str, str]
    verdict: str
