"""When a borrower may be contacted. Nothing here does I/O.

A `PermittedMoment` cannot be made for a moment that the rules forbid, and whatever contacts a
borrower is given one: so hours, holidays, caps and stops are kept by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from tallystick.credit.collections.terms import ContactRules
from tallystick.money.calendar import business_calendar

__all__ = ["ContactHistory", "PermittedMoment", "local_time", "next_permitted", "why_not"]

_MINUTE_MS: Final = 60_000
_WEEK: Final = 7
_SEARCH_DAYS: Final = 400
_STEP_MS: Final = 15 * _MINUTE_MS
_ONE_DAY: Final = timedelta(days=1)
_REMEMBERED_MS: Final = 9 * 86_400_000
"""What lies further back than a week and the longest day touches no cap and no gap."""


class ContactHistory(NamedTuple):
    """What a borrower's next contact depends on.

    Args:
        contacts: the moments of all contacts so far, in any order, of all products.
        is_stopped: whether the borrower disputes or complained.
        quiet_until_ms: until when nothing is to be said (a promise, hardship).
    """

    contacts: tuple[int, ...] = ()
    is_stopped: bool = False
    quiet_until_ms: int = 0


def local_time(rules: ContactRules, at_ms: int) -> datetime:
    """What a clock shows in the rules' zone."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(rules.zone))


def _is_free(rules: ContactRules, day: date) -> bool:
    """Whether nobody is contacted on a day."""
    if day.weekday() in rules.rest_weekdays or day in rules.extra_holidays:
        return True
    return bool(rules.calendar) and business_calendar(rules.calendar).is_public_holiday(day)


def _days_of(rules: ContactRules, contacts: Sequence[int]) -> list[date]:
    return [local_time(rules, at_ms).date() for at_ms in contacts]


def _capped(rules: ContactRules, contacts: Sequence[int], day: date) -> bool:
    """Whether one more on a day would be above a cap, of that day or of any week around it."""
    days = _days_of(rules, contacts)
    if days.count(day) >= rules.per_day:
        return True
    for back in range(_WEEK):
        first = day - back * _ONE_DAY
        if sum(first <= other < first + _WEEK * _ONE_DAY for other in days) >= rules.per_week:
            return True
    return False


def why_not(rules: ContactRules, history: ContactHistory, at_ms: int) -> str:
    """Why nobody may be contacted at a moment; empty when it is allowed.

    Returns:
        `stopped`, `quiet`, `hours`, `holiday`, `gap` or `cap`.
    """
    if history.is_stopped:
        return "stopped"
    if at_ms < history.quiet_until_ms:
        return "quiet"
    shown = local_time(rules, at_ms)
    if not rules.opens <= shown.hour * 60 + shown.minute < rules.closes:
        return "hours"
    if _is_free(rules, shown.date()):
        return "holiday"
    gap_ms = rules.gap_minutes * _MINUTE_MS
    if any(abs(at_ms - other) < gap_ms for other in history.contacts):
        return "gap"
    return "cap" if _capped(rules, history.contacts, shown.date()) else ""


class PermittedMoment:
    """A moment at which a borrower may be contacted, in milliseconds since 1970 UTC.

    Raises:
        ValueError: the rules forbid it.
    """

    __slots__ = ("at_ms",)

    def __init__(self, rules: ContactRules, history: ContactHistory, at_ms: int) -> None:
        reason = why_not(rules, history, at_ms)
        if reason:
            raise ValueError(reason)
        self.at_ms: Final = at_ms


def _opening_ms(rules: ContactRules, day: date) -> int:
    """When contact hours begin on a day; where the clock jumps over it, about then."""
    hours, minutes = divmod(rules.opens, 60)
    opening = datetime.combine(day, time(hours, minutes), ZoneInfo(rules.zone))
    return int(opening.timestamp()) * 1000


def _on_day(
    rules: ContactRules, history: ContactHistory, day: date, earliest_ms: int
) -> PermittedMoment | None:
    """The first permitted moment of a local day, to a quarter of an hour."""
    at_ms = max(earliest_ms, _opening_ms(rules, day))
    while local_time(rules, at_ms).date() == day:
        reason = why_not(rules, history, at_ms)
        if not reason:
            return PermittedMoment(rules, history, at_ms)
        if reason not in ("hours", "gap"):
            return None
        at_ms += _STEP_MS
    return None


def next_permitted(
    rules: ContactRules, history: ContactHistory, earliest_ms: int
) -> PermittedMoment | None:
    """The first moment from `earliest_ms` on at which a borrower may be contacted.

    Found to a quarter of an hour; None after a stop, or when more than a year has none.
    """
    if history.is_stopped:
        return None
    earliest_ms = max(earliest_ms, history.quiet_until_ms)
    since_ms = earliest_ms - _REMEMBERED_MS
    history = history._replace(contacts=tuple(c for c in history.contacts if c >= since_ms))
    day = local_time(rules, earliest_ms).date()
    for _ in range(_SEARCH_DAYS):
        found = _on_day(rules, history, day, earliest_ms)
        if found is not None:
            return found
        day += _ONE_DAY
    return None
