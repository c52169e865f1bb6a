"""Recorded decisions with their labels as a history."""

from __future__ import annotations

from typing import Final

import polars as pl

from tallystick.risk.decision.checking import Kind
from tallystick.risk.decision.facts import PAST
from tallystick.risk.decision.files import Events, events_of
from tallystick.store.rows import ReadSession

__all__ = ["recorded_events", "recorded_frame"]

_FACTS: Final = {name: kind for name, kind in PAST.items() if name != "hour"}


def recorded_frame(rows: ReadSession, events_max: int) -> pl.DataFrame:
    """The newest records, at most `events_max`, in the form of a file of events.

    A label counts; without one an event is not known.
    """
    found = rows.connection.execute(
        f"SELECT d.at_ms, {', '.join(f'd.{name}' for name in _FACTS)}, l.fraud "  # noqa: S608
        "FROM (SELECT * FROM risk_decision ORDER BY seq DESC LIMIT ?) d "
        "LEFT JOIN risk_label l ON l.seq = d.seq ORDER BY d.seq",
        (events_max,),
    ).fetchall()
    schema: dict[str, type[pl.DataType]] = {"at_ms": pl.Int64}
    schema |= {n: pl.Int64 if k is Kind.NUMBER else pl.String for n, k in _FACTS.items()}
    return pl.DataFrame(found, schema=schema | {"fraud": pl.Int8}, orient="row")


def recorded_events(rows: ReadSession, events_max: int) -> Events:
    """The same, ready for a backtest."""
    return events_of(recorded_frame(rows, events_max), "the recorded decisions")
