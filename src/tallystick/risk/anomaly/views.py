"""What can be seen of the watch: policies, alerts, and an account's habits as a picture."""

from __future__ import annotations

import math
from typing import NamedTuple

from tallystick.decoding import decode_json
from tallystick.risk.anomaly.model import AlertStatus, AnomalyAlert, AnomalyPolicy
from tallystick.risk.anomaly.profiles import FIGURES, Profiles
from tallystick.risk.anomaly.scoring import Part
from tallystick.store.rows import Rows

__all__ = ["Habits", "alerts_of", "habits_of", "parts_of", "policies_of"]


def policies_of(rows: Rows) -> list[AnomalyPolicy]:
    """The levels that are set, lowest first."""
    return sorted(rows.select(AnomalyPolicy), key=lambda policy: policy.level)


def alerts_of(rows: Rows, party: str) -> list[AnomalyAlert]:
    """A party's alerts that are not closed, newest first."""
    found = [a for a in rows.select(AnomalyAlert, party=party)
             if a.status is not AlertStatus.CLOSED]  # fmt: skip
    return sorted(found, key=lambda alert: -alert.last_ms)


def parts_of(alert: AnomalyAlert) -> tuple[Part, ...]:
    """What an alert's highest score comes from, most first."""
    return decode_json(alert.reasons, tuple[Part, ...]) if alert.reasons else ()


class Habits(NamedTuple):
    """What the watch knows of an account now.

    Args:
        hours: how many of its events fall into each hour of the day, China time.
        usual: its usual amount, minor units; 0 while it has none.
    """

    events: int
    hours: tuple[int, ...]
    usual: int
    devices: int
    places: int
    payees: int


def habits_of(profiles: Profiles, party: str) -> Habits | None:
    """An account's habits; None for one that is not known, or no more."""
    row = profiles.row_of(party)
    if row < 0:
        return None
    figures = dict(zip(FIGURES, profiles.figures[row].tolist(), strict=True))
    payments = figures["payments"]
    usual = round(math.exp(figures["log_sum"] / payments)) if payments else 0
    return Habits(
        int(figures["events"]), tuple(round(n) for n in profiles.hours[row].tolist()), usual,
        *(int((known.marks[row] != 0).sum())
          for known in (profiles.devices, profiles.places, profiles.payees)),
    )  # fmt: skip
