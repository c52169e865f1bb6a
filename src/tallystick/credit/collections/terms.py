"""What collections are told to do, as data: contact rules, strategies with their steps, offers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from tallystick.money.calendar import business_calendar
from tallystick.pipeline.refusals import Refused

__all__ = [
    "Channel", "ContactRules", "Offered", "OfferKind", "Step", "StrategyTerms", "bucket_of",
    "require_rules", "require_strategy",
]  # fmt: skip

_DAY_MINUTES = 1440
_WEEK_DAYS = 7
_STEPS_MAX = 40
_DAYS_MAX = 3650


class Channel(StrEnum):
    """How a borrower is reached; nobody else is. A call is made by a person, the rest is sent."""

    SMS = "sms"
    APP = "app"
    LETTER = "letter"
    CALL = "call"


class OfferKind(StrEnum):
    """What may be offered: to forgive penalties when the rest is paid, or new dates."""

    WAIVE = "waive"
    RE_AGE = "re_age"


class ContactRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When anybody may be contacted at all; no strategy can go beyond.

    The defaults are those of China: 8:00 to 22:00, public holidays free.

    Args:
        zone: the borrowers' time zone, a name of the IANA database.
        calendar: whose public holidays are kept, an ISO 3166 code; empty for none.
        opens, closes: minutes of the local day; `closes` is the first that is too late.
        per_day, per_week: contacts of one borrower at most, in a local day and in any seven of
            them on end.
        gap_minutes: between one contact and the next.
        rest_weekdays: days of the week without contacts, 0 for Monday.
        extra_holidays: days without contacts besides.
        buckets: the first day past due of each bucket.
        language: of the texts, `zh` or `en`.
    """

    zone: str = "Asia/Shanghai"
    calendar: str = "CN"
    opens: int = 8 * 60
    closes: int = 22 * 60
    per_day: int = 1
    per_week: int = 3
    gap_minutes: int = 0
    rest_weekdays: tuple[int, ...] = ()
    extra_holidays: tuple[date, ...] = ()
    buckets: tuple[int, ...] = (1, 31, 61, 91)
    language: str = "zh"


class Offered(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a step offers.

    Args:
        share: of the penalties and late fees that are due, forgiven when the rest is paid.
        count: payments of the new dates.
        valid_days: how long the borrower may take it.
    """

    kind: OfferKind
    share: Decimal = Decimal(0)
    count: int = 3
    valid_days: int = 7


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One step of a strategy: who, when, by which channel, which text, what offer.

    Args:
        from_days, to_days: days past due, both inclusive.
        every_days: it is repeated no sooner.
        not_before: minutes of the local day.
        amount_min: minor units that are overdue.
        products: for loans of these; empty for all.
        cost: of one contact, minor units of the case's currency.
    """

    name: str
    from_days: int
    to_days: int
    channel: Channel
    text: str
    every_days: int = 3
    not_before: int = 0
    amount_min: int = 0
    products: tuple[str, ...] = ()
    offer: Offered | None = None
    cost: int = 0


class StrategyTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A strategy: the first step that fits is taken."""

    steps: tuple[Step, ...]


def bucket_of(rules: ContactRules, days_past_due: int) -> int:
    """The number of the bucket, from 1; 0 when nothing is overdue."""
    return sum(first <= days_past_due for first in rules.buckets)


def _invalid(said: str) -> Refused:
    return Refused("COLLECTION_TERMS_INVALID", said)


def require_rules(rules: ContactRules) -> None:
    """See that the rules can be kept.

    Raises:
        Refused: COLLECTION_TERMS_INVALID, with the field.
    """
    try:
        ZoneInfo(rules.zone)
    except (KeyError, ValueError, OSError) as error:
        raise _invalid(f"zone: {rules.zone!r} is no time zone.") from error
    if rules.calendar:
        try:
            business_calendar(rules.calendar)
        except ValueError as error:
            raise _invalid(f"calendar: {error}.") from error
    if not 0 <= rules.opens < rules.closes <= _DAY_MINUTES:
        raise _invalid("opens, closes: minutes of a day, the first before the second.")
    if not 1 <= rules.per_day <= 100 or not 1 <= rules.per_week <= 700:
        raise _invalid("per_day, per_week: at least 1; at most 100 and 700.")
    if not 0 <= rules.gap_minutes <= _DAY_MINUTES * _WEEK_DAYS:
        raise _invalid("gap_minutes: between nothing and a week.")
    if any(not 0 <= day < _WEEK_DAYS for day in rules.rest_weekdays):
        raise _invalid("rest_weekdays: 0 for Monday to 6 for Sunday.")
    if len(set(rules.rest_weekdays)) == _WEEK_DAYS:
        raise _invalid("rest_weekdays: no day is left.")
    firsts = rules.buckets
    if not firsts or firsts[0] < 1 or list(firsts) != sorted(set(firsts)):
        raise _invalid("buckets: first days past due, rising, from 1 on.")
    if rules.language not in ("zh", "en"):
        raise _invalid("language: zh or en.")


def _require_step(step: Step) -> None:
    where = f"step {step.name or '?'}"
    if not step.name or not step.text:
        raise _invalid(f"{where}: a step has a name and a text.")
    if not 1 <= step.from_days <= step.to_days <= _DAYS_MAX:
        raise _invalid(f"{where}: from_days, to_days: 1 to {_DAYS_MAX}, rising.")
    if not 1 <= step.every_days <= _DAYS_MAX or step.cost < 0 or step.amount_min < 0:
        raise _invalid(f"{where}: every_days at least 1; no cost or amount below nothing.")
    if not 0 <= step.not_before < _DAY_MINUTES:
        raise _invalid(f"{where}: not_before: a minute of the day.")
    offer = step.offer
    if offer is None:
        return
    part = offer.share.is_finite() and 0 <= offer.share <= 1
    if not (part and 1 <= offer.count <= 600 and 1 <= offer.valid_days <= 365):
        raise _invalid(f"{where}: offer: share up to 1, count up to 600, valid_days up to 365.")


def require_strategy(terms: StrategyTerms) -> None:
    """See that a strategy can be followed.

    Raises:
        Refused: COLLECTION_TERMS_INVALID, with the step.
    """
    names = [step.name for step in terms.steps]
    if not 1 <= len(names) <= _STEPS_MAX or len(set(names)) != len(names):
        raise _invalid(f"steps: 1 to {_STEPS_MAX}, each with a name of its own.")
    for step in terms.steps:
        _require_step(step)
