"""Recorded decisions with their labels as a history."""

from __future__ import annotations

from typing import Final

import msgspec
import polars as pl

from tallystick.risk.decision.checking import Kind
from tallystick.risk.decision.decide import input_names
from tallystick.risk.decision.facts import GRAPH, PAST
from tallystick.risk.decision.files import Events, events_of
from tallystick.risk.decision.model import RuleSetRow
from tallystick.risk.decision.rules import RuleSet, compile_set
from tallystick.store.rows import ReadSession

__all__ = ["recorded_events", "recorded_frame"]

_FACTS: Final = {name: kind for name, kind in PAST.items() if name != "hour"}
_UNKNOWN: Final = tuple(GRAPH.values())


class _Graphs:
    """What the graph knew, out of the inputs that decisions were made from."""

    def __init__(self, rows: ReadSession) -> None:
        self._rows = rows
        self._starts: dict[int, int] = {}

    def _start(self, number: int) -> int:
        """Where the graph's values begin among the inputs of a rule set; -1 for none."""
        if number not in self._starts:
            row = self._rows.get(RuleSetRow, number) if number else None
            names: tuple[str, ...] = ()
            if row is not None:
                rule_set = msgspec.json.decode(row.contents, type=RuleSet)
                names = input_names(rule_set, compile_set(rule_set))
            first = next(iter(GRAPH))
            self._starts[number] = names.index(first) if first in names else -1
        return self._starts[number]

    def of(self, number: int, inputs: bytes) -> tuple[int, ...]:
        """The values in the order of `GRAPH`."""
        start = self._start(number)
        if start < 0:
            return _UNKNOWN
        values = msgspec.msgpack.decode(inputs)[0]
        return tuple(values[start : start + len(GRAPH)]) or _UNKNOWN


def recorded_frame(rows: ReadSession, events_max: int) -> pl.DataFrame:
    """The newest records, at most `events_max`, in the form of a file of events.

    A label counts; without one an event is not known. Where no rule read the graph, nothing is
    known of it.
    """
    found = rows.connection.execute(
        f"SELECT d.at_ms, {', '.join(f'd.{name}' for name in _FACTS)}, l.fraud, "  # noqa: S608
        "d.rule_set, d.inputs FROM (SELECT * FROM risk_decision ORDER BY seq DESC LIMIT ?) d "
        "LEFT JOIN risk_label l ON l.seq = d.seq ORDER BY d.seq",
        (events_max,),
    ).fetchall()
    graphs = _Graphs(rows)
    schema: dict[str, type[pl.DataType]] = {"at_ms": pl.Int64}
    schema |= {n: pl.Int64 if k is Kind.NUMBER else pl.String for n, k in _FACTS.items()}
    schema |= {"fraud": pl.Int8} | dict.fromkeys(GRAPH, pl.Int64)
    told = [(*row[:-2], *graphs.of(row[-2], bytes(row[-1]))) for row in found]
    return pl.DataFrame(told, schema=schema, orient="row")


def recorded_events(rows: ReadSession, events_max: int) -> Events:
    """The same, ready for a backtest."""
    return events_of(recorded_frame(rows, events_max), "the recorded decisions")
