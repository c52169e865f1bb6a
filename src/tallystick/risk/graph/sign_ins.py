"""What decided commands tell the graph: by which device, and from which address, a party acted.

Each record of a decision that names a device or an address is read once, in order. A medium is
known by a number that stands for the device's or the address's text, which is not in the graph.
One edge an hour stands for all that a party does with the same medium.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tallystick.risk.graph.feed import ensure_wallet, number_of
from tallystick.risk.graph.graph import Graph
from tallystick.risk.graph.schema import EdgeKindName, VertexKind
from tallystick.store.rows import ReadSession

__all__ = ["ADDRESS", "DEVICE", "Seen", "SeenPage", "apply_seen", "medium_id", "seen_after"]

DEVICE: Final = "device"
ADDRESS: Final = "address"

_APART_MS: Final = 3_600_000
_OWN_KINDS: Final = frozenset(
    {
        "factor", "freeze", "loan", "pay_later", "payment", "payment_code", "recovery", "session",
        "sign_in", "top_up", "transfer", "withdrawal",
    }
)  # fmt: skip
"""Kinds of commands at whose device the party itself is; a refund comes from the seller."""


class Seen(NamedTuple):
    """A decided command, as far as it concerns the graph."""

    seq: int
    at_ms: int
    kind: str
    result: str
    party: str
    currency: str
    app: str
    device: str
    address: str


class SeenPage(NamedTuple):
    """Of some records in order those that name a medium, the last of all, and how many they are."""

    seen: list[Seen]
    last: int
    size: int


def medium_id(label: str, text: str) -> int:
    """The number of a medium.

    Args:
        label: `DEVICE` or `ADDRESS`.
        text: what a caller said of itself, or where it came from.
    """
    return number_of(label, text)


def seen_after(rows: ReadSession, seq: int, count: int) -> SeenPage:
    """The records that follow one, oldest first; most of a gateway's name no medium."""
    last, size = rows.connection.execute(
        "SELECT MAX(seq), COUNT(*) FROM "
        "(SELECT seq FROM risk_decision WHERE seq > ? ORDER BY seq LIMIT ?) AS next",
        (seq, count),
    ).fetchone()
    if not size:
        return SeenPage([], seq, 0)
    found = rows.connection.execute(
        f"SELECT {', '.join(Seen._fields)} FROM risk_decision "  # noqa: S608
        "WHERE seq > ? AND seq <= ? AND (device <> '' OR (address <> '' AND app = '')) "
        "ORDER BY seq",
        (seq, last),
    )
    return SeenPage([Seen(*row) for row in found.fetchall()], int(last), int(size))


def apply_seen(graph: Graph, seen: Seen) -> bool:
    """Join the party's wallet to its device and its address, for who holds the lock for writing.

    What comes through an app comes from the address of the app's server: it says nothing of
    the party. What was refused proves nothing.

    Returns:
        Whether the graph took it; False when the party is not there.
    """
    media = [(DEVICE, seen.device)] if seen.device else []
    if seen.address and not seen.app:
        media.append((ADDRESS, seen.address))
    if not media or seen.kind not in _OWN_KINDS or seen.result != "accepted":
        return True
    if not (seen.party.isascii() and seen.party.isdecimal()):
        return True
    account = ensure_wallet(graph, seen.party, seen.currency or "CNY", seen.at_ms)
    if account is None:
        return False
    for label, text in media:
        _signed_in(graph, medium_id(label, text), label, account, seen.at_ms)
    return True


def _signed_in(graph: Graph, medium: int, label: str, account: int, at_ms: int) -> None:
    if medium not in graph.vertices[VertexKind.MEDIUM]:
        graph.add_vertex(VertexKind.MEDIUM, medium, at_ms, label=label)
    row = graph.vertices[VertexKind.ACCOUNT].row(account)
    before = graph.into(EdgeKindName.SIGN_IN).view().block(row)
    since = int(np.searchsorted(before.times, at_ms - _APART_MS, side="right"))
    until = int(np.searchsorted(before.times, at_ms, side="right"))
    known = graph.vertices[VertexKind.MEDIUM].row(medium)
    if not (before.neighbours[since:until] == known).any():
        graph.add_edge(EdgeKindName.SIGN_IN, medium, account, at_ms)
