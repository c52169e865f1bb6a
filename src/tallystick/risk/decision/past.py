"""Recorded decisions as what features count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tallystick.risk.decision.facts import PAST, hour_of
from tallystick.risk.decision.model import DecisionRow
from tallystick.risk.decision.windows import Past
from tallystick.store.connection import Connection

__all__ = ["past_after", "past_of", "stored_past"]

_STORED: Final = tuple(name for name in PAST if name != "hour")


def past_of(row: DecisionRow) -> Past:
    """A record as what features count."""
    facts = {name: getattr(row, name) for name in _STORED}
    facts["hour"] = hour_of(row.at_ms)
    return Past(row.at_ms, facts)


def stored_past(
    connection: Connection, longest_ms: int, events_max: int, until_seq: int
) -> Iterator[Past]:
    """The newest records up to a number, at most `events_max`, that such a window holds."""
    newest = connection.execute(
        "SELECT seq, at_ms FROM risk_decision WHERE seq <= ? ORDER BY seq DESC LIMIT 1",
        (until_seq,),
    ).fetchone()
    if newest is None:
        return
    rows = connection.execute(
        f"SELECT at_ms, {', '.join(_STORED)} FROM risk_decision "  # noqa: S608 - names are ours
        "WHERE seq > ? AND seq <= ? AND at_ms > ? ORDER BY seq",
        (newest[0] - events_max, until_seq, newest[1] - longest_ms),
    )
    for at_ms, *values in rows:
        yield _past(at_ms, values)


def past_after(connection: Connection, seq: int) -> Iterator[tuple[int, Past]]:
    """The records after one, oldest first, each with its number."""
    rows = connection.execute(
        f"SELECT seq, at_ms, {', '.join(_STORED)} FROM risk_decision "  # noqa: S608
        "WHERE seq > ? ORDER BY seq",
        (seq,),
    )
    for number, at_ms, *values in rows:
        yield number, _past(at_ms, values)


def _past(at_ms: int, values: list[Any]) -> Past:
    facts = dict(zip(_STORED, values, strict=True))
    facts["hour"] = hour_of(at_ms)
    return Past(at_ms, facts)
