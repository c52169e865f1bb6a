"""Recorded decisions with their labels as a history."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from tallystick.decoding import decode_json, decode_msgpack
from tallystick.risk.decision.checking import Kind
from tallystick.risk.decision.decide import input_names
from tallystick.risk.decision.facts import PAST, TOLD
from tallystick.risk.decision.files import events_of
from tallystick.risk.decision.history import Events
from tallystick.risk.decision.model import RuleSetRow
from tallystick.risk.decision.rules import RuleSet, compile_set
from tallystick.store.rows import ReadSession

__all__ = ["recorded_events", "recorded_frame"]

_FACTS: Final = {name: kind for name, kind in PAST.items() if name != "hour"}
_TYPES: Final[dict[type, type[pl.DataType]]] = {
    bool: pl.Boolean, int: pl.Int64, str: pl.String,
}  # fmt: skip


class _Told:
    """What others knew of each command, out of the inputs that its decision was made from."""

    def __init__(self, rows: ReadSession) -> None:
        self._rows = rows
        self._places: dict[int, tuple[int, ...]] = {}

    def _places_in(self, number: int) -> tuple[int, ...]:
        """Where each of `TOLD` stands among the inputs of a rule set; -1 for nowhere."""
        if number not in self._places:
            row = self._rows.get(RuleSetRow, number) if number else None
            names: tuple[str, ...] = ()
            if row is not None:
                rule_set = decode_json(row.contents, RuleSet)
                names = input_names(rule_set, compile_set(rule_set))
            at = {name: place for place, name in enumerate(names)}
            self._places[number] = tuple(at.get(name, -1) for name in TOLD)
        return self._places[number]

    def of(self, number: int, inputs: bytes) -> tuple[Any, ...]:
        """The values in the order of `TOLD`."""
        places = self._places_in(number)
        if max(places) < 0:
            return tuple(TOLD.values())
        values = decode_msgpack(inputs)[0]
        known = zip(places, TOLD.values(), strict=True)
        return tuple(values[p] if 0 <= p < len(values) else none for p, none in known)


def recorded_frame(rows: ReadSession, events_max: int) -> pl.DataFrame:
    """The newest records, at most `events_max`, in the form of a file of events.

    A label counts; without one an event is not known. What others knew is as it was told to the
    decision; where no rule in force read it, nothing is known of it.
    """
    found = rows.connection.execute(
        f"SELECT d.at_ms, {', '.join(f'd.{name}' for name in _FACTS)}, l.fraud, "  # noqa: S608
        "d.rule_set, d.inputs FROM (SELECT * FROM risk_decision ORDER BY seq DESC LIMIT ?) d "
        "LEFT JOIN risk_label l ON l.seq = d.seq ORDER BY d.seq",
        (events_max,),
    ).fetchall()
    others = _Told(rows)
    schema: dict[str, type[pl.DataType]] = {"at_ms": pl.Int64}
    schema |= {n: pl.Int64 if k is Kind.NUMBER else pl.String for n, k in _FACTS.items()}
    schema |= {"fraud": pl.Int8}
    schema |= {name: _TYPES[type(none)] for name, none in TOLD.items()}
    told = [(*row[:-2], *others.of(row[-2], bytes(row[-1]))) for row in found]
    return pl.DataFrame(told, schema=schema, orient="row")


def recorded_events(rows: ReadSession, events_max: int) -> Events:
    """The same, ready for a backtest."""
    return events_of(recorded_frame(rows, events_max), "the recorded decisions")
