"""Parameters for every read of the fraud graph, drawn from a generated one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

import numpy as np

from bench.graph_data import FIRST_MS, LAST_MS
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.queries import READS
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName

__all__ = ["Questions"]

_DAY_MS: Final = 86_400_000
_E = EdgeKindName

_SUBJECTS: Final = {
    "tcr2": (_E.PERSON_OWN, True),
    "tcr5": (_E.PERSON_OWN, True),
    "tcr6": (_E.WITHDRAW, False),
    "tcr7": (_E.TRANSFER, False),
    "tcr8": (_E.DEPOSIT, True),
    "tcr9": (_E.DEPOSIT, False),
    "tcr10": (_E.PERSON_INVEST, True),
    "tcr11": (_E.PERSON_GUARANTEE, True),
    "tcr12": (_E.PERSON_OWN, True),
    "tsr3": (_E.TRANSFER, False),
    "tsr5": (_E.TRANSFER, False),
    "tsr6": (_E.TRANSFER, False),
}
"""The kind of edge that the vertex asked about has, and whether it is its source; else it is one
that has transferred."""


class Questions:
    """Draws parameters: any vertex that has an edge of the right kind, as likely as any other; a
    window of 30 to 365 days out of three years; at most the 500 newest edges a step, which is
    what FinBench's driver asks for.

    Args:
        busy: a vertex is as likely as it has edges, so that the busiest are asked about most.
    """

    def __init__(self, graph: Graph, seed: int, *, busy: bool = False) -> None:
        self._graph = graph
        self._busy = busy
        self._random = Random(seed)
        self._ids: dict[tuple[EdgeKindName, bool], Any] = {}

    def _id(self, kind: EdgeKindName, *, source: bool) -> str:
        ids = self._ids.get((kind, source))
        if ids is None:
            ends = EDGE_KINDS[kind]
            adjacency = self._graph.out(kind) if source else self._graph.into(kind)
            table = self._graph.vertices[ends.source if source else ends.target]
            lengths = adjacency.view().lengths[: table.count]
            rows = np.repeat(np.arange(table.count), lengths)
            ids = table.ids[rows if self._busy else np.flatnonzero(lengths)]
            self._ids[kind, source] = ids
        return str(ids[self._random.randrange(len(ids))])

    def _transfer(self) -> tuple[str, str]:
        """Both ends of a transfer."""
        payer = self._id(_E.TRANSFER, source=True)
        accounts = self._graph.vertices[EDGE_KINDS[_E.TRANSFER].source]
        paid = self._graph.out(_E.TRANSFER).view().block(accounts.row(int(payer))).neighbours
        return payer, str(accounts.ids[paid[self._random.randrange(len(paid))]])

    def of(self, name: str) -> dict[str, Any]:
        """Parameters of a read."""
        wanted = READS[name].parameters
        kind, source = _SUBJECTS.get(name, (_E.TRANSFER, True))
        given: dict[str, Any] = {}
        if "id1" in wanted:
            given["id1"], given["id2"] = self._transfer()
            if name == "tcr3":
                given["id2"] = self._id(_E.TRANSFER, source=False)
        for parameter in ("id", "pid1", "pid2"):
            if parameter in wanted:
                given[parameter] = self._id(kind, source=source)
        if "startTime" in wanted:
            given |= self._window()
        for parameter in wanted:
            if parameter.startswith("threshold"):
                given[parameter] = 0.05 if name == "tcr8" else self._random.choice([0, 50, 200])
        if "truncationLimit" in wanted:
            given |= {"truncationLimit": 500, "truncationOrder": "TIMESTAMP_DESCENDING"}
        return given

    def _window(self) -> dict[str, int]:
        span = self._random.randrange(30, 366) * _DAY_MS
        start = self._random.randrange(FIRST_MS, LAST_MS - span)
        return {"startTime": start, "endTime": start + span}

    def write(self, now_ms: int) -> tuple[str, dict[str, Any]]:
        """A write as payments make them: transfers mostly."""
        draw: Callable[..., str] = self._id
        ends = {"accountId1": draw(_E.TRANSFER, source=True),
                "accountId2": draw(_E.TRANSFER, source=False)}  # fmt: skip
        money = {"time": now_ms, "amount": self._random.randrange(1, 100_000) / 100}
        name = self._random.choices(["tw12", "tw13", "tw16"], [85, 5, 10])[0]
        if name == "tw16":
            medium = draw(_E.SIGN_IN, source=True)
            return name, {"mediumId": medium, "accountId": ends["accountId1"], "time": now_ms}
        return name, ends | money
