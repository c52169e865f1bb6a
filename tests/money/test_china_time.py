"""China time: between moments and the wall clock that partners read and write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money.china_time import china_midnight_ms, china_time, parse_china_time

HOUR_MS = 3_600_000


@given(st.integers(1, 4_000_000_000))
def test_china_times_round_trip(seconds: int) -> None:
    text = china_time(seconds * 1000 + 999)
    assert parse_china_time(text) == seconds * 1000


def test_china_time_is_eight_hours_ahead_of_utc() -> None:
    assert parse_china_time("1970-01-01 08:00:00") == 0
    assert china_time(1000) == "1970-01-01 08:00:01"
    assert china_time(0) == ""


@given(st.integers(0, 4_000_000_000_000))
def test_the_next_day_in_china_begins_at_its_midnight(at_ms: int) -> None:
    midnight_ms = china_midnight_ms(at_ms)
    assert 0 < midnight_ms - at_ms <= 24 * HOUR_MS
    assert china_time(midnight_ms).endswith(" 00:00:00")


@pytest.mark.parametrize("text", ["", "2026-11-24", "2026-11-24 1:00:00", "2026-13-01 00:00:00",
                                  "2026-11-24 24:00:01", " 2026-11-24 10:00:00",
                                  "２026-11-24 10:00:00", "2026-11-24 10:00:00\n"])  # fmt: skip
def test_what_is_no_china_time_is_none(text: str) -> None:
    assert parse_china_time(text) is None
