"""The span of a bill: a day or a month in China time."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tallystick.money.china_time import parse_china_time
from tallystick.pipeline.refusals import Refused

__all__ = ["BillPeriod", "bill_period"]

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH: Final = re.compile(r"([0-9]{4})-([0-9]{2})")
_DAY_MS: Final = 86_400_000


class BillPeriod(NamedTuple):
    """From `start_ms` to just before `end_ms`; `text` is the date as it was asked for."""

    text: str
    start_ms: int
    end_ms: int


def bill_period(text: str) -> BillPeriod:
    """The period that `yyyy-MM-dd` or `yyyy-MM` names.

    Raises:
        Refused: INVALID_PARAMETER when it names none.
    """
    start_ms = end_ms = None
    if _DAY.fullmatch(text):
        start_ms = parse_china_time(f"{text} 00:00:00")
        end_ms = None if start_ms is None else start_ms + _DAY_MS
    elif match := _MONTH.fullmatch(text):
        year, month = int(match[1]), int(match[2])
        after = f"{year + month // 12:04d}-{month % 12 + 1:02d}"
        start_ms = parse_china_time(f"{text}-01 00:00:00")
        end_ms = parse_china_time(f"{after}-01 00:00:00")
    if start_ms is None or end_ms is None or start_ms < 0:
        raise Refused("INVALID_PARAMETER", "bill_date is a day yyyy-MM-dd or a month yyyy-MM.")
    return BillPeriod(text, start_ms, end_ms)
