"""Whether a wallet's statement is one that its clients' calls can have led to.

The statement gives an order of all that happened to the wallet. It is right if each line's
balance follows from the line before and none is negative; if its lines are exactly the moves
that clients were told of, each once; and if no line stands before one whose call had been
answered before the line's own call was sent.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from tallystick.sandbox.model import Move

__all__ = ["Line", "check_statement"]


class Line(NamedTuple):
    """A line of a statement: minor units, and the balance after it."""

    reference: str
    change: int
    balance: int


def check_statement(
    party_id: str, lines: Sequence[Line], moves: Iterable[Move], *, foreign: Set[str] | None = None
) -> list[str]:
    """What is wrong with a statement, oldest line first; empty when nothing is.

    Args:
        moves: what the wallet gained and lost, as clients were told.
        foreign: references of lines that others may have caused and that no client of ours
            knows; None when every line must be ours.
    """
    wrong: list[str] = []
    told: dict[tuple[str, int], deque[Move]] = defaultdict(deque)
    for move in moves:
        told[move.reference, move.change].append(move)
    balance = lines[0].balance - lines[0].change if lines else 0
    latest_sent_s = 0.0
    for line in lines:
        balance += line.change
        if balance != line.balance or balance < 0:
            wrong.append(f"wallet {party_id}: {line} does not follow from what was before")
        waiting = told[line.reference, line.change]
        if waiting:
            move = waiting.popleft()
            call = move.call
            if move.at_once and 0 < call.answered_s < latest_sent_s:
                wrong.append(f"wallet {party_id}: {call} was answered before, but took effect late")
            latest_sent_s = max(latest_sent_s, call.sent_s)
        elif foreign is None or line.reference not in foreign:
            wrong.append(f"wallet {party_id}: {line} is in the books, but nobody was told of it")
    for missing in told.values():
        wrong += [
            f"wallet {party_id}: {m.change} of {m.reference} is not in the books, told by {m.call}"
            for m in missing
        ]
    return wrong
