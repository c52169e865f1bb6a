"""A generated graph in the shape of FinBench's, as large as one likes, the same for a seed."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.schema import EDGE_KINDS, EdgeKindName, VertexKind

__all__ = ["FIRST_MS", "LAST_MS", "Size", "Transfers", "generated_graph", "transfers"]

FIRST_MS: Final = 1_577_836_800_000
LAST_MS: Final = 1_672_531_200_000
_SKEW: Final = 0.65
"""An account's share of transfers falls with its rank to this power."""

_MEDIUM_TYPES: Final = ["IPv4", "IPv6", "MAC", "PHONE", "POS"]
_ACCOUNT_TYPES: Final = ["debit card", "merchant account", "brokerage account"]


class Size(NamedTuple):
    """How large. The other kinds follow from these two."""

    accounts: int
    transfers: int


class Transfers(NamedTuple):
    """Edges in order of time: rows of vertices, ms since 1970 UTC, amounts."""

    sources: NDArray[np.int32]
    targets: NDArray[np.int32]
    times: NDArray[np.int64]
    amounts: NDArray[np.float64]


def _ranked(random: np.random.Generator, vertices: int, count: int) -> NDArray[np.int32]:
    """Vertices by a power law of their rank; ranks are dealt out anew each time."""
    shares = np.cumsum(np.arange(1, vertices + 1, dtype=np.float64) ** -_SKEW)
    ranks = np.searchsorted(shares, random.random(count) * shares[-1])
    dealt: NDArray[np.int32] = random.permutation(vertices).astype(np.int32)
    return np.asarray(dealt[ranks], np.int32)


def transfers(
    random: np.random.Generator, sources: int, targets: int, count: int, *, skewed: bool = True
) -> Transfers:
    """Random edges with degrees by a power law."""
    if skewed:
        ends = (_ranked(random, sources, count), _ranked(random, targets, count))
    else:
        ends = (
            random.integers(0, sources, count, np.int32),
            random.integers(0, targets, count, np.int32),
        )
    times = np.sort(random.integers(FIRST_MS, LAST_MS, count))
    return Transfers(*ends, times, np.round(random.lognormal(5, 1.5, count), 2))


def _vertices(graph: Graph, random: np.random.Generator, size: Size) -> None:
    counts = {
        VertexKind.ACCOUNT: size.accounts,
        VertexKind.PERSON: size.accounts // 3,
        VertexKind.COMPANY: size.accounts // 10,
        VertexKind.LOAN: size.accounts // 10,
        VertexKind.MEDIUM: size.accounts // 10,
    }
    for kind, count in counts.items():
        labels = {VertexKind.ACCOUNT: _ACCOUNT_TYPES, VertexKind.MEDIUM: _MEDIUM_TYPES}
        names = labels.get(kind, [""])
        amounts = random.lognormal(9, 1, count) if kind is VertexKind.LOAN else np.zeros(count)
        graph.vertices[kind].build(
            np.arange(1, count + 1, dtype=np.int64) * 1_000_003,
            np.full(count, FIRST_MS),
            [names[at % len(names)] for at in range(count)],
            random.random(count) < 0.05,
            amounts,
            amounts * random.random(count),
        )


_SHARES: Final = {
    EdgeKindName.WITHDRAW: 10,
    EdgeKindName.REPAY: 50,
    EdgeKindName.DEPOSIT: 50,
    EdgeKindName.SIGN_IN: 20,
    EdgeKindName.PERSON_APPLY: 150,
    EdgeKindName.COMPANY_APPLY: 500,
    EdgeKindName.PERSON_INVEST: 50,
    EdgeKindName.COMPANY_INVEST: 100,
    EdgeKindName.PERSON_GUARANTEE: 100,
    EdgeKindName.COMPANY_GUARANTEE: 200,
}
"""One edge of the kind for so many transfers."""


def generated_graph(size: Size, seed: int = 1) -> Graph:
    """A graph of that size, and of the other kinds in proportion."""
    random = np.random.default_rng(seed)
    graph = Graph()
    _vertices(graph, random, size)
    _owners(graph, size.accounts)
    counts = {EdgeKindName.TRANSFER: 1, **_SHARES}
    for kind, share in counts.items():
        ends = EDGE_KINDS[kind]
        edges = transfers(
            random,
            graph.vertices[ends.source].count,
            graph.vertices[ends.target].count,
            size.transfers // share,
            skewed=kind is EdgeKindName.TRANSFER,
        )
        graph.build_edges(kind, *edges)
    return graph


def _owners(graph: Graph, accounts: int) -> None:
    """People own three accounts in four, companies the rest."""
    rows = np.arange(accounts, dtype=np.int32)
    companies = rows % 4 == 3
    for kind, name, chosen in (
        (VertexKind.PERSON, EdgeKindName.PERSON_OWN, rows[~companies]),
        (VertexKind.COMPANY, EdgeKindName.COMPANY_OWN, rows[companies]),
    ):
        owners = (chosen * 7 % graph.vertices[kind].count).astype(np.int32)
        times = np.full(len(chosen), FIRST_MS)
        graph.build_edges(name, owners, chosen, times, np.zeros(0))
