"""Many parameters for every read, chosen from the data so that most answers are not empty."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.risk.graph.plain_graph import Edge, PlainGraph, plain_rows

__all__ = ["ORDERS", "asked"]

ORDERS = (
    "TIMESTAMP_DESCENDING",
    "TIMESTAMP_ASCENDING",
    "AMOUNT_DESCENDING",
    "AMOUNT_ASCENDING",
)
DAY_MS = 86_400_000
FIRST_MS, LAST_MS = 1_577_836_800_000, 1_704_067_200_000

TRUNCATED = frozenset({"tcr1", "tcr2", "tcr5", "tcr6", "tcr7", "tcr8", "tcr9", "tcr11", "tcr12"})
_SUBJECT = {
    "tcr1": ("AccountTransferAccount", "source"),
    "tcr2": ("PersonOwnAccount", "source"),
    "tcr5": ("PersonOwnAccount", "source"),
    "tcr6": ("AccountWithdrawAccount", "target"),
    "tcr7": ("AccountTransferAccount", "target"),
    "tcr8": ("LoanDepositAccount", "source"),
    "tcr9": ("LoanDepositAccount", "target"),
    "tcr11": ("PersonGuaranteePerson", "source"),
    "tcr12": ("PersonOwnAccount", "source"),
    "tsr1": ("PersonOwnAccount", "target"),
    "tsr2": ("AccountTransferAccount", "source"),
    "tsr3": ("AccountTransferAccount", "target"),
    "tsr4": ("AccountTransferAccount", "source"),
    "tsr5": ("AccountTransferAccount", "target"),
    "tsr6": ("AccountTransferAccount", "target"),
}
_THRESHOLDS = {
    "tcr6": ("threshold1", "threshold2"),
    **dict.fromkeys(("tcr7", "tcr9", "tsr3", "tsr4", "tsr5"), ("threshold",)),
}


def _windowed(random: Random, edge: Edge) -> dict[str, Any]:
    """A window: everything, or some time around an edge; now and then one of its own ends."""
    if random.random() < 0.4:
        return {"startTime": str(FIRST_MS), "endTime": str(LAST_MS)}
    before, after = (int(random.expovariate(1 / 300) * DAY_MS) + 1 for _ in range(2))
    if random.random() < 0.1:
        before = 0  # Windows are open: the edge itself is then outside.
    return {"startTime": str(edge.time - before), "endTime": str(edge.time + after)}


def _ids(random: Random, graph: PlainGraph, name: str, edge: Edge) -> dict[str, str]:
    if name == "tcr3":
        target = edge
        for _ in range(random.randrange(6)):
            onward = graph.of("AccountTransferAccount", "source", target.target)
            target = random.choice(onward) if onward else target
        return {"id1": str(edge.source), "id2": str(target.target)}
    if name == "tcr4":
        return _cycle(random, graph, edge)
    if name == "tcr10":
        sharing = graph.of("PersonInvestCompany", "target", edge.target)
        return {"pid1": str(edge.source), "pid2": str(random.choice(sharing).source)}
    _, end = _SUBJECT[name]
    return {"id": str(getattr(edge, end))}


def _cycle(random: Random, graph: PlainGraph, edge: Edge) -> dict[str, str]:
    """Two accounts of a cycle of three, if one is met within some tries."""
    transfers = "AccountTransferAccount"
    for _ in range(300):
        first = random.choice(graph.edges[transfers])
        for second in graph.of(transfers, "source", first.target):
            for third in graph.of(transfers, "source", second.target):
                if third.target == first.source and len({first.source, *second[:2]}) == 3:
                    return {"id1": str(first.source), "id2": str(first.target)}
    return {"id1": str(edge.source), "id2": str(edge.target)}


def is_nothing(rows: list[tuple[Any, ...]]) -> bool:
    """No row, or one that says that there is nothing."""
    return not rows or all(value in (0, -1) for value in rows[0])


def asked(
    graph: PlainGraph, name: str, count: int, seed: int
) -> Iterator[tuple[dict[str, Any], list[tuple[Any, ...]]]]:
    """Parameters of a read, as texts, with the plain reader's answers; at least two thirds of
    the answers say something."""
    random = Random(f"{name} {seed}")
    empty_left = count // 3
    while count:
        given = _given(random, graph, name)
        rows = plain_rows(graph, name, given)
        if is_nothing(rows):
            if not empty_left or random.random() < 0.7:
                continue
            empty_left -= 1
        count -= 1
        yield given, rows


def _given(random: Random, graph: PlainGraph, name: str) -> dict[str, Any]:
    kind = {"tcr3": "AccountTransferAccount", "tcr4": "AccountTransferAccount"}
    chosen = _SUBJECT[name][0] if name in _SUBJECT else kind.get(name, "PersonInvestCompany")
    edge = random.choice(graph.edges[chosen])
    given: dict[str, Any] = _ids(random, graph, name, edge)
    if name != "tsr1":
        given |= _windowed(random, edge)
    for threshold in _THRESHOLDS.get(name, ()):
        given[threshold] = random.choice(["0", str(edge.value), "1000000.5", "4000000"])
    if name == "tcr8":
        given["threshold"] = random.choice(["0", "0.01", "0.1", "0.5"])
    if name in TRUNCATED and random.random() < 0.8:
        given["truncationLimit"] = random.choice([1, 2, 3, 5, 10, 50, 500])
        given["truncationOrder"] = random.choice(ORDERS)
    return given
